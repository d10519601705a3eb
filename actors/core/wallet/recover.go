package wallet

import (
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// DerivedAccount returns account i of a seed.
func DerivedAccount(seed crypto.Seed, i uint32) Account {
	private := crypto.AccountSeed(seed, i)
	defer private.Wipe()
	return Account{Key: lattice.Account(crypto.NewPrivateKey(private).Public()), Origin: Derived, Index: i}
}

// Recover returns the accounts of a seed, from index first up, that the ledger
// knows: those with a block and those that somebody has sent to. It ends after
// gap unused ones in a row.
func Recover(l Ledger, seed crypto.Seed, first uint32, gap int) ([]Account, error) {
	var found []Account
	unused := 0
	for i := first; unused < gap && len(found) < MaxAccounts; i++ {
		a := DerivedAccount(seed, i)
		used, err := isUsed(l, a.Key)
		if err != nil {
			return nil, err
		}
		unused++
		if used {
			found, unused = append(found, a), 0
		}
		if i == ^uint32(0) {
			break
		}
	}
	return found, nil
}

func isUsed(l Ledger, account lattice.Account) (bool, error) {
	info, err := l.Account(account)
	if err != nil || info.Opened() {
		return err == nil, err
	}
	entries, err := l.Receivables(account, lattice.Hash{}, 1)
	return len(entries) > 0, err
}
