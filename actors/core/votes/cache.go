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
	Weight         lattice.Amount // of the representative when its latest vote on any block came
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
	voters roll
}

type entry struct {
	hash    lattice.Hash
	ballots []ballot // in the order of arrival, at most MaxCacheVoters
	weight  lattice.Amount
	final   lattice.Amount
	founder int32     // voter whose vote was the first
	seq     uint64    // order of arrival
	last    time.Time // of the last vote
	hinted  time.Time
	index   int // in Cache.lowest
}

// ballot is a vote without the long name of its voter: there are many of them.
type ballot struct {
	timestamp uint64
	voter     int32 // in Cache.voters
}

// NewCache returns a cache for at most hashes blocks.
func NewCache(hashes int) *Cache {
	if hashes < 1 {
		panic("votes: NewCache without room")
	}
	return &Cache{most: hashes, byHash: make(map[lattice.Hash]*entry), voters: newRoll()}
}

// Add caches a representative's vote for one block, and reports whether it did:
// not when it is older than the one that is here, takes back a final vote, has
// no weight, or has too little of it to find room. No representative can be the
// first to vote for more than a quarter of the blocks, so that one that makes up
// hashes does not take all the room.
func (c *Cache) Add(rep lattice.Account, timestamp uint64, hash lattice.Hash, weight lattice.Amount, now time.Time) bool {
	if weight.IsZero() {
		return false
	}
	voter := c.voters.enter(rep, weight)
	defer c.voters.release(voter)
	e := c.byHash[hash]
	if e == nil {
		if e = c.found(hash, voter, now); e == nil {
			return false
		}
	}
	if !c.count(e, ballot{timestamp, voter}) {
		return false
	}
	e.last = now
	c.sum(e)
	heap.Fix(&c.lowest, e.index)
	return true
}

// found makes an entry for a block, in the place of the one with the lowest
// weight if need be; nil when there is no room.
func (c *Cache) found(hash lattice.Hash, voter int32, now time.Time) *entry {
	v := &c.voters.list[voter]
	if v.founded >= max(1, c.most/4) {
		return nil
	}
	if len(c.byHash) >= c.most {
		low := c.lowest[0]
		if v.weight.Less(low.weight) && !stale(low, now) {
			return nil
		}
		c.remove(low)
	}
	c.seq++
	e := &entry{hash: hash, founder: voter, seq: c.seq}
	c.voters.use(voter)
	v.founded++
	c.byHash[hash] = e
	heap.Push(&c.lowest, e)
	return e
}

// count keeps the later vote of each representative and, when there are too
// many, the heavier representatives.
func (c *Cache) count(e *entry, b ballot) bool {
	lightest := -1
	for i, old := range e.ballots {
		if old.voter == b.voter {
			if old.timestamp >= b.timestamp {
				return false
			}
			e.ballots[i] = b
			return true
		}
		if lightest < 0 || c.weight(old).Less(c.weight(e.ballots[lightest])) {
			lightest = i
		}
	}
	if len(e.ballots) >= MaxCacheVoters {
		if !c.weight(e.ballots[lightest]).Less(c.weight(b)) {
			return false
		}
		c.voters.release(e.ballots[lightest].voter)
		e.ballots = slices.Delete(e.ballots, lightest, lightest+1)
	}
	c.voters.use(b.voter)
	e.ballots = append(e.ballots, b)
	return true
}

func (c *Cache) weight(b ballot) lattice.Amount { return c.voters.list[b.voter].weight }

// sum adds up the weights anew.
func (c *Cache) sum(e *entry) {
	e.weight, e.final = lattice.Amount{}, lattice.Amount{}
	for _, b := range e.ballots {
		e.weight = e.weight.SatAdd(c.weight(b))
		if b.timestamp == lattice.FinalTimestamp {
			e.final = e.final.SatAdd(c.weight(b))
		}
	}
}

// Votes returns the votes for a block in the order in which their representatives
// first voted, to be played back to its election. They stay here, in case that
// ends without a decision. The slice is the caller's.
func (c *Cache) Votes(hash lattice.Hash) []Cached {
	e := c.byHash[hash]
	if e == nil {
		return nil
	}
	out := make([]Cached, len(e.ballots))
	for i, b := range e.ballots {
		v := &c.voters.list[b.voter]
		out[i] = Cached{Representative: v.rep, Timestamp: b.timestamp, Weight: v.weight}
	}
	return out
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
	c.voters.list[e.founder].founded--
	c.voters.release(e.founder)
	for _, b := range e.ballots {
		c.voters.release(b.voter)
	}
}

func stale(e *entry, now time.Time) bool { return now.Sub(e.last) >= CacheAge }

// Tick forgets what is too old. It looks at everything; once in ten seconds is
// often enough.
func (c *Cache) Tick(now time.Time) {
	for _, e := range slices.Clone(c.lowest) {
		if stale(e, now) {
			c.remove(e)
		}
	}
}

// Reweigh counts all votes with the weights of now. Those with which they came are of
// no use to a node whose ledger has grown since: it might take no hint from votes
// that are a quorum, and the same votes do not come again.
func (c *Cache) Reweigh(weight func(lattice.Account) lattice.Amount) {
	for i := range c.voters.list {
		if v := &c.voters.list[i]; v.uses > 0 {
			v.weight = weight(v.rep)
		}
	}
	for _, e := range c.lowest {
		c.sum(e)
	}
	heap.Init(&c.lowest)
}

// Hinted returns at most most blocks with votes of at least threshold, for which
// it may be worth to start an election: the largest final weight first, then the
// largest weight, then the lower hash. A block is not returned again before
// HintCooldown is over.
func (c *Cache) Hinted(threshold lattice.Amount, most int, now time.Time) []Hint {
	var found []*entry
	for _, e := range c.lowest {
		if !e.weight.Less(threshold) && !stale(e, now) && now.Sub(e.hinted).Abs() >= HintCooldown {
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

// Again lets a block be returned as a hint at once: there was no room for its
// election.
func (c *Cache) Again(hash lattice.Hash) {
	if e, here := c.byHash[hash]; here {
		e.hinted = time.Time{}
	}
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
