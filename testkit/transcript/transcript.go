// Package transcript plays a machine by a text: commands, then what the machine
// answered and wants done. A person can read such a text and judge it; a change
// of behaviour shows as a diff of it.
//
// A text is blocks of commands, one a line, then a line of four dashes, then the
// answer, then an empty line. Lines that begin with # are for the reader. Run a
// test with -rewrite to write the answers of now into the texts.
package transcript

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the machines say into the transcripts, to be read in the diff")

// Stage is a machine with its surroundings.
type Stage interface {
	// Do carries out a command, given as words.
	Do(words []string)
	// Drain returns what was said since the last call, in lines.
	Drain() string
}

// Run plays testdata/*.txt, each on a stage of its own.
func Run(t *testing.T, newStage func(*testing.T) Stage) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(string(old), newStage(t))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(old) {
				t.Errorf("%s differs; run with -rewrite and read the diff. Now:\n%s", file, got)
			}
		})
	}
}

// play runs a transcript and returns it with the answers of now.
func play(text string, s Stage) string {
	var out strings.Builder
	answering := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case answering && line != "":
			continue // an old answer
		case line == "----":
			answering = true
			fmt.Fprintf(&out, "----\n%s", s.Drain())
			continue
		case line == "", strings.HasPrefix(line, "#"):
			answering = false
		default:
			s.Do(strings.Fields(line))
		}
		fmt.Fprintln(&out, line)
	}
	return out.String()
}
