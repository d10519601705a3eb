package bucket

import (
	"bytes"
	"slices"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Candidate is a block that waits for its election or has it.
type Candidate struct {
	Root    lattice.QualifiedRoot
	Hash    lattice.Hash
	Balance lattice.Amount // the larger of before and after; see Balance
	Used    time.Time      // local time of the account's previous block; a first block's own arrival
	Block   *lattice.Block // carried along, not looked at; may be nil

	adopted bool // Reset named it: it did not come through Push
}

// compare returns -1 when a is served before b, 1 when after.
func (a *Candidate) compare(b *Candidate) int {
	if c := a.Used.Compare(b.Used); c != 0 {
		return c
	}
	return bytes.Compare(a.Hash[:], b.Hash[:])
}

// queue is candidates of one bucket, least recently used first.
type queue []Candidate

func (q queue) search(c *Candidate) (int, bool) {
	return slices.BinarySearchFunc(q, c, func(a Candidate, b *Candidate) int { return a.compare(b) })
}

// put adds a candidate that is not in the queue.
func (q *queue) put(c Candidate) {
	at, _ := q.search(&c)
	*q = slices.Insert(*q, at, c)
}

// first removes the least recently used.
func (q *queue) first() Candidate {
	c := (*q)[0]
	*q = slices.Delete(*q, 0, 1)
	return c
}

// last returns the most recently used.
func (q queue) last() *Candidate { return &q[len(q)-1] }
