// Command smallnano-sim runs simulated networks of real nodes, one seed after
// the other, and says of each whether a law was broken.
//
//	smallnano-sim --seeds 1-1000            a line a seed, and a summary
//	smallnano-sim --seed 7 --trace          everything that happened, and its hash
//	smallnano-sim --seed 7 --shrink         the least that still breaks the law; it may be
//	                                        another seed; with --trace what happens in it
//	smallnano-sim --mutants FOLDER          plant faults and see that they are found,
//	                                        --jobs of them at the same time
//	smallnano-sim --scenario storm          one of the stories; "all" runs every one,
//	                                        --seeds runs it with other seeds than its own;
//	                                        ./mine.txt is a story of one's own
//
// It ends with status 1 when a seed broke a law, after the line that runs it
// again. It is a tool for developers; a node does not contain it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/smallnano/smallnano/testkit/sim"
)

// gcPercent lets the heap of a seed, which is small, grow before it is swept.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// request is what the command line asks for.
type request struct {
	first, last uint64
	seeded      bool // they were given
	nodes       int
	minutes     float64
	jobs        int
	trace       bool
	shrink      bool
	quiet       bool
	untilOne    bool
	scenario    string
	mutants     string
	only        string
	mutantSeeds uint64
	cpu         time.Duration
}

func parse(args []string, stdout io.Writer) (request, error) {
	var q request
	flags := flag.NewFlagSet("smallnano-sim", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	seeds := flags.String("seeds", "1-20", "seeds to run, as FIRST-LAST")
	seed := flags.Uint64("seed", 0, "run this one seed")
	flags.IntVar(&q.nodes, "nodes", 0, "nodes of each network; 0 draws 3 to 5 from the seed")
	flags.Float64Var(&q.minutes, "minutes", 0.15, "simulated minutes with faults")
	flags.IntVar(&q.jobs, "jobs", runtime.NumCPU(), "seeds, or with --mutants faults, that are tried at the same time")
	flags.BoolVar(&q.trace, "trace", false, "print all that happens, and as the last line the hash of it")
	flags.BoolVar(&q.shrink, "shrink", false, "leave out faults and users while the law stays broken")
	flags.BoolVar(&q.quiet, "quiet", false, "no line for a seed that breaks nothing")
	flags.StringVar(&q.scenario, "scenario", "", "run this scenario, or all: "+strings.Join(sim.Scenarios(), ", "))
	flags.BoolVar(&q.untilOne, "first", false, "end at the first seed that breaks a law")
	flags.StringVar(&q.mutants, "mutants", "", "plant the faults of this folder's patches one by one, and say what finds them")
	flags.StringVar(&q.only, "only", "", "with --mutants: only these, separated by commas")
	flags.Uint64Var(&q.mutantSeeds, "mutant-seeds", mutantSeeds, "with --mutants: seeds that a fault may survive before it counts as not found")
	flags.DurationVar(&q.cpu, "cpu", 0, "be killed after so much processor time, in full seconds; 0: never")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(stdout)
			flags.Usage()
			return q, err
		}
		return q, fmt.Errorf("%w; --help lists the flags", err)
	}
	if flags.NArg() > 0 {
		return q, fmt.Errorf("%q is not understood: every word belongs to a flag", flags.Arg(0))
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	q.seeded = given["seed"] || given["seeds"]
	q.first, q.last = *seed, *seed
	switch {
	case given["seed"] && given["seeds"]:
		return q, fmt.Errorf("--seed and --seeds: want one of the two")
	case !given["seed"]:
		a, b, ok := strings.Cut(*seeds, "-")
		var err1, err2 error
		q.first, err1 = strconv.ParseUint(a, 10, 64)
		q.last, err2 = strconv.ParseUint(b, 10, 64)
		if !ok || err1 != nil || err2 != nil || q.last < q.first {
			return q, fmt.Errorf("--seeds %q: want FIRST-LAST, such as 1-1000", *seeds)
		}
	}
	if q.last > sim.MaxSeed {
		return q, fmt.Errorf("seed %d is too large: want at most %d", q.last, uint64(sim.MaxSeed))
	}
	for _, f := range []struct{ with, flag string }{
		{"scenario", "nodes"}, {"scenario", "minutes"}, {"scenario", "shrink"}, {"mutants", "nodes"}, {"mutants", "minutes"},
		{"mutants", "trace"}, {"mutants", "shrink"}, {"mutants", "seed"}, {"mutants", "seeds"}, {"mutants", "scenario"},
	} {
		if given[f.with] && given[f.flag] {
			return q, fmt.Errorf("--%s means nothing with --%s: leave one of the two out", f.flag, f.with)
		}
	}
	for _, name := range []string{"only", "mutant-seeds"} {
		if given[name] && q.mutants == "" {
			return q, fmt.Errorf("--%s means nothing without --mutants", name)
		}
	}
	if q.cpu < 0 {
		return q, fmt.Errorf("--cpu is %v, want 0 or more", q.cpu)
	}
	if (q.trace || q.shrink) && q.first != q.last && q.scenario == "" {
		return q, fmt.Errorf("--trace and --shrink need one seed: --seed N")
	}
	switch {
	case !(q.minutes > 0 && q.minutes <= sim.MaxRun.Minutes()):
		return q, fmt.Errorf("--minutes is %v, want above 0 and at most %v", q.minutes, sim.MaxRun.Minutes())
	case q.nodes < 0 || q.nodes > sim.MaxNodes:
		return q, fmt.Errorf("--nodes is %d, want 0 to %d", q.nodes, sim.MaxNodes)
	case q.jobs < 1:
		return q, fmt.Errorf("--jobs is %d, want at least 1", q.jobs)
	}
	return q, nil
}

// options are those of a seed.
func (q *request) options(seed uint64) sim.Options {
	return sim.Swarm(seed, q.nodes, time.Duration(q.minutes*float64(time.Minute)))
}

// replay is the line that runs a seed again.
func (q *request) replay(seed uint64) string {
	return fmt.Sprintf("%s --seed %d --nodes %d --minutes %v --trace", word(os.Args[0]), seed, q.nodes, q.minutes)
}

// word is a text as one word of a shell's line.
func word(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("-_./+:,@%", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

func run(args []string, stdout, stderr io.Writer) int {
	q, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "smallnano-sim:", err)
		return 2
	}
	if err := limitCPU(q.cpu); err != nil {
		fmt.Fprintln(stderr, "smallnano-sim:", err)
		return 2
	}
	switch {
	case q.mutants != "":
		return mutants(&q, stdout, stderr)
	case q.scenario != "":
		return stories(&q, stdout, stderr)
	case q.shrink:
		return shrink(&q, stdout, stderr)
	case q.trace:
		return trace(&q, stdout, stderr)
	}
	return many(&q, stdout, stderr)
}

// limitCPU has the system end this process after so much processor time.
func limitCPU(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	seconds := uint64(max(1, d/time.Second))
	if err := syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: seconds, Max: seconds}); err != nil {
		return fmt.Errorf("limit the processor time to %v: %w", d, err)
	}
	return nil
}

// stories runs one scenario, or all, with their own seeds or with those given.
func stories(q *request, stdout, stderr io.Writer) int {
	names := []string{q.scenario}
	if q.scenario == "all" {
		names = sim.Scenarios()
	}
	status := 0
	for _, name := range names {
		s, err := scenario(name)
		if err != nil {
			fmt.Fprintln(stderr, "smallnano-sim:", err)
			return 2
		}
		var text io.Writer
		if q.trace {
			text = stdout
		}
		if !q.seeded {
			q.first, q.last = s.Seed(), s.Seed()
		}
		for seed := q.first; seed <= q.last; seed++ {
			r := s.RunSeed(seed, text)
			if r.Err != nil {
				status = 1
			}
			if r.Err != nil || !q.quiet {
				fmt.Fprintf(stdout, "%s: %s\n", name, r.Line())
			}
			if r.Err != nil {
				fmt.Fprintf(stdout, "  again: %s --scenario %s --seed %d --trace\n", word(os.Args[0]), word(name), seed)
			}
			if q.trace {
				fmt.Fprintln(stdout, r.Hash)
			}
			if r.Err != nil && q.untilOne {
				return status
			}
		}
	}
	return status
}

// maxStory bounds the file of a story.
const maxStory = 1 << 20

// scenario finds a story by its name, or reads the file that has it.
func scenario(name string) (*sim.Scenario, error) {
	if !strings.ContainsAny(name, "./") {
		return sim.NamedScenario(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxStory+1))
	if err == nil && len(text) > maxStory {
		err = fmt.Errorf("%s is longer than a story may be, %d bytes", name, maxStory)
	}
	if err != nil {
		return nil, err
	}
	return sim.ParseScenario(name, string(text))
}

// trace runs one seed and prints what happens.
func trace(q *request, stdout, stderr io.Writer) int {
	o := q.options(q.first)
	o.Trace = stdout
	r := sim.Run(o)
	status := 0
	if r.Err != nil {
		fmt.Fprintln(stderr, "seed", q.first, "broke a law:", r.Err)
		status = 1
	}
	fmt.Fprintln(stdout, r.Hash)
	return status
}

// shrink looks for the least that breaks the law.
func shrink(q *request, stdout, stderr io.Writer) int {
	o := q.options(q.first)
	first := sim.Run(o)
	if first.Err == nil {
		fmt.Fprintln(stdout, "seed", q.first, "breaks nothing")
		return 0
	}
	small, r := sim.Shrink(o, first, func(what string) { fmt.Fprintln(stderr, "without", what) })
	fmt.Fprintf(stdout, "%v\n%s\n%d steps, %v\n  again: smallnano-sim --seed %d --nodes %d --minutes %v --shrink --trace\n",
		r.Err, small, r.Steps, r.Simulated, q.first, q.nodes, q.minutes)
	if q.trace {
		small.Trace = stdout
		fmt.Fprintln(stdout, sim.Run(small).Hash)
	}
	return 1
}

// many runs all seeds, several at a time, and reports in their order.
func many(q *request, stdout, stderr io.Writer) int {
	began := time.Now()
	results := make(map[uint64]sim.Result)
	var mu sync.Mutex
	var sum sim.Summary
	next, shown := q.first, q.first
	show := func() {
		for r, ok := results[shown]; ok; r, ok = results[shown] {
			delete(results, shown)
			sum.Add(&r)
			if r.Err != nil || !q.quiet {
				fmt.Fprintln(stdout, r.Line())
			}
			if r.Err != nil {
				fmt.Fprintln(stdout, "  again:", q.replay(shown))
			}
			shown++
		}
	}
	var wait sync.WaitGroup
	for range q.jobs {
		wait.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				mu.Unlock()
				if seed > q.last {
					return
				}
				r := sim.Run(q.options(seed))
				mu.Lock()
				results[seed] = r
				if q.untilOne && r.Err != nil {
					next = q.last + 1
				}
				show()
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	fmt.Fprintln(stdout, sum.Text(time.Since(began)))
	if sum.Broken > 0 {
		fmt.Fprintln(stderr, "smallnano-sim:", sum.Broken, "seeds broke a law")
		return 1
	}
	return 0
}
