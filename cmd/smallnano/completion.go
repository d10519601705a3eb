package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
)

// flagNames returns the flags of a command, by having it print its help.
func (c *command) flagNames() (names []string) {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(&bytes.Buffer{})
	flags.Usage = func() {}
	if err := c.run(&program{out: &bytes.Buffer{}, err: &bytes.Buffer{}}, flags, []string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		return nil // "help" and "completion" have none
	}
	flags.VisitAll(func(f *flag.Flag) { names = append(names, "--"+f.Name) })
	return names
}

// runCompletion is the command "completion".
func runCompletion(p *program, flags *flag.FlagSet, args []string) error {
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return misused("for which shell? bash, zsh or fish")
	}
	switch words[0] {
	case "bash":
		_, err = p.out.Write(bashCompletion())
	case "zsh":
		_, err = fmt.Fprintf(p.out, "#compdef smallnano\nautoload -U +X bashcompinit && bashcompinit\n%s", bashCompletion())
	case "fish":
		_, err = p.out.Write(fishCompletion())
	default:
		err = misused("%q is not a shell that is known here: bash, zsh or fish", words[0])
	}
	return err
}

// firstWords returns the first words of all commands, and what may follow each.
func firstWords() (first []string, second map[string][]string) {
	second = map[string][]string{}
	for _, c := range commands() {
		word, rest, _ := strings.Cut(c.name, " ")
		if !slices.Contains(first, word) {
			first = append(first, word)
		}
		if rest != "" {
			second[word] = append(second[word], rest)
		}
	}
	return first, second
}

func bashCompletion() []byte {
	first, second := firstWords()
	var b bytes.Buffer
	b.WriteString("_smallnano() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]} choice=\n\tcase \"${COMP_WORDS[*]:1:COMP_CWORD-1}\" in\n")
	fmt.Fprintf(&b, "\t'') choice=%q ;;\n", strings.Join(first, " "))
	for _, word := range first {
		if len(second[word]) > 0 {
			fmt.Fprintf(&b, "\t%s) choice=%q ;;\n", word, strings.Join(second[word], " "))
		}
	}
	for _, c := range commands() {
		if names := c.flagNames(); len(names) > 0 {
			fmt.Fprintf(&b, "\t'%s'|'%s '*) choice=%q ;;\n", c.name, c.name, strings.Join(names, " "))
		}
	}
	b.WriteString("\tcompletion) choice='bash zsh fish' ;;\n\tesac\n\tif [[ $word == -* || $COMP_CWORD -le 2 ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$choice\" -- \"$word\"))\n\tfi\n" +
		"\t[[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$word\"))\n}\ncomplete -F _smallnano smallnano\n")
	return b.Bytes()
}

func fishCompletion() []byte {
	first, second := firstWords()
	var b bytes.Buffer
	fmt.Fprintf(&b, "complete -c smallnano -n '__fish_use_subcommand' -f -a %q\n", strings.Join(first, " "))
	for _, word := range first {
		if list := second[word]; len(list) > 0 {
			fmt.Fprintf(&b, "complete -c smallnano -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from %s' -f -a %q\n",
				word, strings.Join(list, " "), strings.Join(list, " "))
		}
	}
	for _, c := range commands() {
		for _, name := range c.flagNames() {
			condition := ""
			for i, word := range strings.Fields(c.name) {
				if i > 0 {
					condition += "; and "
				}
				condition += "__fish_seen_subcommand_from " + word
			}
			fmt.Fprintf(&b, "complete -c smallnano -n '%s' -l %s\n", condition, strings.TrimPrefix(name, "--"))
		}
	}
	return b.Bytes()
}
