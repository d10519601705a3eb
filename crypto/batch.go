package crypto

import (
	"io"

	"filippo.io/edwards25519"
)

// Check is one signature to verify. The message is only read.
type Check struct {
	Key       PublicKey
	Message   []byte
	Signature Signature
}

const (
	// batchMost is the largest number of equations summed up at once: more
	// gain little, and a bad one among them costs more.
	batchMost = 64
	// batchLeast is the smallest number worth summing up.
	batchLeast = 4
	// blindBytes is the size of the random factor of each equation.
	blindBytes = 16
)

// VerifyBatch verifies every check and returns one answer per check, each the
// same as [Verify]'s. Valid signatures are verified in groups at about half the
// price of single ones, and cheaper still where keys repeat; a group with bad
// ones costs up to one and a half times that of single ones, so batch what one
// peer sent, for a poisoner to slow down himself alone.
//
// random must be unpredictable to whoever made the signatures: crypto/rand's
// Reader, except in tests. When reading from it fails, signatures are verified
// one by one. It uses the calling goroutine only.
func VerifyBatch(checks []Check, random io.Reader) []bool {
	answers := make([]bool, len(checks))
	for start := 0; start < len(checks); start += batchMost {
		end := min(start+batchMost, len(checks))
		verifyGroup(checks[start:end], answers[start:end], random)
	}
	return answers
}

// claim is a decoded check of a group.
type claim struct {
	index int // of its check
	key   int // index of its key
	equation
}

// verifyGroup sets answers, all false before, for the checks.
func verifyGroup(checks []Check, answers []bool, random io.Reader) {
	keys := make([]edwards25519.Point, 0, len(checks))
	claims := make([]claim, 0, len(checks))
	known := make(map[PublicKey]int, len(checks))
	const refused = -1
	for i := range checks {
		c := &checks[i]
		key, seen := known[c.Key]
		if !seen {
			var a edwards25519.Point
			key = refused
			if decodeKey(&a, c.Key) {
				key = len(keys)
				keys = append(keys, a)
			}
			known[c.Key] = key
		}
		if key == refused {
			continue
		}
		claims = append(claims, claim{index: i, key: key})
		last := &claims[len(claims)-1]
		if !last.set(c.Key, c.Message, &c.Signature) {
			claims = claims[:len(claims)-1]
		}
	}
	all := len(claims) >= batchLeast && sumHolds(keys, claims, random)
	for i := range claims {
		answers[claims[i].index] = all || claims[i].holds(&keys[claims[i].key])
	}
}

// sumHolds reports whether the sum of all equations, each multiplied by a
// random z of 128 bits, is true:
//
//	[8](−(Σ z·S)·B + Σ z·R + Σ (z·k)·A) is the neutral element.
//
// If every equation holds, so does the sum, always: it adds up neutral
// elements. If one does not, then [8](S·B − R − k·A) is not neutral and, thanks
// to the factor 8, of prime order L; at most one z of the 2^128 hides it. That
// is why the answers of the batch and of [Verify] are the same, and why they
// would not be without the factor 8 in both.
func sumHolds(keys []edwards25519.Point, claims []claim, random io.Reader) bool {
	blinds := make([]byte, blindBytes*len(claims))
	if _, err := io.ReadFull(random, blinds); err != nil {
		return false
	}
	factors := make([]edwards25519.Scalar, 1+len(keys)+len(claims))
	base, ofKeys, ofClaims := &factors[0], factors[1:1+len(keys)], factors[1+len(keys):]
	for i := range claims {
		c, z := &claims[i], &ofClaims[i]
		var wide [32]byte
		copy(wide[:], blinds[blindBytes*i:][:blindBytes])
		if _, err := z.SetCanonicalBytes(wide[:]); err != nil {
			panic("crypto: edwards25519 refuses a scalar of 128 bits: " + err.Error())
		}
		base.MultiplyAdd(z, &c.s, base)
		ofKeys[c.key].MultiplyAdd(z, &c.k, &ofKeys[c.key])
	}
	base.Negate(base)

	scalars := make([]*edwards25519.Scalar, 0, len(factors))
	points := make([]*edwards25519.Point, 0, len(factors))
	for i := range factors {
		scalars = append(scalars, &factors[i])
	}
	points = append(points, edwards25519.NewGeneratorPoint())
	for i := range keys {
		points = append(points, &keys[i])
	}
	for i := range claims {
		points = append(points, &claims[i].r)
	}
	return neutralByCofactor(new(edwards25519.Point).VarTimeMultiScalarMult(scalars, points))
}
