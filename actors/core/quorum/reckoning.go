package quorum

import (
	"fmt"
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// Percent is the share of the reckoned weight that a decision needs. Above
	// two thirds, so that two decisions overlap in more than one third.
	Percent = 67
	// principalPart is the part of the trended weight that makes a
	// representative a principal one when it has more.
	principalPart = 1000
)

// Reckoning is all that a quorum is computed from, in raw. The zero value has a
// delta of 1.
type Reckoning struct {
	Online  lattice.Amount // weight seen voting lately
	Trended lattice.Amount // median of the samples of it and the floor
	Floor   lattice.Amount // never reckon with less
}

// Base returns the weight of which a decision needs Percent: the largest of the
// three.
func (r Reckoning) Base() lattice.Amount {
	base := r.Floor
	for _, a := range [...]lattice.Amount{r.Online, r.Trended} {
		if base.Less(a) {
			base = a
		}
	}
	return base
}

// Delta returns the weight that a decision needs: floor(Base * 67 / 100), and 1
// where that is 0, because a decision without any vote must not exist.
func (r Reckoning) Delta() lattice.Amount {
	d := r.Base().MulDiv(Percent, 100)
	if d.IsZero() {
		return lattice.AmountFrom(1)
	}
	return d
}

// PrincipalAbove returns the weight above which a representative is a principal
// one.
func (r Reckoning) PrincipalAbove() lattice.Amount { return r.Trended.MulDiv(1, principalPart) }

// String shows the sum as a person would write it, in smn.
func (r Reckoning) String() string {
	return fmt.Sprintf("delta %v = %d%% of max(online %v, trended %v, floor %v)",
		r.Delta(), Percent, r.Online, r.Trended, r.Floor)
}

// Median returns the median of the samples and the floor; of an even number of
// values the upper of the middle two, which is the safer one. The samples are
// not changed.
func Median(samples []lattice.WeightSample, floor lattice.Amount) lattice.Amount {
	all := make([]lattice.Amount, 0, len(samples)+1)
	all = append(all, floor)
	for i := range samples {
		all = append(all, samples[i].Weight)
	}
	slices.SortFunc(all, lattice.Amount.Cmp)
	return all[len(all)/2]
}
