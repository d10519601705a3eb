package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// prepared returns the file of a send of 3 smn by an account of the words, and
// the account's key.
func prepared(t *testing.T) (*blockFile, crypto.Seed) {
	t.Helper()
	n, seed := lattice.Dev(), crypto.Seed{1}
	key := crypto.NewPrivateKey(crypto.AccountSeed(seed, 4))
	w := testkit.NewWallet(n, key)
	open := w.Open(lattice.Hash{7}, smn(10), testkit.Account(8))
	w.Advance(open)
	b := lattice.Block{Account: w.Account(), Previous: n.HashOf(open), Representative: testkit.Account(8), Balance: smn(7), Link: lattice.Link(testkit.Account(9))}
	return &blockFile{network: n, block: b, previous: open}, seed
}

// pipe returns a descriptor that the text can be read from. It belongs to who
// reads it: nobody else may close the number, which is soon in use again.
func pipe(t *testing.T, text string) int {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(read.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	return fd
}

// A block is signed on a machine without a network: what it does is shown from
// the block before it, and no other key signs it.
func TestOfflineSigning(t *testing.T) {
	f, seed := prepared(t)
	text, err := f.encode()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, signedPath := filepath.Join(dir, "block"), filepath.Join(dir, "signed")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	words := string(crypto.FormatMnemonic(seed)) + "\n"
	sign := func(index int, out string) (int, string) {
		var said bytes.Buffer
		p := &program{out: &bytes.Buffer{}, err: &said}
		fd := pipe(t, words)
		code := p.run([]string{"block", "sign", "--words-fd", fmt.Sprint(fd), "--index", fmt.Sprint(index), "--yes", "--out", out, path})
		return code, said.String()
	}
	if code, said := sign(3, signedPath); code != exitFailed || !strings.Contains(said, "is it another wallet, or another --index?") {
		t.Errorf("with another account's key: code %d: %s", code, said)
	}
	code, said := sign(4, signedPath)
	if code != exitOK {
		t.Fatalf("code %d: %s", code, said)
	}
	for _, want := range []string{"sends           3 smn", testkit.Account(9).String(), "network         dev", "balance after   7 smn"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not show %q: %s", want, said)
		}
	}
	for _, word := range strings.Fields(words) {
		if len(word) > 6 && strings.Contains(said, word) {
			t.Errorf("it shows the word %q", word)
		}
	}
	signed, err := readBlockFile(signedPath)
	if err != nil || !signed.signed() || signed.block.Balance != smn(7) {
		t.Errorf("signed file: %+v, %v", signed, err)
	}
	if code, said := sign(4, signedPath); code != exitFailed || !strings.Contains(said, "is there already") {
		t.Errorf("the file is replaced: code %d: %s", code, said)
	}
}

// Nothing in a file can be changed without being noticed.
func TestBlockFileIsChecked(t *testing.T) {
	n := lattice.Dev()
	other := testkit.NewWallet(n, testkit.Key(3))
	for name, c := range map[string]struct {
		change func(*blockFile)
		says   string
	}{
		"a richer block before": {func(f *blockFile) { f.previous.Balance = smn(100) }, "has another hash"},
		"no block before":       {func(f *blockFile) { f.previous = nil }, "is missing"},
		"another network":       {func(f *blockFile) { f.network = lattice.Beta() }, "has another hash"},
		"to nobody":             {func(f *blockFile) { f.block.Link = lattice.Link{} }, "to nobody"},
		"nothing":               {func(f *blockFile) { f.block.Balance, f.block.Link = smn(10), lattice.Link{} }, "changes nothing"},
		"a change with a link":  {func(f *blockFile) { f.block.Balance, f.block.Representative = smn(10), testkit.Account(1) }, "has a link"},
		"another account before": {func(f *blockFile) {
			f.previous = other.Open(lattice.Hash{1}, smn(10), other.Account())
			f.block.Previous = n.HashOf(f.previous)
		}, "not of"},
		"another send": {func(f *blockFile) {
			f.block.Balance = smn(12)
			f.source = other.Open(lattice.Hash{1}, smn(2), other.Account())
		}, "not the one"},
	} {
		f, _ := prepared(t)
		c.change(f)
		text, err := f.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeBlockFile(text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	f, _ := prepared(t)
	text, err := f.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeBlockFile(text); err != nil || got.block != f.block || *got.previous != *f.previous {
		t.Errorf("read back: %+v, %v", got, err)
	}
	for _, bad := range []string{"", "{}", "[]", strings.Replace(string(text), blockFormat, "smallnano-block-v9", 1), strings.Replace(string(text), `"dev"`, `"moon"`, 1)} {
		if _, err := decodeBlockFile([]byte(bad)); err == nil {
			t.Errorf("%.60q is taken", bad)
		}
	}
}

// A receive shows what the send brings, and a wrong amount is refused.
func TestBlockFileOfReceive(t *testing.T) {
	n := lattice.Dev()
	payer := testkit.NewWallet(n, testkit.Key(1))
	open := payer.Open(lattice.Hash{1}, smn(50), payer.Account())
	payer.Advance(open)
	key := testkit.Key(2)
	send := payer.Send(testkit.AccountOf(key), smn(5))
	f := &blockFile{network: n, source: send, beforeSource: open, block: lattice.Block{
		Account: testkit.AccountOf(key), Representative: testkit.Account(3), Balance: smn(5), Link: lattice.Link(n.HashOf(send)),
	}}
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(f.describe(), "\n"); !strings.Contains(text, "receives        5 smn\n") || !strings.Contains(text, payer.Account().String()) {
		t.Error(text)
	}
	f.block.Balance = smn(6)
	if err := f.check(); err == nil || !strings.Contains(err.Error(), "of a send of 5 smn") {
		t.Errorf("one smn too many: %v", err)
	}
}

// Errors have stable codes, and are JSON for who asks for it.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args   string
		code   int
		reason string
	}{
		{"units 1.5 --json", exitOK, ""},
		{"units x --json", exitUsage, "usage"},
		{"units --json", exitUsage, "usage"},
		{"wallet list --json --rpc-port 1", exitNoNode, "no_node"},
		{"account check --json smn_x", exitFailed, "failed"},
		{"work check --json " + strings.Repeat("A", 64) + " 1", exitFailed, "failed"},
	} {
		var out, said bytes.Buffer
		p := &program{out: &out, err: &said}
		if code := p.run(strings.Fields(c.args)); code != c.code {
			t.Errorf("%s: code %d, want %d: %s", c.args, code, c.code, said.String())
		}
		var told struct {
			Error, Code string
			ExitCode    int `json:"exit_code"`
		}
		if c.code == exitOK {
			continue
		}
		if err := json.Unmarshal(said.Bytes(), &told); err != nil || told.Code != c.reason || told.ExitCode != c.code || told.Error == "" {
			t.Errorf("%s: %s: %v", c.args, said.String(), err)
		}
	}
}

// Whatever is mistyped, the nearest command is named.
func TestUnknownCommands(t *testing.T) {
	for text, want := range map[string]string{
		"walet new": `"wallet new"`, "wallet sned": `"wallet send"`, "sned": `"wallet send"`, "send": `"wallet send"`, "devnt": `"devnet"`,
		"node rum": `"node run"`, "node": `"node run"`, "bkacup": `"backup"`, "wallet": "say which of new, restore,", "xyzzy": "none is spelled like it",
		"block_count": `"smallnano rpc block_count"`, "acount list": `"account list"`, "wallet --json": "say which of",
	} {
		var said bytes.Buffer
		p := &program{out: &bytes.Buffer{}, err: &said}
		if code := p.run(strings.Fields(text)); code != exitUsage || !strings.Contains(said.String(), want) {
			t.Errorf("%s: code %d: %s, want %s", text, code, said.String(), want)
		}
	}
}
