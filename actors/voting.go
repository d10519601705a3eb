package actors

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
)

// voting casts the votes of this node's representatives. It promises what the
// safety of the whole network rests on: a final vote is stored, and is on the
// disk, before it is signed, and only the stored one is ever signed.
type voting struct {
	env    *Env
	refs   *refs
	net    *lattice.Network
	board  *board
	keys   []crypto.PrivateKey
	window time.Duration
	hold   *voteHold
	twins  *twins
	log    *slog.Logger

	spacing *votes.Spacing
	bundle  *votes.Bundle
	waking  bool // a Wake is on its way
}

// Receive implements actor.Actor.
func (a *voting) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.spacing = votes.NewSpacing(a.net.VoteSpacing, votes.DefaultSpacingRoots)
		a.bundle = votes.NewBundle(votes.MinBundleWindow)
	case messages.Voting:
		a.handle(m)
		a.send()
	}
}

func (a *voting) handle(m messages.Voting) {
	switch m := m.(type) {
	case *messages.CastVotes:
		if len(a.keys) > 0 {
			a.cast(m.Requests)
		}
	case *messages.FinalVotesStored:
		for _, f := range m.Votes {
			a.bundle.Add(f.Hash, true)
		}
	case *messages.VotesAsked:
		a.askProofs(m)
		if len(a.keys) > 0 {
			a.answer(m)
		}
		messages.Release(m.Credit)
	case *messages.Tick:
		a.hold.holds(m.Now)
		a.spacing.Tick(m.Now)
		a.bundle.SetWindow(votes.Window(len(a.board.quorum.Load().online), a.window))
	case *messages.Wake:
		a.waking = false
	}
}

// cast takes up the wishes of this node's elections.
func (a *voting) cast(requests []messages.VoteRequest) {
	now := a.env.Clock.Now()
	if a.hold.holds(now) {
		return // the elections ask again
	}
	var store []lattice.FinalVote
	err := a.env.Store.Look(func(r storage.Lookup) error {
		for _, q := range requests {
			final, ok, err := a.mayVote(r, &q)
			switch {
			case err != nil:
				return fmt.Errorf("block %v: %w", q.Hash, err)
			case !ok:
			case q.Final || final:
				store = append(store, lattice.FinalVote{Root: q.Root, Hash: q.Hash})
			case a.spacing.Allow(q.Root, q.Hash, now) && a.bundle.Add(q.Hash, false):
				a.spacing.Voted(q.Root, q.Hash, now)
			}
		}
		return nil
	})
	if err != nil {
		a.log.Error("cannot read the ledger to vote; the elections will ask again", "err", err)
	}
	if len(store) > 0 {
		a.refs.blocks.Tell(&messages.StoreFinalVotes{Votes: store})
	}
}

// mayVote reports whether a block may be voted for: it is in the ledger, what
// it depends on is confirmed, and no final vote went to another block of its
// root. final tells that a final vote for it is stored already.
func (a *voting) mayVote(r storage.Lookup, q *messages.VoteRequest) (final, ok bool, err error) {
	stored, found, err := r.FinalVote(q.Root)
	if err != nil || found && stored != q.Hash {
		return false, false, err
	}
	block, inLedger, err := r.Block(q.Hash)
	if err != nil || !inLedger {
		return false, false, err
	}
	if block.Confirmed {
		a.bundle.Add(q.Hash, true) // can never change again: needs no store
		return false, false, nil
	}
	_, _, confirmed, err := ledger.Dependencies(r, &block)
	return found, confirmed, err
}

// answer tells a peer what it asked for: final votes for what is confirmed, at
// once and to it alone; for the rest the votes of this node, as far as it may
// vote at all, go to everybody.
func (a *voting) answer(m *messages.VotesAsked) {
	var confirmed []lattice.Hash
	var open []messages.VoteRequest
	err := a.env.Store.Look(func(r storage.Lookup) error {
		for _, q := range m.Asked {
			block, found, err := r.Block(q.Hash)
			switch {
			case err != nil:
				return err
			case found && block.Confirmed:
				if confirmed, err = appendFree(confirmed, r, q.Hash); err != nil {
					return err
				}
			case found:
				open = append(open, messages.VoteRequest{Root: block.Block.QualifiedRoot(), Hash: q.Hash})
			default: // pruned, or never here: the frontier confirms all below it
				info, err := r.Account(q.Account)
				if err != nil {
					return err
				}
				if info.ConfirmedHeight == 0 {
					continue
				}
				if confirmed, err = appendFree(confirmed, r, info.ConfirmedFrontier); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		a.log.Error("cannot read the ledger to answer a peer", "conn", m.Conn, "err", err)
		return
	}
	a.replyFinal(m.Conn, unique(confirmed))
	a.cast(open)
}

// appendFree appends a confirmed block, unless this node has voted finally for
// another one of its root: others have decided without it, and still it says one
// thing only.
func appendFree(hashes []lattice.Hash, r storage.Lookup, hash lattice.Hash) ([]lattice.Hash, error) {
	block, found, err := r.Block(hash)
	if err != nil || !found {
		return hashes, err
	}
	voted, bound, err := r.FinalVote(block.Block.QualifiedRoot())
	if err != nil || bound && voted != hash {
		return hashes, err
	}
	return append(hashes, hash), nil
}

// askProofs has the elections pass on what others said of a root on which a peer
// asks about more than one block: it cannot decide it. See ADR 12. On other roots
// they do so for a peer that cannot hear everybody, see ADR 25.
func (a *voting) askProofs(m *messages.VotesAsked) {
	ask := &messages.ProofsAsked{Conn: m.Conn}
	needy := a.board.needy.Load()
	for _, q := range m.Asked {
		switch {
		case slices.ContainsFunc(m.Asked, func(o messages.AskedBlock) bool { return o.Account == q.Account && o.Hash != q.Hash }):
			ask.Hashes = append(ask.Hashes, q.Hash)
		case needy:
			ask.Open = append(ask.Open, q.Hash)
		}
	}
	if len(ask.Hashes)+len(ask.Open) > 0 {
		a.refs.elections.Tell(ask)
	}
}

// replyFinal sends final votes for confirmed blocks to one peer.
func (a *voting) replyFinal(conn messages.ConnID, hashes []lattice.Hash) {
	if len(hashes) == 0 {
		return
	}
	for _, key := range a.keys {
		v := &lattice.Vote{Timestamp: lattice.FinalTimestamp, Hashes: hashes}
		a.env.signVote(v, a.net.ID, key)
		a.twins.mine(v)
		a.refs.peer(conn).Tell(&messages.SendFrame{Frame: frame(a.net, &wire.Vote{Vote: *v})})
	}
}

// unique drops repeats, keeping the order.
func unique(hashes []lattice.Hash) []lattice.Hash {
	seen := make(map[lattice.Hash]struct{}, len(hashes))
	out := hashes[:0]
	for _, h := range hashes {
		if _, twice := seen[h]; !twice {
			seen[h] = struct{}{}
			out = append(out, h)
		}
	}
	return out
}

// send signs and publishes what is due, and has itself woken for what is not.
func (a *voting) send() {
	now := a.env.Clock.Now()
	for _, batch := range a.bundle.Due(now) {
		for _, key := range a.keys {
			a.publish(a.sign(key, batch, now))
		}
	}
	if at, waits := a.bundle.Next(); waits && !a.waking {
		a.waking = true
		after(a.env, at.Sub(now), a.refs.voting, messages.Voting(&messages.Wake{}))
	}
}

func (a *voting) sign(key crypto.PrivateKey, b votes.Batch, now time.Time) *lattice.Vote {
	v := &lattice.Vote{Timestamp: lattice.VoteTimestamp(now), Hashes: b.Hashes}
	if b.Final {
		v.Timestamp = lattice.FinalTimestamp
	}
	a.env.signVote(v, a.net.ID, key)
	a.twins.mine(v)
	return v
}

// publish tells a vote to the network and to this node's own elections.
func (a *voting) publish(v *lattice.Vote) {
	a.refs.votes.Tell(&messages.VoteArrived{Vote: v})
	a.refs.flood(a.net, &wire.Vote{Vote: *v}, messages.ReachOwnVote, 0)
}
