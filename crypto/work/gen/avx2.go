package main

import (
	"fmt"
	"strings"
)

// printAVX2 prints the compression of eight nonces, two vectors of four, and of
// one more. There are 16 registers for 32 state words, so many of these wait in
// memory. No operand repeats a number for all lanes, so the constants come four
// times each.
func printAVX2(p *program) (b *block, text []byte) {
	b = &block{name: "blockAVX2"}
	values := b.field("values", 8)
	constants := b.field("constants", len(p.constants), 4)
	near := 8*b.words - 4*32 // from the last four constants on, which are read most
	at := func(offset int) string {
		pointers := []string{"AX", "BX", "CX", "DX"}
		i := min(max(0, offset-near)/256, len(pointers)-1)
		return fmt.Sprintf("%d(%s)", offset-near-256*i-128, pointers[i])
	}
	constant := func(index int) string { return at(constants + 32*(len(p.constants)-1-index)) }
	lone := newLone(p, b, loneAVX2, "SI DI BP R8 R9 R10 R11 R12 R13 R14 R15", constant, at)
	b.pad(4)
	nonces, turn16, turn24 := b.field("nonces", 8), b.field("turn16", 4), b.field("turn24", 4)
	moved := 8 * b.words
	e := expansion{unit: &unit{
		add: "VPADDQ", xor: "VPXOR", move: "VMOVDQU",
		registers: numbered("Y", 16),
		constant:  constant,
		nonce:     func(stream int) string { return at(nonces + 32*stream) },
		result:    func(stream int) string { return at(values + 32*stream) },
		place:     func(slot int) string { return at(moved + 32*slot) },
		rotate:    rotateAVX2(map[int]string{16: at(turn16), 24: at(turn24)}),
	}}
	for stream := range streams {
		e.expand(p, stream, streams)
	}
	vectors, places := allocate(&e, schedule(e.operations))
	b.field("moved", places, 4)
	prologue := fmt.Sprintf("\tLEAQ %d(AX), AX\n\tLEAQ 256(AX), BX\n\tLEAQ 512(AX), CX\n\tLEAQ 768(AX), DX\n", near+128)
	return b, b.kernel("compressAVX2", prologue, weave(vectors, lone.compress)+endAVX2(&e, lone), lone.end)
}

// endAVX2 prints what moves the nonces on and looks at the values. The unit
// compares numbers with a sign, which is turned around for this.
func endAVX2(e *expansion, l lone) string {
	var text strings.Builder
	print := func(format string, args ...any) { fmt.Fprintf(&text, "\t"+format+"\n", args...) }
	print("VPBROADCASTQ %s, Y0", l.advance)
	print("VPBROADCASTQ %s, Y1", l.threshold)
	print("VPCMPEQQ Y2, Y2, Y2")
	print("VPSLLQ $63, Y2, Y2")
	print("VPXOR Y1, Y2, Y1")
	for stream := range streams {
		print("VPADDQ %s, Y0, Y3", e.nonce(stream))
		print("VMOVDQU Y3, %s", e.nonce(stream))
		print("VPXOR %s, Y2, Y3", e.result(stream))
		print("VPCMPGTQ Y3, Y1, Y%d", 4+stream)
	}
	print("VPAND Y4, Y5, Y4")
	print("VMOVMSKPD Y4, SI")
	print("XORL $15, SI")
	return text.String()
}

// rotateAVX2 returns how to rotate without an instruction that does: by whole
// bytes with one that moves bytes, in an order read from memory, and by 63 as by
// one to the left.
func rotateAVX2(turns map[int]string) func(e *expansion, value, right int) int {
	return func(e *expansion, value, right int) int {
		switch right {
		case 32:
			return e.append("VPSHUFD", "$0xb1", 1, value)
		case 63:
			twice := e.append(e.add, "", 1, value, value)
			top := e.append("VPSRLQ", "$63", 1, value)
			return e.append(e.xor, "", 1, top, twice)
		}
		return e.append("VPSHUFB", turns[right], 2, value)
	}
}
