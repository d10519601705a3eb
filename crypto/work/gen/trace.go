package main

import (
	"fmt"
	"slices"
)

// operand is a 64-bit value as far as it is known before the nonce is.
type operand struct {
	kind  kind
	fixed uint64 // kind fixed: the number
	name  string // kind root: its variable in the per-root function; kind live: its variable in the compression
}

// early returns the expression, in the per-root function, of an operand that
// does not wait for the nonce.
func (o operand) early() string {
	if o.kind == fixed {
		return fmt.Sprintf("%#x", o.fixed)
	}
	return o.name
}

type kind int

const (
	fixed kind = iota // a number, known now
	root              // known once the root is
	live              // known once the nonce is
)

// instruction computes one live variable: the operands are added, or they are
// xored and then rotated right.
type instruction struct {
	to     string
	add    bool
	args   []operand
	rotate int
	step   int // its index in the body
	mixing int // counts all mixings; the four of a half-round do not read each other
}

// program is the compression, cut in two.
type program struct {
	setup     []string // statements that run once per root, in order
	constants []string // what the compression reads of it, by index: variables and numbers
	body      []instruction
	result    []operand // xored: the first word of the digest

	index  map[string]int // of constants
	reads  map[string]int // of constants
	state  [16]operand
	mixing int // being traced
}

var iv = [8]uint64{
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
}

// sigma is the order of the message words in each of the twelve rounds.
var sigma = [12][16]int{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
}

// columns and diagonals are the state words of the four mixings of a half-round.
var (
	columns   = [4][4]int{{0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15}}
	diagonals = [4][4]int{{0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14}}
)

const (
	digestBytes = 8
	inputBytes  = 40 // nonce and root
)

// compression traces BLAKE2b over nonce and root.
func compression() *program {
	p := &program{index: map[string]int{}, reads: map[string]int{}}
	message := [16]operand{{kind: live, name: "nonce"}}
	for i := 1; i <= 4; i++ {
		message[i] = operand{kind: root, name: fmt.Sprintf("m%d", i)}
	}
	h0 := iv[0] ^ (0x01010000 | digestBytes)
	for i, word := range iv {
		p.state[i] = operand{fixed: word}
		p.state[i+8] = operand{fixed: word}
	}
	p.state[0] = operand{fixed: h0}
	p.state[12].fixed ^= inputBytes
	p.state[14].fixed ^= ^uint64(0) // the last block
	for _, order := range sigma {
		p.halfRound(columns, [8]int(order[:8]), &message)
		p.halfRound(diagonals, [8]int(order[8:]), &message)
	}
	p.result = []operand{p.state[0], p.state[8], {fixed: h0}}
	p.dropDead()
	return p
}

// halfRound traces four independent mixings step by step, side by side.
func (p *program) halfRound(mixings [4][4]int, order [8]int, message *[16]operand) {
	first := p.mixing
	side := func(step func(i int, g [4]int)) {
		for i, g := range mixings {
			p.mixing = first + i
			step(i, g)
		}
	}
	for half, rotate := range [2][2]int{{32, 24}, {16, 63}} {
		side(func(i int, g [4]int) {
			p.add(g[0], p.state[g[0]], message[order[2*i+half]], p.state[g[1]])
		})
		side(func(_ int, g [4]int) { p.xor(g[3], rotate[0], p.state[g[3]], p.state[g[0]]) })
		side(func(_ int, g [4]int) { p.add(g[2], p.state[g[2]], p.state[g[3]]) })
		side(func(_ int, g [4]int) { p.xor(g[1], rotate[1], p.state[g[1]], p.state[g[2]]) })
	}
	p.mixing++
}

// inSequence returns the body with one mixing after the other instead of four
// side by side.
func (p *program) inSequence() []instruction {
	return slices.SortedStableFunc(slices.Values(p.body), func(a, b instruction) int {
		return a.mixing - b.mixing
	})
}

// add makes state word to the sum of the operands.
func (p *program) add(to int, args ...operand) {
	early, late := p.merge(" + ", func(a, b uint64) uint64 { return a + b }, args)
	if len(late) == 0 {
		p.state[to] = early
		return
	}
	// What is known per root goes second, not last: the last operand is the
	// one that is ready last.
	sum := late[:1:1]
	if early.kind != fixed || early.fixed != 0 {
		sum = append(sum, early)
	}
	p.emit(to, instruction{add: true, args: append(sum, late[1:]...)})
}

// xor makes state word to the exclusive or of the operands, rotated right.
func (p *program) xor(to, rotate int, args ...operand) {
	early, late := p.merge(" ^ ", func(a, b uint64) uint64 { return a ^ b }, args)
	if len(late) > 0 {
		if early.kind != fixed || early.fixed != 0 {
			late = append(late, early)
		}
		p.emit(to, instruction{args: late, rotate: rotate})
		return
	}
	if early.kind == fixed {
		p.state[to] = operand{fixed: early.fixed>>rotate | early.fixed<<(64-rotate)}
		return
	}
	p.state[to] = p.define(fmt.Sprintf("bits.RotateLeft64(%s, %d)", early.name, 64-rotate))
}

// merge computes the part of a sum or exclusive or that does not wait for the
// nonce as one operand, and returns the live operands beside it.
func (p *program) merge(sign string, fold func(a, b uint64) uint64, args []operand) (early operand, late []operand) {
	text := ""
	for _, arg := range args {
		switch arg.kind {
		case fixed:
			early.fixed = fold(early.fixed, arg.fixed)
		case root:
			if early.kind == root {
				text += sign
			}
			early.kind, early.name = root, arg.name
			text += arg.name
		case live:
			late = append(late, arg)
		}
	}
	if early.kind == fixed || early.fixed == 0 && text == early.name {
		return early, late
	}
	if early.fixed != 0 {
		text += sign + fmt.Sprintf("%#x", early.fixed)
	}
	return p.define(text), late
}

// define gives an expression over the root a variable.
func (p *program) define(expression string) operand {
	name := fmt.Sprintf("t%d", len(p.setup))
	p.setup = append(p.setup, name+" := "+expression)
	return operand{kind: root, name: name}
}

// emit appends an instruction that computes state word to.
func (p *program) emit(to int, in instruction) {
	in.to, in.mixing = fmt.Sprintf("v%d", to), p.mixing
	p.body = append(p.body, in)
	p.state[to] = operand{kind: live, name: in.to}
}

// dropDead removes the instructions whose result nobody reads, then numbers the
// constants that the rest reads. Plain numbers are among them: written as
// literals, the Go compiler would reorder the sums to add them as late as it
// can, over and over, which costs a third more additions.
func (p *program) dropDead() {
	needed := map[string]bool{}
	for _, arg := range p.result {
		needed[arg.name] = true
	}
	kept := make([]bool, len(p.body))
	for i := len(p.body) - 1; i >= 0; i-- {
		in := p.body[i]
		if kept[i] = needed[in.to]; !kept[i] {
			continue
		}
		delete(needed, in.to)
		for _, arg := range in.args {
			needed[arg.name] = true
		}
	}
	rest := p.body[:0]
	for i, in := range p.body {
		if !kept[i] {
			continue
		}
		rest = append(rest, in)
		p.number(in.args)
	}
	for i := range rest {
		rest[i].step = i
	}
	p.body = rest
	p.number(p.result)
}

// number gives the constants among the operands an index, by how often they are
// read.
func (p *program) number(args []operand) {
	for _, arg := range args {
		if arg.kind == live {
			continue
		}
		if p.reads[arg.early()]++; p.reads[arg.early()] == 1 {
			p.constants = append(p.constants, arg.early())
		}
	}
	slices.SortStableFunc(p.constants, func(a, b string) int { return p.reads[b] - p.reads[a] })
	for i, name := range p.constants {
		p.index[name] = i
	}
}
