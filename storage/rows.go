package storage

import (
	"encoding/binary"
	"math/bits"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/messages/lattice"
)

// heightBits is how much of a block number is the height.
const heightBits = 28

// MaxHeight is the longest chain of one account that a file can hold. A block
// above it is refused.
const MaxHeight = 1<<heightBits - 1

// accountID is the number of a key in a file, from 1; 0 is none.
type accountID int64

// blockID is where a block stands: account << heightBits | height.
type blockID int64

func (a accountID) at(height uint64) blockID { return blockID(a)<<heightBits | blockID(height) }

func (b blockID) account() accountID { return accountID(b >> heightBits) }
func (b blockID) height() uint64     { return uint64(b & MaxHeight) }

// prefixOf returns the first 48 bits of a key or hash, moved to where SQLite
// needs six bytes for them.
func prefixOf(key [32]byte) int64 { return int64(binary.BigEndian.Uint64(key[:8])>>16) - 1<<47 }

// amountBlob returns the bytes of an amount from the first that is not zero,
// in the space given.
func amountBlob(a lattice.Amount, space *[16]byte) []byte {
	binary.BigEndian.PutUint64(space[:8], a.Hi)
	binary.BigEndian.PutUint64(space[8:], a.Lo)
	zeros := bits.LeadingZeros64(a.Hi)
	if a.Hi == 0 {
		zeros += bits.LeadingZeros64(a.Lo)
	}
	return space[zeros/8:]
}

func bindAmount(s *sqlite.Stmt, param int, a lattice.Amount) {
	var space [16]byte
	b := amountBlob(a, &space)
	if len(b) == 0 {
		s.BindZeroBlob(param, 0) // an empty slice would be bound as NULL
		return
	}
	s.BindBytes(param, b)
}

// readAmount reads what bindAmount wrote; longer blobs are read as corrupt by
// whoever checks balances, and cannot overrun anything here.
func readAmount(s *sqlite.Stmt, column int) lattice.Amount {
	var space [16]byte
	n := min(s.ColumnLen(column), len(space))
	s.ColumnBytes(column, space[len(space)-n:])
	return lattice.Amount{Hi: binary.BigEndian.Uint64(space[:8]), Lo: binary.BigEndian.Uint64(space[8:])}
}

// read32 reads a key or hash.
func read32(s *sqlite.Stmt, column int) (b [32]byte) {
	s.ColumnBytes(column, b[:])
	return b
}
