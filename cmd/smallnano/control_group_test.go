//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestControlGroup makes groups of both versions in a folder that is none: what
// is written where, what is read, and that a process enters before it becomes
// what it is for.
func TestControlGroup(t *testing.T) {
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for version, c := range map[string]struct {
		make         string            // what there is before
		limits, says map[string]string // what is written, and what the kernel would write
	}{
		"1": {
			"mkdir memory cpu",
			map[string]string{"memory/x/memory.limit_in_bytes": "1048576", "cpu/x/cpu.cfs_quota_us": "100000", "cpu/x/cpu.cfs_period_us": "100000"},
			map[string]string{"memory/x/memory.max_usage_in_bytes": "4096\n", "memory/x/memory.failcnt": "7\n"},
		},
		"2": {
			"echo cpu memory >cgroup.controllers",
			map[string]string{"x/memory.max": "1048576", "x/cpu.max": "100000 100000"},
			map[string]string{"x/memory.peak": "4096\n", "x/memory.events": "low 3\nmax 7\noom 1\n"},
		},
	} {
		t.Run(version, func(t *testing.T) {
			root := t.TempDir()
			prepare := exec.Command("sh", "-c", c.make)
			prepare.Dir = root
			if err := prepare.Run(); err != nil {
				t.Fatal(err)
			}
			g, err := newControlGroup(root, "x", 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.limits {
				if got := read(filepath.Join(root, name)); got != want {
					t.Errorf("%s has %q, want %q", name, got, want)
				}
			}
			for name, text := range c.says {
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if g.peakBytes() != 4096 || g.timesFull() != 7 {
				t.Errorf("peak %d, full %d times", g.peakBytes(), g.timesFull())
			}
			line := append(g.wrapper(), "sh", "-c", `echo "$$ $1"`, "sh", "a b")
			out, err := exec.Command(line[0], line[1:]...).Output()
			if err != nil {
				t.Fatal(err)
			}
			pid, said, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
			for _, dir := range g.folders {
				if got := strings.TrimSpace(read(filepath.Join(dir, "cgroup.procs"))); got != pid || said != "a b" {
					t.Errorf("%s has process %s, which said %q; want %s", dir, got, said, pid)
				}
			}
		})
	}
	if _, err := newControlGroup(filepath.Join(t.TempDir(), "none"), "x", 1<<20); err == nil || !strings.Contains(err.Error(), "takes root, on Linux") {
		t.Errorf("without control groups: %v", err)
	}
}
