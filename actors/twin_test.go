package actors

import (
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// TestTwins tells a second node's votes from one's own that come back.
func TestTwins(t *testing.T) {
	n := lattice.Dev()
	start := time.Unix(1_700_000_000, 0)
	own := testkit.Key(1)
	vote := func(rep int, timestamp uint64, block int) *messages.VoteArrived {
		v := &lattice.Vote{Timestamp: timestamp, Hashes: []lattice.Hash{testkit.Hash(block)}}
		v.Sign(n.ID, testkit.Key(rep))
		return &messages.VoteArrived{Vote: v, Conn: 7}
	}
	at := func(after time.Duration) uint64 { return lattice.VoteTimestamp(start.Add(after)) }
	for _, c := range []struct {
		name  string
		vote  *messages.VoteArrived
		heard time.Duration // after the start
		made  bool          // it is from here
		want  bool
	}{
		{"a second node", vote(1, at(time.Second), 1), time.Second, false, true},
		{"one's own vote comes back", vote(1, at(time.Second), 1), time.Second, true, false},
		{"somebody else", vote(2, at(time.Second), 1), time.Second, false, false},
		{"a vote of the life before", vote(1, at(-time.Second), 1), time.Second, false, false},
		{"a final vote that may be of the life before", vote(1, lattice.FinalTimestamp, 1), twinGrace - 1, false, false},
		{"one's own final vote comes back late", vote(1, lattice.FinalTimestamp, 1), time.Hour, true, false},
		{"a final vote that cannot be", vote(1, lattice.FinalTimestamp, 1), twinGrace, false, true},
	} {
		twins := newTwins(n, []lattice.Account{testkit.AccountOf(own)}, start)
		if c.made {
			twins.mine(c.vote.Vote)
		}
		found := twins.heard(c.vote, start.Add(c.heard))
		if (found != nil) != c.want {
			t.Errorf("%s: found %v, want %v", c.name, found, c.want)
		}
		if found != nil && (found.rep != testkit.Account(1) || found.conn != 7) {
			t.Errorf("%s: %+v", c.name, found)
		}
	}
	quiet := newTwins(n, nil, start) // a node that does not vote
	if quiet.heard(vote(1, at(1), 1), start) != nil {
		t.Error("a node without a key has a twin")
	}
}
