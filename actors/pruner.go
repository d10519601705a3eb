package actors

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// Pruning goes on in small steps. The pause after each is in proportion to how
// long the block processor took to come to it, so that pruning takes about a
// third of what is left of its time, and next to nothing while it is busy.
const (
	// pruneEffort is about how many blocks are looked at in one step, and the most
	// that are removed.
	pruneEffort = 512
	// pruneAccounts is how many accounts one step of a round looks at.
	pruneAccounts = 256
	// pruneHints bounds the accounts that are remembered because a block of theirs
	// was confirmed; more are found by the next round.
	pruneHints = 4096
	// pruneTidy is how many entries of the confirmation sequence one step reads.
	pruneTidy = 4096
	// pruneShrink is how many bytes one step gives back.
	pruneShrink = 1 << 20

	pruneLeast = 10 * time.Millisecond
	pruneLong  = 5 * time.Second
	// pruneAgain is the pause after a round that removed something: it may have made
	// more removable. pruneRest is the pause after one that did not, and pruneCheck
	// that between two looks at the size of the ledger.
	pruneAgain = 10 * time.Second
	pruneRest  = 10 * time.Minute
	pruneCheck = 10 * time.Second
	// pruneAnswer is how long the answer of the block processor may take.
	pruneAnswer = time.Minute
)

// pruner decides which old blocks go, and when. It reads the ledger itself; the
// block processor removes. What it forgets by a restart, or misses, the next round
// through all accounts finds.
type pruner struct {
	env   *Env
	refs  *refs
	board *board
	log   *slog.Logger
	bytes int64 // that the ledger may take; 0: any
	start *messages.SetPruning

	depth ledger.Depth
	hints []pruneHint
	known map[lattice.Account]struct{} // in hints

	round  *pruneRound // nil between two
	next   time.Time   // of the next round
	look   time.Time   // when the size is looked at next
	tidy   uint64      // where the confirmation sequence is tidied next; 0: not now
	shrink bool

	asked   time.Time // when the block processor was asked; zero: it owes no answer
	tidying bool      // that was asked with it
	waking  bool
	failed  bool // the ledger could not be read: until the next tick
}

// pruneHint is where there may be something to remove: the newest blocks of an
// account, or a send whose receive was confirmed.
type pruneHint struct {
	account lattice.Account
	send    lattice.Hash // zero: the account
}

// pruneRound is a walk through all accounts.
type pruneRound struct {
	page    []lattice.AccountEntry // accounts that come next, read ahead
	after   lattice.Account        // where the next page begins
	last    bool                   // there is none
	height  uint64                 // where to go on in the chain of the first of page; 0: at its beginning
	removed int
	longest uint64 // blocks that are kept of one account
	done    bool   // every account was looked at
}

// Receive implements actor.Actor.
func (a *pruner) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.known = make(map[lattice.Account]struct{})
		a.set(a.start.Blocks, a.start.Bytes)
	case messages.Pruner:
		a.handle(m)
	}
}

func (a *pruner) handle(m messages.Pruner) {
	switch m := m.(type) {
	case *messages.BlocksCemented:
		a.hint(m)
	case *messages.SetPruning:
		a.set(m.Blocks, m.Bytes)
	case *messages.BlocksPruned:
		a.answered(m)
	case *messages.Wake:
		a.waking = false
		a.step(a.env.Clock.Now())
	case *messages.Tick:
		a.failed = false
		if !a.asked.IsZero() && m.Now.Sub(a.asked) > pruneAnswer {
			a.asked = time.Time{}
		}
		a.watch(m.Now)
		if !a.waking {
			a.step(m.Now)
		}
	}
}

// set starts anew with other settings.
func (a *pruner) set(blocks uint64, bytes int64) {
	a.bytes = bytes
	a.depth = ledger.NewDepth(blocks, bytes)
	a.round, a.next, a.look = nil, time.Time{}, time.Time{}
	a.post(0, 0)
}

func (a *pruner) post(used, free int64) {
	a.board.pruning.Store(&pruningView{keep: a.depth.Keep(), budget: a.bytes, used: used, free: free, short: a.depth.Short(inFile(used))})
}

// inFile is the size of the file for so many bytes in use: a little that is free
// is not worth being given back.
func inFile(used int64) int64 { return used + used/32 }

// hint remembers the accounts that may now have more blocks than are kept, and the
// sends that nothing holds any longer.
func (a *pruner) hint(m *messages.BlocksCemented) {
	keep := a.depth.Keep()
	if keep == 0 {
		return
	}
	for i := range m.Blocks {
		c := &m.Blocks[i]
		if len(a.hints) >= pruneHints {
			return
		}
		if c.Subtype == lattice.Receive || c.Subtype == lattice.Open {
			a.hints = append(a.hints, pruneHint{send: lattice.Hash(c.Block.Link)})
		}
		account := c.Confirmation.Account
		if _, twice := a.known[account]; c.Confirmation.Height > keep && !twice {
			a.known[account] = struct{}{}
			a.hints = append(a.hints, pruneHint{account: account})
		}
	}
}

// watch starts a round when it is time, or when the ledger has grown too large.
func (a *pruner) watch(now time.Time) {
	if a.round != nil || a.tidy > 0 || a.shrink || now.Before(a.look) || !a.asked.IsZero() {
		return
	}
	a.look = now.Add(pruneCheck)
	used, free, err := a.env.Store.Space()
	if err != nil {
		a.log.Error("cannot measure the ledger", "err", err)
		return
	}
	a.post(used, free)
	over := a.bytes > 0 && inFile(used) > a.bytes && !a.depth.Short(inFile(used))
	if over || a.depth.Keep() > 0 && !now.Before(a.next) {
		a.round = &pruneRound{}
	}
}

// step does the next piece of work, if there is one and nothing is under way.
func (a *pruner) step(now time.Time) {
	if !a.asked.IsZero() || a.failed {
		return
	}
	if a.round == nil && len(a.hints) == 0 && a.tidy == 0 && !a.shrink {
		return
	}
	m := &messages.PruneBlocks{}
	err := a.env.Store.View(func(r storage.Reader) error {
		if err := a.planHints(r, m); err != nil || len(m.Plans) > 0 {
			return err
		}
		return a.planRound(r, m)
	})
	if err != nil {
		a.failed = true
		a.log.Error("cannot read the ledger to prune it", "err", err)
		return
	}
	if a.round != nil && a.round.done && len(m.Plans) == 0 { // all that was planned is carried out
		a.ended(now)
	}
	if a.shrink || len(m.Plans) > 0 {
		m.Shrink = pruneShrink
	}
	if len(m.Plans) == 0 && a.round == nil {
		m.Tidy, m.Most = a.tidy, pruneTidy
	}
	switch {
	case len(m.Plans) > 0 || m.Tidy > 0 || m.Shrink > 0:
		a.asked, a.tidying = now, m.Tidy > 0
		a.refs.blocks.Tell(m)
	case a.round != nil:
		a.pause(pruneLeast)
	}
}

// planHints plans for accounts of which blocks were confirmed lately.
func (a *pruner) planHints(r storage.Reader, m *messages.PruneBlocks) error {
	for effort := pruneEffort; effort > 0 && len(a.hints) > 0; {
		hint := a.hints[0]
		a.hints = a.hints[1:]
		delete(a.known, hint.account)
		plan, err := a.planHint(r, hint, effort)
		if err != nil {
			return err
		}
		effort -= max(1, len(plan.Blocks))
		if len(plan.Blocks) > 0 {
			m.Plans = append(m.Plans, plan)
		}
	}
	return nil
}

func (a *pruner) planHint(r storage.Reader, hint pruneHint, effort int) (ledger.Pruning, error) {
	from := uint64(0)
	if !hint.send.IsZero() {
		send, found, err := r.Block(hint.send)
		if err != nil || !found {
			return ledger.Pruning{}, err
		}
		hint.account, from, effort = send.Block.Account, send.Height, 1
	}
	info, err := r.Account(hint.account)
	if err != nil {
		return ledger.Pruning{}, err
	}
	if from == 0 {
		from = info.PrunedHeight + 1
	}
	plan, _, err := ledger.PlanPrune(r, hint.account, a.depth.Keep(), from, effort)
	return plan, err
}

// planRound plans for the next accounts of the round.
func (a *pruner) planRound(r storage.Reader, m *messages.PruneBlocks) error {
	if a.round == nil || a.round.done {
		return nil
	}
	for effort, looked := pruneEffort, 0; effort > 0 && looked < pruneAccounts; looked++ {
		if err := a.round.fill(r); err != nil || a.round.done {
			return err
		}
		e := &a.round.page[0]
		a.round.longest = max(a.round.longest, e.Info.Height-e.Info.PrunedHeight)
		if ledger.PruneLimit(e.Info, a.depth.Keep()) == 0 {
			a.round.page = a.round.page[1:]
			continue
		}
		plan, next, err := ledger.PlanPrune(r, e.Account, a.depth.Keep(), a.round.height, effort)
		if err != nil {
			return err
		}
		effort -= len(plan.Blocks)
		if len(plan.Blocks) > 0 {
			m.Plans = append(m.Plans, plan)
		}
		if a.round.height = next; next == 0 {
			a.round.page = a.round.page[1:]
		}
	}
	return nil
}

// fill reads on when all accounts of the page were looked at.
func (r *pruneRound) fill(from storage.Reader) (err error) {
	if len(r.page) > 0 {
		return nil
	}
	if r.done = r.last; r.done {
		return nil
	}
	if r.page, err = from.Accounts(r.after, pruneAccounts); err != nil {
		return err
	}
	r.height = 0
	more := len(r.page) == pruneAccounts
	if more {
		r.after, more = accountAfter(r.page[len(r.page)-1].Account)
	}
	r.last = !more
	r.done = len(r.page) == 0
	return nil
}

// accountAfter returns the key that follows, and false when there is none.
func accountAfter(k lattice.Account) (lattice.Account, bool) {
	for i := len(k) - 1; i >= 0; i-- {
		if k[i]++; k[i] != 0 {
			return k, true
		}
	}
	return k, false
}

// ended ends a round. What it made free is given back, and if that is not enough
// there is another one.
func (a *pruner) ended(now time.Time) {
	done := a.round
	a.round, a.next, a.look = nil, now.Add(pruneRest), now.Add(pruneCheck)
	if done.removed > 0 {
		a.tidy, a.next = 1, now.Add(pruneAgain)
	}
	used, free, err := a.env.Store.Space()
	if err != nil {
		a.log.Error("cannot measure the ledger", "err", err)
		return
	}
	before := a.depth.Keep()
	if a.depth.Adjust(inFile(used), done.longest) {
		a.log.Info("the ledger keeps another number of blocks of each account, for its size", "blocks", a.depth.Keep(), "before", before, "bytes", used, "limit", a.bytes)
		a.round = &pruneRound{}
	}
	a.post(used, free)
}

// answered goes on after a pause.
func (a *pruner) answered(m *messages.BlocksPruned) {
	if a.asked.IsZero() {
		return // it came too late, and the question was asked again
	}
	took := a.env.Clock.Now().Sub(a.asked)
	a.asked = time.Time{}
	if a.round != nil {
		a.round.removed += m.Removed
	}
	if a.tidying {
		a.tidy = m.Tidied
	}
	a.shrink = m.More
	if a.round != nil || a.tidy > 0 || a.shrink || len(a.hints) > 0 {
		a.pause(min(max(2*took, pruneLeast), pruneLong))
	}
}

func (a *pruner) pause(d time.Duration) {
	if !a.waking {
		a.waking = true
		after(a.env, d, a.refs.pruner, messages.Pruner(&messages.Wake{}))
	}
}

// pruningView is what is kept, and how large the ledger is.
type pruningView struct {
	keep       uint64 // blocks of an account, now; 0: all
	budget     int64  // bytes; 0: any number
	used, free int64  // of the file
	short      bool   // larger than the budget, and nothing more can go
}

// prune removes what a plan names. A plan that does not fit is no failure of the
// store, and is never carried out in part.
func (a *blockProcessor) prune(tx storage.Tx, d *done, m *messages.PruneBlocks) error {
	d.pruned = &messages.BlocksPruned{}
	for i := range m.Plans {
		n, err := tx.Prune(m.Plans[i])
		if err != nil { // if it was the store that failed, the commit does too
			a.log.Warn("cannot prune", "account", m.Plans[i].Account, "err", err)
		}
		d.pruned.Removed += n
	}
	if m.Tidy > 0 {
		var err error
		d.pruned.Tidied, err = tx.TidyConfirmations(m.Tidy, m.Most)
		return err
	}
	return nil
}

// shrink gives space back after a commit.
func (a *blockProcessor) shrink(m *messages.PruneBlocks, answer *messages.BlocksPruned) {
	if m.Shrink > 0 {
		more, err := a.env.Store.Shrink(m.Shrink)
		if err != nil {
			a.writeFailed(err)
			return
		}
		answer.More = more
	}
	a.refs.pruner.Tell(answer)
}
