package main

import (
	"fmt"
	"io"
	"log/slog"
)

// newLog makes the log of a node. Its level may be set while it is used.
func newLog(to io.Writer, least *slog.LevelVar, level, format string) (*slog.Logger, error) {
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log_level is %q, want debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(to, options)), nil
	}
	return slog.New(slog.NewTextHandler(to, options)), nil
}
