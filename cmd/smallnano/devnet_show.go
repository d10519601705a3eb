package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// showTransfer tells when each node had confirmed a block.
func (d *devnet) showTransfer(t *transfer) {
	var b strings.Builder
	fmt.Fprintf(&b, "  %-7v %.8s… %9v smn  confirmed on", t.subtype, t.hash.String(), t.amount)
	for i, after := range t.after {
		fmt.Fprintf(&b, " node %d %v ms", i, ms(after))
		if i < len(t.after)-1 {
			b.WriteByte(',')
		}
	}
	fmt.Fprintln(d.say, b.String())
}

// ms is a time in milliseconds with one decimal.
func ms(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*10) / 10
}

// result is what a demonstration came to.
type result struct {
	Nodes     int              `json:"nodes"`
	Transfers []transferResult `json:"transfers"`
	Latency   percentiles      `json:"latency_ms"`
	RSS       []float64        `json:"rss_mb"` // by node; empty where it is not known
}

// transferResult is one block; the latency is until the last node had confirmed
// it.
type transferResult struct {
	Hash        string  `json:"hash"`
	Subtype     string  `json:"subtype"`
	ConfirmedOn int     `json:"confirmed_on"`
	Latency     float64 `json:"latency_ms"`
}

// percentiles are in milliseconds.
type percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
}

func summarise(nodes int, transfers []*transfer, rss []float64) result {
	r := result{Nodes: nodes, RSS: rss}
	var latencies []time.Duration
	for _, t := range transfers {
		last := slices.Max(t.after)
		latencies = append(latencies, last)
		r.Transfers = append(r.Transfers, transferResult{t.hash.String(), t.subtype.String(), len(t.after), ms(last)})
	}
	slices.Sort(latencies)
	at := func(percent int) float64 { return ms(latencies[min(len(latencies)*percent/100, len(latencies)-1)]) }
	r.Latency = percentiles{at(50), at(90), at(99)}
	return r
}

func (r *result) print(to io.Writer) {
	if len(r.RSS) > 0 {
		fmt.Fprintf(to, "memory of each node in MB: %s\n", strings.Trim(fmt.Sprint(r.RSS), "[]"))
	}
	fmt.Fprintf(to, "latency until all had confirmed: p50 %v ms, p90 %v ms, p99 %v ms\n", r.Latency.P50, r.Latency.P90, r.Latency.P99)
	fmt.Fprintf(to, "%d transfers confirmed on %d of %d nodes\n", len(r.Transfers), r.Nodes, r.Nodes)
}

// residentMB returns the memory of each node, empty where it is not known.
func (d *devnet) residentMB() []float64 {
	all := []float64{}
	for _, c := range d.children {
		if rss := residentBytes(strconv.Itoa(c.command.Process.Pid)); rss > 0 {
			all = append(all, math.Round(float64(rss)/1e5)/10)
		}
	}
	return all
}

// How often the table of nodes is shown anew.
const (
	tableOnTerminal = time.Second
	tableElsewhere  = 10 * time.Second
)

// watch shows the nodes until ctx ends, which is no failure if somebody wanted
// it.
func (d *devnet) watch(ctx context.Context) error {
	fmt.Fprintln(d.say, "the network goes on; press Ctrl-C to stop it")
	every := tableElsewhere
	if d.terminal {
		every = tableOnTerminal
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	lines := 0
	for {
		lines = d.showTable(ctx, lines)
		select {
		case <-tick.C:
		case <-ctx.Done():
			fmt.Fprintln(d.say, "stopping")
			return nil // runDevnet knows why
		}
	}
}

// showTable shows a line for each node, over the former table on a terminal.
func (d *devnet) showTable(ctx context.Context, former int) (lines int) {
	var b strings.Builder
	if d.terminal && former > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", former)
	}
	rss := append(d.residentMB(), make([]float64, len(d.children))...)
	for i, c := range d.children {
		s, err := c.status(ctx)
		if err != nil {
			s = nodeStatus{}
		}
		if d.terminal {
			b.WriteString("\x1b[2K")
		}
		fmt.Fprintf(&b, "node %d: %2d peers, %6d blocks, %6d confirmed, %5.1f MB\n", i, s.Peers, s.Blocks, s.Confirmed, rss[i])
	}
	fmt.Fprint(d.say, b.String())
	return len(d.children)
}
