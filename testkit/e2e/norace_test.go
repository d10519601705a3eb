//go:build !race

package e2e

// buildFlags build the program like the tests.
var buildFlags []string

// slowness is by how much the program may be slower than usual.
const slowness = 1
