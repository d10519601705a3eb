package sim

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMutantsApply makes sure that every planted fault still fits the code it is
// planted in, and that there are enough of them. That each is found takes longer:
// make sim-mutants.
func TestMutantsApply(t *testing.T) {
	patches, err := filepath.Glob("mutants/*.patch")
	if err != nil {
		t.Fatal(err)
	}
	if len(patches) < 20 {
		t.Fatalf("only %d mutants", len(patches))
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	known := map[string]bool{"": true}
	for _, name := range Scenarios() {
		known[name] = true
	}
	for _, p := range patches {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command("git", "apply", "--check")
		c.Dir = filepath.Join("..", "..")
		c.Stdin = bytes.NewReader(text)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", p, err, bytes.TrimSpace(out))
		}
		_, hint, _ := bytes.Cut(text, []byte("\nScenario: "))
		hint, _, _ = bytes.Cut(hint, []byte("\n"))
		if !known[string(hint)] {
			t.Errorf("%s: there is no scenario %q", p, hint)
		}
	}
}
