package actors

import (
	"errors"
	"slices"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// rival returns the unconfirmed block that stands where b would, nil when that
// place is confirmed or pruned.
func (a *blockProcessor) rival(tx storage.Tx, b *lattice.Block) (*lattice.StoredBlock, error) {
	height := uint64(1)
	if !b.Previous.IsZero() {
		previous, found, err := tx.Block(b.Previous)
		if err != nil || !found || previous.Block.Account != b.Account {
			return nil, err
		}
		height = previous.Height + 1
	}
	rival, found, err := tx.BlockAt(b.Account, height)
	if err != nil || !found || rival.Confirmed {
		return nil, err
	}
	return &rival, nil
}

// force rolls back what stands in the way of an election's winner and inserts
// it. That the winner itself does not fit is no error: its election goes on.
func (a *blockProcessor) force(tx storage.Tx, d *done, f *messages.ForceBlock) error {
	if slices.ContainsFunc(d.forces, func(g *messages.ForceBlock) bool { return g.Hash == f.Hash }) {
		return nil // a repeat
	}
	if _, found, err := tx.Block(f.Hash); err != nil || found {
		return err
	}
	loser, err := a.rival(tx, &f.Winner)
	if err != nil {
		return err
	}
	if loser != nil {
		made, err := a.makeRoom(tx, d, f, loser.Hash)
		if err != nil || !made {
			return err
		}
	}
	j := &job{block: f.Winner, hash: f.Hash, verified: true} // checked when it arrived as a fork
	if err := a.insert(tx, d, j); err != nil {
		return err
	}
	if j.err != nil {
		a.log.Warn("the winner of a fork does not fit", "winner", f.Hash, "err", j.err)
	}
	return nil
}

// makeRoom takes the loser of a fork back, with all that depends on it. Where that is
// more than one commit may take back, a part of it goes, and the rest in the next
// ones: whoever gave us the loser has built on it as much as he liked.
func (a *blockProcessor) makeRoom(tx storage.Tx, d *done, f *messages.ForceBlock, loser lattice.Hash) (made bool, err error) {
	removed, err := ledger.Rollback(tx, loser, a.maxRollback, tx.Revert)
	if made = err == nil; errors.Is(err, ledger.ErrTooMany) {
		var plan []lattice.Hash
		if plan, err = ledger.PlanTrim(tx, loser, a.maxRollback); err == nil {
			removed, err = ledger.Rollback(tx, plan[len(plan)-1], a.maxRollback, tx.Revert)
		}
		if err == nil {
			d.forces = append(d.forces, f)
		}
	}
	if errors.Is(err, ledger.ErrConfirmed) || errors.Is(err, ledger.ErrTooMany) { // nothing was done
		a.log.Warn("cannot make room for the winner of a fork", "winner", f.Hash, "loser", loser, "err", err)
		return false, nil
	}
	d.gone(removed)
	return made, err
}
