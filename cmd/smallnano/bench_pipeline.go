package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// pipelineBench measures a network of nodes that all vote: blocks are handed to
// them at a rate that does not wait for answers, and followed until every node
// has confirmed them.
type pipelineBench struct {
	nodes, accounts, basePort, senders int
	rates                              string
	duration, patience                 time.Duration
}

// defineBenchPipeline is the command "bench pipeline".
func defineBenchPipeline(flags *flag.FlagSet) func(*benchRun) (*report, error) {
	p := &pipelineBench{}
	flags.IntVar(&p.nodes, "nodes", 4, "number of nodes, each a process with a representative")
	flags.IntVar(&p.accounts, "accounts", 100, "accounts that send in turns")
	flags.IntVar(&p.basePort, "base-port", 17376, "port of the first node for peers, as of devnet")
	flags.IntVar(&p.senders, "senders", 16, "connections to each node's RPC")
	flags.StringVar(&p.rates, "rates", "50,200,500,1000,2000,4000", "blocks a second that are offered, one load after the other")
	flags.DurationVar(&p.duration, "duration", 15*time.Second, "how long each load lasts")
	flags.DurationVar(&p.patience, "patience", 20*time.Second, "how long to wait for the last confirmations after a load")
	return func(b *benchRun) (*report, error) {
		rates, err := p.validate()
		if err != nil {
			return nil, err
		}
		runtime.LockOSThread() // see childAttributes
		defer runtime.UnlockOSThread()
		return p.run(b, rates)
	}
}

func (p *pipelineBench) validate() (rates []int, err error) {
	if p.nodes < 1 || p.nodes > maxNodes || p.accounts < 1 || p.accounts > 200 || p.senders < 1 || p.duration <= 0 {
		return nil, misused("--nodes is %d, --accounts %d and --senders %d, want 1 to %d, 1 to 200, and at least 1", p.nodes, p.accounts, p.senders, maxNodes)
	}
	for text := range strings.SplitSeq(p.rates, ",") {
		rate, err := strconv.Atoi(text)
		if err != nil || rate < 1 || rate > 100_000 {
			return nil, misused("--rates holds %q, want numbers from 1 to 100000 and commas between", text)
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

func (p *pipelineBench) run(b *benchRun, rates []int) (r *report, err error) {
	dir, remove, err := b.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	ctx, fail := context.WithCancelCause(b)
	defer fail(nil)
	d := &devnet{network: lattice.Dev(), say: io.Discard, out: io.Discard}
	d.flags = devnetFlags{nodes: p.nodes, basePort: p.basePort, dir: dir}
	defer func() { err = errors.Join(err, d.stop()) }()
	fmt.Fprintf(b.say, "starting %d nodes\n", p.nodes)
	wallets, err := p.prepare(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := d.start(ctx, fail); err != nil {
		return nil, err
	}
	if err := d.share(ctx); err != nil {
		return nil, err
	}
	r = &report{}
	for _, rate := range rates {
		fmt.Fprintf(b.say, "%d blocks/s for %v\n", rate, p.duration)
		l := &load{devnet: d, rate: rate, senders: p.senders}
		if err := l.prepare(ctx, wallets, int(float64(rate)*p.duration.Seconds())); err != nil {
			return nil, err
		}
		if err := l.run(ctx, p.patience); err != nil {
			return nil, err
		}
		l.report(r)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return r, nil
}

// prepare gives every node the same ledger, in which the accounts are open.
func (p *pipelineBench) prepare(ctx context.Context, d *devnet) ([]*wallet, error) {
	m := newLedgerMaker(d.network, p.accounts)
	first := d.folder(0)
	if err := m.fill(ctx, first, 6*p.accounts+2); err != nil {
		return nil, err
	}
	for i := 1; i < p.nodes; i++ {
		if err := makeFolder(d.folder(i)); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(filepath.Join(first, ledgerFile))
		if err == nil {
			err = os.WriteFile(filepath.Join(d.folder(i), ledgerFile), text, 0o600)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot copy the ledger for a node: %w", err)
		}
	}
	var all []*wallet
	for i := 1; i < len(m.keys); i++ { // the first is that of the genesis
		if h := m.heads[i]; h.Height > 0 {
			all = append(all, &wallet{network: d.network, key: m.keys[i], rep: d.network.Genesis.Account})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no account was opened")
	}
	return all, nil
}

// load is one rate.
type load struct {
	devnet        *devnet
	rate, senders int
	blocks        []*lattice.Block
	hashes        []lattice.Hash
	awaited       []*awaited
	refused       atomic.Int64
	why           atomic.Pointer[string]

	began, ended time.Time // of the offering
	offered      int
	before       []processUse
	used         []processUse
	wire         uint64
	confirmed    int
	latencies    []time.Duration // until the last node had confirmed it
	first        []time.Duration // until the first had
	last         time.Time       // when the last of them was confirmed
}

// prepare signs the blocks beforehand: each account sends to the next.
func (l *load) prepare(ctx context.Context, wallets []*wallet, count int) error {
	for _, w := range wallets {
		if err := w.load(ctx, l.devnet.children[0].client); err != nil {
			return err
		}
	}
	for i := range max(1, count) {
		w, to := wallets[i%len(wallets)], wallets[(i+1)%len(wallets)]
		b, err := w.send(to.account(), lattice.AmountFrom(1))
		if err != nil {
			return err
		}
		w.advance(b)
		l.blocks, l.hashes = append(l.blocks, b), append(l.hashes, w.frontier)
	}
	return nil
}

// run offers the blocks and waits for the confirmations.
func (l *load) run(ctx context.Context, patience time.Duration) (err error) {
	sent, err := l.bytesSent(ctx)
	if err != nil {
		return err
	}
	if l.before, err = l.uses(); err != nil {
		return err
	}
	l.offer(ctx)
	l.wait(ctx, patience)
	if l.used, err = l.uses(); err != nil {
		return err
	}
	for i := range l.used {
		l.used[i] = l.used[i].since(l.before[i])
	}
	after, err := l.bytesSent(ctx)
	l.wire = after - sent
	return errors.Join(err, ctx.Err())
}

// offer hands the blocks over at the rate, without waiting for answers while
// there is a free connection. A block that finds none is late, and its latency
// counts from when it was due.
func (l *load) offer(ctx context.Context) {
	due := make([]chan int, len(l.devnet.children))
	var group sync.WaitGroup
	for i, c := range l.devnet.children {
		due[i] = make(chan int, len(l.blocks)) // so that the clock never waits
		for range l.senders {
			own := &client{url: c.client.url, token: c.client.token} // with a connection of its own
			group.Go(func() {
				for k := range due[i] {
					if ctx.Err() != nil {
						continue
					}
					if err := process(ctx, own, l.blocks[k]); err != nil {
						l.refused.Add(1)
						text := err.Error()
						l.why.Store(&text)
					}
				}
			})
		}
	}
	l.began = time.Now()
	accounts := min(len(l.devnet.children), len(l.blocks))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for l.offered < len(l.blocks) && ctx.Err() == nil {
		reached := min(len(l.blocks), int(time.Since(l.began).Seconds()*float64(l.rate))+1)
		for ; l.offered < reached; l.offered++ {
			l.awaited = append(l.awaited, l.devnet.follow.expect(l.hashes[l.offered]))
			due[l.offered%accounts] <- l.offered
		}
		<-tick.C
	}
	for _, c := range due {
		close(c)
	}
	l.ended = time.Now()
	group.Wait()
}

// wait waits until all is confirmed, or nothing was for so long.
func (l *load) wait(ctx context.Context, patience time.Duration) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for i, a := range l.awaited {
		select {
		case <-a.done:
		case <-limit.C:
			limit.Reset(0) // the rest is only counted
		case <-ctx.Done():
			return
		}
		after := l.devnet.follow.progress(a)
		l.devnet.follow.forget(l.hashes[i])
		if slices.Contains(after, 0) {
			continue
		}
		l.confirmed++
		l.latencies, l.first = append(l.latencies, slices.Max(after)), append(l.first, slices.Min(after))
		if at := a.began.Add(slices.Max(after)); at.After(l.last) {
			l.last = at
		}
	}
	slices.Sort(l.latencies)
	slices.Sort(l.first)
}

func (l *load) uses() (all []processUse, err error) {
	for _, c := range l.devnet.children {
		u, err := useOf(c.command.Process.Pid)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

func (l *load) bytesSent(ctx context.Context) (bytes uint64, err error) {
	for _, c := range l.devnet.children {
		n := &benchNode{client: c.client}
		if err := n.sent(ctx, &bytes); err != nil {
			return 0, err
		}
	}
	return bytes, nil
}

func (l *load) report(r *report) {
	name := func(what string) string { return fmt.Sprintf("at_%d_%s", l.rate, what) }
	r.add(name("offered_per_second"), "1/s", float64(l.offered)/max(l.ended.Sub(l.began).Seconds(), 1e-3))
	r.add(name("confirmed_per_second"), "1/s on all nodes", float64(l.confirmed)/max(l.last.Sub(l.began).Seconds(), 1e-3))
	r.add(name("unconfirmed"), "blocks", float64(l.offered-l.confirmed))
	r.add(name("refused"), "blocks", float64(l.refused.Load()))
	for _, q := range []int{50, 90, 99} {
		r.add(name(fmt.Sprintf("p%d_ms", q)), "ms until all nodes had confirmed", quantile(l.latencies, q))
	}
	r.add(name("first_p50_ms"), "ms until the first node had confirmed", quantile(l.first, 50))
	var cpu time.Duration
	var rss []float64
	for _, u := range l.used {
		cpu += u.cpu
		rss = append(rss, float64(u.peak)/megabyte)
	}
	blocks := float64(cmp.Or(l.confirmed, 1))
	r.add(name("cpu_us_per_block"), "us of one core, all nodes", micro(cpu)/blocks)
	r.add(name("peak_rss_mb"), "MB, so far, per node", rss...)
	r.add(name("wire_bytes_per_block"), "bytes sent by all nodes", float64(l.wire)/blocks)
}

// quantile returns the q-th percentile in milliseconds; 0 of nothing.
func quantile(sorted []time.Duration, q int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(len(sorted)-1, len(sorted)*q/100)]) / float64(time.Millisecond)
}
