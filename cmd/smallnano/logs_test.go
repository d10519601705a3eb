package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// Levels hold for one subsystem or for all, from the moment they are set.
func TestLogLevels(t *testing.T) {
	var out bytes.Buffer
	log, l, err := newLog(&out, "warn,peers=debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	say := func(want ...string) {
		t.Helper()
		out.Reset()
		for _, name := range []string{"", "peers", "wallet"} {
			log := log
			if name != "" {
				log = log.With("subsystem", name).With("x", 1)
			}
			log.Debug("debug of " + name)
			log.Info("info of " + name)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			var o struct{ Msg string }
			if err := json.Unmarshal([]byte(line), &o); err != nil {
				t.Errorf("%v: %s", err, line)
			}
			got = append(got, o.Msg)
		}
		if strings.Join(got, ";") != strings.Join(want, ";") {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	say("debug of peers", "info of peers")
	if now, err := l.change("info"); err != nil || now != "info" {
		t.Errorf("%s, %v", now, err)
	}
	say("info of ", "info of peers", "info of wallet")
	for bad, says := range map[string]string{"loud": "not a level", "info,pears=debug": `the nearest is "peers"`} {
		if _, err := l.change(bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if now, err := l.change(""); err != nil || now != "info" {
		t.Errorf("%s, %v", now, err)
	}
}

// What is repeated is written a few times and then counted, each event for
// itself; what is only looked at while debugging is written always.
func TestLogRepeats(t *testing.T) {
	var out bytes.Buffer
	log, _, err := newLog(&out, "debug", "text")
	if err != nil {
		t.Fatal(err)
	}
	peers := log.With("subsystem", "peers").Handler()
	now := time.Unix(1_800_000_000, 0)
	say := func(level slog.Level, text string, n int) (lines int, said string) {
		t.Helper()
		out.Reset()
		for i := range n {
			r := slog.NewRecord(now, level, text, 0)
			r.AddAttrs(slog.Int("n", i))
			if err := peers.Handle(context.Background(), r); err != nil {
				t.Fatal(err)
			}
		}
		return strings.Count(out.String(), "\n"), out.String()
	}
	if n, said := say(slog.LevelWarn, "flood", 1000); n != repeatMost {
		t.Errorf("%d lines: %s", n, said)
	}
	if n, _ := say(slog.LevelWarn, "another", 1); n != 1 {
		t.Errorf("%d lines of another event", n)
	}
	now = now.Add(repeatWindow)
	if n, said := say(slog.LevelWarn, "flood", 2); n != 2 || strings.Count(said, "more_before=995") != 1 {
		t.Errorf("%d lines: %s", n, said)
	}
	if n, _ := say(slog.LevelDebug, "detail", 100); n != 100 {
		t.Errorf("%d lines of debugging", n)
	}
	now = now.Add(-time.Hour) // a clock that is set back ends the silence
	if n, _ := say(slog.LevelWarn, "flood", 1); n != 1 {
		t.Errorf("%d lines after the clock was set back", n)
	}
}

// However many events there are, no more are remembered than the bound says.
func TestLogEventsBounded(t *testing.T) {
	_, l, err := newLog(&bytes.Buffer{}, "info", "text")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxEvents {
		l.admit(event{"x", strings.Repeat("y", i%7) + time.Duration(i).String()}, time.Unix(0, 0))
	}
	if len(l.events) > maxEvents {
		t.Errorf("%d events", len(l.events))
	}
}
