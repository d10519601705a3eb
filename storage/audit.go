package storage

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// maxFindings is how many findings of a kind Audit tells: the first ones show
// what happened, and a damaged ledger is replaced, not mended.
const maxFindings = 20

// Audit checks everything about a ledger file that can be checked, without
// changing it: SQLite's own check of every page and index, that the tables have
// as many rows as their counts say, all that Verify checks, and the signature of
// every block. It returns what is wrong, one sentence each; none means that the
// ledger is good. The error is for a file that cannot be audited.
//
// The file may be in use by a node, in this process or another: the audit sees it
// as of one commit. While it runs no node can be started on a file that none
// uses. verify answers for each check as crypto.VerifyBatch does.
func Audit(path string, o Options, verify func([]crypto.Check) []bool) ([]string, error) {
	var findings []string
	err := viewFile(path, o, func(r *reader) error {
		a := &audit{network: o.Network, r: r, verify: verify}
		for _, step := range []func() error{a.pages, a.rows, a.laws, a.signatures} {
			if err := step(); err != nil && !errors.Is(err, ErrCorrupt) {
				return err
			} else if err != nil { // what cannot be read is a finding too
				a.found("%v", err)
			}
		}
		findings = a.findings
		return nil
	})
	if errors.Is(err, ErrCorrupt) {
		return append(findings, err.Error()), nil
	}
	return findings, err
}

// ViewFile reads a ledger file, in one snapshot, without changing it. A node may be
// using it meanwhile.
func ViewFile(path string, o Options, f func(Reader) error) error {
	return viewFile(path, o, func(r *reader) error { return f(r) })
}

type audit struct {
	network  *lattice.Network
	r        *reader
	verify   func([]crypto.Check) []bool
	findings []string
}

// found notes a finding, once: several steps may stumble over the same.
func (a *audit) found(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(a.findings, text) {
		a.findings = append(a.findings, text)
	}
}

// pages lets SQLite check its own structure, indexes against tables included.
func (a *audit) pages() error {
	_, err := a.r.c.query(fmt.Sprintf("PRAGMA integrity_check(%d)", maxFindings), nil, func(s *sqlite.Stmt) bool {
		if text := s.ColumnText(0); text != "ok" {
			a.found("database: %s", text)
		}
		return true
	})
	return err
}

// rows counts what Verify finds by its key only: a row that nothing leads to.
func (a *audit) rows() error {
	counts, err := a.r.Counts()
	if err != nil {
		return err
	}
	for _, table := range []struct {
		name, sql string
		want      uint64
	}{
		{"blocks", "SELECT count(*) FROM blocks", counts.StoredBlocks},
		{"block_index", "SELECT count(*) FROM block_index i JOIN blocks b ON b.id = i.block", counts.StoredBlocks},
		{"pending", "SELECT count(*) FROM pending", counts.Receivables},
		{"open accounts", "SELECT count(DISTINCT id >> 28) FROM blocks", counts.Accounts},
		{"pruned", `SELECT count(*) FROM blocks b WHERE b.id & 0xfffffff > 1 AND NOT EXISTS (SELECT 1 FROM blocks WHERE id = b.id - 1)`, a.gaps()},
	} {
		var got uint64
		_, err := a.r.c.query(table.sql, nil, one(func(s *sqlite.Stmt) { got = uint64(s.ColumnInt64(0)) }))
		if err != nil {
			return err
		}
		if got != table.want {
			a.found("table %s has %d rows, the counts say %d", table.name, got, table.want)
		}
	}
	return nil
}

// gaps counts the rows of pruned: there is one for each block that follows a gap.
func (a *audit) gaps() (n uint64) {
	_, err := a.r.c.query("SELECT count(*) FROM pruned", nil, one(func(s *sqlite.Stmt) { n = uint64(s.ColumnInt64(0)) }))
	if err != nil {
		a.found("%v", err)
	}
	return n
}

// laws is what must hold of any ledger; it tells the first difference.
func (a *audit) laws() error {
	err := Verify(a.network, a.r)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		a.found("%v", err)
		return nil
	}
	return err
}

// signatures checks every block but the genesis, which is known by its hash.
func (a *audit) signatures() error {
	found := 0
	err := pages(a.r.Accounts, func(e lattice.AccountEntry) error {
		for height := uint64(1); height <= e.Info.Height && found < maxFindings; {
			blocks, err := a.r.Blocks(e.Account, height, verifyPage)
			if err != nil || len(blocks) == 0 { // a gap was told before
				return err
			}
			found += a.check(blocks)
			height = blocks[len(blocks)-1].Height + 1
		}
		return nil
	})
	return err
}

// check tells which blocks are not signed by their account, and how many.
func (a *audit) check(blocks []lattice.StoredBlock) (bad int) {
	checks := make([]crypto.Check, len(blocks))
	for i := range blocks {
		b := &blocks[i]
		checks[i] = crypto.Check{Key: crypto.PublicKey(b.Block.Account), Message: b.Hash[:], Signature: b.Block.Signature}
	}
	for i, good := range a.verify(checks) {
		if b := &blocks[i]; !good && b.Hash != a.network.GenesisHash {
			a.found("block %v at height %d of %v: its signature is wrong", b.Hash, b.Height, b.Block.Account)
			bad++
		}
	}
	return bad
}

// viewFile runs f on a snapshot of a file through a connection that may not
// write. A file that nobody uses is kept from being opened meanwhile.
func viewFile(path string, o Options, f func(*reader) error) error {
	if o.Network == nil {
		panic("storage: Options.Network is missing")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("read ledger: %w; is this the data folder of a node?", err)
	}
	lock, err := acquireLock(path + ".lock")
	readOnly := errors.Is(err, syscall.EROFS) // where nobody writes nobody has to be kept away
	if err != nil && !readOnly && !errors.Is(err, ErrInUse) {
		return lockError(path, err)
	}
	if lock != nil {
		defer lock.release()
	}
	o = o.withDefaults()
	o.CheckBytes = -1 // an audit finds more, and others have no time
	if state, err := inspect(path, o, currentFormat); err != nil {
		return err
	} else if state.fresh {
		return fmt.Errorf("read ledger: %s is empty: start a node on it first", path)
	}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro"}
	if (lock != nil || readOnly) && fileSize(path+"-wal") == 0 {
		uri.RawQuery += "&immutable=1" // else a file that only reads would want to make a log
	}
	c, err := openConn(path, uri.String(), sqlite.OpenReadOnly|sqlite.OpenURI, readerKeys, "PRAGMA cell_size_check = ON",
		"PRAGMA trusted_schema = OFF", fmt.Sprintf("PRAGMA cache_size = -%d", o.CacheBytes>>10))
	if err != nil {
		return err
	}
	defer c.db.Close()
	if _, err := c.exec("BEGIN", nil); err != nil {
		return err
	}
	defer c.rollback()
	n, err := c.counts() // the first read fixes the snapshot
	if err != nil {
		return err
	}
	return f(&reader{c: c, snapshot: &n})
}
