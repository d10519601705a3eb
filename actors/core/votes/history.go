package votes

import "github.com/smallnano/smallnano/messages/lattice"

// DefaultHistory bounds how many blocks' own votes are kept to answer requests.
const DefaultHistory = 8192

// History keeps the votes that this node's representatives signed lately, by
// block, so that a request can be answered without a new signature. A final vote
// takes the place of a normal one and is never replaced by one. Make it with
// NewHistory.
type History struct {
	votes map[lattice.Hash][]*lattice.Vote // one for each representative
	order fifo[lattice.Hash]
}

// NewHistory returns a history of at most hashes blocks.
func NewHistory(hashes int) *History {
	return &History{votes: make(map[lattice.Hash][]*lattice.Vote), order: newFIFO[lattice.Hash](hashes)}
}

// Add keeps an own vote, which must not change afterwards, for each block that
// it names.
func (h *History) Add(v *lattice.Vote) {
	for _, hash := range v.Hashes {
		known, here := h.votes[hash]
		if !here {
			if old, full := h.order.push(hash); full {
				delete(h.votes, old)
			}
		}
		h.votes[hash] = keep(known, v)
	}
}

// keep replaces the representative's vote, or adds it.
func keep(known []*lattice.Vote, v *lattice.Vote) []*lattice.Vote {
	for i, old := range known {
		if old.Representative == v.Representative {
			if old.Timestamp < v.Timestamp {
				known[i] = v
			}
			return known
		}
	}
	return append(known, v)
}

// Votes returns the latest own vote of each representative on a block, in the
// order in which they first voted. The votes may name other blocks too. The
// slice is the caller's.
func (h *History) Votes(hash lattice.Hash) []*lattice.Vote {
	return append([]*lattice.Vote(nil), h.votes[hash]...)
}

// Forget drops the votes on a block, for one that lost its election or was
// rolled back. Its place in the order stays taken until its turn comes.
func (h *History) Forget(hash lattice.Hash) {
	if _, here := h.votes[hash]; here {
		h.votes[hash] = nil
	}
}

// Len returns how many blocks are remembered.
func (h *History) Len() int { return len(h.votes) }
