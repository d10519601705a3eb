package storage_test

import (
	"errors"
	"path/filepath"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit/storetest"
)

// open opens a file with small caches, so that tests reach their ends.
func open(t *testing.T, path string) storage.Store {
	t.Helper()
	s, err := storage.Open(path, storage.Options{Network: lattice.Dev(), Heads: 16, WALBytes: 200 << 10, Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMemory(t *testing.T) {
	storetest.Test(t, func(*testing.T) storage.Store { return storage.NewMemory(lattice.Dev()) })
}

func TestFile(t *testing.T) {
	storetest.Test(t, func(t *testing.T) storage.Store { return open(t, filepath.Join(t.TempDir(), "ledger.db")) })
}

// TestTwin does the same to a file, which is closed and opened again now and
// then, and to a store in memory. In every other run the file writes what it
// buffers as soon as it can.
func TestTwin(t *testing.T) {
	steps := 60
	if testing.Short() {
		steps = 30
	}
	for seed := range uint64(4) {
		path := filepath.Join(t.TempDir(), "ledger.db")
		file := func() storage.Store {
			s := open(t, path)
			if seed%2 == 1 {
				storage.LimitBuffer(s, int(seed))
			}
			return s
		}
		last := storetest.Twin(t, seed, steps, storage.NewMemory(lattice.Dev()), file(), func(s storage.Store) storage.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return file()
		})
		if err := last.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPrunedShadow prunes one of two ledgers to which the same happens: the file
// or the one in memory.
func TestPrunedShadow(t *testing.T) {
	steps := 60
	if testing.Short() {
		steps = 30
	}
	for seed := range uint64(4) {
		memory := func() storage.Store { return storage.NewMemory(lattice.Dev()) }
		path := filepath.Join(t.TempDir(), "ledger.db")
		file := func() storage.Store {
			s := open(t, path)
			if seed == 3 {
				storage.LimitBuffer(s, 2)
			}
			return s
		}
		if seed == 0 {
			storetest.Shadow(t, seed, steps, file(), memory(), func(s storage.Store) storage.Store { return s })
			continue
		}
		last := storetest.Shadow(t, seed, steps, memory(), file(), func(s storage.Store) storage.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return file()
		})
		if err := last.Close(); err != nil {
			t.Fatal(err)
		}
		findings, err := storage.Audit(path, storage.Options{Network: lattice.Dev()}, yes)
		if err != nil || len(findings) > 0 {
			t.Errorf("seed %d: audit %q, %v", seed, findings, err)
		}
	}
}

// yes takes every signature for good: the generator's are.
func yes(checks []crypto.Check) []bool {
	out := make([]bool, len(checks))
	for i := range out {
		out[i] = true
	}
	return out
}

// TestSamePrefix makes a ledger in which keys and hashes begin alike, which a
// file finds by their beginnings: no two are taken for one. The hashes are made
// up, so that the laws are not asked.
func TestSamePrefix(t *testing.T) {
	var text [2]string
	for i, s := range []storage.Store{storage.NewMemory(lattice.Dev()), open(t, filepath.Join(t.TempDir(), "ledger.db"))} {
		defer s.Close()
		for _, part := range []func(storage.Tx) error{insertAlike, revertAlike} {
			if err := s.Update(part); err != nil {
				t.Fatal(err)
			}
		}
		err := s.View(func(r storage.Reader) (err error) {
			if list, err := r.Accounts(alike(3), 10); err != nil || len(list) == 0 || list[0].Account != alike(3) {
				t.Errorf("accounts %v, %v", list, err)
			}
			if _, found, err := r.Block(lattice.Hash(alike(99))); found || err != nil {
				t.Errorf("a hash that only begins like others is found: %v", err)
			}
			if info, err := r.Account(alike(99)); info.Opened() || err != nil {
				t.Errorf("a key that only begins like others is open: %v", err)
			}
			text[i], err = storetest.Dump(r)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if text[0] != text[1] {
		t.Errorf("memory:\n%s\nfile:\n%s", text[0], text[1])
	}
}

// alike returns keys that differ after their beginning only, in an order of
// their own.
func alike(i int) (key lattice.Account) {
	for k := range 6 {
		key[k] = 0xfe
	}
	key[30], key[31] = byte(i*37), byte(i)
	return key
}

// insertAlike lets the owner of the supply send to ten keys, which open, and
// confirms every other one.
func insertAlike(tx storage.Tx) error {
	n := lattice.Dev()
	owner := n.Genesis
	previous := n.GenesisHash
	for i := range 10 {
		amount := lattice.AmountFrom(uint64(i + 1))
		send := owner
		send.Previous, send.Link, send.Balance = previous, lattice.Link(alike(i)), owner.Balance.SatSub(amount)
		entry := &lattice.Receivable{Source: owner.Account, Amount: amount}
		es := ledger.Effects{Block: send, Hash: lattice.Hash(alike(50 + i)), Height: uint64(i + 2), Subtype: lattice.Send, Amount: amount, Made: entry}
		open := lattice.Block{Account: alike(i), Representative: alike(i / 2), Balance: amount, Link: lattice.Link(es.Hash)}
		eo := ledger.Effects{Block: open, Hash: lattice.Hash(alike(20 + i)), Height: 1, Subtype: lattice.Open, Amount: amount, Consumed: entry}
		if err := errors.Join(tx.Apply(&es), tx.Apply(&eo)); err != nil {
			return err
		}
		if _, err := tx.Cement(es.Hash); err != nil {
			return err
		}
		if i%2 == 0 {
			if _, err := tx.Cement(eo.Hash); err != nil {
				return err
			}
		}
		owner, previous = send, es.Hash
	}
	return nil
}

// revertAlike takes back the last open, so that its amount waits again.
func revertAlike(tx storage.Tx) error {
	b, _, err := tx.Block(lattice.Hash(alike(29)))
	if err != nil {
		return err
	}
	e, err := ledger.EffectsOf(tx, b)
	if err != nil {
		return err
	}
	return tx.Revert(&e)
}

// TestWeightsOfOlderFiles opens files as version 2 left them: what was on its way
// was with nobody.
func TestWeightsOfOlderFiles(t *testing.T) {
	for seed := range uint64(4) {
		path := filepath.Join(t.TempDir(), "ledger.db")
		s := storetest.Twin(t, seed, 30, storage.NewMemory(lattice.Dev()), open(t, path), func(s storage.Store) storage.Store { return s })
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if err := sqlitex.ExecuteScript(c, `DELETE FROM weights; UPDATE _meta SET value = 2 WHERE name = 'schema';`, nil); err != nil {
			t.Fatal(err)
		}
		c.Close()
		s = open(t, path)
		entries, onTheirWay := 0, 0
		err = s.View(func(r storage.Reader) error {
			all, err := r.Unconfirmed(lattice.Account{}, 1000)
			for _, e := range all { // receives whose sends are confirmed are what is hard
				for h := e.Info.ConfirmedHeight + 1; h <= e.Info.Height; h++ {
					b, _, _ := r.BlockAt(e.Account, h)
					if source, found, _ := r.Block(lattice.Hash(b.Block.Link)); found && source.Confirmed && b.Subtype != lattice.Send {
						onTheirWay++
					}
				}
			}
			counts, failed := r.Counts()
			entries = int(counts.Receivables)
			return errors.Join(err, failed, storage.Verify(lattice.Dev(), r))
		})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		t.Logf("seed %d: %d entries, %d unconfirmed receives", seed, entries, onTheirWay)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
