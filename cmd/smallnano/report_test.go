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

// A second "network new" of a name says nothing that would have somebody remove the key
// that has everything.
func TestNetworkNewTwice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "family.toml")
	if code, said := runCommand("network", "new", file); code != exitOK {
		t.Fatalf("code %d: %s", code, said)
	}
	key, err := os.ReadFile(file + ".genesis-key")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if code, said := runCommand("network", "new", file); code != exitFailed || strings.Contains(said, "remove") || !strings.Contains(said, "keep") {
			t.Errorf("code %d: %s", code, said)
		}
		if again, err := os.ReadFile(file + ".genesis-key"); err != nil || string(again) != string(key) {
			t.Errorf("the key changed: %v", err)
		}
		_ = os.Remove(file) // the key alone is left
	}
}

// What others can read is told with what to do, the folder of the wallets too.
func TestOpenSecrets(t *testing.T) {
	if !modesMatter {
		t.Skip("modes do not tell who may read")
	}
	dir := t.TempDir()
	token, wallets := filepath.Join(dir, tokenFile), filepath.Join(dir, walletFolder)
	if err := os.WriteFile(token, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(wallets, 0o700); err != nil {
		t.Fatal(err)
	}
	if open := openSecrets(dir); len(open) > 0 {
		t.Errorf("%v", open)
	}
	for _, path := range []string{token, wallets} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	open := openSecrets(dir)
	if len(open) != 2 || closeText(open[0]) != "chmod 600 "+token || closeText(open[1]) != "chmod 700 "+wallets {
		t.Errorf("%v", open)
	}
}

// A device in the place of a token is refused and not read without end.
func TestTokenOfDevice(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(os.DevNull, filepath.Join(dir, tokenFile)); err != nil {
		t.Skip(err)
	}
	if _, err := clientOf(dir); err == nil || !strings.Contains(err.Error(), "no plain file") {
		t.Errorf("%v", err)
	}
}
