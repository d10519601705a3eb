package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire/rpc"
)

// waitLimit is how long a condition may take to come true.
const waitLimit = slowness * 60 * time.Second

// node is one "node run".
type node struct {
	t     *testing.T
	dir   string
	args  []string // beside folder and addresses
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}

	peering, url, token string

	prefix []string             // of the command: puts the process somewhere else
	attr   *syscall.SysProcAttr // likewise
	client *http.Client         // reaches it there; nil: the usual one
}

// newNode prepares a node on an empty folder.
func newNode(t *testing.T, args ...string) *node {
	return &node{t: t, dir: t.TempDir(), args: args}
}

// start starts the node on ports that are free and waits until it is ready.
func (n *node) start() {
	n.t.Helper()
	log, err := os.CreateTemp(n.t.TempDir(), "log-*")
	if err != nil {
		n.t.Fatal(err)
	}
	n.log = log
	command := append(slices.Clone(n.prefix), program, "node", "run", "--data-dir", n.dir,
		"--listen-address", "127.0.0.1", "--peering-port", "0", "--rpc-port", "0")
	command = append(command, n.args...)
	n.cmd = exec.Command(command[0], command[1:]...)
	n.cmd.Env, n.cmd.Stderr, n.cmd.SysProcAttr = environ(), log, n.attr
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	line := make(chan string, 1)
	ended := make(chan struct{})
	n.ended = ended
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- text
		_, _ = io.Copy(io.Discard, out)
		_ = n.cmd.Wait()
		close(ended)
	}()
	n.t.Cleanup(func() {
		if n.t.Failed() {
			n.showLog()
		}
		_ = n.cmd.Process.Kill()
		<-n.ended
	})
	select {
	case text := <-line:
		n.findAddresses(text)
	case <-time.After(waitLimit):
		n.t.Fatalf("not ready after %v", waitLimit)
	}
}

var readyLine = regexp.MustCompile(`^smallnano node ready: network \w+, peers (\S+), rpc (\S+), data (.*)\n$`)

func (n *node) findAddresses(line string) {
	n.t.Helper()
	m := readyLine.FindStringSubmatch(line)
	if m == nil || m[3] != n.dir {
		n.t.Fatalf("first line is %q", line)
	}
	token, err := os.ReadFile(filepath.Join(n.dir, "rpc.token"))
	if err != nil {
		n.t.Fatal(err)
	}
	n.peering, n.url, n.token = m[1], m[2], strings.TrimSpace(string(token))
}

// showLog shows the end of what the node said.
func (n *node) showLog() {
	text, _ := os.ReadFile(n.log.Name())
	n.t.Logf("end of the log of %s:\n%s", n.dir, text[max(0, len(text)-4000):])
}

// kill ends the process at once, as if power was lost to it alone.
func (n *node) kill() {
	n.t.Helper()
	if err := n.cmd.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	<-n.ended
}

// stop asks the process to end and checks that it did so in order.
func (n *node) stop() {
	n.t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Fatal(err)
	}
	n.wantEnd()
}

// wantEnd waits for the end of the process, which must be a good one.
func (n *node) wantEnd() {
	n.t.Helper()
	select {
	case <-n.ended:
	case <-time.After(waitLimit):
		n.t.Fatalf("did not stop within %v", waitLimit)
	}
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		n.showLog()
		n.t.Errorf("%s: exit code %d, want 0", n.dir, code)
	}
}

// object is a JSON object.
type object = map[string]any

// call asks an action. The error is that of the transport, or the text of the
// answer's error.
func (n *node) call(action string, params object) (object, error) {
	body := maps.Clone(params)
	if body == nil {
		body = object{}
	}
	body["action"] = action
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), waitLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+n.token)
	client := n.client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if fault, ok := answer["error"]; ok {
		return answer, fmt.Errorf("%s: %v: %v", action, fault, answer["detail"])
	}
	return answer, nil
}

// must is call without an error.
func (n *node) must(action string, params object) object {
	n.t.Helper()
	answer, err := n.call(action, params)
	if err != nil {
		n.t.Fatal(err)
	}
	return answer
}

// number reads a number of an answer.
func (n *node) number(o object, name string) uint64 {
	n.t.Helper()
	v, err := strconv.ParseUint(fmt.Sprint(o[name]), 10, 64)
	if err != nil {
		n.t.Fatalf("%s is %v", name, o[name])
	}
	return v
}

// process hands a block to the node.
func (n *node) process(b *lattice.Block) error {
	_, err := n.processAnswer(b)
	return err
}

// processAnswer is process with the answer, nil when there is none.
func (n *node) processAnswer(b *lattice.Block) (object, error) {
	return n.call("process", object{"json_block": true, "block": json.RawMessage(rpc.EncodeBlock(b))})
}

// counts returns how many blocks there are and how many are confirmed.
func (n *node) counts() (blocks, confirmed uint64) {
	n.t.Helper()
	o := n.must("block_count", nil)
	return n.number(o, "count"), n.number(o, "cemented")
}

// waitConfirmed waits until the node has confirmed so many blocks.
func (n *node) waitConfirmed(count uint64) {
	n.t.Helper()
	if !n.confirms(count, waitLimit) {
		n.t.Fatalf("after %v not confirmed: block %d; %s", waitLimit, count, n.state())
	}
}

// confirms reports whether the node confirms so many blocks in time.
func (n *node) confirms(count uint64, limit time.Duration) bool {
	n.t.Helper()
	_, seq := n.counts()
	for over := time.Now().Add(limit); seq < count && time.Now().Before(over); {
		answer := n.must("confirmations_since", object{"seq": seq, "count": 1000, "wait_ms": 5000})
		seq = n.number(answer, "seq")
	}
	return seq >= count
}

// state is what the ledger of a node holds, in a line.
func (n *node) state() string {
	o := n.must("block_count", nil)
	return fmt.Sprintf("%s: %v blocks, %v confirmed, %v unchecked", n.dir, o["count"], o["cemented"], o["unchecked"])
}

// waitPeers waits until the node has so many peers.
func (n *node) waitPeers(count int) {
	n.t.Helper()
	eventually(n.t, waitLimit, fmt.Sprintf("%d peers", count), func() (bool, string) {
		peers := n.must("peers", nil)["peers"].(object)
		return len(peers) == count, fmt.Sprint(peers)
	})
}

// frontiers returns the newest block of every account.
func (n *node) frontiers() object {
	n.t.Helper()
	all, account := object{}, lattice.Account{}.String()
	for {
		answer := n.must("frontiers", object{"account": account, "count": 500})
		maps.Copy(all, answer["frontiers"].(object))
		next, more := answer["next"].(string)
		if !more {
			return all
		}
		account = next
	}
}

// verifyLedger checks the ledger of a stopped node from end to end.
func (n *node) verifyLedger() {
	n.t.Helper()
	network := lattice.Dev()
	store, err := storage.Open(filepath.Join(n.dir, "ledger.db"), storage.Options{Network: network})
	if err != nil {
		n.t.Fatal(err)
	}
	defer store.Close()
	err = store.View(func(r storage.Reader) error { return storage.Verify(network, r) })
	if err != nil {
		n.t.Errorf("%s: %v", n.dir, err)
	}
}

// keyFile writes the seed of a representative.
func keyFile(t *testing.T, key crypto.PrivateKey) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "voting.key")
	seed := key.Seed()
	if err := os.WriteFile(path, []byte(hex.EncodeToString(seed[:])+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
