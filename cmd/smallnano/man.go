package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/smallnano/smallnano/config"
)

// runMan is the command "man": the manual pages, from the same tables as the
// help.
func runMan(p *program, flags *flag.FlagSet, args []string) error {
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return misused("want one folder to write the pages to, not %d words", len(words))
	}
	if err := os.MkdirAll(words[0], 0o755); err != nil {
		return err
	}
	for name, page := range map[string][]byte{"smallnano.1": manProgram(), "smallnano.toml.5": manSettings()} {
		if err := os.WriteFile(filepath.Join(words[0], name), page, 0o644); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(p.out, "%s: smallnano.1 and smallnano.toml.5\n", words[0])
	return err
}

// manPage is a page in the language of mdoc(7).
type manPage struct{ bytes.Buffer }

func newManPage(title, section, description string) *manPage {
	p := &manPage{}
	p.macro("Dd " + manDate())
	p.macro("Dt " + strings.ToUpper(title) + " " + section)
	p.macro("Os")
	p.macro("Sh NAME")
	p.macro("Nm " + title)
	p.macro("Nd " + description)
	return p
}

// manDate is when the source was made, as far as the program knows: the same
// source gives the same pages.
func manDate() string {
	day := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil && s.Key == "vcs.time" {
				day = t.UTC()
			}
		}
	}
	return day.Format("January 2, 2006")
}

func (p *manPage) macro(line string) { p.WriteString("." + line + "\n") }

// text writes words, a sentence a line and no line too long, none of which is a
// macro.
func (p *manPage) text(s string) {
	const most = 72
	line := ""
	flush := func() {
		if line != "" {
			if line[0] == '.' || line[0] == '\'' {
				line = `\&` + line
			}
			p.WriteString(line + "\n")
		}
		line = ""
	}
	for _, word := range strings.Fields(strings.ReplaceAll(s, `\`, `\e`)) {
		if len(line)+len(word) >= most {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
		if strings.HasSuffix(word, ".") || strings.HasSuffix(word, "?") {
			flush()
		}
	}
	flush()
}

// flagsOf returns the flags of a command, by having it print its help.
func (c *command) flagsOf() *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(&bytes.Buffer{})
	flags.Usage = func() {}
	if err := c.run(&program{out: &bytes.Buffer{}, err: &bytes.Buffer{}}, flags, []string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		return flag.NewFlagSet(c.name, flag.ContinueOnError)
	}
	return flags
}

func manProgram() []byte {
	p := newManPage("smallnano", "1", "node of the smallnano network, and what is needed to use it")
	p.macro("Sh SYNOPSIS")
	p.macro("Nm")
	p.macro("Ar command")
	p.macro("Op Ar arguments")
	p.macro("Sh DESCRIPTION")
	p.macro("Nm")
	p.text("is a node of a block-lattice currency: every account has a chain of its own, representatives vote on each block, and there are no fees. " +
		"A command prints its result on standard output and everything else on standard error.")
	p.macro("Sh COMMANDS")
	p.macro("Bl -tag -width Ds")
	for _, c := range commands() {
		p.macro("It Ic " + c.name)
		p.text(strings.ToUpper(c.summary[:1]) + c.summary[1:] + ".")
		if c.args != "" && c.args != "[flags]" {
			p.text("Arguments:")
			p.macro("Ql " + strings.ReplaceAll(strings.TrimPrefix(c.args, "[flags] "), `\`, `\e`))
		}
		p.flags(c.flagsOf())
	}
	p.macro("El")
	p.macro("Sh ENVIRONMENT")
	p.text("Every setting of smallnano.toml can be given as a variable: SMALLNANO_ and the name of the setting in capitals. " +
		"GOMEMLIMIT and GOGC go before memory_limit_mb.")
	p.macro("Sh FILES")
	p.macro("Bl -tag -width Ds")
	for _, f := range [][2]string{
		{ledgerFile, "The ledger."}, {config.FileName, "The settings, written with comments at the first start."},
		{nodeKeyFile, "The key by which peers know the node."}, {tokenFile, "What an operator of the RPC has to know."}, {urlFile, "Where the RPC is, while the node runs."},
	} {
		p.macro("It Pa ~/.smallnano/" + f[0])
		p.text(f[1])
	}
	p.macro("El")
	p.macro("Sh EXIT STATUS")
	p.text(strings.TrimPrefix(strings.TrimSpace(exitHelp), "Exit codes: "))
	p.macro("Sh SEE ALSO")
	p.macro("Xr smallnano.toml 5")
	return p.Bytes()
}

func (p *manPage) flags(flags *flag.FlagSet) {
	any := false
	flags.VisitAll(func(f *flag.Flag) {
		if !any {
			p.macro("Bl -tag -width Ds")
			any = true
		}
		name, usage := flag.UnquoteUsage(f)
		if name != "" {
			name = " Ar " + name
		}
		p.macro("It Fl Fl " + f.Name + name)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && !strings.Contains(usage, "(default ") && f.Name != "data-dir" {
			usage += " (default " + f.DefValue + ")"
		}
		p.text(strings.ToUpper(usage[:1]) + usage[1:] + ".")
	})
	if any {
		p.macro("El")
	}
}

func manSettings() []byte {
	p := newManPage("smallnano.toml", "5", "settings of a smallnano node")
	p.macro("Sh DESCRIPTION")
	p.text("A node reads its settings from smallnano.toml in its data folder, in TOML. It writes the file at its first start, with a comment for each. " +
		"Variables go before the file, and flags before both. What it does not understand it refuses, with the line and the nearest name. " +
		"The command smallnano config check looks at a file without starting a node.")
	p.macro("Bl -tag -width Ds")
	for _, s := range config.Settings() {
		p.macro("It Ic " + s.Name)
		p.text(strings.ToUpper(s.Doc()[:1]) + s.Doc()[1:] + ".")
		if s.Value != "" {
			p.text("Default: " + s.Value)
		}
	}
	p.macro("El")
	p.macro("Sh SEE ALSO")
	p.macro("Xr smallnano 1")
	return p.Bytes()
}
