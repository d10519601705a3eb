package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/testkit/chaingen"
)

// pruneTo prunes an account until nothing is left to do, and returns how many
// blocks went.
func pruneTo(tx storage.Tx, account lattice.Account, keep uint64, effort int) (removed int, err error) {
	for from := uint64(1); from > 0; {
		plan, next, err := ledger.PlanPrune(tx, account, keep, from, effort)
		if err != nil {
			return removed, err
		}
		if next > 0 && next <= from {
			return removed, fmt.Errorf("plan from height %d goes on at %d", from, next)
		}
		n, err := tx.Prune(plan)
		if err != nil || n != len(plan.Blocks) {
			return removed, fmt.Errorf("%d of %d blocks removed: %w", n, len(plan.Blocks), err)
		}
		removed, from = removed+n, next
	}
	return removed, nil
}

// pruned is pruneTo in a scene.
func (s *scene) pruned(account lattice.Account, keep uint64, want int) {
	s.t.Helper()
	if n, err := pruneTo(s.tx, account, keep, 100); err != nil || n != want {
		s.t.Fatalf("%d blocks removed, want %d: %v", n, want, err)
	}
}

// heights says which blocks of an account must be there.
func (s *scene) heights(account lattice.Account, want ...uint64) {
	s.t.Helper()
	blocks, err := s.tx.Blocks(account, 1, 1000)
	var got []uint64
	for i := range blocks {
		got = append(got, blocks[i].Height)
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Fatalf("heights %v, want %v: %v", got, want, err)
	}
}

// testPrune goes through what pruning must leave alone, and what it must do to
// what stays.
func testPrune(t *testing.T, s storage.Store) {
	owner, a := testkit.GenesisWallet(network), testkit.NewWallet(network, testkit.Key(1))
	var sends, receives []ledger.Effects
	var late ledger.Effects
	amount := lattice.AmountFrom
	update(t, s, owner, func(sc *scene) {
		for i := range 6 { // the owner's heights 2 to 7, those of a 1 to 6
			send, receive := sc.fund(a, uint64(10+i))
			sends, receives = append(sends, send), append(receives, receive)
		}
		late = sc.put(owner, owner.Send(a.Account(), amount(99))) // height 8
		sc.pruned(owner.Account(), 1, 0)                          // nothing is confirmed above the genesis block
		for i := range sends {
			sc.cement(sends[i].Hash)
		}
		sc.cement(late.Hash)
		sc.pruned(owner.Account(), 1, 0) // the receives are not confirmed, and late not received
		for i := range receives[:3] {
			sc.cement(receives[i].Hash)
		}
		head := sc.put(owner, owner.Change(testkit.Account(5))) // height 9
		sc.pruned(owner.Account(), 1, 3)
		sc.heights(owner.Account(), 1, 5, 6, 7, 8, 9) // the genesis block, what is not settled, the frontiers
		sc.refused("prune the confirmed frontier", func() error {
			_, err := sc.tx.Prune(ledger.Pruning{Account: owner.Account(), Blocks: []ledger.PrunedBlock{{Height: 8, Hash: late.Hash}}})
			return err
		})
		sc.cement(head.Hash)
		sc.refused("prune what was not received", func() error {
			_, err := sc.tx.Prune(ledger.Pruning{Account: owner.Account(), Blocks: []ledger.PrunedBlock{{Height: 8, Hash: late.Hash}}})
			return err
		})
		sc.refused("prune another block", func() error {
			_, err := sc.tx.Prune(ledger.Pruning{Account: owner.Account(), Blocks: []ledger.PrunedBlock{{Height: 7, Hash: late.Hash}}})
			return err
		})
	})
	update(t, s, owner, func(sc *scene) {
		// A receive knows the hash of a send that is gone.
		for i := range receives {
			b, found, err := sc.tx.Block(receives[i].Hash)
			if err != nil || !found || b.Block != receives[i].Block {
				t.Fatalf("receive %d: %+v, %t, %v", i, b, found, err)
			}
			by, found, err := sc.tx.ReceivedBy(lattice.ReceivableKey{Destination: a.Account(), Send: sends[i].Hash})
			if err != nil || !found || by != receives[i].Hash {
				t.Fatalf("receive %d of a send that is gone: %v, %t, %v", i, by, found, err)
			}
		}
		sc.pruned(a.Account(), 4, 2) // before the sends of the rest
		for i := range receives[3:] {
			sc.cement(receives[3+i].Hash)
		}
		sc.pruned(owner.Account(), 1, 3)
		sc.heights(owner.Account(), 1, 8, 9)
		// The amount of the one that was left can be received.
		last := sc.put(a, a.Receive(late.Hash, amount(99)))
		sc.heights(a.Account(), 3, 4, 5, 6, 7)
		sc.pruned(a.Account(), 1, 3) // up to the confirmed frontier
		sc.heights(a.Account(), 6, 7)
		sc.pruned(owner.Account(), 1, 0)
		if err := sc.tx.Revert(&last); err != nil {
			t.Fatal(err)
		}
		a.Info.Frontier, a.Info.Height = receives[5].Hash, 6
		a.Info.Balance = a.Info.Balance.SatSub(amount(99))
		last = sc.put(a, a.Receive(late.Hash, amount(99)))
		sc.cement(last.Hash)
		sc.pruned(owner.Account(), 1, 1)
		sc.heights(owner.Account(), 1, 9)
		sc.pruned(a.Account(), 1, 1)
		sc.heights(a.Account(), 7)
		prunedVotes(t, sc.tx, last.Block, receives[0].Block)
	})
	check := func() string {
		var text string
		view(t, s, func(r storage.Reader) {
			text = dump(t, r)
			if err := storage.Verify(network, r); err != nil {
				t.Error(err)
			}
		})
		return text
	}
	before := check()
	update(t, s, owner, func(sc *scene) {
		if next, err := sc.tx.TidyConfirmations(1, 1000); err != nil || next > 1000 {
			t.Errorf("tidied up to %d: %v", next, err)
		}
		sc.put(owner, owner.Change(testkit.Account(6)))
		if err := errors.Join(onlyError(s.Space())); err != nil {
			t.Error(err)
		}
	})
	if more, err := s.Shrink(1 << 20); err != nil || more {
		t.Errorf("nothing to shrink: %t, %v", more, err)
	}
	if after := check(); after == before {
		t.Error("the ledger does not live on")
	}
}

func onlyError(_, _ int64, err error) error { return err }

// prunedVotes asks for final votes on roots that were confirmed: of a block that
// follows a gap, and of an account's first block that is gone.
func prunedVotes(t *testing.T, tx storage.Tx, above, first lattice.Block) {
	t.Helper()
	stored, err := tx.PutFinalVote(above.QualifiedRoot(), testkit.Hash(1))
	if err != nil || stored != network.HashOf(&above) {
		t.Errorf("final vote on a confirmed root above a gap: %v, %v", stored, err)
	}
	stored, err = tx.PutFinalVote(first.QualifiedRoot(), testkit.Hash(1))
	if err != nil || !stored.IsZero() {
		t.Errorf("final vote on the root of a block that is gone: %v, %v", stored, err)
	}
}

// Shadow does the same random things to two new stores of the dev network, but
// prunes only the second, and checks that nothing that matters can tell them
// apart: accounts and balances, what is receivable, weights, the blocks that are
// left, what is inserted, confirmed and rolled back from then on. reopen is as in
// Twin.
func Shadow(t *testing.T, seed uint64, steps int, whole, pruned storage.Store, reopen func(storage.Store) storage.Store) storage.Store {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	sh := &shadow{t: t, rng: rng, clock: start, whole: whole, pruned: pruned,
		gen: chaingen.New(network, rng, chaingen.Options{Accounts: 4, Unreceived: 10, Burn: true})}
	for i := range steps {
		err := whole.Update(func(w storage.Tx) error {
			return sh.pruned.Update(func(p storage.Tx) error {
				for range 1 + rng.IntN(10) {
					if err := sh.step(w, p); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err == nil && i%7 == 6 {
			sh.pruned = reopen(sh.pruned)
		}
		if err == nil {
			err = whole.View(func(w storage.Reader) error {
				return sh.pruned.View(func(p storage.Reader) error {
					return errors.Join(sh.compare(w, p), storage.Verify(network, p))
				})
			})
		}
		if err != nil {
			t.Fatalf("seed %d, step %d: %v", seed, i, err)
		}
	}
	if sh.removed == 0 || sh.rolledBack == 0 || sh.kept == 0 {
		t.Errorf("seed %d: %d blocks removed, %d left below the pruned height, %d rolled back", seed, sh.removed, sh.kept, sh.rolledBack)
	}
	return sh.pruned
}

type shadow struct {
	t             *testing.T
	rng           *rand.Rand
	gen           *chaingen.Generator
	clock         time.Time
	whole, pruned storage.Store
	blocks        []lattice.Hash
	removed, kept int
	rolledBack    int
}

func (sh *shadow) step(whole, pruned storage.Tx) error {
	sh.clock = sh.clock.Add(time.Second)
	switch dice := sh.rng.IntN(100); {
	case dice < 60 || len(sh.blocks) == 0:
		return sh.insert(whole, pruned)
	case dice < 66:
		return sh.rollback(whole, pruned)
	case dice < 80:
		target := sh.blocks[len(sh.blocks)-1-sh.rng.IntN(min(20, len(sh.blocks)))]
		return errors.Join(cementAll(whole, target), cementAll(pruned, target))
	case dice < 85:
		_, err := pruned.TidyConfirmations(1+sh.rng.Uint64N(100), 200)
		return err
	}
	return sh.prune(pruned)
}

func (sh *shadow) insert(whole, pruned storage.Tx) error {
	b := sh.gen.Propose()
	e, err := judge(whole, b, sh.clock)
	if err != nil {
		return err
	}
	other, err := judge(pruned, b, sh.clock)
	if err != nil {
		return fmt.Errorf("only where nothing was pruned: %w", err)
	}
	if err := errors.Join(whole.Apply(&e), pruned.Apply(&other)); err != nil {
		return err
	}
	sh.gen.Apply(&e)
	sh.blocks = append(sh.blocks, e.Hash)
	return nil
}

func (sh *shadow) rollback(whole, pruned storage.Tx) error {
	target := sh.blocks[len(sh.blocks)-1-sh.rng.IntN(min(20, len(sh.blocks)))]
	a, err := ledger.Rollback(whole, target, 20, whole.Revert)
	b, err2 := ledger.Rollback(pruned, target, 20, pruned.Revert)
	if (err == nil) != (err2 == nil) || len(a) != len(b) {
		return fmt.Errorf("roll back %v: %d blocks, %w; pruned %d blocks, %w", target, len(a), err, len(b), err2)
	}
	for i := range a {
		if a[i].Hash != b[i].Hash {
			return fmt.Errorf("roll back %v: %v, pruned %v", target, a[i].Hash, b[i].Hash)
		}
		sh.gen.Undo(&a[i])
		sh.rolledBack++
	}
	return nil
}

// cementAll cements a block and what it depends on, if it is still there.
func cementAll(tx storage.Tx, target lattice.Hash) error {
	for {
		order, more, err := ledger.CementOrder(tx, target, 5)
		if errors.Is(err, ledger.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, h := range order {
			if _, err := tx.Cement(h); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

func (sh *shadow) prune(pruned storage.Tx) error {
	all, err := list(pruned.Accounts)
	if err != nil {
		return err
	}
	for _, e := range all {
		n, err := pruneTo(pruned, e.Account, 1+sh.rng.Uint64N(8), 1+sh.rng.IntN(9))
		if err != nil {
			return fmt.Errorf("prune account %v: %w", e.Account, err)
		}
		sh.removed += n
	}
	return nil
}

// compare compares what must be the same.
func (sh *shadow) compare(whole, pruned storage.Reader) error {
	all, err := list(whole.Accounts)
	some, err2 := list(pruned.Accounts)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if len(all) != len(some) {
		return fmt.Errorf("%d accounts, pruned %d", len(all), len(some))
	}
	for i := range all {
		if err := sh.account(whole, pruned, all[i], some[i]); err != nil {
			return fmt.Errorf("account %v: %w", all[i].Account, err)
		}
	}
	a, b := listed(whole), listed(pruned)
	if a != b {
		return fmt.Errorf("what is receivable and the weights:\n%s\npruned:\n%s", a, b)
	}
	return nil
}

func (sh *shadow) account(whole, pruned storage.Reader, w, p lattice.AccountEntry) error {
	height := p.Info.PrunedHeight
	p.Info.PrunedHeight = 0
	if w != p {
		return fmt.Errorf("%+v, pruned %+v", w, p)
	}
	blocks, err := pruned.Blocks(p.Account, 1, 10_000)
	if err != nil {
		return err
	}
	above := uint64(0)
	for i := range blocks {
		b, found, err := whole.Block(blocks[i].Hash)
		if err != nil || !found || b != blocks[i] {
			return fmt.Errorf("block %+v, %t, %w, pruned %+v", b, found, err, blocks[i])
		}
		if b.Height > height {
			above++
		} else if b.Subtype == lattice.Send {
			sh.kept++
		}
	}
	if above != p.Info.Height-height {
		return fmt.Errorf("%d blocks above the pruned height %d of %d", above, height, p.Info.Height)
	}
	return nil
}

// listed writes down receivables and weights.
func listed(r storage.Reader) string {
	d := &dumper{r: r, destinations: make(map[lattice.Account]bool)}
	all, err := list(r.Accounts)
	d.destinations[lattice.Account{}] = true
	for _, e := range all {
		d.destinations[e.Account] = true
	}
	if err := errors.Join(err, d.receivables(), d.weights()); err != nil {
		d.line("%v", err)
	}
	counts, err := r.Counts()
	d.line("%d blocks, %d cemented, %d accounts, %d receivables, %v", counts.Blocks, counts.Cemented, counts.Accounts, counts.Receivables, err)
	return d.text.String()
}
