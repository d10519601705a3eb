package supervise

import "time"

// Clock is where actors and their supervisor get time from.
type Clock interface {
	// Now is the current time.
	Now() time.Time
	// AfterFunc calls f once, d from now, and not at all if stop returns true before.
	// f must be short: it usually sends a message.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// elapsed measures from now on. Two or three times per message, so for the real clock it
// reads the monotonic half only, which takes half as long.
func elapsed(c Clock) func() time.Duration {
	base := c.Now()
	if _, real := c.(RealClock); real {
		return func() time.Duration { return time.Since(base) }
	}
	return func() time.Duration { return c.Now().Sub(base) }
}

// RealClock is the machine's clock.
type RealClock struct{}

// Now is time.Now.
func (RealClock) Now() time.Time { return time.Now() }

// AfterFunc is time.AfterFunc: f runs on a goroutine of its own.
func (RealClock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
