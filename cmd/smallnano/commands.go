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
	json     bool // asked for by the command that runs
}

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
		{"bench bootstrap", "[flags]", "measure how fast a fresh node gets a ledger from its peers", runBenchBootstrap},
		{"bench rpc", "[flags]", "measure how many requests a node answers, and how fast", runBenchRPC},
		{"bench spam", "[flags]", "measure what a flood of valid blocks does to those who do not flood", runBenchSpam},
	}, slices.Concat(benchCommands(), walletCommands(), accountCommands(), blockCommands(), toolCommands(), operatorCommands())...), []command{
		{"version", "", "tell what this program was built from", runVersion},
		{"help", "[COMMAND]", "list the commands, or the flags of one", runHelp},
	}...)
}

// run does what the arguments say and returns the exit code.
func (p *program) run(args []string) int {
	name := "smallnano"
	c, rest, err := find(args)
	if err == nil {
		name += " " + c.name
		err = p.call(c, rest)
	}
	return p.fail(name, err)
}

// find returns the command that the arguments begin with, and the rest.
func find(args []string) (command, []string, error) {
	table := commands()
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		args = []string{"help"}
	}
	if slices.Contains([]string{"-v", "-version", "--version"}, args[0]) {
		args = append([]string{"version"}, args[1:]...)
	}
	for _, c := range table {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return c, args[len(words):], nil
		}
	}
	return command{}, nil, unknown(table, args)
}

// unknown says what may have been meant by words that are no command.
func unknown(table []command, args []string) error {
	var below, first, second, whole []string // words after this first one; first words; second words; names
	for _, c := range table {
		whole = append(whole, c.name)
		word, rest, more := strings.Cut(c.name, " ")
		first = append(first, word)
		if more {
			second = append(second, rest)
		}
		if word == args[0] {
			below = append(below, rest)
		}
	}
	two := args[0]
	if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		two += " " + args[1]
	}
	found := ""
	switch near := config.Nearest(args[0], first); {
	case len(below) > 1 && two == args[0]:
		return misused("%s does several things: say which of %s", args[0], strings.Join(below, ", "))
	case len(below) > 0:
		_, word, _ := strings.Cut(two, " ")
		found = args[0] + " " + config.Nearest(word, below)
	case config.Near(two, config.Nearest(two, whole)):
		found = config.Nearest(two, whole)
	case config.Near(args[0], near):
		found = near
	case config.Near(args[0], config.Nearest(args[0], second)): // a second word alone, as "send"
		found = whole[slices.IndexFunc(whole, func(name string) bool {
			return strings.HasSuffix(name, " "+config.Nearest(args[0], second))
		})]
	case strings.Contains(args[0], "_"):
		return misused("%q is not a command; for an action of the RPC write \"smallnano rpc %s\"", args[0], args[0])
	default:
		return misused("%q is not a command, and none is spelled like it", two)
	}
	return misused("%q is not a command; the nearest is %q", two, found)
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
	if f := flags.Lookup("json"); f != nil {
		p.json = f.Value.String() == "true"
	}
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
	fmt.Fprint(p.out, "\n\"smallnano help COMMAND\" lists the flags of a command.\n\n"+exitHelp)
	return nil
}
