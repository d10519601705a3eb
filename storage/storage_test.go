package storage_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit/model"
)

func TestSmoke(t *testing.T) {
	n := lattice.Dev()
	path := filepath.Join(t.TempDir(), "ledger.db")
	open := map[string]func() storage.Store{
		"memory": func() storage.Store { return storage.NewMemory(n) },
		"file": func() storage.Store {
			s, err := storage.Open(path, storage.Options{Network: n})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	}
	for name, open := range open {
		t.Run(name, func(t *testing.T) {
			s := open()
			rng := rand.New(rand.NewPCG(1, 2))
			var d *model.Driver
			for i := range 20 {
				err := s.Update(func(tx storage.Tx) (err error) {
					if d == nil {
						if d, err = model.NewDriver(n, rng, tx); err != nil {
							return err
						}
					}
					for range 10 {
						if err := d.Step(tx); err != nil {
							return err
						}
					}
					return d.Compare(tx)
				})
				if err != nil {
					t.Fatal(i, err)
				}
				err = s.View(func(r storage.Reader) error {
					if err := d.Compare(r); err != nil {
						return err
					}
					return storage.Verify(n, r)
				})
				if err != nil {
					t.Fatal(i, err)
				}
			}
			t.Logf("%+v", d.Stats)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
