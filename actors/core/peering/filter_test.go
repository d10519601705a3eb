package peering

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// TestSipHash checks vectors of the reference implementation: key 00..0f, input
// 00, 01, ... of each length.
func TestSipHash(t *testing.T) {
	var key [16]byte
	for i := range key {
		key[i] = byte(i)
	}
	k0, k1 := binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
	for n, want := range map[int]uint64{
		0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 2: 0x0d6c8009d9a94f5a, 3: 0x85676696d7fb7e2d,
		7: 0xab0200f58b01d137, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5,
	} {
		in := make([]byte, n)
		for i := range in {
			in[i] = byte(i)
		}
		if got := siphash(k0, k1, in); got != want {
			t.Errorf("%d bytes: %016x, want %016x", n, got, want)
		}
	}
}

func TestFilterAge(t *testing.T) {
	f := NewFilter([16]byte{1}, 64)
	d := f.Digest(4, []byte("block"))
	for _, c := range []struct {
		after time.Duration
		fresh bool
	}{{0, true}, {0, false}, {59 * time.Second, false}, {60 * time.Second, true}, {61 * time.Second, false}, {119 * time.Second, false}, {120 * time.Second, true}} {
		if got := f.Check(d, start.Add(c.after)); got != c.fresh {
			t.Errorf("after %v: fresh %v, want %v", c.after, got, c.fresh)
		}
	}
	f.Remove(d)
	if !f.Check(d, start.Add(2*time.Minute)) {
		t.Error("removed, and still taken for a repeat")
	}
	if f.Digest(4, []byte("block")) == f.Digest(5, []byte("block")) {
		t.Error("two kinds of message have the same digest")
	}
	if f.Digest(4, []byte("block")) == NewFilter([16]byte{2}, 64).Digest(4, []byte("block")) {
		t.Error("the key does not matter")
	}
}

// TestFilterModel compares with a map that never forgets: what the filter calls
// a repeat is one (no false positives), and it forgets only what was overwritten.
func TestFilterModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const size, messages = 1 << 12, 1 << 14
	f := NewFilter([16]byte{3}, size)
	seen := map[Digest]time.Time{}
	now := start
	repeats, forgotten := 0, 0
	for i := range messages {
		now = now.Add(time.Duration(rng.IntN(int(20 * time.Millisecond))))
		var id [8]byte
		binary.LittleEndian.PutUint64(id[:], uint64(i))
		if rng.IntN(4) == 0 { // a repeat of something in the last 256
			binary.LittleEndian.PutUint64(id[:], uint64(max(0, i-rng.IntN(256))))
		}
		d := f.Digest(0, id[:])
		at, was := seen[d]
		// Both count in whole seconds since the first Check.
		was = was && now.Sub(start)/time.Second-at.Sub(start)/time.Second < 60
		fresh := f.Check(d, now)
		switch {
		case !fresh && !was:
			t.Fatalf("message %d is new and taken for a repeat", i)
		case !fresh:
			repeats++
		case was:
			forgotten++
		}
		if fresh {
			seen[d] = now
		}
	}
	// 256 messages later a slot of 4096 is overwritten with a chance of 6 % at most.
	if repeats < 10*forgotten {
		t.Errorf("%d repeats found and %d forgotten", repeats, forgotten)
	}
}

func TestFilterShared(t *testing.T) {
	f := NewFilter([16]byte{4}, 1<<10)
	var wg sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				if f.Check(f.Digest(1, []byte{byte(i)}), start) {
					mu.Lock()
					fresh++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if fresh < 100 { // more when two share a slot
		t.Errorf("%d of 100 messages passed", fresh)
	}
}

func BenchmarkFilter(b *testing.B) {
	f := NewFilter([16]byte{5}, FilterSize)
	var id [32]byte
	for b.Loop() {
		id[0]++
		f.Check(f.Digest(4, id[:]), start)
	}
}

// TestFilterVariants: another variant than the last one is fresh, and what is taken
// out is taken out whatever the variant.
func TestFilterVariants(t *testing.T) {
	f, start := NewFilter([16]byte{1}, 64), time.Unix(1_700_000_000, 0)
	d := f.Digest(1, []byte("block"))
	bad, good := f.Variant([]byte("bad work")), f.Variant([]byte("good work"))
	if bad == good {
		t.Fatal("variants are not told apart")
	}
	for i, c := range []struct {
		variant uint32
		fresh   bool
	}{{bad, true}, {bad, false}, {good, true}, {good, false}, {bad, true}} {
		if got := f.CheckVariant(d, c.variant, start); got != c.fresh {
			t.Errorf("step %d: fresh %v", i, got)
		}
	}
	f.Remove(d)
	if !f.CheckVariant(d, bad, start) {
		t.Error("taken out, and still taken for a repeat")
	}
}
