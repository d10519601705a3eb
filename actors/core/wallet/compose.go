package wallet

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Compose returns the block that carries out an intent on top of an account as
// it is, without work and signature. opener is the representative of a block
// that opens the account.
func Compose(info lattice.AccountInfo, i Intent, opener lattice.Account) (lattice.Block, error) {
	b := lattice.Block{
		Account: i.Account, Previous: info.Frontier, Representative: info.Representative, Balance: info.Balance, Link: i.Link,
	}
	var ok bool
	switch i.Subtype {
	case lattice.Send:
		if i.Amount.IsZero() {
			return b, fmt.Errorf("%w: a send of nothing", ErrNothingToDo)
		}
		if b.Balance, ok = info.Balance.Sub(i.Amount); !ok || !info.Opened() {
			return b, fmt.Errorf("%w: %v smn are wanted of %v", ErrInsufficient, i.Amount, info.Balance)
		}
	case lattice.Receive, lattice.Open:
		if b.Balance, ok = info.Balance.Add(i.Amount); !ok || i.Amount.IsZero() {
			return b, fmt.Errorf("%w: %s raw", ErrNotReceivable, i.Amount.Raw())
		}
		if !info.Opened() {
			b.Representative = opener
		}
	case lattice.Change:
		b.Link, b.Representative = lattice.Link{}, i.Representative
		switch {
		case !info.Opened():
			return b, ErrNotOpen
		case i.Representative == info.Representative:
			return b, fmt.Errorf("%w: the account has this representative", ErrNothingToDo)
		}
	default:
		panic("wallet: an intent without a subtype")
	}
	return b, nil
}

// Representative is one that votes now, with its weight.
type Representative struct {
	Account lattice.Account
	Weight  lattice.Amount
}

// Draw returns one of the representatives that has at most percent of the
// weight of all, each with the same chance: giving a default to everybody would
// make it the ruler. When all have more, it is the lightest; when there are
// none, false.
func Draw(r *rand.Rand, online []Representative, percent uint64) (lattice.Account, bool) {
	var total lattice.Amount
	for _, rep := range online {
		total = total.SatAdd(rep.Weight)
	}
	limit := total.MulDiv(percent, 100)
	var light []lattice.Account
	for _, rep := range online {
		if !limit.Less(rep.Weight) && !rep.Account.IsZero() {
			light = append(light, rep.Account)
		}
	}
	switch {
	case len(light) > 0:
		return light[r.IntN(len(light))], true
	case len(online) > 0:
		lightest := slices.MinFunc(online, func(a, b Representative) int {
			return cmp.Or(a.Weight.Cmp(b.Weight), slices.Compare(a.Account[:], b.Account[:]))
		})
		return lightest.Account, true
	}
	return lattice.Account{}, false
}
