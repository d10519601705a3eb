package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoad runs smallnano-load against three nodes, all of them on one core: that
// everything is confirmed, not how fast.
func TestLoad(t *testing.T) {
	t.Setenv("GOMAXPROCS", "1")
	loader := filepath.Join(t.TempDir(), "smallnano-load")
	build := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", loader, "github.com/smallnano/smallnano/cmd/smallnano-load")...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	c := newCluster(t)
	var urls []string
	for _, n := range c.nodes {
		urls = append(urls, n.url)
	}
	load := func(args ...string) (string, string, error) {
		cmd := exec.Command(loader, args...)
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		err := cmd.Run()
		return out.String(), said.String(), err
	}
	args := []string{"--nodes", strings.Join(urls, ","), "--accounts", "6", "--buckets", "3", "--senders", "2", "--rates", "20,40", "--duration", "500ms", "--patience", "100s"}
	for range 2 { // the second time the accounts are open
		out, said, err := load(append(args, "--json")...)
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		var result map[string]any
		if err := json.Unmarshal([]byte(out), &result); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		for _, name := range []string{"at_20_unconfirmed", "at_40_unconfirmed", "at_40_not_taken"} {
			if n, found := result[name].(float64); !found || n != 0 {
				t.Errorf("%s is %v; it said: %s", name, result[name], said)
			}
		}
		for _, name := range []string{"at_20_p50_ms", "at_40_p99_ms", "at_40_confirmed_per_second"} {
			if n, _ := result[name].(float64); n <= 0 {
				t.Errorf("%s is %v", name, result[name])
			}
		}
	}
	c.nodes[2].stop()
	if _, said, err := load(args...); err == nil || !strings.Contains(said, urls[2]) {
		t.Errorf("with a node that is down: %v: %s", err, said)
	}
	for _, bad := range [][]string{{"--rates", "0"}, {"--accounts", "1"}, {"--buckets", "99"}, {"x"}, {"--none"}} {
		if _, said, err := load(bad...); err == nil || !strings.Contains(err.Error(), "exit status 2") || said == "" {
			t.Errorf("%v: %v: %s", bad, err, said)
		}
	}
}
