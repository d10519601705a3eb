// Command smallnano-load offers blocks to nodes that run, over their RPC, and
// tells how fast they confirm them.
//
//	smallnano-load --nodes http://127.0.0.1:17177,http://127.0.0.1:17179
//	smallnano-load --rates 50,500,2000 --duration 1m --json
//
// It opens its accounts from the genesis account of the development network, whose
// key is in every program, so it works on networks for tests only. What it prints
// is a table, or with --json one object.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// callLimit is how long a node may take to answer.
const callLimit = 30 * time.Second

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program: 0 when it is done, 1 when it could not be, 2 when the
// command line was not understood.
func run(args []string, out, say io.Writer) int {
	r, flags, err := parse(args, say)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(say, "smallnano-load: %v\n", err)
		return 2
	}
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	if err := r.run(ctx, say); err != nil {
		fmt.Fprintf(say, "smallnano-load: %v\n", err)
		return 1
	}
	r.report.Bench, r.report.Machine = "load", load.ThisMachine(built())
	r.report.Settings = map[string]string{}
	flags.VisitAll(func(f *flag.Flag) { r.report.Settings[f.Name] = f.Value.String() })
	if r.json {
		err = json.NewEncoder(out).Encode(r.report.Object())
	} else {
		err = r.report.Table(out)
	}
	if err != nil {
		fmt.Fprintf(say, "smallnano-load: %v\n", err)
		return 1
	}
	return 0
}

// built names the program's source, as far as it is known.
func built() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version + ", " + info.GoVersion
	}
	return ""
}

// loader is what the command line asks for, and how far it is.
type loader struct {
	nodes              []string
	rates              []int
	accounts, buckets  int
	senders            int
	duration, patience time.Duration
	json               bool

	network *lattice.Network
	clients []*rpc.Client
	follow  *load.Follower
	report  load.Report
}

func parse(args []string, say io.Writer) (*loader, *flag.FlagSet, error) {
	l := &loader{network: lattice.Dev()}
	flags := flag.NewFlagSet("smallnano-load", flag.ContinueOnError)
	flags.SetOutput(say)
	nodes := flags.String("nodes", "http://127.0.0.1:17177", "RPC addresses of the nodes, separated by commas; the blocks go to them in turns")
	rates := flags.String("rates", "100", "blocks a second that are offered; several, separated by commas, one load after the other")
	flags.IntVar(&l.accounts, "accounts", 200, "accounts that send in turns; they are opened if need be")
	flags.IntVar(&l.buckets, "buckets", load.MaxBuckets, "balance buckets that the accounts are spread over")
	flags.IntVar(&l.senders, "senders", 16, "connections to each node")
	flags.DurationVar(&l.duration, "duration", 15*time.Second, "how long each load lasts")
	flags.DurationVar(&l.patience, "patience", 20*time.Second, "how long to wait for the last confirmations after a load")
	flags.BoolVar(&l.json, "json", false, "print the result as one JSON object")
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	if flags.NArg() > 0 {
		return nil, nil, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	l.nodes = strings.Split(*nodes, ",")
	var err error
	if l.rates, err = load.ParseRates(*rates); err != nil {
		return nil, nil, err
	}
	if l.accounts < 2 || l.accounts > load.MaxAccounts || l.buckets < 1 || l.buckets > load.MaxBuckets || l.senders < 1 || l.senders > 1000 || l.duration <= 0 || l.patience < 0 {
		return nil, nil, fmt.Errorf("want 2 to %d --accounts, 1 to %d --buckets, 1 to 1000 --senders and a --duration", load.MaxAccounts, load.MaxBuckets)
	}
	return l, flags, nil
}

func (l *loader) connect(node int) load.Node { return rpc.NewClient(l.nodes[node], "") }

func (l *loader) run(ctx context.Context, say io.Writer) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if err := l.begin(ctx, fail); err != nil {
		return err
	}
	wallets, balances := load.Accounts(l.network, l.accounts, l.buckets)
	fmt.Fprintf(say, "opening accounts\n")
	if err := l.open(ctx, wallets, balances); err != nil {
		return cause(ctx, err)
	}
	for _, rate := range l.rates {
		fmt.Fprintf(say, "%d blocks/s for %v\n", rate, l.duration)
		one := &load.Load{
			Connect: l.connect, Follow: l.follow, Nodes: len(l.nodes), Senders: l.senders,
			Rate: rate, Duration: l.duration, Patience: l.patience,
		}
		err := one.Prepare(ctx, l.clients[0], wallets)
		if err == nil {
			err = one.Run(ctx)
		}
		if err != nil {
			return cause(ctx, err)
		}
		one.Report(&l.report)
		if why := one.Refusal(); why != "" {
			fmt.Fprintf(say, "a node refused a block, last: %s\n", why)
		}
	}
	return nil
}

// cause prefers the reason for which all was given up.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// begin finds out where the nodes are and follows them from there.
func (l *loader) begin(ctx context.Context, fail context.CancelCauseFunc) error {
	l.follow = load.NewFollower(len(l.nodes))
	for i, url := range l.nodes {
		c := rpc.NewClient(url, "")
		l.clients = append(l.clients, c)
		var count struct {
			Cemented uint64 `json:",string"`
		}
		asking, done := context.WithTimeout(ctx, callLimit)
		err := c.Call(asking, "block_count", nil, &count)
		done()
		if err != nil {
			return err
		}
		go func() {
			if err := l.follow.Read(ctx, i, c, count.Cemented); ctx.Err() == nil {
				fail(fmt.Errorf("cannot follow node %s: %w", strconv.Quote(url), err))
			}
		}()
	}
	return nil
}

// open opens those of the accounts that are not, and waits until all nodes have
// confirmed it.
func (l *loader) open(ctx context.Context, wallets []*load.Wallet, balances []lattice.Amount) error {
	genesis, n := load.Genesis(l.network), l.clients[0]
	if err := genesis.Load(ctx, n); err != nil {
		return err
	}
	var last *load.Awaited
	for i, w := range wallets {
		if err := w.Load(ctx, n); err != nil {
			return err
		}
		if !w.Frontier.IsZero() {
			continue
		}
		send, receive, err := load.Open(genesis, w, balances[i])
		if err != nil {
			return err
		}
		last = l.follow.Expect(w.Frontier)
		defer l.follow.Forget(w.Frontier)
		if err := errors.Join(load.Process(ctx, n, send), load.Process(ctx, n, receive)); err != nil {
			return fmt.Errorf("cannot open account %v: %w", w.Account(), err)
		}
		select { // one after the other: the chain of the genesis account is one
		case <-last.Done():
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(callLimit):
			return fmt.Errorf("the nodes did not confirm within %v that account %v was opened", callLimit, w.Account())
		}
	}
	return nil
}
