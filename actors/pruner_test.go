package actors_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

// ledgerFile opens a ledger in a file.
func ledgerFile(t *testing.T, path string) storage.Store {
	t.Helper()
	s, err := storage.Open(path, storage.Options{Network: lattice.Dev(), WALBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// verified checks the laws of a ledger.
func verified(t *testing.T, s storage.Store) {
	t.Helper()
	if err := s.View(func(r storage.Reader) error { return storage.Verify(lattice.Dev(), r) }); err != nil {
		t.Error(err)
	}
}

// kept returns how many blocks of an account are there.
func (c *cluster) kept(s storage.Store, a lattice.Account) (n int) {
	c.t.Helper()
	err := s.View(func(r storage.Reader) error {
		blocks, err := r.Blocks(a, 1, 10_000)
		n = len(blocks)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// TestPruning lets blocks come in at a node that keeps few of them. It goes on
// confirming, an amount that was sent long ago can be received, and after a
// restart it is the same.
func TestPruning(t *testing.T) {
	const keep, changes = 5, 60
	n := lattice.Dev()
	c := &cluster{t: t}
	path := filepath.Join(t.TempDir(), "ledger.db")
	store := ledgerFile(t, path)
	few := func(cfg *actors.Config) {
		cfg.MaxBlocksPerAccount, cfg.VotingKeys = keep, []crypto.PrivateKey{testkit.GenesisKey(n)}
	}
	node := live(t, store, 5, few)
	b := node.Backend()
	genesis, user := testkit.GenesisWallet(n), testkit.NewWallet(n, testkit.Key(9))
	c.fund(b, genesis, user, lattice.AmountFrom(1000), testkit.Account(9))
	late := genesis.Send(user.Account(), lattice.AmountFrom(77)) // is received at the end
	lateHash := genesis.Advance(late)
	c.process(b, late)
	grow := func(times int) {
		for i := range times {
			for _, w := range []*testkit.Wallet{user, genesis} {
				var block *lattice.Block
				if w == genesis { // a send that is received at once, so that they hang together
					block = w.Send(user.Account(), lattice.AmountFrom(1))
				} else {
					block = w.Change(testkit.Account(100 + i))
				}
				hash := w.Advance(block)
				c.process(b, block)
				if w == genesis {
					receive := user.Receive(hash, lattice.AmountFrom(1))
					user.Advance(receive)
					c.process(b, receive)
				}
			}
		}
	}
	grow(changes)
	until(t, "old blocks stay", time.Minute, func() bool {
		// Of the genesis account the first block and the send that waits stay too.
		return c.kept(store, user.Account()) == keep && c.kept(store, genesis.Account()) == keep+2
	})
	verified(t, store)

	node.stop()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = ledgerFile(t, path)
	node = live(t, store, 5, few)
	b = node.Backend()
	receive := user.Receive(lateHash, lattice.AmountFrom(77))
	hash := user.Advance(receive)
	c.process(b, receive)
	until(t, "the amount of a pruned account cannot be received", time.Minute, func() bool { return c.confirmed(b, hash) })
	grow(keep)
	until(t, "old blocks stay after a restart", time.Minute, func() bool { return c.kept(store, user.Account()) == keep })

	node.SetPruning(0, 0)
	before := c.kept(store, user.Account())
	grow(keep)
	until(t, "nothing is confirmed", time.Minute, func() bool { counts := c.counts(b); return counts.Blocks == counts.Cemented })
	if got := c.kept(store, user.Account()); got != before+2*keep {
		t.Errorf("%d blocks are kept, %d were before %d more came, and none may go", got, before, 2*keep)
	}
	verified(t, store)
	node.stop()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	findings, err := storage.Audit(path, storage.Options{Network: n}, func(all []crypto.Check) []bool {
		return crypto.VerifyBatch(all, zeros{})
	})
	if err != nil || len(findings) > 0 {
		t.Errorf("audit: %v, %v", findings, err)
	}
}

// zeros is a source of bytes for checks that nobody attacks.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); p[0] = 1; return len(p), nil }

// TestLedgerBudget gives a node a ledger that is larger than it may be: it keeps
// fewer blocks of each account until it is not, and the file gets smaller.
func TestLedgerBudget(t *testing.T) {
	full, _ := filled(t, 2000, 1)
	store := ledgerFile(t, filepath.Join(t.TempDir(), "ledger.db"))
	defer store.Close()
	copyLedger(t, full[0], store)
	used, _, err := store.Space()
	if err != nil {
		t.Fatal(err)
	}
	limit := used * 2 / 3
	node := live(t, store, 3, func(cfg *actors.Config) { cfg.MaxBlocksPerAccount, cfg.MaxLedgerBytes = 0, limit })
	c := &cluster{t: t}
	until(t, "the ledger stays as large as it was", time.Minute, func() bool {
		used, free, err := store.Space()
		if err != nil {
			t.Fatal(err)
		}
		return used+free < limit
	})
	if counts := c.counts(node.Backend()); counts.Pruned == 0 || counts.Blocks != count(t, full[0]).Blocks {
		t.Errorf("%+v", counts)
	}
	t.Logf("%d bytes used at first, %d allowed", used, limit)
	node.stop()
	verified(t, store)
	var texts [2]string
	for i, s := range []storage.Store{full[0], store} {
		err := s.View(func(r storage.Reader) error {
			return r.Weights(func(a lattice.Account, w lattice.Amount) bool {
				texts[i] += a.Hex() + " " + w.Raw() + "\n"
				return true
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if texts[0] != texts[1] {
		t.Errorf("weights\n%s\npruned\n%s", texts[0], texts[1])
	}
}

// copyLedger inserts and cements the blocks of one ledger into another, in the
// order in which they were confirmed.
func copyLedger(t *testing.T, from, to storage.Store) {
	t.Helper()
	n := lattice.Dev()
	err := from.View(func(r storage.Reader) error {
		list, err := r.Confirmations(2, 1<<20)
		if err != nil {
			return err
		}
		return to.Update(func(tx storage.Tx) error {
			for i := range list {
				b, _, err := r.Block(list[i].Hash)
				if err != nil {
					return err
				}
				c, err := tx.Context(&b.Block, b.Hash, b.Time)
				if err != nil {
					return err
				}
				c.SignatureVerified = true
				e, err := ledger.Validate(n, &b.Block, c)
				if err != nil {
					return err
				}
				if err := tx.Apply(&e); err != nil {
					return err
				}
				if _, err := tx.Cement(b.Hash); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
