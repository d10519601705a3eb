package crypto

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	addressPrefix   = "smn_"
	addressAlphabet = "13456789abcdefghijkmnopqrstuwxyz"
	keyCharacters   = 52 // 256 bits behind 4 zero bits
	sumCharacters   = 8  // 40 bits
	addressLength   = len(addressPrefix) + keyCharacters + sumCharacters
)

// otherPrefixes are the prefixes of networks whose addresses look the same:
// the same key may exist there, but nothing sent here would arrive there.
var otherPrefixes = [...]string{"nano_", "xrb_", "ban_"}

// ErrOtherNetwork is wrapped by the error of [ParseAddress] for an address
// whose prefix is known to be another network's.
var ErrOtherNetwork = errors.New("address belongs to another network")

// addressDigits maps a byte to its 5-bit value, or to notDigit.
var addressDigits = func() (digits [256]byte) {
	for i := range digits {
		digits[i] = notDigit
	}
	for i := range len(addressAlphabet) {
		digits[addressAlphabet[i]] = byte(i)
	}
	return digits
}()

const notDigit = 0xff

// FormatAddress returns the address of the key: 64 characters, the only
// spelling that [ParseAddress] takes for it.
func FormatAddress(key PublicKey) string {
	var text [addressLength]byte
	copy(text[:], addressPrefix)
	encodeDigits(text[len(addressPrefix):len(addressPrefix)+keyCharacters], key[:])
	sum := addressSum(key)
	encodeDigits(text[len(addressPrefix)+keyCharacters:], sum[:])
	return string(text[:])
}

// ParseAddress returns the key that the address s stands for. There is exactly
// one spelling per key. The error says what is wrong and where; positions count
// characters from 1. It does not ask whether the key is a [ValidKey].
func ParseAddress(s string) (PublicKey, error) {
	for _, prefix := range otherPrefixes {
		if strings.HasPrefix(s, prefix) {
			return PublicKey{}, fmt.Errorf("%w (prefix %q): use an address that starts with %q", ErrOtherNetwork, prefix, addressPrefix)
		}
	}
	if !strings.HasPrefix(s, addressPrefix) {
		return PublicKey{}, fmt.Errorf("address does not start with %q: check that it was copied whole", addressPrefix)
	}
	for i := len(addressPrefix); i < len(s); i++ {
		if addressDigits[s[i]] == notDigit {
			c, _ := utf8.DecodeRuneInString(s[i:]) // all before it are of one byte
			return PublicKey{}, fmt.Errorf("address has %+q at character %d, which no address contains: check that it was copied unchanged", c, i+1)
		}
	}
	if len(s) != addressLength {
		return PublicKey{}, fmt.Errorf("address has %d characters instead of %d: check that it was copied whole", len(s), addressLength)
	}
	body, tail := s[len(addressPrefix):len(addressPrefix)+keyCharacters], s[len(addressPrefix)+keyCharacters:]
	var key PublicKey
	if decodeDigits(key[:], body) != 0 {
		return PublicKey{}, fmt.Errorf("address has %q at character %d, where only %q or %q can stand: check that it was copied unchanged",
			body[0], len(addressPrefix)+1, addressAlphabet[0], addressAlphabet[1])
	}
	var got [5]byte
	decodeDigits(got[:], tail)
	if got != addressSum(key) {
		return PublicKey{}, fmt.Errorf("address checksum (characters %d to %d) does not match: check for mistyped characters",
			addressLength-sumCharacters+1, addressLength)
	}
	return key, nil
}

// addressSum is the 5-byte digest of the key in the order the address shows it.
func addressSum(key PublicKey) [5]byte {
	d := Sum40(key[:])
	return [5]byte{d[4], d[3], d[2], d[1], d[0]}
}

// encodeDigits writes data as a big-endian number in base 32, filling text with
// leading zeros.
func encodeDigits(text []byte, data []byte) {
	window, bits := uint(0), 0
	next := len(data)
	for i := len(text) - 1; i >= 0; i-- {
		if bits < 5 && next > 0 {
			next--
			window |= uint(data[next]) << bits
			bits += 8
		}
		text[i] = addressAlphabet[window&31]
		window >>= 5
		bits -= 5
	}
}

// decodeDigits is the inverse of encodeDigits. It returns the bits in front
// that do not fit in data; text must hold alphabet characters only.
func decodeDigits(data []byte, text string) uint {
	window, bits := uint(0), 0
	next := len(data)
	for i := len(text) - 1; i >= 0; i-- {
		window |= uint(addressDigits[text[i]]) << bits
		bits += 5
		if bits >= 8 && next > 0 {
			next--
			data[next] = byte(window)
			window >>= 8
			bits -= 8
		}
	}
	return window
}
