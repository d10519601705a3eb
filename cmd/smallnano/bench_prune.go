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

func (b *pruneBench) run(run *benchRun) (*load.Report, error) {
	dir, remove, err := run.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	b.whole, b.pruned = filepath.Join(dir, "whole"), filepath.Join(dir, "pruned")
	fmt.Fprintf(run.say, "making a ledger of %d blocks and %d accounts\n", b.blocks, b.accounts)
	maker := newLedgerMaker(lattice.Dev(), b.accounts)
	if err := maker.fill(run, b.whole, b.blocks); err != nil {
		return nil, err
	}
	if err := makeFolder(b.pruned); err != nil {
		return nil, err
	}
	options := storage.Options{Network: lattice.Dev()}
	if len(maker.waiting) == 0 { // something must be left to receive
		if err := maker.add(filepath.Join(b.whole, ledgerFile), 1); err != nil {
			return nil, err
		}
	}
	if err := storage.Backup(filepath.Join(b.whole, ledgerFile), filepath.Join(b.pruned, ledgerFile), options); err != nil {
		return nil, err
	}
	r := &load.Report{}
	r.Add("bytes_before", "bytes", float64(fileLength(filepath.Join(b.pruned, ledgerFile))))
	fmt.Fprintf(run.say, "a node prunes it\n")
	if err := b.prune(run, r); err != nil {
		return nil, err
	}
	r.Add("bytes_after", "bytes", float64(fileLength(filepath.Join(b.pruned, ledgerFile))))
	fmt.Fprintf(run.say, "comparing it with the whole one\n")
	if err := b.compare(r, options); err != nil {
		return nil, err
	}
	findings, err := storage.Audit(filepath.Join(b.pruned, ledgerFile), options, func(c []crypto.Check) []bool { return crypto.VerifyBatch(c, rand.Reader) })
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("the pruned ledger is damaged: %q", findings)
	}
	if err != nil {
		return nil, err
	}
	r.Add("audit_findings", "count", 0)
	fmt.Fprintf(run.say, "receiving with it, and starting it again\n")
	return r, b.receive(run, maker, r)
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
// in the first round. While the file is larger than it may be, more patience is due.
const (
	pruneSettled = 15 * time.Second
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
	r.Add("slowest_answer_ms", "ms", float64(worst.Milliseconds()))
	r.Add("peak_rss_mb", "MB", peak)
	return nil
}

// compare holds every account of the pruned ledger, the weights and the counts
// against the whole one.
func (b *pruneBench) compare(r *load.Report, o storage.Options) error {
	return withStore(filepath.Join(b.whole, ledgerFile), o, func(whole storage.Reader) error {
		return withStore(filepath.Join(b.pruned, ledgerFile), o, func(pruned storage.Reader) error {
			c := ledgerComparison{whole: whole, pruned: pruned}
			if err := c.run(); err != nil {
				return err
			}
			r.Add("accounts", "count", float64(c.accounts))
			r.Add("blocks_kept", "blocks", float64(c.kept))
			r.Add("blocks_kept_per_account", "blocks", float64(c.kept)/float64(c.accounts))
			r.Add("most_kept_of_an_account", "blocks", float64(c.most))
			r.Add("blocks_left_below", "blocks", float64(c.below))
			return nil
		})
	})
}

func withStore(path string, o storage.Options, f func(storage.Reader) error) error {
	s, err := storage.Open(path, o)
	if err != nil {
		return err
	}
	return errors.Join(s.View(f), s.Close())
}

type ledgerComparison struct {
	whole, pruned               storage.Reader
	accounts, kept, most, below int
}

func (c *ledgerComparison) run() error {
	var start lattice.Account
	for {
		const page = 1024
		all, err := c.whole.Accounts(start, page)
		if err != nil {
			return err
		}
		for i := range all {
			if err := c.account(&all[i]); err != nil {
				return fmt.Errorf("account %v: %w", all[i].Account, err)
			}
		}
		if len(all) < page {
			return c.totals()
		}
		start = all[len(all)-1].Account
		for i := len(start) - 1; i >= 0; i-- {
			if start[i]++; start[i] != 0 {
				break
			}
		}
	}
}

func (c *ledgerComparison) account(e *lattice.AccountEntry) error {
	info, err := c.pruned.Account(e.Account)
	if err != nil {
		return err
	}
	height := info.PrunedHeight
	if info.PrunedHeight = 0; info != e.Info {
		return fmt.Errorf("the pruned ledger says %+v, the whole one %+v", info, e.Info)
	}
	blocks, err := c.pruned.Blocks(e.Account, 1, 1<<30)
	if err != nil {
		return err
	}
	c.accounts++
	c.kept += len(blocks)
	c.most = max(c.most, int(info.Height-height))
	for i := range blocks {
		if blocks[i].Height <= height {
			c.below++
		}
	}
	return nil
}

func (c *ledgerComparison) totals() error {
	a, err := c.whole.Counts()
	b, err2 := c.pruned.Counts()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	b.Pruned, b.StoredBlocks = a.Pruned, a.StoredBlocks
	if a != b {
		return fmt.Errorf("the pruned ledger counts %+v, the whole one %+v", b, a)
	}
	weights := map[lattice.Account]lattice.Amount{}
	err = c.whole.Weights(func(account lattice.Account, w lattice.Amount) bool {
		weights[account] = w
		return true
	})
	err2 = c.pruned.Weights(func(account lattice.Account, w lattice.Amount) bool {
		if weights[account] == w {
			delete(weights, account)
		}
		return true
	})
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if len(weights) > 0 {
		return fmt.Errorf("%d representatives have another weight in the pruned ledger", len(weights))
	}
	return nil
}

// receive lets the pruned node, which was started again, take in the receive of
// an amount that was sent before anything was pruned, and confirm it.
func (b *pruneBench) receive(ctx context.Context, m *ledgerMaker, r *load.Report) error {
	node, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer node.stop()
	sent := m.waiting[0]
	balance, _ := m.heads[sent.to].Balance.Add(sent.amount)
	block, hash := m.seal(sent.to, balance, lattice.Link(sent.hash), m.network.ReceiveThreshold)
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
			break
		}
		if time.Since(began) > time.Minute {
			return errors.New("the receive of what was sent before pruning is not confirmed within a minute")
		}
		time.Sleep(benchPoll)
	}
	r.Add("receive_of_old_send_ms", "ms", float64(time.Since(began).Milliseconds()))
	return nil
}
