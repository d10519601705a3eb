package actors

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// fork takes a competing block into the election of its root. It is remembered
// too: where no election can start now, the fork joins the one that does later.
func (a *electionManager) fork(m *messages.ForkSeen, now time.Time) {
	root := m.Block.QualifiedRoot()
	a.forks.Put(m.Block, m.Hash)
	a.makeWay(m, now)
	if a.elections.RunsRoot(root) {
		a.join(m.Block, m.Hash, now)
		return
	}
	if !a.votable(m.RivalHash) && !a.finalElsewhere(m.Hash) {
		return // its turn comes when what it depends on is confirmed
	}
	// Out of turn: while the root is not decided, nobody can use the account.
	started, reason := a.elections.Start(election.Candidate{Block: m.Rival, Hash: m.RivalHash, Behavior: election.Forked, Priority: now}, now)
	if !started {
		a.log.Debug("no election for a fork", "root", root, "why", reason)
		return
	}
	a.liveness.Began(m.RivalHash, now)
	a.replay(m.RivalHash, now)
	a.joinForks(root, now)
}

// finalElsewhere reports whether others have voted finally for a block, so that it
// is worth to ask the rest about it whatever is not confirmed here. Who has pruned
// what the block stands on answers a question about that with its newest block: a
// node that has a rival of it could ask for ever, and never hear delta for either.
func (a *electionManager) finalElsewhere(hash lattice.Hash) bool {
	_, final := a.cached(hash)
	return !final.IsZero() && !final.Less(a.hintWeight())
}

// makeWay puts a fork into the ledger without a vote for it, when more than a third of
// the weight, so that somebody honest is among them, has voted finally for a block that
// stands on it. Who has pruned a root cannot say any more which of its blocks won: all
// questions about it, and about what is below, are answered with the newest block of the
// account, which cannot come in here as long as the loser is in its way. See ADR 24.
func (a *electionManager) makeWay(m *messages.ForkSeen, now time.Time) {
	root := m.Block.QualifiedRoot()
	if m.Head.IsZero() || m.Head == m.Hash || a.elections.Decided(root) || !a.finalElsewhere(m.Head) {
		return
	}
	if _, final := a.cached(m.Head); !a.quorum.Honest(final) {
		// Some have; the others may have been asked about blocks only that they still have.
		a.refs.peers.Tell(&messages.Solicit{Blocks: []messages.SolicitedBlock{{Account: m.Block.Account, Hash: m.Head}}})
		return
	}
	if !a.forks.MakeWay(root, now) {
		return
	}
	a.log.Info("a fork takes the place of a block: others have voted for what stands on it", "root", root, "loser", m.RivalHash, "winner", m.Hash, "head", m.Head)
	a.elections.GiveWay(root, m.Hash, now)
	a.refs.blocks.Tell(&messages.ForceBlock{Winner: m.Block, Hash: m.Hash})
}

// joinForks takes the remembered forks of a root into its election.
func (a *electionManager) joinForks(root lattice.QualifiedRoot, now time.Time) {
	for _, f := range a.forks.Of(root) {
		a.join(f.Block, f.Hash, now)
	}
}

// join lets a fork compete. One for which there is no room, because the others have
// as many votes, must not be taken for a repeat when it comes again: by then more is
// known of who wants it.
func (a *electionManager) join(b lattice.Block, hash lattice.Hash, now time.Time) {
	if a.elections.Fork(b, hash, a.cache.Weight(hash), now) {
		a.replay(hash, now)
	} else if !a.elections.Runs(hash) && !a.elections.Decided(b.QualifiedRoot()) {
		a.unseeBlock(hash)
	}
}

// votable reports whether a block is in the ledger and representatives may vote
// for it: what it depends on is confirmed. An election on another one would
// hold its place for nothing.
func (a *electionManager) votable(hash lattice.Hash) (yes bool) {
	err := a.env.Store.View(func(r storage.Reader) error {
		s, found, err := r.Block(hash)
		if err != nil || !found || s.Confirmed {
			return err
		}
		_, _, yes, err = ledger.Dependencies(r, &s)
		return err
	})
	if err != nil {
		a.log.Error("cannot read the ledger to elect a fork", "block", hash, "err", err)
	}
	return yes
}

// lookAgain finds out which block of each root is in the ledger. The block processor
// has failed, perhaps between a commit and telling of it: an election that took its
// winner for the one that is there would never ask for it.
func (a *electionManager) lookAgain(now time.Time) {
	err := a.env.Store.View(func(r storage.Reader) error {
		for _, listed := range a.elections.List() {
			e, _ := a.elections.Info(listed.Root)
			here := lattice.Hash{}
			for i := range e.Blocks {
				_, found, err := r.Block(e.Blocks[i].Hash)
				if err != nil {
					return err
				}
				if found {
					here = e.Blocks[i].Hash
				}
			}
			if here.IsZero() {
				a.elections.Gone(e.Root, e.InLedger, now)
			} else {
				a.elections.Inserted(e.Root, here)
			}
		}
		return nil
	})
	if err != nil {
		a.log.Error("cannot read the ledger to see which blocks are there", "err", err)
	}
}
