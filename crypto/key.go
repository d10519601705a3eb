package crypto

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// PublicKey is the 32-byte encoding of an Ed25519 public key. Any 32 bytes can
// be held in one; [ValidKey] tells whether signatures by it can ever be valid.
type PublicKey [32]byte

// String returns the key as 64 upper-case hexadecimal digits. See
// [FormatAddress] for the form that is shown to people.
func (k PublicKey) String() string { return strings.ToUpper(hex.EncodeToString(k[:])) }

// Signature is an Ed25519 signature: the point R and the scalar S, 32 bytes each.
type Signature [64]byte

// String returns the signature as 128 upper-case hexadecimal digits.
func (s Signature) String() string { return strings.ToUpper(hex.EncodeToString(s[:])) }

// Seed is 32 secret bytes: either the Ed25519 seed of one key, or a wallet seed
// from which [AccountSeed] derives many. It does not print its value.
type Seed [32]byte

// String returns a fixed text, so that a seed cannot reach a log by accident.
// To store or show one, say so: hex.EncodeToString(seed[:]).
func (Seed) String() string { return hiddenSeed }

// Format prints the same fixed text for every verb.
func (Seed) Format(f fmt.State, _ rune) { io.WriteString(f, hiddenSeed) }

// MarshalText refuses: an encoder that meets a seed by accident fails.
func (Seed) MarshalText() ([]byte, error) {
	return nil, errors.New("crypto: a seed is secret and not written as text: encode its bytes where that is meant")
}

const (
	hiddenSeed = "seed (hidden)"
	hiddenKey  = "private key (hidden)"
)

// PrivateKey signs. Copies share the same secret. The zero value cannot sign.
type PrivateKey struct {
	key ed25519.PrivateKey
}

// NewPrivateKey expands an Ed25519 seed (RFC 8032) into a key that can sign.
func NewPrivateKey(seed Seed) PrivateKey {
	return PrivateKey{key: ed25519.NewKeyFromSeed(seed[:])}
}

// Public returns the public half of the key.
func (k PrivateKey) Public() PublicKey {
	return PublicKey(k.mustHave()[32:])
}

// Seed returns the seed the key was made from.
func (k PrivateKey) Seed() Seed {
	return Seed(k.mustHave()[:32])
}

// Sign returns the deterministic RFC 8032 signature over the message.
func (k PrivateKey) Sign(message []byte) Signature {
	return Signature(ed25519.Sign(k.mustHave(), message))
}

// String returns a fixed text, so that a key cannot reach a log by accident.
func (PrivateKey) String() string { return hiddenKey }

// Format prints the same fixed text for every verb.
func (PrivateKey) Format(f fmt.State, _ rune) { io.WriteString(f, hiddenKey) }

func (k PrivateKey) mustHave() ed25519.PrivateKey {
	if k.key == nil {
		panic("crypto: use of a zero PrivateKey; make one with NewPrivateKey")
	}
	return k.key
}

// accountDomain separates account seeds from every other digest of a seed.
const accountDomain = "smallnano-account-v1"

// AccountSeed derives the Ed25519 seed of account index from a wallet seed. It
// is a one-way function: an account's seed tells nothing about its siblings.
func AccountSeed(seed Seed, index uint32) Seed {
	var number [4]byte
	binary.LittleEndian.PutUint32(number[:], index)
	return Sum256([]byte(accountDomain), seed[:], number[:])
}
