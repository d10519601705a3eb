package main

// operation makes a value of one or two others. A value is assigned once; its
// number is the index of the operation that makes it.
type operation struct {
	name   string // the instruction; or result, which stores its arg and makes nothing
	before string // its first operand, if it has one that is no value
	args   []int  // values, or memory operands below zero: see nonce and constant
	mixing int    // counts the mixings of all streams in the order in which they begin
	step   int    // its place in the program
	delay  int    // until the value is there, in cycles of Zen 4
}

const streams = 2 // of as many nonces as a vector has lanes

// nonce is the memory operand of the nonces of a stream, constant that of a
// constant.
func nonce(stream int) int   { return -1 - stream }
func constant(index int) int { return -1 - streams - index }

// unit is a part of the processor with registers of its own, and where its
// operands in memory are.
type unit struct {
	add, xor, move string
	registers      []string
	inPlace        bool   // an instruction overwrites its first operand
	repeats        string // ends the name of one that repeats a constant for all lanes

	// rotate appends the operations that rotate a value to the right.
	rotate   func(e *expansion, value, right int) (rotated int)
	constant func(index int) string
	nonce    func(stream int) string
	result   func(stream int) string
	place    func(slot int) string // of a value that has no register
}

// memory prints a memory operand.
func (u *unit) memory(value int) string {
	if value >= nonce(streams-1) {
		return u.nonce(-1 - value)
	}
	return u.constant(-1 - streams - value)
}

// expansion is the program as operations of a unit.
type expansion struct {
	*unit
	operations []operation
	mixing     int
	step       int
}

func (e *expansion) append(name, before string, delay int, args ...int) (value int) {
	e.operations = append(e.operations, operation{name, before, args, e.mixing, e.step, delay})
	e.step++
	return len(e.operations) - 1
}

// expand appends the operations of one of so many streams, one mixing after the
// other.
func (e *expansion) expand(p *program, stream, of int) {
	current := map[string]int{} // the value of each state word
	fold := func(name string, args []operand) int {
		var values []int
		for _, o := range args {
			switch {
			case o.kind != live:
				values = append(values, constant(p.index[o.early()]))
			case o.name == "nonce":
				values = append(values, nonce(stream))
			default:
				values = append(values, current[o.name])
			}
		}
		value := values[0]
		if len(values) == 1 && value < 0 { // only the nonce itself
			return e.append(name, "", 1, value)
		}
		for _, v := range values[1:] {
			value = e.append(name, "", 1, value, v)
		}
		return value
	}
	e.mixing = stream
	last := 0
	for _, in := range p.inSequence() {
		e.step = 4 * in.step
		if in.mixing != last {
			e.mixing, last = e.mixing+of, in.mixing
		}
		if in.add {
			current[in.to] = fold(e.add, in.args)
			continue
		}
		current[in.to] = e.rotate(e, fold(e.xor, in.args), in.rotate)
	}
	e.step += 4
	e.append("result", e.result(stream), 1, fold(e.xor, p.result))
}
