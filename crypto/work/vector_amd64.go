package work

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// compressAVX2 computes the values of nine nonces, eight in vectors and a lone
// one, and adds advance to the nonces. Unless a value reaches the threshold it
// does so again, as often as left says.
//
//go:noescape
func compressAVX2(b *blockAVX2)

// compressAVX512 does the same with eighteen nonces, sixteen in vectors.
//
//go:noescape
func compressAVX512(b *blockAVX512)

// vectorKernels are those that this processor and its operating system can run.
var vectorKernels = func() (k []Kernel) {
	if cpu.X86.HasAVX2 {
		k = append(k, Kernel{"avx2", avx2})
	}
	if cpu.X86.HasAVX512F {
		k = append(k, Kernel{"avx512", avx512})
	}
	return k
}()

func avx2(c *constants, threshold, step uint64) func(uint64) (uint64, bool) {
	const lanes = len(blockAVX2{}.nonces) + len(blockAVX2{}.loneNonces)
	b := aligned[blockAVX2]()
	b.set(c)
	b.threshold, b.advance = threshold, uint64(lanes)*step
	return func(from uint64) (uint64, bool) {
		spread(b.loneNonces[:], spread(b.nonces[:], from, step), step)
		b.left = uint64(Batch / lanes)
		compressAVX2(b)
		if nonce, found := reached(b.values[:], b.nonces[:], threshold); found {
			return nonce - b.advance, true
		}
		if nonce, found := reached(b.loneValues[:], b.loneNonces[:], threshold); found {
			return nonce - b.advance, true
		}
		return 0, false
	}
}

// set fills in the constants of a new block.
func (b *blockAVX2) set(c *constants) {
	for i, v := range c {
		b.constants[len(c)-1-i] = [4]uint64{v, v, v, v}
	}
	for i, turned := range []*[4]uint64{&b.turn16, &b.turn24} {
		for lane := range turned {
			for to := range 8 {
				from := uint64(lane%2*8 | (to+2+i)%8)
				turned[lane] |= from << (8 * to)
			}
		}
	}
}

func avx512(c *constants, threshold, step uint64) func(uint64) (uint64, bool) {
	const lanes = len(blockAVX512{}.nonces) + len(blockAVX512{}.loneNonces)
	b := aligned[blockAVX512]()
	b.constants, b.threshold, b.advance = *c, threshold, uint64(lanes)*step
	return func(from uint64) (uint64, bool) {
		spread(b.loneNonces[:], spread(b.nonces[:], from, step), step)
		b.left = uint64(Batch / lanes)
		compressAVX512(b)
		if nonce, found := reached(b.values[:], b.nonces[:], threshold); found {
			return nonce - b.advance, true
		}
		if nonce, found := reached(b.loneValues[:], b.loneNonces[:], threshold); found {
			return nonce - b.advance, true
		}
		return 0, false
	}
}

// reached returns the nonce whose value reaches the threshold, if there is one.
func reached(values, nonces []uint64, threshold uint64) (nonce uint64, found bool) {
	for i, v := range values {
		if v >= threshold {
			return nonces[i], true
		}
	}
	return 0, false
}

// spread sets the elements to first, first+step and so on, and returns what
// comes after the last.
func spread(to []uint64, first, step uint64) (next uint64) {
	for i := range to {
		to[i] = first
		first += step
	}
	return first
}

// aligned returns a new T at a multiple of 64 bytes: a vector that reaches from
// one line of the cache into the next takes twice as long to read. T has no
// pointers.
func aligned[T any]() *T {
	const line = 64
	var t T
	memory := make([]byte, unsafe.Sizeof(t)+line-1)
	over := uintptr(unsafe.Pointer(&memory[0])) % line
	return (*T)(unsafe.Pointer(&memory[(line-over)%line]))
}
