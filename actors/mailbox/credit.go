package mailbox

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Credits bounds what one edge reader has in flight: messages and their bytes. The
// reader takes a Credit before it reads a frame; the message carries it and
// releases it when it has been handled or refused. Without a credit the reader
// does not read, and TCP slows the sender. Safe for concurrent use.
type Credits struct {
	maxCount    int
	maxBytes    int64
	onAvailable func()

	mu      sync.Mutex
	count   int
	bytes   int64
	waiting list.List // of *creditWaiter, in order of arrival
	wanted  int64     // bytes of the smallest TryAcquire that failed since the last call of onAvailable; -1 = none
}

type creditWaiter struct {
	bytes int64
	ready chan struct{}
}

// NewCredits makes a pool of count credits worth bytes in all, both at least 1 (it panics
// otherwise). onAvailable, if not nil, is called once after a failed TryAcquire, when
// enough has been released for it to succeed; without a lock, on the releasing
// goroutine. It is for users that must not block. It must not panic.
func NewCredits(count int, bytes int64, onAvailable func()) *Credits {
	if count < 1 || bytes < 1 {
		panic(fmt.Sprintf("mailbox: credits of %d messages, %d bytes: must be at least 1", count, bytes))
	}
	return &Credits{maxCount: count, maxBytes: bytes, onAvailable: onAvailable, wanted: -1}
}

// Acquire waits its turn, first come first served, for one credit of that many bytes.
// It fails at once if bytes is negative or more than the pool can ever give, and
// when ctx ends.
func (c *Credits) Acquire(ctx context.Context, bytes int64) (*Credit, error) {
	if bytes < 0 || bytes > c.maxBytes {
		return nil, fmt.Errorf("credit for %d bytes: must be 0 to %d", bytes, c.maxBytes)
	}
	if ctx.Err() != nil {
		return nil, c.gaveUp(ctx)
	}
	c.mu.Lock()
	if c.waiting.Len() == 0 && c.fits(bytes) {
		t := c.take(bytes)
		c.mu.Unlock()
		return t, nil
	}
	w := &creditWaiter{bytes: bytes, ready: make(chan struct{})}
	place := c.waiting.PushBack(w)
	c.mu.Unlock()

	select {
	case <-w.ready:
		return &Credit{pool: c, bytes: bytes}, nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	select {
	case <-w.ready: // taken for us in the same moment
		c.mu.Unlock()
		return &Credit{pool: c, bytes: bytes}, nil
	default:
	}
	c.waiting.Remove(place)
	call := c.serve() // we may have been large and in the way of others
	c.mu.Unlock()
	if call {
		c.onAvailable()
	}
	return nil, c.gaveUp(ctx)
}

func (c *Credits) gaveUp(ctx context.Context) error {
	return fmt.Errorf("waiting for a credit: %w", context.Cause(ctx))
}

// TryAcquire takes a credit if it is there and nobody waits in front. False also for an
// amount that the pool can never give; onAvailable does not follow then.
func (c *Credits) TryAcquire(bytes int64) (*Credit, bool) {
	if bytes < 0 || bytes > c.maxBytes {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting.Len() == 0 && c.fits(bytes) {
		return c.take(bytes), true
	}
	if c.wanted < 0 || bytes < c.wanted {
		c.wanted = bytes
	}
	return nil, false
}

// InUse says how many credits and bytes are taken.
func (c *Credits) InUse() (count int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.bytes
}

func (c *Credits) fits(bytes int64) bool {
	return c.count < c.maxCount && bytes <= c.maxBytes-c.bytes
}

func (c *Credits) take(bytes int64) *Credit {
	c.count++
	c.bytes += bytes
	return &Credit{pool: c, bytes: bytes}
}

// serve gives what is free to those who wait, in order: a large request is not overtaken by
// small ones, or it would starve. It says whether to call onAvailable. Under the lock.
func (c *Credits) serve() (call bool) {
	for e := c.waiting.Front(); e != nil; e = c.waiting.Front() {
		w := e.Value.(*creditWaiter)
		if !c.fits(w.bytes) {
			return false
		}
		c.count++
		c.bytes += w.bytes
		c.waiting.Remove(e)
		close(w.ready)
	}
	if c.wanted < 0 || !c.fits(c.wanted) {
		return false
	}
	c.wanted = -1
	return c.onAvailable != nil
}

func (c *Credits) release(bytes int64) {
	c.mu.Lock()
	c.count--
	c.bytes -= bytes
	call := c.serve()
	c.mu.Unlock()
	if call {
		c.onAvailable()
	}
}

// Credit is one taken credit.
type Credit struct {
	pool     *Credits
	bytes    int64
	released atomic.Bool
}

// Release gives the credit back. Only the first call counts, from whatever goroutine, so the
// handler, a refusal and a failure may all call it. A nil Credit may be released:
// messages from inside the node have none.
func (t *Credit) Release() {
	if t != nil && t.released.CompareAndSwap(false, true) {
		t.pool.release(t.bytes)
	}
}
