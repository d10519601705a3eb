package work

import (
	"encoding/binary"
	"hash"
	"math/rand/v2"
	"testing"

	"golang.org/x/crypto/blake2b"
)

// reference computes values with x/crypto, with one hasher for all of them.
type reference struct{ hasher hash.Hash }

func newReference(t testing.TB) reference {
	h, err := blake2b.New(8, nil)
	if err != nil {
		t.Fatal(err)
	}
	return reference{h}
}

func (r reference) value(input *[40]byte) uint64 {
	var digest [8]byte
	r.hasher.Reset()
	r.hasher.Write(input[:])
	return binary.LittleEndian.Uint64(r.hasher.Sum(digest[:0]))
}

// TestCompressions compares both compressions, whichever this platform uses,
// with x/crypto.
func TestCompressions(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	want := newReference(t)
	check := func(input *[40]byte) {
		t.Helper()
		nonce, root := binary.LittleEndian.Uint64(input[:8]), [32]byte(input[8:])
		var c constants
		c.set(&root)
		value := want.value(input)
		if got := compressWords(&c, nonce); got != value {
			t.Fatalf("input %x: 64-bit value %x, want %x", *input, got, value)
		}
		if got := compressHalves(&c, nonce); got != value {
			t.Fatalf("input %x: 32-bit value %x, want %x", *input, got, value)
		}
		if got := Value(root, nonce); got != value {
			t.Fatalf("input %x: value %x, want %x", *input, got, value)
		}
	}
	var input [40]byte
	for range 20_000 {
		random.Read(input[:])
		check(&input)
	}
	for bit := range 320 { // each bit alone, and all but each
		input = [40]byte{}
		input[bit/8] = 1 << (bit % 8)
		check(&input)
		for i := range input {
			input[i] = ^input[i]
		}
		check(&input)
	}
}

func BenchmarkValue(b *testing.B) {
	root, nonce := counting(), uint64(0)
	for b.Loop() {
		Value(root, nonce)
		nonce++
	}
}

// The three below do the same as the loop of a search: one root, many nonces.

func BenchmarkValueWords(b *testing.B)  { benchmarkCompress(b, compressWords) }
func BenchmarkValueHalves(b *testing.B) { benchmarkCompress(b, compressHalves) }

func benchmarkCompress(b *testing.B, compress func(*constants, uint64) uint64) {
	root, nonce := counting(), uint64(0)
	var c constants
	c.set(&root)
	for b.Loop() {
		compress(&c, nonce)
		nonce++
	}
}

// BenchmarkKernels is the time of a value in a search.
func BenchmarkKernels(b *testing.B) {
	for _, k := range Kernels() {
		b.Run(k.Name, func(b *testing.B) {
			k.Try(counting(), impossible, 0, b.N)
		})
	}
}

func BenchmarkValueReference(b *testing.B) {
	root := counting()
	var input [40]byte
	copy(input[8:], root[:])
	r, nonce := newReference(b), uint64(0)
	for b.Loop() {
		binary.LittleEndian.PutUint64(input[:8], nonce)
		r.value(&input)
		nonce++
	}
}
