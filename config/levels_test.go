package config

import (
	"log/slog"
	"strings"
	"testing"
)

func TestLevels(t *testing.T) {
	for text, want := range map[string]string{
		"info": "info", "warn": "warn", "peers=debug": "info,peers=debug", " error , wallet=info,peers=warn": "error,peers=warn,wallet=info",
	} {
		l, err := ParseLevels(text)
		if err != nil || l.String() != want {
			t.Errorf("%q: %s, %v; want %s", text, l, err, want)
		}
		if again, err := ParseLevels(l.String()); err != nil || again.String() != want {
			t.Errorf("%q: read again: %s, %v", text, again, err)
		}
	}
	l, err := ParseLevels("warn,peers=debug")
	if err != nil || l.For("peers") != slog.LevelDebug || l.For("wallet") != slog.LevelWarn || l.For("") != slog.LevelWarn {
		t.Errorf("%+v, %v", l, err)
	}
	for text, says := range map[string]string{
		"": "not a level", "loud": "not a level", "peers=": "not a level", "=info": "names no subsystem", "info,warn": "twice",
		"peers=info,peers=warn": "twice", "info,": "not a level", strings.Repeat("x", 3) + "=1": "not a level",
	} {
		if l, err := ParseLevels(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %s, %v; want %q", text, l, err, says)
		}
	}
}
