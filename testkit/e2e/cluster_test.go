package e2e

import (
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// cluster is three nodes that vote with 40, 30 and 30 % of the supply, so that
// the second or the third may be down.
type cluster struct {
	t       *testing.T
	network *lattice.Network
	nodes   []*node
	genesis *testkit.Wallet
	blocks  uint64 // of the ledger, as far as they are known here
}

// newCluster starts three nodes and shares out the supply.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	return newClusterOn(t, lattice.Dev())
}

// newClusterOn does so on a network whose genesis key is that of dev.
func newClusterOn(t *testing.T, network *lattice.Network, args ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, network: network, blocks: 1}
	genesis := testkit.GenesisKey(lattice.Dev())
	c.genesis = &testkit.Wallet{Network: network, Key: genesis, Info: testkit.GenesisInfo(network)}
	for i := range 3 {
		key := keyFile(t, genesis)
		if i > 0 {
			key = keyFile(t, representative(i))
		}
		n := newNode(t, append([]string{"--enable-voting", "--voting-key", key}, args...)...)
		for _, other := range c.nodes {
			n.args = append(n.args, "--peer", other.peering)
		}
		n.start()
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		n.waitPeers(2)
	}
	for i := 1; i < 3; i++ {
		c.fund(representative(i), lattice.Supply.MulDiv(30, 100))
	}
	return c
}

func representative(i int) crypto.PrivateKey { return testkit.Key(500 + i) }

// fund opens an account with an amount of the genesis account and waits until
// all have confirmed it.
func (c *cluster) fund(key crypto.PrivateKey, amount lattice.Amount) *testkit.Wallet {
	c.t.Helper()
	w := testkit.NewWallet(c.network, key)
	send := c.genesis.Send(w.Account(), amount)
	c.process(0, send)
	open := w.Open(c.genesis.Advance(send), amount, w.Account())
	c.process(0, open)
	w.Advance(open)
	c.waitConfirmed()
	return w
}

// process hands a block to a node.
func (c *cluster) process(node int, b *lattice.Block) {
	c.t.Helper()
	if err := c.nodes[node].process(b); err != nil {
		c.t.Fatalf("node %d: %v", node, err)
	}
	c.blocks++
}

// waitConfirmed waits until all nodes have confirmed all blocks.
func (c *cluster) waitConfirmed() {
	c.t.Helper()
	for _, n := range c.nodes {
		if n.confirms(c.blocks, waitLimit) {
			continue
		}
		for _, n := range c.nodes {
			c.t.Log(n.state())
		}
		c.t.Fatalf("%s: after %v not all %d blocks are confirmed", n.dir, waitLimit, c.blocks)
	}
}

// transfers makes so many transfers to new accounts, through all nodes in turn,
// waiting for each to be confirmed everywhere.
func (c *cluster) transfers(first, count int) {
	c.t.Helper()
	for i := first; i < first+count; i++ {
		w := testkit.NewWallet(c.network, testkit.Key(10_000+i))
		send := c.genesis.Send(w.Account(), lattice.AmountFrom(1))
		c.process(i%3, send)
		hash := c.genesis.Advance(send)
		c.waitConfirmed()
		c.process((i+1)%3, w.Open(hash, lattice.AmountFrom(1), w.Account()))
		c.waitConfirmed()
	}
}

// wantEqual checks that all nodes have the same ledger, all confirmed.
func (c *cluster) wantEqual() {
	c.t.Helper()
	want := c.nodes[0].frontiers()
	for i, n := range c.nodes {
		if blocks, confirmed := n.counts(); blocks != c.blocks || confirmed != c.blocks {
			c.t.Errorf("node %d has %d blocks, %d confirmed; want %d", i, blocks, confirmed, c.blocks)
		}
		if got := n.frontiers(); !reflect.DeepEqual(got, want) {
			c.t.Errorf("node %d has other frontiers than node 0: %d and %d of them", i, len(got), len(want))
		}
	}
}

// stopAndVerify stops all nodes and checks their ledgers from end to end.
func (c *cluster) stopAndVerify() {
	c.t.Helper()
	for _, n := range c.nodes {
		n.stop()
		n.verifyLedger()
	}
}

// stream is a wallet that pays new accounts through one node, one transfer
// after another without waiting for confirmations. What the node did not
// acknowledge is offered again.
type stream struct {
	node   *node
	wallet *testkit.Wallet
	first  int            // number of the first account that is paid
	open   *lattice.Block // of until: it was not acknowledged yet

	mu    sync.Mutex
	acked []lattice.Hash
}

// run makes transfers. When no answer came to a block it waits for up, and
// offers the block again.
func (s *stream) run(count int, up func() error) error {
	for i := range count {
		to := testkit.NewWallet(s.wallet.Network, testkit.Key(s.first+i))
		send := s.wallet.Send(to.Account(), lattice.AmountFrom(1))
		if err := s.offer(send, up); err != nil {
			return fmt.Errorf("transfer %d: %w", i, err)
		}
		hash := s.wallet.Advance(send)
		if err := s.offer(to.Open(hash, lattice.AmountFrom(1), to.Account()), up); err != nil {
			return fmt.Errorf("transfer %d: %w", i, err)
		}
	}
	return nil
}

// oldBlock is how a node answers to a block that it has already.
const oldBlock = "Old block"

func (s *stream) offer(b *lattice.Block, up func() error) error {
	answer, err := s.node.processAnswer(b)
	if err != nil && answer == nil { // no answer: it may have been done
		if err := up(); err != nil {
			return err
		}
		if answer, err = s.node.processAnswer(b); err != nil && answer["error"] == oldBlock {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = append(s.acked, s.wallet.Network.HashOf(b))
	return nil
}

// answering waits until the node answers.
func (s *stream) answering() error {
	over := time.After(waitLimit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := s.node.call("version", nil)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-over:
			return err
		}
	}
}

// confirmsAccount waits until the node has confirmed the newest block of an
// account.
func (n *node) confirmsAccount(w *testkit.Wallet) bool {
	var seq uint64
	for over := time.Now().Add(waitLimit); time.Now().Before(over); {
		info, err := n.call("account_info", object{"account": w.Account().String()})
		if err == nil && info["confirmation_height_frontier"] == w.Info.Frontier.String() {
			return true
		}
		// Something else is confirmed every few milliseconds while this goes on.
		if answer, err := n.call("confirmations_since", object{"seq": seq, "count": 1000, "wait_ms": 200}); err == nil {
			seq, _ = strconv.ParseUint(fmt.Sprint(answer["last"]), 10, 64)
		}
	}
	return false
}

// count returns how many blocks were acknowledged.
func (s *stream) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acked)
}
