package actors

import (
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/actors/core/quorum"
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
	// usefulEvery is how often the peer supervisor is told that a connection brings
	// votes; maxUseful bounds the connections that are remembered for it.
	maxUseful   = 1024
	usefulEvery = 30 * time.Second
	// hearAgain is after how long a vote is checked only to know that its
	// representative is there: without it, one whose votes always come after the
	// quorum would not count as online.
	hearAgain = 10 * time.Second
	// lateVotes bounds the votes about final blocks that are checked in a second.
	lateVotes = 256
	// maxGained bounds the representatives that are new since the weights were told.
	maxGained = 1024
)

// voteProcessor checks the signatures of votes before elections count them. The
// costly check comes last: votes without weight, and votes about blocks that
// are final here, are dropped before it; the heaviest go first.
type voteProcessor struct {
	env     *Env
	refs    *refs
	net     *lattice.Network
	board   *board
	log     *slog.Logger
	inbox   *mailbox.Inbox
	weights map[lattice.Account]lattice.Amount
	// gained is what representatives without weight got from blocks that were
	// cemented since weights were told: their first votes come before those are told
	// anew. At most maxGained of them.
	gained   map[lattice.Account]lattice.Amount
	cemented *votes.Recent[lattice.Hash]
	useful   *votes.Recent[messages.ConnID] // told to bring votes
	tellAt   time.Time                      // when they are told anew
	batch    []*messages.VoteArrived

	twins  *twins
	toldAt time.Time                     // when a twin was logged
	heard  map[lattice.Account]time.Time // when a vote of a representative was last checked
	late   int                           // votes about final blocks that may be checked before the next tick
}

// Receive implements actor.Actor.
func (a *voteProcessor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.cemented = votes.NewRecent[lattice.Hash](recentlyCemented)
		a.useful = votes.NewRecent[messages.ConnID](maxUseful)
		a.heard, a.late = map[lattice.Account]time.Time{}, lateVotes
		a.gained = map[lattice.Account]lattice.Amount{}
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
		a.arrived(m)
	case *messages.WeightsChanged:
		a.weights = m.Weights
		clear(a.gained)
	case *messages.BlocksCemented:
		for i := range m.Blocks {
			a.cemented.Add(m.Blocks[i].Confirmation.Hash)
			a.gain(m.Blocks[i].NewRep, m.Blocks[i].NewWeight)
		}
	case *messages.Tick:
		a.late = lateVotes
		if !m.Now.Before(a.tellAt) {
			a.tellAt = m.Now.Add(usefulEvery)
			a.useful = votes.NewRecent[messages.ConnID](maxUseful)
		}
	}
}

// gain notes what a representative got that had nothing.
func (a *voteProcessor) gain(rep lattice.Account, weight lattice.Amount) {
	if _, known := a.gained[rep]; a.weights[rep].IsZero() && !weight.IsZero() && (known || len(a.gained) < maxGained) {
		a.gained[rep] = a.gained[rep].SatAdd(weight)
	}
}

// weight is how much a representative's vote counts, as far as is known here.
func (a *voteProcessor) weight(rep lattice.Account) lattice.Amount {
	if w := a.weights[rep]; !w.IsZero() {
		return w
	}
	return a.gained[rep]
}

// arrived queues a vote to be checked if it can be of use.
func (a *voteProcessor) arrived(m *messages.VoteArrived) {
	switch weightless := a.weight(m.Vote.Representative).IsZero(); {
	case weightless:
		messages.Release(m.Credit)
		if m.Restore != nil {
			m.Restore() // when its representative has weight, the same vote may come again
		}
	case a.wanted(m.Vote):
		a.board.stir()
		a.batch = append(a.batch, m)
	default:
		messages.Release(m.Credit)
	}
}

// wanted reports whether a vote can change anything, or tells how a
// representative is.
func (a *voteProcessor) wanted(v *lattice.Vote) bool {
	if slices.ContainsFunc(v.Hashes, func(h lattice.Hash) bool { return !a.cemented.Has(h) }) {
		return true
	}
	if a.late <= 0 {
		return false
	}
	known := a.env.Clock.Now().Sub(a.heard[v.Representative]) < hearAgain
	if known && !slices.ContainsFunc(v.Hashes, quorum.Sampled) {
		return false
	}
	a.late--
	return true
}

// tellTwin says that another node votes with a key of this one.
func (a *voteProcessor) tellTwin(found *twinView) {
	a.board.twin.Store(found)
	if found.at.Sub(a.toldAt) >= twinLogEvery {
		a.toldAt = found.at
		a.log.Error("another node votes with a key of this one; stop one of the two", "representative", found.rep, "conn", found.conn)
	}
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
		return a.weight(y.Vote.Representative).Cmp(a.weight(x.Vote.Representative))
	})
	good := make([]bool, len(batch))
	a.env.Workers.Split(len(batch), func(from, to int) {
		a.verify(batch[from:to], good[from:to])
	})
	now := a.env.Clock.Now()
	passed := make([]messages.VerifiedVote, 0, len(batch))
	for i, m := range batch {
		messages.Release(m.Credit)
		switch {
		case good[i]:
			passed = append(passed, messages.VerifiedVote{Vote: m.Vote, Conn: m.Conn})
			if m.Conn != 0 && a.useful.Add(m.Conn) {
				a.refs.peers.Tell(&messages.VotesBrought{Conn: m.Conn})
			}
			a.noteHeard(m, now)
		case m.Conn != 0:
			a.refs.peers.Tell(&messages.PeerMisbehaved{Conn: m.Conn, Kind: peering.BadSignature, Text: "vote of " + m.Vote.Representative.String()})
		}
	}
	if len(passed) > 0 {
		a.refs.elections.Tell(&messages.VotesVerified{Votes: passed})
	}
}

// noteHeard remembers that a representative is there.
func (a *voteProcessor) noteHeard(m *messages.VoteArrived, now time.Time) {
	if len(a.heard) > len(a.weights)+len(a.gained) { // some have lost their weight
		a.heard = map[lattice.Account]time.Time{}
	}
	a.heard[m.Vote.Representative] = now
	if m.Conn != 0 {
		if found := a.twins.heard(m, now); found != nil {
			a.tellTwin(found)
		}
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
