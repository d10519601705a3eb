package actors

import (
	"errors"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// While there are half as many unconfirmed blocks again as there may be, blocks
// of peers come in at a fixed pace: rolling back has to be faster. It never
// stops: among them are those of accounts that nobody floods.
const (
	throttleBlocks = 64
	throttlePause  = 100 * time.Millisecond
)

// throttles reports whether a block has to wait.
func (a *blockProcessor) throttles(m *messages.ProcessBlock) bool {
	over := a.board.backlog.Load() > int64(a.maxBacklog)*3/2
	return m.Conn != 0 && !m.Bootstrap && (over || len(a.held) > 0)
}

// hold keeps a block back. It holds on to its credit, so that whoever floods is
// not read any more. The fair queue has seen to it that no peer has more than
// its turn here.
func (a *blockProcessor) hold(m *messages.ProcessBlock) {
	if len(a.held) >= maxBatchBlocks {
		m.Refused(mailbox.ErrFull)
		return
	}
	a.held = append(a.held, m)
}

// release lets go what may go now, and has itself woken for the rest.
func (a *blockProcessor) release() {
	if len(a.held) == 0 || a.waking {
		return
	}
	n := min(throttleBlocks, len(a.held), max(0, maxBatchBlocks-len(a.batch.blocks)))
	a.batch.blocks = append(a.batch.blocks, a.held[:n]...)
	a.held = slices.Delete(a.held, 0, n)
	a.waking = true
	after(a.env, throttlePause, a.refs.blocks, messages.BlockProcessor(&messages.Wake{}))
}

// trim rolls a victim of the backlog back, with what depends on it, if that is
// still what it was when it was found to be worth nothing.
func (a *blockProcessor) trim(tx storage.Tx, d *done, plan []lattice.Hash) error {
	victim := plan[len(plan)-1]
	now, err := ledger.PlanRollback(tx, victim, maxTrim)
	switch {
	case errors.Is(err, ledger.ErrNotFound), errors.Is(err, ledger.ErrConfirmed), errors.Is(err, ledger.ErrTooMany):
		return nil
	case err != nil:
		return err
	case !slices.Equal(now, plan):
		return nil
	}
	removed, err := ledger.Rollback(tx, victim, maxTrim, tx.Revert)
	d.gone(removed)
	return err
}

// gone notes what was rolled back.
func (d *done) gone(removed []ledger.Effects) {
	for i := range removed {
		e := &removed[i]
		d.rolledBack = append(d.rolledBack, messages.Inserted{Hash: e.Hash, Block: e.Block, Height: e.Height, Subtype: e.Subtype})
	}
}
