package actors

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/quorum"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// answerTimeout is how long the RPC waits for an actor to answer a question. An
// actor that has no time for so long is overloaded.
const answerTimeout = 2 * time.Second

// ask puts a question to an actor and waits for the answer. put must have one of
// its two functions called at most once, on any goroutine.
func ask[T any](ctx context.Context, put func(answer func(T), fail func(error))) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	put(func(v T) { results <- result{v, nil} }, func(err error) { results <- result{err: rpcError(err)} })
	timeout, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	select {
	case r := <-results:
		return r.value, r.err
	case <-timeout.Done():
		var none T
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		return none, fmt.Errorf("%w: no answer within %v", rpc.ErrOverloaded, answerTimeout)
	}
}

// askElections reads something of the elections.
func askElections[T any](ctx context.Context, r *refs, read func(*election.Elections) T) (T, error) {
	return ask(ctx, func(answer func(T), fail func(error)) {
		r.elections.Tell(&messages.AskElections{Read: func(e *election.Elections) { answer(read(e)) }, Fail: fail})
	})
}

// askScheduler reads something of the scheduler.
func askScheduler[T any](ctx context.Context, r *refs, read func(*bucket.Scheduler, *bucket.Backlog) T) (T, error) {
	return ask(ctx, func(answer func(T), fail func(error)) {
		r.scheduler.Tell(&messages.AskScheduler{Read: func(s *bucket.Scheduler, l *bucket.Backlog) { answer(read(s, l)) }, Fail: fail})
	})
}

// Elections implements rpc.Backend.
func (b backend) Elections(ctx context.Context) (rpc.ElectionsState, error) {
	return askElections(ctx, b.refs, func(e *election.Elections) rpc.ElectionsState {
		return rpc.ElectionsState{Running: e.List(), Ended: e.History(), Stats: e.Stats(), Latency: e.Latency(), Now: b.env.Clock.Now()}
	})
}

// found is an election that may not be there.
type found[T any] struct {
	value T
	ok    bool
}

// Election implements rpc.Backend.
func (b backend) Election(ctx context.Context, root lattice.QualifiedRoot) (election.Info, bool, error) {
	f, err := askElections(ctx, b.refs, func(e *election.Elections) found[election.Info] {
		info, ok := e.Info(root)
		return found[election.Info]{info, ok}
	})
	return f.value, f.ok, err
}

// ElectionOf implements rpc.Backend.
func (b backend) ElectionOf(ctx context.Context, hash lattice.Hash) (election.Info, bool, error) {
	f, err := askElections(ctx, b.refs, func(e *election.Elections) found[election.Info] {
		info, ok := e.InfoOf(hash)
		return found[election.Info]{info, ok}
	})
	return f.value, f.ok, err
}

// Elect implements rpc.Backend.
func (b backend) Elect(ctx context.Context, block *lattice.Block, hash lattice.Hash) error {
	reason, err := ask(ctx, func(answer func(election.Reason), fail func(error)) {
		b.refs.elections.Tell(&messages.ElectByHand{Block: *block, Hash: hash, Reply: func(r election.Reason, err error) {
			if err != nil {
				fail(err)
			} else {
				answer(r)
			}
		}})
	})
	if err == nil && (reason == election.Full || reason == election.Behind) {
		err = fmt.Errorf("%w: %v", rpc.ErrOverloaded, reason)
	}
	return err
}

// electByHand starts an election out of turn.
func (a *electionManager) electByHand(m *messages.ElectByHand, now time.Time) election.Reason {
	started, reason := a.elections.Start(election.Candidate{
		Block: m.Block, Hash: m.Hash, Behavior: election.Manual, Priority: now, Local: a.local.Has(m.Hash),
	}, now)
	if started {
		a.liveness.Began(m.Hash, now)
		a.replay(m.Hash, now)
		a.joinForks(m.Block.QualifiedRoot(), now)
	}
	return reason
}

// Buckets implements rpc.Backend.
func (b backend) Buckets(ctx context.Context) (rpc.BucketsState, error) {
	return askScheduler(ctx, b.refs, func(s *bucket.Scheduler, l *bucket.Backlog) rpc.BucketsState {
		return rpc.BucketsState{Buckets: s.Stats(), Limits: s.Limits(), Unconfirmed: l.Counts(), Backlog: l.Len(), MaxBacklog: l.Limit()}
	})
}

// Position implements rpc.Backend.
func (b backend) Position(ctx context.Context, root lattice.QualifiedRoot) (bucket.Position, bool, error) {
	f, err := askScheduler(ctx, b.refs, func(s *bucket.Scheduler, _ *bucket.Backlog) found[bucket.Position] {
		at, ok := s.Position(root)
		return found[bucket.Position]{at, ok}
	})
	return f.value, f.ok, err
}

// Fate implements rpc.Backend.
func (b backend) Fate(ctx context.Context, hash lattice.Hash) (out rpc.BlockFate, err error) {
	f, err := ask(ctx, func(answer func(messages.BlockFate), fail func(error)) {
		b.refs.blocks.Tell(&messages.AskBlock{Hash: hash, Reply: func(f messages.BlockFate, err error) {
			if err != nil {
				fail(err)
			} else {
				answer(f)
			}
		}})
	})
	switch {
	case err != nil || f.Account.IsZero():
	case f.Err != nil:
		out.Refused = &rpc.RefusedBlock{Account: f.Account, Why: f.Err, Time: f.Time}
	default:
		out.Waiting = &rpc.WaitingBlock{Account: f.Account, Missing: f.Missing, Since: f.Time}
	}
	return out, err
}

// UncheckedBlocks implements rpc.Backend.
func (b backend) UncheckedBlocks(ctx context.Context, offset, most int) ([]rpc.UncheckedBlock, bool, error) {
	page, err := ask(ctx, func(answer func(messages.WaitingBlocks), fail func(error)) {
		b.refs.blocks.Tell(&messages.AskWaiting{Offset: offset, Most: most, Reply: func(w messages.WaitingBlocks, err error) {
			if err != nil {
				fail(err)
			} else {
				answer(w)
			}
		}})
	})
	list := make([]rpc.UncheckedBlock, len(page.Blocks))
	for i, w := range page.Blocks {
		list[i] = rpc.UncheckedBlock(w)
	}
	return list, page.More, err
}

// Republish implements rpc.Backend.
func (b backend) Republish(blocks []lattice.Block) {
	for i := range blocks {
		b.refs.flood(b.cfg.Network, publish(&blocks[i]), messages.ReachOwnBlock, 0)
	}
}

// WorkPeers implements rpc.Backend.
func (b backend) WorkPeers() []netip.AddrPort { return b.workPeers.list() }

// AddWorkPeer implements rpc.Backend.
func (b backend) AddWorkPeer(a netip.AddrPort) bool { return b.workPeers.add(a) }

// ClearWorkPeers implements rpc.Backend.
func (b backend) ClearWorkPeers() { b.workPeers.clear() }

// Liveness implements rpc.Backend.
func (b backend) Liveness() []quorum.RepLiveness {
	return append([]quorum.RepLiveness(nil), *b.board.liveness.Load()...)
}

// LookAtElections has the elections looked at on their actor's turn, as
// messages.AskElections says, without waiting for it. When the actor has no room
// for the question, read is not called.
func (n *Node) LookAtElections(read func(*election.Elections)) {
	n.refs.elections.Tell(&messages.AskElections{Read: read, Fail: func(error) {}})
}

// Held returns how many blocks of crowded buckets wait to be taken in.
func (n *Node) Held() int { return int(n.board.held.Load()) }

// HeldOwn returns how many of them came by the RPC, so that somebody waits for an
// answer.
func (n *Node) HeldOwn() int { return int(n.board.heldOwn.Load()) }

// Decided returns how many elections have a winner that is not final in the ledger
// yet: with nothing to do there are none.
func (n *Node) Decided() int { return int(n.board.decided.Load()) }

// AtRest reports whether all actors run, none has anything to do, and no mailbox ever
// held more than it may.
func (n *Node) AtRest() bool { return n.system.Health().AtRest() }

// Gathered returns how many blocks wait for more to be committed with; they have
// their credits still.
func (n *Node) Gathered() int { return int(n.board.gathered.Load()) }

// LookAtScheduler does the same with what waits for an election.
func (n *Node) LookAtScheduler(read func(*bucket.Scheduler)) {
	n.refs.scheduler.Tell(&messages.AskScheduler{Read: func(s *bucket.Scheduler, _ *bucket.Backlog) { read(s) }, Fail: func(error) {}})
}
