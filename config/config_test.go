package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// load loads settings from a folder with a file (none if it is empty),
// variables and flags.
func load(t *testing.T, file string, environ, args []string) (Config, error) {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return Load(flags, append([]string{"--data-dir", dir}, args...), environ)
}

// TestPrecedence gives every setting another value in each place and looks who
// wins.
func TestPrecedence(t *testing.T) {
	value := func(s *setting, n int) string {
		switch s.value(&Config{}).(type) {
		case *number, *number64:
			return fmt.Sprint(n)
		case *boolean:
			return fmt.Sprint(n%2 == 1)
		}
		return fmt.Sprint("v", n)
	}
	for i := range settings {
		s := &settings[i]
		if s.name == "data_dir" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			quoted := value(s, 1)
			if quoted[0] == 'v' {
				quoted = `"` + quoted + `"`
			}
			file := s.name + " = " + quoted
			environ := []string{s.variable() + "=" + value(s, 2), "OTHER=x"}
			args := []string{"--" + s.flag() + "=" + value(s, 3)}
			for n, given := range []struct {
				file          string
				environ, args []string
				want          string
			}{
				{"", nil, nil, s.value(&Config{}).String()},
				{file, nil, nil, value(s, 1)},
				{file, environ, nil, value(s, 2)},
				{file, environ, args, value(s, 3)},
				{file, nil, args, value(s, 3)},
				{"", environ, args, value(s, 3)},
			} {
				c, err := load(t, given.file, given.environ, given.args)
				if err != nil {
					t.Fatal(err)
				}
				if d := Default(); n == 0 {
					given.want = s.value(&d).String()
				}
				if got := s.value(&c).String(); got != given.want {
					t.Errorf("case %d: got %q, want %q", n, got, given.want)
				}
			}
		})
	}
}

func TestListsReplace(t *testing.T) {
	file := `peer = ["a:1", "b:2"]`
	for _, c := range []struct {
		environ, args []string
		want          []string
	}{
		{nil, nil, []string{"a:1", "b:2"}},
		{[]string{"SMALLNANO_PEER=c:3, d:4"}, nil, []string{"c:3", "d:4"}},
		{[]string{"SMALLNANO_PEER=c:3"}, []string{"--peer", "e:5", "--peer", "f:6,g:7"}, []string{"e:5", "f:6", "g:7"}},
		{nil, []string{"--peer="}, nil},
	} {
		got, err := load(t, file, c.environ, c.args)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Peers, c.want) {
			t.Errorf("%v %v: got %q, want %q", c.environ, c.args, got.Peers, c.want)
		}
	}
}

// TestDataDir looks for the file in the folder that variables and flags name.
func TestDataDir(t *testing.T) {
	inVariable, inFlag := t.TempDir(), t.TempDir()
	for dir, port := range map[string]string{inVariable: "1111", inFlag: "2222"} {
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte("rpc_port = "+port), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	environ := []string{"SMALLNANO_DATA_DIR=" + inVariable}
	for _, c := range []struct {
		args []string
		dir  string
		port int
	}{
		{nil, inVariable, 1111},
		{[]string{"--data-dir", inFlag}, inFlag, 2222},
	} {
		got, err := Load(flag.NewFlagSet("test", flag.ContinueOnError), c.args, environ)
		if err != nil {
			t.Fatal(err)
		}
		if got.DataDir != c.dir || got.RPCPort != c.port {
			t.Errorf("%v: folder %s, port %d; want %s, %d", c.args, got.DataDir, got.RPCPort, c.dir, c.port)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, file    string
		environ, args []string
		want          string
	}{
		{"unknown key", "# a comment\nnetwork = \"dev\"\nperring_port = 1\n", nil, nil, `smallnano.toml:3: "perring_port" is not a setting; the nearest is "peering_port"`},
		{"first of unknown keys", "b = 1\na = 2", nil, nil, `:1: "b" is not a setting`},
		{"table", "[node]\nnetwork = \"dev\"", nil, nil, `:1: "node" is not a setting`},
		{"setting as a table", "[network]\nname = \"dev\"", nil, nil, ":1: network: a string, a number, true or false is expected"},
		{"list for a number", "rpc_port = [1]", nil, nil, ":1: rpc_port: one value is expected"},
		{"list in a list", "peer = [[\"a:1\"]]", nil, nil, ":1: peer: a string"},
		{"word for a number", "\n\nrpc_port = \"x\"", nil, nil, `:3: rpc_port: "x" is not a whole number`},
		{"word for a flag", "enable_voting = \"perhaps\"", nil, nil, `"perhaps" is neither true nor false`},
		{"no TOML", "network = \n", nil, nil, "smallnano.toml:1:"},
		{"key twice", "rpc_port = 1\nrpc_port = 2", nil, nil, "rpc_port"},
		{"folder in its own file", "data_dir = \"x\"", nil, nil, "data_dir cannot be set in a file of that folder"},
		{"unknown variable", "", []string{"SMALLNANO_RPC_PROT=1", "SMALLNANO_ZZZ=1"}, nil, "variable SMALLNANO_RPC_PROT is not a setting; the nearest is SMALLNANO_RPC_PORT"},
		{"bad variable", "", []string{"SMALLNANO_RPC_PORT=x"}, nil, `variable SMALLNANO_RPC_PORT: "x" is not a whole number`},
		{"unknown flag", "", nil, []string{"--peering-prt", "1"}, "--peering-prt is not a flag; the nearest is --peering-port"},
		{"bad flag", "", nil, []string{"--rpc-port", "x"}, `"x" is not a whole number`},
		{"argument", "", nil, []string{"dev"}, `unexpected argument "dev"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.file, c.environ, c.args)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			var path *fs.PathError
			if errors.As(err, &path) {
				t.Error("counts as a file that cannot be read")
			}
		})
	}
}

// TestReadSmall refuses what would never end, or wait for ever.
func TestReadSmall(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, maxSmall+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{large, t.TempDir(), os.DevNull} {
		if _, err := ReadSmall(path); err == nil || !strings.Contains(err.Error(), "no plain file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := os.Truncate(large, maxSmall); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadSmall(large); err != nil || len(data) != maxSmall {
		t.Errorf("%d bytes: %v", len(data), err)
	}
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Load(flag.NewFlagSet("test", flag.ContinueOnError), []string{"--data-dir", dir}, nil)
	var path *fs.PathError
	if !errors.As(err, &path) {
		t.Errorf("got %v, want a path error", err)
	}
}

func TestHelp(t *testing.T) {
	var shown strings.Builder
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(&shown)
	if _, err := Load(flags, []string{"-h"}, nil); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v", err)
	}
	for i := range settings {
		if s := &settings[i]; !strings.Contains(shown.String(), "-"+s.flag()) || !strings.Contains(shown.String(), s.doc) {
			t.Errorf("help does not tell of %s", s.name)
		}
	}
}

// TestSample uncomments the file of a first run: it must say what holds
// without it.
func TestSample(t *testing.T) {
	var lines []string
	for line := range strings.Lines(Sample()) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") {
			line = line[1:]
		}
		lines = append(lines, line)
	}
	for _, file := range []string{Sample(), strings.Join(lines, "\n")} {
		got, err := load(t, file, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := Default()
		want.DataDir = got.DataDir
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if got := strings.Count(strings.Join(lines, "\n"), " = "); got != len(settings)-1 {
		t.Errorf("%d settings in the file, want %d", got, len(settings)-1)
	}
}

func TestWriteSample(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	if err := WriteSample(dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != Sample() {
		t.Fatalf("%v: %s", err, text)
	}
	if err := os.WriteFile(path, []byte("rpc_port = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteSample(dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "rpc_port = 1" {
		t.Fatalf("a file that was there was changed: %v: %s", err, text)
	}
	if err := WriteSample(filepath.Join(dir, "none")); err == nil {
		t.Error("wrote into a folder that is not there")
	}
}

func TestValidate(t *testing.T) {
	good := Default()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"peering_port":           func(c *Config) { c.PeeringPort = 65536 },
		"rpc_port":               func(c *Config) { c.RPCPort = -1 },
		"work_threads":           func(c *Config) { c.WorkThreads = -1 },
		"max_peers_out":          func(c *Config) { c.MaxPeersOut = 0 },
		"max_peers_in":           func(c *Config) { c.MaxPeersIn = -1 },
		"memory_limit_mb":        func(c *Config) { c.MemoryLimitMB = -1 },
		"vote_window_ms":         func(c *Config) { c.VoteWindowMS = 0 },
		"max_backlog":            func(c *Config) { c.MaxBacklog = 0 },
		"max_blocks_per_account": func(c *Config) { c.MaxBlocksPerAccount = -1 },
		"max_ledger_bytes":       func(c *Config) { c.MaxLedgerBytes = 1000 },
		"enable_voting":          func(c *Config) { c.EnableVoting = true },
		"voting_key":             func(c *Config) { c.VotingKey = "file" },
		"data_dir":               func(c *Config) { c.DataDir = "" },
		"listen_address":         func(c *Config) { c.ListenAddress = "home" },
		"external_address":       func(c *Config) { c.ExternalAddress = "home.example:7176" },
		"log_level":              func(c *Config) { c.LogLevel = "loud" },
		"log_format":             func(c *Config) { c.LogFormat = "xml" },
	} {
		c := Default()
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"node run", "devnet", "version"}
	for s, want := range map[string]string{"devnt": "devnet", "run": "node run", "versoin": "version", "": "devnet"} {
		if got := Nearest(s, names); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
	if got := Nearest("x", nil); got != "" {
		t.Errorf("without names: got %q", got)
	}
}

// Only what is nearly spelled like a flag is suggested, and never the contrary of what
// was written.
func TestSuggestedFlags(t *testing.T) {
	for given, want := range map[string]string{
		"--pasword-fd": "the nearest is --password-fd", "--no-pasword": "the nearest is --no-password", "--idd": "the nearest is --id",
		"--password": "", "-1": "", "--bogus": "", "--i": "", "--jsno": "the nearest is --json",
	} {
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		for _, name := range []string{"no-password", "password-fd", "id", "peer", "json"} {
			flags.String(name, "", "")
		}
		err := Parse(flags, []string{given})
		if err == nil || !strings.Contains(err.Error(), "is not a flag") || !strings.HasSuffix(err.Error(), want) || (want == "") == strings.Contains(err.Error(), "nearest") {
			t.Errorf("%s: %v, want %q", given, err, want)
		}
	}
}

func TestHosts(t *testing.T) {
	for name, good := range map[string]bool{"node.example": true, "*": true, "node.example:80": false, "node/": false, "*.example": false} {
		c := Default()
		c.RPCHosts = []string{"a", name}
		if err := c.Validate(); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
