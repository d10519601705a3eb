package e2e

import (
	"archive/tar"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// TestFolderWithoutNode asks the nodes of folders that have none, while another
// one could be asked: a mistyped name must not end there.
func TestFolderWithoutNode(t *testing.T) {
	stopped := newNode(t)
	stopped.start()
	stopped.stop()
	missing, empty := filepath.Join(t.TempDir(), "none"), t.TempDir()
	for _, command := range [][]string{{"status"}, {"top", "--count", "1"}, {"rpc", "block_count"}} {
		for dir, said := range map[string]string{missing: "is not there", empty: "has no node", stopped.dir: "no node runs on"} {
			run(t, append(command, "--data-dir", dir)...).want(t, 3, dir, said)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("asking made a folder")
	}
}

// TestFailedStart leaves no new folder behind, and everything in one that was
// there.
func TestFailedStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	start := func(dir string) {
		t.Helper()
		run(t, "node", "run", "--data-dir", dir, "--listen-address", "127.0.0.1", "--peering-port", "0", "--rpc-port", port).want(t, 1, "address already in use")
	}
	top := t.TempDir()
	start(filepath.Join(top, "new", "folder"))
	if left, err := os.ReadDir(top); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	n := newNode(t)
	n.start()
	n.stop()
	before := content(t, n.dir)
	start(n.dir)
	after := content(t, n.dir)
	for _, name := range []string{"node.key", "rpc.token", "smallnano.toml"} {
		if path := filepath.Join(n.dir, name); after[path] != before[path] || before[path] == "" {
			t.Errorf("%s was changed", name)
		}
	}
	n.verifyLedger()
}

// TestStopTwice sends the same signal twice, as happens to a group of processes:
// the node still ends in order.
func TestStopTwice(t *testing.T) {
	n := newNode(t)
	n.start()
	for range 2 {
		if err := n.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	n.wantEnd()
}

// TestAlone looks at a node that knows nobody: it says what to do.
func TestAlone(t *testing.T) {
	n := newNode(t)
	n.start()
	run(t, "status", "--data-dir", n.dir).want(t, 1, "not ready: a confirmation needs", "no address of a peer is known", "--peer HOST:PORT", "--enable-voting --voting-key dev-genesis")
}

// TestLog has a node write down all it can: each line is an object with what
// everybody looks for, the levels change while it runs, and no secret is in it.
func TestLog(t *testing.T) {
	key := testkit.Key(900)
	seed := key.Seed()
	n := newNode(t, "--enable-voting", "--voting-key", keyFile(t, key), "--log-level", "debug", "--log-format", "json")
	n.start()
	other := newNode(t, append([]string{"--peer", n.peering}, voting...)...)
	other.start()
	n.waitPeers(1)
	w := testkit.GenesisWallet(lattice.Dev())
	if err := n.process(w.Send(testkit.Account(1), lattice.AmountFrom(7))); err != nil {
		t.Fatal(err)
	}
	n.waitConfirmed(2)
	n.must("key_expand", object{"key": hex.EncodeToString(seed[:])})
	_, _ = n.call("no_such_action", object{"key": hex.EncodeToString(seed[:])})
	run(t, "rpc", "--data-dir", n.dir, "log_level", "levels=warn,peers=debug").want(t, 0)
	run(t, "rpc", "--data-dir", n.dir, "log_level", "levels=warn,pears=debug").want(t, 1, `the nearest is "peers"`)
	if got := n.must("log_level", nil)["levels"]; got != "warn,peers=debug" {
		t.Errorf("levels %v", got)
	}
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, waitLimit, "the levels of the settings are back", func() (bool, string) {
		got := n.must("log_level", nil)["levels"]
		return got == "debug", fmt.Sprint(got)
	})
	files := content(t, n.dir)
	n.stop()
	other.stop()
	text, err := os.ReadFile(n.log.Name())
	if err != nil {
		t.Fatal(err)
	}
	subsystems := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var o struct{ Time, Level, Msg, Subsystem string }
		if err := json.Unmarshal([]byte(line), &o); err != nil || o.Time == "" || o.Level == "" || o.Msg == "" {
			t.Errorf("%v: %s", err, line)
		}
		subsystems[o.Subsystem] = true
	}
	if !subsystems["peers"] || len(subsystems) < 3 {
		t.Errorf("subsystems %v", subsystems)
	}
	for what, secret := range map[string]string{
		"voting seed": hex.EncodeToString(seed[:]), "token": n.token, "node key": strings.TrimSpace(files[filepath.Join(n.dir, "node.key")]),
	} {
		if secret == "" || strings.Contains(strings.ToLower(string(text)), strings.ToLower(secret)) {
			t.Errorf("the %s is in the log", what)
		}
	}
}

// TestRestoredVoter restores the ledger of a representative: it says that it
// does not vote yet, also after another start.
func TestRestoredVoter(t *testing.T) {
	n := newNode(t, voting...)
	n.start()
	backup := filepath.Join(t.TempDir(), "backup")
	run(t, "backup", "--data-dir", n.dir, backup).want(t, 0)
	n.stop()
	run(t, "restore", "--data-dir", n.dir, backup).want(t, 0, "has forgotten what it voted for")
	for range 2 {
		n.start()
		o := run(t, "status", "--data-dir", n.dir)
		if !strings.Contains(o.out, "votes are held back until") {
			t.Errorf("status: %s", o.out)
		}
		n.stop()
	}
	n.verifyLedger()
}

// TestOperate joins a network and uses what keeps a node running.
func TestOperate(t *testing.T) {
	first := newNode(t, voting...)
	first.start()
	w := testkit.GenesisWallet(lattice.Dev())
	for range 5 {
		b := w.Send(testkit.Account(1), lattice.AmountFrom(7))
		if err := first.process(b); err != nil {
			t.Fatal(err)
		}
		w.Advance(b)
	}
	first.waitConfirmed(6)
	n := newNode(t, "--network", "dev", "--peer", first.peering)
	n.start()
	n.waitConfirmed(6)
	at := []string{"--data-dir", n.dir}
	var status outcome
	eventually(t, waitLimit, "the node is ready", func() (bool, string) {
		status = run(t, append([]string{"status"}, at...)...)
		return status.code == 0, status.out
	})
	backup := filepath.Join(t.TempDir(), "backup")
	for _, c := range []struct {
		command []string
		says    string
	}{
		{[]string{"status"}, "6 blocks, 6 confirmed"},
		{[]string{"top", "--count", "2", "--every", "100ms"}, "blocks=6"},
		{[]string{"doctor"}, "ok    node"},
		{[]string{"config", "show"}, "flag --data-dir"},
		{[]string{"config", "show", "--running"}, "flag --peer"},
		{[]string{"backup", backup}, "good (supply"},
	} {
		o := run(t, append(c.command, at...)...)
		o.want(t, 0)
		if !strings.Contains(o.out, c.says) {
			t.Errorf("%v: %s", c.command, o.out)
		}
	}
	n.stop()
	run(t, append([]string{"restore", backup}, at...)...).want(t, 0)
	n.start()
	if blocks, confirmed := n.counts(); blocks != 6 || confirmed != 6 {
		t.Errorf("restored: %d blocks, %d confirmed", blocks, confirmed)
	}
}

// family makes a network of one's own, and returns its file and the wallet that has
// everything.
func family(t *testing.T) (file string, network *lattice.Network, genesis *testkit.Wallet) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "family.toml")
	run(t, "network", "new", "--name", "family", file).want(t, 0)
	network, err := config.ReadNetwork(file)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := hex.DecodeString(strings.TrimSpace(readFile(t, file+".genesis-key")))
	if err != nil {
		t.Fatal(err)
	}
	genesis = testkit.NewWallet(network, crypto.NewPrivateKey(crypto.Seed(seed)))
	genesis.Info = testkit.GenesisInfo(network)
	return file, network, genesis
}

// TestPrivateNetwork makes a network and runs two nodes on it; one of another
// network is not taken in, and its ledger is refused.
func TestPrivateNetwork(t *testing.T) {
	file, _, w := family(t)
	run(t, "network", "new", file).want(t, 1, "is there already")
	run(t, "network", "new", "--id", "2", file+"2").want(t, 2, "want 16 to 254")
	first := newNode(t, "--network-file", file, "--enable-voting", "--voting-key", file+".genesis-key")
	first.start()
	second := newNode(t, "--network-file", file, "--peer", first.peering)
	second.start()
	first.waitPeers(1)
	second.waitPeers(1)
	if got := second.must("version", nil)["network"]; got != "family" {
		t.Errorf("network %v", got)
	}
	if err := second.process(w.Send(testkit.Account(1), lattice.AmountFrom(7))); err != nil {
		t.Fatal(err)
	}
	second.waitConfirmed(2)
	second.stop()
	run(t, "node", "run", "--data-dir", second.dir, "--peering-port", "0", "--rpc-port", "0").want(t, 1, "belongs to another network", "0x")
	run(t, "ledger", "check", "--data-dir", second.dir, "--network-file", file).want(t, 0)
	run(t, "config", "check", "--network-file", filepath.Join(second.dir, "node.key")).want(t, 2, "network file")
}

// TestShippedWeights has a network whose first representative is gone for ever. A
// node that joins cannot confirm anything and says why; with the weights that
// another node has written for it, it confirms everything.
func TestShippedWeights(t *testing.T) {
	if testing.Short() {
		t.Skip("starts five processes")
	}
	file, network, genesis := family(t)

	first := newNode(t, "--network-file", file, "--enable-voting", "--voting-key", file+".genesis-key")
	first.start()
	var others []*node
	for i := range 2 {
		n := newNode(t, "--network-file", file, "--enable-voting", "--voting-key", keyFile(t, representative(i+1)), "--peer", first.peering)
		for _, other := range others {
			n.args = append(n.args, "--peer", other.peering)
		}
		n.start()
		others = append(others, n)
	}
	for _, n := range append(others, first) {
		n.waitPeers(2)
	}
	blocks := uint64(1)
	process := func(b *lattice.Block) lattice.Hash {
		t.Helper()
		if err := first.process(b); err != nil {
			t.Fatal(err)
		}
		blocks++
		return network.HashOf(b)
	}
	for i := range 2 {
		rep := testkit.NewWallet(network, representative(i+1))
		amount := lattice.Supply.MulDiv(45, 100)
		b := genesis.Send(rep.Account(), amount)
		genesis.Advance(b)
		process(rep.Open(process(b), amount, rep.Account()))
	}
	for _, n := range append(others, first) {
		n.waitConfirmed(blocks)
	}
	first.kill()

	// Those that know how the weight was divided go on, those that join do not.
	late := testkit.NewWallet(network, testkit.Key(903))
	blocks += 2
	b := genesis.Send(late.Account(), lattice.AmountFrom(5))
	if err := others[0].process(b); err != nil {
		t.Fatal(err)
	}
	if err := others[0].process(late.Open(network.HashOf(b), lattice.AmountFrom(5), testkit.Account(5))); err != nil {
		t.Fatal(err)
	}
	for _, n := range others {
		n.waitConfirmed(blocks)
	}
	peers := []string{"--peer", others[0].peering, "--peer", others[1].peering}
	stuck := newNode(t, append([]string{"--network-file", file}, peers...)...)
	stuck.start()
	eventually(t, waitLimit, "a node without weights says why nothing is confirmed", func() (bool, string) {
		q, health := stuck.must("confirmation_quorum", nil), fmt.Sprint(stuck.must("health", nil)["reasons"])
		reasons, silent := fmt.Sprint(q["reasons"]), fmt.Sprint(q["silent"])
		return q["weights_from"] == "ledger" && strings.Contains(silent, genesis.Account().String()) && strings.Contains(reasons, "nothing was confirmed") &&
			strings.Contains(reasons, "network weights") && strings.Contains(health, "network weights") && fmt.Sprint(q["missing_stake_total"]) != "0", fmt.Sprint(q, health)
	})
	if _, confirmed := stuck.counts(); confirmed != 1 {
		t.Errorf("a node that the first representative is silent for has confirmed %d blocks", confirmed)
	}

	table := file + ".weights.toml"
	run(t, "network", "weights", "--data-dir", others[0].dir, "--network-file", file, table).want(t, 0)
	run(t, "network", "weights", "--data-dir", others[0].dir, "--network-file", file, table).want(t, 1, "is there already")
	run(t, "network", "weights", "--data-dir", stuck.dir, "--network-file", file, table+"2").want(t, 1, "are not confirmed")
	run(t, "network", "weights", "--data-dir", t.TempDir(), table+"2").want(t, 2, "is built in")
	fresh := newNode(t, "--network-file", table)
	fresh.start()
	eventually(t, waitLimit, "a node with weights reckons with them, and says so", func() (bool, string) {
		q, health := fresh.must("confirmation_quorum", nil), fmt.Sprint(fresh.must("health", nil)["reasons"])
		return q["weights_from"] == "network" && fmt.Sprint(q["weights_until"]) == fmt.Sprint(blocks) && fmt.Sprint(q["weights_confirmed"]) == "1" &&
			strings.Contains(health, "came with the network until "+fmt.Sprint(blocks)+" blocks are confirmed"), fmt.Sprint(q, health)
	})
	fresh.stop()
	fresh.args = append(fresh.args, peers...)
	fresh.start()
	fresh.waitConfirmed(blocks)
	eventually(t, waitLimit, "its own weights count, and are those of the others", func() (bool, string) {
		q, reps := fresh.must("confirmation_quorum", nil), fmt.Sprint(fresh.must("representatives", nil)["representatives"])
		return q["weights_from"] == "ledger" && reps == fmt.Sprint(others[0].must("representatives", nil)["representatives"]), fmt.Sprint(q, reps)
	})
	stuck.stop()
	stuck.args = append([]string{"--network-file", table}, peers...)
	stuck.start()
	stuck.waitConfirmed(blocks)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReport gathers what there is about a node, running and stopped; no secret
// is in it, not even when one stands in the log.
func TestReport(t *testing.T) {
	key := testkit.Key(901)
	seed := key.Seed()
	n := newNode(t)
	if err := os.WriteFile(filepath.Join(n.dir, "smallnano.toml"), []byte("enable_voting = true\nvoting_key = \""+keyFile(t, key)+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.start()
	id := strings.TrimSpace(readFile(t, filepath.Join(n.dir, "node.key")))
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("somebody wrote "+n.token+" and "+strings.ToUpper(hex.EncodeToString(seed[:]))+" here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(file string, want ...string) {
		t.Helper()
		run(t, "report", "--data-dir", n.dir, "--log", log, file).want(t, 0)
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		names := ""
		for r := tar.NewReader(z); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			names += h.Name + "\n"
			for what, secret := range map[string]string{"voting seed": hex.EncodeToString(seed[:]), "token": n.token, "node key": id} {
				if strings.Contains(strings.ToLower(string(data)), secret) {
					t.Errorf("the %s is in %s", what, h.Name)
				}
			}
			if strings.HasSuffix(h.Name, "/settings") && !strings.Contains(string(data), "enable_voting") {
				t.Errorf("settings: %s", data)
			}
			if strings.HasSuffix(h.Name, "/log") && !strings.Contains(string(data), "somebody wrote [taken out] and [taken out] here") {
				t.Errorf("log: %s", data)
			}
		}
		for _, name := range want {
			if !strings.Contains(names, "smallnano-report/"+name+"\n") {
				t.Errorf("%s is not among %s", name, names)
			}
		}
	}
	always := []string{"README", "settings", "version", "doctor", "status.json", "folder", "log"}
	file := filepath.Join(t.TempDir(), "report.tar.gz")
	check(file, append(always, "metrics", "rpc/health.json", "rpc/peers.json")...)
	run(t, "report", "--data-dir", n.dir, file).want(t, 1, "is there already")
	n.stop()
	check(file+"2", always...)
}
