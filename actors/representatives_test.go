package actors_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire"
	"github.com/smallnano/smallnano/wire/rpc"
)

func says(b rpc.Backend, text string) bool {
	for _, reason := range b.Health().Reasons {
		if strings.Contains(reason, text) {
			return true
		}
	}
	return false
}

// TestTwinIsReported runs two nodes with the same key: both must say so.
func TestTwinIsReported(t *testing.T) {
	t.Parallel() // mostly waits
	c := &cluster{t: t}
	n := lattice.Dev()
	one := c.start(testkit.GenesisKey(n)).Backend()
	two := c.start(testkit.GenesisKey(n)).Backend()
	c.until("no connection", func() bool { return len(one.Peers()) == 1 })
	genesis, blocks := testkit.GenesisWallet(n), uint64(1)
	c.until("the second node is not reported", func() bool {
		send := genesis.Send(testkit.Account(1), lattice.AmountFrom(1))
		genesis.Advance(send)
		c.process([]rpc.Backend{one, two}[blocks%2], send) // who makes a block votes first
		blocks++
		c.cemented(blocks)
		return says(one, "another node votes") && says(two, "another node votes")
	})
}

// TestRepresentativesAreFound starts a node that hears no vote: others say who they are.
func TestRepresentativesAreFound(t *testing.T) {
	t.Parallel() // mostly waits
	c := &cluster{t: t}
	n := lattice.Dev()
	c.start(testkit.GenesisKey(n))
	node := c.start().Backend()
	c.until("the representative is not found", func() bool { return node.Quorum().Peers == lattice.Supply })
}

// TestAttestation: who has proved to be a representative's node is believed as long as it
// is connected; who brings its votes is not, nor who repeats what was said for another
// node, or says it twice.
func TestAttestation(t *testing.T) {
	t.Parallel() // mostly waits
	c := &cluster{t: t}
	n := lattice.Dev()
	node := c.start()
	b := node.Backend()
	connect := func(key crypto.PrivateKey) *wire.Conn {
		t.Helper()
		peer, err := handshaken(t, node.PeeringAddress(), key)
		if err != nil {
			t.Fatal(err)
		}
		// The first frame says that the connection is open at the other end.
		if _, _, err := peer.ReadFrame(nil, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		return peer
	}
	say := func(peer *wire.Conn, m wire.Message) {
		t.Helper()
		if err := peer.Send(m, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	offence := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(b.Health().Network.Offenders, func(o rpc.PeerOffence) bool { return o.Offence == text })
		}
	}
	own, genesis := testkit.Key(6001), testkit.GenesisKey(n)
	word := &wire.Attestation{List: []wire.Attested{wire.Attest(n, own.Public(), genesis, nil)}}

	teller := connect(testkit.Key(6000)) // brings a fresh vote
	vote := lattice.Vote{Timestamp: 1, Hashes: []lattice.Hash{{1}}}
	vote.Sign(n.ID, genesis)
	say(teller, &wire.Vote{Vote: vote})
	c.until("the vote is not counted", func() bool { return len(b.RepresentativesOnline()) == 1 })
	if q := b.Quorum(); !q.Peers.IsZero() {
		t.Errorf("who brings a vote is taken for its representative: %v", q.Details)
	}

	rep := connect(own)
	say(rep, word)
	c.until("the representative's node is not known", func() bool { return b.Quorum().Peers == lattice.Supply })

	thief := connect(testkit.Key(6002))
	say(thief, word)
	c.until("who repeats an attestation is not accused", offence("bad signature"))
	c.until("who repeats an attestation stays", func() bool { return len(b.Peers()) == 2 })
	if q := b.Quorum(); len(q.Details) != 1 || q.Peers != lattice.Supply {
		t.Errorf("the weight is at %v", q.Details)
	}

	say(rep, word)
	c.until("who attests twice is not accused", offence("bad message"))
	c.until("the representative is believed to be connected still", func() bool { return b.Quorum().Peers.IsZero() })
}
