package actors_test

import (
	"errors"
	"testing"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire/rpc"
)

// TestQuestions asks a node that nobody votes with what becomes of its blocks.
func TestQuestions(t *testing.T) {
	c := &cluster{t: t}
	n := lattice.Dev()
	node := c.start().Backend()
	genesis := testkit.GenesisWallet(n)
	send := genesis.Send(testkit.Account(1), lattice.AmountFrom(5))
	hash := genesis.Advance(send)
	c.process(node, send)
	next := genesis.Change(testkit.Account(1))
	nextHash := genesis.Advance(next)
	c.process(node, next)

	var info election.Info
	c.until("no election was started", func() (found bool) {
		var err error
		if info, found, err = node.ElectionOf(t.Context(), hash); err != nil {
			t.Fatal(err)
		}
		return found
	})
	if info.Winner != hash || info.Behavior != election.Priority {
		t.Errorf("election: %+v", info)
	}
	var at bucket.Position
	c.until("the scheduler does not know of the election", func() bool { // told anew when the two have just started
		var queued bool
		var err error
		at, queued, err = node.Position(t.Context(), send.QualifiedRoot())
		return err == nil && queued && at.Running
	})
	if _, queued, err := node.Position(t.Context(), next.QualifiedRoot()); queued || err != nil {
		t.Errorf("a block whose previous one is not confirmed has a place: %v", err)
	}
	state, err := node.Buckets(t.Context())
	if err != nil || state.Backlog != 2 || state.Unconfirmed[at.Bucket] != 2 || state.Buckets[at.Bucket].Running != 1 {
		t.Errorf("buckets: %d in the backlog, bucket %+v, %v", state.Backlog, state.Buckets[at.Bucket], err)
	}

	if err := node.Elect(t.Context(), next, nextHash); err != nil {
		t.Errorf("elect by hand: %v", err)
	}
	all, err := node.Elections(t.Context())
	if err != nil || len(all.Running) != 2 || all.Stats.Running[election.Manual] != 1 {
		t.Errorf("elections: %+v, %v", all.Running, err)
	}

	wrong := testkit.NewWallet(n, testkit.Key(1)).Open(hash, lattice.AmountFrom(6), testkit.Account(1))
	if _, err := node.Process(t.Context(), wrong); !errors.Is(err, ledger.BalanceMismatch) {
		t.Fatalf("a wrong amount: %v", err)
	}
	fate, err := node.Fate(t.Context(), n.HashOf(wrong))
	if err != nil || fate.Refused == nil || !errors.Is(fate.Refused.Why, ledger.BalanceMismatch) || fate.Refused.Account != testkit.Account(1) {
		t.Errorf("fate of a refused block: %+v, %v", fate, err)
	}
	if fate, err = node.Fate(t.Context(), testkit.Hash(1)); err != nil || fate != (rpc.BlockFate{}) {
		t.Errorf("fate of a block that never came: %+v, %v", fate, err)
	}
}

// TestMissingBlockIsExplained has a block wait for another one.
func TestMissingBlockIsExplained(t *testing.T) {
	c := &cluster{t: t}
	n := lattice.Dev()
	flooder := c.start().Backend()
	genesis := testkit.GenesisWallet(n)
	first := genesis.Change(testkit.Account(1))
	missing := genesis.Advance(first)
	c.process(flooder, first) // before the other node is there: it is not told, and nothing confirms it
	node := c.start().Backend()
	c.until("no connection", func() bool { return len(flooder.Peers()) == 1 && len(node.Peers()) == 1 })
	second := genesis.Change(testkit.Account(2))
	hash := genesis.Advance(second)
	c.process(flooder, second)
	c.until("the block does not wait", func() bool {
		if c.counts(node).Blocks > 1 {
			return true // published again just now, which is as well
		}
		fate, err := node.Fate(t.Context(), hash)
		return err == nil && fate.Waiting != nil && fate.Waiting.Missing == missing
	})
}
