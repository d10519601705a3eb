package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/messages/lattice"
)

// fileState is what inspect found in a file that may be opened.
type fileState struct {
	fresh   bool // there is nothing in it
	version int
}

// inspect decides whether a file may be opened, without changing it: it is
// read as it is, or through a connection that may not write.
func inspect(path string, o Options, f format) (fileState, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fileState{fresh: true}, nil
	case err != nil:
		return fileState{}, fmt.Errorf("open ledger: %w", err)
	case !info.Mode().IsRegular():
		return fileState{}, fmt.Errorf("%w: %s: it is no regular file; give another path", ErrForeign, path)
	case info.Size() == 0:
		return fileState{}, (&conn{path: path}).corrupt("it is empty, and a ledger never is")
	}
	log := fileSize(path+"-wal") > 0
	if err := inspectHeader(path, info.Size(), log); err != nil {
		return fileState{}, err
	}
	// A connection that only reads still makes the shared memory of a log.
	if _, err := os.Stat(path + "-shm"); errors.Is(err, fs.ErrNotExist) {
		defer os.Remove(path + "-shm")
	}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "mode=ro"}
	if !log {
		uri.RawQuery += "&immutable=1"
	}
	c, err := openConn(path, uri.String(), sqlite.OpenReadOnly|sqlite.OpenURI, 0, "PRAGMA cell_size_check = ON")
	if err != nil {
		return fileState{}, err
	}
	defer c.db.Close()
	return c.inspect(o, f, info.Size() <= o.CheckBytes)
}

// inspectHeader reads the first bytes of a file: SQLite would take a file that
// was cut off, or that is none of its own, for less than that. With a log the
// file may rightly be shorter than it says: the rest is in the log.
func inspectHeader(path string, size int64, log bool) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %s: check owner and mode of the file: %v", ErrNotWritable, path, err)
	}
	defer file.Close()
	header := make([]byte, 100)
	if _, err := io.ReadFull(file, header); err != nil || string(header[:16]) != "SQLite format 3\x00" {
		return fmt.Errorf("%w: %s: it does not begin like an SQLite file; give another path, or move it away and the ledger is fetched again", ErrForeign, path)
	}
	page := int64(binary.BigEndian.Uint16(header[16:]))
	if page == 1 {
		page = 65536
	}
	if page < 512 || page&(page-1) != 0 {
		return (&conn{path: path}).corrupt("its header says pages of %d bytes", page)
	}
	if want := page * int64(binary.BigEndian.Uint32(header[28:])); !log && want > size {
		return (&conn{path: path}).corrupt("it is cut off: %d bytes, its header says %d", size, want)
	}
	return nil
}

// inspect holds what the file says of itself against what was asked for.
func (c *conn) inspect(o Options, f format, check bool) (fileState, error) {
	var tables, ours int64
	_, err := c.query("SELECT count(*), total(name = '_meta') FROM sqlite_schema", nil, one(func(s *sqlite.Stmt) {
		tables, ours = s.ColumnInt64(0), s.ColumnInt64(1)
	}))
	switch {
	case err != nil:
		return fileState{}, err
	case tables == 0: // a node that was killed while it made the file
		return fileState{fresh: true}, nil
	case ours == 0:
		return fileState{}, fmt.Errorf("%w: %s: it is the SQLite file of another program; give another path", ErrForeign, c.path)
	}
	m, err := c.meta()
	if err != nil {
		return fileState{}, err
	}
	if err := m.accept(c, o.Network, f.version()); err != nil {
		return fileState{}, err
	}
	if check {
		if err := c.quickCheck(); err != nil {
			return fileState{}, err
		}
	}
	return fileState{version: m.version}, nil
}

// accept compares the file's own description with what is expected.
func (m meta) accept(c *conn, n *lattice.Network, newest int) error {
	switch {
	case m.version > newest:
		return fmt.Errorf("%w: %s: its schema has version %d, this program knows up to %d; use a newer program", ErrNewerSchema, c.path, m.version, newest)
	case m.version < 1:
		return c.corrupt("its schema has version %d", m.version)
	case m.network != n.ID:
		return fmt.Errorf("%w: %s: it belongs to network %v, this node runs %s; give another file or another network", ErrWrongNetwork, c.path, m.network, n.Name)
	case m.genesis != n.GenesisHash:
		return fmt.Errorf("%w: %s: it begins with %v, network %s with %v; give another file or another network definition", ErrWrongGenesis, c.path, m.genesis, n.Name, n.GenesisHash)
	}
	return nil
}

// quickCheck lets SQLite walk through all pages.
func (c *conn) quickCheck() error {
	var found string
	_, err := c.query("PRAGMA quick_check(1)", nil, one(func(s *sqlite.Stmt) { found = s.ColumnText(0) }))
	if err != nil {
		return err
	}
	if found != "ok" {
		return c.corrupt("%s", found)
	}
	return nil
}
