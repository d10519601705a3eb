package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/crypto"
)

// A report has no key that it knows, and nothing that looks like one, but the hashes of
// blocks stay.
func TestReportIsClean(t *testing.T) {
	dir := t.TempDir()
	known := strings.Repeat("5c", 32)
	path := filepath.Join(dir, "rep.key")
	if err := os.WriteFile(path, []byte(known+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &bugReport{}
	r.learn(dir, path)
	seed, hash := strings.Repeat("98eE", 16), strings.Repeat("AB", 32)
	words := string(crypto.FormatMnemonic(crypto.Seed{1, 2, 3}))
	log := "voted with " + strings.ToUpper(known) + "\n" +
		"cannot read the voting key: stat " + seed + ": no such file\n" +
		"restored from " + words + " at once\n" +
		"xx: \"" + strings.ReplaceAll(strings.ToUpper(words), " ", ", ") + "\"\n" +
		"block " + hash + " confirmed\n"
	got := string(r.clean([]byte(log)))
	want := "voted with [taken out]\n" +
		"cannot read the voting key: stat [taken out]: no such file\n" +
		"restored from [taken out] at once\n" +
		"xx: \"[taken out]\"\n" +
		"block " + hash + " confirmed\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	first := strings.Fields(words)[0]
	if text := "only " + first + " and " + first + " are words of the list\n"; string(r.clean([]byte(text))) != text {
		t.Errorf("a sentence became %q", r.clean([]byte(text)))
	}
}
