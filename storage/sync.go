package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Sync waits for the disk without the lock of those who write. What was
// committed is either still in the log, which is synced here, or was moved to
// the file by a checkpoint, which syncs both before it lets go of the log.
func (s *file) Sync() error {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.options.Fault("sync"); err != nil {
		return err
	}
	log, err := os.Open(s.path + "-wal") // SQLite locks other files: closing this one takes nothing away
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was committed since the file was opened
	}
	if err != nil {
		return fmt.Errorf("sync the log of the ledger: %w", err)
	}
	defer log.Close()
	if err := syncData(log); err != nil {
		return fmt.Errorf("sync the log of the ledger: %w", err)
	}
	s.options.Counters.Syncs.Add(1)
	return nil
}

// Sync implements Store. There is no disk.
func (m *memory) Sync() error {
	if m.committed.Load() == nil {
		return ErrClosed
	}
	return nil
}
