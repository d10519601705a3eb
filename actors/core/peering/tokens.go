package peering

import "time"

// TokenBucket limits a rate, of bytes or of messages: so many a second, and a
// burst that may be taken at once after a pause. It starts full.
type TokenBucket struct {
	rate, burst int64
	level       int64 // tokens x 1e9, so that every nanosecond counts
	at          time.Time
}

const nano = int64(time.Second)

// maxTokens keeps the arithmetic within 64 bits.
const maxTokens = int64(1) << 32

// NewTokenBucket returns a full bucket for rate tokens a second and a burst of
// up to burst tokens, both from 1 to 2^32.
func NewTokenBucket(rate, burst int64, now time.Time) *TokenBucket {
	if rate < 1 || rate > maxTokens || burst < 1 || burst > maxTokens {
		panic("peering: token bucket needs a rate and a burst from 1 to 2^32")
	}
	return &TokenBucket{rate: rate, burst: burst, level: burst * nano, at: now}
}

// Take takes n tokens if they are there, and reports whether they were. More
// than the burst is never there.
func (b *TokenBucket) Take(n int64, now time.Time) bool {
	b.fill(now)
	if n < 0 || n > b.burst || n*nano > b.level {
		return false
	}
	b.level -= n * nano
	return true
}

// Wait returns how long it takes until n tokens are there, nothing taken; for
// more than the burst, until the bucket is full.
func (b *TokenBucket) Wait(n int64, now time.Time) time.Duration {
	b.fill(now)
	lack := min(max(n, 0), b.burst)*nano - b.level
	if lack <= 0 {
		return 0
	}
	return time.Duration((lack + b.rate - 1) / b.rate)
}

// fill adds what the time since the last look brought. A clock that went back
// brings nothing.
func (b *TokenBucket) fill(now time.Time) {
	passed := int64(now.Sub(b.at))
	if passed <= 0 {
		return
	}
	b.at = now
	full := (b.burst*nano - b.level + b.rate - 1) / b.rate
	if passed >= full {
		b.level = b.burst * nano
		return
	}
	b.level += passed * b.rate
}
