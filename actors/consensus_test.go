package actors_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire/rpc"
)

// share gives representatives their part of the supply, in thousandths. The
// genesis account keeps what is left. It returns how many blocks are confirmed
// then.
func (c *cluster) share(genesis *testkit.Wallet, thousandths map[int]uint64) uint64 {
	c.t.Helper()
	node, count := c.nodes[0].Backend(), uint64(1)
	for _, rep := range []int{1, 2, 3, 4} {
		if thousandths[rep] == 0 {
			continue
		}
		amount := lattice.Supply.MulDiv(thousandths[rep], 1000)
		c.fund(node, genesis, testkit.NewWallet(genesis.Network, testkit.Key(rep)), amount, testkit.Account(rep))
		count += 2
	}
	c.cemented(count)
	return count
}

// fund opens an account.
func (c *cluster) fund(node rpc.Backend, from, to *testkit.Wallet, amount lattice.Amount, rep lattice.Account) {
	c.t.Helper()
	send := from.Send(to.Account(), amount)
	hash := from.Advance(send)
	c.process(node, send)
	open := to.Open(hash, amount, rep)
	to.Advance(open)
	c.process(node, open)
}

// confirmed reports whether a node has confirmed a block.
func (c *cluster) confirmed(b rpc.Backend, hash lattice.Hash) (yes bool) {
	c.t.Helper()
	err := b.View(func(l rpc.Ledger) error {
		s, found, err := l.Block(hash)
		yes = found && s.Confirmed
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return yes
}

// TestWeightStops stops a third of the weight, then a little more, and starts it
// again.
func TestWeightStops(t *testing.T) {
	t.Parallel() // mostly waits
	c := &cluster{t: t}
	n := lattice.Dev()
	keys := []crypto.PrivateKey{testkit.GenesisKey(n), testkit.Key(1), testkit.Key(2), testkit.Key(3), testkit.Key(4)}
	stores := make([]storage.Store, len(keys))
	running := make([]*actors.Node, len(keys))
	start := func(i int) { running[i] = c.startWith(stores[i], nil, keys[i]) }
	stop := func(i int) {
		running[i].Stop()
		<-running[i].Done()
		c.nodes = slices.DeleteFunc(c.nodes, func(x *actors.Node) bool { return x == running[i] })
	}
	for i := range keys {
		stores[i] = storage.NewMemory(n)
		start(i)
	}
	genesis := testkit.GenesisWallet(n)
	user := testkit.NewWallet(n, testkit.Key(77))
	node := c.nodes[0].Backend()
	count := c.share(genesis, map[int]uint64{1: 200, 2: 191, 3: 180, 4: 149}) // 280 are left
	c.fund(node, genesis, user, lattice.AmountFrom(1), testkit.Account(77))
	count += 2
	c.cemented(count)
	next := func() lattice.Hash { // a block that moves no weight of those that vote
		b := user.Change(testkit.Account(100 + int(user.Info.Height)))
		hash := user.Advance(b)
		c.process(node, b)
		return hash
	}

	stop(3)
	stop(4) // 329 of 1000 are gone, 671 vote, 670 are needed
	next()
	count++
	c.cemented(count)

	start(3)
	c.cemented(count) // it takes in what it missed, or the rest would have less than it seems
	stop(2)           // 340 are gone
	hash := next()
	c.until("health does not say that nothing is confirmed", func() bool {
		return says(node, "nothing was confirmed for") && says(node, testkit.Account(2).String()) && says(node, testkit.Account(4).String())
	})
	if c.confirmed(node, hash) {
		t.Error("660 of 1000 have confirmed a block")
	}
	c.until("the quorum does not show who is gone", func() bool {
		q := node.Quorum()
		return q.Peers.SatAdd(node.Weight(testkit.AccountOf(keys[0]))).Less(q.Delta)
	})
	info, found, err := node.Election(t.Context(), lattice.QualifiedRoot{Account: user.Account(), Previous: previousOf(c, node, hash)})
	if err != nil || !found || info.Winner != hash || !info.Tally.Less(info.Delta) || len(info.Votes) != 3 {
		t.Errorf("the election: %+v, %v, %v", info, found, err)
	}
	t.Logf("while it stands still: %v", node.Health().Reasons)

	start(2)
	count++
	c.cemented(count)
	c.until("health still says that nothing is confirmed", func() bool { return !says(node, "nothing was confirmed for") })
}

func previousOf(c *cluster, b rpc.Backend, hash lattice.Hash) (previous lattice.Hash) {
	c.t.Helper()
	err := b.View(func(l rpc.Ledger) error {
		s, _, err := l.Block(hash)
		previous = s.Block.Previous
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return previous
}

// TestDoubleSpends gives two nodes a different block of each of a hundred
// accounts at the same time: one of the two wins, the same one everywhere.
func TestDoubleSpends(t *testing.T) {
	t.Parallel() // mostly waits
	const spenders = 100
	c := &cluster{t: t, quiet: true}
	n := lattice.Dev()
	c.startWith(storage.NewMemory(n), nil, testkit.GenesisKey(n))
	c.startWith(storage.NewMemory(n), nil, testkit.Key(1))
	c.startWith(storage.NewMemory(n), nil, testkit.Key(2))
	genesis := testkit.GenesisWallet(n)
	count := c.share(genesis, map[int]uint64{1: 300, 2: 300})
	wallets := make([]*testkit.Wallet, spenders)
	for i := range wallets {
		wallets[i] = testkit.NewWallet(n, testkit.Key(100+i))
		c.fund(c.nodes[i%3].Backend(), genesis, wallets[i], lattice.AmountFrom(10), testkit.Account(1))
		count += 2
		c.cemented(count)
	}
	began := time.Now()
	for _, w := range wallets {
		var both sync.WaitGroup
		for side := range 2 {
			b, block := c.nodes[1+side].Backend(), w.Send(testkit.Account(200+side), lattice.AmountFrom(1))
			both.Go(func() { _, _ = b.Process(t.Context(), block) }) // the other one may have come first: a fork then
		}
		both.Wait()
	}
	count += spenders
	c.cemented(count)
	first := 0
	for _, w := range wallets {
		var winner lattice.Hash
		for i, node := range c.nodes {
			info := c.account(node.Backend(), w.Account())
			switch {
			case info.ConfirmedHeight != 2:
				t.Errorf("node %d has confirmed %d blocks of %v", i, info.ConfirmedHeight, w.Account())
			case i == 0:
				winner = info.ConfirmedFrontier
			case winner != info.ConfirmedFrontier:
				t.Errorf("node %d has confirmed %v of %v, node 0 %v", i, info.ConfirmedFrontier, w.Account(), winner)
			}
		}
		if one := w.Send(testkit.Account(200), lattice.AmountFrom(1)); winner == n.HashOf(one) {
			first++
		}
	}
	t.Logf("%d double spends settled in %v; %d for the first node's block", spenders, time.Since(began), first)
}

func (c *cluster) account(b rpc.Backend, account lattice.Account) (info lattice.AccountInfo) {
	c.t.Helper()
	err := b.View(func(l rpc.Ledger) (err error) {
		info, err = l.Account(account)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return info
}

// TestSpamDelaysOnlySpammers has many accounts with little flood a network as
// fast as it goes, while accounts with more, and one with as little that was
// not used for longer, go on as if nothing were.
func TestSpamDelaysOnlySpammers(t *testing.T) {
	const spammers, inFlight, sends = 80, 64, 3
	c := &cluster{t: t, quiet: true}
	n := lattice.Dev()
	small := func(cfg *actors.Config) {
		cfg.Elections.MaxElections, cfg.Buckets.Elections, cfg.MaxBacklog = 124, 124, 1000
	}
	c.startWith(storage.NewMemory(n), small, testkit.GenesisKey(n))
	c.startWith(storage.NewMemory(n), small, testkit.Key(1))
	c.startWith(storage.NewMemory(n), small, testkit.Key(2))
	genesis := testkit.GenesisWallet(n)
	node := c.nodes[0].Backend()
	count := c.share(genesis, map[int]uint64{1: 300, 2: 300})
	wallet := func(i int, amount string) *testkit.Wallet {
		w := testkit.NewWallet(n, testkit.Key(i))
		sum, err := lattice.ParseAmount(amount)
		if err != nil {
			t.Fatal(err)
		}
		c.fund(node, genesis, w, sum, testkit.Account(1))
		count += 2
		return w
	}
	honest := []*testkit.Wallet{wallet(100, "1"), wallet(101, "100"), wallet(102, "10000")}
	old := wallet(103, "0.000001")
	opened := time.Now().Unix()
	c.until("the clock stands still", func() bool { return time.Now().Unix() > opened+1 }) // times are kept to the second
	dust := make([]*testkit.Wallet, spammers)
	for i := range dust {
		dust[i] = wallet(1000+i, "0.000001")
	}
	c.cemented(count)
	measure := func(of []*testkit.Wallet) time.Duration {
		var took []time.Duration
		for _, w := range of {
			for range sends {
				b := w.Change(testkit.Account(300 + int(w.Info.Height)%2))
				hash := w.Advance(b)
				began := time.Now()
				c.process(node, b)
				c.until("a block is not confirmed", func() bool { return c.confirmed(node, hash) })
				took = append(took, time.Since(began))
			}
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	oldest := func() time.Duration { // only its first block is that of an account not used for long
		b := old.Change(testkit.Account(300))
		hash := old.Advance(b)
		began := time.Now()
		c.process(node, b)
		c.until("the old account's block is not confirmed", func() bool { return c.confirmed(node, hash) })
		return time.Since(began)
	}
	quiet := measure(honest)

	var wait sync.WaitGroup
	stop, flowing, spam := make(chan struct{}), make(chan struct{}, 2), [2]int{}
	for side := range 2 {
		flooder, room := c.nodes[1+side], make(chan struct{}, inFlight)
		wait.Go(func() {
			for i := side; ; i = (i + 2) % spammers {
				select {
				case <-stop:
					return
				case room <- struct{}{}:
				}
				block := dust[i].Change(testkit.Account(400 + int(dust[i].Info.Height)%2))
				dust[i].Advance(block)
				flooder.Process(block, func(messages.BlockResult) { <-room })
				if spam[side]++; spam[side] == spammers {
					flowing <- struct{}{}
				}
			}
		})
	}
	<-flowing
	flooded, first := measure(honest), oldest()
	unconfirmed := c.counts(node).Blocks - c.counts(node).Cemented
	close(stop)
	wait.Wait()
	t.Logf("median of %d blocks: %v in quiet, %v under %d blocks of spam (%.1f times); the old account in the spammers' bucket %v; %d blocks unconfirmed then",
		len(honest)*sends, quiet, flooded, spam[0]+spam[1], float64(flooded)/float64(quiet), first, unconfirmed)
}
