package actors

import (
	"sync"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// mostFollowed is how many of the last confirmations are kept for those who follow
// the sequence: at a thousand a second those of a second, which is longer than a
// follower is behind. They take about 400 KB.
const mostFollowed = 1024

// followed is the end of the confirmation sequence, without gaps. Whoever follows
// it asks for each number right after its commit, when the store has to fetch what
// the commit has changed.
type followed struct {
	mu    sync.Mutex
	ring  []rpc.Cemented // mostFollowed places, or nil; a number has its place by its remainder
	first uint64         // the oldest number that is here
	last  uint64         // the newest; 0: none was ever
}

// add takes over what was cemented, in the order of the sequence. What came before
// a gap is forgotten.
func (f *followed) add(cemented []ledger.Cemented) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = make([]rpc.Cemented, mostFollowed)
	}
	for i := range cemented {
		c := &cemented[i]
		n := c.Confirmation.Sequence
		if n != f.last+1 || f.first == 0 {
			f.first = n
		}
		f.last = n
		f.first = max(f.first, n-min(n, mostFollowed-1))
		f.ring[n%mostFollowed] = rpc.Cemented{Sequence: n, StoredBlock: lattice.StoredBlock{
			Block: c.Block, Hash: c.Confirmation.Hash, Height: c.Confirmation.Height,
			Subtype: c.Subtype, Amount: c.Amount, Time: c.Time, Confirmed: true,
		}}
	}
}

// from returns up to most entries from a number up, and the number of the newest;
// false if not all of them are here, or reached is past what is here.
func (f *followed) from(first uint64, most int, reached uint64) (list []rpc.Cemented, last uint64, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first == 0 || f.last < reached || first < f.first || first > f.last+1 {
		return nil, 0, false
	}
	for n := first; n <= f.last && len(list) < most; n++ {
		list = append(list, f.ring[n%mostFollowed])
	}
	return list, f.last, true
}

// Confirmed implements rpc.Backend.
func (b backend) Confirmed(first uint64, most int) (list []rpc.Cemented, last uint64, known bool) {
	return b.board.followed.from(first, most, b.board.reached())
}
