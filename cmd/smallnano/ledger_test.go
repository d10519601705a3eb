package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// runCommand runs a command and returns its exit code and all it said.
func runCommand(args ...string) (int, string) {
	var said bytes.Buffer
	p := &program{out: &said, err: &said}
	code := p.run(args)
	return code, said.String()
}

// dataFolder is the folder of a node that was started once.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := storage.Open(filepath.Join(dir, ledgerFile), storeOptions(lattice.Dev()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := config.WriteSample(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestKeyInPlaceOfFile gives a key where a file should be named: it is refused and
// not repeated, neither to the log nor in a report.
func TestKeyInPlaceOfFile(t *testing.T) {
	dir, file := dataFolder(t), filepath.Join(t.TempDir(), "report")
	secret := strings.Repeat("98ee5C59", 8)
	for _, args := range [][]string{
		{"node", "run", "--data-dir", dir, "--enable-voting", "--voting-key", secret},
		{"config", "show", "--data-dir", dir, "--voting-key", secret},
		{"config", "check", "--data-dir", dir, "--voting-key", secret},
	} {
		if code, said := runCommand(args...); strings.Contains(strings.ToLower(said), strings.ToLower(secret)) || !strings.Contains(said, "a key") {
			t.Errorf("%v: code %d: %s", args[:2], code, said)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte("enable_voting = true\nvoting_key = \""+secret+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("stat "+secret+": no such file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := runCommand("report", "--data-dir", dir, "--log", log, file); code != exitOK {
		t.Fatalf("code %d: %s", code, said)
	}
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || bytes.Contains(bytes.ToLower(text), []byte(strings.ToLower(secret))) || !bytes.Contains(text, []byte("no such file")) {
		t.Errorf("the report has it: %v", err)
	}
}

// damage changes a ledger behind the node's back.
func damage(t *testing.T, path string) {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := sqlitex.ExecuteScript(c, "DELETE FROM weights", nil); err != nil {
		t.Fatal(err)
	}
}

// TestLedgerCommands takes a ledger through a backup, damage and a restore.
func TestLedgerCommands(t *testing.T) {
	dir := dataFolder(t)
	ledger, copied := filepath.Join(dir, ledgerFile), filepath.Join(t.TempDir(), "copy")
	step := func(code int, want string, args ...string) {
		t.Helper()
		if got, said := runCommand(append(args, "--data-dir", dir)...); got != code || !strings.Contains(said, want) {
			t.Errorf("%v: code %d, %q; want %d, %q", args, got, said, code, want)
		}
	}
	step(exitOK, "good", "ledger", "check")
	step(exitOK, "good", "backup", copied)
	step(exitFailed, "is there already", "backup", copied)
	step(exitUsage, "one folder", "backup")
	step(exitOK, "good", "ledger", "check", "--file", filepath.Join(copied, ledgerFile))
	if _, err := os.Stat(filepath.Join(copied, nodeKeyFile)); err == nil {
		t.Error("a key is in the backup")
	}
	damage(t, ledger)
	step(exitFailed, "restore a backup", "ledger", "check")
	step(exitFailed, "1 findings", "backup", copied+"2") // a copy of a damaged ledger says so
	step(exitFailed, "restore a backup", "restore", copied+"2")
	step(exitOK, "before-restore-1", "restore", copied)
	step(exitOK, "good", "ledger", "check")
	step(exitOK, "now", "ledger", "vacuum")
	step(exitFailed, "another network", "ledger", "check", "--network", "beta")
	step(exitFailed, "none", "restore", copied+"none")
}

func TestDoctor(t *testing.T) {
	dir := dataFolder(t)
	args := []string{"doctor", "--data-dir", dir, "--peering-port", "0", "--rpc-port", "0"}
	code, said := runCommand(append(args, "--json")...)
	var report struct {
		Schema   int
		Findings []finding
	}
	if err := json.Unmarshal([]byte(said), &report); err != nil || code != exitOK || report.Schema != 1 {
		t.Fatalf("code %d: %v: %s", code, err, said)
	}
	seen := map[string]finding{}
	for _, f := range report.Findings {
		seen[f.What] = f
		if (f.Verdict == healthy) != (f.Fix == "") {
			t.Errorf("%+v: a fix goes with what is wrong", f)
		}
	}
	for _, what := range []string{"settings", "clock", "folder", "fsync", "work", "ledger", "node", "rpc_port", "peering_port"} {
		if _, ok := seen[what]; !ok {
			t.Errorf("%s is missing", what)
		}
	}
	token := filepath.Join(dir, tokenFile)
	if err := os.WriteFile(token, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(token, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, said := runCommand(args...); modesMatter && (!strings.Contains(said, "warn  secrets") || !strings.Contains(said, "chmod 600 "+token)) {
		t.Errorf("a token that all can read: %s", said)
	}
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	damage(t, filepath.Join(dir, ledgerFile))
	if code, said := runCommand(args...); code != exitFailed || !strings.Contains(said, "FAIL  ledger") || !strings.Contains(said, "restore a backup") {
		t.Errorf("code %d: %s", code, said)
	}
	if code, said := runCommand("doctor", "--data-dir", dir, "--network", "none"); code != exitFailed || !strings.Contains(said, "FAIL  settings") {
		t.Errorf("code %d: %s", code, said)
	}
}

// A restore that is refused leaves no mark behind, which would silence a
// representative; one that goes ahead leaves it before the ledger is replaced.
func TestRefusedRestoreLeavesNoMark(t *testing.T) {
	dir := dataFolder(t)
	copied, mark := filepath.Join(t.TempDir(), "copy"), filepath.Join(dir, restoredFile)
	if code, said := runCommand("backup", copied, "--data-dir", dir); code != exitOK {
		t.Fatalf("code %d: %s", code, said)
	}
	s, err := storage.Open(filepath.Join(dir, ledgerFile), storeOptions(lattice.Dev())) // as a node has it
	if err != nil {
		t.Fatal(err)
	}
	code, said := runCommand("restore", copied, "--data-dir", dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); code != exitFailed || err == nil {
		t.Errorf("code %d, mark %v: %s", code, err, said)
	}
	if code, said := runCommand("restore", copied, "--data-dir", dir); code != exitOK {
		t.Errorf("code %d: %s", code, said)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("a restore left no mark: %v", err)
	}
}
