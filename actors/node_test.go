package actors_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire/rpc"
)

// cluster is some real nodes in this process, with stores in memory and sockets
// on loopback.
type cluster struct {
	t       *testing.T
	nodes   []*actors.Node
	starts  int                    // nodes ever started: each has an identity of its own
	stores  map[storage.Store]bool // closed in the end
	network actors.Network         // of the nodes that start from now on; nil: TCP
	clock   supervise.Clock        // likewise; nil: the real one
	quiet   bool                   // log only what is wrong: a flood fills the log
}

// start starts a node that dials the ones before it.
func (c *cluster) start(votes ...crypto.PrivateKey) *actors.Node {
	c.t.Helper()
	return c.startWith(storage.NewMemory(lattice.Dev()), nil, votes...)
}

// startWith starts a node on a store, which is closed in the end, with other
// settings than the usual ones. A node that was stopped can be started again on
// its store.
func (c *cluster) startWith(store storage.Store, change func(*actors.Config), votes ...crypto.PrivateKey) *actors.Node {
	c.t.Helper()
	n := lattice.Dev()
	pool := supervise.NewPool(2, 64)
	level, again := slog.LevelDebug, c.stores[store]
	if c.quiet {
		level = slog.LevelWarn
	}
	if c.stores == nil {
		c.stores = map[storage.Store]bool{}
	}
	c.stores[store] = true
	cfg := actors.DefaultConfig(n)
	cfg.NodeKey = testkit.Key(100_000 + c.starts)
	cfg.VotingKeys = votes
	cfg.Listen = netip.MustParseAddrPort("127.0.0.1:0")
	for _, other := range c.nodes {
		cfg.Peers = append(cfg.Peers, other.PeeringAddress().String())
	}
	if change != nil {
		change(&cfg)
	}
	network, clock := c.network, c.clock
	if network == nil {
		network = actors.TCP{ID: n.ID}
	}
	if clock == nil {
		clock = supervise.RealClock{}
	}
	node, err := actors.Start(cfg, actors.Env{
		Clock: clock, Seed: uint64(c.starts), Secret: rand.Reader,
		Dispatcher: pool, Dedicated: func() actor.Dispatcher { return supervise.NewDedicated(64) },
		Workers: actors.Cores{}, Network: network, Store: store,
		Log: slog.New(slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: level})).With("node", c.starts),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	<-node.Ready()
	c.nodes = append(c.nodes, node)
	c.starts++
	c.t.Cleanup(func() {
		node.Stop()
		<-node.Done()
		if r := node.Report(); len(r.Stuck) > 0 {
			c.t.Errorf("did not stop: %v", r.Stuck)
		}
		pool.Close()
		if again {
			return // the first one to use it closes it, last
		}
		if err := store.Close(); err != nil {
			c.t.Error(err)
		}
	})
	return node
}

// process has a node insert a block.
func (c *cluster) process(b rpc.Backend, block *lattice.Block) {
	c.t.Helper()
	if _, err := b.Process(c.t.Context(), block); err != nil {
		c.t.Fatalf("process: %v", err)
	}
}

// cemented waits until every node has confirmed so many blocks.
func (c *cluster) cemented(count uint64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	for i, n := range c.nodes {
		if err := n.Backend().WaitConfirmation(ctx, count); err != nil {
			c.t.Fatalf("node %d did not confirm %d blocks: %v", i, count, err)
		}
	}
}

func TestLoneNodeConfirms(t *testing.T) {
	c := &cluster{t: t}
	n := lattice.Dev()
	node := c.start(testkit.GenesisKey(n)).Backend()
	genesis := testkit.GenesisWallet(n)
	send := genesis.Send(testkit.Account(1), lattice.AmountFrom(5))
	c.process(node, send)
	c.process(node, testkit.NewWallet(n, testkit.Key(1)).Open(n.HashOf(send), lattice.AmountFrom(5), testkit.Account(1)))
	c.cemented(3)
}

func TestThreeNodesConfirm(t *testing.T) {
	c := &cluster{t: t}
	n := lattice.Dev()
	c.start(testkit.GenesisKey(n))
	c.start(testkit.Key(2))
	c.start(testkit.Key(3))
	node := c.nodes[0].Backend()
	genesis := testkit.GenesisWallet(n)
	count := uint64(1)
	for _, rep := range []int{2, 3} { // 30 % each, 40 % stay
		amount := lattice.Supply.MulDiv(30, 100)
		send := genesis.Send(testkit.Account(rep), amount)
		hash := genesis.Advance(send)
		c.process(node, send)
		c.process(node, testkit.NewWallet(n, testkit.Key(rep)).Open(hash, amount, testkit.Account(rep)))
		count += 2
	}
	c.cemented(count)
	for i := range 20 {
		send := genesis.Send(testkit.Account(100+i), lattice.AmountFrom(1))
		hash := genesis.Advance(send)
		began := time.Now()
		c.process(node, send)
		c.cemented(count + 1)
		c.process(c.nodes[i%3].Backend(), testkit.NewWallet(n, testkit.Key(100+i)).Open(hash, lattice.AmountFrom(1), testkit.Account(2)))
		count += 2
		c.cemented(count)
		t.Logf("send and open confirmed on all nodes in %v", time.Since(began))
	}
}
