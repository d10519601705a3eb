package actors_test

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	mrand "math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/testkit/chaingen"
	"github.com/smallnano/smallnano/wire"
)

// life is one run of a node on a store that outlives it.
type life struct {
	*actors.Node
	stop func()
}

// live starts a node on a store. Its log goes nowhere: there is too much of it.
func live(t *testing.T, store storage.Store, key int, change func(*actors.Config)) life {
	t.Helper()
	n := lattice.Dev()
	pool := supervise.NewPool(2, 64)
	cfg := actors.DefaultConfig(n)
	cfg.NodeKey = testkit.Key(key)
	cfg.Listen = netip.MustParseAddrPort("127.0.0.1:0")
	change(&cfg)
	node, err := actors.Start(cfg, actors.Env{
		Clock: supervise.RealClock{}, Seed: uint64(key), Secret: rand.Reader,
		Dispatcher: pool, Dedicated: func() actor.Dispatcher { return supervise.NewDedicated(64) },
		Workers: actors.Cores{}, Network: actors.TCP{ID: n.ID, Limit: actors.NewBandwidth(100 << 20)}, Store: store,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	<-node.Ready()
	stopped := false
	l := life{Node: node, stop: func() {
		if !stopped {
			stopped = true
			node.Stop()
			<-node.Done()
			pool.Close()
		}
	}}
	t.Cleanup(l.stop)
	return l
}

// filled returns stores that hold the same confirmed ledger, and the wallet that
// may send on.
func filled(t *testing.T, blocks, stores int) ([]storage.Store, *testkit.Wallet) {
	t.Helper()
	n := lattice.Dev()
	g := chaingen.New(n, mrand.New(mrand.NewPCG(3, 3)), chaingen.Options{Accounts: 300, Unreceived: 100})
	var list []*lattice.Block
	for len(list) < blocks-1 {
		b := g.Propose()
		if b.Account == n.Genesis.Account && len(list) > 0 && b.Representative != n.Genesis.Representative {
			continue // the representative that votes in the test keeps its weight
		}
		g.Accept(b)
		list = append(list, b)
	}
	var out []storage.Store
	for range stores {
		s := storage.NewMemory(n)
		err := s.Update(func(tx storage.Tx) error {
			for _, b := range list {
				hash := n.HashOf(b)
				c, err := tx.Context(b, hash, time.Now())
				if err != nil {
					return err
				}
				c.SignatureVerified = true
				e, err := ledger.Validate(n, b, c)
				if err != nil {
					return err
				}
				if err := tx.Apply(&e); err != nil {
					return err
				}
				if _, err := tx.Cement(hash); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	sender := g.Wallets()[0]
	for _, w := range g.Wallets() {
		if sender.Info.Balance.Less(w.Info.Balance) {
			sender = w
		}
	}
	return out, sender
}

func count(t *testing.T, s storage.Store) (c lattice.Counts) {
	t.Helper()
	if err := s.View(func(r storage.Reader) (err error) {
		c, err = r.Counts()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// A fresh node gets its ledger from two peers while others lie and new blocks are
// made. It is ended twice on the way, without a word to its peers, and goes on
// from where it was. Each liar is named, and so is one that says nothing.
func TestFreshNodeSyncs(t *testing.T) {
	blocks := 20_000 / slowness
	if testing.Short() {
		blocks = 2000
	}
	n := lattice.Dev()
	stores, sender := filled(t, blocks, 2)
	var servers []life
	for i, s := range stores {
		servers = append(servers, live(t, s, 100+i, func(c *actors.Config) {
			if i == 1 {
				c.Peers = []string{servers[0].PeeringAddress().String()}
			}
		}))
	}
	fresh := storage.NewMemory(n)
	start := func() life {
		return live(t, fresh, 200, func(c *actors.Config) {
			c.Peers = []string{servers[0].PeeringAddress().String(), servers[1].PeeringAddress().String()}
			c.Bootstrap.Timeout = time.Second // how soon the silent one is named
		})
	}
	began := time.Now()
	made := 0
	for _, part := range []int{blocks / 4, blocks / 2} {
		node := start()
		until(t, "part of the ledger", 3*time.Minute, func() bool { return int(count(t, fresh).Blocks) >= part })
		send := sender.Send(testkit.Account(4000+made), lattice.AmountFrom(1))
		sender.Advance(send)
		servers[0].Process(send, nil)
		made++
		node.stop()
	}
	node := start()
	var liars []*liar
	for i, lie := range []string{falseFrontiers, wrongBlocks, silence} {
		liars = append(liars, newLiar(t, node.PeeringAddress(), 666+i, lie))
	}
	until(t, "the whole ledger", 3*time.Minute, func() bool { return int(count(t, fresh).Blocks) >= blocks })
	t.Logf("%d blocks and two restarts in %v", blocks, time.Since(began))
	for _, l := range liars {
		until(t, "liar "+l.lie+" to be named", time.Minute, func() bool { return l.named(node) })
	}
	for _, o := range node.Backend().Health().Network.Offenders {
		t.Logf("health says: %s at %s, %d times, %s: %s; score %d", o.Node[:8], o.Address, o.Times, o.Offence, o.Text, o.Score)
	}
	if s := node.Backend().Bootstrap(); s.Allowance == 0 || s.Phase == "" {
		t.Errorf("bootstrap status %+v", s)
	}
}

// liar is a peer that lies in one way.
type liar struct {
	lie   string
	id    crypto.PublicKey
	ended chan struct{}
}

// The ways to lie: accounts that do not exist, blocks that were not asked for
// instead of those that were, and no answer at all.
const (
	falseFrontiers = "of false frontiers"
	wrongBlocks    = "of wrong blocks"
	silence        = "of silence"
)

func newLiar(t *testing.T, to netip.AddrPort, key int, lie string) *liar {
	t.Helper()
	peer, err := handshaken(t, to, testkit.Key(key))
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{lie, testkit.Key(key).Public(), make(chan struct{})}
	go func() {
		defer close(l.ended)
		for {
			h, body, err := peer.ReadFrame(nil, time.Now().Add(2*time.Minute))
			if err != nil {
				return
			}
			m, err := wire.Decode(h, body)
			if err != nil {
				return
			}
			if answer := l.answer(m); answer != nil && peer.Send(answer, time.Now().Add(time.Second)) != nil {
				return
			}
		}
	}()
	return l
}

// answer is what the liar says to a message; nil is nothing.
func (l *liar) answer(m wire.Message) wire.Message {
	switch m := m.(type) {
	case *wire.FrontierReq:
		if l.lie == silence {
			return nil
		}
		ack := &wire.FrontierAck{ID: m.ID}
		account := m.Start
		for i := range 20 {
			account[31] |= 1
			account[30]++
			if account[30] == 0 {
				break
			}
			ack.Frontiers = append(ack.Frontiers, wire.Frontier{Account: account, Hash: testkit.Hash(i), Height: 5})
		}
		return ack
	case *wire.PullReq:
		switch l.lie {
		case silence:
			return nil
		case falseFrontiers:
			return &wire.PullAck{ID: m.ID, Status: wire.PullUnknown}
		}
		return &wire.PullAck{ID: m.ID, Status: wire.PullOK, FirstHeight: 1, Blocks: []lattice.Block{lattice.Dev().Genesis}}
	case *wire.Keepalive:
		return &wire.Keepalive{}
	}
	return nil
}

// named reports whether health names the liar with what it did, and scores it; it
// does so also when the liar was thrown out.
func (l *liar) named(n life) bool {
	for _, o := range n.Backend().Health().Network.Offenders {
		if o.Node == hex.EncodeToString(l.id[:]) {
			return o.Offence != "" && o.Text != "" && o.Times > 0 && o.Address != "" && (o.Score > 0 || o.Until > 0)
		}
	}
	return false
}

// Nodes that are in step find so, rest, and pull nothing. How silent they become
// is tested where the pauses are decided.
func TestRestsInStep(t *testing.T) {
	stores, _ := filled(t, 500, 2)
	first := live(t, stores[0], 100, func(*actors.Config) {})
	second := live(t, stores[1], 101, func(c *actors.Config) { c.Peers = []string{first.PeeringAddress().String()} })
	until(t, "the first scans", 30*time.Second, func() bool {
		s := second.Backend().Bootstrap()
		return s.Rounds >= 2 && s.Phase == "resting"
	})
	if s := second.Backend().Bootstrap(); s.Delivered != 0 || s.Missing != 0 {
		t.Errorf("in step, and yet %+v", s)
	}
}
