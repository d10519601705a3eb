package crypto

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestAddressRoundTrip(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	for range 1000 {
		var key PublicKey
		random.Read(key[:])
		address := FormatAddress(key)
		if got, err := ParseAddress(address); err != nil || got != key {
			t.Fatalf("key %s: address %s parses to %s, %v", key, address, got, err)
		}
	}
}

// TestOneSpelling changes every character of an address to every other of the
// alphabet: nothing else is an address of the key, nor of any.
func TestOneSpelling(t *testing.T) {
	address := FormatAddress(NewPrivateKey(Seed{1}).Public())
	for i := len(addressPrefix); i < len(address); i++ {
		for _, c := range []byte(addressAlphabet) {
			changed := address[:i] + string(c) + address[i+1:]
			if _, err := ParseAddress(changed); (err == nil) != (changed == address) {
				t.Errorf("%s: %v", changed, err)
			}
		}
	}
}

func TestAddressErrors(t *testing.T) {
	address := FormatAddress(NewPrivateKey(Seed{1}).Public())
	body := address[len(addressPrefix):]
	for _, c := range []struct{ text, want string }{
		{"", `does not start with "smn_"`},
		{"smn", `does not start with "smn_"`},
		{" " + address, `does not start with "smn_"`},
		{"smn_", "has 4 characters instead of 64"},
		{address[:63], "has 63 characters instead of 64"},
		{address + "1", "has 65 characters instead of 64"},
		{address + " ", `has ' ' at character 65`},
		{address[:10] + "0" + address[11:], `has '0' at character 11`},
		{address[:10] + "é" + address[12:], `has '\u00e9' at character 11`},
		{address[:10] + "\u0430" + address[11:], `has '\u0430' at character 11`}, // looks like an a
		{address[:10] + "\xff" + address[11:], `has '\ufffd' at character 11`},
		{"smn_4" + body[1:], `has '4' at character 5, where only '1' or '3' can stand`},
		{"smn_z" + body[1:], `has 'z' at character 5`},
		{address[:60] + "1111", "checksum (characters 57 to 64)"},
		{"nano_" + body, "belongs to another network"},
		{"xrb_" + body, "belongs to another network"},
		{"ban_" + body, "belongs to another network"},
	} {
		_, err := ParseAddress(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error is %v, want %s", c.text, err, c.want)
			continue
		}
		if other := strings.Contains(c.want, "network"); errors.Is(err, ErrOtherNetwork) != other {
			t.Errorf("%q: %v is ErrOtherNetwork: %t", c.text, err, !other)
		}
	}
}

// FuzzParseAddress checks that what parses is the one spelling of its key.
func FuzzParseAddress(f *testing.F) {
	v := loadVectors(f)
	for _, good := range v.Addresses {
		f.Add(good.Address)
	}
	for _, bad := range v.Bad {
		f.Add(bad.Address)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseAddress(text)
		if err != nil {
			if key != (PublicKey{}) {
				t.Errorf("%q: an error and the key %s", text, key)
			}
			return
		}
		if again := FormatAddress(key); again != text {
			t.Errorf("%q parses to a key whose address is %q", text, again)
		}
	})
}
