package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/smallnano/smallnano/cmd/load"
)

// defineBenchDisk is the command "bench disk": what a confirmed ledger takes.
func defineBenchDisk(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	l := &ledgerBench{}
	l.define(flags)
	return func(b *benchRun) (*load.Report, error) {
		if err := l.validate(); err != nil {
			return nil, err
		}
		dir, remove, err := b.folder()
		if err != nil {
			return nil, err
		}
		defer remove()
		fmt.Fprintf(b.say, "making a ledger of %d blocks and %d accounts\n", l.blocks, l.accounts)
		m := newLedgerMaker(l.network, l.accounts)
		m.popularAccounts()
		if err := m.fill(b, dir, l.blocks); err != nil {
			return nil, err
		}
		info, err := os.Stat(filepath.Join(dir, ledgerFile))
		if err != nil {
			return nil, fmt.Errorf("no ledger was made: %w", err)
		}
		r := &load.Report{}
		r.Add("bytes_per_block", "bytes, all included", float64(info.Size())/float64(l.blocks))
		r.Add("ledger_mb", "MB", float64(info.Size())/megabyte)
		return r, nil
	}
}
