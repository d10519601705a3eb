package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExplain gives settings in every place and looks who is named.
func TestExplain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	if err := os.WriteFile(path, []byte("# one\nrpc_port = 1\nlog_level = \"warn\"\nnetwork = \"beta\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{"SMALLNANO_LOG_LEVEL=error", "SMALLNANO_NETWORK=dev", "SMALLNANO_PEER=a:1,b:2"}
	args := []string{"--data-dir", dir, "--network", "main"}
	c, origins, err := Explain(flag.NewFlagSet("test", flag.ContinueOnError), args, environ)
	if err != nil {
		t.Fatal(err)
	}
	if len(origins) != len(settings) {
		t.Fatalf("%d settings, want %d", len(origins), len(settings))
	}
	want := map[string][2]string{
		"data_dir": {dir, "flag --data-dir"}, "rpc_port": {"1", path + ":2"}, "log_level": {"error", "variable SMALLNANO_LOG_LEVEL"},
		"network": {"main", "flag --network"}, "peer": {"a:1,b:2", "variable SMALLNANO_PEER"}, "voting_key": {"", "default"},
	}
	lines := Table(origins)
	for i, o := range origins {
		if o.Name != settings[i].name || o.Value != settings[i].value(&c).String() || o.Doc() == "" {
			t.Errorf("%s is told as %+v", settings[i].name, o)
		}
		w, special := want[o.Name]
		if !special {
			w = [2]string{o.Value, "default"}
		}
		if o.Value != w[0] || o.From != w[1] {
			t.Errorf("%s is %q from %s, want %q from %s", o.Name, o.Value, o.From, w[0], w[1])
		}
		if line := lines[i]; !strings.Contains(line, o.Name) || !strings.Contains(line, o.From) || strings.Contains(line, "\n") {
			t.Errorf("line %q", line)
		}
	}
	if _, _, err := Explain(flag.NewFlagSet("test", flag.ContinueOnError), []string{"--data-dir", dir}, []string{"SMALLNANO_X=1"}); err == nil {
		t.Error("takes a variable that is no setting")
	}
}

// The columns stand below each other, however long a name is; only a value that
// is very long moves what follows it.
func TestTable(t *testing.T) {
	lines := Table([]Origin{
		{Name: "a", Value: "1", From: "default"}, {Name: "a_long_name_of_a_setting", Value: "of some length", From: "default"},
		{Name: "b", From: "default"}, {Name: "c", Value: strings.Repeat("x", 100), From: "default"},
	})
	at := strings.Index(lines[0], "default")
	for i, line := range lines[:3] {
		if strings.Index(line, "default") != at {
			t.Errorf("line %d: %q", i, line)
		}
	}
	if !strings.HasSuffix(lines[3], "x  default") || !strings.Contains(lines[2], `""`) {
		t.Errorf("%q", lines)
	}
}

func TestChanges(t *testing.T) {
	running := Default()
	fresh := running
	if got := Changes(&running, &fresh); len(got) != 0 {
		t.Errorf("nothing changed, and %v", got)
	}
	fresh.LogLevel, fresh.RPCPort, fresh.Peers = "debug", 1, []string{"a:1"}
	got := Changes(&running, &fresh)
	want := []Change{{"rpc_port", "7177", "1", false}, {"peer", "", "a:1", false}, {"log_level", "info", "debug", true}}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
	if s := got[0].String(); s != "rpc_port: 1, was 7177: needs a restart" {
		t.Errorf("line %q", s)
	}
	if s := got[2].String(); s != "log_level: debug, was info: applied" {
		t.Errorf("line %q", s)
	}
}
