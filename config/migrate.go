package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Migrate rewrites the settings file of a data folder as this program would
// write it: every setting with its comment, those that were set with the values
// they had, and those that this program does not know as comments at the end.
// The file as it was is kept beside it, under the name that is returned; "": it is
// as it should be already. A value that this program refuses is refused, and
// nothing changed.
func Migrate(dir string) (kept string, err error) {
	path := filepath.Join(dir, FileName)
	data, err := ReadSmall(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the settings: %w", err)
	}
	fresh, err := migrate(path, data)
	if err != nil || fresh == string(data) {
		return "", hideKeys(err)
	}
	for n := 1; ; n++ {
		kept = fmt.Sprintf("%s.before-%d", path, n)
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	part := path + ".part"
	err = os.WriteFile(part, []byte(fresh), 0o600)
	if err == nil {
		err = os.Link(path, kept)
	}
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		_ = os.Remove(part)
		return "", fmt.Errorf("cannot rewrite the settings: %w", err)
	}
	return kept, nil
}

// migrate returns the new text of a file.
func migrate(path string, data []byte) (string, error) {
	var keys map[string]any
	if err := toml.Unmarshal(data, &keys); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	unknown := map[string]any{}
	for key, value := range keys {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.name == key && key != "data_dir" }) {
			unknown[key] = value
			delete(keys, key)
		}
	}
	known, err := toml.Marshal(keys)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	c := Default()
	if err := c.parse(path, known, map[string]string{}); err != nil {
		return "", err
	}
	if err := c.Validate(); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	out := sample(&c, func(name string) bool { _, set := keys[name]; return set })
	const heading = "\n# Not settings of this program:\n"
	_, before, _ := strings.Cut(string(data), heading) // of an earlier time
	rest, err := toml.Marshal(unknown)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	var notes strings.Builder
	for line := range strings.Lines(before) {
		if strings.HasPrefix(line, "#") {
			notes.WriteString(line)
		}
	}
	for line := range strings.Lines(string(rest)) {
		notes.WriteString("#" + line)
	}
	if notes.Len() > 0 {
		out += heading + notes.String()
	}
	return out, nil
}
