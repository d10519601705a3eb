package model_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit/model"
)

// drive does random things to a store and compares it with the model again and
// again.
func drive(t *testing.T, open func(*testing.T) storage.Store, seeds uint64, steps int) {
	n := lattice.Dev()
	var sum model.Stats
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 2))
		store := open(t)
		var d *model.Driver
		err := store.Update(func(tx storage.Tx) (err error) {
			d, err = model.NewDriver(n, rng, tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for step := range steps {
			if err := store.Update(func(tx storage.Tx) error { return d.Step(tx) }); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			if step%3 != 0 { // a difference stays, and comparing is what takes the time
				continue
			}
			if err := store.View(func(r storage.Reader) error { return compare(d, r) }); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		sum = sum.Add(d.Stats)
	}
	t.Logf("%d histories of %d steps: %+v", seeds, steps, sum)
}

func compare(d *model.Driver, r storage.Reader) error {
	if err := d.Compare(r); err != nil {
		return err
	}
	weights := make(map[lattice.Account]lattice.Amount)
	err := r.Weights(func(a lattice.Account, w lattice.Amount) bool {
		weights[a] = w
		return true
	})
	if err != nil {
		return err
	}
	return errors.Join(d.Model.CompareWeights(weights), compareLists(d, r), checkSequence(r))
}

// compareLists compares what only a store has: listings and counts.
func compareLists(d *model.Driver, r storage.Reader) error {
	s := d.Model.State()
	var all, unconfirmed []lattice.Account
	want := lattice.Counts{Accounts: uint64(len(s.Chains)), Blocks: uint64(len(s.Blocks)), Receivables: uint64(len(s.Receivables))}
	want.StoredBlocks = want.Blocks
	for a := range s.Chains {
		all = append(all, a)
		info := s.Info(a)
		want.Cemented += info.ConfirmedHeight
		if info.ConfirmedHeight < info.Height {
			unconfirmed = append(unconfirmed, a)
		}
	}
	if got, err := r.Counts(); err != nil || got != want {
		return fmt.Errorf("counts %+v, want %+v: %w", got, want, err)
	}
	for _, list := range []struct {
		name string
		ask  func(lattice.Account, int) ([]lattice.AccountEntry, error)
		want []lattice.Account
	}{{"accounts", r.Accounts, all}, {"unconfirmed", r.Unconfirmed, unconfirmed}} {
		slices.SortFunc(list.want, func(a, b lattice.Account) int { return bytes.Compare(a[:], b[:]) })
		got, err := list.ask(lattice.Account{}, 1000)
		same := slices.EqualFunc(got, list.want, func(e lattice.AccountEntry, a lattice.Account) bool {
			return e.Account == a && model.SameInfo(e.Info, s.Info(a))
		})
		if err != nil || !same {
			return fmt.Errorf("%s: %+v, want %v: %w", list.name, got, list.want, err)
		}
	}
	return compareReceivables(s, r, append(all, lattice.Account{}))
}

func compareReceivables(s *model.State, r storage.Reader, accounts []lattice.Account) error {
	listed := 0
	for _, a := range accounts {
		got, err := r.Receivables(a, lattice.Hash{}, 1000)
		if err != nil {
			return err
		}
		for i, e := range got {
			if want, ok := s.Receivables[e.Key]; !ok || e.Receivable != want || e.Key.Destination != a {
				return fmt.Errorf("receivable %+v, want %+v", e, want)
			}
			if i > 0 && bytes.Compare(got[i-1].Key.Send[:], e.Key.Send[:]) >= 0 {
				return fmt.Errorf("receivables of %v are not in order", a)
			}
		}
		listed += len(got)
	}
	for key := range s.Receivables {
		if _, open := s.Chains[key.Destination]; !open && !key.Destination.IsZero() {
			listed++ // of an account that is not open
		}
	}
	if listed != len(s.Receivables) {
		return fmt.Errorf("%d receivables are listed, want %d", listed, len(s.Receivables))
	}
	return nil
}

// checkSequence checks that the confirmation sequence has no gap and names
// nothing before what it depends on.
func checkSequence(r storage.Reader) error {
	sequence, err := r.Confirmations(1, 1000)
	if err != nil {
		return err
	}
	seen := map[lattice.Hash]bool{{}: true}
	for i, c := range sequence {
		b, ok, err := r.Block(c.Hash)
		if err != nil || !ok || c.Sequence != uint64(i+1) || c.Account != b.Block.Account || c.Height != b.Height || !b.Confirmed {
			return fmt.Errorf("confirmation %d is %+v of %+v: %w", i+1, c, b, err)
		}
		receives := b.Subtype == lattice.Open || b.Subtype == lattice.Receive
		if !seen[b.Block.Previous] || receives && !seen[lattice.Hash(b.Block.Link)] {
			return fmt.Errorf("confirmation %d, block %v, precedes what it depends on", i+1, c.Hash)
		}
		seen[c.Hash] = true
	}
	return nil
}

func TestMemory(t *testing.T) {
	drive(t, func(*testing.T) storage.Store { return storage.NewMemory(lattice.Dev()) }, 10, 150)
}

func TestFile(t *testing.T) {
	drive(t, func(t *testing.T) storage.Store {
		store, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"), storage.Options{Network: lattice.Dev()})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}, 3, 120)
}
