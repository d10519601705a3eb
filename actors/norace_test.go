//go:build !race

package actors_test

// slowness is by how much the race detector slows down what checks signatures.
const slowness = 1
