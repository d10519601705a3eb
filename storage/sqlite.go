package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Open opens the ledger in a file, which is made with the network's genesis
// block, confirmed, when it is not there. The folder must exist. Beside the
// file stand a write-ahead log (-wal, -shm) and a lock (.lock) as long as it is
// open. A file that is not what was asked for is refused with one of the errors
// above and left as it was.
func Open(path string, o Options) (Store, error) {
	return open(path, o, currentFormat)
}

// file is the store in an SQLite file: one connection that writes and a few
// that read. It starts no goroutine and reads neither clock nor randomness.
type file struct {
	path    string
	options Options
	lock    *fileLock

	open    sync.RWMutex // held for reading by transactions, for writing by Close
	closed  bool
	readers readers

	// Of whoever holds writing.
	writing    sync.Mutex
	writer     *conn
	counts     counts
	checkpoint int64 // length of the log from which on the next checkpoint is tried

	looking sync.Mutex // held by looks, and while a commit becomes visible
	looker  *conn      // nil before the first look
	hot     *hot       // changed by commits only
}

// counts is the row of the table of that name.
type counts struct {
	lattice.Counts
	synced uint64
	votes  uint64 // rows of final_votes; known to the writer only, and not stored
}

// readerKeys is how many keys a reader remembers.
const readerKeys = 1024

func open(path string, o Options, f format) (Store, error) {
	if o.Network == nil {
		panic("storage: Open without Options.Network")
	}
	o = o.withDefaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	lock, err := acquireLock(path + ".lock")
	if err != nil {
		return nil, lockError(path, err)
	}
	s := &file{path: path, options: o, lock: lock, checkpoint: o.WALBytes, readers: newReaders(o.Readers), hot: newHot()}
	if err := s.start(f); err != nil {
		lock.release()
		return nil, err
	}
	return s, nil
}

func lockError(path string, err error) error {
	switch {
	case errors.Is(err, ErrInUse):
		return fmt.Errorf("%w: %s: stop the other node, or give this one a folder of its own", ErrInUse, path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s: its folder does not exist; create it", ErrNotWritable, path)
	}
	return fmt.Errorf("%w: %s: check owner and mode of its folder: %v", ErrNotWritable, path, err)
}

// start inspects the file, then opens the writer and brings the file to the
// current format. A file that is not there is made first; when that fails, it is
// not there afterwards.
func (s *file) start(f format) error {
	_, err := os.Lstat(s.path)
	absent := errors.Is(err, fs.ErrNotExist)
	state, err := inspect(s.path, s.options, f)
	if err != nil {
		return err
	}
	if absent {
		if err := s.make(f); err != nil {
			return err
		}
		state = fileState{version: f.version()}
	}
	err = s.startWriter(f, state)
	if err != nil && s.writer != nil {
		s.writer.db.Close()
	}
	return err
}

// make makes a new file beside its place and gives it its name when it is whole
// and on the disk: whenever the node is killed, a file of that name is a ledger.
func (s *file) make(f format) error {
	part := &file{path: s.path + ".new", options: s.options, checkpoint: s.checkpoint, hot: newHot()}
	remove := func() {
		for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
			os.Remove(part.path + suffix)
		}
	}
	remove() // what a node left that was killed here
	defer remove()
	err := part.startWriter(f, fileState{fresh: true})
	if part.writer != nil {
		err = errors.Join(err, part.writer.db.Close())
	}
	if err != nil {
		return err
	}
	if err := settle(part.path, s.path); err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	return nil
}

func (s *file) startWriter(f format, state fileState) (err error) {
	s.writer, err = openConn(s.path, s.path, sqlite.OpenReadWrite|sqlite.OpenCreate, s.options.Heads,
		fmt.Sprintf("PRAGMA page_size = %d", pageSize), // of a new file, as the next
		"PRAGMA auto_vacuum = INCREMENTAL",
		"PRAGMA journal_mode = WAL",
		"PRAGMA synchronous = NORMAL",
		"PRAGMA wal_autocheckpoint = 0", // ours, after commits
		"PRAGMA journal_size_limit = 0", // so the length of the log is what is in it
		"PRAGMA mmap_size = 0",
		"PRAGMA temp_store = MEMORY",
		"PRAGMA trusted_schema = OFF",
		fmt.Sprintf("PRAGMA cache_size = -%d", s.options.CacheBytes>>10),
	)
	if err != nil {
		return err
	}
	// The file is of the mode that the system's settings gave it before it was
	// made as it is now; the log and its index get the mode of the file.
	_ = os.Chmod(s.path, 0o600)
	s.writer.heads = newCache[accountID, lattice.AccountInfo](s.options.Heads)
	s.writer.buffer, s.writer.fresh, s.writer.hot = newBuffer(), newFresh(), s.hot
	switch {
	case state.fresh:
		err = s.create(f)
	case state.version < f.version():
		err = s.migrate(f, state.version)
	}
	if err != nil {
		return err
	}
	if s.counts, err = s.writer.counts(); err != nil {
		return err
	}
	_, err = s.writer.query("SELECT count(*) FROM final_votes", nil, one(func(q *sqlite.Stmt) { s.counts.votes = uint64(q.ColumnInt64(0)) }))
	if err != nil {
		return err
	}
	return s.loadVotes()
}

// create makes the tables and plants the genesis block in one transaction, and
// moves them from the log to the file, so that whoever inspects the file finds
// them there.
func (s *file) create(f format) error {
	err := s.transaction(func(t *tx) error {
		if err := sqlitex.ExecuteScript(s.writer.db, f.schema, nil); err != nil {
			return s.writer.fail("create tables", err)
		}
		if err := s.writer.setMeta(f.version(), s.options.Network); err != nil {
			return err
		}
		return t.plant(s.options.Network)
	})
	if err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	if err := s.truncateLog(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(s.path))
}

func (s *file) Update(f func(Tx) error) error { return s.update(f, false) }

func (s *file) UpdateDurable(f func(Tx) error) error { return s.update(f, true) }

func (s *file) update(f func(Tx) error, durable bool) (err error) {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.closed {
		return ErrClosed
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if durable {
		if err := s.synchronous("FULL"); err != nil {
			return err
		}
		defer func() {
			if back := s.synchronous("NORMAL"); err == nil {
				err = back
			}
		}()
	}
	return s.transaction(func(t *tx) error {
		if err := f(t); err != nil || !durable {
			return err
		}
		// A commit that changes nothing would not wait for the earlier ones.
		t.counts.synced++
		return s.options.Fault("sync")
	})
}

// synchronous chooses whether commits wait for the disk.
func (s *file) synchronous(level string) error {
	if err := sqlitex.ExecuteTransient(s.writer.db, "PRAGMA synchronous = "+level, nil); err != nil {
		return s.writer.fail("set synchronous", err)
	}
	return nil
}

// transaction runs f between begin and commit. The caller holds writing. When
// anything fails, or f panics, nothing is kept, not even in caches.
func (s *file) transaction(f func(*tx) error) error {
	c, counters := s.writer, s.options.Counters
	if err := s.options.Fault("begin"); err != nil {
		return err
	}
	if _, err := c.exec("BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	t := &tx{reader: reader{c: c}, counts: s.counts, committed: s.counts, options: &s.options}
	kept := false
	defer func() {
		t.c = nil // a use after the end is a nil dereference, not a lost write
		if !kept {
			c.rollback()
			c.forget()
			counters.Rollbacks.Add(1)
		}
	}()
	if err := f(t); err != nil {
		return err
	}
	if err := t.finish(); err != nil {
		return err
	}
	if err := s.options.Fault("commit"); err != nil {
		return err
	}
	if err := s.commit(t.counts.votes); err != nil {
		return err
	}
	kept = true
	if t.counts.synced != s.counts.synced {
		counters.Syncs.Add(1)
	}
	s.counts = t.counts
	counters.Commits.Add(1)
	s.tendLog()
	return nil
}

// tendLog moves the log's content to the file when the log has grown long. A
// reader may keep some of it back; then it is tried again after some more
// growth. A failure is no failure of the commit and shows again in the next.
func (s *file) tendLog() {
	size := fileSize(s.path + "-wal")
	s.options.Counters.WALBytes.Store(size)
	if size < s.options.WALBytes {
		s.checkpoint = s.options.WALBytes
		return
	}
	if size < s.checkpoint {
		return
	}
	s.checkpoint = size + s.options.WALBytes/4
	if _, err := s.writer.query("PRAGMA wal_checkpoint(PASSIVE)", nil, nil); err == nil {
		s.options.Counters.Checkpoints.Add(1)
	}
}

// truncateLog moves all of the log to the file and empties it.
func (s *file) truncateLog() error {
	_, err := s.writer.query("PRAGMA wal_checkpoint(TRUNCATE)", nil, nil)
	return err
}

func (s *file) View(f func(Reader) error) error {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.closed {
		return ErrClosed
	}
	c := s.readers.take()
	defer func() { s.readers.give(c) }()
	if c == nil {
		opened, err := s.openReader(readerKeys)
		if err != nil {
			return err
		}
		c = opened
	}
	if err := c.begin(); err != nil {
		return err
	}
	defer c.rollback()
	s.options.Counters.Views.Add(1)
	// The first read fixes the snapshot.
	n, err := c.counts()
	if err != nil {
		return err
	}
	r := &reader{c: c, snapshot: &n}
	defer func() { r.c = nil }()
	return f(r)
}

// readers are the connections of views. The one that was used last is used next:
// its pages are still in its cache, and others need not be opened at all.
type readers struct {
	places chan struct{} // one for each that may run
	mu     sync.Mutex
	idle   []*conn // open, the one used last at the end
}

func newReaders(most int) readers { return readers{places: make(chan struct{}, most)} }

// take waits for a place and returns a connection, nil if one is to be opened.
func (r *readers) take() (c *conn) {
	r.places <- struct{}{}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.idle); n > 0 {
		c, r.idle = r.idle[n-1], r.idle[:n-1]
	}
	return c
}

func (r *readers) give(c *conn) {
	if c != nil {
		r.mu.Lock()
		r.idle = append(r.idle, c)
		r.mu.Unlock()
	}
	<-r.places
}

// openReader opens a connection that reads and remembers so many keys.
func (s *file) openReader(keys int) (*conn, error) {
	return openConn(s.path, s.path, sqlite.OpenReadOnly, keys,
		fmt.Sprintf("PRAGMA cache_size = -%d", s.options.ReaderCacheBytes>>10),
		"PRAGMA mmap_size = 0", "PRAGMA trusted_schema = OFF")
}

func (s *file) Size() (int64, error) {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.closed {
		return 0, ErrClosed
	}
	return fileSize(s.path) + fileSize(s.path+"-wal") + fileSize(s.path+"-shm"), nil
}

// fileSize returns 0 for a file that is not there.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// Close moves the log to the file and closes it. The lock is given up even
// when that fails.
func (s *file) Close() error {
	s.open.Lock()
	defer s.open.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.closed = true
	defer s.lock.release()
	var all []error
	for _, c := range s.readers.idle { // all of them: nobody is left who reads
		all = append(all, c.db.Close())
	}
	if s.looker != nil {
		all = append(all, s.looker.db.Close())
	}
	all = append(all, s.truncateLog(), s.writer.db.Close())
	return errors.Join(all...)
}
