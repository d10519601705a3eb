package storetest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// dumpPage is how much Dump reads at a time: little, so that it also tries the
// seams between pages.
const dumpPage = 3

// valueNames are the named values that Dump shows.
var valueNames = []string{"a", "b", "c"}

// Dump writes down everything that a reader tells, a line for each thing. Two
// ledgers are the same when their dumps are.
func Dump(r storage.Reader) (string, error) {
	d := &dumper{r: r, destinations: make(map[lattice.Account]bool)}
	for _, part := range []func() error{d.counts, d.accounts, d.unconfirmed, d.receivables, d.confirmations, d.weights, d.rest} {
		if err := part(); err != nil {
			return "", fmt.Errorf("dump: %w", err)
		}
	}
	return d.text.String(), nil
}

type dumper struct {
	r            storage.Reader
	text         strings.Builder
	destinations map[lattice.Account]bool
}

func (d *dumper) line(format string, args ...any) { fmt.Fprintf(&d.text, format+"\n", args...) }

func (d *dumper) counts() error {
	c, err := d.r.Counts()
	d.line("counts %+v", c)
	return err
}

// list reads all pages of a listing of accounts.
func list(next func(lattice.Account, int) ([]lattice.AccountEntry, error)) (all []lattice.AccountEntry, err error) {
	var start lattice.Account
	for {
		page, err := next(start, dumpPage)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < dumpPage {
			return all, nil
		}
		start = page[len(page)-1].Account
		increment(start[:])
	}
}

// increment makes a key the next one.
func increment(key []byte) {
	for i := len(key) - 1; i >= 0; i-- {
		if key[i]++; key[i] != 0 {
			return
		}
	}
}

func (d *dumper) accounts() error {
	all, err := list(d.r.Accounts)
	for _, e := range all {
		d.destinations[e.Account] = true
		d.line("account %v %+v", e.Account.Hex(), e.Info)
		if err := d.chain(e.Account); err != nil {
			return err
		}
	}
	return err
}

func (d *dumper) chain(account lattice.Account) error {
	for from := uint64(0); ; {
		page, err := d.r.Blocks(account, from, dumpPage)
		if err != nil {
			return err
		}
		aged, err := d.r.Aged(account, from, math.MaxInt64, dumpPage, 1<<20)
		if err != nil {
			return err
		}
		for i := range aged {
			d.line("aged %+v", aged[i])
		}
		for _, b := range page {
			d.line("block %v %+v", b.Hash, b)
			if b.Subtype == lattice.Send {
				d.destinations[lattice.Account(b.Block.Link)] = true
			}
			root := lattice.QualifiedRoot{Account: account, Previous: b.Hash}
			if hash, found, err := d.r.FinalVote(root); err != nil {
				return err
			} else if found {
				d.line("vote %v for %v", root, hash)
			}
			from = b.Height + 1
		}
		if len(page) < dumpPage {
			return nil
		}
	}
}

func (d *dumper) unconfirmed() error {
	all, err := list(d.r.Unconfirmed)
	for _, e := range all {
		d.line("unconfirmed %v %+v", e.Account.Hex(), e.Info)
	}
	return err
}

func (d *dumper) receivables() error {
	var all []lattice.Account
	for a := range d.destinations {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b lattice.Account) int { return slices.Compare(a[:], b[:]) })
	for _, a := range all {
		var start lattice.Hash
		for {
			page, err := d.r.Receivables(a, start, dumpPage)
			if err != nil {
				return err
			}
			for _, e := range page {
				d.line("receivable %v %v %+v", e.Key.Destination.Hex(), e.Key.Send, e.Receivable)
			}
			if len(page) < dumpPage {
				break
			}
			start = page[len(page)-1].Key.Send
			increment(start[:])
		}
	}
	return nil
}

func (d *dumper) confirmations() error {
	for first := uint64(0); ; {
		page, err := d.r.Confirmations(first, dumpPage)
		if err != nil {
			return err
		}
		for _, c := range page {
			d.line("confirmation %+v", c)
			first = c.Sequence + 1
		}
		if len(page) < dumpPage {
			return nil
		}
	}
}

func (d *dumper) weights() error {
	return d.r.Weights(func(representative lattice.Account, w lattice.Amount) bool {
		d.line("weight %v %s", representative.Hex(), w.Raw())
		return true
	})
}

func (d *dumper) rest() error {
	samples, err := d.r.WeightSamples()
	if err != nil {
		return err
	}
	for _, s := range samples {
		d.line("sample %v %s", s.Time, s.Weight.Raw())
	}
	peers, err := d.r.Peers()
	if err != nil {
		return err
	}
	for _, p := range peers {
		d.line("peer %v %v", p.Address, p.LastSeen)
	}
	for _, name := range valueNames {
		value, found, err := d.r.Value(name)
		if err != nil {
			return err
		}
		d.line("value %s %x %t", name, value, found)
	}
	return nil
}
