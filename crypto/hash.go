package crypto

import (
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/blake2b"
)

// joinLimit is the largest input that is joined on the stack and hashed without
// an allocation: a block's preamble and body (176 bytes) and a vote for a few
// hashes fit.
const joinLimit = 256

// Sum256 returns the unkeyed 32-byte BLAKE2b digest of the parts, one after
// the other. It does not allocate when there is one part or all parts together
// have at most 256 bytes.
func Sum256(parts ...[]byte) [32]byte {
	if len(parts) == 1 {
		return blake2b.Sum256(parts[0])
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	if size <= joinLimit {
		var joined [joinLimit]byte
		end := 0
		for _, part := range parts {
			end += copy(joined[end:], part)
		}
		return blake2b.Sum256(joined[:end])
	}
	var digest [32]byte
	sum(digest[:0], 32, parts)
	return digest
}

// Sum64 returns the unkeyed 8-byte BLAKE2b digest of the parts, one after the
// other, read as a little-endian integer.
func Sum64(parts ...[]byte) uint64 {
	var digest [8]byte
	sum(digest[:0], 8, parts)
	return binary.LittleEndian.Uint64(digest[:])
}

// Sum40 returns the unkeyed 5-byte BLAKE2b digest of the parts, one after the
// other: the checksum of an address.
func Sum40(parts ...[]byte) [5]byte {
	var digest [5]byte
	sum(digest[:0], 5, parts)
	return digest
}

// sum appends the digest of the given size to out.
func sum(out []byte, size int, parts [][]byte) {
	h := newHash(size)
	for _, part := range parts {
		h.Write(part)
	}
	h.Sum(out)
}

func newHash(size int) hash.Hash {
	h, err := blake2b.New(size, nil)
	if err != nil {
		panic("crypto: blake2b refuses a digest of a fixed, legal size: " + err.Error())
	}
	return h
}
