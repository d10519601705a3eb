package actors

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
)

const (
	// progressValue is the name under which the progress of the scan is stored.
	progressValue = "bootstrap_progress"
	// storeProgress is how often it is stored while it changes.
	storeProgress = 5 * time.Second
	// headsAtOnce is how many accounts are asked about in each tick while there is
	// much to be confirmed: the vote for a head confirms all below it.
	headsAtOnce = 256
	// headsFrom is how many unconfirmed blocks are much. Fewer are left to the
	// elections.
	headsFrom = 256
	// headsFor is how long after the last delivery heads are asked for: a flood of
	// live blocks is no reason to.
	headsFor = 2 * time.Minute
)

// bootstrapClient asks peers for what this node misses and has it processed like
// any other block.
type bootstrapClient struct {
	env   *Env
	refs  *refs
	net   *lattice.Network
	cfg   bootstrap.Config
	board *board
	log   *slog.Logger

	machine *bootstrap.Client
	rng     *rand.Rand
	stored  []byte // the progress as it was stored last; nil: none
	storeAt time.Time

	delivered uint64          // blocks, when it was last looked
	asking    time.Time       // until then heads are asked for
	cursor    lattice.Account // where the next heads are looked for
}

// Receive implements actor.Actor.
func (a *bootstrapClient) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		// After a failure the peers still answer what was asked before it: numbers that
		// no earlier instance has reached tell these answers from those to come.
		cfg := a.cfg
		cfg.FirstID = uint64(max(0, a.env.Clock.Now().UnixNano()))
		a.machine = bootstrap.New(cfg)
		a.rng = a.env.rand(nameBootstrap)
		a.restore()
		a.refs.peers.Tell(&messages.PeersWanted{})
	case messages.Bootstrap:
		err := a.env.Store.View(func(r storage.Reader) error {
			if err := a.handle(m, r); err != nil {
				return err
			}
			return a.carryOut(r)
		})
		if err != nil {
			a.log.Error("cannot read the ledger to bootstrap", "err", err)
		}
	}
}

// restore goes on with the scan where an earlier run was. Progress is only a
// shortcut: without it the scan starts anew.
func (a *bootstrapClient) restore() {
	err := a.env.Store.View(func(r storage.Reader) (err error) {
		a.stored, _, err = r.Value(progressValue)
		return err
	})
	var p bootstrap.Progress
	if err == nil && a.stored != nil {
		err = p.UnmarshalBinary(a.stored)
	}
	if err != nil {
		a.log.Warn("the scan for missing blocks starts anew", "err", err)
		return
	}
	a.machine.Restore(p)
}

// tick posts how far the client is, and stores it if it has changed.
func (a *bootstrapClient) tick(now time.Time, r storage.Reader) error {
	counts, err := r.Counts()
	if err != nil {
		return fmt.Errorf("counting unconfirmed blocks: %w", err)
	}
	a.board.unconfirmed.Store(counts.Blocks - counts.Cemented)
	live := uint64(a.board.backlog.Load()) // has a bound of its own; counted a little apart in time
	a.machine.Unconfirmed(counts.Blocks - counts.Cemented - min(live, counts.Blocks-counts.Cemented))
	a.machine.Tick(now)
	stats := a.machine.Stats(now)
	a.board.bootstrap.Store(&stats)
	if stats.Delivered != a.delivered {
		a.delivered, a.asking = stats.Delivered, now.Add(headsFor)
	}
	if counts.Blocks-counts.Cemented >= headsFrom && now.Before(a.asking) {
		if err := a.askHeads(r); err != nil {
			return err
		}
	}
	if now.Before(a.storeAt) {
		return nil
	}
	a.storeAt = now.Add(storeProgress)
	var progress []byte
	if p := a.machine.Progress(); len(p.Cursors) > 0 {
		progress, _ = p.AppendBinary(nil)
	}
	if !bytes.Equal(progress, a.stored) {
		a.stored = progress
		a.refs.blocks.Tell(&messages.StoreValue{Name: progressValue, Value: progress})
	}
	return nil
}

// askHeads asks for votes on the heads of the next accounts that have
// unconfirmed blocks. Elections alone would confirm a long ledger block by
// block.
func (a *bootstrapClient) askHeads(r storage.Reader) error {
	page, err := r.Unconfirmed(a.cursor, headsAtOnce)
	if err != nil {
		return fmt.Errorf("looking for heads to confirm: %w", err)
	}
	a.cursor = lattice.Account{}
	if len(page) == headsAtOnce {
		a.cursor = page[len(page)-1].Account
	}
	for len(page) > 0 {
		n := min(len(page), wire.MaxConfirmBlocks)
		m := &messages.Solicit{Blocks: make([]messages.SolicitedBlock, n)}
		for i := range page[:n] {
			m.Blocks[i] = messages.SolicitedBlock{Account: page[i].Account, Hash: page[i].Info.Frontier}
		}
		a.refs.peers.Tell(m)
		page = page[n:]
	}
	return nil
}

func (a *bootstrapClient) handle(m messages.Bootstrap, r storage.Reader) error {
	now := a.env.Clock.Now()
	switch m := m.(type) {
	case *messages.Tick:
		return a.tick(m.Now, r)
	case *messages.Wake:
	case *messages.PeerUp:
		a.machine.PeerUp(peering.ConnID(m.Conn), now)
	case *messages.PeerDown:
		a.machine.PeerDown(peering.ConnID(m.Conn), now)
	case *messages.FrontiersArrived:
		defer messages.Release(m.Credit)
		page := make([]bootstrap.Frontier, len(m.Frontiers))
		for i, f := range m.Frontiers {
			page[i] = bootstrap.Frontier{Account: f.Account, Hash: f.Hash, Height: f.Height, Pruned: f.PrunedHeight}
		}
		return a.machine.Frontiers(peering.ConnID(m.Conn), m.ID, page, r, now)
	case *messages.BlocksArrived:
		defer messages.Release(m.Credit)
		answer := bootstrap.Blocks{Code: bootstrap.Code(m.Status), First: m.FirstHeight, Pruned: m.Pruned}
		for i := range m.Blocks {
			answer.Blocks = append(answer.Blocks, bootstrap.Block{Block: &m.Blocks[i], Hash: a.net.HashOf(&m.Blocks[i])})
		}
		return a.machine.Pulled(peering.ConnID(m.Conn), m.ID, answer, r, now)
	case *messages.GapSeen:
		if m.Source {
			a.machine.Missing(m.Missing, m.Account, now)
		} else {
			a.machine.Behind(m.Account, now)
		}
	case *messages.BlocksWanted:
		for _, hash := range m.Hashes {
			a.machine.Wanted(hash)
		}
	case *messages.PullsSettled:
		a.settled(m, now)
	case *messages.BlocksRolledBack:
		for i := range m.Blocks {
			a.machine.RolledBack(m.Blocks[i].Block.Account)
		}
	case *messages.PullRefused:
		a.machine.Refused(m.Account, now)
	}
	return nil
}

// settled tells the machine what a commit did.
func (a *bootstrapClient) settled(m *messages.PullsSettled, now time.Time) {
	a.machine.Buffer(m.Held, m.Room)
	for i := range m.Inserted {
		b := &m.Inserted[i]
		a.machine.Inserted(b.Block.Account, b.Hash, b.Height, now)
	}
	for i := range m.Refused {
		switch s := &m.Refused[i]; s.Outcome {
		case ledger.Old:
			a.machine.Known(s.Account, s.Hash, now)
		case ledger.GapSource:
			a.machine.Missing(s.Missing, s.Account, now)
		case ledger.GapPrevious: // follows another one that waits, or that was refused
		default:
			a.machine.Failed(s.Account, now)
		}
	}
}

// carryOut does what the machine says.
func (a *bootstrapClient) carryOut(local storage.Reader) error {
	r, err := a.machine.Ready(local, a.env.Clock.Now(), a.rng)
	for i := range r.Requests {
		a.ask(&r.Requests[i])
	}
	for i := range r.Deliver {
		a.deliver(&r.Deliver[i])
	}
	for _, b := range r.Bad {
		kind := peering.BadReply
		if b.Reason == bootstrap.Stalled {
			kind = peering.Stalling
		}
		a.refs.peers.Tell(&messages.PeerMisbehaved{Conn: messages.ConnID(b.Conn), Kind: kind, Text: b.Reason.String()})
	}
	return err
}

func (a *bootstrapClient) ask(q *bootstrap.Request) {
	var m wire.Message
	switch {
	case q.Kind == bootstrap.AskFrontiers:
		m = &wire.FrontierReq{ID: q.ID, Start: q.Account, Count: uint16(q.Count)}
	case q.Mode == bootstrap.ByHash:
		m = &wire.PullReq{ID: q.ID, Mode: wire.PullByHash, Key: q.Hash, Count: uint8(q.Count)}
	default:
		m = &wire.PullReq{ID: q.ID, Mode: wire.PullByHeight, Key: q.Account, StartHeight: q.Height, Count: uint8(q.Count)}
	}
	a.refs.peer(messages.ConnID(q.Conn)).Tell(&messages.SendFrame{Frame: frame(a.net, m)})
}

func (a *bootstrapClient) deliver(d *bootstrap.Delivery) {
	for _, b := range d.Blocks {
		a.refs.blocks.Tell(&messages.ProcessBlock{
			Block: *b.Block, Hash: b.Hash, Conn: messages.ConnID(d.Conn), Bootstrap: true, Head: d.Head,
			Reply: func(r messages.BlockResult) {
				if _, judged := ledger.OutcomeOf(r.Err); r.Err != nil && !judged { // else PullsSettled tells
					a.refs.bootstrap.Tell(&messages.PullRefused{Account: b.Account})
				}
			},
		})
	}
}
