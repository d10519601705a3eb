package bucket

import (
	"container/heap"
	"fmt"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// DefaultBacklog is how many unconfirmed blocks a ledger may hold.
	DefaultBacklog = 10_000
	// MaxVictims bounds the blocks that are taken out at a time.
	MaxVictims = 32
)

// Backlog knows the unconfirmed blocks of the ledger and tells which have to go
// when they are too many. Each bucket has the same share; those beyond it lose
// their most recently used blocks, the bucket of the smallest balances first.
// Make it with NewBacklog.
type Backlog struct {
	limit  int
	table  Table
	byHash map[lattice.Hash]*unconfirmed
	bucket [Count]newest
}

type unconfirmed struct {
	hash   lattice.Hash
	used   int64 // Unix ns
	bucket int
	index  int // in its bucket
}

// NewBacklog returns an empty backlog for a limit of unconfirmed blocks.
func NewBacklog(limit int, table Table) *Backlog {
	if limit < 1 || limit > maxConfigured {
		panic("bucket: NewBacklog: limit out of range")
	}
	return &Backlog{limit: limit, table: table, byHash: make(map[lattice.Hash]*unconfirmed)}
}

// Add notes an unconfirmed block: the larger balance, as for a Candidate, and
// when its account was used before. It reports whether there was room: the index
// holds twice the limit at most, and a block that it does not know is not chosen.
func (l *Backlog) Add(hash lattice.Hash, balance lattice.Amount, used time.Time) bool {
	if _, known := l.byHash[hash]; known {
		return true
	}
	if len(l.byHash) >= 2*l.limit {
		return false
	}
	u := &unconfirmed{hash: hash, used: used.UnixNano(), bucket: l.table.Index(balance)}
	l.byHash[hash] = u
	heap.Push(&l.bucket[u.bucket], u)
	return true
}

// Remove forgets a block: it was confirmed or rolled back. It reports whether the
// block was there.
func (l *Backlog) Remove(hash lattice.Hash) bool {
	u, known := l.byHash[hash]
	if known {
		heap.Remove(&l.bucket[u.bucket], u.index)
		delete(l.byHash, hash)
	}
	return known
}

// Over returns by how many blocks the backlog exceeds its limit.
func (l *Backlog) Over() int { return max(0, len(l.byHash)-l.limit) }

// Victims returns at most most blocks, and never more than MaxVictims, that have
// to be rolled back for the backlog to keep its limit; none while it does. What
// protected holds to be worth keeping is passed over: blocks with votes, in an
// election, or made here. The blocks stay in the backlog until Remove.
func (l *Backlog) Victims(most int, protected func(lattice.Hash) bool) []lattice.Hash {
	want := min(l.Over(), most, MaxVictims)
	share := l.limit / Count
	var victims []lattice.Hash
	for b := range l.bucket {
		var passed []*unconfirmed
		for over := l.bucket[b].Len() - share; over > 0 && len(victims) < want; over-- {
			u := heap.Pop(&l.bucket[b]).(*unconfirmed)
			passed = append(passed, u)
			if !protected(u.hash) {
				victims = append(victims, u.hash)
			}
		}
		for _, u := range passed {
			heap.Push(&l.bucket[b], u)
		}
	}
	return victims
}

// Len returns how many unconfirmed blocks are known.
func (l *Backlog) Len() int { return len(l.byHash) }

// Limit returns how many there may be.
func (l *Backlog) Limit() int { return l.limit }

// Counts returns how many there are in each bucket.
func (l *Backlog) Counts() (n [Count]int) {
	for b := range l.bucket {
		n[b] = l.bucket[b].Len()
	}
	return n
}

// String shows how full it is.
func (l *Backlog) String() string {
	return fmt.Sprintf("%d unconfirmed blocks, limit %d", len(l.byHash), l.limit)
}

// newest is a heap with the most recently used in front, ties by higher hash:
// the opposite of the order in which blocks are served.
type newest []*unconfirmed

func (s newest) Len() int { return len(s) }
func (s newest) Less(i, j int) bool {
	if s[i].used != s[j].used {
		return s[i].used > s[j].used
	}
	return string(s[i].hash[:]) > string(s[j].hash[:])
}
func (s newest) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}
func (s *newest) Push(x any) {
	u := x.(*unconfirmed)
	u.index = len(*s)
	*s = append(*s, u)
}
func (s *newest) Pop() any {
	old := *s
	u := old[len(old)-1]
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	return u
}
