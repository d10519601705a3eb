package mailbox

import (
	"math/bits"
	"time"
)

// Stats is a consistent snapshot of one mailbox. Counters run from its creation and
// count user and control messages unless they say otherwise.
//
// Posted = Handled + Failed + Refused + Dropped + Depth + ControlDepth + the one in
// hand, if it is a user or control message. Goroutines in PostWait are counted when
// their wait is over.
type Stats struct {
	Posted  uint64 // offered, the refused ones included; the pill is not counted
	Handled uint64 // the handler returned
	Failed  uint64 // the handler panicked
	Refused uint64 // never queued, or still queued when the actor stopped
	Dropped uint64 // queued, then pushed out by a newer message

	System uint64 // system messages taken
	Panics uint64 // all panics, those in lifecycle messages and in Refused included

	Capacity     int // of the user lane
	Depth        int // user messages queued
	HighWater    int // largest Depth so far
	ControlDepth int // control messages queued
	Sources      int // sources with messages queued, in a fair queue
	Waiters      int // goroutines parked in PostWait

	Suspended bool // failed, waiting for its supervisor
	Closed    bool // stopping or stopped
	InHand    bool // a handler is running

	Oldest time.Duration // age of the oldest queued message
	Busy   time.Duration // how long the handler has been running: large means stuck
	P50    time.Duration // handling time of user and control messages, upper bound of its power of two
	P99    time.Duration
}

// counters is the part of Stats that is counted as it happens. Guarded by the mailbox's lock.
type counters struct {
	posted, user, fails, refused, dropped uint64
	system, panics                        uint64
	highWater                             int
	times                                 histogram
}

// handled counts a message whose handler returned, in the time from since to now.
func (c *counters) handled(l lane, now, since int64) {
	switch l {
	case systemLane:
		c.system++
	case userLane, controlLane:
		c.user++
		c.times.add(now - since)
	case pillLane, noLane: // the pill is not a message of the senders
	}
}

// failed counts a message whose handler panicked.
func (c *counters) failed(l lane) {
	c.panics++
	switch l {
	case systemLane:
		c.system++
	case userLane, controlLane:
		c.fails++
	case pillLane, noLane:
	}
}

// Stats takes a snapshot. It copies a few hundred bytes under the mailbox's lock; a fair
// queue also looks at one message per source.
func (m *Mailbox) Stats() Stats {
	now := m.clock()
	m.mu.Lock()
	c := m.count
	s := Stats{
		Capacity: m.capacity, Depth: m.user.len(), ControlDepth: m.control.n, Sources: m.user.sources(),
		Waiters: m.waiting.n, Suspended: m.suspended, Closed: m.closed, InHand: m.inHand,
	}
	oldest := now
	if at, ok := m.user.oldest(); ok {
		oldest = min(oldest, at)
	}
	if at, ok := m.control.oldest(); ok {
		oldest = min(oldest, at)
	}
	if m.inHand {
		s.Busy = time.Duration(max(0, now-m.since))
	}
	m.mu.Unlock()

	s.Oldest = time.Duration(now - oldest)
	s.Posted, s.Handled, s.Failed, s.Refused, s.Dropped = c.posted, c.user, c.fails, c.refused, c.dropped
	s.System, s.Panics, s.HighWater = c.system, c.panics, c.highWater
	if m.elapsed != nil {
		s.P50, s.P99 = c.times.quantile(50), c.times.quantile(99)
	}
	return s
}

// Empty reports whether no message of users waits, and never more did than may. It is a
// part of Stats, for who asks often.
func (m *Mailbox) Empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.user.len() == 0 && m.count.highWater <= m.capacity
}

// histogram counts durations by power of two: bucket i holds those below 256 ns << i,
// the last one everything from 9 minutes up.
type histogram [32]uint64

const histogramUnit = 8 // bits: 256 ns

func (h *histogram) add(ns int64) {
	h[min(bits.Len64(uint64(max(0, ns))>>histogramUnit), len(h)-1)]++
}

// quantile is the upper bound of the bucket in which the given percentage is reached; zero
// if nothing was counted.
func (h *histogram) quantile(percent uint64) time.Duration {
	var total, seen uint64
	for _, n := range h {
		total += n
	}
	if total == 0 {
		return 0
	}
	rank := max(1, (total*percent+99)/100)
	for i, n := range h {
		if seen += n; seen >= rank {
			return time.Duration(int64(1) << (i + histogramUnit))
		}
	}
	panic("mailbox: histogram lost a count")
}
