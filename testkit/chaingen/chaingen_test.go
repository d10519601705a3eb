package chaingen_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit/chaingen"
)

// TestGenerator inserts what generators of several shapes make; all of it is
// valid, and every kind of block is there.
func TestGenerator(t *testing.T) {
	n := lattice.Dev()
	for seed, opts := range []chaingen.Options{{}, {Accounts: 1}, {Accounts: 2, Unreceived: 1}, {Accounts: 40, Burn: true}} {
		g := chaingen.New(n, rand.New(rand.NewPCG(uint64(seed), 4)), opts)
		store := storage.NewMemory(n)
		kinds, selves, relays, last := map[lattice.Subtype]int{}, 0, 0, lattice.Subtype(0)
		err := g.Run(300, func(b *lattice.Block) error {
			if err := insert(n, store, b, time.Unix(5, 0)); err != nil {
				return err
			}
			e := g.Recent()[len(g.Recent())-1]
			kinds[e.Subtype]++
			if e.Made != nil && e.MadeKey().Destination == b.Account {
				selves++
			}
			if e.Subtype == lattice.Open && last == lattice.Send {
				relays++
			}
			last = e.Subtype
			return nil
		})
		if err != nil {
			t.Fatalf("%+v: %v", opts, err)
		}
		if kinds[lattice.Open] == 0 || kinds[lattice.Send] == 0 || kinds[lattice.Receive] == 0 || kinds[lattice.Change] == 0 || selves == 0 {
			t.Errorf("%+v: %v, %d sends to itself", opts, kinds, selves)
		}
		if len(g.Recent()) > 64 {
			t.Errorf("%+v: %d blocks are remembered", opts, len(g.Recent()))
		}
		if err := store.View(func(r storage.Reader) error { return sameState(t, r, g) }); err != nil {
			t.Error(err)
		}
		t.Logf("%+v: %v, %d sends to itself, %d opens right after a send, %d waiting", opts, kinds, selves, relays, len(g.Waiting()))
	}
}

// sameState compares what the generator remembers with the ledger.
func sameState(t *testing.T, r storage.Reader, g *chaingen.Generator) error {
	for _, w := range g.Wallets() {
		info, err := r.Account(w.Account())
		if err != nil {
			return err
		}
		if info.Frontier != w.Info.Frontier || info.Balance != w.Info.Balance || info.Height != w.Info.Height {
			t.Errorf("ledger has %+v, generator %+v", info, w.Info)
		}
	}
	for _, e := range g.Waiting() {
		entry, ok, err := r.Receivable(lattice.ReceivableKey{Destination: e.To, Send: e.Send})
		if err != nil {
			return err
		}
		if !ok || entry.Amount != e.Amount || entry.Source != e.Source {
			t.Errorf("ledger has %+v, generator %+v", entry, e)
		}
	}
	return nil
}

// TestSeed checks that a seed makes one lattice and another seed another.
func TestSeed(t *testing.T) {
	run := func(seed uint64) (last lattice.Hash) {
		n := lattice.Dev()
		g := chaingen.New(n, rand.New(rand.NewPCG(seed, 5)), chaingen.Options{})
		_ = g.Run(100, func(b *lattice.Block) error { last = n.HashOf(b); return nil })
		return last
	}
	if one, again := run(1), run(1); one != again || one == run(2) {
		t.Error("the lattice does not depend on the seed alone")
	}
}

func TestSinkStops(t *testing.T) {
	full := errors.New("full")
	g := chaingen.New(lattice.Dev(), rand.New(rand.NewPCG(1, 1)), chaingen.Options{})
	calls := 0
	err := g.Run(10, func(*lattice.Block) error {
		if calls++; calls == 3 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
