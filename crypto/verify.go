package crypto

import (
	"crypto/sha512"
	"io"

	"filippo.io/edwards25519"
)

// Check is one signature to verify. The slice is only read.
type Check struct {
	Key       PublicKey
	Message   []byte
	Signature Signature
}

// Verify reports whether sig is a valid signature by key over message, by the
// one rule of the package comment.
func Verify(key PublicKey, message []byte, sig Signature) bool {
	a, ok := decodeKey(key)
	if !ok {
		return false
	}
	r, ok := decodeCanonical(sig[:32])
	if !ok {
		return false
	}
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(sig[32:])
	if err != nil {
		return false
	}
	k := challenge(sig[:32], key, message)
	minusA := new(edwards25519.Point).Negate(a)
	p := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(k, minusA, s)
	p.Subtract(p, r)
	p.MultByCofactor(p)
	return p.Equal(edwards25519.NewIdentityPoint()) == 1
}

// VerifyBatch verifies every check and returns one answer per check, each the
// same as Verify's.
func VerifyBatch(checks []Check, random io.Reader) []bool {
	answers := make([]bool, len(checks))
	for i, c := range checks {
		answers[i] = Verify(c.Key, c.Message, c.Signature)
	}
	return answers
}

// ValidKey reports whether key is the canonical encoding of a point that is
// not of small order. No signature by any other key is ever valid.
func ValidKey(key PublicKey) bool {
	_, ok := decodeKey(key)
	return ok
}

func decodeKey(key PublicKey) (*edwards25519.Point, bool) {
	a, ok := decodeCanonical(key[:])
	if !ok {
		return nil, false
	}
	torsion := new(edwards25519.Point).MultByCofactor(a)
	return a, torsion.Equal(edwards25519.NewIdentityPoint()) == 0
}

func decodeCanonical(encoded []byte) (*edwards25519.Point, bool) {
	p, err := new(edwards25519.Point).SetBytes(encoded)
	if err != nil {
		return nil, false
	}
	return p, string(p.Bytes()) == string(encoded)
}

func challenge(r []byte, key PublicKey, message []byte) *edwards25519.Scalar {
	h := sha512.New()
	h.Write(r)
	h.Write(key[:])
	h.Write(message)
	var digest [64]byte
	k, err := new(edwards25519.Scalar).SetUniformBytes(h.Sum(digest[:0]))
	if err != nil {
		panic("crypto: edwards25519 refuses 64 uniform bytes: " + err.Error())
	}
	return k
}
