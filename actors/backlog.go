package actors

import (
	"errors"
	"slices"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

const (
	// maxTrim is how many blocks may go with one victim. Of one with more, the last
	// go first.
	maxTrim = 64
	// offeredVictims bounds the victims that are remembered because they were
	// named lately, and are not named again before offeredTicks ticks.
	offeredVictims = 4096
	offeredTicks   = 5
	// loadChain is how many unconfirmed blocks of one account are counted after a
	// start.
	loadChain = 64
)

// backlog keeps the number of unconfirmed blocks within its bound. It names
// victims; the election manager passes over those that are worth keeping, and
// the block processor rolls the others back.
//
// Blocks that came by bootstrap are not in it: the bootstrap client has a bound
// of its own for them. Which ones those are is not known of the blocks that
// were there before the start; so many of them count as the bound allows, but
// they alone are never a reason to roll anything back.
type backlog struct {
	index    *bucket.Backlog
	offered  *votes.Recent[lattice.Hash]
	trimming bool // victims are named and no answer has come
	barren   bool // no victims are to be found before the next tick
	loaded   bool // what was there before the start is in the index, or had no room
	ticks    int
}

func newBacklog(limit int, table bucket.Table) *backlog {
	return &backlog{index: bucket.NewBacklog(limit, table), offered: votes.NewRecent[lattice.Hash](offeredVictims)}
}

// tick gives up waiting for an answer, and lets victims be named again.
func (b *backlog) tick() {
	b.trimming, b.barren = false, false
	if b.ticks++; b.ticks%offeredTicks == 0 && b.offered.Len() > 0 {
		b.offered = votes.NewRecent[lattice.Hash](offeredVictims)
	}
}

// count takes new blocks into the backlog.
func (a *bucketScheduler) count(blocks []messages.Inserted) {
	a.read(a.env.Store.Look(func(r storage.Lookup) error {
		for i := range blocks {
			in := &blocks[i]
			if in.Bootstrap {
				continue
			}
			s := lattice.StoredBlock{Block: in.Block, Hash: in.Hash, Height: in.Height, Time: a.env.Clock.Now()}
			if err := a.countOne(r, &s); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (a *bucketScheduler) countOne(r storage.Lookup, s *lattice.StoredBlock) error {
	before, used, err := a.previous(r, s)
	if err == nil {
		a.backlog.index.Add(s.Hash, bucket.Balance(before, s.Block.Balance), used)
	}
	return err
}

// load takes the blocks of an account that were there before the start into the
// backlog, as the scan meets them for the first time.
func (a *bucketScheduler) load(r storage.Reader, e *lattice.AccountEntry) error {
	if a.backlog.loaded || a.backlog.index.Len() >= a.maxBacklog {
		return nil
	}
	blocks, err := r.Blocks(e.Account, e.Info.ConfirmedHeight+1, loadChain)
	if err != nil {
		return err
	}
	for i := range blocks {
		if err := a.countOne(r, &blocks[i]); err != nil {
			return err
		}
	}
	return nil
}

// crowdedAt is with how many unconfirmed blocks a bucket is crowded, so that new ones
// have to wait for their turn.
const crowdedAt = 32

// postCrowd shows how full the buckets are.
func (a *bucketScheduler) postCrowd() {
	a.board.backlog.Store(int64(a.backlog.index.Len()))
	now := bucket.Crowd{Unconfirmed: a.backlog.index.Counts(), Share: crowdedAt, Next: a.machine.Turns()}
	if *a.board.crowd.Load() != now { // it is large, and most messages change nothing of it
		posted := now
		a.board.crowd.Store(&posted)
	}
}

// trim names the next victims when there are too many unconfirmed blocks.
func (a *bucketScheduler) trim() {
	b := a.backlog
	a.postCrowd()
	if b.trimming || b.barren || b.index.Over() == 0 {
		return
	}
	victims := b.index.Victims(bucket.MaxVictims, b.offered.Has)
	m := &messages.TrimBacklog{}
	planned := map[lattice.Hash]bool{} // many victims of one long chain have one plan
	a.view(func(r storage.Reader) error {
		for _, hash := range victims {
			b.offered.Add(hash)
			if s, found, err := r.Block(hash); err != nil {
				return err
			} else if !found || s.Confirmed {
				b.index.Remove(hash) // we were not told, or will be
				continue
			}
			plan, err := ledger.PlanTrim(r, hash, maxTrim)
			if err != nil {
				continue // something confirmed stands on it
			}
			if last := plan[len(plan)-1]; !planned[last] {
				planned[last] = true
				m.Plans = append(m.Plans, plan)
			}
		}
		return nil
	})
	if b.trimming, b.barren = len(m.Plans) > 0, len(m.Plans) == 0; b.trimming {
		a.refs.elections.Tell(m)
	}
}

// trim passes over the victims that are worth keeping: blocks with votes, in an
// election, or made here.
func (a *electionManager) trim(m *messages.TrimBacklog) {
	plans := slices.DeleteFunc(m.Plans, func(plan []lattice.Hash) bool { return slices.ContainsFunc(plan, a.keeps) })
	if len(plans) == 0 {
		a.refs.scheduler.Tell(&messages.BacklogTrimmed{})
		return
	}
	a.refs.blocks.Tell(&messages.RollBackBlocks{Plans: plans})
}

func (a *electionManager) keeps(hash lattice.Hash) bool {
	return a.elects(hash) || a.elections.RecentlyConfirmed(hash) || a.local.Has(hash) || !a.cache.Weight(hash).IsZero()
}

// elects reports whether a block has an election that says something for it. The
// head of every long chain is elected out of turn again and again, whether anybody
// votes for it or not: if that counted, a long chain could never be taken back.
func (a *electionManager) elects(hash lattice.Hash) bool {
	e, runs := a.elections.InfoOf(hash)
	return runs && (e.Behavior != election.Optimistic || !e.Total.IsZero() || len(e.Blocks) > 1)
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
