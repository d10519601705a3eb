package votes

import (
	"bytes"
	"container/heap"
	"fmt"
	"slices"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// DefaultCacheHashes bounds the blocks that votes are cached for.
	DefaultCacheHashes = 4096
	// MaxCacheVoters bounds the cached votes of one block.
	MaxCacheVoters = 64
	// CacheAge is how long votes for a block are kept after the last one came.
	CacheAge = 15 * time.Minute
	// HintCooldown is how long a block that was returned as a hint is not
	// returned again.
	HintCooldown = 10 * time.Second
)

// Cached is one cached vote.
type Cached struct {
	Representative lattice.Account
	Timestamp      uint64
	Weight         lattice.Amount // of the representative when the vote came
}

// Final reports whether this is a final vote.
func (c Cached) Final() bool { return c.Timestamp == lattice.FinalTimestamp }

// Hint is a block that has votes but no election.
type Hint struct {
	Hash   lattice.Hash
	Weight lattice.Amount // of all votes
	Final  lattice.Amount // of the final ones
}

// Cache holds verified votes for blocks without an election: because the block
// is not here yet, or because there was no room to start one. What has the
// lowest weight goes first when it is full. Make it with NewCache.
type Cache struct {
	most   int
	byHash map[lattice.Hash]*entry
	lowest entries // min-heap by weight, then age
	seq    uint64
}

type entry struct {
	hash   lattice.Hash
	votes  []Cached // in the order of arrival
	weight lattice.Amount
	final  lattice.Amount
	seq    uint64    // order of arrival
	last   time.Time // of the last vote
	hinted time.Time
	index  int // in Cache.lowest
}

// NewCache returns a cache for at most hashes blocks.
func NewCache(hashes int) *Cache {
	if hashes < 1 {
		panic("votes: NewCache without room")
	}
	return &Cache{most: hashes, byHash: make(map[lattice.Hash]*entry)}
}

// Add caches a representative's vote for one block, and reports whether it did:
// not when it is older than the one that is here, takes back a final vote, has
// no weight, or has too little of it to find room.
func (c *Cache) Add(rep lattice.Account, timestamp uint64, hash lattice.Hash, weight lattice.Amount, now time.Time) bool {
	if weight.IsZero() {
		return false
	}
	e, here := c.byHash[hash]
	if !here {
		if len(c.byHash) >= c.most {
			if !c.lowest[0].weight.Less(weight) && !c.stale(c.lowest[0], now) {
				return false
			}
			c.remove(c.lowest[0])
		}
		c.seq++
		e = &entry{hash: hash, seq: c.seq}
		c.byHash[hash] = e
		heap.Push(&c.lowest, e)
	}
	if !e.add(Cached{rep, timestamp, weight}) {
		return false
	}
	e.last = now
	e.sum()
	heap.Fix(&c.lowest, e.index)
	return true
}

// add keeps the later vote of each representative and, when there are too many,
// the heavier representatives.
func (e *entry) add(v Cached) bool {
	lightest := -1
	for i, old := range e.votes {
		if old.Representative == v.Representative {
			if old.Timestamp >= v.Timestamp {
				return false
			}
			e.votes[i] = v
			return true
		}
		if lightest < 0 || old.Weight.Less(e.votes[lightest].Weight) {
			lightest = i
		}
	}
	if len(e.votes) < MaxCacheVoters {
		e.votes = append(e.votes, v)
		return true
	}
	if !e.votes[lightest].Weight.Less(v.Weight) {
		return false
	}
	e.votes = append(slices.Delete(e.votes, lightest, lightest+1), v)
	return true
}

// sum adds up the weights anew.
func (e *entry) sum() {
	e.weight, e.final = lattice.Amount{}, lattice.Amount{}
	for _, v := range e.votes {
		e.weight = e.weight.SatAdd(v.Weight)
		if v.Final() {
			e.final = e.final.SatAdd(v.Weight)
		}
	}
}

// Votes returns the votes for a block in the order in which they came, to be
// played back to its election. They stay here, in case that ends without a
// decision. The slice is the caller's.
func (c *Cache) Votes(hash lattice.Hash) []Cached {
	if e, here := c.byHash[hash]; here {
		return slices.Clone(e.votes)
	}
	return nil
}

// Weight returns the weight of all votes for a block.
func (c *Cache) Weight(hash lattice.Hash) lattice.Amount {
	if e, here := c.byHash[hash]; here {
		return e.weight
	}
	return lattice.Amount{}
}

// Remove forgets the votes for a block; it was cemented.
func (c *Cache) Remove(hash lattice.Hash) {
	if e, here := c.byHash[hash]; here {
		c.remove(e)
	}
}

func (c *Cache) remove(e *entry) {
	heap.Remove(&c.lowest, e.index)
	delete(c.byHash, e.hash)
}

func (c *Cache) stale(e *entry, now time.Time) bool { return now.Sub(e.last) >= CacheAge }

// Tick forgets what is too old. It looks at everything; once in ten seconds is
// often enough.
func (c *Cache) Tick(now time.Time) {
	for _, e := range slices.Clone(c.lowest) {
		if c.stale(e, now) {
			c.remove(e)
		}
	}
}

// Hinted returns at most most blocks with votes of at least threshold, for which
// it may be worth to start an election: the largest final weight first, then the
// largest weight, then the lower hash. A block is not returned again before
// HintCooldown is over.
func (c *Cache) Hinted(threshold lattice.Amount, most int, now time.Time) []Hint {
	var found []*entry
	for _, e := range c.lowest {
		if !e.weight.Less(threshold) && !c.stale(e, now) && now.Sub(e.hinted).Abs() >= HintCooldown {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *entry) int {
		if x := b.final.Cmp(a.final); x != 0 {
			return x
		}
		if x := b.weight.Cmp(a.weight); x != 0 {
			return x
		}
		return bytes.Compare(a.hash[:], b.hash[:])
	})
	var hints []Hint
	for _, e := range found[:max(0, min(most, len(found)))] {
		e.hinted = now
		hints = append(hints, Hint{e.hash, e.weight, e.final})
	}
	return hints
}

// Len returns how many blocks have cached votes.
func (c *Cache) Len() int { return len(c.byHash) }

// String shows how full the cache is.
func (c *Cache) String() string {
	return fmt.Sprintf("%d of %d blocks", len(c.byHash), c.most)
}

// entries is a min-heap: what is to go first is in front.
type entries []*entry

func (s entries) Len() int { return len(s) }
func (s entries) Less(i, j int) bool {
	if c := s[i].weight.Cmp(s[j].weight); c != 0 {
		return c < 0
	}
	return s[i].seq < s[j].seq
}
func (s entries) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}
func (s *entries) Push(x any) {
	e := x.(*entry)
	e.index = len(*s)
	*s = append(*s, e)
}
func (s *entries) Pop() any {
	old := *s
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	return e
}
