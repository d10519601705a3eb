package storage

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// TestSync waits for the disk beside a writer, after a checkpoint, and after the
// end.
func TestSync(t *testing.T) {
	var counters Counters
	var fail error
	s := mustOpen(t, filepath.Join(t.TempDir(), "ledger.db"), Options{
		Counters: &counters, WALBytes: 64 << 10,
		Fault: func(op string) error {
			if op == "sync" {
				return fail
			}
			return nil
		},
	})
	var writer sync.WaitGroup
	writer.Go(func() {
		for range 100 {
			if err := setValue(s, string(make([]byte, 3000))); err != nil {
				t.Error(err)
			}
		}
	})
	for range 20 {
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
	}
	writer.Wait()
	if err := s.Sync(); err != nil || counters.Syncs.Load() != 21 || counters.Checkpoints.Load() == 0 {
		t.Errorf("%v, %d syncs, %d checkpoints", err, counters.Syncs.Load(), counters.Checkpoints.Load())
	}
	fail = ErrDiskFull
	if err := s.Sync(); !errors.Is(err, ErrDiskFull) {
		t.Errorf("a disk that fails: %v", err)
	}
	fail = nil
	mustClose(t, s)
	if err := s.Sync(); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	m := NewMemory(lattice.Dev())
	if err := m.Sync(); err != nil {
		t.Error(err)
	}
	mustClose(t, m)
	if err := m.Sync(); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
