package model_test

import (
	"math/rand/v2"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit/model"
)

// drive does random things to a store and compares it with the model after each
// of them.
func drive(t *testing.T, open func(*testing.T) storage.Store, seeds uint64, steps int) {
	n := lattice.Dev()
	var sum model.Stats
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 2))
		store := open(t)
		var d *model.Driver
		err := store.Update(func(tx storage.Tx) (err error) {
			d, err = model.NewDriver(n, rng, tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for step := range steps {
			if err := store.Update(func(tx storage.Tx) error { return d.Step(tx) }); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			if err := store.View(func(r storage.Reader) error { return compare(d, r) }); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		sum = sum.Add(d.Stats)
	}
	t.Logf("%d histories of %d steps: %+v", seeds, steps, sum)
}

func compare(d *model.Driver, r storage.Reader) error {
	if err := d.Compare(r); err != nil {
		return err
	}
	weights := make(map[lattice.Account]lattice.Amount)
	err := r.Weights(func(a lattice.Account, w lattice.Amount) bool {
		weights[a] = w
		return true
	})
	if err != nil {
		return err
	}
	return d.Model.CompareWeights(weights)
}

func TestMemory(t *testing.T) {
	drive(t, func(*testing.T) storage.Store { return storage.NewMemory(lattice.Dev()) }, 6, 120)
}
