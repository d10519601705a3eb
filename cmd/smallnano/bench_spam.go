package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// honestPause is the pause between two blocks of one honest user.
	honestPause = 40 * time.Millisecond
	// honestLimit is after how long a block of an honest user counts as lost.
	honestLimit = 20 * time.Second
	// dustBalance is what each flooding account has, in raw: the smallest bucket.
	dustBalance = 1_000_000_000_000
)

// honestBalances are what the honest users have, in smn, each in a bucket of
// its own.
var honestBalances = []string{"0.02", "1.3", "25", "700", "11000"}

// spamBench floods a network of several processes with valid sends of the least
// amount, and measures what users who do not flood notice of it.
type spamBench struct {
	nodes, accounts, inFlight int
	rate                      float64
	time                      time.Duration
	nodeBench

	network *lattice.Network
	running []*benchNode
	follow  *load.Follower
	made    *spamLedger
	sent    atomic.Int64 // blocks of the flood that a node took
	refused atomic.Int64 // those that it had no room for
}

// runBenchSpam is the command "bench spam".
func runBenchSpam(p *program, flags *flag.FlagSet, args []string) error {
	b := spamBench{network: lattice.Dev()}
	flags.IntVar(&b.nodes, "nodes", 3, "number of nodes, each a process that votes")
	flags.IntVar(&b.accounts, "accounts", 500, "accounts that flood")
	flags.IntVar(&b.inFlight, "in-flight", 48, "blocks of the flood that wait for an answer at a time; a node answers 32 at once")
	flags.Float64Var(&b.rate, "rate", 0, "blocks of the flood a second; 0: as fast as the nodes take them")
	flags.DurationVar(&b.time, "time", 10*time.Second, "how long to measure in quiet, and as long again under the flood")
	b.define(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	switch {
	case b.nodes < 1 || b.nodes > maxNodes:
		return misused("--nodes is %d, want 1 to %d", b.nodes, maxNodes)
	case b.accounts < 1 || b.accounts > 100_000:
		return misused("--accounts is %d, want 1 to 100000", b.accounts)
	case b.inFlight < 1 || b.inFlight > 1000:
		return misused("--in-flight is %d, want 1 to 1000", b.inFlight)
	case b.time < 100*time.Millisecond || b.time > time.Hour:
		return misused("--time is %v, want 100ms to 1h", b.time)
	case !(b.rate >= 0 && b.rate <= 1e6): // NaN too
		return misused("--rate is %v, want 0 to 1000000", b.rate)
	}
	return measureNodes(p, &b.nodeBench, b.run)
}

func (b *spamBench) run(ctx context.Context, say io.Writer) (r spamResult, err error) {
	dir, remove, err := b.folder()
	if err != nil {
		return r, err
	}
	defer remove()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	defer func() {
		for _, n := range b.running {
			askToStop(n.command.Process)
		}
		for _, n := range b.running {
			n.stop()
		}
	}()
	if err := b.start(ctx, dir, fail, say); err != nil {
		return r, err
	}
	if r, err = b.measure(ctx, say); err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return r, err
}

// start makes one ledger for all nodes and starts them on copies of it.
func (b *spamBench) start(ctx context.Context, dir string, fail context.CancelCauseFunc, say io.Writer) error {
	var err error
	if b.made, err = b.newLedger(); err != nil {
		return err
	}
	fmt.Fprintf(say, "starting %d nodes with %d accounts\n", b.nodes, len(b.made.flood)+len(b.made.all()))
	var peers []string
	b.follow = load.NewFollower(1)
	for i := range b.nodes {
		data := filepath.Join(dir, fmt.Sprintf("node-%d", i))
		if err := b.made.fill(b.network, data); err != nil {
			return err
		}
		key := devGenesis
		if i > 0 {
			key = filepath.Join(data, "voting.key")
			if err := writeFile(key, seedText(b.made.seeds[i])); err != nil {
				return err
			}
		}
		args := []string{"--enable-voting", "--voting-key", key}
		for _, p := range peers {
			args = append(args, "--peer", p)
		}
		n, err := startBenchNode(ctx, data, args...)
		if err != nil {
			return err
		}
		b.running, peers = append(b.running, n), append(peers, n.peering)
	}
	for _, n := range b.running {
		if err := b.waitPeers(ctx, n); err != nil {
			return err
		}
	}
	return follow(ctx, b.follow, &child{client: b.running[0].client}, fail) // the one that the users use
}

// waitPeers waits until a node is connected to all others.
func (b *spamBench) waitPeers(ctx context.Context, n *benchNode) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stepLimit, fmt.Errorf("the nodes did not come together within %v", stepLimit))
	defer cancel()
	tick := time.NewTicker(stepPause)
	defer tick.Stop()
	for {
		var peers struct{ Peers map[string]any }
		if err := n.client.ask(ctx, "peers", nil, &peers); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if len(peers.Peers) >= b.nodes-1 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// measure has the users spend in quiet, and again while the flood goes on.
func (b *spamBench) measure(ctx context.Context, say io.Writer) (r spamResult, err error) {
	r = spamResult{Nodes: b.nodes, Accounts: b.accounts}
	b.spend(ctx, time.Second, 0) // connections, caches, clocks
	fmt.Fprintf(say, "measuring for %v in quiet\n", b.time)
	quiet := b.spend(ctx, b.time, 1)
	before, err := b.cemented(ctx)
	if err != nil {
		return r, err
	}
	fmt.Fprintf(say, "measuring for %v under the flood\n", b.time)
	flooding, stop := context.WithCancel(ctx)
	defer stop()
	var wait sync.WaitGroup
	began := time.Now()
	b.flood(flooding, &wait)
	flooded := b.spend(ctx, b.time, 2)
	took := time.Since(began).Seconds()
	after, err := b.cemented(ctx)
	stop()
	wait.Wait()
	if err = errors.Join(err, ctx.Err()); err != nil {
		return r, err
	}
	r.compare(b.made.users, quiet, flooded)
	r.FloodSent, r.FloodRefused = b.sent.Load(), b.refused.Load()
	r.FloodPerSecond = float64(r.FloodSent) / took
	r.ConfirmedPerSecond = float64(after-before) / took
	return r, nil
}

func (b *spamBench) cemented(ctx context.Context) (uint64, error) {
	var count struct {
		Cemented uint64 `json:",string"`
	}
	err := b.running[0].client.ask(ctx, "block_count", nil, &count)
	return count.Cemented, err
}

// flood starts the flood, through all nodes but the first, which the users use.
func (b *spamBench) flood(ctx context.Context, wait *sync.WaitGroup) {
	pace := newPace(b.rate)
	for worker := range min(b.inFlight, b.accounts) {
		node := b.running[len(b.running)-1-worker%max(1, len(b.running)-1)]
		c := &client{url: node.client.url, token: node.client.token} // a connection of its own
		wait.Go(func() {
			for i := worker; ctx.Err() == nil; i += b.inFlight {
				if i >= b.accounts {
					i = worker
				}
				pace.wait(ctx)
				b.floodOnce(ctx, c, b.made.flood[i])
			}
		})
	}
}

// floodOnce sends the least amount from one account to an account that is not
// open. What was refused is made anew at the next turn.
func (b *spamBench) floodOnce(ctx context.Context, c *client, w *load.Wallet) {
	block, err := w.Send(lattice.Account(b.network.HashOf(&lattice.Block{Previous: w.Frontier})), lattice.AmountFrom(1))
	if err != nil {
		return // it has nothing left
	}
	switch err := load.Process(ctx, c, block); {
	case err == nil:
		w.Advance(block)
		b.sent.Add(1)
	case ctx.Err() == nil:
		b.refused.Add(1)
		_ = w.Load(ctx, c) // what it thinks is its frontier may have been rolled back
	}
}

// spend has all users make blocks for a while, each the next one when all is
// said about the one before, and returns how long each took.
func (b *spamBench) spend(ctx context.Context, long time.Duration, round int) [][]spent {
	all := make([][]spent, len(b.made.users))
	until := time.Now().Add(long)
	var wait sync.WaitGroup
	for u, user := range b.made.users {
		wait.Go(func() {
			c := &client{url: b.running[0].client.url, token: b.running[0].client.token}
			accounts := user.accounts
			if user.once { // each can be old only once
				accounts = accounts[len(accounts)*round/3 : len(accounts)*(round+1)/3]
			}
			for i := 0; ctx.Err() == nil && time.Now().Before(until); i++ {
				if user.once && i == len(accounts) {
					return
				}
				began := time.Now()
				all[u] = append(all[u], b.spendOnce(ctx, c, accounts[i%len(accounts)]))
				pause := user.pause(long, len(accounts)) - time.Since(began)
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
			}
		})
	}
	wait.Wait()
	return all
}

// spent is what became of one block of a user: how long until the node that the
// user uses had confirmed it, 0 when it did not.
type spent time.Duration

func (b *spamBench) spendOnce(ctx context.Context, c *client, w *load.Wallet) spent {
	block, err := w.Send(b.made.users[0].accounts[0].Account(), lattice.AmountFrom(1))
	if err != nil {
		return 0
	}
	hash := b.network.HashOf(block)
	a := b.follow.Expect(hash)
	defer b.follow.Forget(hash)
	limit := time.After(honestLimit)
	for {
		if err = load.Process(ctx, c, block); err == nil {
			break
		}
		select { // a node that is overloaded says so; a wallet tries again
		case <-time.After(10 * time.Millisecond):
		case <-limit:
			return 0
		case <-ctx.Done():
			return 0
		}
	}
	w.Advance(block)
	select {
	case <-a.Done():
		return spent(b.follow.Progress(a)[0])
	case <-limit:
		return spent(b.follow.Progress(a)[0])
	case <-ctx.Done():
		return 0
	}
}

// pace lets so many through a second.
type pace struct {
	mu    sync.Mutex
	every time.Duration
	next  time.Time
}

func newPace(rate float64) *pace {
	p := &pace{}
	if rate > 0 {
		p.every, p.next = time.Duration(float64(time.Second)/rate), time.Now()
	}
	return p
}

func (p *pace) wait(ctx context.Context) {
	if p.every == 0 {
		return
	}
	p.mu.Lock()
	at := p.next
	p.next = p.next.Add(p.every)
	p.mu.Unlock()
	select {
	case <-time.After(time.Until(at)):
	case <-ctx.Done():
	}
}

// bucketOf returns the bucket of a balance.
func bucketOf(balance lattice.Amount) int {
	table := bucket.NewTable(bucket.Shift)
	return table.Index(balance)
}
