package actors

import (
	"testing"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

// TestBatchOrder gives one commit a chain and the receive of its last send in
// every order. All blocks must get in: none may be left waiting for a block
// that came behind it, for nothing would free it later.
func TestBatchOrder(t *testing.T) {
	n := lattice.Dev()
	genesis := testkit.GenesisWallet(n)
	var chain []lattice.Block
	for i := range 3 {
		b := genesis.Send(testkit.Account(i), lattice.AmountFrom(1))
		genesis.Advance(b)
		chain = append(chain, *b)
	}
	open := testkit.NewWallet(n, testkit.Key(2)).Open(n.HashOf(&chain[2]), lattice.AmountFrom(1), testkit.Account(2))
	chain = append(chain, *open)
	permute(chain, func(order []lattice.Block) {
		store := storage.NewMemory(n)
		defer store.Close()
		a := &blockProcessor{
			env: &Env{Clock: supervise.RealClock{}, Store: store}, net: n,
			gaps: bootstrap.NewGaps(bootstrap.DefaultGapsConfig()), pulled: bootstrap.NewGaps(bootstrap.PulledGapsConfig()),
		}
		var jobs []*job
		for _, b := range order {
			hash := n.HashOf(&b)
			jobs = append(jobs, &job{ProcessBlock: &messages.ProcessBlock{Block: b, Hash: hash, Conn: 1}, block: b, hash: hash, conn: 1, verified: true})
		}
		d := &done{jobs: jobs, queue: jobs, waiting: map[lattice.Hash][]*job{}}
		if err := store.Update(func(tx storage.Tx) error { return a.carryOut(tx, d) }); err != nil {
			t.Fatal(err)
		}
		if len(d.inserted) != len(order) || len(d.jobs) != len(order) || len(d.waiting) != 0 {
			t.Errorf("%d blocks inserted and %d settled of %d, %d wait", len(d.inserted), len(d.jobs), len(order), len(d.waiting))
		}
		for _, j := range d.jobs {
			if j.err != nil || j.waits {
				t.Errorf("block %v is not settled: %v", j.hash, j.err)
			}
		}
	})
}

// permute calls f with every order of a list.
func permute[T any](list []T, f func([]T)) {
	var rest func(int)
	rest = func(k int) {
		if k == len(list) {
			f(list)
			return
		}
		for i := k; i < len(list); i++ {
			list[k], list[i] = list[i], list[k]
			rest(k + 1)
			list[k], list[i] = list[i], list[k]
		}
	}
	rest(0)
}
