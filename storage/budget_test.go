package storage

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
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
	err = s.Update(func(tx Tx) error {
		for range blocks {
			b := tr.next()
			hash := tr.network.HashOf(b)
			c, err := tx.Context(b, hash, time.Unix(1_700_000_000, 0))
			if err != nil {
				return err
			}
			c.SignatureVerified = true
			e, err := ledger.Validate(tr.network, b, c)
			if err != nil {
				return err
			}
			if err := tx.Apply(&e); err != nil {
				return err
			}
			if _, err := tx.Cement(hash); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
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
