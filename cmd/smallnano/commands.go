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

// section is a part of the table of commands, with its heading in the help text.
// A brief one shows the first word of its commands only.
type section struct {
	title    string
	brief    bool
	commands []command
}

// sections returns the table: what most people want comes first, what is for
// those who measure last.
func sections() []section {
	return []section{
		{"Run a node", false, append([]command{
			{"node run", "[flags]", "run a node until it is told to stop", runNode},
			{"devnet fund", "[flags] AMOUNT [ADDRESS]", "pay from the published genesis key of a test network", runDevnetFund},
			{"devnet", "[flags]", "run a network of several nodes on this machine and show transfers being confirmed", runDevnet},
			{"rpc", "[flags] ACTION [name=value]...", "ask a running node, for example: rpc block_count", runRPC},
		}, operatorCommands()...)},
		{"Money", false, append(walletCommands(), accountCommands()...)},
		{"Without a node", false, append(blockCommands(), toolCommands()...)},
		{"Measure", true, append([]command{
			{"bench bootstrap", "[flags]", "measure how fast a fresh node gets a ledger from its peers", runBenchBootstrap},
			{"bench rpc", "[flags]", "measure how many requests a node answers, and how fast", runBenchRPC},
			{"bench spam", "[flags]", "measure what a flood of valid blocks does to those who do not flood", runBenchSpam},
		}, benchCommands()...)},
		{"This program", false, []command{
			{"man", "FOLDER", "write the manual pages", runMan},
			{"completion", "bash|zsh|fish", "print a script that completes the commands in a shell", runCompletion},
			{"version", "", "tell what this program was built from", runVersion},
			{"help", "[COMMAND]", "list the commands, those that begin with a word, or the flags of one", runHelp},
		}},
	}
}

// commands returns the table without its headings.
func commands() (all []command) {
	for _, s := range sections() {
		all = append(all, s.commands...)
	}
	return all
}

// group returns the commands that begin with a word and go on, as "wallet".
func group(word string) (all []command) {
	for _, c := range commands() {
		if strings.HasPrefix(c.name, word+" ") {
			all = append(all, c)
		}
	}
	return all
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
	if len(args) == 2 && slices.Contains([]string{"-h", "-help", "--help"}, args[1]) && len(group(args[0])) > 1 {
		args = []string{"help", args[0]}
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
	args = strings.Fields(strings.Join(args, " ")) // "wallet send" may be one word
	var b strings.Builder
	if len(args) == 1 {
		if all := group(args[0]); len(all) > 1 {
			for _, c := range all {
				c.line(&b)
			}
			fmt.Fprintf(&b, "\n\"smallnano help %s\" lists the flags of a command.\n", all[0].name)
			_, err := p.out.Write([]byte(b.String()))
			return err
		}
	}
	if len(args) > 0 {
		c, rest, err := find(args)
		if err != nil {
			return err
		}
		if c.name != "help" && len(rest) == 0 {
			return p.call(c, []string{"-h"})
		}
	}
	b.WriteString("smallnano: a node of the smallnano network.\n")
	for _, s := range sections() {
		fmt.Fprintf(&b, "\n%s:\n", s.title)
		shown := map[string]bool{}
		for _, c := range s.commands {
			word, _, _ := strings.Cut(c.name, " ")
			all := group(word)
			switch {
			case !s.brief:
				c.line(&b)
			case !shown[word]:
				command{name: word, args: "PART [flags]", summary: fmt.Sprintf("%d commands: \"smallnano help %s\" lists them", len(all), word)}.line(&b)
			}
			shown[word] = true
		}
	}
	b.WriteString("\n\"smallnano help COMMAND\" lists the flags of a command.\n\n" + exitHelp)
	_, err := p.out.Write([]byte(b.String()))
	return err
}

// line writes a command as a line of the help text, or two if it takes much.
func (c command) line(b *strings.Builder) {
	const column = 44
	usage := strings.TrimSpace(c.name + " " + c.args)
	if len(usage) > column {
		fmt.Fprintf(b, "  %s\n", usage)
		usage = ""
	}
	fmt.Fprintf(b, "  %-*s %s\n", column, usage, c.summary)
}
