package chaingen_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit/chaingen"
)

// insert puts a block into the store, or says why it cannot.
func insert(n *lattice.Network, store storage.Store, b *lattice.Block, now time.Time) error {
	return store.Update(func(tx storage.Tx) error {
		c, err := tx.Context(b, n.HashOf(b), now)
		if err != nil {
			return err
		}
		e, err := ledger.Validate(n, b, c)
		if err != nil {
			return err
		}
		return tx.Apply(&e)
	})
}

// judge returns the outcome that a block would have.
func judge(t *testing.T, n *lattice.Network, store storage.Store, b *lattice.Block) ledger.Outcome {
	t.Helper()
	var outcome ledger.Outcome
	err := store.View(func(r storage.Reader) error {
		c, err := r.Context(b, n.HashOf(b), time.Unix(1, 0))
		if err != nil {
			return err
		}
		_, err = ledger.Validate(n, b, c)
		var ok bool
		if outcome, ok = ledger.OutcomeOf(err); !ok {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// TestMutations breaks one rule at a time on generated lattices.
func TestMutations(t *testing.T) {
	n := lattice.Dev()
	mutations := chaingen.Mutations()
	cases := make([]int, len(mutations))
	spoiled := 0
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 1))
		g := chaingen.New(n, rng, chaingen.Options{Accounts: 6, Burn: true})
		store := storage.NewMemory(n)
		for range 36 {
			base := g.Propose()
			c := chaingen.NewCase(n, g, base)
			for i, m := range mutations {
				b, ok := m.Make(c)
				if !ok {
					continue
				}
				cases[i]++
				if got := judge(t, n, store, b); got != m.Outcome {
					t.Errorf("seed %d, %v, %q (row %d): %v, want %v", seed, c.Subtype, m.Name, m.Row, got, m.Outcome)
				}
				spoiled += checkOrder(t, n, store, c, m, mutations)
			}
			g.Accept(base)
			if err := insert(n, store, base, time.Unix(1, 0)); err != nil {
				t.Fatalf("seed %d: a generated block is refused: %v", seed, err)
			}
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	total, outcomes, rows := 0, map[ledger.Outcome]bool{}, map[int]bool{}
	for i, m := range mutations {
		total += cases[i]
		outcomes[m.Outcome], rows[m.Row] = true, true
		if cases[i] == 0 {
			t.Errorf("%q never ran", m.Name)
		}
	}
	if len(outcomes) != int(ledger.NoChange)+1 || len(rows) != 14 {
		t.Errorf("%d outcomes and %d rows, want all of them", len(outcomes), len(rows))
	}
	t.Logf("%d mutations, %d cases; %d more with an earlier rule broken too", len(mutations), total, spoiled)
}

// checkOrder breaks a second rule and expects the earlier one to be named.
func checkOrder(t *testing.T, n *lattice.Network, store storage.Store, c *chaingen.Case, m *chaingen.Mutation, all []*chaingen.Mutation) (done int) {
	t.Helper()
	if m.Row < 5 || m.Row > 12 {
		return 0
	}
	for _, name := range []string{"work below every threshold", "burn account", "bit flipped in S", "work for a receive only"} {
		for _, second := range all {
			if second.Name != name {
				continue
			}
			b, ok := chaingen.Combine(c, m, second)
			if !ok {
				continue
			}
			want := second
			if m.Row < want.Row {
				want = m
			}
			done++
			if got := judge(t, n, store, b); got != want.Outcome {
				t.Errorf("%v, %q and %q: %v, want %v", c.Subtype, m.Name, name, got, want.Outcome)
			}
		}
	}
	return done
}
