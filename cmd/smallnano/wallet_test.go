package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

const payeeAddress = "smn_16brc13bakgt86saj5am5ykwyr6zz7cid7xd9o4eocgbmznzcy9oo8madf3e"

func TestParsePayment(t *testing.T) {
	for text, raw := range map[string]string{
		"1": "1000000000000000000000000", "0.5": "500000000000000000000000", "1.5smn": "1500000000000000000000000",
		"1.5 smn": "1500000000000000000000000", "1raw": "1", "12 raw": "12", "0": "0",
	} {
		if got, err := parsePayment(text); err != nil || got.Raw() != raw {
			t.Errorf("%q: %s, %v", text, got.Raw(), err)
		}
	}
	for _, text := range []string{"", "raw", "1.5raw", "-1", "+1", "1e3", "1,5", "01", ".5", "1.", "1smnraw", "0x10"} {
		if got, err := parsePayment(text); err == nil {
			t.Errorf("%q is taken for %s raw", text, got.Raw())
		}
	}
}

func TestInvoice(t *testing.T) {
	account, err := lattice.ParseAccount(payeeAddress)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []invoice{
		{account: account},
		{account: account, amount: lattice.AmountFrom(7)},
		{account: account, amount: lattice.Supply, label: "Café & bar", message: "table 4 = 2 + 2"},
	} {
		text := i.uri()
		if got, err := parseInvoice(text); err != nil || got != i {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if strings.ContainsAny(text, " +") {
			t.Errorf("%s has what a scanner may read in two ways", text)
		}
	}
	if got, err := parseInvoice(payeeAddress); err != nil || got.account != account {
		t.Errorf("a plain address: %v", err)
	}
	for _, bad := range []string{
		"", "smn:", "smn:" + payeeAddress[:60], "nano:" + payeeAddress, "smn:" + payeeAddress + "?amount=1.5", "smn:" + payeeAddress + "?amount=1&amount=2",
		"smn:" + payeeAddress + "?req-memo=1", "smn:" + payeeAddress + "?amount=%zz", "nano_" + payeeAddress[4:],
	} {
		if _, err := parseInvoice(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestSettle(t *testing.T) {
	one := lattice.MustAmount("1000000000000000000000000")
	for _, c := range []struct {
		asked lattice.Amount
		words []string
		want  lattice.Amount
		says  string
	}{
		{words: []string{"1"}, want: one},
		{asked: one, want: one},
		{asked: one, words: []string{"1"}, want: one},
		{says: "how much"},
		{words: []string{"0"}, says: "nothing"},
		{words: []string{"x"}, says: "not a digit"},
		{asked: one, words: []string{"2"}, says: "leave one away"},
	} {
		i := invoice{amount: c.asked}
		err := i.settle(c.words)
		if c.says == "" && (err != nil || i.amount != c.want) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%v with %v: %s raw, %v", c.asked, c.words, i.amount.Raw(), err)
		}
	}
}

// Secrets come line by line from a file descriptor; a new password from there
// is not asked for twice, and must not be empty.
func TestSecretsFromDescriptor(t *testing.T) {
	r := newWalletRun(&program{}, flag.NewFlagSet("", flag.ContinueOnError), false)
	r.passwordFD = pipe(t, "first\r\nsecond\n\nlast")
	if got, err := r.password("password"); err != nil || got != "first" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := r.newPassword(); err != nil || got != "second" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.newPassword(); err == nil {
		t.Error("an empty new password is taken")
	}
	if got, err := r.password("password"); err != nil || got != "last" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.password("password"); err == nil {
		t.Error("read beyond the end")
	}
}

// No wallet command has a flag for a secret itself.
func TestNoSecretFlags(t *testing.T) {
	for _, c := range walletCommands() {
		var out, says bytes.Buffer
		p := &program{out: &out, err: &says}
		if code := p.run(append(strings.Fields(c.name), "-h")); code != exitOK {
			t.Errorf("%s -h: exit %d: %s", c.name, code, says.String())
		}
		for _, flag := range []string{"-password ", "-words ", "-seed ", "-key "} {
			if c.name != "wallet backup" && strings.Contains(out.String(), "  "+flag) {
				t.Errorf("%s takes a secret as%s", c.name, flag)
			}
		}
	}
}

func TestBackupReplacesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backup.json")
	if err := newFile(path, "one"); err != nil {
		t.Fatal(err)
	}
	if err := newFile(path, "two"); err == nil {
		t.Error("a file that was there is replaced")
	}
	text, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || string(text) != "one" || info.Mode().Perm()&0o077 != 0 && modesMatter {
		t.Errorf("%q, %v, %v", text, info, err)
	}
}

func TestCodeIsDrawn(t *testing.T) {
	var out bytes.Buffer
	drawCode(&out, "smn:"+payeeAddress)
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if len(lines) < 15 {
		t.Fatalf("%d lines", len(lines))
	}
	width := len([]rune(lines[0]))
	for i, line := range lines {
		if len([]rune(line)) != width {
			t.Errorf("line %d has another width", i)
		}
	}
}
