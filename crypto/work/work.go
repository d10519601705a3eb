// Package work computes, checks and searches the proof of work of blocks: a
// nonce whose digest with the block's root reaches a threshold. It knows roots
// and thresholds as plain bytes and numbers, and no block or network.
package work

//go:generate go run ./gen

// Value returns the value of a nonce for a root: the 8-byte BLAKE2b digest of
// the nonce (little-endian) and the root, read as a little-endian integer.
func Value(root [32]byte, nonce uint64) uint64 {
	var c constants
	c.set(&root)
	return compress(&c, nonce)
}

// Valid reports whether the value of the nonce reaches the threshold.
func Valid(root [32]byte, nonce, threshold uint64) bool {
	return Value(root, nonce) >= threshold
}
