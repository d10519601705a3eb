package bucket

import (
	"slices"
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
	if w.Size() != 3 || w.Open() != 11 { // one in leastOpen
		t.Errorf("open while others wait: %v", w)
	}
	note(20, 11*time.Millisecond) // neither good nor bad
	if w.Size() != 3 {
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

// TestWindowOutliers: single blocks that took no time are nothing to compare with.
func TestWindowOutliers(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	w := NewWindow(252)
	for i := range 400 {
		now = now.Add(10 * time.Millisecond)
		took := 12 * time.Millisecond
		if i%6 == 0 {
			took = 0
		}
		w.Note(took, now)
	}
	if w.Size() != 252 || w.Best() != 12*time.Millisecond {
		t.Errorf("closed by blocks that were very fast: %v", w)
	}
}

// TestWindowRests: what nobody borrows while others are served closes for the most
// part; where nobody else is, it stays open.
func TestWindowRests(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	w := NewWindow(252)
	step := func(n, borrowed int, others bool) {
		for range n {
			now = now.Add(20 * time.Millisecond)
			if others {
				w.Note(10*time.Millisecond, now)
			}
			w.Borrowed(borrowed, now)
		}
	}
	step(500, 0, false)
	if w.Size() != 252 {
		t.Errorf("closed with nobody there: %v", w)
	}
	step(500, 3, true)
	if w.Size() != 252 {
		t.Errorf("closed while it was used: %v", w)
	}
	step(50, 0, true)
	if w.Size() != 252 {
		t.Errorf("closed after a second: %v", w)
	}
	step(200, 0, true)
	if w.Size() != 252/restPart {
		t.Errorf("did not close: %v", w)
	}
	step(100, 20, true)
	if w.Size() != 252 {
		t.Errorf("did not open again: %v", w)
	}
}

// TestWindowBounds: whatever comes, it stays within its bounds and remembers the
// best of the last minutes.
func TestWindowBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type noted struct {
			minute int64
			good   time.Duration
		}
		var took []time.Duration
		var all []noted
		now := time.Unix(1_000_000, 0)
		w := NewWindow(rapid.IntRange(0, 300).Draw(t, "full"))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "seconds")) * time.Second)
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				w.Tick(now)
			case 1:
				w.Borrowed(rapid.IntRange(0, 2).Draw(t, "borrowed"), now)
			default:
				took = append(took, time.Duration(rapid.IntRange(0, 1000).Draw(t, "took"))*time.Millisecond)
				w.Note(took[len(took)-1], now)
				recent := slices.Clone(took[max(0, len(took)-lastTimes):])
				slices.Sort(recent)
				if len(recent) >= enoughTimes {
					all = append(all, noted{now.Unix() / 60, max(recent[(len(recent)-1)/4], leastBest)})
				}
			}
			var best time.Duration
			for _, n := range all {
				if now.Unix()/60-n.minute < bestMinutes && (best == 0 || n.good < best) {
					best = n.good
				}
			}
			if len(took) > 0 && w.minute == now.Unix()/60 && w.Best() != best || w.Size() < 0 || w.Size() > w.full || w.Open() < 1 || w.Open() > 1000 {
				t.Fatalf("%v, open %d; want the best to be %v", w, w.Open(), best)
			}
		}
	})
}
