package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/messages/lattice"
)

// pipelineBench measures a network of nodes that all vote: blocks are handed to
// them at a rate that does not wait for answers, and followed until every node
// has confirmed them.
type pipelineBench struct {
	nodes, accounts, buckets, basePort, senders int
	rates                                       string
	duration, patience                          time.Duration
}

// defineBenchPipeline is the command "bench pipeline".
func defineBenchPipeline(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	p := &pipelineBench{}
	flags.IntVar(&p.nodes, "nodes", 4, "number of nodes, each a process with a representative")
	flags.IntVar(&p.accounts, "accounts", 1000, "accounts that send in turns")
	flags.IntVar(&p.buckets, "buckets", load.MaxBuckets, "balance buckets that the accounts are spread over")
	flags.IntVar(&p.basePort, "base-port", 17376, "port of the first node for peers, as of devnet")
	flags.IntVar(&p.senders, "senders", 16, "connections to each node's RPC")
	flags.StringVar(&p.rates, "rates", "50,200,500,1000,2000,4000", "blocks a second that are offered, one load after the other")
	flags.DurationVar(&p.duration, "duration", 15*time.Second, "how long each load lasts")
	flags.DurationVar(&p.patience, "patience", 20*time.Second, "how long to wait for the last confirmations after a load")
	return func(b *benchRun) (*load.Report, error) {
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
	if p.nodes < 1 || p.nodes > maxNodes || p.senders < 1 || p.duration <= 0 {
		return nil, misused("--nodes is %d and --senders %d, want 1 to %d, and at least 1, and a --duration", p.nodes, p.senders, maxNodes)
	}
	if p.accounts < 1 || p.accounts > load.MaxAccounts || p.buckets < 1 || p.buckets > load.MaxBuckets {
		return nil, misused("--accounts is %d and --buckets %d, want 1 to %d, and 1 to %d", p.accounts, p.buckets, load.MaxAccounts, load.MaxBuckets)
	}
	if rates, err = load.ParseRates(p.rates); err != nil {
		return nil, usageError{err}
	}
	return rates, nil
}

func (p *pipelineBench) run(b *benchRun, rates []int) (r *load.Report, err error) {
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
	wallets, err := p.prepare(d)
	if err != nil {
		return nil, err
	}
	if err := d.start(ctx, fail); err != nil {
		return nil, err
	}
	if err := d.share(ctx); err != nil {
		return nil, err
	}
	r = &load.Report{}
	for _, rate := range rates {
		fmt.Fprintf(b.say, "%d blocks/s for %v\n", rate, p.duration)
		if err := p.measure(ctx, r, d, wallets, rate); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return r, nil
}

// measure offers one load.
func (p *pipelineBench) measure(ctx context.Context, r *load.Report, d *devnet, wallets []*load.Wallet, rate int) error {
	l := &load.Load{
		Follow: d.follow, Nodes: len(d.children), Senders: p.senders, Rate: rate, Duration: p.duration, Patience: p.patience,
		Connect: func(node int) load.Node {
			c := d.children[node].client
			return &client{url: c.url, token: c.token}
		},
	}
	if err := l.Prepare(ctx, d.children[0].client, wallets); err != nil {
		return err
	}
	before, err := d.uses()
	if err != nil {
		return err
	}
	sent, err := d.bytesSent(ctx)
	if err != nil {
		return err
	}
	own := processorTime()
	if err := l.Run(ctx); err != nil {
		return err
	}
	own = processorTime() - own
	l.Report(r)
	after, err1 := d.uses()
	now, err2 := d.bytesSent(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var cpu time.Duration
	var rss []float64
	for i, u := range after {
		cpu += u.since(before[i]).cpu
		rss = append(rss, float64(u.peak)/megabyte)
	}
	blocks := float64(max(1, l.Confirmed()))
	r.Add(l.Name("cpu_us_per_block"), "us of one core, all nodes", micro(cpu)/blocks)
	r.Add(l.Name("load_cpu_us_per_block"), "us of one core, who offers and follows", micro(own)/blocks)
	r.Add(l.Name("peak_rss_mb"), "MB, so far, per node", rss...)
	r.Add(l.Name("wire_bytes_per_block"), "bytes sent by all nodes", float64(now-sent)/blocks)
	return nil
}

// prepare gives every node the same ledger, in which the accounts are open.
func (p *pipelineBench) prepare(d *devnet) ([]*load.Wallet, error) {
	made, at := &spamLedger{}, time.Now().Add(-time.Hour)
	genesis := load.Genesis(d.network)
	wallets, balances := load.Accounts(d.network, p.accounts, p.buckets)
	for i, w := range wallets {
		if err := made.open(genesis, w, balances[i], at); err != nil {
			return nil, err
		}
	}
	first := d.folder(0)
	if err := made.fill(d.network, first); err != nil {
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
	return wallets, nil
}

// uses returns what each node has used so far.
func (d *devnet) uses() (all []processUse, err error) {
	for _, c := range d.children {
		u, err := useOf(c.command.Process.Pid)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

// bytesSent returns what all nodes together have sent to each other.
func (d *devnet) bytesSent(ctx context.Context) (bytes uint64, err error) {
	for _, c := range d.children {
		n := &benchNode{client: c.client}
		if err := n.sent(ctx, &bytes); err != nil {
			return 0, err
		}
	}
	return bytes, nil
}
