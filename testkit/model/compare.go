package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Compare reports every difference between what a ledger answers and what the
// model predicts: accounts, blocks by hash and by height, what is receivable and
// what was received. strangers are hashes and accounts that must not be there
// unless the model has them.
func (l *Ledger) Compare(c ledger.Chains, strangers []lattice.Hash, accounts []lattice.Account) error {
	s := l.State()
	d := &differ{c: c}
	for _, a := range accounts {
		d.account(a, s.Info(a))
		d.height(a, 0, lattice.StoredBlock{}, false)
		for i, b := range s.Chains[a] {
			d.height(a, uint64(i+1), b, true)
		}
		d.height(a, uint64(len(s.Chains[a])+1), lattice.StoredBlock{}, false)
	}
	for _, h := range slices.Concat(l.Hashes(), strangers) {
		b, ok := s.Blocks[h]
		d.block(h, b, ok)
		for _, a := range accounts {
			key := lattice.ReceivableKey{Destination: a, Send: h}
			r, ok := s.Receivables[key]
			d.receivable(key, r, ok)
			by, ok := s.ReceivedBy[key]
			d.receivedBy(key, by, ok)
		}
	}
	return errors.Join(d.found...)
}

// Laws checks what must hold of every ledger whatever happened to it: the model
// has checked it already where the two are the same, so this is for the model.
func (l *Ledger) Laws() error {
	s := l.State()
	var sum lattice.Amount
	for _, w := range s.Weights() {
		sum = sum.SatAdd(w)
	}
	if total := s.Total(); total != lattice.Supply {
		return fmt.Errorf("balances and receivables are %s raw, the supply is %s raw", total.Raw(), lattice.Supply.Raw())
	}
	if sum != lattice.Supply {
		return fmt.Errorf("weights are %s raw, the supply is %s raw", sum.Raw(), lattice.Supply.Raw())
	}
	for h, b := range s.Blocks {
		if !b.Confirmed {
			continue
		}
		if p := b.Block.Previous; !p.IsZero() && !s.Blocks[p].Confirmed {
			return fmt.Errorf("block %v is confirmed before the block before it", h)
		}
		if src, ok := s.Blocks[lattice.Hash(b.Block.Link)]; ok && b.Subtype != lattice.Send && !src.Confirmed {
			return fmt.Errorf("block %v is confirmed before its source", h)
		}
	}
	return nil
}

// CompareWeights reports the difference between the weights that a ledger keeps
// and a recount.
func (l *Ledger) CompareWeights(kept map[lattice.Account]lattice.Amount) error {
	if want := l.State().Weights(); !maps.Equal(kept, want) {
		return fmt.Errorf("weights: kept %v, recount %v", kept, want)
	}
	return nil
}

// differ collects differences.
type differ struct {
	c     ledger.Chains
	found []error
}

// note remembers a difference, or that the answer did not come.
func (d *differ) note(what string, of any, err error, got, want any) {
	if err != nil {
		d.found = append(d.found, fmt.Errorf("%s %v: %w", what, of, err))
		return
	}
	d.found = append(d.found, fmt.Errorf("%s %v:\n got  %+v\n want %+v", what, of, got, want))
}

func (d *differ) account(a lattice.Account, want lattice.AccountInfo) {
	if got, err := d.c.Account(a); err != nil || !SameInfo(got, want) {
		d.note("account", a, err, got, want)
	}
}

func (d *differ) block(h lattice.Hash, want lattice.StoredBlock, there bool) {
	got, ok, err := d.c.Block(h)
	if err != nil || ok != there || ok && !sameBlock(got, want) {
		d.note(fmt.Sprintf("there: %t, want %t: block", ok, there), h, err, got, want)
	}
}

func (d *differ) height(a lattice.Account, height uint64, want lattice.StoredBlock, there bool) {
	got, ok, err := d.c.BlockAt(a, height)
	if err != nil || ok != there || ok && !sameBlock(got, want) {
		d.note(fmt.Sprintf("there: %t, want %t: block at %d of", ok, there, height), a, err, got, want)
	}
}

func (d *differ) receivable(key lattice.ReceivableKey, want lattice.Receivable, there bool) {
	got, ok, err := d.c.Receivable(key)
	if err != nil || ok != there || ok && got != want {
		d.note(fmt.Sprintf("there: %t, want %t: receivable", ok, there), key, err, got, want)
	}
}

func (d *differ) receivedBy(key lattice.ReceivableKey, want lattice.Hash, there bool) {
	got, ok, err := d.c.ReceivedBy(key)
	if err != nil || ok != there || ok && got != want {
		d.note(fmt.Sprintf("there: %t, want %t: receive of", ok, there), key, err, got, want)
	}
}

// SameInfo reports whether two accounts are the same, whatever zone their times
// are in.
func SameInfo(a, b lattice.AccountInfo) bool {
	same := a.Modified.Equal(b.Modified)
	a.Modified = b.Modified
	return same && a == b
}

func sameBlock(a, b lattice.StoredBlock) bool {
	same := a.Time.Equal(b.Time)
	a.Time = b.Time
	return same && a == b
}
