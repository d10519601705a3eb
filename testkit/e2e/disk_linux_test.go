package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// TestDiskNearlyFull has something else fill the disk of a node: it refuses to
// write, says why, goes on answering, and writes again by itself when there is
// space.
func TestDiskNearlyFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("smallnano", dir, "tmpfs", 0, "size=200m,mode=700"); err != nil {
		t.Skipf("no small disk can be made here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // after the node's end
	n := newNode(t, voting...)
	n.dir = filepath.Join(dir, "data")
	n.start()
	w := testkit.GenesisWallet(lattice.Dev())
	send := func() error { return n.process(w.Send(testkit.Account(1), lattice.AmountFrom(7))) }
	state := func(want string) {
		t.Helper()
		eventually(t, waitLimit, "state "+want, func() (bool, string) {
			o := run(t, "status", "--data-dir", n.dir, "--json")
			return strings.Contains(o.out, `"state": "`+want+`"`), o.out
		})
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 150<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	state("read_only")
	if err := send(); err == nil || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("a block on a full disk: %v", err)
	}
	if blocks, _ := n.counts(); blocks != 1 {
		t.Errorf("%d blocks", blocks)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, waitLimit, "the node writes again", func() (bool, string) {
		err := send()
		return err == nil, "it says: " + errText(err)
	})
	n.waitConfirmed(2)
	n.stop()
	n.verifyLedger()
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
