package lattice

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/smallnano/smallnano/crypto"
)

// Account is an account's public key. The zero Account is the burn account:
// nobody can open it.
type Account [32]byte

// Hash is the hash of a block. The zero Hash stands for "no block".
type Hash [32]byte

// Root is what the work of a block is made for: the hash of the previous
// block, or the account's key for its first block.
type Root [32]byte

// Link is the third key of a block: the destination of a send, the hash of
// the send for an open or a receive, zero for a change.
type Link [32]byte

// QualifiedRoot is the slot that blocks compete for: a place in the chain of
// one account. It is the key of an election and of a final vote.
type QualifiedRoot struct {
	Account  Account
	Previous Hash
}

// String returns the address of the account.
func (a Account) String() string { return crypto.FormatAddress(crypto.PublicKey(a)) }

// Key returns the account's public key.
func (a Account) Key() crypto.PublicKey { return crypto.PublicKey(a) }

// Hex returns the key in upper-case hexadecimal.
func (a Account) Hex() string { return upperHex(a[:]) }

// IsZero reports whether a is the burn account.
func (a Account) IsZero() bool { return a == Account{} }

// ParseAccount reads an address in its one spelling; the error says what is
// wrong with it.
func ParseAccount(address string) (Account, error) {
	key, err := crypto.ParseAddress(address)
	return Account(key), err
}

// ParseAccountHex reads a public key of 64 hexadecimal digits.
func ParseAccountHex(s string) (Account, error) {
	b, err := parseHex32("public key", s)
	return Account(b), err
}

// String returns 64 upper-case hexadecimal digits.
func (h Hash) String() string { return upperHex(h[:]) }

// IsZero reports whether h stands for "no block".
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads 64 hexadecimal digits of either case.
func ParseHash(s string) (Hash, error) {
	b, err := parseHex32("block hash", s)
	return Hash(b), err
}

// String returns 64 upper-case hexadecimal digits.
func (r Root) String() string { return upperHex(r[:]) }

// String returns 64 upper-case hexadecimal digits.
func (l Link) String() string { return upperHex(l[:]) }

// IsZero reports whether the link is empty, as in a change.
func (l Link) IsZero() bool { return l == Link{} }

// ParseLink reads 64 hexadecimal digits of either case.
func ParseLink(s string) (Link, error) {
	b, err := parseHex32("link", s)
	return Link(b), err
}

// String returns 128 upper-case hexadecimal digits: the account's key and the
// previous hash.
func (q QualifiedRoot) String() string { return q.Account.Hex() + q.Previous.String() }

// Root returns what work on a block in this slot is made for.
func (q QualifiedRoot) Root() Root {
	if q.Previous.IsZero() {
		return Root(q.Account)
	}
	return Root(q.Previous)
}

func upperHex(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

func parseHex32(what, s string) (b [32]byte, err error) {
	if len(s) != 64 {
		return b, fmt.Errorf("%s %q: %d characters, want 64 hexadecimal digits", what, clip(s), len(s))
	}
	if _, err := hex.Decode(b[:], []byte(s)); err != nil {
		return [32]byte{}, fmt.Errorf("%s %q: %w", what, clip(s), err)
	}
	return b, nil
}
