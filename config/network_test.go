package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

func privateNetwork(t testing.TB) *lattice.Network {
	t.Helper()
	n, err := NewPrivateNetwork("family", 77, crypto.NewPrivateKey(crypto.Seed{1}))
	if err != nil {
		t.Fatal(err)
	}
	n.PresetPeers = []string{"a:1", "b:2"}
	n.Shipped = &lattice.ShippedWeights{Until: 1000, Of: []lattice.ShippedWeight{
		{Representative: lattice.Account{1}, Weight: lattice.Supply.MulDiv(60, 100)}, {Representative: lattice.Account{2}, Weight: lattice.Supply.MulDiv(40, 100)},
	}}
	return n
}

// A network comes back from its file as it was, from TOML and from JSON.
func TestNetworkFile(t *testing.T) {
	want := privateNetwork(t)
	text := FormatNetwork(want)
	var keys map[string]any
	if err := toml.Unmarshal([]byte(text), &keys); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string]string{"n.toml": text, "n": text, "n.json": string(asJSON)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadNetwork(path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	if n, err := ReadNetwork(filepath.Join(dir, "none")); err == nil {
		t.Errorf("%+v", n)
	}
	if n, err := ReadNetwork(dir); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("%+v, %v", n, err)
	}
	for name, id := range map[string]uint8{"main": 20, "Family": 20, "": 20, "ok": 1, "fine": 255} {
		if _, err := NewPrivateNetwork(name, id, crypto.NewPrivateKey(crypto.Seed{1})); err == nil {
			t.Errorf("%q with number %d is made", name, id)
		}
	}
}

// What is wrong with a file is refused with its place.
func TestNetworkFileRefusals(t *testing.T) {
	text := FormatNetwork(privateNetwork(t))
	replace := func(name, value string) string {
		var b strings.Builder
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, name+" = ") {
				line = value + "\n"
			}
			b.WriteString(line)
		}
		return b.String()
	}
	for _, c := range []struct{ name, value, says string }{
		{"name", `name = "beta"`, "public network"},
		{"name", `name = "a b"`, ":4: name"},
		{"name", ``, "name is missing"},
		{"id", `id = 255`, "from 16 to 254"},
		{"id", `id = 2`, "from 16 to 254"},
		{"id", `id = 78`, "not that of genesis_account"}, // the signature is for another
		{"id", `id = "x"`, "want a number"},
		{"genesis_account", `genesis_account = "nano_1"`, "genesis_account"},
		{"genesis_signature", `genesis_signature = "00"`, "hexadecimal digits"},
		{"genesis_signature", `genesis_signature = "` + strings.Repeat("00", 64) + `"`, "not that of genesis_account"},
		{"genesis_signature", ``, "genesis_signature is missing"},
		{"send_threshold", `send_threshold = "fb00000000000000"`, "above send_threshold"},
		{"send_threshold", `send_threshold = 5`, "16 hexadecimal digits"},
		{"send_threshold", `send_threshold = "ffffffffffffffff"`, "16 hexadecimal digits"},
		{"receive_threshold", `receive_threshold = "0000000000000001"`, "16 hexadecimal digits"},
		{"quorum_floor_percent", `quorum_floor_percent = 0`, "from 1 to 100"},
		{"weight_samples", `weight_samples = 1000000`, "from 1 to 10000"},
		{"weight_sample_seconds", `weight_sample_seconds = -1`, "from 1 to 86400"},
		{"vote_spacing_ms", `vote_spacing_ms = 1`, "from 100 to 60000"},
		{"peers", `peers = ["here"]`, "want HOST:PORT"},
		{"peers", `peer = ["a:1"]`, `"peer" is no parameter of a network; the nearest is "peers"`},
		{"peers", `peers = [["a:1"]]`, "is expected"},
		{"peers", `peers = `, "network file"},
		{"weights_until", `weights_until = 0`, "until which they count is 0"},
		{"weights_until", `weights_until = -3`, "want a number"},
	} {
		if n, err := parseNetwork("n.toml", []byte(replace(c.name, c.value))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v; want %q", c.value, n, err, c.says)
		}
	}
}

// Weights that cannot be true, or are of no use, are refused.
func TestNetworkWeights(t *testing.T) {
	none := *privateNetwork(t)
	none.Shipped = nil
	text := FormatNetwork(&none)
	one, two := lattice.Account{1}.String(), lattice.Account{2}.String()
	most, rest := lattice.Supply.MulDiv(67, 100).Raw(), lattice.Supply.MulDiv(33, 100).Raw()
	table := func(until int, entries ...string) string {
		quoted := make([]string, len(entries))
		for i, e := range entries {
			quoted[i] = strconv.Quote(e)
		}
		text := strings.Replace(text, "weights_until = 0", "weights_until = "+strconv.Itoa(until), 1)
		return strings.Replace(text, "weights = []", "weights = ["+strings.Join(quoted, ",")+"]", 1)
	}
	many := make([]string, lattice.MaxShippedWeights+1)
	for i := range many {
		many[i] = lattice.Account{byte(i), byte(i >> 8), 1}.String() + " " + rest
	}
	for name, c := range map[string]struct{ text, says string }{
		"none":      {text, ""},
		"enough":    {table(1, one+" "+most), ""},
		"all":       {table(7, one+" "+most, two+" "+rest), ""},
		"too few":   {table(7, two+" "+rest), "less than 67 %"},
		"nobody":    {table(7), "less than 67 %"},
		"no end":    {table(0, one+" "+most), "until which they count is 0"},
		"twice":     {table(7, one+" "+most, one+" "+rest), "has two weights"},
		"too much":  {table(7, one+" "+most, two+" "+most), "more than the supply"},
		"overflow":  {table(7, one+" "+lattice.MaxAmount.Raw(), two+" 1"), "more than the supply"},
		"no weight": {table(7, one+" "+most, two+" 0"), "has no weight"},
		"no amount": {table(7, one), "want \"ACCOUNT RAW\""},
		"smn":       {table(7, one+" 1.5"), "want \"ACCOUNT RAW\""},
		"stranger":  {table(7, "nano_1 5"), "want \"ACCOUNT RAW\""},
		"too many":  {table(7, many...), "more than 500 representatives"},
	} {
		n, err := parseNetwork("n.toml", []byte(c.text))
		if c.says == "" && (err != nil || (n.Shipped == nil) != (name == "none")) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	full := none
	full.Shipped = &lattice.ShippedWeights{Until: 1 << 40}
	for i := range lattice.MaxShippedWeights {
		full.Shipped.Of = append(full.Shipped.Of, lattice.ShippedWeight{Representative: lattice.Account{byte(i), byte(i >> 8), 1}, Weight: lattice.Supply.MulDiv(1, lattice.MaxShippedWeights)})
	}
	if size := len(FormatNetwork(&full)); size > maxNetworkFile {
		t.Errorf("a file with as many weights as there may be has %d bytes, more than are read", size)
	}
}

// FuzzNetworkFile: what is read can be written and read again.
func FuzzNetworkFile(f *testing.F) {
	f.Add(FormatNetwork(privateNetwork(f)))
	f.Add("name = \"x\"\nid = 16")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseNetwork("n.toml", []byte(text))
		if err != nil {
			return
		}
		again, err := parseNetwork("n.toml", []byte(FormatNetwork(n)))
		if err != nil || !reflect.DeepEqual(again, n) {
			t.Errorf("%+v comes back as %+v, %v", n, again, err)
		}
	})
}

// FuzzSettings: a settings file that is taken is also taken as it is rewritten,
// with the same meaning.
func FuzzSettings(f *testing.F) {
	f.Add(Sample())
	f.Add("rpc_port = 1\npeer = [\"a:1\"]\nlog_level = \"info,peers=debug\"")
	f.Add("enable_voting = true\nvoting_key = \"\\u0001\\u007f<é\\\\\"")
	f.Add("unknown = 1\n[table]\nx = 2")
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		if err := c.parse(FileName, []byte(text), map[string]string{}); err != nil || c.Validate() != nil {
			return
		}
		fresh, err := migrate(FileName, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		again := Default()
		if err := again.parse(FileName, []byte(fresh), map[string]string{}); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v comes back as %+v, %v:\n%s", c, again, err, fresh)
		}
		if twice, err := migrate(FileName, []byte(fresh)); err != nil || twice != fresh {
			t.Errorf("rewritten twice, it is another: %v:\n%s", err, twice)
		}
	})
}

func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Migrate(dir); err == nil {
		t.Error("migrates a file that is not there")
	}
	old := "rpc_port = 1234 # mine\nforgotten = \"x\"\npeer = [\"a:1\", \"b:2\"]\n"
	write(old)
	kept, err := Migrate(dir)
	if err != nil || kept != path+".before-1" {
		t.Fatalf("%q, %v", kept, err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != old {
		t.Errorf("kept %q, %v", text, err)
	}
	text, err := os.ReadFile(path)
	for _, want := range []string{"\nrpc_port = 1234\n", "\npeer = [\"a:1\", \"b:2\"]\n", "\n#log_level = ", "#forgotten = 'x'"} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: no %q in %s", err, want, text)
		}
	}
	if kept, err := Migrate(dir); err != nil || kept != "" {
		t.Errorf("again: %q, %v", kept, err)
	}
	for _, bad := range []string{"rpc_port = 99999", "rpc_port = \"x\"", "rpc_port ="} {
		write(bad)
		if kept, err := Migrate(dir); err == nil || kept != "" {
			t.Errorf("%s: %q, %v", bad, kept, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != bad {
			t.Errorf("%s became %q", bad, text)
		}
	}
}

func TestConnections(t *testing.T) {
	for _, x := range []struct{ out, in, all, wantOut, wantIn int }{
		{8, 24, 0, 8, 24}, {8, 24, 10, 8, 2}, {8, 24, 4, 4, 0}, {8, 0, 100, 8, 0},
	} {
		c := Config{MaxPeersOut: x.out, MaxPeersIn: x.in, MaxPeers: x.all}
		if out, in := c.Connections(); out != x.wantOut || in != x.wantIn {
			t.Errorf("%+v: %d and %d", x, out, in)
		}
	}
	c := Config{Peers: []string{"a:1", "b:1"}, BootstrapPeers: []string{"b:1", "c:1"}}
	if got := c.Dialled([]string{"p:1", "a:1"}); strings.Join(got, " ") != "a:1 b:1 c:1 p:1" {
		t.Error(got)
	}
	c.PeerSeeds = []string{"s:1"}
	if got := c.Dialled([]string{"p:1"}); strings.Join(got, " ") != "a:1 b:1 c:1 s:1" {
		t.Error(got)
	}
}
