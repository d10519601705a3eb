package votes

import "github.com/smallnano/smallnano/messages/lattice"

// roll is the representatives that have votes in a Cache, under short numbers
// that are used again when nothing needs them. It is as long as there are
// representatives with weight, at most.
type roll struct {
	list   []voter
	number map[lattice.Account]int32
	free   []int32
}

type voter struct {
	rep     lattice.Account
	weight  lattice.Amount
	uses    int // ballots, entries founded, and calls that are under way
	founded int // entries that its vote was the first for
}

func newRoll() roll { return roll{number: make(map[lattice.Account]int32)} }

// enter returns the number of a representative, which is in use until it is
// released, and notes its weight of now.
func (r *roll) enter(rep lattice.Account, weight lattice.Amount) int32 {
	n, known := r.number[rep]
	switch {
	case known:
	case len(r.free) > 0:
		n = r.free[len(r.free)-1]
		r.free = r.free[:len(r.free)-1]
	default:
		n = int32(len(r.list))
		r.list = append(r.list, voter{})
	}
	r.number[rep] = n
	v := &r.list[n]
	v.rep, v.weight = rep, weight
	v.uses++
	return n
}

// use notes one more use of a number.
func (r *roll) use(n int32) { r.list[n].uses++ }

// release takes a use back. What is used no more leaves the roll.
func (r *roll) release(n int32) {
	v := &r.list[n]
	if v.uses--; v.uses > 0 {
		return
	}
	delete(r.number, v.rep)
	*v = voter{}
	r.free = append(r.free, n)
}
