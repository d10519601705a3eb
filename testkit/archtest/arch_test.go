package archtest

import (
	"strings"
	"testing"
)

// checks are all of them, by name.
var checks = []struct {
	name  string
	check func(tree) []string
}{
	{"imports", importRule},
	{"purity", purity},
	{"determinism", determinism},
	{"kernel", kernelOnly},
	{"sleepless", sleepless},
	{"comments", packageComments},
	{"documented", documented},
	{"finished", finished},
	{"portable", portable},
	{"links", linked},
	{"readme", runnable},
	{"ci", steps},
}

// TestRepository runs every check on this repository.
func TestRepository(t *testing.T) {
	files := load(t)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			for _, finding := range c.check(files) {
				t.Error(finding)
			}
		})
	}
}

// TestPlantedFaults proves that each check catches what it is for, and only
// that. A fault is a file; want is part of its only finding, "" for none.
func TestPlantedFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.check+"/"+f.name, func(t *testing.T) {
			var check func(tree) []string
			for _, c := range checks {
				if c.name == f.check {
					check = c.check
				}
			}
			if check == nil {
				t.Fatalf("there is no check %q", f.check)
			}
			findings := check(f.files)
			switch {
			case f.want == "" && len(findings) > 0:
				t.Errorf("found fault where there is none: %q", findings)
			case f.want != "" && (len(findings) != 1 || !strings.Contains(findings[0], f.want)):
				t.Errorf("found %q, want one finding with %q", findings, f.want)
			}
		})
	}
	for _, c := range checks {
		good, bad := 0, 0
		for _, f := range faults {
			if f.check == c.name && f.want == "" {
				good++
			} else if f.check == c.name {
				bad++
			}
		}
		if good == 0 || bad == 0 {
			t.Errorf("check %s has %d planted faults and %d cases without one; want both", c.name, bad, good)
		}
	}
}
