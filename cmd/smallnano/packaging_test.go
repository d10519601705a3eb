package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPackagedMetrics looks whether the dashboard and the alert rules ask for
// what a node tells.
func TestPackagedMetrics(t *testing.T) {
	source, err := os.ReadFile("../../actors/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`\bsmallnano_[a-z0-9_]+`)
	for _, file := range []string{"grafana.json", "alerts.yml"} {
		text, err := os.ReadFile(filepath.Join("../packaging", file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
		found := name.FindAllString(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s asks for nothing", file)
		}
		for _, n := range found {
			if !strings.Contains(string(source), `"`+n+`"`) {
				t.Errorf("%s asks for %s, which no node tells", file, n)
			}
		}
	}
}

// TestPackagedUnit looks whether the unit starts commands that there are.
func TestPackagedUnit(t *testing.T) {
	text, err := os.ReadFile("../packaging/smallnano.service")
	if err != nil {
		t.Fatal(err)
	}
	started := regexp.MustCompile(`(?m)^ExecStart(?:Pre)?=/usr/local/bin/smallnano (.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(started) != 1 {
		t.Fatalf("%d commands, want 1", len(started))
	}
	if want := fmt.Sprintf("\nRestartPreventExitStatus=%d\n", exitSettings); !strings.Contains(string(text), want) {
		t.Errorf("it must not try settings again that are not understood, and everything else: want%q", want)
	}
	for _, m := range started {
		if _, _, err := find(strings.Fields(m[1])); err != nil {
			t.Errorf("%q: %v", m[1], err)
		}
	}
}

// TestWorkflows looks whether what the workflows run is there: targets of make,
// and scripts that may be run.
func TestWorkflows(t *testing.T) {
	const root = "../../"
	makefile, err := os.ReadFile(root + "Makefile")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(root + ".github/workflows/*.yml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d workflows: %v", len(files), err)
	}
	checked := 0
	for _, file := range append(files, root+".ci/run") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)(?:run: |' )make ((?:[a-z0-9-]+ ?)+)`).FindAllStringSubmatch(string(text), -1) {
			for target := range strings.FieldsSeq(m[1]) {
				checked++
				if !regexp.MustCompile(`(?m)^` + target + `:`).Match(makefile) {
					t.Errorf("%s runs make %s, which is no target", file, target)
				}
			}
		}
		for _, script := range regexp.MustCompile(`(?:cmd/packaging|\.ci)/[a-z]+(?:\.sh)?\b`).FindAllString(string(text), -1) {
			checked++
			if info, err := os.Stat(root + script); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("%s runs %s, which cannot be run: %v", file, script, err)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d commands were found", checked)
	}
}
