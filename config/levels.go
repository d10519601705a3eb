package config

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// maxLevels bounds the subsystems that have a level of their own.
const maxLevels = 64

// Levels says what of a log is written: everything from a level up, with other
// levels for subsystems. Its text form, that of log_level, is
// "info,peers=debug,wallet=warn".
type Levels struct {
	All slog.Level
	Of  map[string]slog.Level // by subsystem
}

// ParseLevels reads the text form. The level of all may stand anywhere, once,
// and is info when it is left out.
func ParseLevels(text string) (Levels, error) {
	l := Levels{Of: map[string]slog.Level{}}
	general := false
	for part := range strings.SplitSeq(text, ",") {
		subsystem, name, one := strings.Cut(strings.TrimSpace(part), "=")
		if !one {
			subsystem, name = "", subsystem
		}
		level, known := levelNames[name]
		_, twice := l.Of[subsystem]
		switch {
		case !known:
			return l, fmt.Errorf("%q is not a level, want debug, info, warn or error", name)
		case one && subsystem == "":
			return l, fmt.Errorf("%q names no subsystem", part)
		case twice || !one && general:
			return l, fmt.Errorf("%q is given twice", part)
		case len(l.Of) == maxLevels:
			return l, fmt.Errorf("more than %d subsystems", maxLevels)
		case one:
			l.Of[subsystem] = level
		default:
			l.All, general = level, true
		}
	}
	return l, nil
}

var levelNames = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// For returns the level of a subsystem.
func (l Levels) For(subsystem string) slog.Level {
	if level, own := l.Of[subsystem]; own {
		return level
	}
	return l.All
}

// String returns the text form, subsystems in the order of their names.
func (l Levels) String() string {
	out := strings.ToLower(l.All.String())
	for _, subsystem := range slices.Sorted(maps.Keys(l.Of)) {
		out += "," + subsystem + "=" + strings.ToLower(l.Of[subsystem].String())
	}
	return out
}
