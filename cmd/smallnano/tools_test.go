package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// ran runs a command and returns what it prints.
func ran(t *testing.T, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	p := &program{out: &out, err: &said}
	if code := p.run(args); code != exitOK {
		t.Fatalf("%v: code %d: %s", args, code, said.String())
	}
	return out.String()
}

func TestWorkCommands(t *testing.T) {
	found := strings.TrimSpace(ran(t, "work", "generate", "--network", "dev", payeeAddress))
	nonce, err := parseNonce(found)
	account, err2 := lattice.ParseAccount(payeeAddress)
	if err != nil || err2 != nil || !work.Valid(lattice.Root(account), nonce, lattice.Dev().SendThreshold) {
		t.Errorf("%s: %v, %v", found, err, err2)
	}
	ran(t, "work", "check", "--network", "dev", payeeAddress, found)
}

func TestUnitsCommand(t *testing.T) {
	for text, want := range map[string]string{"1.5": "1.5 smn = 1500000000000000000000000 raw\n", "1raw": "0.000000000000000000000001 smn = 1 raw\n"} {
		if got := ran(t, "units", text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// The scripts for shells name every command and flag, and a shell that is here
// can read its own and completes with it.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := ran(t, "completion", shell)
		for _, c := range commands() {
			for _, word := range append(strings.Fields(c.name), c.flagNames()...) {
				if !strings.Contains(script, strings.TrimPrefix(word, "--")) {
					t.Errorf("%s: %s is not in the script", shell, word)
				}
			}
		}
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		return
	}
	for words, want := range map[string]string{
		"'' wal": "wallet", "wallet sen": "send", "'wallet' 'send' '--fro'": "--from", "work gen": "generate", "completion ba": "bash",
	} {
		count := len(strings.Fields(words))
		if strings.HasPrefix(words, "'' ") {
			words, count = strings.TrimPrefix(words, "'' "), 1
		}
		script := ran(t, "completion", "bash") + "\nCOMP_WORDS=(smallnano " + words + ")\nCOMP_CWORD=" + string(rune('0'+count)) + "\n_smallnano\necho \"${COMPREPLY[*]}\"\n"
		out, err := exec.Command(bash, "-c", script).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %q, %v, want %s", words, out, err, want)
		}
	}
}
