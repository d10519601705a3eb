// Command gen writes the compression functions of package work.
//
// It runs BLAKE2b's compression once, symbolically, for the one input that work
// is made of: 8 bytes of nonce, 32 bytes of root, zeros up to the block's end,
// an 8-byte digest. What does not depend on the nonce is computed here (when it
// is a plain number) or moved into a function that runs once per root; zero
// message words vanish; what the first output word does not need is dropped.
// The remaining straight line is printed twice: with 64-bit words, and with
// every word as two 32-bit halves, of which compilers for 32-bit processors make
// faster code. It is printed twice more as assembly for the vector units of
// amd64, where one instruction works on several nonces.
//
// Run it with go generate in package work. A test there fails when the files
// are not what this program writes.
package main

import (
	"fmt"
	"os"
)

func main() {
	for name, text := range files() {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			fmt.Fprintf(os.Stderr, "gen: cannot write the generated file: %v\n", err)
			os.Exit(1)
		}
	}
}

// files returns the generated files by name.
func files() map[string][]byte {
	p := compression()
	avx2, avx2Text := printAVX2(p)
	avx512, avx512Text := printAVX512(p)
	return map[string][]byte{
		"constants.go":  printConstants(p),
		"compress64.go": printWords(p),
		"compress32.go": printHalves(p),

		"blocks_amd64.go":         printBlocks(avx2, avx512),
		"compress_avx2_amd64.s":   avx2Text,
		"compress_avx512_amd64.s": avx512Text,
	}
}
