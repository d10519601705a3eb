package crypto

import (
	"crypto/sha512"

	"filippo.io/edwards25519"
)

// Verify reports whether sig is a valid signature by key over message, by the
// rule in the package comment. The message may have any length.
func Verify(key PublicKey, message []byte, sig Signature) bool {
	var a edwards25519.Point
	var e equation
	return decodeKey(&a, key) && e.set(key, message, &sig) && e.holds(&a)
}

// ValidKey reports whether key is the canonical encoding of a point that is
// not of small order. No signature by any other key is ever valid.
func ValidKey(key PublicKey) bool {
	var a edwards25519.Point
	return decodeKey(&a, key)
}

// equation is what a signature claims about its key A:
// [8](S·B − R − k·A) is the neutral element.
//
// There is no short cut through crypto/ed25519 for the usual valid signature:
// that check saves the square root that decodes R, but pays an inversion of the
// same cost to encode its own R, and a bad signature would be paid for twice.
type equation struct {
	r    edwards25519.Point
	s, k edwards25519.Scalar
}

// set decodes the signature and computes k. It reports whether S and R are
// encoded as the rule demands.
func (e *equation) set(key PublicKey, message []byte, sig *Signature) bool {
	if _, err := e.s.SetCanonicalBytes(sig[32:]); err != nil {
		return false
	}
	if !decodePoint(&e.r, [32]byte(sig[:32])) {
		return false
	}
	digest := challenge(sig, key, message)
	if _, err := e.k.SetUniformBytes(digest[:]); err != nil {
		panic("crypto: edwards25519 refuses a 64-byte digest: " + err.Error())
	}
	return true
}

// holds reports whether the equation is true of the key a. That k was reduced
// modulo L does not matter where A has a part of small order: the factor 8
// removes it.
func (e *equation) holds(a *edwards25519.Point) bool {
	var p edwards25519.Point
	p.Negate(a)
	p.VarTimeDoubleScalarBaseMult(&e.k, &p, &e.s)
	p.Subtract(&p, &e.r)
	return neutralByCofactor(&p)
}

// neutralByCofactor reports whether [8]p is the neutral element. It changes p.
func neutralByCofactor(p *edwards25519.Point) bool {
	p.MultByCofactor(p)
	return p.Equal(edwards25519.NewIdentityPoint()) == 1
}

// challenge returns SHA-512(R ‖ A ‖ M). It does not allocate for a message of
// up to 64 bytes; blocks and votes sign digests of 32.
func challenge(sig *Signature, key PublicKey, message []byte) [64]byte {
	var joined [128]byte
	copy(joined[:], sig[:32])
	copy(joined[32:], key[:])
	if len(message) <= 64 {
		return sha512.Sum512(joined[:64+copy(joined[64:], message)])
	}
	h := sha512.New()
	h.Write(joined[:64])
	h.Write(message)
	return [64]byte(h.Sum(joined[:0]))
}
