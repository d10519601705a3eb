package storage

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// TestBytesPerBlock holds the schema to its budget: what confirmed blocks take
// on disk, all included. The target is 200; they are always the same blocks, so
// the budget is just above what they take.
func TestBytesPerBlock(t *testing.T) {
	const (
		blocks = 20_000
		budget = 196
	)
	tr := newTraffic(blocks / 13)
	path := filepath.Join(t.TempDir(), "ledger.db")
	s, err := Open(path, Options{Network: tr.network})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(tx Tx) error { return play(tx, tr, blocks, true) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if each := fileSize(path) / blocks; each > budget {
		t.Errorf("%d bytes a block, the budget is %d", each, budget)
	} else {
		t.Logf("%d bytes a block", each)
	}
}

// TestAllocationsPerBlock: what inserting and confirming a block allocates, 1024 a
// commit.
func TestAllocationsPerBlock(t *testing.T) {
	const (
		batch, commits = 1024, 4
		budget         = 8.9
	)
	tr := newTraffic(batch)
	s, err := Open(filepath.Join(t.TempDir(), "ledger.db"), Options{Network: tr.network})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mallocs := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Mallocs
	}
	var all uint64
	for range 1 + commits {
		blocks := make([]*lattice.Block, batch)
		for i := range blocks {
			blocks[i] = tr.next()
		}
		before := mallocs()
		err := s.Update(func(tx Tx) (err error) {
			for i := 0; i < batch && err == nil; i++ {
				err = playBlock(tx, tr.network, blocks[i], true)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		all += mallocs() - before
		if tr.count == batch { // the first fills caches
			all = 0
		}
	}
	each := float64(all) / (batch * commits)
	if each > budget {
		t.Errorf("%.2f allocations a block, the budget is %v", each, budget)
	} else {
		t.Logf("%.2f allocations a block", each)
	}
}
