package crypto

import (
	stdlib "crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"filippo.io/edwards25519"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// oracle is the rule by another library on another implementation of the curve.
func oracle(c Check) bool {
	return voi.VerifyWithOptions(c.Key[:], c.Message, c.Signature[:], &voi.Options{Verify: voi.VerifyOptionsDefault})
}

// order is L, the order of the base point, little-endian.
var order = [32]byte{
	0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
	31: 0x10,
}

// addOrder adds L to the last 32 bytes of the signature and reports whether
// they had room for it.
func addOrder(sig *Signature) bool {
	carry := 0
	for i := range order {
		carry += int(sig[32+i]) + int(order[i])
		sig[32+i] = byte(carry)
		carry >>= 8
	}
	return carry == 0
}

// torsion returns the eight points of small order: the multiples of one of
// order 8, the neutral element first.
func torsion(t testing.TB) (points [8]edwards25519.Point) {
	t.Helper()
	random := rand.NewChaCha8([32]byte{8})
	for {
		var encoding [32]byte
		random.Read(encoding[:])
		p, err := new(edwards25519.Point).SetBytes(encoding[:])
		if err != nil {
			continue
		}
		// L·p is of small order; (L−1)·p + p, as L itself is no scalar.
		minusOne := new(edwards25519.Scalar).Negate(scalar(1))
		g := new(edwards25519.Point).ScalarMult(minusOne, p)
		g.Add(g, p)
		points[0].Set(edwards25519.NewIdentityPoint())
		for i := 1; i < 8; i++ {
			points[i].Add(&points[i-1], g)
		}
		if points[4].Equal(&points[0]) == 0 {
			return points
		}
	}
}

func scalar(n byte) *edwards25519.Scalar {
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(append([]byte{n}, make([]byte, 31)...))
	if err != nil {
		panic(err)
	}
	return s
}

func randomScalar(random io.Reader) *edwards25519.Scalar {
	var wide [64]byte
	if _, err := io.ReadFull(random, wide[:]); err != nil {
		panic(err)
	}
	s, err := new(edwards25519.Scalar).SetUniformBytes(wide[:])
	if err != nil {
		panic(err)
	}
	return s
}

// forge signs message with the key a·B + ta and the point r·B + tr, where ta and
// tr are of small order: the rule takes that, whatever they are. encodedR, if
// not nil, stands for R in the signature.
func forge(a, r *edwards25519.Scalar, ta, tr *edwards25519.Point, message, encodedR []byte) Check {
	c := Check{Message: message}
	p := new(edwards25519.Point)
	c.Key = PublicKey(p.Add(p.ScalarBaseMult(a), ta).Bytes())
	copy(c.Signature[:], p.Add(p.ScalarBaseMult(r), tr).Bytes())
	if encodedR != nil {
		copy(c.Signature[:], encodedR)
	}
	h := sha512.New()
	h.Write(c.Signature[:32])
	h.Write(c.Key[:])
	h.Write(message)
	k, err := new(edwards25519.Scalar).SetUniformBytes(h.Sum(nil))
	if err != nil {
		panic(err)
	}
	copy(c.Signature[32:], k.MultiplyAdd(k, a, r).Bytes())
	return c
}

// expect checks Verify, the oracle, and a batch in which the check is one of many.
func expect(t *testing.T, what string, c Check, want bool) {
	t.Helper()
	if got := Verify(c.Key, c.Message, c.Signature); got != want {
		t.Errorf("%s: verify says %t", what, got)
	}
	if got := oracle(c); got != want {
		t.Errorf("%s: the oracle says %t", what, got)
	}
	checks := append(honest(6), c)
	for i, got := range VerifyBatch(checks, rand.NewChaCha8([32]byte{})) {
		if got != (want || i < 6) {
			t.Errorf("%s: batch says %t for signature %d", what, got, i)
		}
	}
}

// honest returns n valid checks by two keys.
func honest(n int) []Check {
	var checks []Check
	for i := range n {
		key := NewPrivateKey(Seed{byte(i % 2)})
		message := Sum256([]byte{byte(i), byte(i >> 8)})
		checks = append(checks, Check{Key: key.Public(), Message: message[:], Signature: key.Sign(message[:])})
	}
	return checks
}

// TestRFC8032 checks the vectors of RFC 8032, section 7.1 (all but the one of
// 1023 bytes).
func TestRFC8032(t *testing.T) {
	abc := sha512.Sum512([]byte("abc"))
	for _, v := range []struct{ seed, public, message, signature string }{
		{
			"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
		},
		{
			"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
		},
		{
			"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
		},
		{
			"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
			"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", hex.EncodeToString(abc[:]),
			"dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
		},
	} {
		key := NewPrivateKey(hex32(t, v.seed))
		if got := key.Public(); got != PublicKey(hex32(t, v.public)) {
			t.Errorf("public key is %s, want %s", got, v.public)
		}
		message := unhex(t, v.message)
		if got := key.Sign(message); got != Signature(unhex(t, v.signature)) {
			t.Errorf("signature is %s, want %s", got, v.signature)
		}
		expect(t, "message "+v.message, Check{key.Public(), message, Signature(unhex(t, v.signature))}, true)
	}
}

func TestMessageLengths(t *testing.T) {
	key := NewPrivateKey(Seed{1})
	for length := range 200 {
		message := make([]byte, length)
		sig := key.Sign(message)
		if !Verify(key.Public(), message, sig) {
			t.Errorf("signature over %d bytes does not verify", length)
		}
		if Verify(key.Public(), append(message, 0), sig) {
			t.Errorf("signature over %d bytes verifies with one more", length)
		}
	}
}

// TestTorsion signs with every pair of small-order parts in A and R. The rule
// takes them all; the standard library takes some and not others, which is why
// it cannot be the rule.
func TestTorsion(t *testing.T) {
	random, points := rand.NewChaCha8([32]byte{1}), torsion(t)
	differ := 0
	for i := range points {
		for j := range points {
			message := []byte{byte(i), byte(j)}
			c := forge(randomScalar(random), randomScalar(random), &points[i], &points[j], message, nil)
			expect(t, "torsion", c, true)
			if !stdlib.Verify(c.Key[:], c.Message, c.Signature[:]) {
				differ++
			}
			c.Signature[40] ^= 1
			expect(t, "torsion, changed S", c, false)
		}
	}
	if differ == 0 {
		t.Error("the standard library takes them too: this test makes no torsion")
	}
}

func TestSmallOrderKey(t *testing.T) {
	points, zero := torsion(t), new(edwards25519.Scalar)
	random := rand.NewChaCha8([32]byte{2})
	seen := map[PublicKey]bool{}
	for i := range points {
		c := forge(zero, randomScalar(random), &points[i], &points[0], []byte("spend"), nil)
		expect(t, "small-order key", c, false)
		if ValidKey(c.Key) {
			t.Errorf("key %s of small order is valid", c.Key)
		}
		seen[c.Key] = true
	}
	if len(seen) != 8 || !seen[PublicKey{}] {
		t.Errorf("small-order keys are %v", seen)
	}
	for key := range seen {
		if key[31] ^= 0x80; ValidKey(key) {
			t.Errorf("key %s, of small order but for the sign bit, is valid", key)
		}
	}
}

// nonCanonical returns all encodings that are not canonical: those with a y at or
// above the field prime, and those of a zero x with a sign.
func nonCanonical() (encodings [][32]byte) {
	for low := 0xed; low <= 0xff; low++ {
		for _, top := range []byte{0x7f, 0xff} {
			var e [32]byte
			for i := range e {
				e[i] = 0xff
			}
			e[0], e[31] = byte(low), top
			encodings = append(encodings, e)
		}
	}
	one, minusOne := smallOrderY[0], smallOrderY[1]
	one[31] |= 0x80
	minusOne[31] |= 0x80
	return append(encodings, one, minusOne)
}

// TestNonCanonicalR uses that anybody can sign with R of small order, and that
// those have other encodings.
func TestNonCanonicalR(t *testing.T) {
	points, zero := torsion(t), new(edwards25519.Scalar)
	random := rand.NewChaCha8([32]byte{3})
	for i := range points { // the canonical ones are valid
		expect(t, "small-order R", forge(randomScalar(random), zero, &points[0], &points[i], nil, nil), true)
	}
	smallOrder := 0
	for _, e := range nonCanonical() {
		c := forge(randomScalar(random), zero, &points[0], &points[0], nil, e[:])
		expect(t, "non-canonical R", c, false)
		p, err := new(edwards25519.Point).SetBytes(e[:])
		if err == nil && neutralByCofactor(p) {
			smallOrder++ // only its encoding is wrong with this one
		}
	}
	if smallOrder != 6 {
		t.Errorf("%d other encodings of points of small order, want 6", smallOrder)
	}
}

func TestNonCanonicalKey(t *testing.T) {
	for _, e := range nonCanonical() {
		if ValidKey(e) {
			t.Errorf("key %X is valid", e)
		}
		expect(t, "non-canonical A", Check{Key: e, Signature: Signature{0: 1}}, false)
	}
	// The largest y below the prime that is on the curve, and its neighbours.
	for low := 0xe0; low < 0xed; low++ {
		key := PublicKey(nonCanonical()[0])
		key[0] = byte(low)
		p, err := new(edwards25519.Point).SetBytes(key[:])
		if want := err == nil && !neutralByCofactor(p); ValidKey(key) != want {
			t.Errorf("key %s is valid: %t, want %t", key, !want, want)
		}
	}
}

func TestMalleation(t *testing.T) {
	for _, c := range honest(20) {
		for addOrder(&c.Signature) {
			expect(t, "S plus a multiple of L", c, false)
		}
	}
	expect(t, "S = L", Check{Key: honest(1)[0].Key, Signature: Signature(append(smallOrderY[0][:], order[:]...))}, false)
}

// TestZeroKey shows what a rule without the small-order ban would allow: R = r·B
// and S = r satisfy the equation of the all-zero key for every message.
func TestZeroKey(t *testing.T) {
	r := randomScalar(rand.NewChaCha8([32]byte{4}))
	var c Check
	copy(c.Signature[:], new(edwards25519.Point).ScalarBaseMult(r).Bytes())
	copy(c.Signature[32:], r.Bytes())
	zip215 := &voi.Options{Verify: voi.VerifyOptionsZIP_215}
	if !voi.VerifyWithOptions(c.Key[:], c.Message, c.Signature[:], zip215) {
		t.Error("the equation does not hold")
	}
	expect(t, "all-zero key", c, false)
	if ValidKey(PublicKey{}) {
		t.Error("the all-zero key is valid")
	}
}

// crafted returns a signature of one of many kinds, valid or not.
func crafted(random *rand.Rand, source io.Reader, points *[8]edwards25519.Point) Check {
	message := make([]byte, random.IntN(100))
	io.ReadFull(source, message)
	a, r := randomScalar(source), randomScalar(source)
	ta, tr := &points[0], &points[0]
	if random.IntN(2) == 0 {
		ta = &points[random.IntN(8)]
	}
	if random.IntN(2) == 0 {
		tr = &points[random.IntN(8)]
	}
	switch random.IntN(8) {
	case 0:
		a = new(edwards25519.Scalar)
	case 1, 2:
		r = new(edwards25519.Scalar)
	case 3, 4:
		a = scalar(byte(1 + random.IntN(5))) // keys that repeat
	}
	var encodedR []byte
	if random.IntN(8) == 0 {
		list := nonCanonical()
		encodedR = list[random.IntN(len(list))][:]
	}
	c := forge(a, r, ta, tr, message, encodedR)
	switch random.IntN(10) {
	case 0:
		c.Signature[random.IntN(64)] ^= 1 << random.IntN(8)
	case 1:
		c.Key[random.IntN(32)] ^= 1 << random.IntN(8)
	case 2:
		for range 1 + random.IntN(8) {
			addOrder(&c.Signature)
		}
	case 3:
		c.Signature[31] ^= 0x80
	case 4:
		c.Message = append(c.Message, 0)
	}
	return c
}

// TestAgainstOracle compares Verify, VerifyBatch in random mixtures, and the
// other library on many crafted signatures.
func TestAgainstOracle(t *testing.T) {
	source, points := rand.NewChaCha8([32]byte{5}), torsion(t)
	random := rand.New(source)
	valid, total := 0, 0
	for total < 2500 {
		checks := make([]Check, 1+random.IntN(90))
		bad := random.IntN(3) // no, few or any bad ones
		for i := range checks {
			for {
				checks[i] = crafted(random, source, &points)
				if bad == 2 || bad == 1 && random.IntN(20) == 0 || oracle(checks[i]) {
					break
				}
			}
		}
		for i, got := range VerifyBatch(checks, source) {
			c := checks[i]
			single, want := Verify(c.Key, c.Message, c.Signature), oracle(c)
			if single != want || got != want {
				t.Fatalf("key %s, message %x, signature %s: single %t, batch %t, oracle %t", c.Key, c.Message, c.Signature, single, got, want)
			}
			if want {
				valid++
			}
		}
		total += len(checks)
	}
	if valid == 0 || valid == total {
		t.Errorf("%d of %d signatures are valid: the test proves nothing", valid, total)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

func TestBatchWithoutRandomness(t *testing.T) {
	checks := honest(10)
	checks[3].Signature[0] ^= 1
	for i, got := range VerifyBatch(checks, broken{}) {
		if got != (i != 3) {
			t.Errorf("signature %d: %t", i, got)
		}
	}
}

func TestBatchSizes(t *testing.T) {
	random := rand.NewChaCha8([32]byte{6})
	for _, n := range []int{0, 1, 2, 3, 4, 5, 63, 64, 65, 67, 68, 128, 200} {
		checks := honest(n)
		for _, bad := range []int{-1, 0, n / 2, n - 1} {
			if bad >= 0 && bad < n {
				checks[bad].Signature[33] ^= 1
			}
			answers := VerifyBatch(checks, random)
			if len(answers) != n {
				t.Fatalf("%d answers to %d checks", len(answers), n)
			}
			for i, got := range answers {
				if got != (i != bad) {
					t.Fatalf("%d signatures, %d is bad: signature %d is %t", n, bad, i, got)
				}
			}
			if bad >= 0 && bad < n {
				checks[bad].Signature[33] ^= 1
			}
		}
	}
}

// FuzzVerify looks for a signature on which Verify, VerifyBatch and the other
// library differ.
func FuzzVerify(f *testing.F) {
	points, zero := torsion(f), new(edwards25519.Scalar)
	random := rand.NewChaCha8([32]byte{7})
	add := func(c Check) { f.Add(c.Key[:], c.Message, c.Signature[:]) }
	for i := range points {
		add(forge(randomScalar(random), randomScalar(random), &points[i], &points[7-i], []byte("m"), nil))
		add(forge(zero, randomScalar(random), &points[i], &points[0], nil, nil))
		add(forge(randomScalar(random), zero, &points[0], &points[i], nil, nil))
	}
	for _, e := range nonCanonical() {
		add(forge(randomScalar(random), zero, &points[0], &points[0], nil, e[:]))
		add(Check{Key: e})
	}
	others := honest(5)
	f.Fuzz(func(t *testing.T, key, message, sig []byte) {
		if len(key) != 32 || len(sig) != 64 {
			return
		}
		c := Check{PublicKey(key), message, Signature(sig)}
		want := Verify(c.Key, c.Message, c.Signature)
		if got := oracle(c); got != want {
			t.Errorf("verify says %t, the oracle %t", want, got)
		}
		if want && !ValidKey(c.Key) {
			t.Error("a signature by an invalid key verifies")
		}
		for i, got := range VerifyBatch(append(others, c, c), random) {
			if got != (want || i < len(others)) {
				t.Errorf("verify says %t, batch %t for signature %d", want, got, i)
			}
		}
	})
}
