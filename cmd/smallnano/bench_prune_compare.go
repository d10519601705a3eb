package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// compare holds every account of the pruned ledger, its blocks, what it can
// receive, the weights and the counts against the whole one.
func (b *pruneBench) compare(m *ledgerMaker, r *load.Report, o storage.Options) error {
	return withStore(filepath.Join(b.whole, ledgerFile), o, func(whole storage.Reader) error {
		return withStore(filepath.Join(b.pruned, ledgerFile), o, func(pruned storage.Reader) error {
			c := ledgerComparison{whole: whole, pruned: pruned}
			if b.bytes == 0 {
				c.depth = uint64(b.depth)
			}
			if err := c.run(); err != nil {
				return err
			}
			r.Add("accounts", "count, all balances as in the whole ledger", float64(c.accounts))
			r.Add("receivables", "count, as in the whole ledger", float64(c.receivables))
			r.Add("blocks_kept", "blocks", float64(c.kept))
			r.Add("blocks_kept_per_account", "blocks", float64(c.kept)/float64(c.accounts))
			r.Add("most_kept_of_an_account", "blocks", float64(c.most))
			r.Add("blocks_left_below", "blocks, sends that wait and the genesis", float64(c.below))
			return c.waiting(m.aside, r)
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
	whole, pruned  storage.Reader
	depth          uint64 // at which nothing more must be removable; 0: not looked at
	accounts, kept int
	most, below    int
	receivables    int
}

// waiting counts the sends that wait since the beginning and stand below all that
// is kept otherwise.
func (c *ledgerComparison) waiting(aside []sent, r *load.Report) error {
	deep := 0
	for _, s := range aside {
		b, found, err := c.pruned.Block(s.hash)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("send %v was not received, and is gone", s.hash)
		}
		info, err := c.pruned.Account(b.Block.Account)
		if err != nil {
			return err
		}
		if b.Height < info.PrunedHeight {
			deep++
		}
	}
	r.Add("old_sends_kept", "blocks, that newer ones of their account were removed above", float64(deep))
	return nil
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
		if same, _, err := c.whole.BlockAt(e.Account, blocks[i].Height); err != nil || same != blocks[i] {
			return cmp.Or(err, fmt.Errorf("block %d is not that of the whole ledger", blocks[i].Height))
		}
	}
	if err := c.receivable(e.Account); err != nil || c.depth == 0 {
		return err
	}
	more, _, err := ledger.PlanPrune(c.pruned, e.Account, c.depth, 1, 1<<30)
	if err == nil && len(more.Blocks) > 0 {
		err = fmt.Errorf("%d blocks could still go, from height %d", len(more.Blocks), more.Blocks[0].Height)
	}
	return err
}

// receivable holds what an account can receive against the whole ledger.
func (c *ledgerComparison) receivable(account lattice.Account) error {
	a, err := c.whole.Receivables(account, lattice.Hash{}, 1<<20)
	b, err2 := c.pruned.Receivables(account, lattice.Hash{}, 1<<20)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if !slices.Equal(a, b) {
		return fmt.Errorf("it can receive %d amounts in the pruned ledger, others than the %d of the whole one", len(b), len(a))
	}
	c.receivables += len(b)
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
