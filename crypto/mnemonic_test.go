package crypto

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestWordListIsTheOne(t *testing.T) {
	const want = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
	sum := sha256.Sum256([]byte(wordText))
	if hex.EncodeToString(sum[:]) != want {
		t.Errorf("SHA-256 of words.txt is %x, want %s", sum, want)
	}
	if len(wordList) != 2048 || len(wordNumber) != 2048 {
		t.Errorf("%d words, %d of them different", len(wordList), len(wordNumber))
	}
}

// The published vectors of BIP 39 for 256 bits, in the checksum and the order
// of bits; what BIP 39 derives from the words after that is not used here.
var mnemonicVectors = []struct{ seed, words string }{
	{strings.Repeat("00", 32), strings.Repeat("abandon ", 23) + "art"},
	{strings.Repeat("7f", 32), strings.Repeat("legal winner thank year wave sausage worth useful ", 2) + "legal winner thank year wave sausage worth title"},
	{strings.Repeat("80", 32), strings.Repeat("letter advice cage absurd amount doctor acoustic avoid ", 2) + "letter advice cage absurd amount doctor acoustic bless"},
	{strings.Repeat("ff", 32), strings.Repeat("zoo ", 23) + "vote"},
	{
		"3e141609b97933b66a060dcddc71fad1d91677db872031e85f4c015c5e7e8982",
		"dignity pass list indicate nasty swamp pool script soccer toe leaf photo multiply desk host tomato cradle drill spread actor shine dismiss champion exotic",
	},
	{
		"2c85efc7f24ee4573d2b81a6ec66cee209b2dcbd09d8eddc51e0215b0b68e416",
		"clutch control vehicle tonight unusual clog visa ice plunge glimpse recipe series open hour vintage deposit universe tip job dress radar refuse motion taste",
	},
	{
		"4fa1a8bc3e6d80ee1316050e862c1812031493212b7ec3f3bb1b08f168cabeef",
		"exile ask congress lamp submit jacket era scheme attend cousin alcohol catch course end lucky hurt sentence oven short ball bird grab wing top",
	},
	{
		"15da872c95a13dd738fbf50e427583ad61f18fd99f628c417a61cf8343c90419",
		"beyond stage sleep clip because twist token leaf atom beauty genius food business side grid unable middle armed observe pair crouch tonight away coconut",
	},
}

func vectorSeed(t testing.TB, digits string) (s Seed) {
	t.Helper()
	if _, err := hex.Decode(s[:], []byte(digits)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMnemonicVectors(t *testing.T) {
	for _, v := range mnemonicVectors {
		seed := vectorSeed(t, v.seed)
		if got := string(FormatMnemonic(seed)); got != v.words {
			t.Errorf("%s: words %q, want %q", v.seed, got, v.words)
		}
		for _, text := range []string{v.words, strings.ToUpper(v.words), "\n" + strings.ReplaceAll(v.words, " ", " \t\r\n") + " "} {
			if got, err := ParseMnemonic([]byte(text)); err != nil || got != seed {
				t.Errorf("parse %q: %v", text, err)
			}
		}
	}
}

func TestMnemonicRefuses(t *testing.T) {
	good := strings.Fields(mnemonicVectors[4].words)
	change := func(i int, w string) string {
		words := append([]string{}, good...)
		words[i] = w
		return strings.Join(words, " ")
	}
	for _, c := range []struct{ text, says string }{
		{"", "0 words, want 24"},
		{strings.Join(good[:23], " "), "23 words"},
		{strings.Join(good, " ") + " art", "25 words"},
		{change(6, "secretword"), "word 7 is not in the list"},
		{change(0, "abandon"), "do not fit together"},
		{strings.Join(append([]string{good[1], good[0]}, good[2:]...), " "), "do not fit together"},
	} {
		_, err := ParseMnemonic([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: error %v, want one that says %q", c.text, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "secretword") {
			t.Errorf("the error repeats a word: %v", err)
		}
	}
	if _, err := ParseMnemonic([]byte(change(23, "abandon"))); !errors.Is(err, ErrMnemonicChecksum) {
		t.Errorf("a wrong last word: %v", err)
	}
}

func FuzzMnemonic(f *testing.F) {
	for _, v := range mnemonicVectors {
		f.Add([]byte(v.words))
	}
	f.Add([]byte("zoo\x00zoo"))
	f.Fuzz(func(t *testing.T, text []byte) {
		seed, err := ParseMnemonic(text)
		if err != nil {
			return
		}
		again := FormatMnemonic(seed)
		if want := strings.Join(strings.Fields(strings.ToLower(string(text))), " "); !bytes.Equal(again, []byte(want)) {
			t.Errorf("%q is read and written as %q", text, again)
		}
	})
}

func FuzzMnemonicOfSeed(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Fuzz(func(t *testing.T, b []byte) {
		var seed Seed
		copy(seed[:], b)
		if got, err := ParseMnemonic(FormatMnemonic(seed)); err != nil || got != seed {
			t.Errorf("seed %x does not come back: %v", seed[:], err)
		}
	})
}
