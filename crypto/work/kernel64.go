//go:build !(386 || arm || mips || mipsle)

package work

func compress(c *constants, nonce uint64) uint64 { return compressWords(c, nonce) }
