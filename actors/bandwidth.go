package actors

import (
	"context"
	"sync"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
)

// leastBandwidth is the smallest limit, in bytes a second: the largest frame has
// to fit into a second.
const leastBandwidth = 128 << 10

// Bandwidth limits what a node receives and sends, all connections together,
// and lets no peer have more than half of it. A nil Bandwidth limits nothing.
// Safe for concurrent use.
type Bandwidth struct {
	perSecond int64
	in, out   meter
}

// meter is a token bucket that several goroutines share.
type meter struct {
	mu     sync.Mutex
	bucket *peering.TokenBucket
}

// NewBandwidth returns a limit of so many bytes a second in each direction, at
// least 128 KiB.
func NewBandwidth(perSecond int64) *Bandwidth {
	b := &Bandwidth{perSecond: max(perSecond, leastBandwidth)}
	now := time.Now()
	b.in.bucket = peering.NewTokenBucket(b.perSecond, b.perSecond, now)
	b.out.bucket = peering.NewTokenBucket(b.perSecond, b.perSecond, now)
	return b
}

// reserve takes n tokens, or says how long to wait until it may be tried again.
func (m *meter) reserve(n int64) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.bucket.Take(n, now) {
		return 0
	}
	return max(m.bucket.Wait(n, now), time.Millisecond)
}

// wait returns when n bytes may pass, or with the context's error.
func (m *meter) wait(ctx context.Context, n int64) error {
	for {
		pause := m.reserve(n)
		if pause == 0 {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// share is one connection's part of a Bandwidth.
type share struct {
	node    *Bandwidth
	in, out meter
}

// newShare gives a connection half of what all have.
func (b *Bandwidth) newShare() *share {
	if b == nil {
		return nil
	}
	half, now := max(b.perSecond/2, leastBandwidth/2), time.Now()
	s := &share{node: b}
	s.in.bucket = peering.NewTokenBucket(half, max(half, leastBandwidth), now)
	s.out.bucket = peering.NewTokenBucket(half, max(half, leastBandwidth), now)
	return s
}

// receive waits until n bytes may be read. Meanwhile they stay in the kernel,
// and TCP slows the peer down.
func (s *share) receive(ctx context.Context, n int) error {
	if s == nil {
		return nil
	}
	if err := s.in.wait(ctx, int64(n)); err != nil {
		return err
	}
	return s.node.in.wait(ctx, int64(n))
}

// send waits until n bytes may be written.
func (s *share) send(ctx context.Context, n int) error {
	if s == nil {
		return nil
	}
	if err := s.out.wait(ctx, int64(n)); err != nil {
		return err
	}
	return s.node.out.wait(ctx, int64(n))
}
