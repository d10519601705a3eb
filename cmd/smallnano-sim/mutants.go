package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smallnano/smallnano/testkit/sim"
)

// Bounds of the search for what catches a mutant.
const (
	mutantSeeds = 2000
	// firstSeeds are tried before the scenarios: most faults show in a few.
	firstSeeds = 40
	chunkSeeds = 250 // of those after them, within trialCPU
	// trialCPU is the processor time that a trial may use: several times what it
	// takes. It is no finding when a trial takes more.
	trialCPU = 10 * time.Minute
)

// mutants plants each fault in a copy of the source tree, several at a time, and
// reports which checker finds it. It fails when one is not found.
func mutants(q *request, stdout, stderr io.Writer) int {
	patches, err := q.patches()
	root, missing := moduleRoot()
	err = errors.Join(err, missing)
	var base *tree
	if err == nil {
		base, err = newTree(root)
	}
	if err != nil {
		fmt.Fprintln(stderr, "smallnano-sim:", err)
		return 2
	}
	defer base.remove()
	began := time.Now()
	if err := base.build(); err != nil {
		fmt.Fprintln(stderr, "smallnano-sim:", err)
		return 2
	}
	work := make(chan string, len(patches))
	for _, p := range patches {
		work <- p
	}
	close(work)
	var mu sync.Mutex
	var wait sync.WaitGroup
	caught, survived, failed := 0, 0, 0
	for range min(q.jobs, len(patches)) {
		wait.Go(func() {
			for p := range work {
				f, err := mutant(p, base, q.mutantSeeds)
				mu.Lock()
				switch name := patchName(p); {
				case err != nil:
					failed++
					fmt.Fprintf(stderr, "smallnano-sim: mutant %s: %v\n", name, err)
				case f.checker == "":
					survived++
					fmt.Fprintf(stdout, "%-26s SURVIVED everything (%.0f CPU s)\n", name, f.took.Seconds())
				default:
					caught++
					fmt.Fprintf(stdout, "%-26s %-13s %s (%.0f CPU s)\n", name, f.checker, f.where, f.took.Seconds())
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	fmt.Fprintf(stdout, "%d mutants: %d caught, %d survived, %d not tried; %.0f s, at most %d seeds each\n",
		len(patches), caught, survived, failed, time.Since(began).Seconds(), q.mutantSeeds)
	switch {
	case failed > 0:
		return 2
	case survived > 0:
		fmt.Fprintln(stderr, "smallnano-sim:", survived, "mutants survived: some checker is blind")
		return 1
	}
	return 0
}

// patches lists the mutants that are asked for.
func (q *request) patches() ([]string, error) {
	all, err := filepath.Glob(filepath.Join(q.mutants, "*.patch"))
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no patches in %s", q.mutants)
	}
	if q.only == "" {
		return all, nil
	}
	var out []string
	for _, name := range strings.Split(q.only, ",") {
		i := slices.IndexFunc(all, func(p string) bool { return patchName(p) == name })
		if i < 0 {
			return nil, fmt.Errorf("no patch %s in %s", name, q.mutants)
		}
		out = append(out, all[i])
	}
	return out, nil
}

func patchName(p string) string { return strings.TrimSuffix(filepath.Base(p), ".patch") }

// finding is what caught a mutant; without a checker nothing did.
type finding struct {
	checker, where string
	took           time.Duration // of all processors, for running it, not for building it
}

// mutant plants one fault in a copy of the tree, builds the simulator with it and
// runs it until something is found that the simulator without it does not find.
// The copy is one of base, so that all mutants are of the same state of the tree.
func mutant(patch string, base *tree, seeds uint64) (f finding, err error) {
	text, err := os.ReadFile(patch)
	if err != nil {
		return f, err
	}
	t, err := newTree(base.dir)
	if err != nil {
		return f, err
	}
	defer t.remove()
	if err := git(t.dir, text, "apply"); err != nil {
		return f, err
	}
	if err := t.build(); err != nil {
		return f, err
	}
	took := time.Duration(0)
	for _, r := range plan(field(text, "Scenario: "), field(text, "Seed: "), seeds) {
		f, err = r.search(t.binary, base.binary)
		took += f.took
		if err != nil || f.checker != "" {
			break
		}
	}
	f.took = took
	return f, err
}

// trial is what is run of a mutated simulator at a time: a scenario, with its own
// seed as everywhere, or some seeds of the swarm.
type trial struct {
	scenario    string
	first, last uint64
}

// plan lists what to try: what the patch says is likely to find it, a few seeds,
// the scenarios, and then as many seeds as there may be.
func plan(scenario, seed string, seeds uint64) []trial {
	var out []trial
	if scenario != "" {
		out = append(out, trial{scenario: scenario})
	}
	if n, err := strconv.ParseUint(seed, 10, 64); err == nil {
		out = append(out, trial{first: n, last: n})
	}
	few := min(seeds, firstSeeds)
	out = append(out, trial{first: 1, last: few})
	for _, name := range sim.Scenarios() {
		if name != scenario {
			out = append(out, trial{scenario: name})
		}
	}
	for first := few + 1; first <= seeds; first += chunkSeeds {
		out = append(out, trial{first: first, last: min(first+chunkSeeds-1, seeds)})
	}
	return out
}

// String says what is run.
func (t trial) String() string {
	if t.scenario != "" {
		return "scenario " + t.scenario
	}
	return fmt.Sprintf("seeds %d-%d", t.first, t.last)
}

func (t trial) args() []string {
	args := []string{"--quiet", "--first", "--jobs", "1", "--cpu", trialCPU.String()}
	if t.scenario != "" {
		return append(args, "--scenario", t.scenario)
	}
	return append(args, "--seeds", fmt.Sprintf("%d-%d", t.first, t.last))
}

// search looks for something that the mutated simulator finds and the one
// without the fault does not.
func (t trial) search(mutated, base string) (finding, error) {
	took := time.Duration(0)
	for {
		f, seed, err := t.run(mutated)
		took += f.took
		f.took = took
		if err != nil || f.checker == "" {
			return f, err
		}
		again := t
		if t.scenario == "" && seed > 0 {
			again.first, again.last = seed, seed
		}
		unplanted, _, err := again.run(base)
		if err != nil || unplanted.checker == "" {
			return f, err
		}
		if t.scenario != "" || seed == 0 || seed >= t.last { // the fault of another one
			return finding{took: took}, nil
		}
		t.first = seed + 1
	}
}

// run runs a simulator once. Only what a checker names is a finding, or that the
// simulator itself panics or finds itself at a deadlock: not that it took too much
// time, nor that somebody ended it. It returns the seed that broke a law,
// if one did.
func (t trial) run(binary string) (f finding, seed uint64, err error) {
	process := exec.Command(binary, t.args()...)
	var out, errs bytes.Buffer
	process.Stdout, process.Stderr = &out, &errs
	err = process.Run()
	state := process.ProcessState
	if state == nil {
		return f, 0, fmt.Errorf("%v: %w", t, err)
	}
	f.took = state.UserTime() + state.SystemTime()
	switch {
	case err == nil:
		return f, 0, nil
	case !state.Exited() && f.took >= trialCPU-time.Second:
		return f, 0, fmt.Errorf("%v: not done after %v of processor time, which is no finding: see what goes on with --trace", t, trialCPU)
	case !state.Exited():
		return f, 0, fmt.Errorf("%v: %w", t, err)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		where, what, found := strings.Cut(line, ": BROKEN ")
		if !found {
			continue
		}
		f.checker, _, _ = strings.Cut(what, ":")
		if _, n, ok := strings.Cut(where, "seed "); ok {
			seed, _ = strconv.ParseUint(n, 10, 64)
		}
		if f.where = where; t.scenario != "" {
			f.where = t.String()
		}
		return f, seed, nil
	}
	first, _, _ := strings.Cut(errs.String(), "\n")
	if !strings.HasPrefix(first, "panic: ") && !strings.HasPrefix(first, "fatal error: ") {
		return f, 0, fmt.Errorf("%v: %w: %s", t, err, first)
	}
	f.checker, f.where = "crashes", t.String()+": "+strings.TrimSpace(first)
	return f, 0, nil
}

// tree is a copy of the source tree, and the simulator that is built of it.
type tree struct{ dir, binary string }

// newTree copies a source tree.
func newTree(root string) (*tree, error) {
	dir, err := os.MkdirTemp("", "smallnano-mutants-")
	if err != nil {
		return nil, err
	}
	t := &tree{dir, filepath.Join(dir, "bin", "mutant")} // bin is not copied again
	if err := copyTree(root, dir); err != nil {
		t.remove()
		return nil, err
	}
	return t, nil
}

func (t *tree) remove() { _ = os.RemoveAll(t.dir) }

// build builds the simulator. Without the paths of the copy in what is compiled,
// packages that the fault does not touch are built once for all copies.
func (t *tree) build() error {
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", t.binary, "./cmd/smallnano-sim")
	c.Dir = t.dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("does not build: %w\n%s", err, out)
	}
	return nil
}

// copyTree copies the source tree, what is built and what git keeps left out.
func copyTree(root, to string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
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
		if info, err := d.Info(); err != nil || !d.Type().IsRegular() || info.Size() > maxSource {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
}

// maxSource is more than any file has that is compiled; what is larger lies about.
const maxSource = 4 << 20

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
