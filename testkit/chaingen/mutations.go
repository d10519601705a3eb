package chaingen

import (
	"math/big"
	"slices"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

var (
	opens    = []lattice.Subtype{lattice.Open}
	receives = []lattice.Subtype{lattice.Receive}
	intakes  = []lattice.Subtype{lattice.Open, lattice.Receive}
	sends    = []lattice.Subtype{lattice.Send}
	changes  = []lattice.Subtype{lattice.Change}
	outlays  = []lattice.Subtype{lattice.Send, lattice.Change}
	later    = []lattice.Subtype{lattice.Send, lattice.Receive, lattice.Change}
)

// Mutations returns all of them, in the order of the protocol's rules: at least
// one for each row, each outcome and each boundary.
func Mutations() []*Mutation {
	return slices.Concat(sealMutations(), placeMutations(), intakeMutations(), changeMutations(), validMutations())
}

// sealMutations break rows 1 to 4 and 13: work, account, repetition, signature.
func sealMutations() []*Mutation {
	return []*Mutation{
		{Name: "work below every threshold", Row: 1, Outcome: ledger.InsufficientWork,
			spoil: func(c *Case, b *lattice.Block) bool { return c.findWork(b, 0, c.Net.LowestThreshold()) }},
		{Name: "work for a receive only", Row: 13, Outcome: ledger.InsufficientWork, of: outlays,
			spoil: func(c *Case, b *lattice.Block) bool {
				return c.findWork(b, c.Net.ReceiveThreshold, c.Net.SendThreshold)
			}},
		{Name: "burn account", Row: 2, Outcome: ledger.OpenedBurnAccount,
			edit: func(_ *Case, b *lattice.Block) bool { b.Account = lattice.Account{}; return true }},

		{Name: "again", Row: 3, Outcome: ledger.Old, spoil: again},
		{Name: "again with other work", Row: 3, Outcome: ledger.Old,
			spoil: func(c *Case, b *lattice.Block) bool {
				if !again(c, b) {
					return false
				}
				for b.Work++; ; b.Work++ {
					if ledger.Precheck(c.Net, b) == nil {
						return true
					}
				}
			}},
		{Name: "again with a bad signature", Row: 3, Outcome: ledger.Old,
			spoil: func(c *Case, b *lattice.Block) bool { return again(c, b) && c.flip(b.Signature[:]) }},
		{Name: "genesis again", Row: 3, Outcome: ledger.Old,
			spoil: func(c *Case, b *lattice.Block) bool { *b = c.Net.Genesis; return true }},

		{Name: "bit flipped in R", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(c *Case, b *lattice.Block) bool { return c.flip(b.Signature[:32]) }},
		{Name: "bit flipped in S", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(c *Case, b *lattice.Block) bool { return c.flip(b.Signature[32:]) }},
		{Name: "S raised by the group order", Row: 4, Outcome: ledger.BadSignature, spoil: raiseS},
		{Name: "no signature", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(_ *Case, b *lattice.Block) bool { clear(b.Signature[:]); return true }},
		{Name: "signed by another key", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(c *Case, b *lattice.Block) bool { b.Sign(c.Net.ID, testkit.Key(-1)); return true }},
		{Name: "signed for another network", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(c *Case, b *lattice.Block) bool { b.Sign(c.Net.ID^1, c.wallet.Key); return true }},
		{Name: "account changed after signing", Row: 4, Outcome: ledger.BadSignature, of: later,
			spoil: func(c *Case, b *lattice.Block) bool { b.Account = c.another(b.Account); return true }},
		{Name: "previous changed after signing", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(c *Case, b *lattice.Block) bool {
				b.Previous = c.unknown()
				b.Work = testkit.Work(b.Root(), c.Net.SendThreshold)
				return true
			}},
		{Name: "representative changed after signing", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(c *Case, b *lattice.Block) bool { return c.flip(b.Representative[:]) }},
		{Name: "balance changed after signing", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(_ *Case, b *lattice.Block) bool { b.Balance.Lo ^= 1; return true }},
		{Name: "link changed after signing", Row: 4, Outcome: ledger.BadSignature,
			spoil: func(c *Case, b *lattice.Block) bool { return c.flip(b.Link[:]) }},
	}
}

// again replaces the block by one of the last.
func again(c *Case, b *lattice.Block) bool {
	e, ok := c.recent(func(*ledger.Effects) bool { return true })
	if ok {
		*b = e.Block
	}
	return ok
}

// raiseS makes the other signature that lax verifiers take for the same block.
func raiseS(_ *Case, b *lattice.Block) bool {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := b.Signature[32:]
	slices.Reverse(s)
	new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(s) // below 2^254, so it fits
	slices.Reverse(s)
	return true
}

// placeMutations break rows 5 to 8: the place in the chain.
func placeMutations() []*Mutation {
	return []*Mutation{
		{Name: "opened again", Row: 5, Outcome: ledger.Fork, of: later,
			edit: func(_ *Case, b *lattice.Block) bool { b.Previous = lattice.Hash{}; return true }},
		{Name: "opened again with a receivable amount", Row: 5, Outcome: ledger.Fork, of: receives,
			edit: func(c *Case, b *lattice.Block) bool {
				b.Previous, b.Balance = lattice.Hash{}, c.increase()
				return true
			}},
		{Name: "unknown previous", Row: 6, Outcome: ledger.GapPrevious, of: later,
			edit: func(c *Case, b *lattice.Block) bool { b.Previous = c.unknown(); return true }},
		{Name: "bit flipped in previous", Row: 6, Outcome: ledger.GapPrevious, of: later,
			edit: func(c *Case, b *lattice.Block) bool { return c.flip(b.Previous[:]) }},
		{Name: "previous below the frontier", Row: 7, Outcome: ledger.Fork, of: later,
			edit: func(c *Case, b *lattice.Block) bool {
				return c.previousTo(b, func(e *ledger.Effects) bool {
					return e.Block.Account == b.Account && e.Hash != c.wallet.Info.Frontier
				})
			}},
		{Name: "another block for the place of the frontier", Row: 7, Outcome: ledger.Fork, of: later,
			edit: func(c *Case, b *lattice.Block) bool {
				e, ok := c.recent(func(e *ledger.Effects) bool { return e.Hash == c.wallet.Info.Frontier && e.Height > 1 })
				if ok {
					*b = e.Block
					b.Representative = testkit.Account(-2)
				}
				return ok
			}},
		{Name: "previous on another chain", Row: 7, Outcome: ledger.Fork, of: later,
			edit: func(c *Case, b *lattice.Block) bool {
				return c.previousTo(b, func(e *ledger.Effects) bool { return e.Block.Account != b.Account })
			}},
		{Name: "unknown previous of an account that is not open", Row: 8, Outcome: ledger.GapPrevious, of: opens,
			edit: func(c *Case, b *lattice.Block) bool { b.Previous = c.unknown(); return true }},
		{Name: "previous on another chain of an account that is not open", Row: 8, Outcome: ledger.GapPrevious, of: opens,
			edit: func(c *Case, b *lattice.Block) bool {
				return c.previousTo(b, func(*ledger.Effects) bool { return true })
			}},
		{Name: "previous is the send that is received", Row: 8, Outcome: ledger.GapPrevious, of: opens,
			edit: func(_ *Case, b *lattice.Block) bool { b.Previous = lattice.Hash(b.Link); return true }},
	}
}

// intakeMutations break rows 9 to 11: source, entry, amount.
func intakeMutations() []*Mutation {
	return []*Mutation{
		{Name: "unknown source", Row: 9, Outcome: ledger.GapSource, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool { b.Link = lattice.Link(c.unknown()); return true }},
		{Name: "bit flipped in the source", Row: 9, Outcome: ledger.GapSource, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool { return c.flip(b.Link[:]) }},
		{Name: "no source", Row: 9, Outcome: ledger.GapSource, of: intakes,
			edit: func(_ *Case, b *lattice.Block) bool { b.Link = lattice.Link{}; return true }},
		{Name: "source is the own account", Row: 9, Outcome: ledger.GapSource, of: intakes,
			edit: func(_ *Case, b *lattice.Block) bool { b.Link = lattice.Link(b.Account); return true }},
		{Name: "one raw out of nothing", Row: 9, Outcome: ledger.GapSource, of: changes,
			edit: func(c *Case, b *lattice.Block) bool { return c.raise(b, lattice.AmountFrom(1)) }},
		{Name: "send that raises the balance", Row: 9, Outcome: ledger.GapSource, of: sends,
			edit: func(c *Case, b *lattice.Block) bool { return c.raise(b, lattice.AmountFrom(1)) }},

		{Name: "source was sent to another account", Row: 10, Outcome: ledger.Unreceivable, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool {
				return c.linkTo(b, func(e *ledger.Effects) bool { return e.Made != nil && e.MadeKey().Destination != b.Account })
			}},
		{Name: "source was received by another account", Row: 10, Outcome: ledger.Unreceivable, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool {
				e, ok := c.recent(func(e *ledger.Effects) bool { return e.Consumed != nil && e.Block.Account != b.Account })
				if ok {
					b.Link = e.Block.Link
				}
				return ok
			}},
		{Name: "received before", Row: 10, Outcome: ledger.Unreceivable, of: receives,
			edit: func(c *Case, b *lattice.Block) bool {
				e, ok := c.recent(func(e *ledger.Effects) bool { return e.Consumed != nil && e.Block.Account == b.Account })
				if ok {
					b.Link = e.Block.Link
					c.raise(b, e.Amount)
				}
				return ok
			}},
		{Name: "source is no send", Row: 10, Outcome: ledger.Unreceivable, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool {
				return c.linkTo(b, func(e *ledger.Effects) bool { return e.Made == nil })
			}},
		{Name: "source is the genesis block", Row: 10, Outcome: ledger.Unreceivable, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool { b.Link = lattice.Link(c.Net.GenesisHash); return true }},
		{Name: "source is the frontier", Row: 10, Outcome: ledger.Unreceivable, of: receives,
			edit: func(c *Case, b *lattice.Block) bool {
				b.Link = lattice.Link(b.Previous)
				return !slices.ContainsFunc(c.Gen.waiting, func(r Waiting) bool { return r.To == b.Account && r.Send == b.Previous })
			}},

		{Name: "one raw more than was sent", Row: 11, Outcome: ledger.BalanceMismatch, of: intakes,
			edit: func(_ *Case, b *lattice.Block) bool {
				b.Balance = b.Balance.SatAdd(lattice.AmountFrom(1))
				return true
			}},
		{Name: "one raw less than was sent", Row: 11, Outcome: ledger.BalanceMismatch, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool {
				b.Balance = b.Balance.SatSub(lattice.AmountFrom(1))
				return c.Subtype == lattice.Open || c.increase() != lattice.AmountFrom(1)
			}},
		{Name: "twice what was sent", Row: 11, Outcome: ledger.BalanceMismatch, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool { b.Balance = b.Balance.SatAdd(c.increase()); return true }},
		{Name: "opened with nothing", Row: 11, Outcome: ledger.BalanceMismatch, of: opens,
			edit: func(_ *Case, b *lattice.Block) bool { b.Balance = lattice.Amount{}; return true }},
		{Name: "more than the supply", Row: 11, Outcome: ledger.BalanceMismatch, of: intakes,
			edit: func(_ *Case, b *lattice.Block) bool { b.Balance = b.Balance.SatAdd(lattice.Supply); return true }},
		{Name: "largest balance", Row: 11, Outcome: ledger.BalanceMismatch, of: intakes,
			edit: func(_ *Case, b *lattice.Block) bool { b.Balance = lattice.MaxAmount; return true }},
		{Name: "amount of another send", Row: 11, Outcome: ledger.BalanceMismatch, of: intakes,
			edit: func(c *Case, b *lattice.Block) bool {
				for _, r := range c.Gen.waiting {
					if r.Amount != c.increase() {
						return c.raise(b, r.Amount)
					}
				}
				return false
			}},
	}
}

// changeMutations break row 12: the balance stays the same.
func changeMutations() []*Mutation {
	same := func(c *Case, b *lattice.Block) bool { b.Balance = c.wallet.Info.Balance; return true }
	return []*Mutation{
		{Name: "send of nothing", Row: 12, Outcome: ledger.BalanceMismatch, of: sends,
			edit: func(c *Case, b *lattice.Block) bool { return same(c, b) && !b.Link.IsZero() }},
		{Name: "receive of nothing", Row: 12, Outcome: ledger.BalanceMismatch, of: receives, edit: same},
		{Name: "change with a link", Row: 12, Outcome: ledger.BalanceMismatch, of: changes,
			edit: func(c *Case, b *lattice.Block) bool { return c.flip(b.Link[:]) }},
		{Name: "change with a link and the same representative", Row: 12, Outcome: ledger.BalanceMismatch, of: changes,
			edit: func(c *Case, b *lattice.Block) bool {
				b.Representative = c.wallet.Info.Representative
				return c.flip(b.Link[:])
			}},
		{Name: "change to the same representative", Row: 12, Outcome: ledger.NoChange, of: changes,
			edit: func(c *Case, b *lattice.Block) bool {
				b.Representative = c.wallet.Info.Representative
				return true
			}},
		{Name: "send of nothing to the burn account", Row: 12, Outcome: ledger.NoChange, of: sends,
			edit: func(c *Case, b *lattice.Block) bool {
				b.Link, b.Representative = lattice.Link{}, c.wallet.Info.Representative
				return same(c, b)
			}},
	}
}

// validMutations stay on the valid side of a boundary.
func validMutations() []*Mutation {
	valid := func(name string, of []lattice.Subtype, edit func(*Case, *lattice.Block)) *Mutation {
		return &Mutation{Name: name, of: of, edit: func(c *Case, b *lattice.Block) bool { edit(c, b); return true }}
	}
	return []*Mutation{
		{Name: "work for a receive", of: intakes,
			spoil: func(c *Case, b *lattice.Block) bool {
				return c.findWork(b, c.Net.ReceiveThreshold, c.Net.SendThreshold)
			}},
		valid("as it is", nil, func(*Case, *lattice.Block) {}),
		valid("one raw sent", sends, func(c *Case, b *lattice.Block) {
			b.Balance = c.wallet.Info.Balance.SatSub(lattice.AmountFrom(1))
		}),
		valid("everything sent", sends, func(_ *Case, b *lattice.Block) { b.Balance = lattice.Amount{} }),
		valid("sent to itself", sends, func(_ *Case, b *lattice.Block) { b.Link = lattice.Link(b.Account) }),
		valid("sent to the burn account", sends, func(_ *Case, b *lattice.Block) { b.Link = lattice.Link{} }),
		valid("sent to what is the hash of a block", sends, func(_ *Case, b *lattice.Block) { b.Link = lattice.Link(b.Previous) }),
		valid("another representative on the way", nil, func(_ *Case, b *lattice.Block) { b.Representative = testkit.Account(-3) }),
		valid("represented by the burn account", nil, func(c *Case, b *lattice.Block) { b.Representative = lattice.Account{} }),
		valid("represented by itself", intakes, func(_ *Case, b *lattice.Block) { b.Representative = b.Account }),
	}
}
