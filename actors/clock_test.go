package actors

import (
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
)

// TestPace follows the beats of a node that comes to rest, gets a block, and
// comes to rest again.
func TestPace(t *testing.T) {
	b := newBoard()
	c := &clock{board: b, active: time.Unix(1000, 0)}
	now := c.active
	// until beats until the pace is as wanted and returns how long that took.
	until := func(want time.Duration, most time.Duration) time.Duration {
		t.Helper()
		began := now
		for {
			heard := c.beat
			in := c.pace(now)
			if in == want {
				if want == slow && heard%uint64(slow/pulse) != 0 {
					t.Fatalf("beat %d slows down, which not all hear", heard)
				}
				return now.Sub(began)
			}
			if now = now.Add(in); now.Sub(began) > most {
				t.Fatalf("the pace is not %v after %v", want, most)
			}
		}
	}
	for range 1000 { // without peers it looks for some
		if in := c.pace(now); in != pulse {
			t.Fatalf("a node without peers beats after %v", in)
		}
		now = now.Add(pulse)
	}
	b.bootstrap.Store(&bootstrap.Stats{Phase: "resting"})
	if took := until(slow, 2*quietAfter); took < quietAfter-slow {
		t.Errorf("slow after %v", took)
	}
	for name, event := range map[string]func(on bool){
		"a confirmation": func(on bool) {
			if on {
				b.confirmed(b.sequence + 1)
			}
		},
		"an unconfirmed block": func(on bool) {
			b.unconfirmed.Store(map[bool]uint64{true: 1}[on])
		},
		"a new peer": func(on bool) {
			if on {
				b.peers.Store(&[]peerView{{}})
			}
		},
	} {
		event(true)
		if took := until(pulse, 2*slow); took > slow {
			t.Errorf("%s: quick after %v", name, took)
		}
		event(false)
		if took := until(slow, 2*quietAfter); took < quietAfter-slow {
			t.Errorf("%s: slow after %v", name, took)
		}
	}
}

// TestStir: news wake a clock that beats slowly, once.
func TestStir(t *testing.T) {
	b := newBoard()
	b.stir() // nobody to wake
	woken := 0
	b.onStir(func() { woken++ })
	b.stir()
	if woken != 0 {
		t.Error("a clock that does not rest is woken")
	}
	for range 2 {
		b.resting.Store(true)
		b.stir()
		b.stir()
	}
	if woken != 2 {
		t.Errorf("woken %d times in two rests", woken)
	}
}
