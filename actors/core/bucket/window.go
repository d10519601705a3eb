package bucket

import (
	"fmt"
	"time"
)

const (
	// growBelow and shrinkAbove are how many times as long as at best the blocks of
	// others may take: below the first those who flood get more, above the second
	// less.
	growBelow   = 3
	shrinkAbove = 5
	// leastOpen: one in so many of the places is always lent. With less, each node
	// elects other blocks of a bucket that is full, and none gets its votes.
	leastOpen = 16
	// bestMinutes is for how long the best time is remembered.
	bestMinutes = 10
	// calmAfter is for how long nobody else need have had a block confirmed for the
	// window to open by itself.
	calmAfter = time.Second
)

// Window is how much of what is left over those may take who want more than
// their share. It watches how long the blocks of the others take: while they are
// served about as fast as at the best of times, it opens; when they have to wait,
// it closes, but for a sixteenth. So a flood gets what the machine and the
// network can do beside the others, whatever that is, and the others notice a
// flood by a small factor at most. Make it with NewWindow.
type Window struct {
	full int // the size when it is open
	size int

	mean   time.Duration              // of the last few
	best   [bestMinutes]time.Duration // of each minute, 0 for none
	minute int64
	since  int       // blocks since the size changed
	seen   time.Time // when the last block of the others was confirmed
	opened time.Time // when it opened by itself last
}

// NewWindow returns an open window.
func NewWindow(full int) *Window { return &Window{full: full, size: full} }

// Note takes in how long a block took of somebody who stays within his share.
func (w *Window) Note(took time.Duration, now time.Time) {
	w.turn(now)
	w.seen = now
	if b := &w.best[w.minute%bestMinutes]; *b == 0 || took < *b {
		*b = max(took, time.Microsecond)
	}
	if w.mean == 0 {
		w.mean = took
	}
	w.mean += (took - w.mean) / 4
	best := w.Best()
	w.since++
	switch {
	case w.mean > shrinkAbove*best && w.since >= 4: // once for what was noted since
		w.size, w.since = max(w.size*3/4, w.full/leastOpen), 0
	case w.mean < growBelow*best:
		w.size, w.since = min(w.size+max(1, w.full/64), w.full), 0
	}
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

// Best returns the shortest time of the last minutes, 0 when there is none.
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
