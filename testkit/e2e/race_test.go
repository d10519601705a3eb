//go:build race

package e2e

// buildFlags build the program like the tests.
var buildFlags = []string{"-race"}
