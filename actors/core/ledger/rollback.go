package ledger

import (
	"errors"
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Reasons why a plan cannot be made. The text around them names the block.
var (
	ErrNotFound  = errors.New("block is not in the ledger")
	ErrConfirmed = errors.New("block is confirmed and stays for ever")
	ErrTooMany   = errors.New("more blocks depend on it than may be rolled back at once")
)

// EffectsOf returns the effects of a block that is its account's frontier, as
// Validate gave them when it was inserted, so that they can be reverted. What
// is confirmed is taken as it is now, in Before too, since taking back an
// unconfirmed block does not touch it.
//
// It refuses a block that is confirmed (ErrConfirmed) or that something still
// stands on: a later block of the account, or the receive of what it sent.
func EffectsOf(c Chains, s lattice.StoredBlock) (Effects, error) {
	info, err := c.Account(s.Block.Account)
	if err != nil {
		return Effects{}, err
	}
	if s.Confirmed || s.Height <= info.ConfirmedHeight {
		return Effects{}, fmt.Errorf("block %v at height %d: %w", s.Hash, s.Height, ErrConfirmed)
	}
	if info.Frontier != s.Hash {
		return Effects{}, fmt.Errorf("block %v at height %d is not the frontier %v of its account: take back that first", s.Hash, s.Height, info.Frontier)
	}
	e := Effects{
		Block: s.Block, Hash: s.Hash, Height: s.Height, Subtype: s.Subtype, Amount: s.Amount, Time: s.Time, After: info,
	}
	if s.Height > 1 {
		if e.Before, err = infoBefore(c, info, s); err != nil {
			return Effects{}, err
		}
	}
	switch s.Subtype {
	case lattice.Send:
		e.Made, err = madeBy(c, e.MadeKey())
	case lattice.Open, lattice.Receive:
		e.Consumed, err = consumedBy(c, s)
	}
	if err != nil {
		return Effects{}, err
	}
	return e, nil
}

// infoBefore returns the account as it was before its frontier s. The block
// before an unconfirmed one is never pruned.
func infoBefore(c Chains, info lattice.AccountInfo, s lattice.StoredBlock) (lattice.AccountInfo, error) {
	previous, ok, err := c.Block(s.Block.Previous)
	if err != nil {
		return lattice.AccountInfo{}, err
	}
	if !ok {
		return lattice.AccountInfo{}, fmt.Errorf("block %v before %v at height %d: %w", s.Block.Previous, s.Hash, s.Height, ErrNotFound)
	}
	info.Frontier = previous.Hash
	info.Height = previous.Height
	info.Balance = previous.Block.Balance
	info.Representative = previous.Block.Representative
	info.Modified = previous.Time
	return info, nil
}

func madeBy(c Chains, key lattice.ReceivableKey) (*lattice.Receivable, error) {
	entry, ok, err := c.Receivable(key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("the amount that block %v sent is not receivable: take back its receive first", key.Send)
	}
	return &entry, nil
}

// consumedBy rebuilds the entry that s used up from the block of the send. So
// pruning keeps a send until its receive is confirmed.
func consumedBy(c Chains, s lattice.StoredBlock) (*lattice.Receivable, error) {
	send, ok, err := c.Block(lattice.Hash(s.Block.Link))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("send %v that block %v received: %w", s.Block.Link, s.Hash, ErrNotFound)
	}
	return &lattice.Receivable{Source: send.Block.Account, Amount: send.Amount, Confirmed: send.Confirmed}, nil
}

// PlanRollback returns the target and all that depends on it, in the order in
// which the blocks must be taken back: each is its account's frontier, and what
// it sent is not received, when those before it in the list are gone.
//
// A block depends on the one before it in its chain, and a receive on its send.
// PlanRollback only reads, and it has looked at every block when it returns: it
// refuses when any of them is confirmed (ErrConfirmed), and when there are more
// than most of them (ErrTooMany). Memory and time are bounded by most.
func PlanRollback(c Chains, target lattice.Hash, most int) ([]lattice.Hash, error) {
	type visit struct {
		hash lattice.Hash
		done bool // all that depends on it is in the plan
	}
	var plan []lattice.Hash
	entered := make(map[lattice.Hash]bool)
	stack := []visit{{hash: target}}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v.done {
			plan = append(plan, v.hash)
			continue
		}
		if entered[v.hash] {
			continue
		}
		if len(entered) >= most {
			return nil, fmt.Errorf("roll back block %v: %w (limit %d)", target, ErrTooMany, most)
		}
		entered[v.hash] = true
		dependents, err := dependents(c, v.hash)
		if err != nil {
			return nil, fmt.Errorf("roll back block %v: %w", target, err)
		}
		stack = append(stack, visit{v.hash, true})
		for _, h := range dependents {
			stack = append(stack, visit{hash: h})
		}
	}
	return plan, nil
}

// PlanTrim plans as PlanRollback does. When too many blocks stand on the target it
// plans for one of those instead, so that a part of them goes and the rest can go
// after it: for the chain of the target the block half as far from its end, again
// and again, and from a frontier that was received, the receive.
func PlanTrim(c Chains, target lattice.Hash, most int) ([]lattice.Hash, error) {
	for range maxTrimSteps {
		plan, err := PlanRollback(c, target, most)
		if !errors.Is(err, ErrTooMany) {
			return plan, err
		}
		s, ok, err := c.Block(target)
		if err == nil && !ok {
			err = ErrNotFound
		}
		if err != nil {
			return nil, fmt.Errorf("roll back a part of what stands on block %v: %w", target, err)
		}
		info, err := c.Account(s.Block.Account)
		if err != nil {
			return nil, fmt.Errorf("roll back a part of what stands on block %v: %w", target, err)
		}
		next, err := nearerEnd(c, &s, info.Height, uint64(most))
		if err != nil {
			return nil, fmt.Errorf("roll back a part of what stands on block %v: %w", target, err)
		}
		target = next
	}
	return nil, fmt.Errorf("roll back a part of what stands on block %v: %w", target, ErrTooMany)
}

// maxTrimSteps bounds the blocks that PlanTrim tries: enough to halve the way to
// the end of a long plan some times in some chains.
const maxTrimSteps = 64

// nearerEnd returns the block that PlanTrim tries after s: in its chain at most
// most blocks from the frontier, or what received s.
func nearerEnd(c Chains, s *lattice.StoredBlock, frontier, most uint64) (lattice.Hash, error) {
	if s.Height >= frontier {
		key := lattice.ReceivableKey{Destination: lattice.Account(s.Block.Link), Send: s.Hash}
		receive, ok, err := c.ReceivedBy(key)
		if err == nil && !ok {
			err = ErrNotFound
		}
		return receive, err
	}
	next, ok, err := c.BlockAt(s.Block.Account, max(frontier-min(most, frontier)+1, s.Height+(frontier-s.Height+1)/2))
	if err == nil && !ok {
		err = ErrNotFound
	}
	return next.Hash, err
}

// dependents returns the at most two blocks that stand directly on a block,
// which must not be confirmed.
func dependents(c Chains, hash lattice.Hash) ([]lattice.Hash, error) {
	s, ok, err := c.Block(hash)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("block %v: %w", hash, ErrNotFound)
	}
	if s.Confirmed {
		return nil, fmt.Errorf("block %v at height %d: %w", hash, s.Height, ErrConfirmed)
	}
	var out []lattice.Hash
	next, ok, err := c.BlockAt(s.Block.Account, s.Height+1)
	if err != nil {
		return nil, err
	}
	if ok {
		out = append(out, next.Hash)
	}
	if s.Subtype == lattice.Send {
		receive, ok, err := receivedBy(c, &s)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, receive)
		}
	}
	return out, nil
}

// receivedBy returns what received an unconfirmed send. A send that still waits is
// not searched for: that takes as long as the chain of the destination is, and who
// floods chooses the destination.
func receivedBy(c Chains, s *lattice.StoredBlock) (lattice.Hash, bool, error) {
	key := lattice.ReceivableKey{Destination: lattice.Account(s.Block.Link), Send: s.Hash}
	if _, waits, err := c.Receivable(key); err != nil || waits {
		return lattice.Hash{}, false, err
	}
	return c.ReceivedBy(key)
}

// Rollback takes back the target and all that depends on it: it plans as
// PlanRollback does, and only when the whole plan is allowed calls revert for
// each block, with its effects as of that moment. It returns the effects in that
// order. An error before the first revert leaves everything as it was; after an
// error of revert the caller gives up the transaction.
//
// c must see what revert does.
func Rollback(c Chains, target lattice.Hash, most int, revert func(*Effects) error) ([]Effects, error) {
	plan, err := PlanRollback(c, target, most)
	if err != nil {
		return nil, err
	}
	done := make([]Effects, 0, len(plan))
	for _, hash := range plan {
		s, ok, err := c.Block(hash)
		if err == nil && !ok {
			err = fmt.Errorf("block %v: %w", hash, ErrNotFound)
		}
		if err != nil {
			return done, fmt.Errorf("roll back block %v: %w", target, err)
		}
		e, err := EffectsOf(c, s)
		if err != nil {
			return done, fmt.Errorf("roll back block %v: %w", target, err)
		}
		if err := revert(&e); err != nil {
			return done, fmt.Errorf("roll back block %v: take back block %v: %w", target, hash, err)
		}
		done = append(done, e)
	}
	return done, nil
}
