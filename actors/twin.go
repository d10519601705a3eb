package actors

import (
	"fmt"
	"time"

	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// maxSuspects bounds the votes that are looked at again a moment later.
	maxSuspects = 16
	// twinFor is how long health tells of a second node after its last vote, and
	// twinLogEvery how often the log does at most.
	twinFor      = 10 * time.Minute
	twinLogEvery = time.Minute
	// twinGrace is how long after a start the final votes of this node's life
	// before may still be under way.
	twinGrace = time.Minute
)

// twins finds out whether another node votes with the keys of this one. Two
// such nodes are no danger to the network, which bears a third of the
// weight that contradicts itself; but they do, and elections in which they do wait
// for the others.
type twins struct {
	net      *lattice.Network
	own      map[lattice.Account]struct{}
	made     *votes.Recent[votes.ID]
	since    time.Time
	suspects []suspect
}

type suspect struct {
	id   votes.ID
	conn messages.ConnID
	at   time.Time
}

// twinView is a second node that votes with a key of this one.
type twinView struct {
	rep  lattice.Account
	conn messages.ConnID // through which its vote came
	at   time.Time       // when the last one did
}

func newTwins(n *lattice.Network, own []lattice.Account, now time.Time) *twins {
	t := &twins{net: n, own: make(map[lattice.Account]struct{}, len(own)), since: now}
	for _, rep := range own {
		t.own[rep] = struct{}{}
	}
	if len(own) > 0 {
		t.made = votes.NewRecent[votes.ID](votes.DefaultRecentVotes)
	}
	return t
}

// mine notes a vote that was made here.
func (t *twins) mine(v *lattice.Vote) {
	if t.made != nil {
		t.made.Add(votes.IDOf(v, t.net.ID))
	}
}

// heard notes a valid vote that came from a peer. Votes of this node come back;
// what it made before it was started it does not know.
func (t *twins) heard(m *messages.VoteArrived, now time.Time) {
	if _, own := t.own[m.Vote.Representative]; !own || len(t.suspects) >= maxSuspects {
		return
	}
	if m.Vote.Final() && now.Sub(t.since) < twinGrace || m.Vote.Timestamp <= lattice.VoteTimestamp(t.since) {
		return
	}
	if id := votes.IDOf(m.Vote, t.net.ID); !t.made.Has(id) {
		t.suspects = append(t.suspects, suspect{id, m.Conn, now})
	}
}

// tick returns a vote that is certainly not from here: also a moment later,
// when all that was made here is known, it is not among it.
func (t *twins) tick(now time.Time) (found *twinView) {
	var wait []suspect
	for _, s := range t.suspects {
		switch {
		case t.made.Has(s.id):
		case now.Sub(s.at) < time.Second:
			wait = append(wait, s)
		default:
			found = &twinView{rep: s.id.Representative, conn: s.conn, at: s.at}
		}
	}
	t.suspects = wait
	return found
}

// twin adds the second node to what is wrong.
func (b backend) twin(r *reasons) {
	t := b.board.twin.Load()
	if t == nil || b.env.Clock.Now().Sub(t.at) >= twinFor {
		return
	}
	through := "a peer that is gone"
	for _, p := range *b.board.peers.Load() {
		if messages.ConnID(p.Conn) == t.conn {
			through = fmt.Sprintf("the peer %v", p.Remote)
		}
	}
	r.wrong("another node votes with the key of %v (its vote came through %s): the two contradict each other, stop one of them", t.rep, through)
}
