package storage_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

var auditOptions = storage.Options{Network: lattice.Dev()}

func verify(checks []crypto.Check) []bool { return crypto.VerifyBatch(checks, rand.Reader) }

func audit(t *testing.T, path string) []string {
	t.Helper()
	findings, err := storage.Audit(path, auditOptions, verify)
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

// grow sends from the genesis to some new accounts, which open with it but for
// the last, and confirms all but the last of that.
func grow(t *testing.T, s storage.Store, first, count int) {
	t.Helper()
	n := lattice.Dev()
	now := time.Unix(1_700_000_000, 0)
	err := s.Update(func(tx storage.Tx) error {
		var err error
		apply := func(b *lattice.Block) lattice.Hash {
			hash := n.HashOf(b)
			context, failed := tx.Context(b, hash, now)
			effects, refused := ledger.Validate(n, b, context)
			err = errors.Join(err, failed, refused)
			if err == nil {
				err = tx.Apply(&effects)
			}
			return hash
		}
		cement := func(hash lattice.Hash) {
			if err == nil {
				_, err = tx.Cement(hash)
			}
		}
		genesis := testkit.GenesisWallet(n)
		info, _ := tx.Account(n.Genesis.Account)
		genesis.Info = info
		for i := range count {
			to := first + i
			send := genesis.Send(testkit.Account(to), lattice.AmountFrom(5))
			hash := apply(send)
			genesis.Advance(send)
			cement(hash)
			if i == count-1 {
				break
			}
			open := apply(testkit.NewWallet(n, testkit.Key(to)).Open(hash, lattice.AmountFrom(5), testkit.Account(1)))
			if i < count-2 {
				cement(open)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAuditGood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := open(t, path)
	grow(t, s, 10, 20)
	if got := audit(t, path); len(got) > 0 {
		t.Errorf("while it is open: %q", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := audit(t, path); len(got) > 0 {
		t.Errorf("closed: %q", got)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("the audit changed the file: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestAuditDamage damages one thing at a time.
func TestAuditDamage(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good.db")
	s := open(t, good)
	grow(t, s, 10, 8)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]struct{ sql, want string }{
		"signature":        {"UPDATE blocks SET signature = zeroblob(64) WHERE id = (SELECT max(id) FROM blocks)", "signature is wrong"},
		"work of a hash":   {"UPDATE blocks SET hash = zeroblob(32) WHERE id = (SELECT max(id) FROM blocks)", "hash"},
		"balance":          {"UPDATE blocks SET balance = x'06' WHERE id = (SELECT max(id) FROM blocks)", "hash"},
		"weight":           {"UPDATE weights SET weight = x'01'", "weight"},
		"lost weight":      {"DELETE FROM weights", "representatives have weight that is not kept"},
		"lost entry":       {"DELETE FROM pending", "pending has 0 rows"},
		"entry of nothing": {"INSERT INTO pending SELECT destination, randomblob(32), source, amount FROM pending LIMIT 1", "pending has 2 rows"},
		"amount":           {"UPDATE pending SET amount = x'01'", "receivable entry"},
		"lost block":       {"DELETE FROM blocks WHERE id = (SELECT max(id) FROM blocks)", "rows"},
		"lost index":       {"DELETE FROM block_index WHERE block = (SELECT max(id) FROM blocks)", "block_index"},
		"sequence":         {"UPDATE confirmations SET blocks = x'0101'", "confirmation"},
		"counts":           {"UPDATE counts SET cemented = cemented + 1", "counts"},
		"height":           {"UPDATE confirmation_height SET height = height + 1 WHERE account = (SELECT max(account) FROM confirmation_height)", "is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(sqlitex.ExecuteScript(c, damage.sql, nil), c.Close())
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(audit(t, path), "\n"); !strings.Contains(got, damage.want) {
				t.Errorf("found %q, want %q", got, damage.want)
			}
		})
	}
	t.Run("bytes", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "ledger.db")
		spoiled := append([]byte(nil), content...)
		for i := 3*4096 + 8; i < 3*4096+200; i++ {
			spoiled[i] ^= 0xff
		}
		if err := os.WriteFile(path, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := audit(t, path); len(got) == 0 {
			t.Error("found nothing")
		}
	})
}

func TestAuditRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := storage.Audit(filepath.Join(dir, "none"), auditOptions, verify); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	foreign := filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, []byte(strings.Repeat("text ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Audit(foreign, auditOptions, verify); !errors.Is(err, storage.ErrForeign) {
		t.Errorf("text: %v", err)
	}
	path := filepath.Join(dir, "ledger.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Audit(path, storage.Options{Network: lattice.Beta()}, verify); !errors.Is(err, storage.ErrWrongNetwork) {
		t.Errorf("another network: %v", err)
	}
}

// TestBackup copies a ledger that is being written, puts the copy into the place
// of another, and goes on with it.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "copy.db")
	s := open(t, path)
	grow(t, s, 10, 10)
	if err := storage.Backup(path, copied, auditOptions); err != nil {
		t.Fatal(err)
	}
	dump := func(s storage.Store) (c lattice.Counts) {
		t.Helper()
		err := s.View(func(r storage.Reader) (err error) {
			c, err = r.Counts()
			return errors.Join(err, storage.Verify(lattice.Dev(), r))
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	then := dump(s)
	grow(t, s, 100, 10)
	if dump(s) == then {
		t.Fatal("nothing changed")
	}
	if got := audit(t, copied); len(got) > 0 {
		t.Errorf("the copy: %q", got)
	}
	if err := storage.Backup(path, copied, auditOptions); err == nil {
		t.Error("wrote over a copy")
	}
	if _, err := storage.Restore(copied, path, auditOptions, nil); !errors.Is(err, storage.ErrInUse) {
		t.Errorf("restored under a running node: %v", err)
	}
	now := dump(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Restore(filepath.Join(dir, "none"), path, auditOptions, nil); err == nil {
		t.Error("restored nothing")
	}
	kept, err := storage.Restore(copied, path, auditOptions, nil)
	if err != nil || kept == "" {
		t.Fatalf("kept %q: %v", kept, err)
	}
	restored := open(t, path)
	if got := dump(restored); got != then {
		t.Errorf("restored %+v, want %+v", got, then)
	}
	grow(t, restored, 200, 5)
	if err := restored.Close(); err != nil {
		t.Fatal(err)
	}
	old := open(t, kept)
	defer old.Close()
	if got := dump(old); got != now {
		t.Errorf("kept %+v, want %+v", got, now)
	}
	fresh := filepath.Join(t.TempDir(), "ledger.db")
	if kept, err := storage.Restore(copied, fresh, auditOptions, nil); err != nil || kept != "" {
		t.Errorf("into an empty folder: kept %q, %v", kept, err)
	}
	if got := audit(t, fresh); len(got) > 0 {
		t.Errorf("there: %q", got)
	}
}

func TestVacuum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := open(t, path)
	grow(t, s, 10, 10)
	if _, _, err := storage.Vacuum(path, auditOptions); !errors.Is(err, storage.ErrInUse) {
		t.Errorf("under a running node: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(sqlitex.ExecuteScript(c, "CREATE TABLE gone (a); INSERT INTO gone VALUES (zeroblob(1000000)); DROP TABLE gone;", nil), c.Close())
	if err != nil {
		t.Fatal(err)
	}
	before, after, err := storage.Vacuum(path, auditOptions)
	if err != nil || before < 1_000_000 || after > 500_000 {
		t.Errorf("from %d to %d bytes: %v", before, after, err)
	}
	if got := audit(t, path); len(got) > 0 {
		t.Errorf("afterwards: %q", got)
	}
	if _, _, err := storage.Vacuum(path+"x", auditOptions); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
