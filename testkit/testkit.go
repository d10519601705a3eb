// Package testkit holds what tests of any package need to make blocks:
// deterministic keys, and functions that compose, work and sign valid blocks
// from what is known of an account. Everything is a function of its arguments,
// work included, so a test that uses it does the same in every run.
//
// It is for tests, simulations and load generators, on the dev network. Nothing
// that runs in a node imports it: the keys are known to everyone, and the search
// for work is neither parallel nor bounded.
package testkit

import (
	"context"
	"encoding/binary"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Key returns the i-th of an endless row of different keys, the same in every
// run.
func Key(i int) crypto.PrivateKey {
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], uint64(int64(i)))
	return crypto.NewPrivateKey(crypto.Sum256([]byte("smallnano testkit key"), number[:]))
}

// Account returns the account of Key(i).
func Account(i int) lattice.Account { return AccountOf(Key(i)) }

// AccountOf returns the account of a key.
func AccountOf(key crypto.PrivateKey) lattice.Account { return lattice.Account(key.Public()) }

// GenesisKey returns the key that owns the supply of a network whose genesis
// key is published. It panics for any other network.
func GenesisKey(n *lattice.Network) crypto.PrivateKey {
	if n.GenesisSeed == nil {
		panic("testkit: the genesis key of network " + n.Name + " is not published")
	}
	return crypto.NewPrivateKey(*n.GenesisSeed)
}

// GenesisInfo returns what a ledger knows of the genesis account when it holds
// nothing but the genesis block, which is confirmed. Modified is left zero.
func GenesisInfo(n *lattice.Network) lattice.AccountInfo {
	return lattice.AccountInfo{
		Frontier: n.GenesisHash, Height: 1, Balance: n.Genesis.Balance, Representative: n.Genesis.Representative,
		ConfirmedHeight: 1, ConfirmedFrontier: n.GenesisHash,
	}
}

// Hash returns the i-th of an endless row of different hashes that no block
// has.
func Hash(i int) lattice.Hash {
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], uint64(int64(i)))
	return lattice.Hash(crypto.Sum256([]byte("smallnano testkit hash"), number[:]))
}

// Work returns the first nonce from zero whose value for the root reaches the
// threshold.
func Work(root lattice.Root, threshold uint64) uint64 {
	nonce, err := work.Search(context.Background(), root, threshold, 0, 1)
	if err != nil {
		panic("testkit: search for work: " + err.Error()) // without a deadline there is no error
	}
	return nonce
}
