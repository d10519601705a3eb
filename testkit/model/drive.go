package model

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit/chaingen"
)

// Subject is a ledger that is compared with the model. storage.Tx is one.
type Subject interface {
	ledger.Chains
	Context(b *lattice.Block, hash lattice.Hash, now time.Time) (ledger.Context, error)
	Apply(*ledger.Effects) error
	Revert(*ledger.Effects) error
	Cement(lattice.Hash) (ledger.Cemented, error)
}

// Driver does the same random things to a subject and to the model, and fails at
// the first difference. It begins with a ledger that holds the confirmed genesis
// block and nothing else.
type Driver struct {
	Model *Ledger
	Stats Stats

	net     *lattice.Network
	rng     *rand.Rand
	gen     *chaingen.Generator
	clock   time.Time
	blocks  []lattice.Block // all that were ever tried, for repetition; at most maxTried
	strange []lattice.Hash  // their hashes
	count   uint64          // of the confirmation sequence
}

// Stats counts what a driver did.
type Stats struct {
	Inserted, Refused, Rollbacks, RolledBack, RefusedRollbacks, Cements, Cemented int
}

const maxTried = 256

// NewDriver returns a driver for a subject as it is at the start.
func NewDriver(n *lattice.Network, rng *rand.Rand, s Subject) (*Driver, error) {
	genesis, ok, err := s.Block(n.GenesisHash)
	if err != nil || !ok {
		return nil, fmt.Errorf("subject without genesis block: %w", err)
	}
	return &Driver{
		Model: New(n, genesis.Time), net: n, rng: rng, count: 1,
		gen:   chaingen.New(n, rng, chaingen.Options{Accounts: 5, Unreceived: 12, Burn: true}),
		clock: time.Unix(1_700_000_000, 0),
	}, nil
}

// Step does one random thing. It keeps nothing of the subject.
func (d *Driver) Step(s Subject) error {
	d.clock = d.clock.Add(time.Duration(d.rng.IntN(3)) * time.Second)
	switch dice := d.rng.IntN(100); {
	case dice < 55:
		return d.insert(s, d.gen.Propose())
	case dice < 65:
		return d.insert(s, d.mutant())
	case dice < 75 && len(d.blocks) > 0:
		again := d.blocks[d.rng.IntN(len(d.blocks))]
		return d.insert(s, &again)
	case dice < 83 && len(d.blocks) > 0:
		return d.insert(s, d.fork())
	case dice < 90:
		return d.rollback(s)
	}
	return d.cement(s)
}

// Compare compares everything.
func (d *Driver) Compare(c ledger.Chains) error {
	accounts := []lattice.Account{{}}
	for _, w := range d.gen.Wallets() {
		accounts = append(accounts, w.Account())
	}
	return errors.Join(d.Model.Compare(c, d.strange, accounts), d.Model.Laws())
}

// mutant is a block that breaks a rule, or two, if the state allows any.
func (d *Driver) mutant() *lattice.Block {
	b := d.gen.Propose()
	all := chaingen.Mutations()
	c := chaingen.NewCase(d.net, d.gen, b)
	one, two := all[d.rng.IntN(len(all))], all[d.rng.IntN(len(all))]
	if made, ok := chaingen.Combine(c, one, two); ok {
		return made
	}
	if made, ok := one.Make(c); ok {
		return made
	}
	return b
}

// fork is another block for the place of one that was tried before.
func (d *Driver) fork() *lattice.Block {
	b := d.blocks[d.rng.IntN(len(d.blocks))]
	w := d.gen.Wallet(b.Account)
	if w == nil {
		return &b
	}
	b.Representative = d.gen.Wallets()[d.rng.IntN(len(d.gen.Wallets()))].Account()
	w.Seal(&b, lattice.Send)
	return &b
}

func (d *Driver) insert(s Subject, b *lattice.Block) error {
	hash := d.net.HashOf(b)
	if len(d.blocks) < maxTried {
		d.blocks, d.strange = append(d.blocks, *b), append(d.strange, hash)
	}
	c, err := s.Context(b, hash, d.clock)
	if err != nil {
		return err
	}
	e, err := ledger.Validate(d.net, b, c)
	got, ok := ledger.OutcomeOf(err)
	if !ok {
		return err
	}
	want := d.Model.Insert(b, d.clock)
	if got != want {
		return fmt.Errorf("insert %v %+v: outcome %v, model says %v", hash, b, got, want)
	}
	if err != nil {
		d.Stats.Refused++
		return nil
	}
	d.Stats.Inserted++
	d.gen.Apply(&e)
	if err := s.Apply(&e); err != nil {
		return err
	}
	return sameEffects(s, &e)
}

// sameEffects checks that the effects of a block that was just inserted can be
// told from the ledger.
func sameEffects(s Subject, want *ledger.Effects) error {
	stored, _, err := s.Block(want.Hash)
	if err != nil {
		return err
	}
	got, err := ledger.EffectsOf(s, stored)
	if err != nil {
		return err
	}
	if g, w := show(got), show(*want); g != w {
		return fmt.Errorf("effects of %v:\n told as %s\n were    %s", want.Hash, g, w)
	}
	return nil
}

// show prints effects, their times in UTC, with what the pointers point to.
func show(e ledger.Effects) string {
	made, consumed := e.Made, e.Consumed
	e.Made, e.Consumed = nil, nil
	e.Time, e.Before.Modified, e.After.Modified = e.Time.UTC(), e.Before.Modified.UTC(), e.After.Modified.UTC()
	return fmt.Sprintf("%+v made %+v consumed %+v", e, made, consumed)
}

// any returns a random block of the ledger, more often a late one.
func (d *Driver) any() lattice.Hash {
	all := d.Model.Hashes()
	if d.rng.IntN(2) == 0 {
		all = all[max(0, len(all)-8):]
	}
	return all[d.rng.IntN(len(all))]
}

func (d *Driver) rollback(s Subject) error {
	target := d.any()
	before := len(d.Model.Hashes())
	gone, allowed := d.Model.Rollback(target)
	if most := d.rng.IntN(8); most < len(gone) {
		_, err := ledger.Rollback(s, target, most, func(*ledger.Effects) error { return errors.New("reverted although it is too much") })
		if !errors.Is(err, ledger.ErrTooMany) && !errors.Is(err, ledger.ErrConfirmed) {
			return fmt.Errorf("roll back %v of %d blocks with limit %d: %v", target, len(gone), most, err)
		}
	}
	done, err := ledger.Rollback(s, target, len(gone), s.Revert)
	if !allowed {
		d.Stats.RefusedRollbacks++
		if !errors.Is(err, ledger.ErrConfirmed) || len(done) != 0 || len(d.Model.Hashes()) != before {
			return fmt.Errorf("roll back %v, which is confirmed: %v", target, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	removed := make([]lattice.Hash, len(done))
	for i := range done {
		removed[i] = done[i].Hash
		d.gen.Undo(&done[i])
	}
	if !sameSet(removed, gone) {
		return fmt.Errorf("roll back %v: removed %v, model says %v", target, removed, gone)
	}
	d.Stats.Rollbacks++
	d.Stats.RolledBack += len(done)
	return nil
}

func (d *Driver) cement(s Subject) error {
	target := d.any()
	want := d.Model.Cement(target)
	var got []lattice.Hash
	for {
		most := 1 + d.rng.IntN(5)
		order, more, err := ledger.CementOrder(s, target, most)
		if err != nil {
			return err
		}
		if len(order) > most || more && len(order) == 0 {
			return fmt.Errorf("cement %v: %d blocks of at most %d, more: %t", target, len(order), most, more)
		}
		for _, h := range order {
			if err := d.cementOne(s, h); err != nil {
				return err
			}
		}
		got = append(got, order...)
		if !more {
			break
		}
	}
	if !sameSet(got, want) {
		return fmt.Errorf("cement %v: %v, model says %v", target, got, want)
	}
	d.Stats.Cements++
	d.Stats.Cemented += len(got)
	return nil
}

// cementOne cements a block whose dependencies must be confirmed by now.
func (d *Driver) cementOne(s Subject, hash lattice.Hash) error {
	stored, ok, err := s.Block(hash)
	if err != nil || !ok {
		return fmt.Errorf("cement %v: not there: %w", hash, err)
	}
	first, ok, err := ledger.FirstUnconfirmed(s, stored.Block.Account)
	if err != nil || !ok || first.Hash != hash {
		return fmt.Errorf("cement %v: first unconfirmed block is %v: %w", hash, first.Hash, err)
	}
	if _, _, ready, err := ledger.Dependencies(s, &stored); err != nil || !ready {
		return fmt.Errorf("cement %v: dependencies confirmed: %t: %w", hash, ready, err)
	}
	done, err := s.Cement(hash)
	if err != nil {
		return err
	}
	d.count++
	want := lattice.Confirmation{Sequence: d.count, Hash: hash, Account: stored.Block.Account, Height: stored.Height}
	if done.Confirmation != want {
		return fmt.Errorf("cement %v: confirmation %+v, want %+v", hash, done.Confirmation, want)
	}
	return nil
}

func sameSet(a, b []lattice.Hash) bool {
	order := func(x, y lattice.Hash) int { return slices.Compare(x[:], y[:]) }
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

// Add returns the sum of two counts.
func (s Stats) Add(t Stats) Stats {
	s.Inserted += t.Inserted
	s.Refused += t.Refused
	s.Rollbacks += t.Rollbacks
	s.RolledBack += t.RolledBack
	s.RefusedRollbacks += t.RefusedRollbacks
	s.Cements += t.Cements
	s.Cemented += t.Cemented
	return s
}
