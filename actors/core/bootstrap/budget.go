package bootstrap

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
)

// maxBudgets bounds the connections whose budgets are remembered.
const maxBudgets = 256

// Budget limits the bytes that bootstrapping peers are given, all together and
// each: one alone gets at most half, so that a second one never finds the door
// shut.
type Budget struct {
	rate  int64
	all   *peering.TokenBucket
	peers map[peering.ConnID]*spending
}

type spending struct {
	bucket *peering.TokenBucket
	last   time.Time
}

// NewBudget returns a full budget of so many bytes a second, at least 64 KiB,
// and as many at once.
func NewBudget(perSecond int64, now time.Time) *Budget {
	perSecond = max(perSecond, 64<<10)
	return &Budget{rate: perSecond, all: peering.NewTokenBucket(perSecond, perSecond, now), peers: make(map[peering.ConnID]*spending)}
}

// Spend reports whether a peer may be given an answer of so many bytes now. If
// not it is told that we are busy.
func (b *Budget) Spend(conn peering.ConnID, bytes int, now time.Time) bool {
	p := b.peers[conn]
	if p == nil {
		b.makeRoom(now)
		p = &spending{bucket: peering.NewTokenBucket(b.rate/2, b.rate/2, now)}
		b.peers[conn] = p
	}
	p.last = now
	return p.bucket.Wait(int64(bytes), now) == 0 && b.all.Take(int64(bytes), now) && p.bucket.Take(int64(bytes), now)
}

// makeRoom forgets who asked longest ago. Its bucket is full again by then, or
// it gains half a second's worth: no more than by a new connection.
func (b *Budget) makeRoom(now time.Time) {
	if len(b.peers) < maxBudgets {
		return
	}
	var oldest peering.ConnID
	for conn, p := range b.peers {
		o := b.peers[oldest]
		if o == nil || p.last.Before(o.last) || p.last.Equal(o.last) && conn < oldest {
			oldest = conn
		}
	}
	delete(b.peers, oldest)
}
