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
// from memory as an operand, one number repeated for all lanes. Two vectors side
// by side fill the gaps that one would leave, since every step of it waits for
// the last.
func printAVX512(p *program) (b *block, text []byte) {
	b = &block{name: "blockAVX512"}
	at := func(offset int) string { return fmt.Sprintf("%d(AX)", offset-128) }
	constants := b.field("constants", len(p.constants))
	constant := func(index int) string { return at(constants + 8*index) }
	lone := newLone(p, b, loneAVX512, "BX CX DX SI DI BP R8 R9 R10 R11 R12 R13 R14 R15", constant, at)
	b.pad(8)
	nonces, values := b.field("nonces", 16), b.field("values", 16)

	w := wide{register: func(stream int, word string) string {
		var n int
		mustScan(word, "v%d", &n)
		return fmt.Sprintf("Z%d", n+16*stream)
	}}
	w.operand = func(stream int, o operand) (broadcast, text string) {
		switch {
		case o.kind != live:
			return ".BCST", constant(p.index[o.early()])
		case o.name == "nonce":
			return "", at(nonces + 64*stream)
		}
		return "", w.register(stream, o.name)
	}
	result := w.compress(p)
	body := weave(w.text.String(), lone.compress)
	w.text.Reset()
	w.end(lone, result, func(stream int) string { return at(nonces + 64*stream) }, func(stream int) string { return at(values + 64*stream) })
	return b, b.kernel("compressAVX512", "\tLEAQ 128(AX), AX\n", body+w.text.String(), lone.end)
}

// end prints what moves the nonces on and looks at the values.
func (w *wide) end(l lone, result string, nonces, values func(stream int) string) {
	w.print("VPBROADCASTQ %s, Z1", l.advance)
	w.print("VPBROADCASTQ %s, Z2", l.threshold)
	for stream := range streams {
		value := w.register(stream, result)
		w.print("VMOVDQU64 %s, %s", value, values(stream))
		w.print("VPADDQ %s, Z1, Z3", nonces(stream))
		w.print("VMOVDQU64 Z3, %s", nonces(stream))
		w.print("VPCMPUQ $5, Z2, %s, K%d", value, stream+1) // not less
	}
	w.print("KORW K1, K2, K1")
	w.print("KMOVW K1, SI")
}

// wide prints the program with a register for each state word.
type wide struct {
	text     strings.Builder
	register func(stream int, word string) string
	operand  func(stream int, o operand) (broadcast, text string)
}

func (w *wide) print(format string, args ...any) { fmt.Fprintf(&w.text, "\t"+format+"\n", args...) }

// step prints one instruction of both vectors.
func (w *wide) step(name string, o operand, from, to string) {
	for stream := range streams {
		broadcast, with := w.operand(stream, o)
		w.print("%s%s %s, %s, %s", name, broadcast, with, w.register(stream, from), w.register(stream, to))
	}
}

// compress prints the compression and returns the word that has the result.
func (w *wide) compress(p *program) (word string) {
	for _, in := range p.body {
		name := "VPXORQ"
		if in.add {
			name = "VPADDQ"
		}
		from, rest := takeRegister(in)
		if from == "" { // only the nonce itself
			from = in.to
			for stream := range streams {
				_, nonces := w.operand(stream, operand{kind: live, name: "nonce"})
				w.print("VMOVDQU64 %s, %s", nonces, w.register(stream, from))
			}
		}
		for _, o := range rest {
			w.step(name, o, from, in.to)
			from = in.to
		}
		for stream := range streams {
			if r := w.register(stream, in.to); !in.add {
				w.print("VPRORQ $%d, %s, %s", in.rotate, r, r)
			}
		}
	}
	word, rest := takeRegister(instruction{to: p.result[0].name, args: p.result})
	for _, o := range rest {
		w.step("VPXORQ", o, word, word)
	}
	return word
}

// takeRegister returns the operand that an instruction starts from, which has to
// be in a register: the one that it overwrites if there is one, or else the
// first in a register. It is empty where only the nonce is live.
func takeRegister(in instruction) (from string, rest []operand) {
	at := -1
	for i, o := range in.args {
		if o.kind != live || o.name == "nonce" {
			continue
		}
		if at < 0 || o.name == in.to {
			at = i
		}
	}
	if at < 0 {
		return "", slices.DeleteFunc(slices.Clone(in.args), func(o operand) bool { return o.name == "nonce" })
	}
	return in.args[at].name, slices.Delete(slices.Clone(in.args), at, at+1)
}

func mustScan(text, format string, to any) {
	if _, err := fmt.Sscanf(text, format, to); err != nil {
		panic("gen: no state word: " + text)
	}
}
