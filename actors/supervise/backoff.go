package supervise

import "time"

// Backoff is how long a failed actor waits before it is restarted: Min, 2 Min, 4 Min ... Max.
// It never gives up. After Calm without a failure it starts again at Min.
type Backoff struct {
	Min, Max, Calm time.Duration
	// Jitter shortens each wait by a random part of up to this fraction (0 to 1), so that actors that
	// failed together do not come back together.
	Jitter float64
}

// DefaultBackoff is used where none is given.
var DefaultBackoff = Backoff{Min: 100 * time.Millisecond, Max: 30 * time.Second, Calm: time.Minute, Jitter: 0.25}

// Delay is the wait before the n-th restart in a row (n counts from 1), without jitter.
func (b Backoff) Delay(n int) time.Duration { panic("supervise: todo") }
