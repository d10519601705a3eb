package work

import "golang.org/x/sys/cpu"

// compressAVX2 computes the values of four nonces.
//
//go:noescape
func compressAVX2(c *repeated, nonces, values *[4]uint64)

// compressAVX512 computes the values of sixteen nonces.
//
//go:noescape
func compressAVX512(c *constants, nonces, values *[16]uint64)

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
	var nonces, values [4]uint64
	return func(from uint64) (uint64, bool) {
		for i := range nonces {
			nonces[i] = from + uint64(i)*step
		}
		for range checkEvery / len(nonces) {
			compressAVX2(&r, &nonces, &values)
			for i, v := range values {
				if v >= threshold {
					return nonces[i], true
				}
				nonces[i] += uint64(len(nonces)) * step
			}
		}
		return 0, false
	}
}

func avx512(c *constants, threshold, step uint64) func(uint64) (uint64, bool) {
	var nonces, values [16]uint64
	return func(from uint64) (uint64, bool) {
		for i := range nonces {
			nonces[i] = from + uint64(i)*step
		}
		for range checkEvery / len(nonces) {
			compressAVX512(c, &nonces, &values)
			for i, v := range values {
				if v >= threshold {
					return nonces[i], true
				}
				nonces[i] += uint64(len(nonces)) * step
			}
		}
		return 0, false
	}
}
