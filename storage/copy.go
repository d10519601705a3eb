package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Backup writes a copy of a ledger file, which may be in use by a node, to a file
// that must not be there yet. The copy is the ledger as of one commit, without
// free space, and on the disk when Backup returns; when it fails there is none.
// Check it with Audit.
func Backup(path, to string, o Options) (err error) {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("back up: %s is there already; remove it or give another name", to)
	}
	part := to + ".part"
	defer func() {
		if err != nil {
			os.Remove(part)
		}
	}()
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a copy that was broken off
		return fmt.Errorf("back up: %w", err)
	}
	if err := viewFile(path, o, func(r *reader) error {
		r.c.rollback() // the statement has a snapshot of its own
		_, err := r.c.exec("VACUUM INTO ?", func(s *sqlite.Stmt) { s.BindText(1, part) })
		return err
	}); err != nil {
		return fmt.Errorf("back up: %w", fullAt(to, err))
	}
	return settle(part, to)
}

// fullAt names the file that a copy was written to: SQLite says that a disk is full,
// not which, and of the two files only this one is written.
func fullAt(to string, err error) error {
	if !errors.Is(err, ErrDiskFull) {
		return err
	}
	return fmt.Errorf("%w: %s: free space on its file system, or give another folder", ErrDiskFull, to)
}

// settle makes a file durable and gives it its name.
func settle(part, to string) error {
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(part, to)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// Restore puts a copy that Backup made into the place of a ledger file, which no
// node may use. A ledger that is there is kept beside it, under the name that is
// returned ("" when there was none). Audit the copy first: Restore only looks
// whether it is a ledger of this network.
//
// begin is called when nothing refuses the restore any more and before the ledger
// is touched; its error ends the restore. It may be nil.
func Restore(from, path string, o Options, begin func() error) (kept string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	lock, err := acquireLock(path + ".lock")
	if err != nil {
		return "", lockError(path, err)
	}
	defer lock.release()
	if err := viewFile(from, o, func(*reader) error { return nil }); err != nil {
		return "", fmt.Errorf("restore: %w", err)
	}
	part := path + ".part"
	if err := copyFile(from, part); err != nil {
		os.Remove(part)
		return "", fmt.Errorf("restore: %w", err)
	}
	if begin != nil {
		err = begin()
	}
	if err != nil {
		os.Remove(part)
		return "", fmt.Errorf("restore: %w", err)
	}
	if kept, err = putAside(path); err == nil {
		err = settle(part, path)
	}
	if err != nil {
		return kept, fmt.Errorf("restore: %w", err)
	}
	return kept, nil
}

// putAside renames a ledger with its log, to the first name that is free.
func putAside(path string) (kept string, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for n := 1; ; n++ {
		kept = fmt.Sprintf("%s.before-restore-%d", path, n)
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	for _, suffix := range []string{"", "-wal"} { // the log first would lose it, should this be cut short
		if err := os.Rename(path+suffix, kept+suffix); err != nil && !(suffix != "" && errors.Is(err, fs.ErrNotExist)) {
			return kept, err
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	return kept, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Vacuum rewrites a ledger file, which no node may use, without its free space,
// and returns its length before and after. It needs as much again on the disk
// meanwhile.
func Vacuum(path string, o Options) (before, after int64, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, 0, fmt.Errorf("vacuum: %w; is this the data folder of a node?", err)
	}
	s, err := Open(path, o)
	if err != nil {
		return 0, 0, err
	}
	before = fileSize(path)
	f := s.(*file)
	f.writing.Lock()
	if err = sqlitex.ExecuteTransient(f.writer.db, "VACUUM", nil); err != nil {
		err = f.writer.fail("vacuum", err)
	}
	f.writing.Unlock()
	err = errors.Join(err, s.Close())
	return before, fileSize(path), err
}
