//go:build unix

package main

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/config"
)

func TestReload(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	log, levels, err := newLog(&said, "info", "text")
	if err != nil {
		t.Fatal(err)
	}
	var told pruningSetting
	running := config.Default()
	running.DataDir = dir
	again := func() string {
		said.Reset()
		running = reload(log, levels, &told, running, []string{"--data-dir", dir}, nil)
		return said.String()
	}
	write(``)
	if got := again(); !strings.Contains(got, "are the same") {
		t.Errorf("said %q", got)
	}
	write("log_level = \"debug\"\nrpc_port = 1\n")
	if got := again(); levels.levels.Load().All != slog.LevelDebug || running.LogLevel != "debug" || running.RPCPort == 1 ||
		!strings.Contains(got, "setting=rpc_port") || !strings.Contains(got, "log level changed") {
		t.Errorf("level %v, settings %+v, said %q", levels.levels.Load(), running, got)
	}
	write("log_level = \"debug\"\nmax_blocks_per_account = 7\nmax_ledger_bytes = 3000000000\n")
	if got := again(); told != (pruningSetting{7, 3_000_000_000}) || !strings.Contains(got, "pruning changed") {
		t.Errorf("told %+v, said %q", told, got)
	}
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	write("log_level = \"debug\"\nmax_blocks_per_account = 7\nmax_ledger_bytes = 3000000000\nmemory_limit_mb = 77\n")
	if got := again(); debug.SetMemoryLimit(-1) != 77<<20 || running.MemoryLimitMB != 77 || !strings.Contains(got, "memory limit changed") {
		t.Errorf("limit %d, said %q", debug.SetMemoryLimit(-1), got)
	}
	write("log_level = \"loud\"\n")
	if got := again(); levels.levels.Load().All != slog.LevelDebug || running.LogLevel != "debug" || !strings.Contains(got, "goes on with the old") {
		t.Errorf("level %v, said %q", levels.levels.Load(), got)
	}
}

// pruningSetting is what a node was told to keep.
type pruningSetting struct {
	blocks uint64
	bytes  int64
}

func (s *pruningSetting) SetPruning(blocks uint64, bytes int64) { *s = pruningSetting{blocks, bytes} }

func TestNotify(t *testing.T) {
	dir, err := os.MkdirTemp("", "n") //nolint:usetesting // a socket's name must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	notifySupervisor("READY=1")
	if err := socket.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100)
	if n, err := socket.Read(got); err != nil || string(got[:n]) != "READY=1" {
		t.Errorf("got %q: %v", got[:n], err)
	}
	t.Setenv("NOTIFY_SOCKET", path+"none")
	notifySupervisor("READY=1") // nobody is there, nothing happens
}

func TestWatchdogPause(t *testing.T) {
	for _, c := range []struct {
		micros, pid string
		want        time.Duration
	}{
		{"", "", 0}, {"x", "", 0}, {"-1", "", 0}, {"2000000", "", time.Second},
		{"2000000", strconv.Itoa(os.Getpid()), time.Second}, {"2000000", "1", 0},
	} {
		environ := map[string]string{"WATCHDOG_USEC": c.micros, "WATCHDOG_PID": c.pid}
		if got := watchdogPause(func(name string) string { return environ[name] }); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
