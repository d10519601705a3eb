package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/messages/lattice"
)

// idleBench measures nodes that are connected, in step, and have nothing to do.
type idleBench struct {
	nodes, blocks    int
	settle, duration time.Duration
}

// defineBenchIdle is the command "bench idle".
func defineBenchIdle(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	i := &idleBench{}
	flags.IntVar(&i.nodes, "nodes", 3, "number of nodes, each connected to the first")
	flags.IntVar(&i.blocks, "blocks", 10_000, "blocks in the ledger of each")
	flags.DurationVar(&i.settle, "settle", 90*time.Second, "how long they run before they are measured")
	flags.DurationVar(&i.duration, "duration", time.Minute, "how long they are measured")
	return func(b *benchRun) (*load.Report, error) {
		if i.nodes < 1 || i.nodes > maxNodes || i.blocks < 2 || i.duration <= 0 {
			return nil, misused("--nodes is %d, --blocks %d and --duration %v, want 1 to %d, at least 2, and some time", i.nodes, i.blocks, i.duration, maxNodes)
		}
		runtime.LockOSThread() // see childAttributes
		defer runtime.UnlockOSThread()
		return i.run(b)
	}
}

func (i *idleBench) run(b *benchRun) (*load.Report, error) {
	dir, remove, err := b.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	var nodes []*benchNode
	defer func() {
		for _, n := range nodes {
			n.stop()
		}
	}()
	fmt.Fprintf(b.say, "making a ledger of %d blocks\n", i.blocks)
	first := filepath.Join(dir, "0")
	if err := newLedgerMaker(lattice.Dev(), max(1, i.blocks/13)).fill(b, first, i.blocks); err != nil {
		return nil, err
	}
	for k := 1; k < i.nodes; k++ { // before any of them is open
		if err := copyBenchLedger(first, filepath.Join(dir, fmt.Sprint(k))); err != nil {
			return nil, err
		}
	}
	for k := range i.nodes {
		folder := filepath.Join(dir, fmt.Sprint(k))
		args := []string{"--enable-voting", "--voting-key", devGenesis}
		if k > 0 {
			args = []string{"--peer", nodes[0].peering}
		}
		n, err := startBenchNode(b, folder, args...)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	fmt.Fprintf(b.say, "letting them come to rest for %v, then measuring for %v\n", i.settle, i.duration)
	if err := pause(b, i.settle); err != nil {
		return nil, err
	}
	before, err := usesOf(nodes)
	if err == nil {
		err = pause(b, i.duration)
	}
	if err != nil {
		return nil, err
	}
	after, err := usesOf(nodes)
	if err != nil {
		return nil, err
	}
	return i.compare(before, after), nil
}

// compare reports the nodes as so many measurements of the same.
func (i *idleBench) compare(before, after []processUse) *load.Report {
	var cpu, wakeups, rss, written []float64
	for k := range after {
		d := after[k].since(before[k])
		cpu = append(cpu, 100*d.cpu.Seconds()/i.duration.Seconds())
		wakeups = append(wakeups, float64(d.wakeups)/i.duration.Seconds())
		rss = append(rss, float64(d.rss)/megabyte)
		written = append(written, float64(d.written))
	}
	r := &load.Report{}
	r.Add("cpu_percent", "of one core", cpu...)
	r.Add("wakeups_per_second", "1/s, all threads", wakeups...)
	r.Add("rss_mb", "MB", rss...)
	r.Add("bytes_written", "bytes to the disk while measured", written...)
	return r
}

func usesOf(nodes []*benchNode) (all []processUse, err error) {
	for _, n := range nodes {
		u, err := useOf(n.command.Process.Pid)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
