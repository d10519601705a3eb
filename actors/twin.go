package actors

import (
	"fmt"
	"sync"
	"time"

	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
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
//
// What this node says is noted before it is sent, by whoever signs it, and stays known
// when the actors of either side fail: peers repeat it whenever they like. It is safe
// for concurrent use.
type twins struct {
	net   *lattice.Network
	own   map[lattice.Account]struct{}
	since time.Time // when the node was started

	mu   sync.Mutex
	made *votes.Recent[votes.ID]
}

// twinView is a second node that votes with a key of this one.
type twinView struct {
	rep  lattice.Account
	conn messages.ConnID // through which its vote came
	at   time.Time       // when the last one did
}

func newTwins(n *lattice.Network, own []lattice.Account, now time.Time) *twins {
	t := &twins{net: n, own: make(map[lattice.Account]struct{}, len(own)), since: now, made: votes.NewRecent[votes.ID](votes.DefaultRecentVotes)}
	for _, rep := range own {
		t.own[rep] = struct{}{}
	}
	return t
}

// mine notes a vote that was made here.
func (t *twins) mine(v *lattice.Vote) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made.Add(votes.IDOf(v, t.net.ID))
}

// heard returns the second node that a valid vote of a peer came from, nil if it is
// another's, or came back. What this node made before it was started it does not know.
func (t *twins) heard(m *messages.VoteArrived, now time.Time) *twinView {
	if _, own := t.own[m.Vote.Representative]; !own {
		return nil
	}
	if m.Vote.Final() && now.Sub(t.since) < twinGrace || m.Vote.Timestamp <= lattice.VoteTimestamp(t.since) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made.Has(votes.IDOf(m.Vote, t.net.ID)) {
		return nil
	}
	return &twinView{rep: m.Vote.Representative, conn: m.Conn, at: now}
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
