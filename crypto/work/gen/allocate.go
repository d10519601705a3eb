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
// other may be in memory.
func (a *allocator) emit(value int, o operation) {
	args := a.arrange(o.args)
	copied := args[0] < 0 || a.inPlace && a.next(args[0]) != never
	if !copied {
		a.load(args[0], args)
	}
	var texts []string
	for _, v := range args {
		texts = append(texts, a.operand(v))
	}
	if o.name == "result" {
		a.print(a.move, texts[0], o.before)
		return
	}
	to := a.target(args, copied)
	if copied {
		a.print(a.move, texts[0], a.registers[to])
		texts[0] = a.registers[to]
	}
	a.instruction(o, args, texts, a.registers[to])
	for _, v := range args {
		a.release(v)
		a.vacate(v)
	}
	a.hold(value, to)
}

// arrange returns the args with that first which the operation best starts from:
// one in a register. Where that is overwritten it is better one that is not
// needed again, or else a memory operand.
func (a *allocator) arrange(args []int) []int {
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
	if len(args) == 2 && rank(args[1]) < rank(args[0]) {
		return []int{args[1], args[0]}
	}
	return args
}

// target returns the register for the result of an operation.
func (a *allocator) target(args []int, copied bool) int {
	if a.inPlace && !copied {
		return a.at[args[0]]
	}
	if !copied { // or else what is copied would overwrite it
		for _, v := range args {
			a.release(v)
		}
	}
	return a.take(args)
}

// instruction prints an operation of args that are in a register or in memory.
func (a *allocator) instruction(o operation, args []int, texts []string, to string) {
	from, operands := texts[0], texts[1:]
	if o.before != "" {
		operands = []string{o.before}
	}
	if len(operands) == 0 { // it only moves its arg
		return
	}
	if a.inPlace {
		a.print(o.name, operands[0], to)
		return
	}
	name, with := o.name, operands[0]
	if args[len(args)-1] <= constant(0) {
		name += a.repeats
	}
	// Of two registers the one that is printed first is better below Y8, where
	// it takes a byte less.
	if len(with) > len("Y0") && with[0] == 'Y' && len(from) == len("Y0") {
		with, from = from, with
	}
	a.print(name, with, from, to)
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
