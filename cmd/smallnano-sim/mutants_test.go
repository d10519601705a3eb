package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFinding proves what counts as a finding of a planted fault: what a checker
// names, a panic, a deadlock; not that somebody ends the simulator, nor that it
// cannot do what it was asked for.
func TestFinding(t *testing.T) {
	for _, c := range []struct{ name, script, checker, where, err string }{
		{"nothing", `exit 0`, "", "", ""},
		{"law", `echo "seed 12: BROKEN finals: node 1 voted: twice"; exit 1`, "finals", "seed 12", ""},
		{"panic", `echo "panic: index out of range" >&2; exit 2`, "crashes", "seeds 1-40: panic: index out of range", ""},
		{"deadlock", `echo "fatal error: all goroutines are asleep - deadlock!" >&2; exit 2`, "crashes", "seeds 1-40: fatal error: all goroutines are asleep - deadlock!", ""},
		{"killed", `kill -9 $$`, "", "", "killed"},
		{"usage", `echo "flag provided but not defined" >&2; exit 2`, "", "", "flag provided"},
	} {
		t.Run(c.name, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "simulator")
			if err := os.WriteFile(binary, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			f, _, err := trial{first: 1, last: 40}.run(binary)
			if f.checker != c.checker || f.where != c.where {
				t.Errorf("found %q %q, want %q %q", f.checker, f.where, c.checker, c.where)
			}
			if got := ""; (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				if err != nil {
					got = err.Error()
				}
				t.Errorf("failed with %q, want %q", got, c.err)
			}
		})
	}
}

// TestPlan makes sure that the search is over what is run elsewhere, too: the
// scenarios with their own seeds, and no more ordinary seeds than there may be.
func TestPlan(t *testing.T) {
	most, scenarios := uint64(0), map[string]bool{}
	for _, r := range plan("untold", "77", mutantSeeds) {
		if r.scenario != "" {
			if r.first != 0 || scenarios[r.scenario] {
				t.Errorf("%v: again, or with another seed than its own", r)
			}
			scenarios[r.scenario] = true
		} else if r.first != 77 && r.first != most+1 {
			t.Errorf("%v follows seed %d", r, most)
		} else if r.first != 77 {
			most = r.last
		}
	}
	if most != mutantSeeds || !scenarios["untold"] || !scenarios["storm"] {
		t.Errorf("up to seed %d, scenarios %v", most, scenarios)
	}
}
