//go:build !unix

package storage

import (
	"errors"
	"io/fs"
	"os"
)

// fileLock keeps other processes, and a second Open in this one, away from a
// ledger. Without flock it is the existence of a file, which a killed process
// leaves behind for its operator to remove.
type fileLock struct {
	path string
	file *os.File
}

func acquireLock(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, err
	}
	return &fileLock{path, f}, nil
}

func (l *fileLock) release() {
	l.file.Close()
	os.Remove(l.path)
}

// syncFolder does nothing: folders cannot be synced here.
func syncFolder(string) error { return nil }
