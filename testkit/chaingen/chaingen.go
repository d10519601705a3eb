// Package chaingen generates valid block lattices, as long as one likes and the
// same for the same seed, and from a valid block all the blocks that break just
// one rule. Tests, the load generator and the simulator take from it.
//
// A Generator remembers the accounts, what is receivable and the last blocks, so
// it can feed a sink for ever. It starts no goroutine and asks no clock. It is
// not safe for concurrent use.
package chaingen

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// Options is what a generated lattice looks like.
type Options struct {
	// Accounts is the number of accounts beside that of the genesis: those of
	// testkit.Key(1), Key(2) and so on. At least 1; the default is 16.
	Accounts int
	// Unreceived is how many sent amounts may wait; at that number only receives
	// follow. The default is four times Accounts.
	Unreceived int
	// Burn lets one send in a hundred go to the burn account, which never receives.
	Burn bool
}

// Generator makes one valid block after the other.
type Generator struct {
	net     *lattice.Network
	rng     *rand.Rand
	opts    Options
	wallets []*testkit.Wallet // 0: the genesis account
	index   map[lattice.Account]int
	waiting []Waiting
	recent  []ledger.Effects // oldest first, at most maxRecent

	// chase makes chains of receives, each on the send before it: so many more
	// times, what the newest entry of waiting holds is received and sent on.
	chase  int
	onward int // wallet that sends on what it received; -1: none
}

// maxRecent is how many blocks a generator remembers.
const maxRecent = 64

// Waiting is an amount that one of the accounts can receive.
type Waiting struct {
	To     lattice.Account
	Send   lattice.Hash
	Amount lattice.Amount
	Source lattice.Account
}

// New returns a generator whose lattice is the genesis block alone. The network
// must be one whose genesis key is published.
func New(n *lattice.Network, rng *rand.Rand, opts Options) *Generator {
	if opts.Accounts == 0 {
		opts.Accounts = 16
	}
	if opts.Accounts < 1 {
		panic(fmt.Sprintf("chaingen: %d accounts, want at least 1", opts.Accounts))
	}
	if opts.Unreceived == 0 {
		opts.Unreceived = 4 * opts.Accounts
	}
	g := &Generator{net: n, rng: rng, opts: opts, index: make(map[lattice.Account]int), onward: -1}
	g.wallets = append(g.wallets, testkit.GenesisWallet(n))
	for i := 1; i <= opts.Accounts; i++ {
		g.wallets = append(g.wallets, testkit.NewWallet(n, testkit.Key(i)))
	}
	for i, w := range g.wallets {
		g.index[w.Account()] = i
	}
	return g
}

// Run gives count blocks to the sink and stops at its first error.
func (g *Generator) Run(count int, sink func(*lattice.Block) error) error {
	for range count {
		if err := sink(g.Next()); err != nil {
			return err
		}
	}
	return nil
}

// Next makes the next block and takes it as inserted.
func (g *Generator) Next() *lattice.Block {
	b := g.Propose()
	g.Accept(b)
	return b
}

// Propose makes a block that could come next, and does not take it as inserted.
func (g *Generator) Propose() *lattice.Block {
	dice := g.rng.IntN(100)
	switch {
	case g.onward >= 0 && !g.wallets[g.onward].Info.Balance.IsZero():
		return g.ProposeSend(g.onward)
	case len(g.waiting) > 0 && (g.chase > 0 || len(g.waiting) >= g.opts.Unreceived):
		return g.ProposeReceive(len(g.waiting) - 1)
	case dice < 45 && len(g.waiting) > 0:
		return g.ProposeReceive(g.rng.IntN(len(g.waiting)))
	case dice < 88:
		if from, ok := g.pick(func(w *testkit.Wallet) bool { return !w.Info.Balance.IsZero() }); ok {
			return g.ProposeSend(from)
		}
	}
	from, _ := g.pick(func(w *testkit.Wallet) bool { return w.Info.Opened() }) // the genesis account is
	return g.ProposeChange(from)
}

// ProposeSend makes a send of account i, 0 being that of the genesis, whose
// balance must not be zero: one in ten to itself, one in ten of all it has, one
// in ten of 1 raw.
func (g *Generator) ProposeSend(i int) *lattice.Block {
	w := g.wallets[i]
	to := g.wallets[g.rng.IntN(len(g.wallets))].Account()
	switch dice := g.rng.IntN(100); {
	case dice < 10:
		to = w.Account()
	case dice == 99 && g.opts.Burn:
		to = lattice.Account{}
	}
	amount := w.Info.Balance
	switch g.rng.IntN(10) {
	case 0:
	case 1:
		amount = lattice.AmountFrom(1)
	default:
		amount = amount.Rsh(uint(1 + g.rng.IntN(20)))
	}
	if amount.IsZero() {
		amount = lattice.AmountFrom(1)
	}
	return w.Send(to, amount)
}

// ProposeReceive makes the open or receive of the i-th waiting amount.
func (g *Generator) ProposeReceive(i int) *lattice.Block {
	r := g.waiting[i]
	w := g.wallets[g.index[r.To]]
	if w.Info.Opened() {
		return w.Receive(r.Send, r.Amount)
	}
	return w.Open(r.Send, r.Amount, g.otherRepresentative(lattice.Account{}))
}

// ProposeChange makes a change of account i, which must be open.
func (g *Generator) ProposeChange(i int) *lattice.Block {
	w := g.wallets[i]
	return w.Change(g.otherRepresentative(w.Info.Representative))
}

// Accept takes a valid block of one of the accounts as inserted: one that this
// generator proposed, or any other. It panics when the block cannot follow.
func (g *Generator) Accept(b *lattice.Block) {
	e, err := ledger.Validate(g.net, b, g.Context(b))
	if err != nil {
		panic("chaingen: block that cannot follow: " + err.Error())
	}
	g.Apply(&e)
}

// Context returns what the rules need to judge a block that follows the state of
// the generator. It takes the signature as checked, a previous that is not the
// frontier as unknown, and a source as known only when the account can receive
// from it.
func (g *Generator) Context(b *lattice.Block) ledger.Context {
	c := ledger.Context{Hash: g.net.HashOf(b), SignatureVerified: true}
	if i, ok := g.index[b.Account]; ok {
		c.Account = g.wallets[i].Info
	}
	c.PreviousKnown = b.Previous == c.Account.Frontier
	for _, r := range g.waiting {
		if r.To == b.Account && r.Send == lattice.Hash(b.Link) {
			c.Receivable = &lattice.Receivable{Source: r.Source, Amount: r.Amount}
		}
	}
	return c
}

// Apply makes the generator follow a change of a ledger.
func (g *Generator) Apply(e *ledger.Effects) {
	i := g.index[e.Block.Account]
	g.wallets[i].Info = e.After
	if len(g.recent) == maxRecent {
		g.recent = slices.Delete(g.recent, 0, 1)
	}
	g.recent = append(g.recent, *e)
	if e.Consumed != nil {
		g.forget(e.ConsumedKey())
		g.onward = -1
		if g.chase > 0 {
			g.onward = i
		}
	}
	if e.Made != nil {
		g.remember(e.MadeKey(), e.Made)
		g.onward = -1
		if g.chase > 0 {
			g.chase--
		} else if g.rng.IntN(20) == 0 {
			g.chase = 2 + g.rng.IntN(8)
		}
	}
}

// Undo makes the generator follow a change that was taken back.
func (g *Generator) Undo(e *ledger.Effects) {
	g.wallets[g.index[e.Block.Account]].Info = e.Before
	g.recent = slices.DeleteFunc(g.recent, func(r ledger.Effects) bool { return r.Hash == e.Hash })
	if e.Made != nil {
		g.forget(e.MadeKey())
	}
	if e.Consumed != nil {
		g.remember(e.ConsumedKey(), e.Consumed)
	}
	g.chase, g.onward = 0, -1
}

// Wallets returns the accounts, that of the genesis first. They are the
// generator's own: compose blocks with them, change nothing.
func (g *Generator) Wallets() []*testkit.Wallet { return g.wallets }

// Waiting returns what can be received, oldest first; not to be changed.
func (g *Generator) Waiting() []Waiting { return g.waiting }

// Recent returns the last blocks, oldest first; not to be changed.
func (g *Generator) Recent() []ledger.Effects { return g.recent }

// Wallet returns the wallet of an account; nil when it is not one of the
// generator's.
func (g *Generator) Wallet(account lattice.Account) *testkit.Wallet {
	if i, ok := g.index[account]; ok {
		return g.wallets[i]
	}
	return nil
}

// forget and remember keep the oldest first, so that the order depends on the
// seed alone. An amount sent to none of the accounts is not remembered.
func (g *Generator) forget(key lattice.ReceivableKey) {
	g.waiting = slices.DeleteFunc(g.waiting, func(r Waiting) bool { return r.To == key.Destination && r.Send == key.Send })
}

func (g *Generator) remember(key lattice.ReceivableKey, r *lattice.Receivable) {
	if _, ok := g.index[key.Destination]; ok {
		g.waiting = append(g.waiting, Waiting{key.Destination, key.Send, r.Amount, r.Source})
	}
}

// pick returns a random account of which ok is true.
func (g *Generator) pick(ok func(*testkit.Wallet) bool) (int, bool) {
	first := g.rng.IntN(len(g.wallets))
	for i := range g.wallets {
		if j := (first + i) % len(g.wallets); ok(g.wallets[j]) {
			return j, true
		}
	}
	return 0, false
}

// otherRepresentative returns one of the accounts that is not old.
func (g *Generator) otherRepresentative(old lattice.Account) lattice.Account {
	for {
		if a := g.wallets[g.rng.IntN(len(g.wallets))].Account(); a != old {
			return a
		}
	}
}
