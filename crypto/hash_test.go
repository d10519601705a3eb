package crypto

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/crypto/blake2b"
)

// TestSums compares the digests of parts with that of the whole.
func TestSums(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	random := rand.New(source)
	for range 500 {
		var parts [][]byte
		for range random.IntN(5) {
			part := make([]byte, random.IntN(200))
			source.Read(part)
			parts = append(parts, part)
		}
		whole := bytes.Join(parts, nil)
		digest := func(size int) []byte {
			h, err := blake2b.New(size, nil)
			if err != nil {
				t.Fatal(err)
			}
			h.Write(whole)
			return h.Sum(nil)
		}
		if got := Sum256(parts...); !bytes.Equal(got[:], digest(32)) {
			t.Fatalf("Sum256 of %x is %x", parts, got)
		}
		if got := Sum40(parts...); !bytes.Equal(got[:], digest(5)) {
			t.Fatalf("Sum40 of %x is %x", parts, got)
		}
		if got := Sum64(parts...); got != binary.LittleEndian.Uint64(digest(8)) {
			t.Fatalf("Sum64 of %x is %x", parts, got)
		}
	}
}

func TestSum256DoesNotAllocate(t *testing.T) {
	first, second, long := make([]byte, 32), make([]byte, joinLimit-32), make([]byte, 10_000)
	if n := testing.AllocsPerRun(100, func() { Sum256(first, second) }); n != 0 {
		t.Errorf("%v allocations for two parts", n)
	}
	if n := testing.AllocsPerRun(100, func() { Sum256(long) }); n != 0 {
		t.Errorf("%v allocations for one long part", n)
	}
}
