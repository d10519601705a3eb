package e2e

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFolderWithoutNode asks the nodes of folders that have none, while another
// one could be asked: a mistyped name must not end there.
func TestFolderWithoutNode(t *testing.T) {
	stopped := newNode(t)
	stopped.start()
	stopped.stop()
	missing, empty := filepath.Join(t.TempDir(), "none"), t.TempDir()
	for _, command := range [][]string{{"status"}, {"top", "--count", "1"}, {"rpc", "block_count"}} {
		for dir, said := range map[string]string{missing: "is not there", empty: "has no node", stopped.dir: "no node runs on"} {
			run(t, append(command, "--data-dir", dir)...).want(t, 1, dir, said)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("asking made a folder")
	}
}

// TestFailedStart leaves no new folder behind, and everything in one that was
// there.
func TestFailedStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	start := func(dir string) {
		t.Helper()
		run(t, "node", "run", "--data-dir", dir, "--listen-address", "127.0.0.1", "--peering-port", "0", "--rpc-port", port).want(t, 1, "address already in use")
	}
	top := t.TempDir()
	start(filepath.Join(top, "new", "folder"))
	if left, err := os.ReadDir(top); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	n := newNode(t)
	n.start()
	n.stop()
	before := content(t, n.dir)
	start(n.dir)
	after := content(t, n.dir)
	for _, name := range []string{"node.key", "rpc.token", "smallnano.toml"} {
		if path := filepath.Join(n.dir, name); after[path] != before[path] || before[path] == "" {
			t.Errorf("%s was changed", name)
		}
	}
	n.verifyLedger()
}

// TestStopTwice sends the same signal twice, as happens to a group of processes:
// the node still ends in order.
func TestStopTwice(t *testing.T) {
	n := newNode(t)
	n.start()
	for range 2 {
		if err := n.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	n.wantEnd()
}

// TestAlone looks at a node that knows nobody: it says what to do.
func TestAlone(t *testing.T) {
	n := newNode(t)
	n.start()
	run(t, "status", "--data-dir", n.dir).want(t, 1, "not ready: a confirmation needs", "no address of a peer is known", "--peer HOST:PORT", "--enable-voting --voting-key dev-genesis")
}
