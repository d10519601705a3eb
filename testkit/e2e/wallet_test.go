package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// cli runs commands about the wallets of a node.
type cli struct {
	*node
}

// run runs a command with secrets on file descriptor 3, a line each, and
// returns how it ended.
func (c cli) run(secrets []string, args ...string) outcome {
	c.t.Helper()
	return c.alone(secrets, append(args, "--data-dir", c.dir)...)
}

// alone is run for a command that asks no node.
func (c cli) alone(secrets []string, args ...string) outcome {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = environ()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	read, write, err := os.Pipe()
	if err != nil {
		c.t.Fatal(err)
	}
	defer read.Close()
	if _, err := write.WriteString(strings.Join(append(secrets, ""), "\n")); err != nil {
		c.t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		c.t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{read}
	failed := cmd.Run()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) || ctx.Err() != nil {
		c.t.Fatalf("smallnano %s: %v\n%s", strings.Join(args, " "), failed, said.String())
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(said.String(), secret) {
			c.t.Errorf("smallnano %s repeats a secret", strings.Join(args, " "))
		}
	}
	return outcome{out.String(), said.String(), cmd.ProcessState.ExitCode()}
}

// json is run for a command that must succeed, with its result read.
func (c cli) json(secrets []string, args ...string) object {
	c.t.Helper()
	o := c.run(secrets, append(args, "--json")...)
	o.want(c.t, 0)
	var result object
	if err := json.Unmarshal([]byte(o.out), &result); err != nil {
		c.t.Fatalf("smallnano %s: %v: %q, %q", strings.Join(args, " "), err, o.out, o.err)
	}
	return result
}

// text is json for one member of the result.
func (c cli) text(name string, secrets []string, args ...string) string {
	c.t.Helper()
	return fmt.Sprint(c.json(secrets, args...)[name])
}

// balance returns confirmed balance and receivable amount of a wallet, in raw.
func (c cli) balance(label string) (string, string) {
	c.t.Helper()
	o := c.json(nil, "wallet", "balance", "--wallet", label)
	return fmt.Sprint(o["balance"]), fmt.Sprint(o["receivable"])
}

// waitBalance waits for a wallet to have so much.
func (c cli) waitBalance(label, balance, receivable string) {
	c.t.Helper()
	eventually(c.t, waitLimit, fmt.Sprintf("%s has %s and %s to receive", label, balance, receivable), func() (bool, string) {
		b, r := c.balance(label)
		return b == balance && r == receivable, b + " and " + r
	})
}

// fundFrom pays from the genesis account by hand.
func fundFrom(n *node, g *testkit.Wallet, to string, amount lattice.Amount) {
	n.t.Helper()
	account, err := lattice.ParseAccount(to)
	if err != nil {
		n.t.Fatal(err)
	}
	b := g.Send(account, amount)
	if err := n.process(b); err != nil {
		n.t.Fatal(err)
	}
	g.Advance(b)
}

// smn is an amount of whole smn.
func smn(n uint64) lattice.Amount {
	return lattice.MustAmount("1000000000000000000000000").MulDiv(n, 1)
}

// TestWallets has two wallets on two nodes pay each other by the commands that
// people use, restarts a node, and brings a wallet back from its words on the
// third: the same accounts, the same balances, also the account that only has
// money that nobody has received.
func TestWallets(t *testing.T) {
	g := testkit.GenesisWallet(lattice.Dev())
	nodes := make([]cli, 3)
	for i := range nodes {
		n := newNode(t)
		if i == 0 {
			n.args = voting
		}
		for _, other := range nodes[:i] {
			n.args = append(n.args, "--peer", other.peering)
		}
		n.start()
		nodes[i] = cli{n}
	}
	a, b, c := nodes[0], nodes[1], nodes[2]

	first := a.text("account", []string{"alpha"}, "wallet", "new", "--label", "first", "--password-fd", "3")
	made := b.json([]string{"beta"}, "wallet", "new", "--label", "second", "--password-fd", "3")
	second, words := fmt.Sprint(made["account"]), fmt.Sprint(made["words"])
	if n := len(strings.Fields(words)); n != 24 {
		t.Fatalf("%d words", n)
	}
	fundFrom(a.node, g, first, smn(10))
	a.waitBalance("first", smn(10).Raw(), "0")

	pay := []string{"wallet", "send", "--from", first, "--id", "rent", second, "4"}
	block := a.text("block", nil, pay...)
	if again := a.text("block", nil, pay...); again != block {
		t.Errorf("the same id made %s and %s", block, again)
	}
	pay[len(pay)-1] = "5"
	a.run(nil, pay...).want(t, 1, "already used with other parameters")
	b.waitBalance("second", smn(4).Raw(), "0")
	b.text("block", nil, "wallet", "send", "--wallet", "second", "smn:"+first+"?amount="+smn(1).Raw())
	a.waitBalance("first", smn(7).Raw(), "0")
	b.waitBalance("second", smn(3).Raw(), "0")

	// An account some indices further that gets money while the wallet is locked.
	later := b.json(nil, "account", "new", "--index", "11")["accounts"].([]any)[0].(string)
	b.run(nil, "wallet", "lock").want(t, 0)
	a.text("block", nil, "wallet", "send", later, "0.5")
	half := smn(1).MulDiv(1, 2).Raw()
	b.waitBalance("second", smn(3).Raw(), half)
	b.run([]string{"epsilon"}, "wallet", "send", "--password-fd", "3", first, "1").want(t, 4, "wrong password")
	b.run([]string{"beta"}, "wallet", "send", "--from", second, "--password-fd", "3", first, "1000000").want(t, 5, "Insufficient balance")
	b.run(nil, "wallet", "lock").want(t, 0)

	b.stop()
	b.start()
	if balance, waits := b.balance("second"); balance != smn(3).Raw() || waits != half {
		t.Errorf("after a restart the wallet has %s and %s to receive", balance, waits)
	}
	want := b.json(nil, "wallet", "balance")["accounts"]
	c.waitPeers(2)
	eventually(t, waitLimit, "the third node knows the gift", func() (bool, string) {
		o := c.must("account_balance", object{"account": later})
		return o["receivable"] == half, fmt.Sprint(o)
	})
	o := c.json([]string{words, "gamma"}, "wallet", "restore", "--no-auto-receive", "--password-fd", "3", "--words-fd", "3")
	if o["account"] != second || o["restored_count"] != "2" {
		t.Errorf("restored: %v", o)
	}
	if got := c.json(nil, "wallet", "balance")["accounts"]; !reflect.DeepEqual(got, want) {
		t.Errorf("the restored wallet has\n%v\nwant\n%v", got, want)
	}
	c.run([]string{words[:strings.LastIndex(words, " ")], "gamma"}, "wallet", "restore", "--password-fd", "3", "--words-fd", "3").want(t, 1, "Invalid words")

	walletUpkeep(t, b, words, first)
	offlinePayment(t, a, b, words, second, first)
}

// walletUpkeep tries out what is not about money.
func walletUpkeep(t *testing.T, b cli, words, other string) {
	b.run([]string{"beta", "delta"}, "wallet", "change-password", "--password-fd", "3").want(t, 0)
	b.run([]string{"beta"}, "wallet", "unlock", "--password-fd", "3").want(t, 4, "wrong password")
	if got := b.text("words", []string{"delta"}, "wallet", "backup", "--words", "--password-fd", "3"); got != words {
		t.Error("the backup shows other words")
	}
	backup := filepath.Join(t.TempDir(), "backup.json")
	b.run(nil, "wallet", "backup", backup).want(t, 0)
	b.run(nil, "wallet", "backup", backup).want(t, 1, "is there already")
	b.run([]string{"beta"}, "wallet", "restore", "--backup", backup, "--label", "copy", "--password-fd", "3").want(t, 4, "Invalid password")
	before := b.json(nil, "wallet", "balance", "--wallet", "second")["accounts"]
	b.run([]string{"delta"}, "wallet", "restore", "--backup", backup, "--label", "copy", "--password-fd", "3").want(t, 0)
	if got := b.json(nil, "wallet", "balance", "--wallet", "copy")["accounts"]; len(got.([]any)) != len(before.([]any)) {
		t.Errorf("the wallet of the backup has\n%v\nwant the accounts of\n%v", got, before)
	}
	if o := b.run(nil, "wallet", "history", "--wallet", "second", "--json"); !strings.Contains(o.out, `"type": "send"`) || !strings.Contains(o.out, `"type": "receive"`) {
		t.Errorf("history: %s", o.out)
	}
	b.run(nil, "wallet", "watch", "--label", "eye", other).want(t, 0)
	b.run(nil, "wallet", "send", "--wallet", "eye", "--from", other, other, "1").want(t, 1, "only watched")
	o := b.run(nil, "wallet", "receive", "--wallet", "second", "1.5")
	o.want(t, 0)
	if !strings.Contains(o.out, "?amount="+smn(3).MulDiv(1, 2).Raw()) || !strings.Contains(o.out, "█") {
		t.Errorf("receive: %s", o.out)
	}
	genesis := lattice.Dev().Genesis.Account.String()
	b.run([]string{"delta"}, "wallet", "representative", "--wallet", "second", "--password-fd", "3", genesis).want(t, 0)
	for _, label := range []string{"copy", "second"} { // both have the keys: one is enough
		b.run(nil, "wallet", "lock", "--wallet", label).want(t, 0)
	}
}

// offlinePayment pays with a key that is not on any node: a file goes from one
// side to the other.
func offlinePayment(t *testing.T, a, b cli, words, from, to string) {
	dir := t.TempDir()
	prepared, signed := filepath.Join(dir, "prepared"), filepath.Join(dir, "signed")
	before := a.must("account_balance", object{"account": to})
	eventually(t, waitLimit, "both nodes have the same newest block", func() (bool, string) {
		here, there := a.must("account_info", object{"account": from}), b.must("account_info", object{"account": from})
		return here["frontier"] == there["frontier"], fmt.Sprint(here, there)
	})
	b.run(nil, "block", "create", "--out", prepared, "send", from, to, "1").want(t, 0)
	sign := func(code int, args ...string) string {
		t.Helper()
		cmd := append([]string{"block", "sign"}, args...)
		o := b.alone([]string{words}, append(cmd, "--words-fd", "3", "--out", signed, prepared)...)
		if o.code != code { // it shows the block, also when it does not sign
			t.Errorf("exit code %d, want %d: %s", o.code, code, o.err)
		}
		return o.err
	}
	b.run(nil, "block", "publish", prepared).want(t, 1, "is not signed")
	sign(2) // nobody says yes
	if said := sign(0, "--yes"); !strings.Contains(said, "sends           1 smn") || !strings.Contains(said, to) {
		t.Errorf("it does not show what it signs: %s", said)
	}
	hash := a.text("hash", nil, "block", "publish", signed)
	if again := b.text("hash", nil, "block", "publish", signed); again != hash {
		t.Errorf("published as %s and %s", hash, again)
	}
	b.run(nil, "block", "create", "send", from, to, "1000000").want(t, 5)
	eventually(t, waitLimit, "the payment has arrived", func() (bool, string) {
		now := a.must("account_balance", object{"account": to})
		return fmt.Sprint(now["balance"]) > fmt.Sprint(before["balance"]), fmt.Sprint(now)
	})
}

// TestWalletSection runs what the README shows of wallets, line by line.
func TestWalletSection(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Wallets\n")
	section, _, _ = strings.Cut(section, "\n## ")
	n := newNode(t, voting...)
	n.start()
	dir := t.TempDir()
	ran := 0
	for line := range strings.Lines(section) {
		command, is := strings.CutPrefix(strings.TrimSpace(line), "bin/smallnano ")
		if !found || !is {
			continue
		}
		ran++
		args := strings.Fields(command)
		for i := range args {
			switch args[i] {
			case ".devnet/mine":
				args[i] = n.dir
			case "savings.json":
				args[i] = filepath.Join(dir, args[i])
			}
		}
		if args[1] == "new" {
			args = append(args, "--password-fd", "3") // a person is asked
		}
		o := cli{n}.alone([]string{"a password"}, args...)
		o.want(t, 0)
		if o.out == "" && args[1] != "history" {
			t.Errorf("%s: prints nothing", command)
		}
	}
	if ran != 7 {
		t.Errorf("%d commands in the section, want 7", ran)
	}
	eventually(t, waitLimit, "the money has arrived", func() (bool, string) {
		o := cli{n}.run(nil, "wallet", "balance")
		return strings.Contains(o.out, "1.5"), o.out
	})
	for _, command := range []string{"wallet list", "account list", "wallet representative", "account info " + lattice.Dev().Genesis.Account.String()} {
		for _, form := range []string{"", " --json"} {
			cli{n}.run(nil, strings.Fields(command+form)...).want(t, 0)
		}
	}
}

// TestBenchRPC sees that the measuring works; the figures of so short a run mean
// nothing.
func TestBenchRPC(t *testing.T) {
	o := run(t, "bench", "rpc", "--blocks", "600", "--accounts", "100", "--clients", "2", "--duration", "100ms", "--json")
	o.want(t, 0)
	var got struct {
		Actions []struct {
			Action           string
			Requests, Failed int
			PerSecond        float64 `json:"requests_per_second"`
		}
	}
	if err := json.Unmarshal([]byte(o.out), &got); err != nil || len(got.Actions) != 3 {
		t.Fatalf("%v: %s", err, o.out)
	}
	for _, a := range got.Actions {
		if a.Requests == 0 || a.Failed > 0 || a.PerSecond <= 0 {
			t.Errorf("%+v", a)
		}
	}
}
