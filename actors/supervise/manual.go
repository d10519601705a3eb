package supervise

import (
	"container/heap"
	"sync"
	"time"
)

// Manual is a clock that stands still until it is moved: for tests and simulations. Timers fire
// in order of (time, order of creation), on the goroutine that moves it and without a
// lock, so they may plan and stop timers. Safe for concurrent use, but only one
// goroutine should move it.
type Manual struct {
	mu     sync.Mutex
	now    time.Time
	made   uint64
	timers timerHeap
}

// NewManual makes a clock that shows start.
func NewManual(start time.Time) *Manual { return &Manual{now: start} }

// Now is the time it was moved to.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// AfterFunc plans a timer. A d of zero or less fires at the next move, not at once.
func (m *Manual) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	t := &timer{at: m.now.Add(max(0, d)), made: m.made, f: f}
	heap.Push(&m.timers, t)
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		if t.place < 0 {
			return false
		}
		heap.Remove(&m.timers, t.place)
		return true
	}
}

// Next is the time of the earliest timer; false if there is none.
func (m *Manual) Next() (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.timers) == 0 {
		return time.Time{}, false
	}
	return m.timers[0].at, true
}

// Step moves to the earliest timer and fires it; false if there is none.
func (m *Manual) Step() bool { return m.fire(nil) }

// Advance moves by d and fires all that is due on the way, also timers planned on the way.
func (m *Manual) Advance(d time.Duration) {
	end := m.Now().Add(d)
	for m.fire(&end) {
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = end
}

// fire runs the earliest timer that is not after end.
func (m *Manual) fire(end *time.Time) bool {
	m.mu.Lock()
	if len(m.timers) == 0 || end != nil && m.timers[0].at.After(*end) {
		m.mu.Unlock()
		return false
	}
	t := heap.Pop(&m.timers).(*timer)
	m.now = t.at
	m.mu.Unlock()
	t.f()
	return true
}

type timer struct {
	at    time.Time
	made  uint64
	f     func()
	place int // in the heap, -1 when not in it
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].made < h[j].made
	}
	return h[i].at.Before(h[j].at)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.place = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.place = -1
	return t
}
