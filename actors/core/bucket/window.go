package bucket

import (
	"fmt"
	"slices"
	"time"
)

const (
	// growBelow and shrinkAbove are how long the blocks of others may take, in quarters
	// of what they take at good times: below the first those who flood get more, above
	// the second less. What is promised is three times at the 99th percentile; that of
	// a few slow ones among many rises faster than the mean.
	growBelow   = 6
	shrinkAbove = 9
	// leastOpen: one in so many of the places is always lent, so that a bucket that is
	// full goes on.
	leastOpen = 64
	// bestMinutes is for how long the best time is remembered.
	bestMinutes = 10
	// lastTimes is of how many blocks a quarter must have been so fast that it counts
	// as good: single ones take no time at all, when the votes came before the block,
	// and nothing compares with those.
	lastTimes = 32
	// enoughTimes is how many times must be known before anything is done about them.
	enoughTimes = 16
	// leastBest is what nobody needs to be faster than.
	leastBest = 4 * time.Millisecond
	// calmAfter is for how long nobody else need have had a block confirmed for the
	// window to open by itself.
	calmAfter = time.Second
	// restAfter is how long nothing need have been borrowed for the window to go back
	// to one part in restPart while others are there. A flood that begins finds it so:
	// the others would notice its first moments before there is anything to learn from.
	restAfter = 2 * time.Second
	restPart  = 8
)

// Window is how much of what is left over those may take who want more than
// their share. It watches how long the blocks of the others take: while they are
// served about as fast as at the best of times, it opens; when they have to wait,
// it closes, but for one place in leastOpen. So a flood gets what the machine and the
// network can do beside the others, whatever that is, and the others notice a
// flood by a small factor at most. Make it with NewWindow.
type Window struct {
	full int // the size when it is open
	size int

	mean   time.Duration              // of the last few
	last   []time.Duration            // the last times, at most lastTimes, oldest first
	best   [bestMinutes]time.Duration // of each minute, 0 for none
	minute int64
	since  int       // blocks since the size changed
	seen   time.Time // when the last block of the others was confirmed
	opened time.Time // when it opened by itself last
	used   time.Time // when something was last borrowed
}

// NewWindow returns an open window.
func NewWindow(full int) *Window { return &Window{full: full, size: full} }

// Note takes in how long a block took of somebody who stays within his share.
func (w *Window) Note(took time.Duration, now time.Time) {
	w.turn(now)
	w.seen = now
	if len(w.last) == lastTimes {
		w.last = slices.Delete(w.last, 0, 1)
	}
	w.last = append(w.last, took)
	if w.mean == 0 {
		w.mean = took
	}
	w.mean += (took - w.mean) / 4
	if len(w.last) < enoughTimes {
		return
	}
	if b, good := &w.best[w.minute%bestMinutes], max(lowerQuarter(w.last), leastBest); *b == 0 || good < *b {
		*b = good
	}
	best := w.Best()
	w.since++
	switch {
	case 4*w.mean > shrinkAbove*best && w.since >= 4: // once for what was noted since
		w.size, w.since = max(w.size*3/4, w.full/leastOpen), 0
	case 4*w.mean < growBelow*best:
		w.size, w.since = min(w.size+max(1, w.full/64), w.full), 0
	}
}

// lowerQuarter returns the time that a quarter of all did not exceed.
func lowerQuarter(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)/4]
}

// Tick opens the window a little when there is nobody to be disturbed.
func (w *Window) Tick(now time.Time) {
	w.turn(now)
	if quiet := now.Sub(w.seen); quiet >= 0 && quiet < calmAfter || now.Equal(w.opened) {
		return
	}
	w.opened = now
	w.size = min(w.size+max(1, w.full/8), w.full)
}

// Borrowed notes how much of the window is in use. What nobody uses while others
// are served closes for the most part, and opens again with what they notice.
func (w *Window) Borrowed(n int, now time.Time) {
	if n > 0 || now.Before(w.used) { // or the clock was set back
		w.used = now
		return
	}
	if quiet := now.Sub(w.seen); quiet < calmAfter && now.Sub(w.used) >= restAfter {
		w.size = min(w.size, w.full/restPart)
	}
}

// turn forgets the minutes that are too long ago.
func (w *Window) turn(now time.Time) {
	minute := max(0, now.Unix()/60)
	if passed := minute - w.minute; passed < 0 || passed >= bestMinutes { // or the clock was set back
		w.best = [bestMinutes]time.Duration{}
	} else {
		for m := w.minute + 1; m <= minute; m++ {
			w.best[m%bestMinutes] = 0
		}
	}
	w.minute = minute
}

// Best returns how long blocks took at the best of times of the last minutes, 0
// when there were none.
func (w *Window) Best() (best time.Duration) {
	for _, b := range w.best {
		if b > 0 && (best == 0 || b < best) {
			best = b
		}
	}
	return best
}

// Size returns how much may be taken beyond the shares.
func (w *Window) Size() int { return w.size }

// Open returns the size in thousandths of what it is at most, at least 1.
func (w *Window) Open() int { return max(1, w.size*1000/max(1, w.full)) }

// String shows the size and why.
func (w *Window) String() string {
	return fmt.Sprintf("%d of %d, others take %v, at best %v", w.size, w.full, w.mean, w.Best())
}
