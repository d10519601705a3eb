package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// processUse is what a process has used since it was started.
type processUse struct {
	cpu     time.Duration
	wakeups int64 // how often one of its threads stopped waiting
	written int64 // bytes that went, or will go, to the disk
	rss     int64
	peak    int64
}

// since returns the difference to an earlier time; memory stays as it is.
func (u processUse) since(before processUse) processUse {
	u.cpu -= before.cpu
	u.wakeups -= before.wakeups
	u.written -= before.written
	return u
}

// errNoProcesses: only Linux tells one process about another.
var errNoProcesses = errors.New("this system does not tell what another process uses: this benchmark needs Linux")

// clockTicks is the unit of processor time in /proc, the same on all Linux.
const clockTicks = time.Second / 100

// useOf reads what a process uses.
func useOf(pid int) (u processUse, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u, fmt.Errorf("%w: %w", errNoProcesses, err)
	}
	// The name in brackets may hold anything; the fields after it are numbers.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return u, errNoProcesses
	}
	for _, f := range fields[11:13] { // in its own code, in the system
		n, _ := strconv.ParseInt(string(f), 10, 64)
		u.cpu += time.Duration(n) * clockTicks
	}
	threads, err := filepath.Glob(filepath.Join(dir, "task", "*", "status"))
	if err != nil {
		return u, err
	}
	for _, t := range threads {
		u.wakeups += numberIn(t, "\nvoluntary_ctxt_switches:")
	}
	u.written = numberIn(filepath.Join(dir, "io"), "\nwrite_bytes:")
	u.rss = residentBytes(strconv.Itoa(pid))
	u.peak = peakBytes(strconv.Itoa(pid))
	return u, nil
}

// numberIn returns the number after a word in a file of /proc; 0 where there is
// none.
func numberIn(path, word string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), word)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(fields[0], 10, 64)
	return n
}
