package bucket

import (
	"fmt"
	"slices"
	"time"
)

// Pauses between two portions of crowded blocks: long enough for the flood to
// take admitShare of the time at most, within these bounds.
const (
	admitShare    = 4
	minAdmitPause = time.Millisecond
	maxAdmitPause = 250 * time.Millisecond
)

// AdmitPause returns how long crowded blocks wait after a portion of them took
// this long to process, while the Window is open so many thousandths. A slow or
// busy machine admits fewer of them, an idle one more, and what nobody floods
// finds three quarters of the time free.
func AdmitPause(took time.Duration, open int) time.Duration {
	pause := max((admitShare-1)*took, minAdmitPause)
	if pause >= maxAdmitPause {
		return maxAdmitPause
	}
	return min(pause*1000/time.Duration(max(1, open)), maxAdmitPause)
}

// Crowd is how full the buckets are: what decides whether a new block goes at
// once or waits for its turn.
type Crowd struct {
	// Unconfirmed is how many unconfirmed blocks of each bucket the ledger holds,
	// Share how many of each may be there at any time: a bucket that has as many is
	// crowded.
	Unconfirmed [Count]int
	Share       int
	// Next is, of each bucket, when the account was used whose block is the next to
	// get an election, or when none waits, is the last that got one; zero for none.
	Next [Count]time.Time
}

// Admits reports whether a block goes at once: its bucket is not crowded, or the
// block would have its turn before all that wait there.
func (c *Crowd) Admits(b int, used time.Time) bool {
	return c.Unconfirmed[b] < c.Share || used.Before(c.Next[b])
}

// Any reports whether a bucket is crowded.
func (c *Crowd) Any() bool {
	for _, n := range c.Unconfirmed {
		if n >= c.Share {
			return true
		}
	}
	return false
}

// Admission holds new blocks of crowded buckets back before anything that is
// costly is done about them. They leave in the order in which they would get
// their elections: the buckets in turn, inside a bucket the least recently used
// account first, the blocks of one account as they came. When there are too
// many, the most recently used of the fullest bucket goes. Make it with
// NewAdmission.
type Admission[T any] struct {
	most    int
	len     int
	arrived uint64
	turn    int
	held    [Count][]held[T] // in the order of leaving
}

type held[T any] struct {
	used    time.Time
	arrived uint64
	item    T
}

func (h *held[T]) compare(other *held[T]) int {
	if c := h.used.Compare(other.used); c != 0 {
		return c
	}
	if h.arrived < other.arrived {
		return -1
	}
	return 1 // no two arrive at once
}

// NewAdmission returns an empty one that holds at most most blocks.
func NewAdmission[T any](most int) *Admission[T] {
	if most < 1 || most > maxConfigured {
		panic("bucket: NewAdmission: bound out of range")
	}
	return &Admission[T]{most: most}
}

// Put holds a block back: its bucket, and when its account was used before. When
// that is one too many, the one that had to go is returned, which may be the new
// one.
func (a *Admission[T]) Put(b int, used time.Time, item T) (dropped T, full bool) {
	a.arrived++
	h := held[T]{used, a.arrived, item}
	at, _ := slices.BinarySearchFunc(a.held[b], &h, func(x held[T], h *held[T]) int { return x.compare(h) })
	a.held[b] = slices.Insert(a.held[b], at, h)
	if a.len++; a.len <= a.most {
		return dropped, false
	}
	fullest := 0
	for i := range a.held {
		if len(a.held[i]) > len(a.held[fullest]) {
			fullest = i
		}
	}
	last := len(a.held[fullest]) - 1
	dropped = a.held[fullest][last].item
	a.held[fullest] = slices.Delete(a.held[fullest], last, last+1)
	a.len--
	return dropped, true
}

// Take removes and returns at most n blocks whose turn it is.
func (a *Admission[T]) Take(n int) []T {
	var out []T
	for ; a.len > 0 && len(out) < n; a.turn = (a.turn + 1) % Count {
		if in := &a.held[a.turn]; len(*in) > 0 {
			out = append(out, (*in)[0].item)
			*in = slices.Delete(*in, 0, 1)
			a.len--
		}
	}
	return out
}

// Len returns how many blocks are held back.
func (a *Admission[T]) Len() int { return a.len }

// String shows how many of each bucket are held back.
func (a *Admission[T]) String() string {
	out := fmt.Sprintf("%d of %d held back:", a.len, a.most)
	for b := range a.held {
		if len(a.held[b]) > 0 {
			out += fmt.Sprintf(" %d:%d", b, len(a.held[b]))
		}
	}
	return out
}
