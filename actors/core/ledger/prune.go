package ledger

import (
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

// PruneLimit returns the height up to which the blocks of an account may be
// removed by their age when the newest keep blocks are to stay: 0 for none. The
// confirmed frontier and what is above it always stay. keep 0 keeps everything.
func PruneLimit(info lattice.AccountInfo, keep uint64) uint64 {
	if keep == 0 || info.Height <= keep || info.ConfirmedHeight == 0 {
		return 0
	}
	return min(info.Height-keep, info.ConfirmedHeight-1)
}

// Pruning is what is to be removed of one account, lowest first.
type Pruning struct {
	Account lattice.Account
	Blocks  []PrunedBlock
}

// PrunedBlock is a block to be removed.
type PrunedBlock struct {
	Height uint64
	Hash   lattice.Hash
	// Receive is, for a send, the block that received it, which then holds the only
	// trace of its hash; zero when that was removed before, and for other blocks.
	Receive lattice.Hash
}

// PruneChains is what planning to prune asks of the store.
type PruneChains interface {
	// Account returns what is known of an account; the zero value when it is not
	// open.
	Account(lattice.Account) (lattice.AccountInfo, error)
	// Aged returns up to most blocks of an account that are there, with heights from
	// and to and between them, with what decides about removing them. Chains of which
	// more than search blocks are there are not searched for receives.
	Aged(account lattice.Account, from, to uint64, most int, search uint64) ([]AgedBlock, error)
}

// AgedBlock is a block with what decides about removing it.
type AgedBlock struct {
	Height  uint64
	Hash    lattice.Hash
	Genesis bool // the one block without a previous and without a source
	Send    bool

	// Of a send.
	Waits            bool         // nobody has received it
	Unsearched       bool         // the chain that received it was too long to search
	Receive          lattice.Hash // the block that received it; zero: it is not there any more
	ReceiveConfirmed bool
	Searched         uint64 // blocks of the chain that was searched, at most
}

// maxReceiveSearch is the longest chain, without what was pruned of it, that is
// searched for the receive of a send. A send to an account that keeps more stays
// until it keeps less: nothing may be removed that is not known to be settled.
const maxReceiveSearch = 1 << 14

// PlanPrune decides which blocks of an account go when its newest keep blocks are
// to stay. It looks at the blocks that are there from a height up: about effort
// of them, fewer where receives must be searched for. next is the height to go on
// with, 0 when there is no more to look at.
//
// Of the blocks up to PruneLimit these stay: the genesis block, a send that was
// not received, and one whose receive is not confirmed, since taking that back
// makes the amount receivable again. So pruning changes no balance, no weight, and
// nothing that is receivable, and a plan stays right whatever happens after it:
// what is confirmed stays so.
func PlanPrune(c PruneChains, account lattice.Account, keep, from uint64, effort int) (p Pruning, next uint64, err error) {
	p.Account = account
	info, err := c.Account(account)
	if err != nil {
		return p, 0, fmt.Errorf("plan to prune account %v: %w", account, err)
	}
	limit := PruneLimit(info, keep)
	for from = max(from, 1); from <= limit; {
		if effort <= 0 {
			return p, from, nil
		}
		page, err := c.Aged(account, from, limit, min(prunePage, effort), maxReceiveSearch)
		if err != nil {
			return p, 0, fmt.Errorf("plan to prune account %v from height %d: %w", account, from, err)
		}
		if len(page) == 0 {
			return p, 0, nil
		}
		for i := range page {
			b := &page[i]
			if effort <= 0 {
				break
			}
			if mayGo(b) {
				p.Blocks = append(p.Blocks, PrunedBlock{Height: b.Height, Hash: b.Hash, Receive: b.Receive})
			}
			effort -= 1 + int(b.Searched/64)
			from = b.Height + 1
		}
	}
	return p, 0, nil
}

// prunePage is how many blocks PlanPrune reads at a time.
const prunePage = 64

// mayGo decides about one block that is old enough. A send whose receive is not
// there any more was received by a block that was pruned, so that was confirmed.
func mayGo(b *AgedBlock) bool {
	switch {
	case b.Genesis:
		return false
	case !b.Send:
		return true
	case b.Waits, b.Unsearched:
		return false
	}
	return b.Receive.IsZero() || b.ReceiveConfirmed
}

// Depth is how many blocks of each account a node keeps. It keeps fewer while the
// ledger is larger than it may be, and finds the way back when there is room.
type Depth struct {
	most   uint64 // 0: no limit
	budget int64  // bytes; 0: no limit
	now    uint64 // 0: no limit
}

// NewDepth returns the depth of a node that is to keep at most so many blocks of
// each account, 0 for all, in a ledger of at most so many bytes, 0 for any size.
func NewDepth(most uint64, budget int64) Depth { return Depth{most: most, budget: budget, now: most} }

// Keep returns how many blocks of each account are kept now, 0 for all.
func (d *Depth) Keep() uint64 { return d.now }

// Adjust fits the depth to the bytes in use, once everything was pruned to it, in
// few rounds: each goes through the whole ledger.
// longest is how many blocks are kept of the account with the most. It reports
// whether the depth has changed.
func (d *Depth) Adjust(used int64, longest uint64) bool {
	before := d.now
	switch {
	case d.budget == 0:
	case used > d.budget:
		from := longest
		if d.now != 0 {
			from = min(d.now, longest)
		}
		// Half of the depth keeps at least half of the blocks, however they are spread
		// over the accounts: so this much is needed in any case.
		needed := uint64(float64(from) * float64(d.budget) / float64(used))
		d.now = max(1, min(from*3/4, needed))
		if before != 0 { // sends that stay make a chain longer than it may be
			d.now = min(d.now, before)
		}
	case d.now != d.most && used < d.budget-d.budget/8:
		d.now += max(1, d.now/8)
		if d.most != 0 {
			d.now = min(d.now, d.most)
		} else if d.now > longest+longest/4 {
			d.now = 0
		}
	}
	return d.now != before
}

// Short reports whether the ledger is larger than it may be although only the
// newest block of each account is kept.
func (d *Depth) Short(used int64) bool { return d.budget > 0 && used > d.budget && d.now == 1 }
