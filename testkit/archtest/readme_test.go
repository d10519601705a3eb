package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// ci is the script that has to pass before a change is taken.
const ci = ".ci/run"

// e2e has the tests of the program as its user meets it.
const e2e = "testkit/e2e"

// testCommand is the one that runs all tests.
const testCommand = "make test"

// runs says who runs a command of the README: the CI script, or a test of the
// named folder.
type runs struct {
	script string // the command as it stands in this file
	folder string // of the test
	test   string
}

// commands are the lines of the README's sh blocks. A command that nobody runs
// does not work for long.
var commands = map[string]runs{
	"make build":             {script: ci},
	`make run ARGS="--once"`: {script: ci},
	testCommand:              {script: ci},
	"make run":               {folder: e2e, test: "TestDevnetKilled"}, // the recipe is that of the line above
	"bin/smallnano devnet --nodes 3 --once --json": {folder: e2e, test: "TestDevnetOnce"},
	"bin/smallnano node run --network dev --data-dir .devnet/mine --peering-port 7176 --rpc-port 7177 --peer 127.0.0.1:17176": {folder: e2e, test: "TestOperate"},
	"bin/smallnano status --data-dir .devnet/mine":                     {folder: e2e, test: "TestOperate"},
	"bin/smallnano top --data-dir .devnet/mine":                        {folder: e2e, test: "TestOperate"},
	"bin/smallnano doctor --data-dir .devnet/mine":                     {folder: e2e, test: "TestOperate"},
	"bin/smallnano config show --data-dir .devnet/mine":                {folder: e2e, test: "TestOperate"},
	"bin/smallnano backup --data-dir .devnet/mine .devnet/backup":      {folder: e2e, test: "TestOperate"},
	"bin/smallnano wallet new --data-dir .devnet/mine --label savings": {folder: e2e, test: "TestWalletSection"},
	"bin/smallnano wallet receive --data-dir .devnet/mine 1.5":         {folder: e2e, test: "TestWalletSection"},
	"bin/smallnano devnet fund --data-dir .devnet/mine 1.5":            {folder: e2e, test: "TestWalletSection"},
	"bin/smallnano wallet balance --data-dir .devnet/mine":             {folder: e2e, test: "TestWalletSection"},
	"bin/smallnano wallet history --data-dir .devnet/mine":             {folder: e2e, test: "TestWalletSection"},
	"bin/smallnano wallet backup --data-dir .devnet/mine savings.json": {folder: e2e, test: "TestWalletSection"},
	"bin/smallnano completion bash":                                    {folder: e2e, test: "TestWalletSection"},
	"bin/smallnano rpc block_count":                                    {folder: e2e, test: "TestRPCCommand"},
}

// runnable checks that every command line of the README is one that a test or
// CI runs, and that the README and CI agree on how the tests are run.
func runnable(t tree) (findings []string) {
	text, ok := t["README.md"]
	if !ok {
		return []string{"README.md:1: there is none"}
	}
	shown := map[string]int{}
	shell(text, func(n int, line string) { shown[line] = n })
	for _, line := range slices.Sorted(maps.Keys(shown)) {
		r, known := commands[line]
		if !known {
			findings = append(findings, fmt.Sprintf("README.md:%d: nobody runs %q; have a test run it and say so in the table of commands", shown[line], line))
		} else if !t.ran(r) {
			findings = append(findings, fmt.Sprintf("README.md:%d: %q is not run by %s any more", shown[line], line, r))
		}
	}
	for _, line := range slices.Sorted(maps.Keys(commands)) {
		if shown[line] == 0 {
			findings = append(findings, fmt.Sprintf("README.md:1: %q is in the table of commands and not in the README", line))
		}
	}
	if !strings.Contains(text, "`"+testCommand+"`") {
		findings = append(findings, "README.md:1: the text does not name the test command "+testCommand)
	}
	return findings
}

// String names who runs a command.
func (r runs) String() string {
	if r.script != "" {
		return r.script
	}
	return r.folder + " " + r.test
}

// ran reports whether what is said to run a command is there.
func (t tree) ran(r runs) bool {
	if r.script != "" {
		return t[r.script] != ""
	}
	for _, s := range t.parse() {
		if s.dir == r.folder && s.test && declares(s.file, r.test) {
			return true
		}
	}
	return false
}

func declares(f *ast.File, name string) bool {
	return slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Name.Name == name
	})
}

// steps checks that CI calls the test command, and nothing instead of it.
func steps(t tree) (findings []string) {
	for line, r := range commands {
		if r.script != "" && !calls(t[r.script], line) {
			findings = append(findings, fmt.Sprintf("%s:1: does not run %q, which the README shows", r.script, line))
		}
	}
	slices.Sort(findings)
	return findings
}

// calls reports whether a line of the script ends with the command.
func calls(script, command string) bool {
	found := false
	lines(script, func(_ int, line string) {
		found = found || !strings.HasPrefix(strings.TrimSpace(line), "#") && strings.HasSuffix(line, " "+command)
	})
	return found
}

// shell calls f for the command lines in the sh blocks of a document.
func shell(text string, f func(number int, line string)) {
	block := false
	lines(text, func(n int, line string) {
		switch {
		case strings.HasPrefix(line, "```"):
			block = line == "```sh"
		case block:
			line, _, _ = strings.Cut(line, " #")
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				f(n, line)
			}
		}
	})
}
