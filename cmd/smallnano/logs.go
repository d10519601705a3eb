package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/config"
)

// What is repeated in a log is written so often in such a time, and counted
// beyond. Different events have different words, so maxEvents is more than there
// are.
const (
	repeatWindow = 10 * time.Second
	repeatMost   = 5
	maxEvents    = 1024
)

// logs is what the log of a node writes: the levels, which may be set while it
// is used, and what was written lately. Safe for concurrent use.
type logs struct {
	levels atomic.Pointer[config.Levels]

	mu     sync.Mutex
	events map[event]*repeats
}

// event is what makes two records the same, whatever their attributes are: a
// peer could have them differ.
type event struct{ subsystem, text string }

// repeats is how often an event came since a moment.
type repeats struct {
	since  time.Time
	count  int
	unsaid int // of the count, not written
}

// newLog makes the log of a node.
func newLog(to io.Writer, level, format string) (*slog.Logger, *logs, error) {
	l := &logs{events: map[event]*repeats{}}
	if err := l.set(level); err != nil {
		return nil, nil, err
	}
	options := &slog.HandlerOptions{Level: slog.LevelDebug} // l decides
	var h slog.Handler = slog.NewTextHandler(to, options)
	if format == "json" {
		h = slog.NewJSONHandler(to, options)
	}
	return slog.New(&logHandler{Handler: h, logs: l}), l, nil
}

// set sets the levels from their text form, as log_level.
func (l *logs) set(text string) error {
	levels, err := config.ParseLevels(text)
	if err != nil {
		return fmt.Errorf("log_level is %q: %w", text, err)
	}
	known := actors.Subsystems()
	for name := range levels.Of {
		if !slices.Contains(known, name) {
			return fmt.Errorf("log_level is %q: there is no subsystem %q; the nearest is %q, all are %s", text, name, config.Nearest(name, known), strings.Join(known, ", "))
		}
	}
	l.levels.Store(&levels)
	return nil
}

// change is set, and tells the levels that hold now; "" changes nothing.
func (l *logs) change(text string) (string, error) {
	if text != "" {
		if err := l.set(text); err != nil {
			return "", err
		}
	}
	return l.levels.Load().String(), nil
}

// admit reports whether an event is written, and how many like it were not
// before.
func (l *logs) admit(e event, now time.Time) (written bool, unsaid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.events[e]
	if r == nil {
		if len(l.events) == maxEvents {
			clear(l.events)
		}
		r = &repeats{since: now}
		l.events[e] = r
	}
	if age := now.Sub(r.since); age >= repeatWindow || age < 0 {
		unsaid, *r = r.unsaid, repeats{since: now}
	}
	if r.count++; r.count > repeatMost {
		r.unsaid++
		return false, 0
	}
	return true, unsaid
}

// logHandler is one subsystem's way to the log.
type logHandler struct {
	slog.Handler
	logs      *logs
	subsystem string
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.logs.levels.Load().For(h.subsystem)
}

// Handle implements slog.Handler. Whoever asks for debugging wants everything.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level > slog.LevelDebug {
		written, unsaid := h.logs.admit(event{h.subsystem, r.Message}, r.Time)
		if !written {
			return nil
		}
		if unsaid > 0 {
			r = r.Clone()
			r.AddAttrs(slog.Int("more_before", unsaid))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := &logHandler{h.Handler.WithAttrs(attrs), h.logs, h.subsystem}
	for _, a := range attrs {
		if a.Key == "subsystem" {
			out.subsystem = a.Value.String()
		}
	}
	return out
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.Handler.WithGroup(name), h.logs, h.subsystem}
}
