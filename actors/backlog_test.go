package actors_test

import (
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire/rpc"
)

// until polls what nothing tells of.
func (c *cluster) until(what string, done func() bool) {
	c.t.Helper()
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); !done(); {
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatalf("waited too long: %s", what)
		}
	}
}

// counts returns how much a node's ledger holds.
func (c *cluster) counts(b rpc.Backend) (n lattice.Counts) {
	c.t.Helper()
	err := b.View(func(l rpc.Ledger) (err error) {
		n, err = l.Counts()
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// TestBacklogIsBounded floods a node of a network in which nobody votes: it
// takes the blocks of its peer and lets the newest go again, but none that was
// made by itself. What it asks its peer for by bootstrap has a bound of its own:
// an allowance, and the rest of one answer.
func TestBacklogIsBounded(t *testing.T) {
	const (
		limit     = 124
		allowance = bootstrap.MaxPullBlocks
		spam      = 2 * (limit + allowance + bootstrap.MaxPullBlocks)
	)
	c := &cluster{t: t}
	n := lattice.Dev()
	small := func(cfg *actors.Config) {
		cfg.MaxBacklog = limit
		cfg.Bootstrap.MaxUnconfirmed, cfg.Bootstrap.MaxDelivered = allowance, allowance
	}
	flooder := c.startWith(storage.NewMemory(n), small).Backend()
	node := c.startWith(storage.NewMemory(n), small).Backend()
	c.until("no connection", func() bool { return len(flooder.Peers()) == 1 })
	genesis := testkit.GenesisWallet(n)
	own := genesis.Change(testkit.Account(1))
	hash := genesis.Advance(own)
	c.process(node, own)
	c.until("the first block did not pass", func() bool { return c.counts(flooder).Blocks == 2 })
	for i := range spam {
		send := genesis.Send(testkit.Account(i), lattice.AmountFrom(1))
		genesis.Advance(send)
		c.process(flooder, send)
	}
	const calm = 200 // looks in a row that find it within its bounds: nothing more is coming
	within := 0
	c.until("the backlog is over its limit", func() bool {
		if got := c.counts(node).Blocks - 1; got > limit+allowance+bootstrap.MaxPullBlocks || got < limit/2 {
			within = 0
		}
		within++
		return within > calm
	})
	if got := c.counts(flooder).Blocks; got != spam+2 {
		t.Errorf("the node that made the blocks has %d of %d", got, spam+2)
	}
	err := node.View(func(l rpc.Ledger) error {
		if _, found, err := l.Block(hash); err != nil || !found {
			t.Errorf("the node's own block is gone: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
