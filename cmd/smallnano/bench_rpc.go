package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// rpcBench measures how many requests a node answers, and how fast.
type rpcBench struct {
	blocks, accounts int
	clients          int
	procs            int
	entries          int // of account_history
	duration         time.Duration
	nodeBench
}

// rpcResult is what was measured.
type rpcResult struct {
	Blocks     int               `json:"blocks"`
	Accounts   int               `json:"accounts"`
	Clients    int               `json:"clients"`
	NodeProcs  int               `json:"node_processors"`
	Processors int               `json:"processors"`
	PeakRSS    float64           `json:"peak_rss_mb"`
	Actions    []rpcActionResult `json:"actions"`
}

type rpcActionResult struct {
	Action    string  `json:"action"`
	Requests  int     `json:"requests"`
	Failed    int     `json:"failed"`
	PerSecond float64 `json:"requests_per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
}

// runBenchRPC is the command "bench rpc".
func runBenchRPC(p *program, flags *flag.FlagSet, args []string) error {
	var b rpcBench
	flags.IntVar(&b.blocks, "blocks", 100_000, "blocks of the ledger")
	flags.IntVar(&b.accounts, "accounts", 0, "accounts of the ledger; 0: a tenth of the blocks")
	flags.IntVar(&b.clients, "clients", 16, "connections that ask at the same time")
	flags.IntVar(&b.procs, "node-procs", 1, "cores that the node may use (its GOMAXPROCS)")
	flags.IntVar(&b.entries, "history", 20, "entries of account_history that are asked for")
	flags.DurationVar(&b.duration, "duration", 10*time.Second, "for how long each action is asked for")
	b.define(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	if b.accounts == 0 {
		b.accounts = max(b.clients, b.blocks/10)
	}
	if b.blocks < 100 || b.blocks > 100_000_000 || b.accounts < b.clients || b.accounts > b.blocks || b.clients < 1 || b.clients > 200 ||
		b.procs < 1 || b.entries < 1 || b.duration < time.Millisecond {
		return misused("want 100 to 100000000 --blocks, 1 to 200 --clients, no more of them than --accounts, and at least 1 of the others")
	}
	return measureNodes(p, &b.nodeBench, b.run)
}

// print tells the result to people.
func (r rpcResult) print(to io.Writer) error {
	fmt.Fprintf(to, "%d blocks, %d accounts, %d clients, node on %d of %d cores, peak memory %.0f MB\n",
		r.Blocks, r.Accounts, r.Clients, r.NodeProcs, r.Processors, r.PeakRSS)
	for _, a := range r.Actions {
		fmt.Fprintf(to, "%-16s %8.0f requests/s, p50 %6.2f ms, p99 %6.2f ms, max %6.1f ms, %d failed of %d\n",
			a.Action, a.PerSecond, a.P50, a.P99, a.Max, a.Failed, a.Requests)
	}
	return nil
}

func (b *rpcBench) run(ctx context.Context, say io.Writer) (r rpcResult, err error) {
	dir, remove, err := b.folder()
	if err != nil {
		return r, err
	}
	defer remove()
	r = rpcResult{Blocks: b.blocks, Accounts: b.accounts, Clients: b.clients, NodeProcs: b.procs, Processors: runtime.NumCPU()}
	data := filepath.Join(dir, "node")
	fmt.Fprintf(say, "making a ledger of %d blocks and %d accounts\n", b.blocks, b.accounts)
	maker := newLedgerMaker(lattice.Dev(), b.accounts)
	if err := maker.fill(ctx, data, b.blocks); err != nil {
		return r, err
	}
	if err := os.Setenv("GOMAXPROCS", strconv.Itoa(b.procs)); err != nil { // of the node: this process has read its own
		return r, err
	}
	node, err := startBenchNode(ctx, data, "--enable-voting", "--voting-key", devGenesis)
	if err != nil {
		return r, err
	}
	defer node.stop()
	for _, load := range []struct {
		action string
		body   func(client, n int) []byte
	}{
		{"account_info", func(client, n int) []byte {
			return fmt.Appendf(nil, `{"action":"account_info","account":%q,"representative":"true"}`, maker.address(client, n, b.clients))
		}},
		{"account_history", func(client, n int) []byte {
			return fmt.Appendf(nil, `{"action":"account_history","account":%q,"count":"%d"}`, maker.address(client, n, b.clients), b.entries)
		}},
		{"process", maker.sends(b.clients)},
	} {
		fmt.Fprintf(say, "asking for %s for %v\n", load.action, b.duration)
		a, err := b.ask(ctx, node.client, load.action, load.body)
		if err != nil {
			return r, err
		}
		r.Actions = append(r.Actions, a)
		r.PeakRSS = max(r.PeakRSS, float64(residentBytes(strconv.Itoa(node.command.Process.Pid)))/(1<<20))
	}
	return r, nil
}

// address returns that of an open account: another one for each request.
func (m *ledgerMaker) address(client, n, clients int) string {
	i := (client + n*clients) * 7919 % m.opened
	for m.heads[i].Height == 0 { // it was paid, and has not received it; the first account has blocks
		i = (i + 1) % m.opened
	}
	return lattice.Account(m.keys[i].Public()).String()
}

// sends returns what makes requests to process sends. Every client has accounts
// of its own, so that its blocks follow each other whatever the others do.
func (m *ledgerMaker) sends(clients int) func(client, n int) []byte {
	rich := make([][]int, clients)
	for i := 1; i < m.opened; i++ {
		if lattice.AmountFrom(1 << 40).Less(m.heads[i].Balance) {
			rich[i%clients] = append(rich[i%clients], i)
		}
	}
	to := lattice.Link(m.keys[0].Public())
	return func(client, n int) []byte {
		if len(rich[client]) == 0 {
			return nil
		}
		from := rich[client][n%len(rich[client])]
		rest, _ := m.heads[from].Balance.Sub(lattice.AmountFrom(1))
		b, _ := m.seal(from, rest, to, m.network.SendThreshold)
		return append(append([]byte(`{"action":"process","subtype":"send","json_block":"true","block":`), rpc.EncodeBlock(&b)...), '}')
	}
}

// ask puts one kind of request from all clients for a while.
func (b *rpcBench) ask(ctx context.Context, c *client, action string, body func(client, n int) []byte) (r rpcActionResult, err error) {
	transport := &http.Transport{MaxIdleConnsPerHost: b.clients}
	defer transport.CloseIdleConnections()
	h := &http.Client{Transport: transport, Timeout: askLimit}
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, b.duration)
	defer cancel()
	var failed atomic.Int64
	took := make([][]time.Duration, b.clients)
	var wait sync.WaitGroup
	began := time.Now()
	for i := range b.clients {
		wait.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				text := body(i, n)
				if text == nil {
					return
				}
				start := time.Now()
				ok := post(h, c.url, text)
				took[i] = append(took[i], time.Since(start))
				if !ok {
					failed.Add(1)
				}
			}
		})
	}
	wait.Wait()
	passed := time.Since(began).Seconds()
	all := slices.Concat(took...)
	if err := whole.Err(); err != nil {
		return r, fmt.Errorf("interrupted while %s was asked for: %w", action, err)
	}
	if len(all) == 0 {
		return r, fmt.Errorf("no request of %s was made: the ledger is too small for so many clients", action)
	}
	slices.Sort(all)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return rpcActionResult{
		Action: action, Requests: len(all), Failed: int(failed.Load()), PerSecond: float64(len(all)) / passed,
		P50: ms(all[len(all)/2]), P99: ms(all[len(all)*99/100]), Max: ms(all[len(all)-1]),
	}, nil
}

// post sends a request and reports whether the answer is one and no error.
func post(h *http.Client, url string, body []byte) bool {
	answer, err := h.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return err == nil && answer.StatusCode == http.StatusOK && !bytes.HasPrefix(text, []byte(`{"error"`))
}
