package work

import "context"

// Batch is how many nonces a thread tries between two looks at its context:
// about 5 ms on a slow 32-bit processor. It is a multiple of how many each kernel
// tries at once, 9 and 18.
const Batch = 7 * 9 * 18

// Kernel is one way to compute the values of many nonces. All give the same
// results; they differ in speed.
type Kernel struct {
	// Name is portable, avx2 or avx512.
	Name string
	// prepare returns what a search of one thread does between two looks at its
	// context: it tries Batch nonces, step apart, and returns the first whose
	// value reaches the threshold. It is called by one goroutine at a time.
	prepare func(c *constants, threshold, step uint64) func(from uint64) (nonce uint64, found bool)
}

// Kernels returns the kernels that run on this processor, the fastest last. The
// package's Search uses that.
func Kernels() []Kernel { return append([]Kernel{{"portable", portable}}, vectorKernels...) }

var fastest = Kernels()[len(Kernels())-1]

// Search is like the function of this name, with this kernel.
func (k Kernel) Search(ctx context.Context, root [32]byte, threshold uint64, start uint64, threads int) (nonce uint64, err error) {
	return searchWith(ctx, k, root, threshold, start, threads)
}

// Try tries count nonces, rounded up to a multiple of Batch, from one on and
// returns the first whose value reaches the threshold.
func (k Kernel) Try(root [32]byte, threshold, from uint64, count int) (nonce uint64, found bool) {
	var c constants
	c.set(&root)
	tries := k.prepare(&c, threshold, 1)
	for ; count > 0; count -= Batch {
		if nonce, found := tries(from); found {
			return nonce, true
		}
		from += Batch
	}
	return 0, false
}

func portable(c *constants, threshold, step uint64) func(uint64) (uint64, bool) {
	return func(nonce uint64) (uint64, bool) {
		for range Batch {
			if compress(c, nonce) >= threshold {
				return nonce, true
			}
			nonce += step
		}
		return 0, false
	}
}
