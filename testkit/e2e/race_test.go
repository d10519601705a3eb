//go:build race

package e2e

// buildFlags build the program like the tests.
var buildFlags = []string{"-race"}

// slowness is by how much the program may be slower than usual.
const slowness = 5
