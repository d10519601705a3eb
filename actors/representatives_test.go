package actors_test

import (
	"strings"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
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

// TestRepresentativesAreFound starts a node that hears no vote: it has to ask.
func TestRepresentativesAreFound(t *testing.T) {
	t.Parallel() // mostly waits
	c := &cluster{t: t}
	n := lattice.Dev()
	c.start(testkit.GenesisKey(n))
	node := c.start().Backend()
	c.until("the representative is not found", func() bool { return node.Quorum().Peers == lattice.Supply })
}
