package e2e

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

// voting are the flags of a node that confirms alone.
var voting = []string{"--enable-voting", "--voting-key", "dev-genesis"}

// TestLoneNode takes a node through its life: empty folder, transfers, stop by
// signal, restart with its data, stop by RPC.
func TestLoneNode(t *testing.T) {
	n := newNode(t, voting...)
	n.dir = filepath.Join(n.dir, "new", "folder")
	n.start()
	for name, mode := range map[string]os.FileMode{".": 0o700, "node.key": 0o600, "rpc.token": 0o600, "smallnano.toml": 0o600, "rpc.url": 0o600, "ledger.db": 0o600, "ledger.db-wal": 0o600} {
		info, err := os.Stat(filepath.Join(n.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != mode {
			t.Errorf("%s has mode %v, want %v", name, got, mode)
		}
	}
	w := testkit.GenesisWallet(lattice.Dev())
	for range 3 {
		b := w.Send(testkit.Account(1), lattice.AmountFrom(7))
		if err := n.process(b); err != nil {
			t.Fatal(err)
		}
		w.Advance(b)
	}
	n.waitConfirmed(4)
	id := content(t, n.dir)[filepath.Join(n.dir, "node.key")]
	n.stop()
	if _, err := os.Stat(filepath.Join(n.dir, "rpc.url")); err == nil {
		t.Error("rpc.url is left behind")
	}
	n.verifyLedger()

	n.start()
	if blocks, confirmed := n.counts(); blocks != 4 || confirmed != 4 {
		t.Errorf("after the restart %d blocks, %d confirmed; want 4", blocks, confirmed)
	}
	if got := n.must("account_info", object{"account": w.Account().String()})["frontier"]; got != w.Info.Frontier.String() {
		t.Errorf("after the restart the frontier is %v, want %v", got, w.Info.Frontier)
	}
	if got := content(t, n.dir)[filepath.Join(n.dir, "node.key")]; got != id {
		t.Error("the restart changed the node key")
	}
	if err := n.process(w.Send(testkit.Account(1), lattice.AmountFrom(7))); err != nil {
		t.Fatal(err)
	}
	n.waitConfirmed(5)
	n.must("stop", nil)
	n.wantEnd()
	n.verifyLedger()
}

// TestRPCCommand asks a running node with the command line.
func TestRPCCommand(t *testing.T) {
	n := newNode(t)
	n.start()
	at := []string{"--data-dir", n.dir}
	var count struct{ Count, Cemented string }
	o := run(t, append([]string{"rpc", "block_count"}, at...)...)
	o.want(t, 0)
	if err := json.Unmarshal([]byte(o.out), &count); err != nil || count.Count != "1" || count.Cemented != "1" {
		t.Errorf("%v: %s", err, o.out)
	}
	genesis := lattice.Dev().Genesis.Account.String()
	o = run(t, append(append([]string{"rpc"}, at...), "account_info", "account="+genesis, "representative=true")...)
	o.want(t, 0)
	if !strings.Contains(o.out, genesis) {
		t.Errorf("no representative: %s", o.out)
	}
	o = run(t, append([]string{"rpc", "accounts_balances", `accounts=["` + genesis + `"]`}, at...)...)
	o.want(t, 0)
	run(t, append([]string{"rpc", "nonsense"}, at...)...).want(t, 1, "Unknown command")
	run(t, append([]string{"rpc", "account_info", "account=x"}, at...)...).want(t, 1, "Bad account number")
	run(t, append([]string{"rpc"}, at...)...).want(t, 2, "which action?")
	run(t, append([]string{"rpc", "block_count", "count"}, at...)...).want(t, 2, "name=value")
	run(t, append([]string{"rpc", "block_count", "--rpc-prt", "1"}, at...)...).want(t, 2, "nearest is --rpc-port")
	run(t, "rpc", "--data-dir", t.TempDir(), "--url", n.url, "stop").want(t, 1, "RPC control is disabled")
	run(t, "rpc", "--data-dir", t.TempDir(), "--url", n.url, "--token-file", filepath.Join(n.dir, "rpc.token"), "stop").want(t, 0)
	n.wantEnd()
	run(t, append([]string{"rpc", "block_count", "--rpc-port", "1"}, at...)...).want(t, 3, "cannot reach a node at")
}

func TestHelpAndVersion(t *testing.T) {
	o := run(t, "help")
	o.want(t, 0)
	for _, command := range []string{"node run", "devnet", "rpc", "version"} {
		if !strings.Contains(o.out, command) {
			t.Errorf("help does not name %s", command)
		}
		about := run(t, append([]string{"help"}, strings.Fields(command)...)...)
		about.want(t, 0)
		if !strings.HasPrefix(about.out, "smallnano "+command) {
			t.Errorf("help %s: %s", command, about.out)
		}
	}
	o = run(t, "version")
	o.want(t, 0)
	if !strings.HasPrefix(o.out, "Smallnano V") {
		t.Errorf("version: %s", o.out)
	}
	run(t, "devnt").want(t, 2, `"devnt" is not a command; the nearest is "devnet"`)
	run(t, "node", "rum").want(t, 2, `the nearest is "node run"`)
	run(t, "version", "x").want(t, 2, `unexpected argument "x"`)
	run(t, "devnet", "--nodes", "0").want(t, 2, "--nodes is 0, want 1 to")
	run(t, "devnet", "--nodes", "99").want(t, 2, "--nodes is 99, want 1 to")
}

// TestRefusedStarts gives a node what it cannot start with: it must say so in
// one sentence, change nothing and leave nothing running.
func TestRefusedStarts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the parallel tests below
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	openKey := keyFile(t, testkit.Key(1))
	if err := os.Chmod(openKey, 0o644); err != nil {
		t.Fatal(err)
	}
	badKey := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(badKey, []byte("secret words\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		said []string
	}{
		{"peering port taken", []string{"--peering-port", port}, 1, []string{"cannot listen for peers", port, "address already in use", "choose another with --peering-port"}},
		{"RPC port taken", []string{"--rpc-port", port}, 1, []string{"cannot listen for RPC", port, "address already in use", "--rpc-port"}},
		{"address of another machine", []string{"--listen-address", "192.0.2.1"}, 1, []string{"192.0.2.1", "--listen-address"}},
		{"main has no genesis", []string{"--network", "main"}, 1, []string{"network main has no genesis block yet", "--network beta or dev"}},
		{"unknown network", []string{"--network", "moon"}, 1, []string{`network "moon" is not known`}},
		{"unknown flag", []string{"--data-dri", "x"}, 78, []string{"nearest is --data-dir"}},
		{"voting without a key", []string{"--enable-voting"}, 78, []string{"enable_voting needs voting_key"}},
		{"no key file", []string{"--enable-voting", "--voting-key", "none"}, 1, []string{"cannot read the voting key", "none"}},
		{"key file that others can read", []string{"--enable-voting", "--voting-key", openKey}, 1, []string{"chmod 600"}},
		{"key file with something else", []string{"--enable-voting", "--voting-key", badKey}, 1, []string{"want 64 hexadecimal digits"}},
		{"dev key on beta", []string{"--network", "beta", "--enable-voting", "--voting-key", "dev-genesis"}, 1, []string{"dev network only"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"node", "run", "--data-dir", t.TempDir(),
				"--listen-address", "127.0.0.1", "--peering-port", "0", "--rpc-port", "0"}, c.args...)
			o := run(t, args...)
			o.want(t, c.code, c.said...)
			if strings.Contains(o.err, "secret") {
				t.Error("it shows what is in the key file")
			}
		})
	}
}

// TestRefusedFolders starts nodes on folders that are not theirs to use. Nothing
// in them may change.
func TestRefusedFolders(t *testing.T) {
	used := newNode(t)
	used.start()
	plainFile := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plainFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	full := newNode(t)
	full.start()
	full.stop()
	other := ledgerOf(t, lattice.Beta())
	noLedger := t.TempDir()
	if err := os.WriteFile(filepath.Join(noLedger, "ledger.db"), []byte("this is no database, and longer than a header\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nothing := spoil(t, full.dir, func([]byte) []byte { return nil })
	for _, c := range []struct {
		name, dir string
		said      []string
	}{
		{"empty file", nothing, []string{"database is corrupt", "it is empty", "restore a copy"}},
		{"second process", used.dir, []string{"database is in use by another process", "stop the other node"}},
		{"file for a folder", plainFile, []string{"not a directory", "--data-dir"}},
		{"below a file", filepath.Join(plainFile, "x"), []string{"not a directory", "--data-dir"}},
		{"another network", other, []string{"database belongs to another network", "give another file or another network"}},
		{"no database", noLedger, []string{"file is not a smallnano ledger"}},
		{"damaged page", spoil(t, full.dir, func(b []byte) []byte { clear(b[8192:20000]); return b }), []string{"database is corrupt", "restore a copy"}},
		{"cut off", spoil(t, full.dir, func(b []byte) []byte { return b[:len(b)-5000] }), []string{"database is corrupt", "cut off"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := map[string]string{}
			if c.dir != used.dir { // which is at work
				if info, err := os.Stat(c.dir); err == nil && info.IsDir() {
					before = content(t, c.dir)
				}
			}
			run(t, "node", "run", "--data-dir", c.dir, "--peering-port", "0", "--rpc-port", "0").want(t, 1, c.said...)
			for path, text := range before {
				if now, err := os.ReadFile(path); err != nil || string(now) != text {
					t.Errorf("%s was changed: %v", path, err)
				}
			}
			if len(before) > 0 {
				if after := content(t, c.dir); len(after) != len(before) {
					t.Errorf("%d files, before %d", len(after), len(before))
				}
			}
		})
	}
	used.must("block_count", nil) // the first goes on
	used.stop()
}

// ledgerOf returns a folder with the ledger of a network.
func ledgerOf(t *testing.T, network *lattice.Network) string {
	t.Helper()
	dir := t.TempDir()
	store, err := storage.Open(filepath.Join(dir, "ledger.db"), storage.Options{Network: network})
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// spoil returns a copy of a data folder with a ledger that was tampered with.
func spoil(t *testing.T, from string, tamper func([]byte) []byte) string {
	t.Helper()
	dir := t.TempDir()
	for path, text := range content(t, from) {
		if filepath.Base(path) == "ledger.db" {
			text = string(tamper([]byte(text)))
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
