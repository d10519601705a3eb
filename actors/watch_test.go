package actors

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// TestDiskFills lets the free space fall and rise again: the node stops and
// goes on by itself, and does not flutter between the limits.
func TestDiskFills(t *testing.T) {
	store := storage.NewMemory(lattice.Dev())
	defer store.Close()
	usage := Usage{DiskSize: 100 << 30}
	a := &health{env: &Env{Store: store}, board: newBoard(), probe: func() Usage { return usage }, log: slog.New(slog.DiscardHandler)}
	now := time.Unix(1000, 0)
	for i, step := range []struct {
		free    int64
		stopped bool
		warned  bool
	}{
		{1 << 40, false, false}, {diskWarn, false, false}, {diskWarn - 1, false, true}, {diskLow, false, true},
		{diskLow - 1, true, false}, {diskLow, true, false}, {diskEnough - 1, true, false}, {diskEnough, false, true},
		{diskLow, false, true}, {0, true, false}, {diskWarn, false, false},
	} {
		usage.DiskFree = step.free
		now = now.Add(measureEvery)
		a.measure(now)
		if got := a.board.readOnly() != ""; got != step.stopped {
			t.Errorf("step %d, %d MB free: stopped: %t, reason %q", i, step.free>>20, got, a.board.readOnly())
		}
		if got := a.board.watch.found().reasons; (len(got) == 1 && strings.Contains(got[0], "MB free")) != step.warned {
			t.Errorf("step %d, %d MB free: warnings %q", i, step.free>>20, got)
		}
	}
	usage = Usage{}
	a.measure(now.Add(measureEvery))
	if f := a.board.watch.found(); f.stop != "" || len(f.reasons) > 0 {
		t.Errorf("with nothing known: %+v", f)
	}
}

// TestWriteFailureFirst shows the fault of the disk rather than the fear of it.
func TestWriteFailureFirst(t *testing.T) {
	b := newBoard()
	b.watch.post(findings{stop: "nearly full"})
	b.setReadOnly("full")
	if got := b.readOnly(); got != "full" {
		t.Errorf("got %q", got)
	}
	b.setReadOnly("")
	if got := b.readOnly(); got != "nearly full" {
		t.Errorf("got %q", got)
	}
	if b.writeFailure() != "" {
		t.Error("a nearly full disk counts as one that cannot be written, and would be tried for ever")
	}
}

func TestClockJump(t *testing.T) {
	start := time.Now()
	var c clockWatch
	for _, passed := range []time.Duration{0, time.Second, time.Hour} { // a reading of the system's clock, and times counted from it
		if got := c.look(start.Add(passed)); got != "" {
			t.Errorf("after %v: %q", passed, got)
		}
	}
	if got := (&clockWatch{last: time.Unix(0, 0)}).look(time.Unix(1e6, 0)); got != "" {
		t.Errorf("with a clock that tells the time of day only: %q", got)
	}
	for by, want := range map[time.Duration]string{
		-time.Hour: "set back by 1h0m0s", time.Minute: "set ahead by 1m0s", clockJump: "set ahead by 2s",
		clockJump - 1: "", -clockJump + 1: "",
	} {
		var c clockWatch
		if got := c.set(start, by); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%v: %q", by, got)
		}
		if got := c.set(start.Add(clockRemember-1), 0); !strings.Contains(got, want) {
			t.Errorf("%v: soon forgotten: %q", by, got)
		}
		if got := c.set(start.Add(clockRemember), 0); got != "" {
			t.Errorf("%v: still told: %q", by, got)
		}
	}
}

func TestProcessorPercent(t *testing.T) {
	a := &health{}
	now := time.Unix(0, 0)
	for i, step := range []struct {
		cpu  time.Duration
		want int64
	}{{time.Second, 0}, {time.Second, 0}, {2 * time.Second, 20}, {12 * time.Second, 200}} {
		if got := a.percent(Usage{CPU: step.cpu}, now); got != step.want {
			t.Errorf("step %d: %d %%, want %d", i, got, step.want)
		}
		now = now.Add(5 * time.Second)
	}
}
