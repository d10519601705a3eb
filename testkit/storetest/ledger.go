package storetest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/testkit/chaingen"
)

// testRefusals tries changes that do not fit: each is refused, changes nothing,
// and leaves the transaction fit to go on.
func testRefusals(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	a, b := testkit.NewWallet(network, testkit.Key(1)), testkit.NewWallet(network, testkit.Key(2))
	update(t, s, owner, func(sc *scene) {
		send, open := sc.fund(a, 1000)
		toB := sc.put(a, a.Send(b.Account(), lattice.AmountFrom(10)))
		openB := sc.put(b, b.Receive(toB.Hash, lattice.AmountFrom(10)))
		waiting := sc.put(owner, owner.Send(b.Account(), lattice.AmountFrom(5)))

		next := b.Change(testkit.Account(7))
		e, err := judge(sc.tx, next, start)
		if err != nil {
			t.Fatal(err)
		}
		with := func(change func(*ledger.Effects)) func() error {
			c := e
			change(&c)
			return func() error { return sc.tx.Apply(&c) }
		}
		entry := lattice.Receivable{Source: b.Account(), Amount: lattice.AmountFrom(1)}
		sc.refused("a block that is there", func() error { return sc.tx.Apply(&send) })
		sc.refused("another height", with(func(c *ledger.Effects) { c.Height++ }))
		sc.refused("another previous", with(func(c *ledger.Effects) { c.Block.Previous = toB.Hash }))
		sc.refused("another balance", with(func(c *ledger.Effects) { c.Block.Balance = lattice.AmountFrom(11) }))
		sc.refused("another amount", with(func(c *ledger.Effects) { c.Amount = lattice.AmountFrom(1) }))
		sc.refused("another subtype", with(func(c *ledger.Effects) { c.Subtype = lattice.Send }))
		sc.refused("an entry from nothing", with(func(c *ledger.Effects) { c.Made = &entry }))
		sc.refused("an entry for nothing", with(func(c *ledger.Effects) { c.Consumed = &entry }))
		sc.refused("a hash that is taken", with(func(c *ledger.Effects) { c.Hash = open.Hash }))

		receive := *b
		good, err := judge(sc.tx, receive.Receive(waiting.Hash, lattice.AmountFrom(5)), start)
		if err != nil {
			t.Fatal(err)
		}
		forged := good
		forged.Block.Link = lattice.Link(testkit.Hash(1))
		sc.refused("an entry that is not there", func() error { return sc.tx.Apply(&forged) })
		forged = good
		forged.Consumed = &entry
		sc.refused("an entry of another amount", func() error { return sc.tx.Apply(&forged) })

		sc.refused("revert below the frontier", func() error { return sc.tx.Revert(&open) })
		sc.refused("revert what was received", func() error { return sc.tx.Revert(&toB) })
		sc.refused("revert what is not there", func() error { return sc.tx.Revert(&e) })
		sc.refused("cement the unknown", func() error { _, err := sc.tx.Cement(testkit.Hash(2)); return err })
		sc.refused("cement out of order", func() error { _, err := sc.tx.Cement(toB.Hash); return err })
		sc.refused("cement before the source", func() error { _, err := sc.tx.Cement(open.Hash); return err })
		sc.cement(send.Hash, open.Hash, toB.Hash, openB.Hash)
		sc.refused("cement twice", func() error { _, err := sc.tx.Cement(send.Hash); return err })
		sc.refused("revert what is confirmed", func() error { return sc.tx.Revert(&openB) })
		sc.put(b, next)
	})
	view(t, s, func(r storage.Reader) {
		if err := storage.Verify(network, r); err != nil {
			t.Error(err)
		}
	})
}

// testContext compares what the store gathers at once with what it answers one
// by one.
func testContext(t *testing.T, s storage.Store) {
	rng := rand.New(rand.NewPCG(3, 4))
	gen := chaingen.New(network, rng, chaingen.Options{Accounts: 6})
	var old []lattice.Block
	for range 10 {
		update(t, s, nil, func(sc *scene) {
			for range 12 {
				b := gen.Propose()
				all := chaingen.Mutations()
				for _, m := range []int{rng.IntN(len(all)), rng.IntN(len(all))} {
					if bad, ok := all[m].Make(chaingen.NewCase(network, gen, b)); ok {
						compareContext(t, sc.tx, bad)
					}
				}
				if len(old) > 0 {
					compareContext(t, sc.tx, &old[rng.IntN(len(old))])
				}
				compareContext(t, sc.tx, b)
				e, err := judge(sc.tx, b, start)
				if err == nil {
					err = sc.tx.Apply(&e)
				}
				if err != nil {
					t.Fatal(err)
				}
				gen.Apply(&e)
				old = append(old, *b)
			}
		})
		view(t, s, func(r storage.Reader) { compareContext(t, r, &old[rng.IntN(len(old))]) })
	}
}

func compareContext(t *testing.T, r storage.Reader, b *lattice.Block) {
	t.Helper()
	hash := network.HashOf(b)
	got, err := r.Context(b, hash, start)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ledger.Gather(r, b, hash, start)
	if err != nil {
		t.Fatal(err)
	}
	if want.Account.Opened() && !want.Account.Balance.Less(b.Balance) { // a send or a change: the rules do not ask
		want.SourceKnown, want.Receivable = got.SourceKnown, got.Receivable
	}
	if (got.Receivable == nil) != (want.Receivable == nil) || got.Receivable != nil && *got.Receivable != *want.Receivable {
		t.Fatalf("entry %+v, want %+v", got.Receivable, want.Receivable)
	}
	if got.Receivable = want.Receivable; got != want {
		t.Fatalf("context %+v, want %+v", got, want)
	}
}

// testTimes inserts at a time with a zone and a fraction.
func testTimes(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	update(t, s, owner, func(sc *scene) {
		e, err := judge(sc.tx, owner.Send(testkit.Account(1), lattice.AmountFrom(1)), start.Add(999*time.Millisecond).In(time.FixedZone("", 3600)))
		if err == nil {
			err = sc.tx.Apply(&e)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // as inserted, then as it was before another came and went
			b, _, err := sc.tx.Block(e.Hash)
			info, err2 := sc.tx.Account(owner.Account())
			if err != nil || err2 != nil || b.Time != start || info.Modified != start {
				t.Errorf("time %v, modified %v, want %v", b.Time, info.Modified, start)
			}
			w := *owner
			w.Advance(&e.Block)
			next := sc.put(&w, w.Change(testkit.Account(2)))
			if err := sc.tx.Revert(&next); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func testWeights(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	a := testkit.NewWallet(network, testkit.Key(1))
	rep1, rep2 := testkit.Account(11), testkit.Account(12)
	update(t, s, owner, func(sc *scene) {
		send := sc.put(owner, owner.Send(a.Account(), lattice.AmountFrom(100)))
		open := sc.put(a, a.Open(send.Hash, lattice.AmountFrom(100), rep1))
		change := sc.put(a, a.Change(rep2))
		empty := sc.put(a, a.Send(a.Account(), lattice.AmountFrom(100)))
		elsewhere := sc.put(a, a.Change(rep1))
		refill := sc.put(a, a.Receive(empty.Hash, lattice.AmountFrom(100)))
		supply := lattice.Supply
		rest := supply.SatSub(lattice.AmountFrom(100))
		for i, c := range []struct {
			hash     lattice.Hash
			cemented ledger.Cemented // the weights of it only
			weights  map[lattice.Account]lattice.Amount
		}{
			{send.Hash, ledger.Cemented{OldWeight: supply, OldRep: owner.Account(), NewWeight: supply, NewRep: owner.Account()},
				map[lattice.Account]lattice.Amount{owner.Account(): supply}},
			{open.Hash, ledger.Cemented{SourceWeight: lattice.AmountFrom(100), SourceRep: owner.Account(), NewWeight: lattice.AmountFrom(100), NewRep: rep1},
				map[lattice.Account]lattice.Amount{owner.Account(): rest, rep1: lattice.AmountFrom(100)}},
			{change.Hash, ledger.Cemented{OldWeight: lattice.AmountFrom(100), OldRep: rep1, NewWeight: lattice.AmountFrom(100), NewRep: rep2},
				map[lattice.Account]lattice.Amount{owner.Account(): rest, rep2: lattice.AmountFrom(100)}},
			{empty.Hash, ledger.Cemented{OldWeight: lattice.AmountFrom(100), OldRep: rep2, NewWeight: lattice.AmountFrom(100), NewRep: rep2},
				map[lattice.Account]lattice.Amount{owner.Account(): rest, rep2: lattice.AmountFrom(100)}},
			{elsewhere.Hash, ledger.Cemented{OldRep: rep2, NewRep: rep1}, // what is on its way stays where it is
				map[lattice.Account]lattice.Amount{owner.Account(): rest, rep2: lattice.AmountFrom(100)}},
			{refill.Hash, ledger.Cemented{OldRep: rep1, SourceWeight: lattice.AmountFrom(100), SourceRep: rep2, NewWeight: lattice.AmountFrom(100), NewRep: rep1},
				map[lattice.Account]lattice.Amount{owner.Account(): rest, rep1: lattice.AmountFrom(100)}},
		} {
			got := sc.cement(c.hash)[0]
			want := c.cemented
			want.Confirmation, want.Block, want.Subtype, want.Amount, want.Time = got.Confirmation, got.Block, got.Subtype, got.Amount, got.Time
			if got != want {
				t.Errorf("step %d: cemented %+v, want the weights of %+v", i, got, c.cemented)
			}
			b, _, _ := sc.tx.Block(c.hash)
			if got.Block != b.Block || got.Subtype != b.Subtype || got.Amount != b.Amount || got.Confirmation.Sequence != uint64(i+2) {
				t.Errorf("step %d: cemented %+v of %+v", i, got, b)
			}
			if kept := weightsOf(t, sc.tx); !sameWeights(kept, c.weights) {
				t.Errorf("step %d: weights %v, want %v", i, kept, c.weights)
			}
		}
	})
	view(t, s, func(r storage.Reader) {
		calls := 0
		if err := r.Weights(func(lattice.Account, lattice.Amount) bool { calls++; return false }); err != nil || calls != 1 {
			t.Errorf("%d calls after the first said stop: %v", calls, err)
		}
	})
}

func weightsOf(t *testing.T, r storage.Reader) map[lattice.Account]lattice.Amount {
	t.Helper()
	out := make(map[lattice.Account]lattice.Amount)
	var last lattice.Account
	err := r.Weights(func(a lattice.Account, w lattice.Amount) bool {
		if slices.Compare(a[:], last[:]) < 0 {
			t.Errorf("%v after %v", a, last)
		}
		last, out[a] = a, w
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameWeights(a, b map[lattice.Account]lattice.Amount) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

func testReceivedBy(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	a := testkit.NewWallet(network, testkit.Key(1))
	update(t, s, owner, func(sc *scene) {
		send, open := sc.fund(a, 100)
		sc.put(a, a.Change(testkit.Account(5)))
		self := sc.put(a, a.Send(a.Account(), lattice.AmountFrom(3)))
		back := sc.put(a, a.Receive(self.Hash, lattice.AmountFrom(3)))
		waiting := sc.put(a, a.Send(a.Account(), lattice.AmountFrom(4)))
		for step := range 2 { // unconfirmed, then confirmed
			for _, c := range []struct {
				key  lattice.ReceivableKey
				want lattice.Hash
			}{
				{send.MadeKey(), open.Hash},
				{self.MadeKey(), back.Hash},
				{waiting.MadeKey(), lattice.Hash{}},
				{lattice.ReceivableKey{Destination: a.Account(), Send: testkit.Hash(1)}, lattice.Hash{}},
				{lattice.ReceivableKey{Destination: a.Account()}, lattice.Hash{}},
				{lattice.ReceivableKey{Destination: owner.Account()}, lattice.Hash{}},
				{lattice.ReceivableKey{Destination: owner.Account(), Send: send.Hash}, lattice.Hash{}},
				{lattice.ReceivableKey{Destination: testkit.Account(8), Send: send.Hash}, lattice.Hash{}},
			} {
				got, found, err := sc.tx.ReceivedBy(c.key)
				if err != nil || got != c.want || found != !c.want.IsZero() {
					t.Errorf("%+v: received by %v, %t, %v, want %v", c.key, got, found, err, c.want)
				}
			}
			if step == 0 {
				order, _, err := ledger.CementOrder(sc.tx, waiting.Hash, 10)
				if err != nil {
					t.Fatal(err)
				}
				sc.cement(order...)
			}
		}
	})
}

func testPages(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	var entries []lattice.AccountEntry
	var sends []lattice.Hash
	update(t, s, owner, func(sc *scene) {
		for i := range 20 {
			w := testkit.NewWallet(network, testkit.Key(i+1))
			send, open := sc.fund(w, uint64(i+1))
			if i%2 == 0 {
				order, _, err := ledger.CementOrder(sc.tx, open.Hash, 100)
				if err != nil {
					t.Fatal(err)
				}
				sc.cement(order...)
			}
			wait := sc.put(owner, owner.Send(testkit.Account(100), lattice.AmountFrom(1)))
			sends = append(sends, wait.Hash)
			_ = send
		}
	})
	view(t, s, func(r storage.Reader) {
		for _, k := range append([]lattice.Account{owner.Account()}, accounts(20)...) {
			info, err := r.Account(k)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, lattice.AccountEntry{Account: k, Info: info})
		}
		slices.SortFunc(entries, func(a, b lattice.AccountEntry) int { return slices.Compare(a.Account[:], b.Account[:]) })
		open := slices.DeleteFunc(slices.Clone(entries), func(e lattice.AccountEntry) bool { return e.Info.Height == e.Info.ConfirmedHeight })
		if len(open) == 0 || len(open) == len(entries) {
			t.Fatalf("%d of %d accounts unconfirmed", len(open), len(entries))
		}
		for i := range entries {
			testListing(t, "accounts", r.Accounts, entries, entries[i].Account)
			testListing(t, "unconfirmed", r.Unconfirmed, open, entries[i].Account)
		}
		slices.SortFunc(sends, func(a, b lattice.Hash) int { return slices.Compare(a[:], b[:]) })
		for i, h := range sends {
			got, err := r.Receivables(testkit.Account(100), h, 5)
			if err != nil || len(got) != min(5, len(sends)-i) {
				t.Fatalf("%d entries from number %d: %v", len(got), i, err)
			}
			for k := range got {
				if got[k].Key.Send != sends[i+k] {
					t.Errorf("entry %d from number %d is %v", k, i, got[k].Key.Send)
				}
			}
		}
		height := uint64(41)
		for _, c := range []struct {
			from uint64
			most int
			want int
		}{{0, 3, 3}, {1, 3, 3}, {40, 3, 2}, {41, 1, 1}, {42, 1, 0}, {^uint64(0), 1, 0}, {1, 0, 0}, {1, -1, 0}, {1, 1000, int(height)}} {
			got, err := r.Blocks(owner.Account(), c.from, c.most)
			if err != nil || len(got) != c.want {
				t.Errorf("blocks from %d, at most %d: %d, %v, want %d", c.from, c.most, len(got), err, c.want)
			}
			for i := range got {
				one, found, err := r.BlockAt(owner.Account(), max(1, c.from)+uint64(i))
				if err != nil || !found || one != got[i] {
					t.Errorf("block %d from %d: %+v, %v, want %+v", i, c.from, got[i], err, one)
				}
			}
		}
		for _, h := range []uint64{0, 42, 1 << 28, 1 << 40, ^uint64(0)} {
			if b, found, err := r.BlockAt(owner.Account(), h); found || err != nil {
				t.Errorf("block at height %d: %+v, %v", h, b, err)
			}
		}
		for _, c := range []struct {
			first uint64
			most  int
			empty bool
		}{{^uint64(0), 1, true}, {1, 0, true}, {1, -1, true}, {0, 1, false}, {1, 1, false}, {1 << 40, 5, true}} {
			if got, err := r.Confirmations(c.first, c.most); err != nil || (len(got) == 0) != c.empty {
				t.Errorf("confirmations from %d, at most %d: %d, %v", c.first, c.most, len(got), err)
			}
		}
	})
}

func accounts(n int) (out []lattice.Account) {
	for i := range n {
		out = append(out, testkit.Account(i+1))
	}
	return out
}

func testListing(t *testing.T, what string, list func(lattice.Account, int) ([]lattice.AccountEntry, error), all []lattice.AccountEntry, start lattice.Account) {
	t.Helper()
	want := slices.DeleteFunc(slices.Clone(all), func(e lattice.AccountEntry) bool { return slices.Compare(e.Account[:], start[:]) < 0 })
	for _, most := range []int{-1, 0, 1, 4, 1000} {
		got, err := list(start, most)
		if err != nil || !slices.Equal(got, want[:max(0, min(most, len(want)))]) {
			t.Fatalf("%s from %v, at most %d: %d, %v", what, start, most, len(got), err)
		}
	}
}
