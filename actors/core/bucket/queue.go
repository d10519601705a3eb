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

// usePeriod is how exactly the order looks at when an account was used. Every node
// sees that at another time, by its connections and its queues; who has more blocks
// waiting than elections must still choose mostly the same ones as the others, or
// none of them gets enough votes. Within a period the hash decides, which is the
// same for all.
const usePeriod = 4 * time.Second

// period returns when the period began in which the account was used.
func (a *Candidate) period() time.Time { return a.Used.Truncate(usePeriod) }

// compare returns -1 when a is served before b, 1 when after.
func (a *Candidate) compare(b *Candidate) int {
	if c := a.period().Compare(b.period()); c != 0 {
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
