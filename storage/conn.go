package storage

import (
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/smallnano/smallnano/messages/lattice"
)

// conn is one connection with what it remembers. Numbers of keys never change
// once they are committed, so a reader may remember them for ever; the writer
// forgets everything when a transaction is undone.
type conn struct {
	db   *sqlite.Conn
	path string
	ids  *cache[lattice.Account, accountID]
	keys *cache[accountID, lattice.Account]

	// Of the writer and the connection of Look only.
	heads *cache[accountID, lattice.AccountInfo]
	hot   *hot
	lazy  bool // the transaction begins with the first query

	// Of the writer only.
	buffer buffer
	fresh  fresh
	last   accountID // the greatest number of a key; 0: not looked up yet
}

// busyTimeout is how long a connection waits for another one of this process.
// They hardly ever meet: there is one writer, and readers take no locks.
const busyTimeout = 10 * time.Second

// openConn opens a connection that remembers so many keys and runs its settings,
// one statement each.
func openConn(path, uri string, flags sqlite.OpenFlags, keys int, settings ...string) (*conn, error) {
	c := &conn{
		path: path,
		ids:  newCache[lattice.Account, accountID](keys),
		keys: newCache[accountID, lattice.Account](keys),
	}
	db, err := sqlite.OpenConn(uri, flags)
	if err != nil {
		return nil, c.fail("open", err)
	}
	c.db = db
	db.SetBusyTimeout(busyTimeout)
	for _, s := range settings {
		if err := sqlitex.ExecuteTransient(db, s, nil); err != nil {
			db.Close()
			return nil, c.fail(s, err)
		}
	}
	return c, nil
}

// forget empties the caches.
func (c *conn) forget() {
	c.ids.clear()
	c.keys.clear()
	if c.heads != nil {
		c.heads.clear()
	}
	c.buffer.clear()
	c.last = 0
	c.fresh.clear()
}

// query runs a statement. read is called for each row until it returns false;
// a nil read takes no row. It reports whether there was a row.
func (c *conn) query(sql string, bind func(*sqlite.Stmt), read func(*sqlite.Stmt) bool) (found bool, err error) {
	if c.lazy && c.db.AutocommitEnabled() {
		if err := c.begin(); err != nil {
			return false, err
		}
	}
	return c.run(sql, bind, read)
}

// begin begins a transaction that reads.
func (c *conn) begin() error {
	_, err := c.run("BEGIN", nil, nil)
	return err
}

// run is query in whatever transaction there is.
func (c *conn) run(sql string, bind func(*sqlite.Stmt), read func(*sqlite.Stmt) bool) (found bool, err error) {
	s, err := c.db.Prepare(sql)
	if err != nil {
		return false, c.fail("prepare", err)
	}
	if bind != nil {
		bind(s)
	}
	defer s.Reset() // else it would hold the snapshot
	for {
		row, err := s.Step()
		if err != nil {
			return found, c.fail("run "+sql, err)
		}
		if !row {
			return found, nil
		}
		found = true
		if read == nil || !read(s) {
			return true, nil
		}
	}
}

// exec runs a statement that returns nothing and says how many rows it changed.
func (c *conn) exec(sql string, bind func(*sqlite.Stmt)) (changed int, err error) {
	if _, err := c.query(sql, bind, nil); err != nil {
		return 0, err
	}
	return c.db.Changes(), nil
}

// one makes a read function for query that takes a single row.
func one(read func(*sqlite.Stmt)) func(*sqlite.Stmt) bool {
	return func(s *sqlite.Stmt) bool {
		read(s)
		return false
	}
}

// rollback ends a transaction, if there still is one, without keeping it.
func (c *conn) rollback() {
	if !c.db.AutocommitEnabled() {
		// It cannot fail in a way that keeps the transaction's changes.
		_, _ = c.exec("ROLLBACK", nil)
	}
}

// fail says what an error of SQLite means and what to do.
func (c *conn) fail(doing string, err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull:
		return fmt.Errorf("%w: %s: free space on its file system, nothing was changed: %s: %v", ErrDiskFull, c.path, doing, err)
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return c.corrupt("%s: %v", doing, err)
	case sqlite.ResultReadOnly, sqlite.ResultPerm, sqlite.ResultCantOpen:
		return fmt.Errorf("%w: %s: check owner and mode of the file and its folder: %s: %v", ErrNotWritable, c.path, doing, err)
	case sqlite.ResultIOErr:
		return fmt.Errorf("%s: reading or writing failed, check the disk: %s: %w", c.path, doing, err)
	}
	return fmt.Errorf("%s: %s: %w", c.path, doing, err)
}

// corrupt makes the error for a file that contradicts itself.
func (c *conn) corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s: restore a copy, or move it away and the ledger is fetched again", ErrCorrupt, c.path, fmt.Sprintf(format, args...))
}
