package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire/rpc"
)

// defineBenchPrune is the command "bench prune": a node is given a ledger and told
// to keep little of it. What is left is checked against the whole one.
func defineBenchPrune(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	b := pruneBench{}
	flags.IntVar(&b.blocks, "blocks", 100_000, "blocks of the ledger")
	flags.IntVar(&b.accounts, "accounts", 0, "accounts of the ledger; 0: a hundredth of the blocks")
	flags.IntVar(&b.depth, "depth", 10, "blocks to keep of each account; 0: all")
	flags.Int64Var(&b.bytes, "bytes", 0, "bytes that the ledger may have; 0: any number")
	flags.DurationVar(&b.limit, "limit", 20*time.Minute, "how long pruning may take")
	return func(run *benchRun) (*load.Report, error) {
		if b.accounts == 0 {
			b.accounts = max(1, b.blocks/100)
		}
		if b.blocks < 2 || b.blocks > 100_000_000 || b.accounts < 1 || b.accounts > b.blocks || b.depth < 0 || b.bytes < 0 {
			return nil, misused("--blocks is %d, --accounts %d, --depth %d and --bytes %d, want 2 to 100000000 blocks, no more accounts than that, and no negative number", b.blocks, b.accounts, b.depth, b.bytes)
		}
		runtime.LockOSThread() // see childAttributes
		return b.run(run)
	}
}

type pruneBench struct {
	blocks, accounts, depth int
	bytes                   int64
	limit                   time.Duration
	whole, pruned           string // data folders
}

// oldSends is how many amounts wait since the beginning to be received.
const oldSends = 8

func (b *pruneBench) run(run *benchRun) (*load.Report, error) {
	dir, remove, err := run.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	b.whole, b.pruned = filepath.Join(dir, "whole"), filepath.Join(dir, "pruned")
	r := &load.Report{}
	began := time.Now()
	fmt.Fprintf(run.say, "making a ledger of %d blocks and %d accounts\n", b.blocks, b.accounts)
	maker := newLedgerMaker(lattice.Dev(), b.accounts)
	maker.reserve = oldSends
	if err := maker.fill(run, b.whole, b.blocks); err != nil {
		return nil, err
	}
	if err := makeFolder(b.pruned); err != nil {
		return nil, err
	}
	options := storage.Options{Network: lattice.Dev()}
	if err := storage.Backup(filepath.Join(b.whole, ledgerFile), filepath.Join(b.pruned, ledgerFile), options); err != nil {
		return nil, err
	}
	r.Add("making_seconds", "s", time.Since(began).Seconds())
	r.Add("bytes_before", "bytes", float64(fileLength(filepath.Join(b.pruned, ledgerFile))))
	fmt.Fprintf(run.say, "a node prunes it\n")
	if err := b.prune(run, r); err != nil {
		return nil, err
	}
	after := fileLength(filepath.Join(b.pruned, ledgerFile))
	r.Add("bytes_after", "bytes", float64(after))
	if b.bytes > 0 {
		r.Add("bytes_wanted", "bytes, at most", float64(b.bytes))
		if after > b.bytes {
			return nil, fmt.Errorf("the file has %d bytes after pruning, and may have %d", after, b.bytes)
		}
	}
	fmt.Fprintf(run.say, "comparing it with the whole one, and checking every page and signature\n")
	if err := b.compare(maker, r, options); err != nil {
		return nil, err
	}
	findings, err := storage.Audit(filepath.Join(b.pruned, ledgerFile), options, func(c []crypto.Check) []bool { return crypto.VerifyBatch(c, rand.Reader) })
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("the pruned ledger is damaged: %q", findings)
	}
	if err != nil {
		return nil, err
	}
	r.Add("audit_findings", "count, integrity_check and signatures included", 0)
	fmt.Fprintf(run.say, "starting the node again, and receiving with it\n")
	if err := b.receive(run, maker, r); err != nil {
		return nil, err
	}
	r.Add("all_seconds", "s", time.Since(began).Seconds())
	return r, nil
}

func fileLength(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// start starts a node that prunes.
func (b *pruneBench) start(ctx context.Context) (*benchNode, error) {
	return startBenchNode(ctx, b.pruned, "--enable-voting", "--voting-key", devGenesis,
		"--max-blocks-per-account", strconv.Itoa(b.depth), "--max-ledger-bytes", strconv.FormatInt(b.bytes, 10))
}

// pruneSettled is how long nothing must have been removed, and the file not become
// shorter: longer than the pause before the node looks again for what could not go
// in the first round, and than it takes on a busy machine to come to it. While the
// file is larger than it may be, more patience is due.
const (
	pruneSettled = time.Minute
	pruneStuck   = 3 * time.Minute
)

// prune lets a node remove what it removes.
func (b *pruneBench) prune(ctx context.Context, r *load.Report) error {
	ctx, cancel := context.WithTimeoutCause(ctx, b.limit, fmt.Errorf("not done within %v", b.limit))
	defer cancel()
	node, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer node.stop()
	tick := time.NewTicker(benchPoll)
	defer tick.Stop()
	var removed int
	size := fileLength(filepath.Join(b.pruned, ledgerFile))
	done, peak, worst := node.ready, 0.0, time.Duration(0)
	for {
		patience := pruneSettled
		if b.bytes > 0 && size > b.bytes {
			patience = pruneStuck
		}
		if time.Since(done) >= patience {
			break
		}
		var count struct {
			Pruned int `json:",string"`
		}
		asked := time.Now()
		if err := node.client.ask(ctx, "block_count", nil, &count); err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		worst = max(worst, time.Since(asked))
		if now := fileLength(filepath.Join(b.pruned, ledgerFile)); count.Pruned != removed || now != size {
			removed, size, done = count.Pruned, now, time.Now()
		}
		peak = max(peak, float64(peakBytes(strconv.Itoa(node.command.Process.Pid)))/megabyte)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	took := done.Sub(node.ready).Seconds()
	r.Add("pruned", "blocks", float64(removed))
	r.Add("seconds", "s", took)
	if took > 0 {
		r.Add("pruned_per_second", "1/s", float64(removed)/took)
	}
	cpu := cpuOf(node).Seconds()
	r.Add("cpu_seconds", "s of one core, of the node", cpu)
	r.Add("cpu_us_per_pruned", "us of one core", cpu*1e6/float64(max(1, removed)))
	r.Add("slowest_answer_ms", "ms", float64(worst.Milliseconds()))
	r.Add("peak_rss_mb", "MB", peak)
	return nil
}

// receive lets the pruned node, which is started again, take in the receives of
// amounts that were sent before anything was pruned, and confirm them.
func (b *pruneBench) receive(ctx context.Context, m *ledgerMaker, r *load.Report) error {
	began := time.Now()
	node, err := b.start(ctx)
	if err != nil {
		return fmt.Errorf("the pruned ledger cannot be opened again: %w", err)
	}
	defer node.stop()
	r.Add("restart_ms", "ms", float64(node.ready.Sub(began).Milliseconds()))
	if len(m.aside) == 0 {
		return errors.New("nothing is left to receive: make a larger ledger")
	}
	var longest time.Duration
	for _, s := range m.aside {
		began := time.Now()
		if err := b.receiveOne(ctx, node, m, s); err != nil {
			return err
		}
		longest = max(longest, time.Since(began))
	}
	r.Add("old_sends_received", "count, confirmed", float64(len(m.aside)))
	r.Add("receive_of_old_send_ms", "ms, the longest", float64(longest.Milliseconds()))
	return nil
}

func (b *pruneBench) receiveOne(ctx context.Context, node *benchNode, m *ledgerMaker, s sent) error {
	balance, _ := m.heads[s.to].Balance.Add(s.amount)
	block, hash := m.seal(s.to, balance, lattice.Link(s.hash), m.network.ReceiveThreshold)
	began := time.Now()
	if err := node.client.ask(ctx, "process", map[string]any{"json_block": true, "block": json.RawMessage(rpc.EncodeBlock(&block))}, new(any)); err != nil {
		return fmt.Errorf("the pruned node refuses to receive what was sent before: %w", err)
	}
	for {
		var info struct {
			Confirmed bool `json:",string"`
		}
		if err := node.client.ask(ctx, "block_info", map[string]any{"hash": hash.String()}, &info); err != nil {
			return err
		}
		if info.Confirmed {
			return nil
		}
		if time.Since(began) > time.Minute {
			return errors.New("the receive of what was sent before pruning is not confirmed within a minute")
		}
		time.Sleep(benchPoll)
	}
}
