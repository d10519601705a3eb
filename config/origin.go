package config

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Origin is a setting with its value, as text, and where that comes from.
type Origin struct {
	Name  string // as in the file
	Value string
	From  string // default, the file with the line, the variable, or the flag
	doc   string
}

// Explain is Load, and tells of each setting where its value comes from, in the
// order of the file. The flags are the caller's set, as for Load.
func Explain(flags *flag.FlagSet, args []string, environ []string) (Config, []Origin, error) {
	from := map[string]string{}
	c, err := gather(flags, args, environ, from)
	if err != nil {
		return c, nil, err
	}
	origins := make([]Origin, len(settings))
	for i := range settings {
		s := &settings[i]
		origins[i] = Origin{Name: s.name, Value: s.told(&c), From: from[s.name], doc: s.doc}
		if origins[i].From == "" {
			origins[i].From = "default"
		}
	}
	return c, origins, nil
}

// told is the value for everybody to see: a key that stands where its file should
// be named is not.
func (s *setting) told(c *Config) string {
	if s.name == "voting_key" && isKey(c.VotingKey) {
		return "(a key)"
	}
	return s.value(c).String()
}

// isKey reports whether what should name a file is the key itself, also when some of
// it got lost, or the words of one: it is long, and has neither an ending nor a folder.
// Who has a file of such a name writes ./NAME.
func isKey(text string) bool {
	return len(strings.TrimSpace(text)) >= 48 && !strings.ContainsAny(text, `/\.`)
}

// KeyLike is a run of so many hexadecimal digits that it may be a key. No setting is
// meant to have it. Nobody may change it.
var KeyLike = regexp.MustCompile(`[0-9A-Fa-f]{48,}`)

// hideKeys takes out of an error about settings what may be a key: it may reach a log.
func hideKeys(err error) error {
	if err == nil || !KeyLike.MatchString(err.Error()) {
		return err
	}
	return errors.New(KeyLike.ReplaceAllString(err.Error(), "[digits that may be a key]"))
}

// live are the settings that a running node takes over; the others need a
// restart.
var live = map[string]bool{"log_level": true, "max_blocks_per_account": true, "max_ledger_bytes": true, "memory_limit_mb": true}

// Running returns the settings of a running node after its file was read again:
// fresh where the node has taken it over, as it was else. Both are of Explain.
func Running(was, fresh []Origin) []Origin {
	out := slices.Clone(was)
	for i := range min(len(out), len(fresh)) {
		if live[out[i].Name] {
			out[i] = fresh[i]
		}
	}
	return out
}

// Change is what became of a setting of a running node whose file was read
// again.
type Change struct {
	Name, Was, Is string
	Applied       bool // else it needs a restart
}

// Changes compares the settings that a node runs with with new ones, in the
// order of the file.
func Changes(running, fresh *Config) []Change {
	var out []Change
	for i := range settings {
		s := &settings[i]
		if was, is := s.value(running).String(), s.value(fresh).String(); was != is {
			was, is = s.told(running), s.told(fresh)
			out = append(out, Change{s.name, was, is, live[s.name]})
		}
	}
	return out
}

// shown is the value, visible also when it is empty.
func (o Origin) shown() string {
	if o.Value == "" {
		return `""`
	}
	return o.Value
}

// widest is how long a value may be that others are lined up with.
const widest = 48

// Table writes settings for people, one a line in three columns.
func Table(origins []Origin) []string {
	name, value := 0, 0
	for _, o := range origins {
		name = max(name, len(o.Name))
		if n := len(o.shown()); n <= widest {
			value = max(value, n)
		}
	}
	lines := make([]string, len(origins))
	for i, o := range origins {
		lines[i] = fmt.Sprintf("%-*s  %-*s  %s", name, o.Name, value, o.shown(), o.From)
	}
	return lines
}

// Doc tells what the setting is.
func (o Origin) Doc() string { return o.doc }

// String is one line for people.
func (c Change) String() string {
	what := "needs a restart"
	if c.Applied {
		what = "applied"
	}
	return fmt.Sprintf("%s: %s, was %s: %s", c.Name, strings.TrimSpace(c.Is), strings.TrimSpace(c.Was), what)
}

// Settings returns all settings with their defaults, in the order of the file.
func Settings() []Origin {
	d := Default()
	out := make([]Origin, len(settings))
	for i := range settings {
		s := &settings[i]
		out[i] = Origin{Name: s.name, Value: s.value(&d).String(), From: "default", doc: s.doc}
	}
	return out
}
