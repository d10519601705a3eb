package actors

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// maxBatchVotes is how many votes are checked together.
	maxBatchVotes = 256
	// recentlyCemented is how many of the last final blocks are remembered: a vote
	// that names nothing else is dropped unchecked.
	recentlyCemented = 8192
	// maxVoices is how many pairs of representative and connection are told to the
	// peer supervisor in each voicesEvery.
	maxVoices   = 1024
	voicesEvery = 30 * time.Second
)

// voteProcessor checks the signatures of votes before elections count them. The
// costly check comes last: votes without weight, and votes about blocks that
// are final here, are dropped before it; the heaviest go first.
type voteProcessor struct {
	env      *Env
	refs     *refs
	net      *lattice.Network
	inbox    *mailbox.Inbox
	weights  map[lattice.Account]lattice.Amount
	cemented *votes.Recent[lattice.Hash]
	voices   *votes.Recent[voice]
	tellAt   time.Time // when voices are told anew
	batch    []*messages.VoteArrived
}

// Receive implements actor.Actor.
func (a *voteProcessor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.cemented = votes.NewRecent[lattice.Hash](recentlyCemented)
		a.voices = votes.NewRecent[voice](maxVoices)
		a.refs.elections.Tell(&messages.WeightsWanted{})
	case *actor.Restarting, *actor.Stopping:
		for _, v := range a.batch {
			v.Refused(mailbox.ErrFailed)
		}
		a.batch = nil
	case messages.Votes:
		a.handle(m)
		if a.inbox.Len() == 0 || len(a.batch) >= maxBatchVotes {
			a.check()
		}
	}
}

func (a *voteProcessor) handle(m messages.Votes) {
	switch m := m.(type) {
	case *messages.VoteArrived:
		if a.useful(m.Vote) {
			a.batch = append(a.batch, m)
		} else {
			messages.Release(m.Credit)
		}
	case *messages.WeightsChanged:
		a.weights = m.Weights
	case *messages.BlocksCemented:
		for i := range m.Blocks {
			a.cemented.Add(m.Blocks[i].Confirmation.Hash)
		}
	case *messages.Tick:
		if !m.Now.Before(a.tellAt) {
			a.tellAt = m.Now.Add(voicesEvery)
			a.voices = votes.NewRecent[voice](maxVoices)
		}
	}
}

// useful reports whether a vote can change anything.
func (a *voteProcessor) useful(v *lattice.Vote) bool {
	if a.weights[v.Representative].IsZero() {
		return false
	}
	return slices.ContainsFunc(v.Hashes, func(h lattice.Hash) bool { return !a.cemented.Has(h) })
}

// check verifies the batch, heaviest representatives first, and passes on what
// is good.
func (a *voteProcessor) check() {
	if len(a.batch) == 0 {
		return
	}
	batch := a.batch
	a.batch = nil
	slices.SortStableFunc(batch, func(x, y *messages.VoteArrived) int {
		return a.weights[y.Vote.Representative].Cmp(a.weights[x.Vote.Representative])
	})
	good := make([]bool, len(batch))
	a.env.Workers.Split(len(batch), func(from, to int) {
		a.verify(batch[from:to], good[from:to])
	})
	passed := make([]messages.VerifiedVote, 0, len(batch))
	for i, m := range batch {
		messages.Release(m.Credit)
		switch {
		case good[i]:
			passed = append(passed, messages.VerifiedVote{Vote: m.Vote, Conn: m.Conn})
			a.seen(m)
		case m.Conn != 0:
			a.refs.peers.Tell(&messages.PeerMisbehaved{Conn: m.Conn, Kind: peering.BadSignature, Text: "vote of " + m.Vote.Representative.String()})
		}
	}
	if len(passed) > 0 {
		a.refs.elections.Tell(&messages.VotesVerified{Votes: passed})
	}
}

// voice is a representative that speaks through a connection.
type voice struct {
	conn messages.ConnID
	rep  lattice.Account
}

// seen tells the peer supervisor where a representative can be found, once in
// a while.
func (a *voteProcessor) seen(m *messages.VoteArrived) {
	if m.Conn != 0 && a.voices.Add(voice{m.Conn, m.Vote.Representative}) {
		a.refs.peers.Tell(&messages.RepresentativeSeen{Conn: m.Conn, Account: m.Vote.Representative})
	}
}

// verify checks signatures as a batch. This node's own votes need no check.
func (a *voteProcessor) verify(arrived []*messages.VoteArrived, good []bool) {
	checks := make([]crypto.Check, 0, len(arrived))
	index := make([]int, 0, len(arrived))
	for i, m := range arrived {
		if m.Conn == 0 {
			good[i] = true
			continue
		}
		digest := m.Vote.Digest(a.net.ID)
		checks = append(checks, crypto.Check{Key: m.Vote.Representative.Key(), Message: digest[:], Signature: m.Vote.Signature})
		index = append(index, i)
	}
	for i, ok := range a.env.verify(checks) {
		good[index[i]] = ok
	}
}
