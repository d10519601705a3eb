package ledger

import (
	"time"

	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Validate judges a block by the rules of the protocol, in their order, and
// returns what inserting it changes. A block that is refused gives an error
// that wraps the Outcome of the first rule it breaks, and no effects.
//
// The context must be of this block: Hash is trusted, and what the store says
// must hold in the transaction in which the effects are applied. The signature
// is checked here unless c.SignatureVerified says that it was checked before.
//
// The genesis block stands outside the rules: it needs neither work nor a
// source. In a ledger that holds it, it is Old like any other block.
//
// Amounts cannot overflow. What an account owns and what it has yet to receive
// are parts of the supply, which is far below 2^128; a block can only claim a
// balance outside of that by an increase, and an increase is taken as the
// difference of two balances, never as a sum, and must equal an entry that a
// valid send made.
func Validate(n *lattice.Network, b *lattice.Block, c Context) (Effects, error) {
	if c.Hash.IsZero() {
		panic("ledger: Validate needs the hash of the block")
	}
	genesis := c.Hash == n.GenesisHash
	value := workOf(b)
	if err := precheck(n, b, value, genesis); err != nil { // rules 1 and 2
		return Effects{}, err
	}
	if c.Known {
		return Effects{}, Old // rule 3
	}
	if !c.SignatureVerified && !b.SignedBy(c.Hash) {
		return Effects{}, BadSignature // rule 4
	}
	if err := checkPlace(b, &c); err != nil { // rules 5 to 8
		return Effects{}, err
	}
	subtype := b.Subtype(c.Account.Balance)
	if err := checkState(b, &c, subtype, genesis); err != nil { // rules 9 to 12
		return Effects{}, err
	}
	if err := checkWork(n, value, subtype); err != nil && !genesis { // rule 13
		return Effects{}, err
	}
	return effects(b, &c, subtype), nil
}

// CheckWork applies the rule about work to a block that was refused before that
// rule was reached, as one whose place is taken is: before is the balance that its
// account had there, zero at the beginning. Work is no part of the hash: anybody
// can give a true block another one, and what has too little must not be kept in
// its stead.
func CheckWork(n *lattice.Network, b *lattice.Block, before lattice.Amount) error {
	return checkWork(n, workOf(b), b.Subtype(before))
}

func checkWork(n *lattice.Network, value uint64, subtype lattice.Subtype) error {
	if threshold := n.Threshold(subtype); value < threshold {
		return refuse(InsufficientWork, "value %016x, a block that does %v needs %016x", value, subtype, threshold)
	}
	return nil
}

// Precheck applies the rules that need neither the ledger nor the signature:
// the work reaches the lowest threshold of the network, and the account is not
// the burn account. It is for the edge of the node, before anything is queued;
// Validate checks the same again.
func Precheck(n *lattice.Network, b *lattice.Block) error {
	return precheck(n, b, workOf(b), isGenesis(n, b))
}

func precheck(n *lattice.Network, b *lattice.Block, value uint64, genesis bool) error {
	if lowest := n.LowestThreshold(); value < lowest && !genesis {
		return refuse(InsufficientWork, "value %016x, any block needs %016x", value, lowest)
	}
	if b.Account.IsZero() {
		return OpenedBurnAccount
	}
	return nil
}

func workOf(b *lattice.Block) uint64 { return work.Value(b.Root(), b.Work) }

// isGenesis tells the genesis block without hashing: blocks are the same block
// when they differ in nothing but work and signature.
func isGenesis(n *lattice.Network, b *lattice.Block) bool {
	if b.Account.IsZero() || b.Account != n.Genesis.Account {
		return false
	}
	same := n.Genesis
	same.Work, same.Signature = b.Work, b.Signature
	return same == *b
}

// checkPlace applies the rules about the block's place in its chain.
func checkPlace(b *lattice.Block, c *Context) error {
	switch {
	case !c.Account.Opened():
		if !b.Previous.IsZero() {
			return refuse(GapPrevious, "the account is not open, previous is %v", b.Previous)
		}
	case b.Previous.IsZero():
		return refuse(Fork, "the account is open already")
	case !c.PreviousKnown:
		return refuse(GapPrevious, "previous is %v", b.Previous)
	case b.Previous != c.Account.Frontier:
		return refuse(Fork, "previous is %v, the frontier is %v", b.Previous, c.Account.Frontier)
	}
	return nil
}

// checkState applies the rules about what the block does. A send needs none: its
// balance is lower than before, and any link is a destination.
func checkState(b *lattice.Block, c *Context, subtype lattice.Subtype, genesis bool) error {
	switch {
	case genesis:
		return nil
	case subtype == lattice.Change:
		if !b.Link.IsZero() {
			return refuse(BalanceMismatch, "the balance stays the same, so the link must be zero")
		}
		if b.Representative == c.Account.Representative {
			return NoChange
		}
		return nil
	case subtype == lattice.Send:
		return nil
	}
	// An entry proves the send as well as the block does, which may be pruned.
	if c.Receivable == nil {
		if b.Link.IsZero() || !c.SourceKnown {
			return refuse(GapSource, "the send is %v", b.Link)
		}
		return refuse(Unreceivable, "the send is %v", b.Link)
	}
	increase, ok := b.Balance.Sub(c.Account.Balance)
	if !ok || increase.IsZero() || increase != c.Receivable.Amount {
		return refuse(BalanceMismatch, "the balance rises by %s raw, the amount sent is %s raw", increase.Raw(), c.Receivable.Amount.Raw())
	}
	return nil
}

// effects describes the change that a valid block makes.
func effects(b *lattice.Block, c *Context, subtype lattice.Subtype) Effects {
	e := Effects{
		Block: *b, Hash: c.Hash, Height: c.Account.Height + 1, Subtype: subtype,
		Time: seconds(c.Now), Before: c.Account, After: c.Account,
	}
	e.After.Frontier = c.Hash
	e.After.Height = e.Height
	e.After.Balance = b.Balance
	e.After.Representative = b.Representative
	e.After.Modified = e.Time
	switch subtype {
	case lattice.Send:
		e.Amount = c.Account.Balance.SatSub(b.Balance)
		e.Made = &lattice.Receivable{Source: b.Account, Amount: e.Amount}
	case lattice.Open, lattice.Receive:
		e.Amount = b.Balance.SatSub(c.Account.Balance)
		if c.Receivable != nil {
			consumed := *c.Receivable
			e.Consumed = &consumed
		}
	}
	return e
}

// seconds is the precision in which times are kept, in UTC, so that times that
// were stored equal those that were not.
func seconds(t time.Time) time.Time { return time.Unix(t.Unix(), 0).UTC() }
