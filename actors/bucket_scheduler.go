package actors

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

const (
	// backlogScan is how many accounts with unconfirmed blocks are looked at again
	// each second: what was missed, or had no room, gets its turn.
	backlogScan = 256
	// optimisticGap is how many unconfirmed blocks an account must have for its
	// head to be elected out of turn, mostly after bootstrapping: if others have
	// confirmed it, all below is confirmed with it.
	optimisticGap = 16
	// bulk is how many blocks of one commit that nobody made lately, but bootstrapping
	// brought, are looked at one by one. More of them are left to the scan: the votes
	// for the heads of their accounts, which bootstrapping asks for, confirm them long
	// before their turn.
	bulk = 64
)

// bucketScheduler decides which block is elected next. It looks at the ledger
// itself, so that all it need be told is where to look.
type bucketScheduler struct {
	env   *Env
	refs  *refs
	board *board
	cfg   bucket.Config
	log   *slog.Logger

	maxBacklog int

	machine *bucket.Scheduler
	table   bucket.Table
	cursor  lattice.Account // of the backlog scan
	backlog *backlog
	window  *bucket.Window
}

// Receive implements actor.Actor.
func (a *bucketScheduler) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.table = bucket.NewTable(bucket.Shift)
		a.machine = bucket.NewScheduler(a.cfg, a.table)
		a.backlog = newBacklog(a.maxBacklog, a.table)
		a.window = bucket.NewWindow(a.machine.Spare())
		a.refs.elections.Tell(&messages.SchedulerStarted{})
	case messages.Scheduler:
		a.handle(m)
		a.start()
		a.trim()
	}
}

func (a *bucketScheduler) handle(m messages.Scheduler) {
	switch m := m.(type) {
	case *messages.BlocksInserted:
		a.count(m.Blocks)
		a.activate(insertedAccounts(withoutBulk(m.Blocks)))
	case *messages.BlocksCemented:
		a.cemented(m)
	case *messages.Activate:
		a.activate(m.Accounts)
	case *messages.BlocksRolledBack:
		for i := range m.Blocks {
			a.machine.Gone(m.Blocks[i].Block.QualifiedRoot(), m.Blocks[i].Hash)
			a.backlog.index.Remove(m.Blocks[i].Hash)
		}
		a.activate(insertedAccounts(m.Blocks))
	case *messages.ElectionsEnded:
		for i, root := range m.Roots {
			if i < len(m.Took) && a.machine.Within(root) {
				a.window.Note(m.Took[i], a.env.Clock.Now())
			}
			a.machine.Ended(root)
		}
		a.lend()
	case *messages.ElectionsRunning:
		a.reset(m)
	case *messages.BlocksHinted:
		a.hinted(m)
	case *messages.AskScheduler:
		m.Read(a.machine, a.backlog.index)
	case *messages.BacklogTrimmed:
		a.backlog.trimming = false
	case *messages.Tick:
		a.window.Tick(m.Now)
		a.lend()
		a.backlog.tick()
		a.scan()
	}
}

// lend lets those who want more than their share have what the others do not
// miss.
func (a *bucketScheduler) lend() {
	a.window.Borrowed(a.machine.Borrowed(), a.env.Clock.Now())
	a.machine.Lend(a.window.Size())
	a.board.window.Store(int64(a.window.Open()))
}

func insertedAccounts(blocks []messages.Inserted) []lattice.Account {
	out := make([]lattice.Account, 0, len(blocks))
	for i := range blocks {
		out = append(out, blocks[i].Block.Account)
	}
	return out
}

// withoutBulk leaves out what came by bootstrap, if that is much.
func withoutBulk(blocks []messages.Inserted) []messages.Inserted {
	pulled := 0
	for i := range blocks {
		if blocks[i].Bootstrap {
			pulled++
		}
	}
	if pulled <= bulk {
		return blocks
	}
	live := make([]messages.Inserted, 0, len(blocks)-pulled)
	for i := range blocks {
		if !blocks[i].Bootstrap {
			live = append(live, blocks[i])
		}
	}
	return live
}

// cemented activates what could not be elected before: the next block of the
// account, and the block that receives what was sent.
func (a *bucketScheduler) cemented(m *messages.BlocksCemented) {
	var live, pulled []lattice.Account
	blocks := 0 // that were pulled
	for i := range m.Blocks {
		c := &m.Blocks[i]
		a.machine.Gone(c.Block.QualifiedRoot(), c.Confirmation.Hash)
		next := &live
		if !a.backlog.index.Remove(c.Confirmation.Hash) {
			next = &pulled
			blocks++
		}
		*next = append(*next, c.Block.Account)
		if c.Subtype == lattice.Send {
			*next = append(*next, lattice.Account(c.Block.Link))
		}
	}
	if blocks <= bulk {
		live = append(live, pulled...)
	}
	a.activate(live)
}

// activate looks at accounts: the first unconfirmed block of each waits for an
// election if all it depends on is confirmed.
func (a *bucketScheduler) activate(accounts []lattice.Account) {
	seen := make(map[lattice.Account]struct{}, len(accounts))
	a.read(a.env.Store.Look(func(r storage.Lookup) error {
		for _, account := range accounts {
			if _, twice := seen[account]; twice {
				continue
			}
			seen[account] = struct{}{}
			if err := a.look(r, account); err != nil {
				return err
			}
		}
		return nil
	}))
}

// view reads the ledger.
func (a *bucketScheduler) view(f func(storage.Reader) error) { a.read(a.env.Store.View(f)) }

// read takes note of how reading ended. What could not be read now is found by
// the scan later.
func (a *bucketScheduler) read(err error) {
	if err != nil {
		a.log.Error("cannot read the ledger to schedule elections", "err", err)
	}
}

// look gives the first unconfirmed block of an account its place.
func (a *bucketScheduler) look(r storage.Lookup, account lattice.Account) error {
	s, found, err := ledger.FirstUnconfirmed(r, account)
	if err != nil || !found || a.machine.Holds(s.Block.QualifiedRoot()) {
		return err
	}
	_, _, confirmed, err := ledger.Dependencies(r, &s)
	if err != nil || !confirmed {
		return err
	}
	before, used, err := a.previous(r, &s)
	if err != nil {
		return err
	}
	a.machine.Push(bucket.Candidate{
		Root: s.Block.QualifiedRoot(), Hash: s.Hash, Block: &s.Block,
		Balance: bucket.Balance(before, s.Block.Balance), Used: used,
	})
	return nil
}

// previous returns the balance before a block and when its account was used
// before it.
func (a *bucketScheduler) previous(r storage.Lookup, s *lattice.StoredBlock) (lattice.Amount, time.Time, error) {
	if s.Height == 1 {
		return lattice.Amount{}, s.Time, nil
	}
	p, found, err := r.BlockAt(s.Block.Account, s.Height-1)
	if err != nil || !found {
		return lattice.Amount{}, s.Time, err
	}
	return p.Block.Balance, p.Time, nil
}

// start has elections started for the blocks whose turn has come. While the
// election manager has no room, because cementing is behind, they keep their
// turn.
func (a *bucketScheduler) start() {
	m := &messages.StartElections{}
	tell := func() {
		if len(m.Elections) > 0 {
			a.refs.elections.Tell(m)
			m = &messages.StartElections{}
		}
	}
	for vacancy := a.board.vacancy.Load(); vacancy > 0; vacancy-- {
		s, ok := a.machine.Next()
		if !ok {
			break
		}
		if len(s.Cancel) > 0 {
			tell() // it may be one of these that has to go
			a.refs.elections.Tell(&messages.CancelElections{Roots: s.Cancel})
		}
		m.Elections = append(m.Elections, messages.WantedElection{
			Block: *s.Block, Hash: s.Hash, Behavior: election.Priority, Bucket: s.Bucket, Priority: s.Used,
		})
	}
	tell()
}

// reset takes over which elections run.
func (a *bucketScheduler) reset(m *messages.ElectionsRunning) {
	running := make([]bucket.Candidate, len(m.Elections))
	for i, e := range m.Elections {
		running[i] = bucket.Candidate{Root: e.Root, Hash: e.Hash, Balance: a.table[e.Bucket], Used: e.Priority}
	}
	a.machine.Reset(running)
}

// hinted starts elections out of turn for blocks that others vote for. Those
// that are not here are fetched.
func (a *bucketScheduler) hinted(m *messages.BlocksHinted) {
	var wanted []lattice.Hash
	a.view(func(r storage.Reader) error {
		for _, hash := range m.Hashes {
			s, found, err := r.Block(hash)
			if err != nil {
				return err
			}
			switch {
			case !found:
				wanted = append(wanted, hash)
			case !s.Confirmed:
				a.outOfTurn(&s, election.Hinted)
			}
		}
		return nil
	})
	if len(wanted) > 0 {
		a.refs.bootstrap.Tell(&messages.BlocksWanted{Hashes: wanted})
	}
}

func (a *bucketScheduler) outOfTurn(s *lattice.StoredBlock, why election.Behavior) {
	a.refs.elections.Tell(&messages.StartElections{Elections: []messages.WantedElection{
		{Block: s.Block, Hash: s.Hash, Behavior: why, Priority: s.Time},
	}})
}

// scan looks at the next accounts with unconfirmed blocks.
func (a *bucketScheduler) scan() {
	a.view(func(r storage.Reader) error {
		page, err := r.Unconfirmed(a.cursor, backlogScan)
		if err != nil {
			return err
		}
		for i := range page {
			if err := a.scanned(r, &page[i]); err != nil {
				return err
			}
		}
		if len(page) == backlogScan {
			a.cursor = page[len(page)-1].Account
		} else {
			a.cursor, a.backlog.loaded = lattice.Account{}, true
		}
		return nil
	})
}

func (a *bucketScheduler) scanned(r storage.Reader, e *lattice.AccountEntry) error {
	if e.Info.Height-e.Info.ConfirmedHeight > optimisticGap {
		head, found, err := r.Block(e.Info.Frontier)
		if err != nil {
			return err
		}
		if found {
			a.outOfTurn(&head, election.Optimistic)
		}
	}
	if err := a.load(r, e); err != nil {
		return err
	}
	return a.look(r, e.Account)
}
