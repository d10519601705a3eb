//go:build unix

package storage

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// fileLock keeps other processes, and a second Open in this one, away from a
// ledger. It is a file of its own: closing any handle of the ledger itself
// would give up the locks that SQLite holds on it.
type fileLock struct {
	path string
	file *os.File
}

// acquireLock takes the lock at once or says that somebody else has it.
func acquireLock(path string) (*fileLock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, ErrInUse
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// The last owner removes the file while it holds the lock: what was locked
		// here may be a file that is no longer there.
		ours, err := f.Stat()
		if err == nil {
			if there, err := os.Stat(path); err == nil && os.SameFile(ours, there) {
				return &fileLock{path, f}, nil
			}
		}
		f.Close()
	}
}

// release gives the lock up and removes its file.
func (l *fileLock) release() {
	os.Remove(l.path)
	l.file.Close()
}

// syncFolder makes a new file's name durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
