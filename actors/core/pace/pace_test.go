package pace

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Unix(1_700_000_000, 0)

// TestPauseFollowsRate: at an even rate the pause comes to be the rate times each,
// however the items are grouped, and is gone after a second of nothing.
func TestPauseFollowsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(10, 5000).Draw(t, "rate")
		group := rapid.IntRange(1, max(1, rate/20)).Draw(t, "group")
		p := New(10*time.Microsecond, time.Hour)
		now := start
		for range 10 * rate / group {
			p.Done(group, now)
			now = now.Add(time.Second * time.Duration(group) / time.Duration(rate))
		}
		want := time.Duration(rate) * 10 * time.Microsecond
		if got := p.Pause(); got < want*9/10 || got > want*11/10 {
			t.Errorf("at %d a second in groups of %d: pause %v, want about %v", rate, group, got, want)
		}
		if next := p.Done(0, now.Add(2*time.Second)); next.Sub(now) != 2*time.Second {
			t.Errorf("after two seconds of nothing: pause %v", p.Pause())
		}
	})
}

// TestPauseIsBounded: no input makes the pause negative or longer than the bound,
// nor something due that waits longer than that.
func TestPauseIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 50 * time.Millisecond
		p, now := New(time.Millisecond, most), start
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(int64(-time.Minute), int64(time.Minute)).Draw(t, "after")))
			next := p.Done(rapid.IntRange(0, 10_000).Draw(t, "items"), now)
			if pause := next.Sub(now); pause < 0 || pause > most || pause != p.Pause() {
				t.Fatalf("pause %v", pause)
			}
			if !p.Due(next, next) || p.Due(next, next.Add(-most-1)) != true || next.After(now) && p.Due(next, now) {
				t.Fatalf("due at the wrong time: %v after %v", next, now)
			}
		}
	})
}
