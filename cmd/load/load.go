package load

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Load is blocks that are offered to nodes at a rate, whether they keep up or
// not, and followed until every node has confirmed them.
type Load struct {
	// Connect makes a new connection to the node of a number.
	Connect func(node int) Node
	// Follow must follow all nodes by now.
	Follow *Follower
	// Nodes take the blocks in turns. Each account keeps to one connection, of which
	// each node has Senders: its blocks cannot overtake each other.
	Nodes, Senders int
	// Rate is how many blocks are offered a second, Duration for how long, and
	// Patience how long to wait for the last of them after that.
	Rate               int
	Duration, Patience time.Duration

	accounts int
	blocks   []*lattice.Block
	hashes   []lattice.Hash
	awaited  []*Awaited
	refused  atomic.Int64
	lost     atomic.Int64
	why      atomic.Pointer[string]

	began, ended time.Time // of the offering
	offered      int
	latencies    []time.Duration // until the last node had confirmed it
	first        []time.Duration // until the first had
	last         time.Time       // when the last of them was confirmed
}

// retryMin and retryMax bound the pauses after which a block is handed over again
// that a node had no room for.
const retryMin, retryMax = 5 * time.Millisecond, time.Second

// Prepare makes and signs all blocks beforehand: each account sends the least
// amount to the next. n tells where the accounts are.
func (l *Load) Prepare(ctx context.Context, n Node, wallets []*Wallet) error {
	for _, w := range wallets {
		if err := w.Load(ctx, n); err != nil {
			return err
		}
	}
	l.accounts = len(wallets)
	for i := range max(1, int(float64(l.Rate)*l.Duration.Seconds())) {
		w, to := wallets[i%len(wallets)], wallets[(i+1)%len(wallets)]
		b, err := w.Send(to.Account(), lattice.AmountFrom(1))
		if err != nil {
			return err
		}
		w.Advance(b)
		l.blocks, l.hashes = append(l.blocks, b), append(l.hashes, w.Frontier)
	}
	return nil
}

// Run offers the blocks and waits for their confirmations.
func (l *Load) Run(ctx context.Context) error {
	l.offer(ctx)
	l.wait(ctx)
	return ctx.Err()
}

// offer hands the blocks over at the rate, without waiting for answers while
// there is a free connection. A block that finds none is late, and its latency
// counts from when it was due.
func (l *Load) offer(ctx context.Context) {
	due := make([]chan int, min(l.Nodes*l.Senders, l.accounts))
	var group sync.WaitGroup
	for i := range due {
		due[i] = make(chan int, len(l.blocks)/len(due)+l.accounts) // so that the clock never waits
		n := l.Connect(i % l.Nodes)
		group.Go(func() {
			for k := range due[i] {
				l.hand(ctx, n, l.blocks[k])
			}
		})
	}
	l.began = time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for l.offered < len(l.blocks) && ctx.Err() == nil {
		reached := min(len(l.blocks), int(time.Since(l.began).Seconds()*float64(l.Rate))+1)
		for ; l.offered < reached; l.offered++ {
			l.awaited = append(l.awaited, l.Follow.Expect(l.hashes[l.offered]))
			due[l.offered%l.accounts%len(due)] <- l.offered
		}
		<-tick.C
	}
	for _, c := range due {
		close(c)
	}
	l.ended = time.Now()
	group.Wait()
}

// hand gives a block to a node, again and again while the node refuses it: what
// the account sends later cannot go before it.
func (l *Load) hand(ctx context.Context, n Node, b *lattice.Block) {
	for pause := retryMin; ctx.Err() == nil; pause = min(2*pause, retryMax) {
		err := Process(ctx, n, b)
		if err == nil {
			return
		}
		text := err.Error()
		l.why.Store(&text)
		l.refused.Add(1)
		if time.Since(l.began) > l.Duration+l.Patience {
			l.lost.Add(1)
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// wait waits until all is confirmed, or its patience ends.
func (l *Load) wait(ctx context.Context) {
	limit := time.NewTimer(l.Patience)
	defer limit.Stop()
	over := false
	for i, a := range l.awaited {
		if !over {
			select {
			case <-a.Done():
			case <-limit.C:
				over = true // the rest is only counted
			case <-ctx.Done():
				return
			}
		}
		after := l.Follow.Progress(a)
		l.Follow.Forget(l.hashes[i])
		if slices.Contains(after, 0) {
			continue
		}
		l.latencies, l.first = append(l.latencies, slices.Max(after)), append(l.first, slices.Min(after))
		if at := a.began.Add(slices.Max(after)); at.After(l.last) {
			l.last = at
		}
	}
	slices.Sort(l.latencies)
	slices.Sort(l.first)
}

// Confirmed returns how many blocks all nodes have confirmed.
func (l *Load) Confirmed() int { return len(l.latencies) }

// Name makes the name of a figure of this load: "at_50_p99_ms".
func (l *Load) Name(what string) string { return fmt.Sprintf("at_%d_%s", l.Rate, what) }

// Report adds what was found, each figure under the name that Name makes.
func (l *Load) Report(r *Report) {
	r.Add(l.Name("offered_per_second"), "1/s", float64(l.offered)/max(l.ended.Sub(l.began).Seconds(), 1e-3))
	r.Add(l.Name("confirmed_per_second"), "1/s on all nodes", float64(l.Confirmed())/max(l.last.Sub(l.began).Seconds(), 1e-3))
	r.Add(l.Name("unconfirmed"), "blocks", float64(l.offered-l.Confirmed()))
	r.Add(l.Name("refused"), "times; handed over again", float64(l.refused.Load()))
	r.Add(l.Name("not_taken"), "blocks", float64(l.lost.Load()))
	for _, q := range []int{50, 90, 99} {
		r.Add(l.Name(fmt.Sprintf("p%d_ms", q)), "ms until all nodes had confirmed", Quantile(l.latencies, q))
	}
	r.Add(l.Name("first_p50_ms"), "ms until the first node had confirmed", Quantile(l.first, 50))
}

// Refusal returns what a node said last when it refused a block; "" if none did.
func (l *Load) Refusal() string { return *cmp.Or(l.why.Load(), new(string)) }

// ParseRates reads rates, blocks a second, with commas between.
func ParseRates(text string) (rates []int, err error) {
	for each := range strings.SplitSeq(text, ",") {
		rate, err := strconv.Atoi(strings.TrimSpace(each))
		if err != nil || rate < 1 || rate > 100_000 {
			return nil, fmt.Errorf("--rates holds %q, want numbers from 1 to 100000 and commas between", each)
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

// Quantile returns the q-th percentile of sorted times in milliseconds; 0 of
// nothing.
func Quantile(sorted []time.Duration, q int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(len(sorted)-1, len(sorted)*q/100)]) / float64(time.Millisecond)
}
