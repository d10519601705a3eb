package main

import (
	"fmt"
	"slices"
	"strings"
)

// A vector kernel computes the values of several nonces in the lanes of vector
// registers. It is assembly because the Go compiler has no vector types. With
// the vectors go lone nonces in the general registers, whose units would have
// nothing to do. A kernel repeats that for the nonces that come next until a
// value reaches the threshold. It is a straight line apart from this.
//
// The loop is in assembly because a kernel is long. Zen 4 keeps what it has
// decoded in entries of at most nine instructions out of the same 64 bytes, and
// has 12 of them for all addresses that are equal in bits 6 to 11. A line of up to
// 24 KB, which is 64 bytes at each of these six times, takes all 12: so nothing
// else may run in the loop, or it is decoded again every time and takes a fifth
// longer. And so most operands in memory are within 128 bytes of a pointer, which
// takes one byte to say instead of four.

const (
	loneAVX2   = 1 // as many as do not slow down the vectors
	loneAVX512 = 2
)

// lone is the part of a kernel that is for single nonces in general registers.
type lone struct {
	compress  string // computes their values, one after the other
	end       string // moves them on, looks at the values, and repeats the kernel
	advance   string // operands in memory
	threshold string
}

// newLone appends to the block what all kernels have there.
func newLone(p *program, b *block, count int, registers string, constant func(index int) string, at func(offset int) string) (l lone) {
	nonces, values := b.field("loneNonces", count), b.field("loneValues", count)
	l.advance, l.threshold = at(b.field("advance")), at(b.field("threshold"))
	left := at(b.field("left"))
	moved, most := 8*b.words, 0
	add, compare := "", ""
	for i := range count {
		nonce, value := at(nonces+8*i), at(values+8*i)
		e := expansion{unit: &unit{
			add: "ADDQ", xor: "XORQ", move: "MOVQ", rotate: rotateWord,
			registers: strings.Fields(registers),
			inPlace:   true,
			constant:  constant,
			nonce:     func(int) string { return nonce },
			result:    func(int) string { return value },
			place:     func(slot int) string { return at(moved + 8*slot) },
		}}
		e.expand(p, 0, 1)
		text, places := allocate(&e, inOrder(len(e.operations)))
		l.compress += text
		most = max(most, places)
		add += "\tADDQ DI, " + nonce + "\n"
		compare += "\tCMPQ DI, " + value + "\n\tJLS found\n"
	}
	b.field("loneMoved", most)
	l.end = "\tMOVQ " + l.advance + ", DI\n" + add +
		"\tTESTL SI, SI\n\tJNZ found\n" +
		"\tMOVQ " + l.threshold + ", DI\n" + compare +
		"\tDECQ " + left + "\n\tJNZ again\n"
	return l
}

func rotateWord(e *expansion, value, right int) (rotated int) {
	return e.append("RORQ", fmt.Sprintf("$%d", right), 1, value)
}

func inOrder(n int) (order []int) {
	for i := range n {
		order = append(order, i)
	}
	return order
}

// printAVX512 prints the compression of 16 nonces, two vectors of eight, and of
// two more. Each vector has 16 registers for its 16 state words and needs no
// other: a rotation is one instruction, and what is not in a register is read
// from memory as an operand, one number repeated for all lanes. The four mixings
// of a half-round stay side by side, in two vectors: one vector would leave gaps,
// since every step of it waits for the last.
func printAVX512(p *program) (b *block, text []byte) {
	b = &block{name: "blockAVX512"}
	at := func(offset int) string { return fmt.Sprintf("%d(AX)", offset-128) }
	constants := b.field("constants", len(p.constants))
	constant := func(index int) string { return at(constants + 8*index) }
	lone := newLone(p, b, loneAVX512, "BX CX DX SI DI BP R8 R9 R10 R11 R12 R13 R14 R15", constant, at)
	b.pad(8)
	nonces, values := b.field("nonces", 16), b.field("values", 16)
	e := expansion{unit: &unit{
		add: "VPADDQ", xor: "VPXORQ", move: "VMOVDQU64", repeats: ".BCST",
		registers: numbered("Z", 32),
		constant:  constant,
		nonce:     func(stream int) string { return at(nonces + 64*stream) },
		result:    func(stream int) string { return at(values + 64*stream) },
		place:     func(int) string { panic("gen: a value has no register") },
		rotate: func(e *expansion, value, right int) int {
			return e.append("VPRORQ", fmt.Sprintf("$%d", right), 1, value)
		},
	}}
	for stream := range streams {
		e.expand(p, stream, streams)
	}
	order := inOrder(len(e.operations))
	slices.SortStableFunc(order, func(a, b int) int { return e.operations[a].step - e.operations[b].step })
	vectors, _ := allocate(&e, order)
	body := weave(vectors, lone.compress) + endAVX512(&e, lone)
	return b, b.kernel("compressAVX512", "\tLEAQ 128(AX), AX\n", body, lone.end)
}

// endAVX512 prints what moves the nonces on and looks at the values.
func endAVX512(e *expansion, l lone) string {
	var text strings.Builder
	print := func(format string, args ...any) { fmt.Fprintf(&text, "\t"+format+"\n", args...) }
	print("VPBROADCASTQ %s, Z0", l.advance)
	print("VPBROADCASTQ %s, Z1", l.threshold)
	for stream := range streams {
		print("VPADDQ %s, Z0, Z2", e.nonce(stream))
		print("VMOVDQU64 Z2, %s", e.nonce(stream))
		print("VPCMPUQ $2, %s, Z1, K%d", e.result(stream), stream+1) // less or equal
	}
	print("KORW K1, K2, K1")
	print("KMOVW K1, SI")
	return text.String()
}

func numbered(letter string, count int) (names []string) {
	for i := range count {
		names = append(names, fmt.Sprint(letter, i))
	}
	return names
}
