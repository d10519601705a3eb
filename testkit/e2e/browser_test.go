package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// TestBrowser opens the page of a node in a real browser: the script runs under
// the page's policy, shows what the node tells, asks nobody else, and nothing is
// complained of.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no browser is here: apt-get install chromium")
	}
	n := newNode(t, voting...)
	n.start()
	w := testkit.GenesisWallet(lattice.Dev())
	send := w.Send(testkit.Account(1), lattice.AmountFrom(7))
	if err := n.process(send); err != nil {
		t.Fatal(err)
	}
	n.waitConfirmed(2)
	var shown, said string
	eventually(t, waitLimit, "the page shows the node", func() (bool, string) {
		shown, said = browse(t, browser, n.url)
		return strings.Contains(shown, `class="good"`), shown + said
	})
	hash := w.Advance(send).String()
	for _, want := range []string{"block_processor", "election_manager", hash[:8], "network dev", "time to confirm", "p99 ", "elections"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page does not show %q:\n%s", want, shown)
		}
	}
	for line := range strings.Lines(said) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser complains: %s", line)
		}
	}
}

// browse returns what a page has become after some seconds of its time, and what
// the browser said meanwhile. It can reach this machine only.
func browse(t *testing.T, browser, url string) (shown, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	home, err := os.MkdirTemp("", "smallnano-browser-") //nolint:usetesting // t.TempDir fails when its last process still writes there
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home) // its last process may still write there
	cmd := exec.CommandContext(ctx, browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-extensions", "--user-data-dir="+filepath.Join(home, "profile"),
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr", "--virtual-time-budget=4000", "--dump-dom", url+"/")
	cmd.Env = append(environ(), "HOME="+home)
	var out, err2 bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err2
	if err := cmd.Run(); err != nil {
		t.Logf("%s: %v\n%s", browser, err, err2.String())
	}
	return out.String(), err2.String()
}
