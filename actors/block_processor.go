package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/pace"
	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire/rpc"
)

// Bounds of one commit.
const (
	// maxBatchBlocks is how many blocks one commit inserts at most: big batches
	// make the most of sorted inserts, and this many take about 50 ms.
	maxBatchBlocks = 2048
	// maxBatchCemented is how many blocks one commit cements at most; what is left
	// goes into the next one.
	maxBatchCemented = 2048
	// retryWrites is how often a node that cannot write tries again.
	retryWrites = 2 * time.Second
	// syncPatience is how long the answer to a wait for the disk may take before it
	// is taken for lost.
	syncPatience = 30 * time.Second
	// maxUnsynced is how many final votes may wait for the next sync, while a disk
	// hangs for example. What is beyond it is not told, and asked for again.
	maxUnsynced = 8192
	// commitPause is by how much each block, final vote or confirmation a second
	// makes the pause between two commits longer, mostCommitPause how long it gets:
	// 2 ms at 50 blocks/s, 45 ms at 1,000.
	commitPause     = 15 * time.Microsecond
	mostCommitPause = 50 * time.Millisecond
	// mostGathered is how many blocks wait for more at most: each has a credit of the
	// connection that it came by, which must not run out of them.
	mostGathered = linkCredits / 2
)

// blockProcessor owns the write transaction. It gathers what arrives until
// nothing is queued or the batch is full, and carries it out in one commit;
// everybody is told after the commit.
type blockProcessor struct {
	env     *Env
	refs    *refs
	net     *lattice.Network
	board   *board
	inbox   *mailbox.Inbox
	gaps    *bootstrap.Gaps
	pulled  *bootstrap.Gaps // of blocks that this node had asked for
	log     *slog.Logger
	batch   batch
	confirm []messages.ConfirmBlock // quorum reached, not all cemented yet

	retryAt time.Time // while read-only: when to try to write again

	unsee      func(lattice.Hash) // takes a block out of the duplicate filter
	unseeAll   func()             // empties it
	refusals   *refusals
	maxBacklog int
	// maxRollback is how many blocks one commit takes back for the winner of a fork.
	maxRollback int
	admission   admission
	unsynced    []lattice.FinalVote // committed, and perhaps not on the disk; at most maxUnsynced
	syncing     time.Time           // since when the disk is waited for; zero: it is not
	live        int                 // blocks of the batch that this node had not asked for
	perBlock    time.Duration       // how long a block of a commit took lately
	pace        *pace.Pace          // of commits
	next        time.Time           // when the next commit is due
	pausing     bool                // a CommitDue is on its way
}

// batch is what the next commit has to carry out.
type batch struct {
	blocks  []*messages.ProcessBlock
	forces  []*messages.ForceBlock
	finals  []lattice.FinalVote
	samples []lattice.WeightSample
	peers   []lattice.Peer
	values  []*messages.StoreValue
	trims   [][]lattice.Hash // as in RollBackBlocks
	prune   *messages.PruneBlocks
}

func (b *batch) empty() bool {
	return b.prune == nil && len(b.blocks)+len(b.forces)+len(b.finals)+len(b.samples)+len(b.peers)+len(b.values)+len(b.trims) == 0
}

// Receive implements actor.Actor.
func (a *blockProcessor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.refusals, a.admission = newRefusals(), newAdmission()
		a.pace = pace.New(commitPause, mostCommitPause)
		a.board.gathered.Store(0)
		a.gaps = bootstrap.NewGaps(bootstrap.DefaultGapsConfig())
		a.pulled = bootstrap.NewGaps(bootstrap.PulledGapsConfig())
		a.recall()
	case *actor.Restarting, *actor.Stopping:
		a.giveBack()
	case messages.BlockProcessor:
		a.handle(m)
		if len(a.batch.blocks) >= a.room() || a.inbox.Len() == 0 && a.due() {
			a.commit()
		}
	}
}

// due reports whether what waits may be committed now. When much comes it waits
// for more, since a commit of few blocks costs almost as much as one of many; see
// ADR 22. What this node asked others for comes in crowds anyway.
func (a *blockProcessor) due() bool {
	now := a.env.Clock.Now()
	switch {
	case a.batch.empty() && len(a.confirm) == 0, a.pace.Due(a.next, now):
		return true
	case a.live < len(a.batch.blocks), a.live >= mostGathered:
		return true
	}
	a.board.gathered.Store(int64(a.live))
	if !a.pausing {
		a.pausing = true
		after(a.env, a.next.Sub(now), a.refs.blocks, messages.BlockProcessor(&messages.CommitDue{}))
	}
	return false
}

// items is how much of the batch makes commits wait for more.
func (a *blockProcessor) items() int { return a.live + len(a.batch.finals) + len(a.confirm) }

func (a *blockProcessor) handle(m messages.BlockProcessor) {
	switch m := m.(type) {
	case *messages.ProcessBlock:
		a.board.stir()
		a.batch.blocks = append(a.batch.blocks, m)
		if !m.Bootstrap {
			a.live++
		}
	case *messages.Synced:
		a.synced(m.Err)
	case *messages.Wake:
		a.admission.waking = false
	case *messages.CommitDue:
		a.pausing = false
	case *messages.ConfirmBlock:
		a.confirm = append(a.confirm, *m)
	case *messages.ForceBlock:
		a.batch.forces = append(a.batch.forces, m)
	case *messages.AskBlock:
		m.Reply(a.fate(m.Hash), nil)
	case *messages.AskWaiting:
		m.Reply(a.waiting(m.Offset, m.Most), nil)
	case *messages.RollBackBlocks:
		a.batch.trims = append(a.batch.trims, m.Plans...)
	case *messages.PruneBlocks:
		a.batch.prune = m
	case *messages.StoreFinalVotes:
		a.batch.finals = append(a.batch.finals, m.Votes...)
	case *messages.StoreWeightSample:
		a.batch.samples = append(a.batch.samples, m.Sample)
	case *messages.StorePeers:
		a.batch.peers = m.Peers
	case *messages.StoreValue:
		a.batch.values = append(a.batch.values, m)
	case *messages.Tick:
		if !a.syncing.IsZero() && m.Now.Sub(a.syncing) > syncPatience {
			a.synced(nil) // we were not told
		}
		a.gaps.Tick(m.Now)
		a.pulled.Tick(m.Now)
		a.postWaiting()
		if a.board.writeFailure() != "" && !m.Now.Before(a.retryAt) {
			a.probe(m.Now)
		}
	}
}

// postWaiting shows how many blocks wait for others.
func (a *blockProcessor) postWaiting() {
	a.board.unchecked.Store(uint64(a.gaps.Stats().Len + a.pulled.Stats().Len))
}

// giveBack answers everything that waits when the actor is about to lose its
// memory: nobody may wait for ever, and no credit may be lost.
func (a *blockProcessor) giveBack() {
	for _, m := range a.batch.blocks {
		m.Refused(mailbox.ErrFailed)
	}
	a.batch = batch{}
	a.giveBackHeld(mailbox.ErrFailed)
	a.unseeAll() // the blocks that wait for others are forgotten, too
}

// recall tells how far the ledger is: an actor that failed may have committed
// something and not told it, and nothing more may come for a long time.
func (a *blockProcessor) recall() {
	var counts lattice.Counts
	err := a.env.Store.View(func(r storage.Reader) (err error) {
		counts, err = r.Counts()
		return err
	})
	if err != nil {
		a.log.Error("cannot read the database", "err", err)
		return
	}
	a.board.confirmed(counts.Cemented)
	a.refs.elections.Tell(&messages.ProcessorStarted{Confirmed: counts.Cemented})
}

// probe finds out whether writing works again.
func (a *blockProcessor) probe(now time.Time) {
	a.retryAt = now.Add(retryWrites)
	err := a.env.Store.UpdateDurable(func(tx storage.Tx) error {
		return tx.SetValue("write_probe", []byte(now.UTC().Format(time.RFC3339)))
	})
	if err == nil {
		a.log.Info("writing to the database works again")
		a.board.setReadOnly("")
	}
}

// job is one block on its way through a commit.
type job struct {
	*messages.ProcessBlock // nil for a block that had waited for another one
	block                  lattice.Block
	hash                   lattice.Hash
	conn                   messages.ConnID // who brought it; 0: made here
	pulled                 bool            // this node had asked for it
	verified               bool            // its signature was checked before
	bad                    bool            // its signature is wrong
	known                  bool
	err                    error
	// waits and missing say which block this one waits for.
	waits   bool
	missing lattice.Hash
	source  bool
	rival   *lattice.StoredBlock // on a fork: the unconfirmed block in its place
}

// done is everything that one transaction did.
type done struct {
	jobs       []*job                  // all, each once
	queue      []*job                  // those to be tried; grows
	waiting    map[lattice.Hash][]*job // refused for want of a block that this transaction may still insert
	inserted   []messages.Inserted
	rolledBack []messages.Inserted
	cemented   []ledger.Cemented
	finals     []lattice.FinalVote
	confirm    []messages.ConfirmBlock // still to be cemented
	forces     []*messages.ForceBlock  // for which more has to go
	already    []lattice.Hash          // to be cemented, and was before
	trimmed    bool                    // victims of the backlog were tried
	pruned     *messages.BlocksPruned
}

// commit carries out the batch.
func (a *blockProcessor) commit() {
	items := a.items()
	a.live = 0
	a.board.gathered.Store(0)
	if reason := a.board.readOnly(); reason != "" {
		a.refuseAll(fmt.Errorf("%w: %s", rpc.ErrReadOnly, reason))
		return
	}
	began := a.env.Clock.Now()
	a.batch.blocks = append(a.admit(a.batch.blocks), a.release(began)...)
	if a.batch.empty() && len(a.confirm) == 0 {
		return
	}
	jobs := a.check(a.batch.blocks)
	var d *done
	err := a.env.Store.Update(func(tx storage.Tx) error {
		d = &done{jobs: jobs, queue: jobs, waiting: map[lattice.Hash][]*job{}}
		err := a.carryOut(tx, d)
		a.learn(len(jobs), a.env.Clock.Now().Sub(began))
		return err
	})
	ended := a.env.Clock.Now()
	a.paid(began, ended)
	a.next = a.pace.Done(items, ended)
	if err != nil {
		a.writeFailed(err)
		return
	}
	prune := a.batch.prune
	a.batch, a.confirm = batch{blocks: a.batch.blocks}, d.confirm
	a.tell(d)
	a.batch = batch{}
	if prune != nil {
		a.shrink(prune, d.pruned)
	}
	for _, f := range d.forces { // go on with the rest after what is queued
		a.refs.blocks.Tell(f)
	}
	if len(a.confirm) > 0 { // likewise
		last := a.confirm[len(a.confirm)-1]
		a.confirm = a.confirm[:len(a.confirm)-1]
		a.refs.blocks.Tell(&last)
	}
}

// refuseAll answers the batch with an error. What consensus asked for is asked
// again by itself.
func (a *blockProcessor) refuseAll(err error) {
	for _, m := range a.batch.blocks {
		m.Refused(err)
	}
	a.batch, a.confirm = batch{}, nil
	a.giveBackHeld(err)
}

// writeFailed answers a batch whose transaction was not committed. Nothing of
// it is in the ledger. The node stays readable.
func (a *blockProcessor) writeFailed(err error) {
	reason := err.Error()
	switch {
	case errors.Is(err, storage.ErrDiskFull):
		reason = "the disk is full: " + reason
	case errors.Is(err, storage.ErrCorrupt):
		reason = "the database is corrupt: " + reason
	}
	a.log.Error("cannot write to the database; the node is read-only until it can", "err", err)
	a.board.setReadOnly(reason)
	a.retryAt = a.env.Clock.Now().Add(retryWrites)
	a.refuseAll(fmt.Errorf("%w: %s", rpc.ErrReadOnly, reason))
	a.unseeAll() // blocks that had waited for others were to be part of it
}

// awaitSync notes final votes that were committed, to be told when they are on the
// disk.
func (a *blockProcessor) awaitSync(finals []lattice.FinalVote) {
	a.unsynced = append(a.unsynced, finals[:min(len(finals), maxUnsynced-len(a.unsynced))]...)
	a.sync()
}

// sync has the final votes that were committed reach the disk, and only then the
// voting actor told. Meanwhile commits go on; what they bring shares the next
// wait. See ADR 9.
func (a *blockProcessor) sync() {
	if !a.syncing.IsZero() || len(a.unsynced) == 0 {
		return
	}
	stored := &messages.FinalVotesStored{Votes: a.unsynced}
	a.unsynced, a.syncing = nil, a.env.Clock.Now()
	a.env.Workers.Go(func() {
		err := a.env.Store.Sync()
		if err == nil {
			a.refs.voting.Tell(stored)
		}
		a.refs.blocks.Tell(&messages.Synced{Err: err})
	})
}

// synced ends a wait for the disk. Votes that did not reach it are asked for
// again by their elections.
func (a *blockProcessor) synced(err error) {
	a.syncing = time.Time{}
	if err != nil && !errors.Is(err, storage.ErrClosed) {
		a.unsynced = nil
		a.writeFailed(err)
		return
	}
	a.sync()
}

// check finds out which blocks are new, and checks the signatures of those, all
// outside the write transaction: nobody else writes, so what is known stays
// known.
func (a *blockProcessor) check(blocks []*messages.ProcessBlock) []*job {
	jobs := make([]*job, len(blocks))
	for i, m := range blocks {
		jobs[i] = &job{ProcessBlock: m, block: m.Block, hash: m.Hash, conn: m.Conn, pulled: m.Bootstrap}
	}
	err := a.env.Store.Look(func(r storage.Lookup) error {
		for _, j := range jobs {
			info, err := r.Account(j.block.Account)
			if err == nil && j.block.Previous != info.Frontier { // else it is new: the account would not end there
				_, j.known, err = r.Block(j.hash)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		a.log.Error("cannot read the database", "err", err) // the transaction will say so too
	}
	unchecked := make([]*job, 0, len(jobs))
	for _, j := range jobs {
		if !j.known {
			unchecked = append(unchecked, j)
		}
	}
	a.env.Workers.Split(len(unchecked), func(from, to int) {
		verifyBlocks(a.env, unchecked[from:to])
	})
	return jobs
}

// verifyBlocks checks signatures as a batch.
func verifyBlocks(env *Env, jobs []*job) {
	checks := make([]crypto.Check, len(jobs))
	for i, j := range jobs {
		checks[i] = crypto.Check{Key: j.block.Account.Key(), Message: j.hash[:], Signature: j.block.Signature}
	}
	for i, good := range env.verify(checks) {
		jobs[i].verified, jobs[i].bad = good, !good
	}
}

// carryOut does everything in the batch within tx. An error means that the
// store failed, not that a block was refused.
func (a *blockProcessor) carryOut(tx storage.Tx, d *done) error {
	for _, f := range a.batch.finals {
		stored, err := tx.PutFinalVote(f.Root, f.Hash)
		if err != nil {
			return fmt.Errorf("storing a final vote: %w", err)
		}
		d.finals = append(d.finals, lattice.FinalVote{Root: f.Root, Hash: stored})
	}
	for _, f := range a.batch.forces {
		if err := a.force(tx, d, f); err != nil {
			return fmt.Errorf("forcing block %v: %w", f.Hash, err)
		}
	}
	for i := 0; i < len(d.queue); i++ { // an insertion frees what waited for it
		if err := a.insert(tx, d, d.queue[i]); err != nil {
			return fmt.Errorf("inserting block %v: %w", d.queue[i].hash, err)
		}
	}
	if err := a.cement(tx, d); err != nil {
		return fmt.Errorf("cementing: %w", err)
	}
	d.trimmed = len(a.batch.trims) > 0
	for _, plan := range a.batch.trims {
		if err := a.trim(tx, d, plan); err != nil {
			return fmt.Errorf("trimming the backlog: %w", err)
		}
	}
	if a.batch.prune != nil {
		if err := a.prune(tx, d, a.batch.prune); err != nil {
			return fmt.Errorf("pruning: %w", err)
		}
	}
	for _, s := range a.batch.samples {
		if err := tx.PutWeightSample(s, a.net.WeightSamples); err != nil {
			return fmt.Errorf("storing a weight sample: %w", err)
		}
	}
	if a.batch.peers != nil {
		if err := tx.PutPeers(a.batch.peers); err != nil {
			return fmt.Errorf("storing peers: %w", err)
		}
	}
	for _, v := range a.batch.values {
		if err := tx.SetValue(v.Name, v.Value); err != nil {
			return fmt.Errorf("storing the value %q: %w", v.Name, err)
		}
	}
	return nil
}

// insert tries one block.
func (a *blockProcessor) insert(tx storage.Tx, d *done, j *job) error {
	if j.bad {
		j.err = ledger.BadSignature
		return nil
	}
	c, err := tx.Context(&j.block, j.hash, a.env.Clock.Now())
	if err != nil {
		return err
	}
	c.SignatureVerified = j.verified
	effects, refusal := ledger.Validate(a.net, &j.block, c)
	if refusal != nil {
		return a.refused(tx, d, j, refusal)
	}
	if err := tx.Apply(&effects); err != nil {
		return err
	}
	a.inserted(d, j, &effects)
	return nil
}

// inserted notes an insertion and lets the blocks that waited for it follow:
// those of earlier commits, and those that came before it in this one, as they
// do when two peers deliver parts of one chain.
func (a *blockProcessor) inserted(d *done, j *job, e *ledger.Effects) {
	in := messages.Inserted{Hash: e.Hash, Block: e.Block, Height: e.Height, Subtype: e.Subtype, Conn: j.conn}
	in.Local = j.ProcessBlock != nil && j.conn == 0
	in.Bootstrap = j.pulled // what it waited for says nothing: the bound on live blocks holds for those that came too early
	d.inserted = append(d.inserted, in)
	for _, g := range a.gaps.Take(e.Hash) {
		freed := &job{block: *g.Block.Block, hash: g.Hash, conn: messages.ConnID(g.Source), verified: true}
		d.jobs, d.queue = append(d.jobs, freed), append(d.queue, freed)
	}
	for _, g := range a.pulled.Take(e.Hash) {
		freed := &job{block: *g.Block.Block, hash: g.Hash, conn: messages.ConnID(g.Source), pulled: true, verified: true}
		d.jobs, d.queue = append(d.jobs, freed), append(d.queue, freed)
	}
	for _, j := range d.waiting[e.Hash] {
		j.err, j.waits, j.source = nil, false, false
		d.queue = append(d.queue, j)
	}
	delete(d.waiting, e.Hash)
}

// refused finds out what the rest of the node must know of a refused block.
func (a *blockProcessor) refused(tx storage.Tx, d *done, j *job, refusal error) error {
	j.err = refusal
	switch outcome, _ := ledger.OutcomeOf(refusal); outcome {
	case ledger.GapPrevious:
		j.waits, j.missing = true, j.block.Previous
	case ledger.GapSource:
		j.waits, j.missing, j.source = true, lattice.Hash(j.block.Link), true
	case ledger.Fork:
		rival, err := a.rival(tx, &j.block)
		if err != nil {
			return err
		}
		var before lattice.Amount
		if rival != nil && rival.Height > 1 {
			below, _, err := tx.BlockAt(j.block.Account, rival.Height-1)
			if err != nil {
				return err
			}
			before = below.Block.Balance
		}
		if err := ledger.CheckWork(a.net, &j.block, before); rival != nil && err != nil {
			j.err = err // or the winner of the election could never take its place
			return nil
		}
		j.rival = rival
	}
	if j.waits {
		d.waiting[j.missing] = append(d.waiting[j.missing], j)
	}
	return nil
}

// cement makes confirmed blocks final, dependencies first.
func (a *blockProcessor) cement(tx storage.Tx, d *done) error {
	for i, target := range a.confirm {
		room := maxBatchCemented - len(d.cemented)
		if room <= 0 {
			d.confirm = append(d.confirm, a.confirm[i:]...)
			return nil
		}
		order, more, err := ledger.CementOrder(tx, target.Hash, room)
		if errors.Is(err, ledger.ErrNotFound) {
			// A fork's winner that is not in yet, then its election asks again; or it was
			// cemented, and is pruned by now.
			settled, err := ledger.Settled(tx, target.Root)
			if err != nil {
				return err
			}
			if settled {
				d.already = append(d.already, target.Hash)
			}
			continue
		}
		if err != nil {
			return err
		}
		for _, h := range order {
			c, err := tx.Cement(h)
			if err != nil {
				return err
			}
			d.cemented = append(d.cemented, c)
		}
		if more {
			d.confirm = append(d.confirm, target)
		} else if len(order) == 0 {
			d.already = append(d.already, target.Hash)
		}
	}
	return nil
}

// tell spreads what was committed. The order matters to nobody but readers of
// logs: whoever misses a fact finds it in the ledger.
func (a *blockProcessor) tell(d *done) {
	a.awaitSync(d.finals)
	if len(d.rolledBack) > 0 {
		a.refs.elections.Tell(&messages.BlocksRolledBack{Blocks: d.rolledBack})
		a.refs.scheduler.Tell(&messages.BlocksRolledBack{Blocks: d.rolledBack})
		a.log.Info("rolled back", "blocks", len(d.rolledBack), "last", d.rolledBack[0].Hash)
	}
	if len(d.inserted) > 0 {
		m := &messages.BlocksInserted{Blocks: d.inserted}
		a.refs.elections.Tell(m) // before the scheduler: it must know which blocks were made here
		a.refs.scheduler.Tell(m)
		a.refs.peers.Tell(m)
		a.floodLocal(d.inserted)
	}
	if d.trimmed {
		a.refs.scheduler.Tell(&messages.BacklogTrimmed{})
	}
	for _, j := range d.jobs {
		if j.ProcessBlock != nil { // settled from here on: not to be given back if this fails
			a.batch.blocks = a.batch.blocks[1:]
		}
		a.settle(j)
	}
	a.tellPulled(d)
	for i := range d.rolledBack {
		a.unsee(d.rolledBack[i].Hash) // it may come again, and is needed then
	}
	if len(d.rolledBack) > 0 { // after what was refused: it may wait for another block now
		a.refs.bootstrap.Tell(&messages.BlocksRolledBack{Blocks: d.rolledBack})
	}
	if len(d.cemented) > 0 {
		a.tellCemented(d.cemented)
	}
	if len(d.already) > 0 { // it was not heard of, or the repeat was on its way
		a.refs.elections.Tell(&messages.CementedBefore{Hashes: d.already})
	}
}

// tellPulled tells the bootstrap client of everything at once, so that it does
// not ask for what it is about to be told of.
func (a *blockProcessor) tellPulled(d *done) {
	m := &messages.PullsSettled{Inserted: d.inserted}
	for _, j := range d.jobs {
		if !j.pulled || j.err == nil {
			continue
		}
		outcome, _ := ledger.OutcomeOf(j.err)
		m.Refused = append(m.Refused, messages.Settled{Account: j.block.Account, Hash: j.hash, Outcome: outcome, Missing: j.missing})
	}
	if len(m.Inserted)+len(m.Refused) == 0 {
		return
	}
	m.Held, m.Room = a.pulled.Stats().Len, bootstrap.PulledGapsConfig().Max
	a.refs.bootstrap.Tell(m)
}

// floodLocal publishes the blocks that were made on this node.
func (a *blockProcessor) floodLocal(inserted []messages.Inserted) {
	for i := range inserted {
		if inserted[i].Local {
			a.refs.flood(a.net, publish(&inserted[i].Block), messages.ReachOwnBlock, 0)
		}
	}
}

func (a *blockProcessor) tellCemented(cemented []ledger.Cemented) {
	m := &messages.BlocksCemented{Blocks: cemented}
	a.refs.elections.Tell(m)
	a.refs.votes.Tell(m)
	a.refs.scheduler.Tell(m)
	a.refs.pruner.Tell(m)
	if a.refs.wallet != nil {
		a.refs.wallet.Tell(m)
	}
	a.board.followed.add(cemented)
	a.board.confirmed(cemented[len(cemented)-1].Confirmation.Sequence)
}

// settle ends one block: who waits is told, gaps are kept, forks and offences
// reported.
func (a *blockProcessor) settle(j *job) {
	if j.ProcessBlock != nil {
		j.Answer(j.err)
	}
	a.refusals.note(j, a.env.Clock.Now())
	switch {
	case j.bad:
		if j.Restore != nil {
			j.Restore() // the same block with its true signature must not be taken for a repeat
		}
		if j.conn != 0 {
			a.refs.peers.Tell(&messages.PeerMisbehaved{Conn: j.conn, Kind: peering.BadSignature, Text: "block " + j.hash.String()})
		}
	case errors.Is(j.err, ledger.InsufficientWork):
		a.unsee(j.hash) // work is no part of the hash: the block with enough of it must not be taken for a repeat
		if j.conn != 0 {
			a.refs.peers.Tell(&messages.PeerMisbehaved{Conn: j.conn, Kind: peering.BadWork, Text: "block " + j.hash.String()})
		}
	case j.waits && j.pulled:
		a.pulled.Put(j.missing, bootstrap.Block{Block: &j.block, Hash: j.hash}, peering.ConnID(j.conn), a.env.Clock.Now())
	case j.waits && j.conn != 0: // what the RPC was refused changes nothing
		// What is dropped must not be taken for a repeat when it is published again.
		kept, gone := a.gaps.Put(j.missing, bootstrap.Block{Block: &j.block, Hash: j.hash}, peering.ConnID(j.conn), a.env.Clock.Now())
		if !kept {
			gone = j.hash
		}
		a.postWaiting()
		if !gone.IsZero() {
			a.unsee(gone)
		}
		a.refs.bootstrap.Tell(&messages.GapSeen{Account: j.block.Account, Missing: j.missing, Source: j.source})
	case j.rival != nil:
		m := &messages.ForkSeen{Block: j.block, Hash: j.hash, Rival: j.rival.Block, RivalHash: j.rival.Hash}
		if j.ProcessBlock != nil {
			m.Head = j.Head
		}
		a.refs.elections.Tell(m)
	}
}
