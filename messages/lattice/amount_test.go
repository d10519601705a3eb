package lattice

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAmount(t *testing.T) {
	for _, c := range []struct{ text, raw, again string }{
		{"0", "0", "0"},
		{"0.0", "0", "0"},
		{"1", "1000000000000000000000000", "1"},
		{"12.5", "12500000000000000000000000", "12.5"},
		{"12.50", "12500000000000000000000000", "12.5"},
		{"0.000000000000000000000001", "1", "0.000000000000000000000001"},
		{"0.100000000000000000000000", "100000000000000000000000", "0.1"},
		{"1.000000000000000000000000", "1000000000000000000000000", "1"},
		{"10000000", "10000000000000000000000000000000", "10000000"},
		{"340282366920938.463463374607431768211455", "340282366920938463463374607431768211455", "340282366920938.463463374607431768211455"},
	} {
		a, err := ParseAmount(c.text)
		if err != nil || a.Raw() != c.raw || a.String() != c.again {
			t.Errorf("ParseAmount(%q) = %s raw, %s smn, %v; want %s, %s", c.text, a.Raw(), a, err, c.raw, c.again)
		}
		if b, err := ParseRaw(c.raw); err != nil || b != a {
			t.Errorf("ParseRaw(%q) = %s, %v", c.raw, b.Raw(), err)
		}
	}
}

// TestParseAmountErrors checks that each error says what is wrong and where;
// positions count from 1.
func TestParseAmountErrors(t *testing.T) {
	const tooFine = "0.0000000000000000000000001"
	for _, c := range []struct{ text, raw, smn string }{
		{"", "digits expected at position 1", "digits expected at position 1"},
		{".", `'.' at position 1`, "after the point at position 2"},
		{"1.", `'.' at position 2`, "after the point at position 3"},
		{".5", `'.' at position 1`, "digits expected at position 1"},
		{"1.2.3", `'.' at position 2`, `'.' at position 4`},
		{"-1", `'-' at position 1`, `'-' at position 1`},
		{"+1", `'+' at position 1`, `'+' at position 1`},
		{" 1", `' ' at position 1`, `' ' at position 1`},
		{"1 ", `' ' at position 2`, `' ' at position 2`},
		{"1\n", `'\n' at position 2`, `'\n' at position 2`},
		{"1e3", `'e' at position 2`, `'e' at position 2`},
		{"1.5e3", `'.' at position 2`, `'e' at position 4`},
		{"1,5", `',' at position 2`, `',' at position 2`},
		{"1_000", `'_' at position 2`, `'_' at position 2`},
		{"0x10", `'x' at position 2`, `'x' at position 2`},
		{"00", "leading zero at position 1", "leading zero at position 1"},
		{"01", "leading zero at position 1", "leading zero at position 1"},
		{"01.5", `'.' at position 3`, "leading zero at position 1"},
		{"00.5", `'.' at position 3`, "leading zero at position 1"},
		{"٣", "'٣' at position 1", "'٣' at position 1"},
		{"1.٣", `'.' at position 2`, "'٣' at position 3"},
		{"\xff", `'�' at position 1`, `'�' at position 1`},
		{tooFine, `'.' at position 2`, "more than 24 decimals"},
		{"340282366920938463463374607431768211456", "larger than 2^128-1", "larger than 2^128-1"},
		{"340282366920938.463463374607431768211456", `'.' at position 16`, "larger than 2^128-1"},
		{"340282366920938463463374607431768211460", "larger than 2^128-1", "larger than 2^128-1"},
		{"999999999999999999999999999999999999999", "larger than 2^128-1", "larger than 2^128-1"},
		{strings.Repeat("9", 100000), "larger than 2^128-1", "larger than 2^128-1"},
	} {
		for how, parse := range map[string]func(string) (Amount, error){"raw": ParseRaw, "smn": ParseAmount} {
			want := map[string]string{"raw": c.raw, "smn": c.smn}[how]
			a, err := parse(c.text)
			if err == nil || !strings.Contains(err.Error(), want) || !a.IsZero() || len(err.Error()) > 400 {
				t.Errorf("%s %.40q: %s, %v; want %q", how, c.text, a.Raw(), err, want)
			}
		}
	}
}

func TestSupply(t *testing.T) {
	if Supply.Raw() != "1"+strings.Repeat("0", 31) || Supply.String() != "10000000" {
		t.Errorf("supply %s raw, %s smn", Supply.Raw(), Supply)
	}
	if MaxAmount.Raw() != "340282366920938463463374607431768211455" {
		t.Errorf("largest amount %s", MaxAmount.Raw())
	}
}

func toBig(a Amount) *big.Int {
	b := new(big.Int).SetUint64(a.Hi)
	return b.Add(b.Lsh(b, 64), new(big.Int).SetUint64(a.Lo))
}

var maxBig = toBig(MaxAmount)

// same reports whether a and b are the same number.
func same(a Amount, b *big.Int) bool { return toBig(a).Cmp(b) == 0 }

// fits reports whether b is an amount.
func fits(b *big.Int) bool { return b.Sign() >= 0 && b.Cmp(maxBig) <= 0 }

// number draws words that are often at an edge.
func number(t *rapid.T, label string) uint64 {
	return rapid.OneOf(
		rapid.Uint64(),
		rapid.SampledFrom([]uint64{0, 1, 2, 9, 10, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 2, 1<<64 - 1, 1e19, 1e19 - 1, 1e19 + 1}),
	).Draw(t, label)
}

func amount(t *rapid.T, label string) Amount {
	return Amount{Hi: number(t, label+".Hi"), Lo: number(t, label+".Lo")}
}

// TestAmountArithmetic checks every operation against math/big.
func TestAmountArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := amount(t, "a"), amount(t, "b")
		if rapid.IntRange(0, 9).Draw(t, "same") == 0 {
			b = a
		}
		x, y := toBig(a), toBig(b)

		sum := new(big.Int).Add(x, y)
		got, ok := a.Add(b)
		if ok != fits(sum) || ok && !same(got, sum) {
			t.Fatalf("%v + %v = %v, %t", x, y, toBig(got), ok)
		}
		if sat := a.SatAdd(b); ok && sat != got || !ok && sat != MaxAmount {
			t.Fatalf("%v + %v saturates at %v", x, y, toBig(sat))
		}
		diff := new(big.Int).Sub(x, y)
		got, ok = a.Sub(b)
		if ok != fits(diff) || ok && !same(got, diff) {
			t.Fatalf("%v - %v = %v, %t", x, y, toBig(got), ok)
		}
		if sat := a.SatSub(b); ok && sat != got || !ok && !sat.IsZero() {
			t.Fatalf("%v - %v saturates at %v", x, y, toBig(sat))
		}
		if a.Cmp(b) != x.Cmp(y) || a.Less(b) != (x.Cmp(y) < 0) || a.IsZero() != (x.Sign() == 0) {
			t.Fatalf("%v and %v compare as %d", x, y, a.Cmp(b))
		}
		n := rapid.UintRange(0, 200).Draw(t, "n")
		if got := a.Rsh(n); !same(got, new(big.Int).Rsh(x, n)) {
			t.Fatalf("%v >> %d = %v", x, n, toBig(got))
		}
		if AmountFromBytes(a.Bytes()) != a {
			t.Fatalf("bytes of %v do not read back", x)
		}
	})
}

func TestAmountMulDiv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, m, d := amount(t, "a"), number(t, "m"), max(1, number(t, "d"))
		want := new(big.Int).Mul(toBig(a), new(big.Int).SetUint64(m))
		want.Div(want, new(big.Int).SetUint64(d))
		if !fits(want) {
			want = maxBig
		}
		if got := a.MulDiv(m, d); !same(got, want) {
			t.Fatalf("%s * %d / %d = %s, want %v", a.Raw(), m, d, got.Raw(), want)
		}
	})
	defer func() {
		if recover() == nil {
			t.Error("division by zero gives an amount")
		}
	}()
	MaxAmount.MulDiv(1, 0)
}

// TestAmountText checks both text forms against math/big, both ways.
func TestAmountText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := amount(t, "a").Rsh(rapid.UintRange(0, 127).Draw(t, "shift"))
		if got, want := a.Raw(), toBig(a).String(); got != want {
			t.Fatalf("raw %s, want %s", got, want)
		}
		if b, err := ParseRaw(a.Raw()); err != nil || b != a {
			t.Fatalf("%s raw reads as %s, %v", a.Raw(), b.Raw(), err)
		}
		if b, err := ParseAmount(a.String()); err != nil || b != a {
			t.Fatalf("%s smn reads as %s, %v", a, b, err)
		}
		unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(Decimals), nil)
		want := new(big.Rat).SetFrac(toBig(a), unit)
		if got, ok := new(big.Rat).SetString(a.String()); !ok || got.Cmp(want) != 0 {
			t.Fatalf("%s raw prints as %s smn", a.Raw(), a)
		}
		if s := a.String(); strings.Contains(s, ".") && strings.HasSuffix(s, "0") {
			t.Fatalf("%s has trailing zeros", s)
		}
	})
}

// FuzzAmount reads any text; what is an amount prints in one form that reads
// back as the same.
func FuzzAmount(f *testing.F) {
	for _, s := range []string{"", "0", "1.5", "10000000", "0.000000000000000000000001", "340282366920938463463374607431768211455", "1e5", "01", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := ParseRaw(text); err == nil {
			if a.Raw() != text {
				t.Errorf("%q reads as %s raw", text, a.Raw())
			}
			if want, ok := new(big.Int).SetString(text, 10); !ok || !same(a, want) {
				t.Errorf("%q reads as %s raw, want %v", text, a.Raw(), want)
			}
		}
		a, err := ParseAmount(text)
		if err != nil {
			return
		}
		if b, err := ParseAmount(a.String()); err != nil || b != a {
			t.Errorf("%q prints as %s and reads back as %s, %v", text, a, b, err)
		}
		trimmed := text
		if strings.Contains(text, ".") {
			trimmed = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		if a.String() != trimmed {
			t.Errorf("%q prints as %s", text, a)
		}
	})
}
