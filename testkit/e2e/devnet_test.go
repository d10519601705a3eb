package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// devnetResult is what "devnet --json" prints.
type devnetResult struct {
	Nodes     int
	Transfers []struct {
		Hash, Subtype string
		ConfirmedOn   int     `json:"confirmed_on"`
		Latency       float64 `json:"latency_ms"`
	}
	Latency map[string]float64 `json:"latency_ms"`
	RSS     []float64          `json:"rss_mb"`
}

// TestDevnetOnce runs the demonstration, and again on the data of the first
// run.
func TestDevnetOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	args := []string{"devnet", "--nodes", "3", "--dir", dir, "--base-port", strconv.Itoa(freePorts(t, 6)), "--once"}
	for round, subtypes := range []string{"send open send receive", "send open send receive send receive"} {
		count := len(strings.Fields(subtypes))
		o := run(t, append(args, "--json", "--transfers", strconv.Itoa(count))...)
		o.want(t, 0)
		var got devnetResult
		if err := json.Unmarshal([]byte(o.out), &got); err != nil {
			t.Fatalf("%v: %s", err, o.out)
		}
		if got.Nodes != 3 || len(got.Transfers) != count {
			t.Fatalf("round %d: %s", round, o.out)
		}
		for i, want := range strings.Fields(subtypes) {
			if tr := got.Transfers[i]; tr.Subtype != want || tr.ConfirmedOn != 3 || tr.Latency <= 0 || len(tr.Hash) != 64 {
				t.Errorf("round %d: transfer %d is %+v, want a %s", round, i, tr, want)
			}
		}
		if l := got.Latency; l["p50"] <= 0 || l["p90"] < l["p50"] || l["p99"] < l["p90"] {
			t.Errorf("round %d: latency %v", round, l)
		}
		wantNoProcess(t, dir)
	}
	o := run(t, args...)
	o.want(t, 0)
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "confirmed on 3 of 3 nodes") {
		t.Errorf("last line is %q", last)
	}
	wantNoProcess(t, dir)
	run(t, append(args, "--nodes", "2")...).want(t, 1, "more than 2 nodes")
	for i := range 3 {
		(&node{t: t, dir: filepath.Join(dir, fmt.Sprintf("node-%d", i))}).verifyLedger()
	}
}

// TestDevnetOfOne has one node that votes with everything.
func TestDevnetOfOne(t *testing.T) {
	dir := t.TempDir()
	o := run(t, "devnet", "--nodes", "1", "--dir", dir, "--base-port", strconv.Itoa(freePorts(t, 2)), "--once")
	o.want(t, 0)
	if !strings.Contains(o.out, "confirmed on 1 of 1 nodes") {
		t.Error(o.out)
	}
	wantNoProcess(t, dir)
}

// TestDevnetFails takes one of the ports away: the reason and the place of the
// logs are told, and no node is left.
func TestDevnetFails(t *testing.T) {
	n := newNode(t)
	n.start()
	_, port, _ := strings.Cut(n.peering, ":")
	base, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o := run(t, "devnet", "--nodes", "2", "--dir", dir, "--base-port", strconv.Itoa(base-2), "--once")
	o.want(t, 1, "node 1 ended", "address already in use", "choose another with --base-port", filepath.Join(dir, "node-*", "log"))
	if strings.Contains(o.err, "-port or") || strings.Contains(o.err, "exit status") {
		t.Errorf("it speaks of what nobody gave it: %s", o.err)
	}
	wantNoProcess(t, dir)
}

// startDevnet starts a network of two nodes that goes on, and waits for the end of its
// demonstration.
func startDevnet(t *testing.T, dir string) (*exec.Cmd, *lockedBuffer) {
	t.Helper()
	cmd := exec.Command(program, "devnet", "--nodes", "2", "--dir", dir, "--base-port", strconv.Itoa(freePorts(t, 4)))
	cmd.Env = environ()
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, waitLimit, "demonstration is over", func() (bool, string) {
		return strings.Contains(out.String(), "node 1:  1 peers"), out.String()
	})
	return cmd, out
}

// TestDevnetKilled ends a network that goes on, by a signal and with kill -9: the
// nodes must go with it.
func TestDevnetKilled(t *testing.T) {
	dir := t.TempDir()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		cmd, out := startDevnet(t, dir)
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if s != syscall.SIGKILL && err != nil {
			t.Errorf("%v: %v: %s", s, err, out.String())
		}
		if s == syscall.SIGKILL && processesOf(t, dir) == nil {
			continue // there is no /proc to look into
		}
		wantNoProcess(t, dir)
	}
}

// TestDevnetLosesNode kills one of the nodes: that ends the network, with a
// reason.
func TestDevnetLosesNode(t *testing.T) {
	dir := t.TempDir()
	cmd, out := startDevnet(t, dir)
	victim := 0
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte(filepath.Join(dir, "node-1")+"\x00")) {
			victim, _ = strconv.Atoi(filepath.Base(filepath.Dir(path)))
		}
	}
	if victim == 0 {
		t.Skip("there is no /proc to find the node in")
	}
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(out.String(), "node 1 ended: somebody killed its process") {
		t.Errorf("%v: %s", err, out.String())
	}
	wantNoProcess(t, dir)
}

// wantNoProcess waits until no process has a folder on its command line. Where
// that cannot be seen it waits for nothing.
func wantNoProcess(t *testing.T, dir string) {
	t.Helper()
	eventually(t, waitLimit, "no process is left", func() (bool, string) {
		left := processesOf(t, dir)
		return len(left) == 0, fmt.Sprint(left)
	})
}

// processesOf lists the command lines that name a folder.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	found := []string{}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte(dir)) {
			found = append(found, string(bytes.ReplaceAll(text, []byte{0}, []byte{' '})))
		}
	}
	return found
}
