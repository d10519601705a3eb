package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A key in the place of its file is refused wherever it stands, and no error and no
// setting repeats it.
func TestKeyInPlaceOfItsFile(t *testing.T) {
	const seed = "98EE5C59a0b1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899AABB"
	words := strings.TrimSpace(strings.Repeat("abandon ", 24))
	for name, c := range map[string]struct {
		file string
		args []string
		env  []string
		want string
	}{
		"flag":     {args: []string{"--voting-key", seed}, want: "voting_key is a key"},
		"words":    {args: []string{"--voting-key", words}, want: "voting_key is a key"},
		"cut off":  {args: []string{"--voting-key", seed[:60]}, want: "voting_key is a key"},
		"variable": {env: []string{"SMALLNANO_VOTING_KEY=" + seed}, want: "voting_key is a key"},
		"file":     {file: "voting_key = \"" + seed + "\"\n", want: "voting_key is a key"},
		"other":    {args: []string{"--enable-voting=" + seed}, want: "may be a key"},
		"number":   {file: "rpc_port = \"" + seed + "\"\n", want: "may be a key"},
		"alone":    {args: []string{seed}, want: "may be a key"},
		"bare":     {file: "voting_key = " + seed + "\n", want: FileName + ":1"},
		"both":     {file: "voting_key = \"" + seed + "\"\nnothing = 1\n", want: "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			flags := flag.NewFlagSet("test", flag.ContinueOnError)
			var shown strings.Builder
			flags.SetOutput(&shown)
			settings, origins, err := Explain(flags, append([]string{"--data-dir", dir}, c.args...), c.env)
			if err == nil {
				err = settings.Validate()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			all := err.Error() + strings.Join(Table(origins), "")
			for _, part := range []string{seed[:20], "abandon"} {
				if strings.Contains(all, part) {
					t.Errorf("the key is in %q", all)
				}
			}
		})
	}
	for _, path := range []string{"dev-genesis", "rep.key", "keys/" + seed, "./" + seed} {
		if isKey(path) {
			t.Errorf("%s is the name of a file", path)
		}
	}
}
