package storage_test

import (
	"path/filepath"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit/storetest"
)

// open opens a file with small caches, so that tests reach their ends.
func open(t *testing.T, path string) storage.Store {
	t.Helper()
	s, err := storage.Open(path, storage.Options{Network: lattice.Dev(), Heads: 16, WALBytes: 200 << 10, Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMemory(t *testing.T) {
	storetest.Test(t, func(*testing.T) storage.Store { return storage.NewMemory(lattice.Dev()) })
}

func TestFile(t *testing.T) {
	storetest.Test(t, func(t *testing.T) storage.Store { return open(t, filepath.Join(t.TempDir(), "ledger.db")) })
}

// TestTwin does the same to a file, which is closed and opened again now and
// then, and to a store in memory.
func TestTwin(t *testing.T) {
	for seed := range uint64(4) {
		path := filepath.Join(t.TempDir(), "ledger.db")
		memory := storage.NewMemory(lattice.Dev())
		last := storetest.Twin(t, seed, 60, memory, open(t, path), func(s storage.Store) storage.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, path)
		})
		if err := last.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
