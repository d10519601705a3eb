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
