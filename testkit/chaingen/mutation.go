package chaingen

import (
	"slices"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// Case is a valid block that could come next, and the lattice it would follow.
type Case struct {
	Net     *lattice.Network
	Gen     *Generator
	Base    lattice.Block
	Subtype lattice.Subtype
	wallet  *testkit.Wallet
}

// NewCase returns the case of a block that g proposed and did not accept.
func NewCase(n *lattice.Network, g *Generator, base *lattice.Block) *Case {
	w := g.Wallet(base.Account)
	return &Case{Net: n, Gen: g, Base: *base, Subtype: base.Subtype(w.Info.Balance), wallet: w}
}

// Mutation makes from a valid block one that breaks exactly one rule, or that
// stands on the valid side of a rule's boundary.
type Mutation struct {
	Name    string
	Row     int            // of the protocol's table of rules; 0 when the block stays valid
	Outcome ledger.Outcome // of the mutated block

	of    []lattice.Subtype                // the blocks it can be made from; nil: all
	edit  func(*Case, *lattice.Block) bool // before work and signature; false: not from this case
	spoil func(*Case, *lattice.Block) bool // after them
}

// Make returns the mutated block; false when this case does not allow it.
func (m *Mutation) Make(c *Case) (*lattice.Block, bool) { return Combine(c, m) }

// Combine makes a block with several mutations, the first first. Which outcome
// that has is for the caller to know.
func Combine(c *Case, all ...*Mutation) (*lattice.Block, bool) {
	b := c.Base
	for _, m := range all {
		if m.of != nil && !slices.Contains(m.of, c.Subtype) {
			return nil, false
		}
		if m.edit != nil && !m.edit(c, &b) {
			return nil, false
		}
	}
	c.wallet.Seal(&b, lattice.Send) // the higher threshold, so that work is never the reason
	for _, m := range all {
		if m.spoil != nil && !m.spoil(c, &b) {
			return nil, false
		}
	}
	return &b, true
}

// findWork sets the first nonce whose value is in [low, high). The signature does
// not cover it.
func (c *Case) findWork(b *lattice.Block, low, high uint64) bool {
	root := b.Root()
	for nonce := uint64(0); ; nonce++ {
		if v := work.Value(root, nonce); low <= v && v < high {
			b.Work = nonce
			return true
		}
	}
}

// recent returns a random one of the last blocks for which ok is true.
func (c *Case) recent(ok func(*ledger.Effects) bool) (*ledger.Effects, bool) {
	all := c.Gen.recent
	if len(all) == 0 {
		return nil, false
	}
	first := c.Gen.rng.IntN(len(all))
	for i := range all {
		if e := &all[(first+i)%len(all)]; ok(e) {
			return e, true
		}
	}
	return nil, false
}

// linkTo sets the link to the hash of one of the last blocks.
func (c *Case) linkTo(b *lattice.Block, ok func(*ledger.Effects) bool) bool {
	e, found := c.recent(ok)
	if found {
		b.Link = lattice.Link(e.Hash)
	}
	return found
}

// previousTo sets previous to the hash of one of the last blocks.
func (c *Case) previousTo(b *lattice.Block, ok func(*ledger.Effects) bool) bool {
	e, found := c.recent(ok)
	if found {
		b.Previous = e.Hash
	}
	return found
}

// unknown returns a hash that no block has.
func (c *Case) unknown() lattice.Hash { return testkit.Hash(c.Gen.rng.IntN(1 << 30)) }

// flip changes one random bit.
func (c *Case) flip(b []byte) bool {
	i := c.Gen.rng.IntN(8 * len(b))
	b[i/8] ^= 1 << (i % 8)
	return true
}

// another returns an account of the generator that is not this one.
func (c *Case) another(not lattice.Account) lattice.Account { return c.Gen.otherRepresentative(not) }

// raise sets the balance to what the account has and so much more.
func (c *Case) raise(b *lattice.Block, amount lattice.Amount) bool {
	sum, ok := c.wallet.Info.Balance.Add(amount)
	b.Balance = sum
	return ok
}

// increase is the amount that the base block receives.
func (c *Case) increase() lattice.Amount { return c.Base.Balance.SatSub(c.wallet.Info.Balance) }
