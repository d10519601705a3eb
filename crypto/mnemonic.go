package crypto

import (
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"strings"
)

// MnemonicWords is the number of words that a wallet seed is written as.
const MnemonicWords = 24

// wordText is the English word list of BIP 39: 2048 words in alphabetical
// order, one a line, no two with the same first four letters. The list was
// published with the proposal under the MIT licence by its authors (Palatinus,
// Rusnak, Voisine, Bowe) and is the one that all English wallets use. SHA-256
// of the file, which a test compares:
//
//	2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda
//
//go:embed words.txt
var wordText string

var (
	wordList   = strings.Fields(wordText)
	wordNumber = func() map[string]int {
		numbers := make(map[string]int, len(wordList))
		for i, w := range wordList {
			numbers[w] = i
		}
		return numbers
	}()
)

// ErrMnemonicChecksum is wrapped by the error of [ParseMnemonic] when each word
// is in the list and all together cannot be right.
var ErrMnemonicChecksum = errors.New("the words do not fit together")

// IsMnemonicWord reports whether a word is in the list, in either case. Many words of
// everyday texts are.
func IsMnemonicWord(word string) bool {
	_, known := wordNumber[strings.ToLower(word)]
	return known
}

// FormatMnemonic returns the 24 English words of a wallet seed, separated by
// single spaces: the seed's 256 bits and the first 8 of its SHA-256, eleven
// bits a word, as BIP 39 writes 256 bits of entropy. The words are the seed in
// another spelling: nothing is stretched or derived, so whoever has the one has
// the other. The caller should clear the result after use.
func FormatMnemonic(seed Seed) []byte {
	bits := mnemonicBits(seed)
	text := make([]byte, 0, MnemonicWords*9)
	for i := range MnemonicWords {
		if i > 0 {
			text = append(text, ' ')
		}
		text = append(text, wordList[elevenBits(&bits, i)]...)
	}
	clear(bits[:])
	return text
}

// ParseMnemonic returns the seed that 24 words stand for. The words may be
// separated by any white space and written in either case. The error says which
// word is wrong by its number and never repeats one: it may reach a log.
func ParseMnemonic(text []byte) (Seed, error) {
	words := strings.Fields(strings.ToLower(string(text)))
	if len(words) != MnemonicWords {
		return Seed{}, fmt.Errorf("%d words, want %d: check that all were copied", len(words), MnemonicWords)
	}
	var bits [33]byte
	defer clear(bits[:])
	for i, w := range words {
		n, known := wordNumber[w]
		if !known {
			return Seed{}, fmt.Errorf("word %d is not in the list: check its spelling", i+1)
		}
		putElevenBits(&bits, i, n)
	}
	seed := Seed(bits[:32])
	if want := mnemonicBits(seed); want != bits {
		seed.Wipe()
		return Seed{}, fmt.Errorf("%w: a word is wrong or two stand in each other's place", ErrMnemonicChecksum)
	}
	return seed, nil
}

// mnemonicBits joins a seed with its checksum byte.
func mnemonicBits(seed Seed) (bits [33]byte) {
	sum := sha256.Sum256(seed[:])
	copy(bits[:], seed[:])
	bits[32] = sum[0]
	return bits
}

// elevenBits returns the bits of word i, most significant first. The window of
// three bytes that holds them ends within the array for every i below 24.
func elevenBits(bits *[33]byte, i int) int {
	at := i * 11
	window := uint(bits[at/8])<<16 | uint(bits[at/8+1])<<8
	if at/8+2 < len(bits) {
		window |= uint(bits[at/8+2])
	}
	return int(window >> (24 - 11 - at%8) & 2047)
}

func putElevenBits(bits *[33]byte, i, n int) {
	at := i * 11
	window := uint(n) << (24 - 11 - at%8)
	bits[at/8] |= byte(window >> 16)
	bits[at/8+1] |= byte(window >> 8)
	if at/8+2 < len(bits) {
		bits[at/8+2] |= byte(window)
	}
}

// Wipe overwrites the seed with zeros. Copies that were made of it stay.
func (s *Seed) Wipe() { clear(s[:]) }
