package bucket

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestWindow closes while others wait, opens when they do not, and when there
// are none.
func TestWindow(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	w := NewWindow(252)
	note := func(n int, took time.Duration) {
		for range n {
			now = now.Add(10 * time.Millisecond)
			w.Note(took, now)
		}
	}
	note(20, 6*time.Millisecond)
	if w.Size() != 252 || w.Open() != 1000 {
		t.Fatalf("closed in quiet: %v", w)
	}
	note(100, 60*time.Millisecond)
	if w.Size() != 15 || w.Open() != 59 { // a sixteenth
		t.Errorf("open while others wait: %v", w)
	}
	note(20, 25*time.Millisecond) // neither good nor bad
	if w.Size() != 15 {
		t.Errorf("moved without a reason: %v", w)
	}
	note(100, 7*time.Millisecond)
	if w.Size() != 252 {
		t.Errorf("closed while all is well: %v", w)
	}
	note(100, 60*time.Millisecond)
	for range 20 {
		now = now.Add(time.Second)
		w.Tick(now)
	}
	if w.Size() != 252 {
		t.Errorf("closed though there is nobody else: %v", w)
	}
	now = now.Add(time.Hour)
	note(20, 60*time.Millisecond)
	if w.Size() != 252 || w.Best() != 60*time.Millisecond {
		t.Errorf("the best of an hour ago counts: %v", w)
	}
}

// TestWindowBounds: whatever comes, it stays within its bounds and remembers the
// best of the last minutes.
func TestWindowBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type noted struct {
			minute int64
			took   time.Duration
		}
		var all []noted
		now := time.Unix(1_000_000, 0)
		w := NewWindow(rapid.IntRange(0, 300).Draw(t, "full"))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "seconds")) * time.Second)
			if rapid.Bool().Draw(t, "tick") {
				w.Tick(now)
			} else {
				took := time.Duration(rapid.IntRange(1, 1000).Draw(t, "took")) * time.Millisecond
				w.Note(took, now)
				all = append(all, noted{now.Unix() / 60, took})
			}
			var best time.Duration
			for _, n := range all {
				if now.Unix()/60-n.minute < bestMinutes && (best == 0 || n.took < best) {
					best = n.took
				}
			}
			if w.Best() != best || w.Size() < 0 || w.Size() > w.full || w.Open() < 1 || w.Open() > 1000 {
				t.Fatalf("%v, open %d; want the best to be %v", w, w.Open(), best)
			}
		}
	})
}
