package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/smallnano/smallnano/config"
)

// program is one run of the command: what it writes to and what it was given.
type program struct {
	out, err io.Writer
	environ  []string
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one row of the table of commands.
type command struct {
	name    string // may be of several words
	args    string
	summary string
	run     func(*program, *flag.FlagSet, []string) error
}

// commands returns the table, in the order of the help text.
func commands() []command {
	return append(append([]command{
		{"node run", "[flags]", "run a node until it is told to stop", runNode},
		{"devnet", "[flags]", "run a network of several nodes on this machine and show transfers being confirmed", runDevnet},
		{"rpc", "[flags] ACTION [name=value]...", "ask a running node, for example: rpc block_count", runRPC},
		{"bench bootstrap", "[flags]", "measure how fast a fresh node gets a ledger from one peer", runBenchBootstrap},
	}, append(walletCommands(), operatorCommands()...)...), []command{
		{"version", "", "tell what this program was built from", runVersion},
		{"help", "[COMMAND]", "list the commands, or the flags of one", runHelp},
	}...)
}

// usageError is a command line that was not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func misused(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run does what the arguments say and returns the exit code.
func (p *program) run(args []string) int {
	name := "smallnano"
	c, rest, err := find(args)
	if err == nil {
		name += " " + c.name
		err = p.call(c, rest)
	}
	var misuse usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &misuse):
		fmt.Fprintf(p.err, "%s: %v; see \"smallnano help\"\n", name, err)
		return exitUsage
	}
	fmt.Fprintf(p.err, "%s: %v\n", name, err)
	return exitFailed
}

// find returns the command that the arguments begin with, and the rest.
func find(args []string) (command, []string, error) {
	table := commands()
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		args = []string{"help"}
	}
	names := make([]string, len(table))
	for i, c := range table {
		names[i] = c.name
		words := strings.Fields(c.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return c, args[len(words):], nil
		}
	}
	words := min(len(args), 2)
	return command{}, nil, misused("%q is not a command; the nearest is %q", args[0], config.Nearest(strings.Join(args[:words], " "), names))
}

// call runs a command with a set of flags that reports nothing by itself.
func (p *program) call(c command, args []string) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	var said bytes.Buffer
	flags.SetOutput(&said)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "smallnano %s %s: %s\n", c.name, c.args, c.summary)
		flags.PrintDefaults()
	}
	err := c.run(p, flags, args)
	if errors.Is(err, flag.ErrHelp) {
		_, err = p.out.Write(said.Bytes())
	}
	return err
}

// parse reads the flags of a command that takes no other arguments.
func parse(flags *flag.FlagSet, args []string) error {
	if err := config.Parse(flags, args); err != nil {
		return usageError{err}
	}
	if flags.NArg() > 0 {
		return misused("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

func runHelp(p *program, _ *flag.FlagSet, args []string) error {
	if len(args) > 0 {
		c, rest, err := find(args)
		if err != nil {
			return err
		}
		if c.name != "help" && len(rest) == 0 {
			return p.call(c, []string{"-h"})
		}
	}
	fmt.Fprint(p.out, "smallnano: a node of the smallnano network.\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(p.out, "  %-44s %s\n", strings.TrimSpace(c.name+" "+c.args), c.summary)
	}
	fmt.Fprint(p.out, "\n\"smallnano help COMMAND\" lists the flags of a command.\n")
	return nil
}
