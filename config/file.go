package config

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxSmall is the most bytes that a file of settings or of a key may have.
const maxSmall = 1 << 20

var errTooMuch = fmt.Errorf("no plain file of at most %d bytes", maxSmall)

// ReadSmall reads a file of settings, of a key or a token: what is no plain file,
// or larger than a megabyte, is refused and not waited for.
func ReadSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSmall {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errTooMuch}
	}
	return os.ReadFile(path)
}

// readFile takes over the settings file, if there is one.
func (c *Config) readFile(from map[string]string) error {
	path := filepath.Join(c.DataDir, FileName)
	data, err := ReadSmall(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot read the settings: %w; put that right, or choose another folder with --data-dir", err)
	}
	return c.parse(path, data, from)
}

// parse takes over the keys of a file.
func (c *Config) parse(path string, data []byte, from map[string]string) error {
	var keys map[string]any
	if err := toml.Unmarshal(data, &keys); err != nil {
		var bad *toml.DecodeError
		if errors.As(err, &bad) {
			line, column := bad.Position()
			return fmt.Errorf("%s:%d:%d: %w", path, line, column, err)
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	for i := range settings {
		s := &settings[i]
		value, ok := keys[s.name]
		if !ok {
			continue
		}
		delete(keys, s.name)
		if s.name == "data_dir" {
			return fmt.Errorf("%s:%d: data_dir cannot be set in a file of that folder: use --data-dir or SMALLNANO_DATA_DIR", path, lineOf(data, s.name))
		}
		text, err := plain(value, s.value(c))
		if err == nil {
			err = set(s.value(c), text)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %s: %w", path, lineOf(data, s.name), s.name, err)
		}
		from[s.name] = fmt.Sprintf("%s:%d", path, lineOf(data, s.name))
	}
	first, line := "", 0
	for key := range keys { // the first in the file, so that the error is always the same
		if l := lineOf(data, key); first == "" || l < line {
			first, line = key, l
		}
	}
	if first != "" {
		return fmt.Errorf("%s:%d: %q is not a setting; the nearest is %q", path, line, first, nearest(first, func(s *setting) string { return s.name }))
	}
	return nil
}

// plain is the text form of a TOML value, for a setting that is a list or not.
func plain(value any, of flag.Value) (string, error) {
	items, ok := value.([]any)
	if _, many := of.(*list); ok && !many {
		return "", errors.New("one value is expected, not a list")
	}
	if !ok {
		items = []any{value}
	}
	texts := make([]string, len(items))
	for i, item := range items {
		switch item.(type) {
		case string, int64, float64, bool:
			texts[i] = fmt.Sprint(item)
		default:
			return "", errors.New("a string, a number, true or false is expected")
		}
	}
	return strings.Join(texts, ","), nil
}

// lineOf finds the line on which a key is set.
func lineOf(data []byte, key string) int {
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		text = strings.TrimLeft(strings.TrimSpace(text), "[\"")
		if rest, ok := strings.CutPrefix(text, key); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t=.]\"")) {
			return line
		}
	}
	return 0
}

// Sample returns the settings file of a first run: every setting with its
// default, as comments.
func Sample() string {
	d := Default()
	return sample(&d, func(string) bool { return false })
}

// sample returns a settings file: what is set, and the rest as comments.
func sample(c *Config, set func(name string) bool) string {
	var b strings.Builder
	b.WriteString("# Settings of a smallnano node. What is commented out has the value shown.\n" +
		"# Variables (SMALLNANO_PEERING_PORT=…) and flags (--peering-port …) go before this file.\n")
	for i := range settings {
		s := &settings[i]
		if s.name == "data_dir" {
			continue
		}
		mark := "#"
		if set(s.name) {
			mark = ""
		}
		fmt.Fprintf(&b, "\n# %s\n%s%s = %s\n", s.doc, mark, s.name, sampleValue(s.value(c)))
	}
	return b.String()
}

func sampleValue(v any) string {
	switch v := v.(type) {
	case *number:
		return v.String()
	case *number64:
		return v.String()
	case *boolean:
		return v.String()
	case *list:
		quoted := make([]string, len(*v))
		for i, item := range *v {
			quoted[i] = quote(item)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case *text:
		return quote(string(*v))
	}
	panic("config: a setting of unknown kind")
}

// quote writes a string as TOML does, whose escapes are those of JSON and not of
// Go.
func quote(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string can always be encoded
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

// WriteSample writes the settings file of a first run into a data folder. One
// that is there already is left alone.
func WriteSample(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot write the settings: %w", err)
	}
	_, err = f.WriteString(Sample())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cannot write the settings: %w", err)
	}
	return nil
}
