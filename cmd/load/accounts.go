package load

import (
	"encoding/binary"
	"fmt"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// firstBucket is the first of the buckets that accounts are spread over: a little
	// below 1 smn.
	firstBucket = 8
	// MaxBuckets is over how many buckets accounts can be spread. Those above hold so
	// much that a few accounts would need the whole supply.
	MaxBuckets = 40
	// MaxAccounts bounds how many accounts there can be.
	MaxAccounts = 10_000
)

// Seed is the seed of a made-up key.
func Seed(what string, i int) crypto.Seed {
	return crypto.Seed(crypto.Sum256([]byte("smallnano bench "+what), binary.LittleEndian.AppendUint64(nil, uint64(i))))
}

// Genesis returns the account that owns the supply of a network whose key is
// known, as if it had made no block yet.
func Genesis(n *lattice.Network) *Wallet {
	return &Wallet{
		Network: n, Key: crypto.NewPrivateKey(*n.GenesisSeed),
		Frontier: n.GenesisHash, Balance: n.Genesis.Balance, Representative: n.Genesis.Representative,
	}
}

// Accounts returns accounts that are not open, and the balance that each should
// have: one bucket after the other.
func Accounts(n *lattice.Network, count, buckets int) ([]*Wallet, []lattice.Amount) {
	table := bucket.NewTable(bucket.Shift)
	wallets, balances := make([]*Wallet, count), make([]lattice.Amount, count)
	for i := range wallets {
		low := firstBucket + i%buckets
		wallets[i] = &Wallet{Network: n, Key: crypto.NewPrivateKey(Seed("account", i)), Representative: n.Genesis.Representative}
		balances[i] = table[low].SatAdd(table[low+1].SatSub(table[low]).MulDiv(1, 2)) // the middle
	}
	return wallets, balances
}

// Open makes the two blocks that open an account with an amount of another, and
// moves both on.
func Open(from, w *Wallet, amount lattice.Amount) (send, receive *lattice.Block, err error) {
	if send, err = from.Send(w.Account(), amount); err != nil {
		return nil, nil, fmt.Errorf("cannot open account %v: %w", w.Account(), err)
	}
	from.Advance(send)
	if receive, err = w.Receive(from.Frontier, amount); err != nil {
		return nil, nil, fmt.Errorf("cannot open account %v: %w", w.Account(), err)
	}
	w.Advance(receive)
	return send, receive, nil
}
