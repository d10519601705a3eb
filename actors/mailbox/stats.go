package mailbox

import "time"

// Stats is a consistent snapshot of one mailbox. Counters run from its creation and
// count user and control messages unless they say otherwise.
//
// Posted = Handled + Failed + Refused + Dropped + Depth + ControlDepth, plus the
// one in hand while Busy or in a handler.
type Stats struct {
	Posted  uint64 // offered, the refused ones included; the pill is not counted
	Handled uint64 // the handler returned
	Failed  uint64 // the handler panicked
	Refused uint64 // never queued, or still queued when the actor stopped
	Dropped uint64 // queued, then pushed out by a newer message

	System uint64 // system messages handled
	Panics uint64 // all panics, those in lifecycle and system messages included

	Capacity     int // of the user lane
	Depth        int // user messages queued
	HighWater    int // largest Depth so far
	ControlDepth int // control messages queued
	Sources      int // sources with messages queued, in a fair queue
	Waiters      int // goroutines parked in PostWait

	Suspended bool // failed, waiting for its supervisor
	Closed    bool // stopping or stopped

	Oldest time.Duration // age of the oldest queued message
	Busy   time.Duration // how long the message in hand has been in its handler
	P50    time.Duration // handling time, upper bound of its power of two
	P99    time.Duration
}
