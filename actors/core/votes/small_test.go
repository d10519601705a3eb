package votes

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

func root(n int) lattice.QualifiedRoot {
	return lattice.QualifiedRoot{Account: rep(n), Previous: hash(n)}
}

// TestRecentAgainstList compares with a list that is searched every time.
func TestRecentAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 6).Draw(t, "most")
		r := NewRecent[int](most)
		type place struct {
			key  int
			gone bool
		}
		var list []place // the newest most places; a removed key leaves a gap
		at := func(key int) int {
			return slices.IndexFunc(list, func(p place) bool { return p.key == key && !p.gone })
		}
		key := rapid.IntRange(0, 9)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				k := key.Draw(t, "key")
				isNew := at(k) < 0
				if isNew {
					list = append(list, place{key: k})
					list = list[max(0, len(list)-most):]
				}
				if got := r.Add(k); got != isNew {
					t.Fatalf("add %d: %v", k, got)
				}
			},
			"remove": func(t *rapid.T) {
				k := key.Draw(t, "key")
				i := at(k)
				if got := r.Remove(k); got != (i >= 0) {
					t.Fatalf("remove %d: %v", k, got)
				}
				if i >= 0 {
					list[i].gone = true
				}
			},
			"": func(t *rapid.T) {
				n := 0
				for k := range 10 {
					if r.Has(k) != (at(k) >= 0) {
						t.Fatalf("has %d: %v", k, r.Has(k))
					}
					if at(k) >= 0 {
						n++
					}
				}
				if r.Len() != n || len(r.ring) > most {
					t.Fatalf("%d of %d, want %d", r.Len(), len(r.ring), n)
				}
			},
		})
	})
}

func TestIDOf(t *testing.T) {
	key := crypto.NewPrivateKey(crypto.Seed{1})
	a := lattice.Vote{Timestamp: 5, Hashes: []lattice.Hash{hash(1)}}
	a.Sign(lattice.DevID, key)
	b := a
	b.Signature[0]++ // another signature, the same words
	if IDOf(&a, lattice.DevID) != IDOf(&b, lattice.DevID) {
		t.Error("the same words have two names")
	}
	b.Timestamp++
	c := a
	c.Representative[0]++
	if IDOf(&a, lattice.DevID) == IDOf(&b, lattice.DevID) || IDOf(&a, lattice.DevID) == IDOf(&c, lattice.DevID) ||
		IDOf(&a, lattice.DevID) == IDOf(&a, lattice.BetaID) {
		t.Error("different words have one name")
	}
}

func TestSpacing(t *testing.T) {
	const wait = 15 * time.Second
	s := NewSpacing(wait, 3)
	s.Voted(root(1), hash(1), start)
	for _, c := range []struct {
		after time.Duration
		root  int
		hash  int
		want  bool
	}{
		{0, 1, 1, true}, // a repeat
		{0, 2, 2, true}, // another root
		{0, 1, 2, false},
		{wait - 1, 1, 2, false},
		{wait, 1, 2, true},
	} {
		now := start.Add(c.after)
		if got := s.Allow(root(c.root), hash(c.hash), now); got != c.want {
			t.Errorf("after %v, block %d of root %d: %v", c.after, c.hash, c.root, got)
		}
	}
	if got := s.Earliest(root(1), hash(2), start.Add(time.Second)); !got.Equal(start.Add(wait)) {
		t.Errorf("earliest %v", got)
	}
	s.Voted(root(1), hash(1), start.Add(10*time.Second)) // a repeat starts the wait anew
	if s.Allow(root(1), hash(2), start.Add(wait)) {
		t.Error("the wait is from the last vote")
	}
	for n := 2; n <= 5; n++ {
		s.Voted(root(n), hash(n), start.Add(20*time.Second))
	}
	if s.Len() != 3 || !s.Allow(root(1), hash(2), start.Add(20*time.Second)) || s.Allow(root(5), hash(2), start.Add(20*time.Second)) {
		t.Errorf("%d roots; the oldest should be forgotten", s.Len())
	}
	s.Tick(start.Add(30 * time.Second))
	if s.Len() != 3 {
		t.Errorf("forgot too early: %d", s.Len())
	}
	s.Tick(start.Add(35 * time.Second))
	if s.Len() != 0 {
		t.Errorf("%d roots after their wait", s.Len())
	}
}

// TestBundle tells a story: what goes when.
func TestBundle(t *testing.T) {
	b := NewBundle(100 * time.Millisecond)
	var said []string
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	due := func(ms int) {
		for _, batch := range b.Due(at(ms)) {
			said = append(said, fmt.Sprintf("%d %v", ms, batch))
		}
	}
	b.Add(hash(1), false)
	due(0) // the first at once
	b.Add(hash(2), false)
	b.Add(hash(2), false)
	b.Add(hash(3), false)
	b.Add(hash(9), true)
	due(10) // final apart, and at once
	if next, ok := b.Next(); !ok || !next.Equal(at(100)) {
		t.Errorf("next %v, %v", next, ok)
	}
	due(99)
	due(100)
	due(150)
	b.Add(hash(4), false)
	due(199)
	due(200)
	b.Add(hash(5), false)
	due(400)
	if _, ok := b.Next(); ok || b.Len() != 0 {
		t.Error("something waits")
	}
	want := []string{
		"0 normal 01000001", "10 final 09000001", "100 normal 02000001 03000001", "200 normal 04000001", "400 normal 05000001",
	}
	if !slices.Equal(said, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
}

// TestBundleLaws: every hash that was taken goes out once, in order, in votes of
// the right size; small votes keep the window, and nothing waits that need not.
func TestBundleLaws(t *testing.T) {
	const window = 100 * time.Millisecond
	rapid.Check(t, func(t *rapid.T) {
		b := NewBundle(window)
		now, n := start, 0
		waiting := map[bool][]lattice.Hash{}
		last, small := map[bool]time.Time{}, map[bool]time.Time{} // votes; votes that were not full
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				final := rapid.Bool().Draw(t, "final")
				for range rapid.SampledFrom([]int{1, 1, 3, 300, MaxBundle}).Draw(t, "count") {
					n++
					ok := b.Add(hash(n), final)
					if ok != (len(waiting[final]) < MaxBundle) {
						t.Fatalf("taken %v with %d waiting", ok, len(waiting[final]))
					}
					if !ok {
						break
					}
					waiting[final] = append(waiting[final], hash(n))
				}
			},
			"due": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "ms")) * time.Millisecond)
				next, waits := b.Next()
				batches := b.Due(now)
				if (len(batches) > 0) != (waits && !next.After(now)) {
					t.Fatalf("%d batches at %v, next was %v %v", len(batches), now, next, waits)
				}
				for _, v := range batches {
					size := len(v.Hashes)
					if size == 0 || size > lattice.MaxVoteHashes {
						t.Fatalf("vote with %d hashes", size)
					}
					if size < lattice.MaxVoteHashes {
						if now.Sub(small[v.Final]) < window {
							t.Fatalf("two small votes within %v", now.Sub(small[v.Final]))
						}
						small[v.Final] = now
					}
					last[v.Final] = now
					if !slices.Equal(v.Hashes, waiting[v.Final][:size]) {
						t.Fatal("not those that waited longest")
					}
					waiting[v.Final] = waiting[v.Final][size:]
				}
				for _, final := range []bool{false, true} {
					if len(waiting[final]) > 0 && now.Sub(last[final]) >= window {
						t.Fatalf("the last vote was %v ago and %d wait", now.Sub(last[final]), len(waiting[final]))
					}
				}
			},
			"": func(t *rapid.T) {
				if b.Len() != len(waiting[false])+len(waiting[true]) {
					t.Fatalf("%d wait", b.Len())
				}
			},
		})
	})
}

// TestBundleClock: a clock that is set back holds nothing up for longer than the
// window.
func TestBundleClock(t *testing.T) {
	b := NewBundle(100 * time.Millisecond)
	b.Add(hash(1), false)
	b.Due(start)
	b.Add(hash(2), false)
	if got := b.Due(start.Add(-time.Hour)); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		reps       int
		most, want time.Duration
	}{
		{0, 100 * time.Millisecond, MinBundleWindow},
		{10, 100 * time.Millisecond, 15 * time.Millisecond},
		{1000, 100 * time.Millisecond, 100 * time.Millisecond},
		{1 << 30, 250 * time.Millisecond, 250 * time.Millisecond},
		{10, 0, MinBundleWindow},
	} {
		if got := Window(c.reps, c.most); got != c.want {
			t.Errorf("%d representatives, at most %v: %v, want %v", c.reps, c.most, got, c.want)
		}
	}
}

func TestNoRoom(t *testing.T) {
	for name, f := range map[string]func(){
		"recent":  func() { NewRecent[int](0) },
		"cache":   func() { NewCache(0) },
		"spacing": func() { NewSpacing(time.Second, 0) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "votes:") {
					t.Errorf("%s: panic %q", name, got)
				}
			}()
			f()
		}()
	}
}
