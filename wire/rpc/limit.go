package rpc

import (
	"container/list"
	"math"
	"net/netip"
	"sync"
	"time"
)

// places is a bounded number of requests that are worked on at a time.
type places chan struct{}

func (p places) take() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

func (p places) give() { <-p }

// place is what one request holds until it is answered.
type place struct{ in places }

func (p *place) leave() { p.in.give() }

// moveTo changes to a place among others; false when there is none.
func (p *place) moveTo(in places) bool {
	if p.in == in {
		return true
	}
	if !in.take() {
		return false
	}
	p.in.give()
	p.in = in
	return true
}

// wait runs f, which waits for something outside. The request moves to a place
// among those who wait, and stays there until it is answered.
func (c *call) wait(f func() error) error {
	if !c.place.moveTo(c.server.waiting) {
		return overloaded.because("%d callers wait already", cap(c.server.waiting))
	}
	return f()
}

// clients is a bounded table of token buckets by client address. When it is
// full, the address that was quiet for longest is forgotten; it begins with a
// full bucket when it comes back.
type clients struct {
	rate, burst float64
	most        int
	now         func() time.Time

	mu     sync.Mutex
	table  map[netip.Prefix]*list.Element
	recent list.List // of *bucket, last seen first
}

type bucket struct {
	client netip.Prefix
	tokens float64 // below zero: overdrawn
	at     time.Time
}

// caller is one client's access to its bucket. The nil caller has no limit.
type caller struct {
	clients *clients
	client  netip.Prefix
}

func newClients(rate, burst float64, most int, now func() time.Time) *clients {
	return &clients{rate: rate, burst: burst, most: most, now: now, table: make(map[netip.Prefix]*list.Element)}
}

// clientOf returns whom an address belongs to: an IPv4 address alone, an IPv6
// address with its whole /64, which is what one subscriber gets.
func clientOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the number of bits is right for the address
	return p
}

// bucket returns a client's bucket with what it got back since last time. The
// lock must be held.
func (c *clients) bucket(client netip.Prefix) *bucket {
	now := c.now()
	if e, ok := c.table[client]; ok {
		c.recent.MoveToFront(e)
		b := e.Value.(*bucket)
		if passed := now.Sub(b.at).Seconds(); passed > 0 {
			b.tokens = min(c.burst, b.tokens+passed*c.rate)
		}
		b.at = now // also when the clock was put back: nobody waits for it to come round again
		return b
	}
	if len(c.table) >= c.most {
		oldest := c.recent.Back()
		delete(c.table, oldest.Value.(*bucket).client)
		c.recent.Remove(oldest)
	}
	b := &bucket{client: client, tokens: c.burst, at: now}
	c.table[client] = c.recent.PushFront(b)
	return b
}

// refused returns 0 when the caller may ask something now, else how long it
// must wait.
func (c *caller) refused() time.Duration {
	if c == nil {
		return 0
	}
	c.clients.mu.Lock()
	defer c.clients.mu.Unlock()
	b := c.clients.bucket(c.client)
	if b.tokens >= 1 {
		return 0
	}
	return time.Duration((1 - b.tokens) / c.clients.rate * float64(time.Second))
}

// charge takes tokens, more than there are if need be. The debt is bounded by
// one more bucket, so that nobody is shut out for long.
func (c *caller) charge(tokens int) {
	if c == nil || tokens == 0 {
		return
	}
	c.clients.mu.Lock()
	defer c.clients.mu.Unlock()
	b := c.clients.bucket(c.client)
	b.tokens = max(b.tokens-float64(tokens), -c.clients.burst)
}

// retryAfter is a wait in whole seconds for the header.
func retryAfter(wait time.Duration) int { return max(1, int(math.Ceil(wait.Seconds()))) }
