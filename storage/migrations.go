package storage

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/messages/lattice"
)

//go:embed schema.sql
var schema string

// format is what a file looks like: the script that makes a new one, and how
// older ones get there. Step i takes version i+1 to version i+2, in one
// transaction of its own, and leaves exactly what the script of that version
// would have made. Steps are never changed once they were released.
type format struct {
	schema     string
	migrations []func(*conn) error
}

// version is the version that the script makes.
func (f format) version() int { return 1 + len(f.migrations) }

// SchemaVersion returns the version of the schema that this program writes.
func SchemaVersion() int { return currentFormat.version() }

// currentFormat is what this program reads and writes.
var currentFormat = format{schema: schema, migrations: []func(*conn) error{prunedHeights}}

// prunedHeights makes room for several rows of an account in pruned. Version 1
// never pruned anything.
func prunedHeights(c *conn) error {
	for _, statement := range []string{
		"DROP TABLE pruned",
		`CREATE TABLE pruned (
    account INTEGER NOT NULL,
    height  INTEGER NOT NULL,
    hash    BLOB NOT NULL, -- 32 bytes
    balance BLOB NOT NULL,
    PRIMARY KEY (account, height)
) STRICT, WITHOUT ROWID`,
	} {
		if _, err := c.exec(statement, nil); err != nil {
			return err
		}
	}
	return nil
}

// migrate takes a file from an older version to the current one, version by
// version: what was reached before a failure stays reached. The file as it was is
// kept first: who goes back to the program before this one restores that.
func (s *file) migrate(f format, from int) error {
	if err := s.keepVersion(from); err != nil {
		return fmt.Errorf("cannot keep a copy of the ledger before its schema is brought from version %d to %d: %w", from, f.version(), err)
	}
	for v := from; v < f.version(); v++ {
		err := s.transaction(func(t *tx) error {
			if err := f.migrations[v-1](t.c); err != nil {
				return err
			}
			_, err := t.c.exec("UPDATE _meta SET value = ? WHERE name = 'schema'", func(q *sqlite.Stmt) { q.BindInt64(1, int64(v+1)) })
			return err
		})
		if err != nil {
			return fmt.Errorf("migrate ledger from version %d to %d: %w", v, v+1, err)
		}
	}
	return s.truncateLog()
}

// KeptFolder returns the folder, beside a ledger file, in which the ledger of a
// schema version is kept when a newer program takes the file over: a folder as
// Restore's callers expect.
func KeptFolder(path string, version int) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf("before-schema-%d", version+1))
}

// keepVersion copies the ledger, unless that was done before.
func (s *file) keepVersion(version int) error {
	folder := KeptFolder(s.path, version)
	to := filepath.Join(folder, filepath.Base(s.path))
	if _, err := os.Lstat(to); err == nil {
		return nil
	}
	part := to + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if _, err := s.writer.exec("VACUUM INTO ?", func(q *sqlite.Stmt) { q.BindText(1, part) }); err != nil {
		os.Remove(part)
		return err
	}
	return settle(part, to)
}

// meta is what the file says of itself.
type meta struct {
	version int
	network lattice.NetworkID
	genesis lattice.Hash
}

func (c *conn) setMeta(version int, n *lattice.Network) error {
	const put = "INSERT INTO _meta (name, value) VALUES (?, ?)"
	_, err := c.exec(put, func(s *sqlite.Stmt) { s.BindText(1, "schema"); s.BindInt64(2, int64(version)) })
	if err == nil {
		_, err = c.exec(put, func(s *sqlite.Stmt) { s.BindText(1, "network"); s.BindInt64(2, int64(n.ID)) })
	}
	if err == nil {
		_, err = c.exec(put, func(s *sqlite.Stmt) { s.BindText(1, "genesis"); s.BindBytes(2, n.GenesisHash[:]) })
	}
	return err
}

// meta reads what setMeta wrote; what is missing stays zero.
func (c *conn) meta() (m meta, err error) {
	_, err = c.query("SELECT name, value FROM _meta", nil, func(s *sqlite.Stmt) bool {
		switch s.ColumnText(0) {
		case "schema":
			m.version = int(s.ColumnInt64(1))
		case "network":
			m.network = lattice.NetworkID(s.ColumnInt64(1))
		case "genesis":
			m.genesis = read32(s, 1)
		}
		return true
	})
	return m, err
}
