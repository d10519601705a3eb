package work

import (
	"math/rand/v2"
	"testing"
)

// lanes computes values with the assembly of a vector kernel, as many nonces at
// once as it has lanes.
type lanes struct {
	name   string
	values func(c *constants, nonces []uint64) []uint64
	count  int
}

func vectorLanes(t testing.TB) (all []lanes) {
	for _, k := range vectorKernels {
		switch k.Name {
		case "avx2":
			all = append(all, lanes{k.Name, func(c *constants, nonces []uint64) []uint64 {
				b := aligned[blockAVX2]()
				b.set(c)
				b.left = 1
				copy(b.loneNonces[:], nonces[copy(b.nonces[:], nonces):])
				compressAVX2(b)
				return append(b.values[:], b.loneValues[:]...)
			}, len(blockAVX2{}.nonces) + len(blockAVX2{}.loneNonces)})
		case "avx512":
			all = append(all, lanes{k.Name, func(c *constants, nonces []uint64) []uint64 {
				b := aligned[blockAVX512]()
				b.constants = *c
				b.left = 1
				copy(b.loneNonces[:], nonces[copy(b.nonces[:], nonces):])
				compressAVX512(b)
				return append(b.values[:], b.loneValues[:]...)
			}, len(blockAVX512{}.nonces) + len(blockAVX512{}.loneNonces)})
		default:
			t.Fatalf("kernel %s has no test", k.Name)
		}
	}
	return all
}

// agree compares every lane with the portable compression.
func (l lanes) agree(t testing.TB, root [32]byte, nonces []uint64) {
	t.Helper()
	var c constants
	c.set(&root)
	for i, got := range l.values(&c, nonces) {
		if want := compress(&c, nonces[i]); got != want {
			t.Fatalf("%s: root %x, lane %d, nonce %x: value %x, want %x", l.name, root, i, nonces[i], got, want)
		}
	}
}

func TestLanes(t *testing.T) {
	for _, l := range vectorLanes(t) {
		if Batch%l.count != 0 {
			t.Errorf("%s tries %d nonces at once, which does not divide %d", l.name, l.count, Batch)
		}
		random := rand.NewChaCha8([32]byte{2})
		var root [32]byte
		nonces := make([]uint64, l.count)
		for range 5_000 {
			random.Read(root[:])
			for i := range nonces {
				nonces[i] = random.Uint64()
			}
			l.agree(t, root, nonces)
		}
		for bit := range 64 { // lanes do not read each other
			for lane := range nonces {
				clear(nonces)
				nonces[lane] = 1 << bit
				l.agree(t, root, nonces)
			}
		}
	}
}

func FuzzLanes(f *testing.F) {
	f.Add(make([]byte, 32), uint64(0), uint64(1))
	f.Add([]byte("seed of a root that is longer than needed"), ^uint64(0), uint64(1)<<63)
	f.Fuzz(func(t *testing.T, text []byte, from, step uint64) {
		var root [32]byte
		copy(root[:], text)
		for _, l := range vectorLanes(t) {
			nonces := make([]uint64, l.count)
			for i := range nonces {
				nonces[i] = from + uint64(i)*step
			}
			l.agree(t, root, nonces)
		}
	})
}
