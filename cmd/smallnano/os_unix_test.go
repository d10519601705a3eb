//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/smallnano/smallnano/config"
)

// TestHandOver has root work on the data folder of a service: what is new there
// belongs to the service, and what the folder only points to stays root's.
func TestHandOver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const owner = 54321
	dir, foreign := dataFolder(t), filepath.Join(t.TempDir(), "foreign")
	backup := filepath.Join(t.TempDir(), "backup")
	run := func(args ...string) {
		t.Helper()
		if code, said := runCommand(args...); code != exitOK {
			t.Fatalf("%v: code %d: %s", args, code, said)
		}
	}
	if err := os.WriteFile(foreign, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(foreign, filepath.Join(dir, "hard")); err != nil {
		t.Skipf("no hard links here: %v", err)
	}
	if err := os.Symlink(foreign, filepath.Join(dir, "soft")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, ledgerFile), filepath.Join(dir, config.FileName)} {
		if err := os.Chown(path, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	run("backup", "--data-dir", dir, backup)
	run("ledger", "check", "--data-dir", dir)
	run("restore", "--data-dir", dir, backup)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]uint32{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		seen[e.Name()] = info.Sys().(*syscall.Stat_t).Uid
	}
	for name, uid := range seen {
		if want := uint32(owner); (name == "hard" || name == "soft") == (uid == want) {
			t.Errorf("%s belongs to %d", name, uid)
		}
	}
	if _, restored := seen[restoredFile]; !restored || seen[ledgerFile] != owner {
		t.Errorf("the folder has %v", seen)
	}
}
