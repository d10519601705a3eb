package lattice

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Decimals is the number of decimal places of one smn: 1 smn = 10^24 raw.
const Decimals = 24

// AmountSize is the length of the binary form of an Amount in bytes.
const AmountSize = 16

// Amount is a number of raw, unsigned, 128 bits wide. The zero value is 0.
type Amount struct {
	Hi, Lo uint64
}

// MaxAmount is 2^128 - 1 raw, the largest number that an Amount can hold. It
// is far above the supply.
var MaxAmount = Amount{Hi: ^uint64(0), Lo: ^uint64(0)}

// Supply is the number of raw that exist on every network, for ever: ten
// million smn, 10^31 raw, all of it in the genesis block.
var Supply = MustAmount("10000000000000000000000000000000")

// AmountFrom returns n raw as an Amount.
func AmountFrom(n uint64) Amount { return Amount{Lo: n} }

// MustAmount parses a raw decimal integer and panics when it is none. It is
// for constants.
func MustAmount(raw string) Amount {
	a, err := ParseRaw(raw)
	if err != nil {
		panic("lattice: " + err.Error())
	}
	return a
}

// IsZero reports whether a is 0.
func (a Amount) IsZero() bool { return a.Hi == 0 && a.Lo == 0 }

// Cmp returns -1, 0 or 1 as a is less than, equal to or greater than b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a.Hi < b.Hi, a.Hi == b.Hi && a.Lo < b.Lo:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// Less reports whether a < b.
func (a Amount) Less(b Amount) bool { return a.Cmp(b) < 0 }

// Add returns a + b, and false when the sum does not fit 128 bits.
func (a Amount) Add(b Amount) (Amount, bool) {
	lo, carry := bits.Add64(a.Lo, b.Lo, 0)
	hi, carry := bits.Add64(a.Hi, b.Hi, carry)
	return Amount{hi, lo}, carry == 0
}

// Sub returns a - b, and false when b is larger than a.
func (a Amount) Sub(b Amount) (Amount, bool) {
	lo, borrow := bits.Sub64(a.Lo, b.Lo, 0)
	hi, borrow := bits.Sub64(a.Hi, b.Hi, borrow)
	return Amount{hi, lo}, borrow == 0
}

// SatAdd returns a + b, or MaxAmount when the sum does not fit. Sums of
// weights use it: they are bounded by the supply unless a ledger is corrupt.
func (a Amount) SatAdd(b Amount) Amount {
	if sum, ok := a.Add(b); ok {
		return sum
	}
	return MaxAmount
}

// SatSub returns a - b, or 0 when b is larger than a.
func (a Amount) SatSub(b Amount) Amount {
	if d, ok := a.Sub(b); ok {
		return d
	}
	return Amount{}
}

// MulDiv returns floor(a * m / d) computed in 192 bits, so that a percentage
// of any amount is exact. It saturates at MaxAmount and panics when d is 0.
func (a Amount) MulDiv(m, d uint64) Amount {
	if d == 0 {
		panic("lattice: Amount.MulDiv by zero")
	}
	h0, l0 := bits.Mul64(a.Lo, m)
	h1, l1 := bits.Mul64(a.Hi, m)
	w1, carry := bits.Add64(h0, l1, 0)
	w2 := h1 + carry // cannot overflow: h1 <= 2^64-2
	q2, r := w2/d, w2%d
	q1, r := bits.Div64(r, w1, d)
	q0, _ := bits.Div64(r, l0, d)
	if q2 != 0 {
		return MaxAmount
	}
	return Amount{q1, q0}
}

// Rsh returns a shifted right by n bits.
func (a Amount) Rsh(n uint) Amount {
	switch {
	case n >= 128:
		return Amount{}
	case n >= 64:
		return Amount{0, a.Hi >> (n - 64)}
	case n == 0:
		return a
	}
	return Amount{a.Hi >> n, a.Lo>>n | a.Hi<<(64-n)}
}

// AmountFromBytes reads the little-endian binary form.
func AmountFromBytes(b [AmountSize]byte) Amount {
	return Amount{Hi: binary.LittleEndian.Uint64(b[8:]), Lo: binary.LittleEndian.Uint64(b[:8])}
}

// Bytes returns the little-endian binary form.
func (a Amount) Bytes() (b [AmountSize]byte) {
	binary.LittleEndian.PutUint64(b[:8], a.Lo)
	binary.LittleEndian.PutUint64(b[8:], a.Hi)
	return b
}

// div10to19 returns a / 10^19 and the remainder: nineteen decimal digits.
func (a Amount) div10to19() (Amount, uint64) {
	const d = 10_000_000_000_000_000_000
	qh, r := a.Hi/d, a.Hi%d
	ql, r := bits.Div64(r, a.Lo, d)
	return Amount{qh, ql}, r
}

// Raw returns the decimal integer form, for example
// "10000000000000000000000000000000".
func (a Amount) Raw() string {
	if a.Hi == 0 {
		return fmt.Sprintf("%d", a.Lo)
	}
	q, low := a.div10to19()
	if q.Hi == 0 && q.Lo < 10_000_000_000_000_000_000 {
		return fmt.Sprintf("%d%019d", q.Lo, low)
	}
	q2, mid := q.div10to19()
	return fmt.Sprintf("%d%019d%019d", q2.Lo, mid, low)
}

// String returns the amount in smn with its unit left out and trailing zeros
// trimmed, for example "12.5". ParseAmount reads it back.
func (a Amount) String() string {
	raw := a.Raw()
	if len(raw) <= Decimals {
		raw = strings.Repeat("0", Decimals-len(raw)+1) + raw
	}
	whole, frac := raw[:len(raw)-Decimals], strings.TrimRight(raw[len(raw)-Decimals:], "0")
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}

// ParseAmount reads an amount in smn: digits, and up to 24 decimals after a
// point. No sign, exponent, separator or leading zero is accepted; the error
// says where the text is wrong.
func ParseAmount(smn string) (Amount, error) {
	whole, frac, point := strings.Cut(smn, ".")
	if point && frac == "" {
		return Amount{}, fmt.Errorf("amount %q: digits expected after the point at position %d", clip(smn), len(whole)+2)
	}
	if len(frac) > Decimals {
		return Amount{}, fmt.Errorf("amount %q: more than %d decimals", clip(smn), Decimals)
	}
	if err := checkDigits(smn, whole, 0, true); err != nil {
		return Amount{}, err
	}
	if err := checkDigits(smn, frac, len(whole)+1, false); err != nil {
		return Amount{}, err
	}
	return digitsToAmount(smn, whole+frac+strings.Repeat("0", Decimals-len(frac)))
}

// ParseRaw reads a raw amount: a decimal integer without sign, separator or
// leading zero. The error says where the text is wrong.
func ParseRaw(raw string) (Amount, error) {
	if err := checkDigits(raw, raw, 0, true); err != nil {
		return Amount{}, err
	}
	return digitsToAmount(raw, raw)
}

// checkDigits refuses everything but ASCII digits in part, which starts at
// offset within text. A whole part must not be empty nor start with a zero.
// Positions count from 1, as in addresses; all before the first that is wrong
// are single bytes.
func checkDigits(text, part string, offset int, whole bool) error {
	for i := range len(part) {
		if part[i] < '0' || part[i] > '9' {
			r, _ := utf8.DecodeRuneInString(part[i:])
			return fmt.Errorf("amount %q: character %q at position %d is not a digit", clip(text), r, offset+i+1)
		}
	}
	switch {
	case whole && part == "":
		return fmt.Errorf("amount %q: digits expected at position %d", clip(text), offset+1)
	case whole && len(part) > 1 && part[0] == '0':
		return fmt.Errorf("amount %q: leading zero at position %d", clip(text), offset+1)
	}
	return nil
}

// digitsToAmount converts checked digits; text is for the error only.
func digitsToAmount(text, digits string) (Amount, error) {
	var a Amount
	for i := range len(digits) {
		h, l := bits.Mul64(a.Lo, 10)
		hh, hl := bits.Mul64(a.Hi, 10)
		hi, carry := bits.Add64(hl, h, 0)
		lo, c2 := bits.Add64(l, uint64(digits[i]-'0'), 0)
		hi, c3 := bits.Add64(hi, 0, c2)
		if hh != 0 || carry != 0 || c3 != 0 {
			return Amount{}, fmt.Errorf("amount %q: larger than 2^128-1 raw", clip(text))
		}
		a = Amount{hi, lo}
	}
	return a, nil
}

// clip shortens untrusted text for an error message.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
