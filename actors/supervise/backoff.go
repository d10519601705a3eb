package supervise

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Backoff is how long a failed actor waits before it is restarted: Min, 2 Min, 4 Min ... Max.
// It never gives up. After Calm in good health it starts again at Min.
type Backoff struct {
	Min, Max, Calm time.Duration
	// Jitter shortens each wait by a random part of up to this fraction (0 to 1), so that actors that
	// failed together do not come back together.
	Jitter float64
}

// DefaultBackoff is used where none is given.
var DefaultBackoff = Backoff{Min: 100 * time.Millisecond, Max: 30 * time.Second, Calm: time.Minute, Jitter: 0.25}

// Validate says what is wrong with the numbers.
func (b Backoff) Validate() error {
	switch {
	case b.Min <= 0 || b.Max < b.Min:
		return fmt.Errorf("back-off from %v to %v: must be more than 0 and not fall", b.Min, b.Max)
	case b.Calm <= 0:
		return fmt.Errorf("back-off calm time %v: must be more than 0", b.Calm)
	case !(b.Jitter >= 0 && b.Jitter <= 1):
		return fmt.Errorf("back-off jitter %v: must be 0 to 1", b.Jitter)
	}
	return nil
}

// Delay is the wait before the n-th restart in a row (n counts from 1), without jitter.
func (b Backoff) Delay(n int) time.Duration {
	d := b.Min
	for ; n > 1 && d < b.Max; n-- {
		if d > b.Max/2 {
			return b.Max // also where doubling would overflow
		}
		d *= 2
	}
	return min(d, b.Max)
}

// jittered is Delay with jitter; a nil rng has none.
func (b Backoff) jittered(n int, rng *rand.Rand) time.Duration {
	d := b.Delay(n)
	if rng == nil || b.Jitter == 0 {
		return d
	}
	return d - time.Duration(float64(d)*b.Jitter*rng.Float64())
}
