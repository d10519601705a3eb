package work

import "golang.org/x/sys/cpu"

// compressAVX2 computes the values of eight nonces and then adds advance to
// these.
//
//go:noescape
func compressAVX2(c *repeated, nonces, values, advance *[8]uint64)

// compressAVX512 computes the values of sixteen nonces and then adds advance to
// these.
//
//go:noescape
func compressAVX512(c *constants, nonces, values, advance *[16]uint64)

// repeated has each constant once per lane.
type repeated [len(constants{})][4]uint64

func (r *repeated) set(c *constants) {
	for i, v := range c {
		r[i] = [4]uint64{v, v, v, v}
	}
}

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
	var r repeated
	r.set(c)
	var nonces, values, advance [8]uint64
	spread(advance[:], uint64(len(nonces))*step, 0)
	return func(from uint64) (uint64, bool) {
		spread(nonces[:], from, step)
		for range checkEvery / len(nonces) {
			compressAVX2(&r, &nonces, &values, &advance)
			for i, v := range values {
				if v >= threshold {
					return nonces[i] - advance[i], true
				}
			}
		}
		return 0, false
	}
}

func avx512(c *constants, threshold, step uint64) func(uint64) (uint64, bool) {
	var nonces, values, advance [16]uint64
	spread(advance[:], uint64(len(nonces))*step, 0)
	return func(from uint64) (uint64, bool) {
		spread(nonces[:], from, step)
		for range checkEvery / len(nonces) {
			compressAVX512(c, &nonces, &values, &advance)
			for i, v := range values {
				if v >= threshold {
					return nonces[i] - advance[i], true
				}
			}
		}
		return 0, false
	}
}

// spread sets the elements to first, first+step and so on.
func spread(to []uint64, first, step uint64) {
	for i := range to {
		to[i] = first + uint64(i)*step
	}
}
