package storage

import (
	"path/filepath"
	"testing"
)

// TestBytesPerBlock holds the schema to its budget: what confirmed blocks take
// on disk, all included. It depends on no clock.
func TestBytesPerBlock(t *testing.T) {
	const (
		blocks = 20_000
		budget = 200
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
