package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/smallnano/smallnano/testkit/sim"
)

// Bounds of the search for what catches a mutant.
const (
	mutantSeeds   = 2000
	mutantTimeout = 10 * time.Minute
)

// mutants plants one fault after the other in a copy of the source tree, and
// reports which checker finds it. It fails when one is not found.
func mutants(q *request, stdout, stderr io.Writer) int {
	patches, err := filepath.Glob(filepath.Join(q.mutants, "*.patch"))
	if err == nil && len(patches) == 0 {
		err = fmt.Errorf("no patches in %s", q.mutants)
	}
	var tree string
	if err == nil {
		tree, err = copyTree()
	}
	if err != nil {
		fmt.Fprintln(stderr, "smallnano-sim:", err)
		return 2
	}
	defer os.RemoveAll(tree)
	survived := 0
	for _, p := range patches {
		name := strings.TrimSuffix(filepath.Base(p), ".patch")
		if q.only != "" && !slices.Contains(strings.Split(q.only, ","), name) {
			continue
		}
		caught, err := mutant(tree, p, q.mutantSeeds)
		if err != nil {
			fmt.Fprintf(stderr, "smallnano-sim: mutant %s: %v\n", name, err)
			return 2
		}
		if caught == "" {
			survived++
			caught = "SURVIVED"
		}
		fmt.Fprintf(stdout, "%-26s %s\n", name, caught)
	}
	if survived > 0 {
		fmt.Fprintln(stderr, "smallnano-sim:", survived, "mutants survived: some checker is blind")
		return 1
	}
	return 0
}

// copyTree copies the module around the working directory, what is built and
// what git keeps left out.
func copyTree() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	to, err := os.MkdirTemp("", "smallnano-mutants-")
	if err != nil {
		return "", err
	}
	return to, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || rel == "bin") {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("run this inside of the source tree: there is no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// mutant plants one fault, builds the simulator with it, runs it until something
// is found, and takes the fault back. It returns what was found; "" is nothing.
func mutant(tree, patch string, seeds uint64) (caught string, err error) {
	text, err := os.ReadFile(patch)
	if err != nil {
		return "", err
	}
	if err := git(tree, text, "apply"); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, git(tree, text, "apply", "-R")) }()
	binary := filepath.Join(tree, "mutant")
	build := exec.Command("go", "build", "-o", binary, "./cmd/smallnano-sim")
	build.Dir = tree
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not build: %w\n%s", err, out)
	}
	began := time.Now()
	names := sim.Scenarios()
	if hint := field(text, "Scenario: "); hint != "" {
		names = append([]string{hint}, names...)
	}
	// The scenario that was made for it, a few seeds, the other scenarios, and
	// then as many seeds as there may be.
	runs := [][]string{{"--quiet", "--jobs", "1", "--first", "--seeds", "1-40"}}
	for _, n := range names {
		runs = append(runs, []string{"--quiet", "--scenario", n})
	}
	if names[0] == field(text, "Scenario: ") {
		runs[0], runs[1] = runs[1], runs[0]
	}
	if seeds > 40 {
		runs = append(runs, []string{"--quiet", "--first", "--seeds", fmt.Sprintf("41-%d", seeds)})
	}
	for _, args := range runs {
		caught, err := try(binary, args)
		if err != nil {
			return "", err
		}
		if caught != "" {
			return fmt.Sprintf("%s (%.0f s)", caught, time.Since(began).Seconds()), nil
		}
	}
	return "", nil
}

// try runs the mutated simulator once. That somebody else ended it is no finding.
func try(binary string, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), mutantTimeout)
	defer cancel()
	run := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	run.Stdout, run.Stderr = &out, &errs
	err := run.Run()
	switch {
	case err == nil:
		return "", nil
	case ctx.Err() != nil:
		return "hangs with " + strings.Join(args, " "), nil
	case run.ProcessState == nil || !run.ProcessState.Exited():
		return "", fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if where, what, found := strings.Cut(line, ": BROKEN "); found {
			checker, _, _ := strings.Cut(what, ":")
			return fmt.Sprintf("%-13s %s", checker, where), nil
		}
	}
	return "crashes with " + strings.Join(args, " ") + ": " + strings.TrimSpace(strings.SplitN(errs.String(), "\n", 2)[0]), nil
}

// field returns the rest of the line that begins so.
func field(text []byte, name string) string {
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// git runs git on a patch in a folder that need not be a repository.
func git(dir string, patch []byte, args ...string) error {
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	c.Stdin = bytes.NewReader(patch)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
