package sim

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAttacks checks that each scenario in the table of attacks exists. They are
// run by TestScenarios.
func TestAttacks(t *testing.T) {
	text, err := os.ReadFile("../../actors/ATTACKS.md")
	if err != nil {
		t.Fatal(err)
	}
	known, rows := Scenarios(), 0
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.Contains(line, "---") || strings.Contains(line, "what answers it |") {
			continue
		}
		names := regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[3], -1)
		if rows++; len(names) == 0 {
			t.Errorf("no scenario for %q", cells[1])
		}
		for _, name := range names {
			if !slices.Contains(known, name[1]) {
				t.Errorf("scenario %q does not exist", name[1])
			}
		}
	}
	if rows < 10 {
		t.Errorf("%d rows", rows)
	}
}
