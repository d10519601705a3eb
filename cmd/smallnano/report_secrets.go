package main

import (
	"bytes"
	"regexp"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
)

// takenOut stands for a secret in a report.
var takenOut = []byte("[taken out]")

// What looks like a secret that the report does not know: hexadecimal digits of a key
// on a line that speaks of one (hashes of blocks stand on others), and a row of words
// of which wallets are restored.
var (
	keyLine  = regexp.MustCompile(`(?i)seed|secret|key|token|password|no such file`)
	wordsRow = regexp.MustCompile(`[A-Za-z]+(?:[^A-Za-z\n]{1,6}[A-Za-z]+)+`)
	oneWord  = regexp.MustCompile(`[A-Za-z]+`)
)

// fewWords is how many words of the list in a row are still taken for a sentence.
const fewWords = 8

// clean returns a text without the secrets that are known and what looks like one.
func (r *bugReport) clean(data []byte) []byte {
	for _, secret := range r.secrets {
		data = bytes.ReplaceAll(data, secret, takenOut)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(data) {
		if keyLine.Match(line) {
			line = config.KeyLike.ReplaceAll(line, takenOut)
		}
		out.Write(wordsRow.ReplaceAllFunc(line, cleanWords))
	}
	return out.Bytes()
}

// cleanWords takes out what is a row of more than fewWords words of the list.
func cleanWords(row []byte) []byte {
	var out []byte
	words, from, at := 0, 0, 0 // of the row of words that goes on; its begin; up to where out has it
	end := func(to int) {
		if words > fewWords {
			out = append(append(out, row[at:from]...), takenOut...)
			at = to
		}
		words = 0
	}
	last := 0
	for _, w := range oneWord.FindAllIndex(row, -1) {
		if !crypto.IsMnemonicWord(string(row[w[0]:w[1]])) {
			end(last)
			continue
		}
		if words == 0 {
			from = w[0]
		}
		words++
		last = w[1]
	}
	end(last)
	return append(out, row[at:]...)
}
