package ledger

import (
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

// maxCementDepth bounds how many account chains CementOrder has open at a time,
// each waiting for a block of the next: about 1 MiB.
const maxCementDepth = 1 << 14

// climb is the part of an account's chain that CementOrder is cementing, lowest
// height first.
type climb struct {
	account  lattice.Account
	next, to uint64
}

// CementOrder returns the blocks that must be cemented so that the target is:
// its unconfirmed dependencies and itself, in an order in which the block before
// and the source of each are confirmed or precede it, and the heights of each
// account rise by one. It is empty when the target is cemented already.
//
// At most most blocks are returned. When more is true they are the first part:
// the caller cements them and asks again. There is progress in every call, since
// most must be at least 1. A target that is not there gives ErrNotFound.
func CementOrder(c Chains, target lattice.Hash, most int) (order []lattice.Hash, more bool, err error) {
	if most < 1 {
		panic("ledger: CementOrder of no blocks at all")
	}
	s, ok, err := c.Block(target)
	if err != nil {
		return nil, false, err
	}
	if !ok {
		return nil, false, fmt.Errorf("cement block %v: %w", target, ErrNotFound)
	}
	p := cementPlan{chains: c, open: make(map[lattice.Account]bool), reached: make(map[lattice.Account]uint64)}
	if _, err := p.require(s); err != nil {
		return nil, false, fmt.Errorf("cement block %v: %w", target, err)
	}
	for len(p.stack) > 0 {
		if len(p.order) == most {
			return p.order, true, nil
		}
		if err := p.step(); err != nil {
			return nil, false, fmt.Errorf("cement block %v: %w", target, err)
		}
	}
	return p.order, p.forgot, nil
}

// Settled reports whether the root of a block that is not in the ledger is decided
// for good: its account has confirmed blocks, and the block before it is gone, which
// only pruning takes away, and only when what comes after is confirmed. The answer
// is no when the root is zero.
func Settled(c Chains, root lattice.QualifiedRoot) (bool, error) {
	info, err := c.Account(root.Account)
	if err != nil || info.ConfirmedHeight == 0 {
		return false, err
	}
	if root.Previous.IsZero() {
		return true, nil
	}
	_, found, err := c.Block(root.Previous)
	return !found, err
}

// cementPlan walks down the dependencies with a stack of its own. It never
// walks down a chain block by block: an account is cemented from its confirmed
// height up, so the next block needed is always known.
type cementPlan struct {
	chains  Chains
	stack   []climb                    // at most maxCementDepth
	open    map[lattice.Account]bool   // the accounts on the stack
	order   []lattice.Hash             // the plan so far
	reached map[lattice.Account]uint64 // by the plan; an account it does not touch is not in here
	forgot  bool                       // the bottom of a full stack was dropped; the next call finds it again
}

// require puts what is missing for s on the stack, and reports whether anything
// is.
func (p *cementPlan) require(s lattice.StoredBlock) (bool, error) {
	account := s.Block.Account
	reached, touched := p.reached[account]
	if !touched {
		info, err := p.chains.Account(account)
		if err != nil {
			return false, err
		}
		reached = info.ConfirmedHeight
	}
	if s.Height <= reached {
		return false, nil
	}
	if p.open[account] {
		return false, fmt.Errorf("block %v at height %d depends on itself: the database is corrupt", s.Hash, s.Height)
	}
	if len(p.stack) == maxCementDepth {
		p.forgetBottom()
	}
	p.open[account] = true
	p.stack = append(p.stack, climb{account, reached + 1, s.Height})
	return true, nil
}

// forgetBottom drops the older half of the stack: what is above it comes first
// anyway, and dropping one at a time would move the whole stack each time.
func (p *cementPlan) forgetBottom() {
	half := len(p.stack) / 2
	for _, f := range p.stack[:half] {
		delete(p.open, f.account)
	}
	p.stack = append(p.stack[:0], p.stack[half:]...)
	p.forgot = true
}

// step takes the next block of the topmost chain, or first opens the chain of
// its source.
func (p *cementPlan) step() error {
	top := p.stack[len(p.stack)-1]
	s, ok, err := p.chains.BlockAt(top.account, top.next)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("block of %v at height %d, which is not confirmed, is missing: the database is corrupt", top.account, top.next)
	}
	source, ok, err := sourceOf(p.chains, &s)
	if err != nil {
		return err
	}
	if ok && !source.Confirmed {
		if first, err := p.require(source); first || err != nil {
			return err
		}
	}
	p.order = append(p.order, s.Hash)
	p.reached[top.account] = top.next
	if top.next == top.to {
		delete(p.open, top.account)
		p.stack = p.stack[:len(p.stack)-1]
		return nil
	}
	p.stack[len(p.stack)-1].next++
	return nil
}

// sourceOf returns the send that s receives; false when s receives nothing, is
// the genesis block, or the send was pruned, which only confirmed blocks are.
func sourceOf(c Chains, s *lattice.StoredBlock) (lattice.StoredBlock, bool, error) {
	if s.Subtype != lattice.Open && s.Subtype != lattice.Receive || s.Block.Link.IsZero() {
		return lattice.StoredBlock{}, false, nil
	}
	return c.Block(lattice.Hash(s.Block.Link))
}

// Dependencies returns what a block of the ledger stands on, the block before
// it and the send it receives, each zero when there is none, and whether both
// are confirmed. Only then may a representative vote for the block.
//
// A dependency that is no longer there was pruned, so it is confirmed. The
// answer means nothing for a block that is not in the ledger.
func Dependencies(c Chains, s *lattice.StoredBlock) (previous, source lattice.Hash, confirmed bool, err error) {
	previous = s.Block.Previous
	info, err := c.Account(s.Block.Account)
	if err != nil {
		return previous, source, false, err
	}
	confirmed = s.Height <= info.ConfirmedHeight+1
	if s.Subtype == lattice.Open || s.Subtype == lattice.Receive {
		source = lattice.Hash(s.Block.Link)
	}
	send, found, err := sourceOf(c, s)
	if err != nil {
		return previous, source, false, err
	}
	if found && !send.Confirmed {
		confirmed = false
	}
	return previous, source, confirmed, nil
}

// FirstUnconfirmed returns the lowest block of an account that is not
// confirmed: the one an election is started for. It returns false when there is
// none.
func FirstUnconfirmed(c Chains, account lattice.Account) (lattice.StoredBlock, bool, error) {
	info, err := c.Account(account)
	if err != nil || info.ConfirmedHeight >= info.Height {
		return lattice.StoredBlock{}, false, err
	}
	return c.BlockAt(account, info.ConfirmedHeight+1)
}
