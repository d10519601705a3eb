package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/smallnano/smallnano/cmd/load"
)

// benchCommands are the benchmarks that make a report. "bench all" runs these
// and every other command whose name begins with "bench".
func benchCommands() []command {
	return []command{
		{"bench ledger", "[flags]", "measure how fast blocks are verified and inserted", benchmark(defineBenchLedger)},
		{"bench cementing", "[flags]", "measure how fast blocks are confirmed in the ledger", benchmark(defineBenchCementing)},
		{"bench votes", "[flags]", "measure how fast votes are read and checked", benchmark(defineBenchVotes)},
		{"bench actors", "[flags]", "measure the mailboxes", benchmark(defineBenchActors)},
		{"bench disk", "[flags]", "measure what a confirmed ledger takes on disk", benchmark(defineBenchDisk)},
		{"bench pipeline", "[flags]", "measure how many blocks a network of processes confirms, at rising load", benchmark(defineBenchPipeline)},
		{"bench idle", "[flags]", "measure what nodes cost that have nothing to do", benchmark(defineBenchIdle)},
		{"bench small", "[flags]", "measure a node with one core and little memory, idle and under load", benchmark(defineBenchSmall)},
		{"bench work", "[flags]", "measure the search for work, each kernel against x/crypto", benchmark(defineBenchWork)},
		{"bench prune", "[flags]", "measure what a node keeps of a ledger, and check that nothing is missed", benchmark(defineBenchPrune)},
		{"bench all", "[flags]", "run every benchmark, each as a process of its own", runBenchAll},
	}
}

// benchmark makes a command of a benchmark: define declares its flags and
// returns what to run after they were read.
func benchmark(define func(*flag.FlagSet) func(*benchRun) (*load.Report, error)) func(*program, *flag.FlagSet, []string) error {
	return func(p *program, flags *flag.FlagSet, args []string) error {
		var o benchOutput
		o.define(flags)
		run := define(flags)
		if err := parse(flags, args); err != nil {
			return err
		}
		ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer release()
		r, err := run(&benchRun{Context: ctx, say: p.err})
		if err != nil {
			return err
		}
		r.Machine = load.ThisMachine(build().Info)
		r.Bench, r.Settings = benchName(flags), settingsOf(flags)
		return o.write(p, r.Object(), r.Table)
	}
}

// benchOutput is what every benchmark can do with its result.
type benchOutput struct {
	json bool
	save string
}

func (o *benchOutput) define(flags *flag.FlagSet) {
	flags.BoolVar(&o.json, "json", false, "print the result as one JSON object")
	flags.Func("save", "`FILE` that the JSON object is written to as well", func(file string) error {
		o.save = file
		return checkFolder(filepath.Dir(file))
	})
}

// checkFolder finds out before anything is measured that a result could not be saved.
func checkFolder(dir string) error {
	if info, err := os.Stat(dir); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	return nil
}

// write prints a result, as a table unless JSON was asked for, and saves it.
func (o *benchOutput) write(p *program, object map[string]any, table func(io.Writer) error) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if o.json {
		_, err = p.out.Write(text)
	} else {
		err = table(p.out)
	}
	if o.save == "" {
		return err
	}
	if saved := os.WriteFile(o.save, text, 0o600); saved != nil {
		err = errors.Join(err, fmt.Errorf("cannot save the result: %w", saved))
	}
	return err
}

// benchRun is what a benchmark is given: until when it may run, and whom it
// tells what it is doing.
type benchRun struct {
	context.Context
	say io.Writer
}

// folder makes a temporary folder, to be removed afterwards.
func (b *benchRun) folder() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "smallnano-bench-*")
	if err != nil {
		return "", nil, fmt.Errorf("cannot make a folder for a benchmark: %w", err)
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}

// nodeBench is what benchmarks share that start nodes whose data can stay, and
// have a result of a shape of their own.
type nodeBench struct {
	benchOutput
	flags *flag.FlagSet
	dir   string
}

func (n *nodeBench) define(flags *flag.FlagSet) {
	n.flags = flags
	flags.StringVar(&n.dir, "dir", "", "folder for the data of the nodes, which stays; empty: a temporary one")
	n.benchOutput.define(flags)
}

// folder returns the folder for the data of the nodes, and removes it afterwards
// if nobody asked for it.
func (n *nodeBench) folder() (dir string, remove func(), err error) {
	if n.dir != "" {
		return n.dir, func() {}, nil
	}
	return (&benchRun{}).folder()
}

// measured is a result that people can read, too.
type measured interface{ print(io.Writer) error }

// measureNodes runs a benchmark of nodes and prints what it found.
func measureNodes[F measured](p *program, n *nodeBench, run func(context.Context, io.Writer) (F, error)) error {
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	runtime.LockOSThread() // see childAttributes
	found, err := run(ctx, p.err)
	if err != nil {
		return err
	}
	object := map[string]any{}
	text, err := json.Marshal(found)
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	if err != nil {
		return err
	}
	roundAll(object)
	name, machine, settings := benchName(n.flags), load.ThisMachine(build().Info), settingsOf(n.flags)
	object["bench"], object["machine"], object["settings"] = name, machine, settings
	return n.write(p, object, func(to io.Writer) error {
		load.Heading(to, name, machine, settings)
		return found.print(to)
	})
}

// roundAll rounds what has a fraction, at any depth.
func roundAll(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = roundAll(v[name])
		}
	case []any:
		for i := range v {
			v[i] = roundAll(v[i])
		}
	case float64:
		if v != math.Trunc(v) {
			return load.Rounded(v)
		}
	}
	return value
}

func benchName(flags *flag.FlagSet) string { return strings.TrimPrefix(flags.Name(), "bench ") }

// settingsOf are the flags of a benchmark as they hold.
func settingsOf(flags *flag.FlagSet) map[string]string {
	settings := map[string]string{}
	flags.VisitAll(func(f *flag.Flag) {
		if f.Name != "json" && f.Name != "save" {
			settings[f.Name] = f.Value.String()
		}
	})
	return settings
}

// peakBytes is the most memory that a process ("self": this one) has had in RAM.
func peakBytes(pid string) int64 {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes << 10
}

const megabyte = 1 << 20

// timed runs f and returns how long it took and what of the processor it used.
func timed(f func() error) (wall, used time.Duration, err error) {
	began, before := time.Now(), processorTime()
	err = f()
	return time.Since(began), processorTime() - before, err
}

// quickArgs make each benchmark small, to see that it works.
var quickArgs = map[string][]string{
	"bench pipeline":  {"--nodes", "2", "--rates", "20", "--duration", "1s", "--accounts", "4"},
	"bench idle":      {"--blocks", "200", "--settle", "1s", "--duration", "1s"},
	"bench votes":     {"--votes", "8", "--rounds", "2"},
	"bench actors":    {"--messages", "1000", "--rounds", "2"},
	"bench disk":      {"--blocks", "500"},
	"bench ledger":    {"--blocks", "500"},
	"bench cementing": {"--blocks", "500"},
	"bench work":      {"--rounds", "2", "--hashes", "20480"},
	"bench bootstrap": {"--blocks", "500"},
	"bench prune":     {"--blocks", "3000", "--depth", "5"},
	"bench rpc":       {"--blocks", "500", "--duration", "500ms"},
	"bench spam":      {"--accounts", "20", "--time", "2s"},
	"bench small":     {"--limited=false", "--blocks", "500", "--idle", "1s", "--load", "2s", "--rate", "20"},
}

// runBenchAll is the command "bench all".
func runBenchAll(p *program, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "print the results as one JSON object")
	quick := flags.Bool("quick", false, "small and fast: shows that they work, not how fast they are")
	only := flags.String("only", "", "names of benchmarks, separated by commas; empty: all")
	dir := flags.String("dir", "", "folder that each result is written to as NAME.json; empty: none")
	if err := parse(flags, args); err != nil {
		return err
	}
	var wanted []string
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	for _, name := range wanted {
		if _, rest, err := find([]string{"bench", name}); err != nil || len(rest) > 0 || name == "all" {
			return misused("--only %s: there is no benchmark %q", *only, name)
		}
	}
	if *dir != "" {
		if err := checkFolder(*dir); err != nil {
			return misused("--dir: %v", err)
		}
	}
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	runtime.LockOSThread() // see childAttributes
	results := map[string]json.RawMessage{}
	var failed []error
	for _, c := range commands() {
		name, found := strings.CutPrefix(c.name, "bench ")
		if !found || name == "all" || len(wanted) > 0 && !slices.Contains(wanted, name) {
			continue
		}
		if ctx.Err() != nil {
			failed = append(failed, fmt.Errorf("interrupted before bench %s", name))
			break
		}
		fmt.Fprintf(p.err, "== bench %s\n", name)
		args := append(strings.Fields(c.name), fmt.Sprint("--json=", *asJSON))
		if *dir != "" {
			args = append(args, "--save="+filepath.Join(*dir, name+".json"))
		}
		if *quick {
			args = append(args, quickArgs[c.name]...)
		}
		result, err := runSelf(ctx, p.err, args)
		if err != nil {
			failed = append(failed, fmt.Errorf("bench %s: %w", name, err))
			continue
		}
		if results[name] = result; !*asJSON {
			fmt.Fprintf(p.out, "%s\n", result)
		}
	}
	if *asJSON {
		failed = append(failed, json.NewEncoder(p.out).Encode(map[string]any{"machine": load.ThisMachine(build().Info), "results": results}))
	}
	return errors.Join(failed...)
}

// runSelf runs this program with other arguments and returns what it printed.
func runSelf(ctx context.Context, say io.Writer, args []string) ([]byte, error) {
	c, err := selfCommand(ctx, say, args)
	if err != nil {
		return nil, err
	}
	out, err := c.Output()
	return bytes.TrimLeft(out, "\n"), err
}

// selfCommand is this program with other arguments.
func selfCommand(ctx context.Context, say io.Writer, args []string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program to start it again: %w", err)
	}
	c := exec.CommandContext(ctx, self, args...)
	c.SysProcAttr, c.Stderr = childAttributes(), say
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	return c, nil
}
