package testkit

import (
	"fmt"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Wallet is one account of one network: a key, and what is known of the
// account. Its methods compose the block that would follow and leave the wallet
// as it is; Advance moves it on, so that a test can also make several blocks for
// one place, or none. The fields may be set by hand.
type Wallet struct {
	Network *lattice.Network
	Key     crypto.PrivateKey
	Info    lattice.AccountInfo // zero: not open
}

// NewWallet returns the wallet of an account that is not open.
func NewWallet(n *lattice.Network, key crypto.PrivateKey) *Wallet {
	return &Wallet{Network: n, Key: key}
}

// GenesisWallet returns the wallet that owns the supply.
func GenesisWallet(n *lattice.Network) *Wallet {
	return &Wallet{Network: n, Key: GenesisKey(n), Info: GenesisInfo(n)}
}

// Account returns the wallet's account.
func (w *Wallet) Account() lattice.Account { return AccountOf(w.Key) }

// Send composes a send. It panics when the amount is zero or larger than the
// balance.
func (w *Wallet) Send(to lattice.Account, amount lattice.Amount) *lattice.Block {
	rest, ok := w.Info.Balance.Sub(amount)
	if !ok || amount.IsZero() {
		panic(fmt.Sprintf("testkit: cannot send %s raw of %s raw", amount.Raw(), w.Info.Balance.Raw()))
	}
	return w.next(lattice.Send, w.Info.Representative, rest, lattice.Link(to))
}

// Receive composes the receive of what a send with this hash moved; it opens
// the account, with itself as representative, when it is not open. See Open.
func (w *Wallet) Receive(send lattice.Hash, amount lattice.Amount) *lattice.Block {
	if !w.Info.Opened() {
		return w.Open(send, amount, w.Account())
	}
	sum, ok := w.Info.Balance.Add(amount)
	if !ok {
		panic("testkit: balance does not fit 128 bits")
	}
	return w.next(lattice.Receive, w.Info.Representative, sum, lattice.Link(send))
}

// Open composes the first block of the account.
func (w *Wallet) Open(send lattice.Hash, amount lattice.Amount, representative lattice.Account) *lattice.Block {
	return w.next(lattice.Open, representative, amount, lattice.Link(send))
}

// Change composes a change of the representative.
func (w *Wallet) Change(representative lattice.Account) *lattice.Block {
	return w.next(lattice.Change, representative, w.Info.Balance, lattice.Link{})
}

// Seal finds the work that a block of this subtype needs, signs, and returns
// the hash. Whether the block makes sense is the caller's affair.
func (w *Wallet) Seal(b *lattice.Block, subtype lattice.Subtype) lattice.Hash {
	b.Work = Work(b.Root(), w.Network.Threshold(subtype))
	return b.Sign(w.Network.ID, w.Key)
}

// Advance takes a block of the account as its new frontier and returns the
// block's hash. Times and what is confirmed stay as they are.
func (w *Wallet) Advance(b *lattice.Block) lattice.Hash {
	h := w.Network.HashOf(b)
	w.Info.Frontier = h
	w.Info.Height++
	w.Info.Balance = b.Balance
	w.Info.Representative = b.Representative
	return h
}

func (w *Wallet) next(s lattice.Subtype, representative lattice.Account, balance lattice.Amount, link lattice.Link) *lattice.Block {
	b := &lattice.Block{
		Account: w.Account(), Previous: w.Info.Frontier,
		Representative: representative, Balance: balance, Link: link,
	}
	w.Seal(b, s)
	return b
}
