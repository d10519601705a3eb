package bucket

import (
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// Count is the number of buckets.
	Count = 62
	// Shift is by how many bits the limits of this network lie below those of the
	// table's origin, whose coin had 2^20 times as many raw, roughly: 10^30 against
	// 10^24. With it, 1 smn falls into bucket 13 and the whole supply into the
	// last one. Without it, all balances up to 309 smn would share bucket 0.
	Shift = 20
)

// regions cut the balances at powers of two, and each region into equal slices:
// finest in the middle, where most balances of people are.
var regions = [...]struct {
	from   uint // exponent of two; the first region starts at 0 instead
	slices int
}{
	{0, 1}, {88, 2}, {92, 4}, {96, 8}, {100, 16}, {104, 16}, {108, 8}, {112, 4}, {116, 2}, {120, 1},
}

// Table is the limits of the buckets: the smallest balance of each, ascending.
// It is a plain value.
type Table [Count]lattice.Amount

// NewTable returns the limits, shifted right by a number of bits up to 80: all
// of them stay exact.
func NewTable(shift uint) (t Table) {
	if shift > 80 {
		panic("bucket: NewTable: limits shifted away")
	}
	n := 1 // the first limit is 0
	for i, r := range regions[1:] {
		start := powerOfTwo(r.from)
		step := lattice.Amount{} // the last region is one slice: its limits are its start alone
		if i+2 < len(regions) {
			step = sliceOf(r.from, regions[i+2].from, r.slices)
		}
		at := start
		for range r.slices {
			t[n] = at.Rsh(shift)
			at = at.SatAdd(step)
			n++
		}
	}
	if n != Count {
		panic("bucket: regions do not make 62 buckets")
	}
	return t
}

// sliceOf returns (2^to - 2^from) / slices.
func sliceOf(from, to uint, slices int) lattice.Amount {
	return powerOfTwo(to).SatSub(powerOfTwo(from)).MulDiv(1, uint64(slices))
}

func powerOfTwo(n uint) lattice.Amount {
	if n >= 64 {
		return lattice.Amount{Hi: 1 << (n - 64)}
	}
	return lattice.Amount{Lo: 1 << n}
}

// Index returns the bucket of a balance. A limit belongs to the bucket above it.
func (t *Table) Index(balance lattice.Amount) int {
	i, exact := slices.BinarySearchFunc(t[:], balance, lattice.Amount.Cmp)
	if exact {
		return i
	}
	return i - 1 // never below 0: the first limit is 0
}

// Balance returns the balance that places a block: the larger of the account's
// balance before and after it, so that emptying an account is not a way down.
func Balance(before, after lattice.Amount) lattice.Amount {
	if before.Less(after) {
		return after
	}
	return before
}
