package storage

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

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
var currentFormat = format{schema: schema, migrations: []func(*conn) error{prunedHeights, weightsOnTheirWay}}

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

// weightsOnTheirWay counts the weights anew. Until version 2 what was on its way
// between accounts was with nobody; now it is with the representative that the
// send names, until the receive is confirmed. No such send was ever pruned.
func weightsOnTheirWay(c *conn) error {
	weights := make(map[accountID]lattice.Amount)
	count := func(sql string) error {
		_, err := c.query(sql, nil, func(s *sqlite.Stmt) bool {
			id := accountID(s.ColumnInt64(0))
			weights[id] = weights[id].SatAdd(readAmount(s, 1).SatSub(readAmount(s, 2)))
			return true
		})
		return err
	}
	for _, sql := range []string{
		// What accounts have.
		`SELECT b.representative, b.balance, x'' FROM confirmation_height c
			JOIN blocks b ON b.id = (c.account << 28 | c.height)`,
		// What nobody has received.
		`SELECT b.representative, p.amount, x'' FROM pending p
			JOIN confirmation_height c ON c.account = p.source >> 28 AND c.height >= p.source & 0xfffffff
			JOIN blocks b ON b.id = p.source`,
		// What was received by a block that is not confirmed: its balance less the one before.
		`SELECT s.representative, b.balance, coalesce(below.balance, x'') FROM unconfirmed u
			LEFT JOIN confirmation_height c ON c.account = u.account
			JOIN blocks b ON b.id > (u.account << 28 | coalesce(c.height, 0)) AND b.id < (u.account + 1) << 28
			JOIN confirmation_height d ON d.account = b.link >> 28 AND d.height >= b.link & 0xfffffff
			JOIN blocks s ON s.id = b.link
			LEFT JOIN blocks below ON below.id = b.id - 1
			WHERE typeof(b.link) = 'integer' AND b.link > 0`,
	} {
		if err := count(sql); err != nil {
			return err
		}
	}
	if _, err := c.exec("DELETE FROM weights", nil); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(weights)) {
		if weights[id].IsZero() {
			continue
		}
		_, err := c.exec("INSERT INTO weights (representative, weight) VALUES (?, ?)", func(s *sqlite.Stmt) {
			s.BindInt64(1, int64(id))
			bindAmount(s, 2, weights[id])
		})
		if err != nil {
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
