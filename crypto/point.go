package crypto

import "filippo.io/edwards25519"

// A point is encoded as its y coordinate, 255 bits little-endian, and the sign
// of x in the top bit. An encoding is canonical if y is below the field prime
// 2^255 − 19 and the sign bit is clear where x is zero, which is where y is 1 or
// −1. edwards25519 decodes others too, so the two checks below come first; they
// look at bytes only and cost nothing beside the decoding.

// smallOrderY are the y coordinates, without a sign, of the eight points of
// small order: both signs of x give such a point, or none.
var smallOrderY = [5][32]byte{
	{0x01}, // the neutral element
	{ // −1: order 2
		0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	},
	{}, // 0: order 4; the all-zero key is one of the two
	{ // order 8
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	},
	{ // order 8
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	},
}

// decodeKey sets a to the point that key encodes. It reports whether key is a
// canonical encoding of a point that is not of small order.
//
// In canonical form a key of small order has a y of the list, so that comparing
// bytes finds all of them.
func decodeKey(a *edwards25519.Point, key PublicKey) bool {
	y := key
	y[31] &= 0x7f
	for i := range smallOrderY {
		if y == smallOrderY[i] {
			return false
		}
	}
	return decodePoint(a, key)
}

// decodePoint sets p to the point with the given encoding and reports whether
// there is one and the encoding is canonical.
func decodePoint(p *edwards25519.Point, encoding [32]byte) bool {
	y, negative := encoding, encoding[31]&0x80 != 0
	y[31] &= 0x7f
	if !belowPrime(&y) {
		return false
	}
	if negative && (y == smallOrderY[0] || y == smallOrderY[1]) {
		return false
	}
	_, err := p.SetBytes(encoding[:])
	return err == nil
}

// belowPrime reports whether y, little-endian, is below 2^255 − 19.
func belowPrime(y *[32]byte) bool {
	if y[31] != 0x7f || y[0] < 0xed {
		return true
	}
	for _, b := range y[1:31] {
		if b != 0xff {
			return true
		}
	}
	return false
}
