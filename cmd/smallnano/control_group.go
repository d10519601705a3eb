package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// controlGroups is where Linux shows its control groups.
const controlGroups = "/sys/fs/cgroup"

// controlGroup holds a process to one core and so much memory, by either version
// of the interface.
type controlGroup struct {
	folders       []string // that it is made of
	peak          string   // file with the most memory that was charged, in bytes
	refused, word string   // file with how often there was none left, and its word; "": the file is the number
}

// newControlGroup makes one below a folder, which is controlGroups but in tests.
func newControlGroup(root, name string, bytes int64) (*controlGroup, error) {
	g := &controlGroup{}
	var set [][3]string // folder, file, value
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		dir := filepath.Join(root, name)
		// Where a manager has not handed these on, the files below are not there.
		_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+cpu +memory"), 0o644)
		g.folders = []string{dir}
		g.peak, g.refused, g.word = filepath.Join(dir, "memory.peak"), filepath.Join(dir, "memory.events"), "max"
		set = [][3]string{{dir, "memory.max", fmt.Sprint(bytes)}, {dir, "cpu.max", "100000 100000"}}
	} else {
		memory, cpu := filepath.Join(root, "memory", name), filepath.Join(root, "cpu", name)
		g.folders = []string{memory, cpu}
		g.peak, g.refused = filepath.Join(memory, "memory.max_usage_in_bytes"), filepath.Join(memory, "memory.failcnt")
		set = [][3]string{{memory, "memory.limit_in_bytes", fmt.Sprint(bytes)}, {cpu, "cpu.cfs_period_us", "100000"}, {cpu, "cpu.cfs_quota_us", "100000"}}
	}
	for _, dir := range g.folders {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot make a control group (that takes root, on Linux): %w", err), g.remove())
		}
	}
	for _, s := range set {
		if err := os.WriteFile(filepath.Join(s[0], s[1]), []byte(s[2]), 0o644); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot set the limits of a control group: %w", err), g.remove())
		}
	}
	return g, nil
}

// wrapper is a command line that enters the group and becomes what follows it.
func (g *controlGroup) wrapper() []string {
	script := ""
	for i := range g.folders {
		script += fmt.Sprintf(`echo $$ >"$%d/cgroup.procs" && `, i+1)
	}
	script += fmt.Sprintf(`shift %d && exec "$@"`, len(g.folders))
	return append([]string{"sh", "-c", script, "sh"}, g.folders...)
}

// peakBytes is the most memory that was charged, cached files included.
func (g *controlGroup) peakBytes() int64 {
	text, err := os.ReadFile(g.peak)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// timesFull is how often memory had to be taken back because there was no more.
func (g *controlGroup) timesFull() int64 {
	text, err := os.ReadFile(g.refused)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if g.word == "" && len(fields) == 1 || len(fields) == 2 && fields[0] == g.word {
			n, _ := strconv.ParseInt(fields[len(fields)-1], 10, 64)
			return n
		}
	}
	return 0
}

// remove removes the group; nothing may run in it.
func (g *controlGroup) remove() (err error) {
	for _, dir := range g.folders {
		if gone := os.Remove(dir); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = gone
		}
	}
	return err
}
