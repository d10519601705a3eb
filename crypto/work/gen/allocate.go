package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	empty = -1 // of a register: holds no value
	never = math.MaxInt
)

// allocator prints operations in some order. It gives their values registers;
// the value that is needed latest makes room, and moves to memory.
type allocator struct {
	*unit
	operations []operation
	order      []int
	uses       [][]int // of each value, when it is read

	now    int         // the index in order
	in     []int       // the value in each register
	at     map[int]int // the register of a value
	slot   map[int]int // the place in memory of a value
	places int
	free   []int // places that are free again
	text   strings.Builder
}

// allocate prints the operations and returns how many places in memory these
// need.
func allocate(e *expansion, order []int) (text string, places int) {
	a := allocator{unit: e.unit, operations: e.operations, order: order, at: map[int]int{}, slot: map[int]int{}}
	a.in = slices.Repeat([]int{empty}, len(a.registers))
	a.uses = make([][]int, len(a.operations))
	for now, value := range order {
		for _, v := range a.operations[value].args {
			if v >= 0 {
				a.uses[v] = append(a.uses[v], now)
			}
		}
	}
	for now, value := range order {
		a.now = now
		a.emit(value, a.operations[value])
	}
	return a.text.String(), a.places
}

// next returns when a value is read next after this operation.
func (a *allocator) next(value int) int {
	if value >= 0 {
		for _, use := range a.uses[value] {
			if use > a.now {
				return use
			}
		}
	}
	return never
}

// emit prints an operation. Its first operand has to be in a register, the
// others may be in memory.
func (a *allocator) emit(value int, o operation) {
	first := a.start(o.args)
	v := o.args[first]
	rest := slices.Delete(slices.Clone(o.args), first, first+1)
	copied := v < 0 || a.inPlace && a.next(v) != never
	if !copied {
		a.load(v, o.args)
	}
	from, others := a.operand(v), make([]string, len(rest))
	for i, v := range rest {
		others[i] = a.operand(v)
	}
	if o.name == "result" {
		a.print(a.move, from, o.before)
		return
	}
	to := a.target(v, rest, copied)
	if copied {
		a.print(a.move, from, a.registers[to])
		from = a.registers[to]
	}
	a.instructions(o, from, others, a.registers[to])
	for _, v := range o.args {
		a.release(v)
		a.vacate(v)
	}
	a.hold(value, to)
}

// start returns the index of the arg that an operation best starts from: one in
// a register, the one that is needed again soonest. Where that is overwritten it
// is better one that is not needed again, or else a memory operand.
func (a *allocator) start(args []int) (index int) {
	rank := func(v int) int {
		switch {
		case v < 0:
			return 2
		case a.inPlace && a.next(v) != never:
			return 3
		case a.resident(v):
			return 0
		}
		return 1
	}
	for i, v := range args {
		best := args[index]
		if by := rank(v) - rank(best); by < 0 || by == 0 && rank(v) == 1 && a.next(v) < a.next(best) {
			index = i
		}
	}
	return index
}

// target returns the register for the result of an operation.
func (a *allocator) target(first int, rest []int, copied bool) int {
	if a.inPlace && !copied {
		return a.at[first]
	}
	a.release(first)
	if len(rest) == 1 { // or else the first instruction would overwrite what the second reads
		a.release(rest[0])
	}
	return a.take(append([]int{first}, rest...))
}

// instructions prints the instructions of an operation.
func (a *allocator) instructions(o operation, from string, others []string, to string) {
	switch {
	case o.before != "" && a.inPlace:
		a.print(o.name, o.before, to)
	case o.before != "":
		a.print(o.name, o.before, from, to)
	}
	for _, with := range others {
		if a.inPlace {
			a.print(o.name, with, to)
			continue
		}
		// Of two registers the one that is printed first is better below Y8,
		// where it takes a byte less.
		if len(with) > len("Y0") && with[0] == 'Y' && len(from) == len("Y0") {
			with, from = from, with
		}
		a.print(o.name, with, from, to)
		from = to
	}
}

func (a *allocator) print(name string, operands ...string) {
	fmt.Fprintf(&a.text, "\t%s %s\n", name, strings.Join(operands, ", "))
}

func (a *allocator) hold(value, register int) { a.in[register], a.at[value] = value, register }

func (a *allocator) resident(value int) bool { _, found := a.at[value]; return found }

// operand prints where a value is.
func (a *allocator) operand(value int) string {
	if value < 0 {
		return a.memory(value)
	}
	if a.resident(value) {
		return a.registers[a.at[value]]
	}
	return a.place(a.slot[value])
}

// load moves a value to a register.
func (a *allocator) load(value int, keep []int) {
	if a.resident(value) {
		return
	}
	r := a.take(keep)
	a.print(a.move, a.operand(value), a.registers[r])
	a.hold(value, r)
}

// release frees the register of a value that is not read after this operation,
// whose result may go there.
func (a *allocator) release(value int) {
	if r, found := a.at[value]; found && a.next(value) == never {
		a.in[r] = empty
		delete(a.at, value)
	}
}

// vacate frees the place in memory of such a value, once the operation is
// printed: what moves there must not overwrite its operand.
func (a *allocator) vacate(value int) {
	if s, found := a.slot[value]; found && a.next(value) == never {
		a.free = append(a.free, s)
		delete(a.slot, value)
	}
}

// take returns a register for a new value: an empty one, or that of the value
// that is needed latest, which moves to memory. Those of the given values are
// left alone.
func (a *allocator) take(keep []int) int {
	best, latest := -1, -1
	for r, v := range a.in {
		if v == empty {
			return r
		}
		if next := a.next(v); !slices.Contains(keep, v) && next > latest {
			best, latest = r, next
		}
	}
	a.evict(best)
	return best
}

func (a *allocator) evict(register int) {
	v := a.in[register]
	if _, stored := a.slot[v]; !stored {
		if len(a.free) == 0 {
			a.free, a.places = append(a.free, a.places), a.places+1
		}
		a.slot[v], a.free = a.free[0], a.free[1:]
		a.print(a.move, a.registers[register], a.place(a.slot[v]))
	}
	delete(a.at, v)
	a.in[register] = empty
}
