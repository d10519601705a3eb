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

// Twin does the same random things to two new stores of the dev network and
// compares what they answer, step by step, and all that they hold from time to
// time and at the end. reopen is called for b now and then and may close it and
// open it again. Both are left open; b's last store is returned.
func Twin(t *testing.T, seed uint64, steps int, a, b storage.Store, reopen func(storage.Store) storage.Store) storage.Store {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	tw := &twin{t: t, rng: rng, a: a, b: b, clock: start,
		gen: chaingen.New(network, rng, chaingen.Options{Accounts: 8, Unreceived: 20, Burn: true})}
	for i := range steps {
		tw.transaction()
		tw.look()
		if t.Failed() {
			t.Fatalf("seed %d, step %d", seed, i)
		}
		if i%10 == 9 {
			tw.compare(fmt.Sprintf("seed %d, step %d", seed, i))
		}
		if i%25 == 24 {
			tw.b = reopen(tw.b)
			tw.compare(fmt.Sprintf("seed %d, step %d, reopened", seed, i))
		}
	}
	return tw.b
}

type twin struct {
	t      *testing.T
	rng    *rand.Rand
	a, b   storage.Store
	gen    *chaingen.Generator
	clock  time.Time
	blocks []lattice.Hash // ever inserted
}

// step is one thing to do to a store; it returns what the store answered.
type step func(storage.Tx) string

var errGiveUp = errors.New("given up")

// transaction does some things in one transaction of a, and then the same
// things in one of b. One in six is given up at its end.
func (tw *twin) transaction() {
	giveUp := tw.rng.IntN(6) == 0
	end := func() error {
		if giveUp {
			return errGiveUp
		}
		return nil
	}
	var steps []step
	var answers []string
	var undo []func() // brings the generator back
	err := tw.a.Update(func(tx storage.Tx) error {
		for range 1 + tw.rng.IntN(12) {
			s := tw.choose(tx)
			tw.clock = tw.clock.Add(time.Duration(tw.rng.IntN(3)) * time.Second)
			steps, answers = append(steps, s.do), append(answers, s.do(tx))
			if s.follow != nil {
				undo = append(undo, s.follow())
			}
		}
		return end()
	})
	other := tw.b.Update(func(tx storage.Tx) error {
		for i, s := range steps {
			if got := s(tx); got != answers[i] {
				tw.t.Errorf("answers to step %d of a transaction differ:\n a %s\n b %s", i, answers[i], got)
			}
		}
		return end()
	})
	if giveUp != errors.Is(err, errGiveUp) || giveUp != errors.Is(other, errGiveUp) || !giveUp && (err != nil || other != nil) {
		tw.t.Errorf("transactions end with %v and %v, given up: %t", err, other, giveUp)
	}
	if giveUp {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
}

// chosen is a step, and how the generator follows when it was done; that in
// turn returns how it follows back.
type chosen struct {
	do     step
	follow func() func()
}

// choose decides on a step, looking at the first store.
func (tw *twin) choose(tx storage.Tx) chosen {
	switch dice := tw.rng.IntN(100); {
	case dice < 55:
		return tw.insert(tw.gen.Propose())
	case dice < 65:
		b, all := tw.gen.Propose(), chaingen.Mutations()
		if bad, ok := all[tw.rng.IntN(len(all))].Make(chaingen.NewCase(network, tw.gen, b)); ok {
			b = bad
		}
		return tw.insert(b)
	case dice < 72:
		return tw.rollback(tx)
	case dice < 84:
		return tw.cement()
	case dice < 90:
		return tw.prune()
	}
	return tw.side()
}

// hash returns one of the blocks that ever were, or the genesis block.
func (tw *twin) hash() lattice.Hash {
	if len(tw.blocks) == 0 {
		return network.GenesisHash
	}
	recent := tw.blocks[max(0, len(tw.blocks)-40):]
	return recent[tw.rng.IntN(len(recent))]
}

func (tw *twin) insert(b *lattice.Block) chosen {
	now := tw.clock
	var done *ledger.Effects
	do := func(tx storage.Tx) string {
		c, err := tx.Context(b, network.HashOf(b), now)
		if err != nil {
			return err.Error()
		}
		entry := c.Receivable
		c.Receivable = nil
		text := fmt.Sprintf("context %+v entry %+v", c, entry)
		c.Receivable = entry
		e, err := ledger.Validate(network, b, c)
		if err != nil {
			return text + " " + err.Error()
		}
		done = &e
		return fmt.Sprint(text, tx.Apply(&e))
	}
	return chosen{do, func() func() {
		if done == nil {
			return func() {}
		}
		e := *done
		tw.gen.Apply(&e)
		tw.blocks = append(tw.blocks, e.Hash)
		return func() { tw.gen.Undo(&e) }
	}}
}

func (tw *twin) rollback(storage.Tx) chosen {
	target := tw.hash()
	var done []ledger.Effects
	do := func(tx storage.Tx) (text string) {
		effects, err := ledger.Rollback(tx, target, 20, tx.Revert)
		for _, e := range effects {
			text += e.Hash.String() + " "
		}
		done = effects
		return fmt.Sprint(text, err)
	}
	return chosen{do, func() func() {
		all := done
		for i := range all {
			tw.gen.Undo(&all[i])
		}
		return func() {
			for i := len(all) - 1; i >= 0; i-- {
				tw.gen.Apply(&all[i])
			}
		}
	}}
}

func (tw *twin) cement() chosen {
	target := tw.hash()
	return chosen{do: func(tx storage.Tx) string {
		order, more, err := ledger.CementOrder(tx, target, 8)
		text := fmt.Sprint(order, more, err)
		for _, h := range order {
			c, err := tx.Cement(h)
			text += fmt.Sprintf(" %+v %v", c, err)
		}
		_, err = tx.Cement(target) // again, or much too early
		return fmt.Sprint(text, err)
	}}
}

// prune prunes the account of some block, and tidies up.
func (tw *twin) prune() chosen {
	target, keep, effort, first := tw.hash(), 1+tw.rng.Uint64N(5), 1+tw.rng.IntN(9), tw.rng.Uint64N(80)
	return chosen{do: func(tx storage.Tx) string {
		b, _, err := tx.Block(target)
		n, err2 := pruneTo(tx, b.Block.Account, keep, effort)
		_, err3 := tx.TidyConfirmations(first, 100)
		return fmt.Sprint(n, err, err2, err3)
	}}
}

// side does one of the things beside the ledger.
func (tw *twin) side() chosen {
	h, n, now, name := tw.hash(), tw.rng.IntN(250), tw.clock, valueNames[tw.rng.IntN(len(valueNames))]
	switch tw.rng.IntN(5) {
	case 0, 1:
		return chosen{do: func(tx storage.Tx) string {
			b, _, err := tx.Block(h)
			vote := []lattice.Hash{h, testkit.Hash(0), testkit.Hash(1)}[n%3]
			hash, err2 := tx.PutFinalVote(b.Block.QualifiedRoot(), vote)
			return fmt.Sprint(hash, err, err2)
		}}
	case 2:
		return chosen{do: func(tx storage.Tx) string {
			return fmt.Sprint(tx.PutWeightSample(lattice.WeightSample{Time: now, Weight: lattice.AmountFrom(uint64(n))}, 4))
		}}
	case 3:
		return chosen{do: func(tx storage.Tx) string {
			return fmt.Sprint(tx.PutPeers([]storage.Peer{
				{Address: address("10.0.0.1:1"), LastSeen: now}, {Address: address(fmt.Sprintf("10.0.0.%d:1", n)), LastSeen: start}}))
		}}
	}
	return chosen{do: func(tx storage.Tx) string {
		if n%3 == 0 {
			return fmt.Sprint(tx.SetValue(name, nil))
		}
		return fmt.Sprint(tx.SetValue(name, make([]byte, n)))
	}}
}

// look compares what a look tells of the newest blocks, and of some that may be
// gone, with what a view tells.
func (tw *twin) look() {
	tw.t.Helper()
	answers := func(r storage.Lookup) (text string, err error) {
		for _, h := range tw.blocks[max(0, len(tw.blocks)-60):] {
			s, found, err1 := r.Block(h)
			info, err2 := r.Account(s.Block.Account)
			at, _, err3 := r.BlockAt(s.Block.Account, s.Height)
			above, _, err4 := r.BlockAt(s.Block.Account, s.Height+1)
			vote, voted, err5 := r.FinalVote(s.Block.QualifiedRoot())
			text += fmt.Sprintf("%v: %+v %t %+v %+v %+v %v %t\n", h, s, found, info, at, above, vote, voted)
			if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
				return text, err
			}
		}
		return text, nil
	}
	for _, s := range []storage.Store{tw.a, tw.b} {
		var looked, viewed string
		err := errors.Join(
			s.Look(func(r storage.Lookup) (err error) { looked, err = answers(r); return err }),
			s.View(func(r storage.Reader) (err error) { viewed, err = answers(r); return err }),
		)
		if err != nil {
			tw.t.Error(err)
		}
		same(tw.t, "a look and a view", looked, viewed)
	}
}

// compare compares everything, and holds both against the laws.
func (tw *twin) compare(when string) {
	tw.t.Helper()
	var text [2]string
	for i, s := range []storage.Store{tw.a, tw.b} {
		err := s.View(func(r storage.Reader) error {
			text[i] = dump(tw.t, r)
			return storage.Verify(network, r)
		})
		if err != nil {
			tw.t.Fatalf("%s: %v", when, err)
		}
	}
	same(tw.t, when, text[1], text[0])
}
