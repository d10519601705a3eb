package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/crypto"
)

// child is a node that runs as a process of its own.
type child struct {
	number   int
	dir      string
	basePort int
	key      crypto.PrivateKey // of its representative
	command  *exec.Cmd
	client   *client
	ready    chan struct{} // closed when it says that it is ready
	ended    chan struct{} // closed when it is gone
	asked    bool          // to end
}

// newChild prepares the folder, the key and the command line of a node.
func (d *devnet) newChild(i int) (*child, error) {
	c := &child{
		number: i, dir: d.folder(i), basePort: d.flags.basePort + 2*i,
		ready: make(chan struct{}), ended: make(chan struct{}),
	}
	if err := makeFolder(c.dir); err != nil {
		return nil, err
	}
	keyFile := devGenesis
	if i > 0 {
		keyFile = filepath.Join(c.dir, "voting.key")
		if err := makeVotingKey(keyFile); err != nil {
			return nil, err
		}
	}
	var err error
	if c.key, err = votingKey(d.network, keyFile); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program to start it again: %w", err)
	}
	c.command = exec.Command(self, "node", "run", "--network", "dev", "--data-dir", c.dir,
		"--listen-address", "127.0.0.1", "--peering-port", strconv.Itoa(c.basePort),
		"--rpc-address", "127.0.0.1", "--rpc-port", strconv.Itoa(c.basePort+1),
		"--max-blocks-per-account", "0", "--enable-voting", "--voting-key", keyFile, "--peer", d.otherAddresses(i))
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SMALLNANO_") { // meant for one node, not for all of these
			c.command.Env = append(c.command.Env, v)
		}
	}
	c.command.SysProcAttr = childAttributes()
	return c, nil
}

// makeVotingKey makes the key of a representative if it is not there.
func makeVotingKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	var seed crypto.Seed
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("cannot make a voting key: %w", err)
	}
	if err := writeFile(path, hex.EncodeToString(seed[:])+"\n"); err != nil {
		return fmt.Errorf("cannot write a voting key: %w", err)
	}
	return nil
}

// otherAddresses returns where all nodes but one listen.
func (d *devnet) otherAddresses(but int) string {
	var others []string
	for i := range d.flags.nodes {
		if i != but {
			others = append(others, fmt.Sprintf("127.0.0.1:%d", d.flags.basePort+2*i))
		}
	}
	return strings.Join(others, ",")
}

func (c *child) peerAddress() string { return fmt.Sprintf("127.0.0.1:%d", c.basePort) }

func (c *child) logFile() string { return filepath.Join(c.dir, "log") }

// start starts the process. fail is called when it ends by itself.
func (c *child) start(fail context.CancelCauseFunc) error {
	log, err := os.OpenFile(c.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write the log of node %d: %w", c.number, err)
	}
	defer log.Close() // the process has a handle of its own
	c.command.Stderr = log
	out, err := c.command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("cannot start node %d: %w", c.number, err)
	}
	if err := c.command.Start(); err != nil {
		return fmt.Errorf("cannot start node %d: %w", c.number, err)
	}
	go func() {
		if bufio.NewScanner(out).Scan() { // it prints one line, when it is ready
			close(c.ready)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = c.command.Wait() // the state of the process tells how it ended
		close(c.ended)
		fail(fmt.Errorf("node %d ended: %s", c.number, c.why()))
	}()
	return nil
}

// waitReady waits until the node can be asked.
func (c *child) waitReady(ctx context.Context) error {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(startLimit):
		return fmt.Errorf("node %d was not ready within %v", c.number, startLimit)
	}
	found, err := clientOf(c.dir)
	if err != nil {
		return err
	}
	c.client = found
	return nil
}

// askToStop asks the process to end, if it has not ended by itself.
func (c *child) askToStop() {
	select {
	case <-c.ended:
	default:
		c.asked = true
		askToStop(c.command.Process)
	}
}

// end waits for the end of the process, or brings it about.
func (c *child) end(limit <-chan time.Time) error {
	select {
	case <-c.ended:
	case <-limit:
		kill(c.command.Process)
		<-c.ended
		return fmt.Errorf("node %d did not stop and was killed", c.number)
	}
	if code := c.command.ProcessState.ExitCode(); code > 0 && c.asked { // else it ended by the signal, or its end was told
		return fmt.Errorf("node %d did not stop in order: %s", c.number, c.why())
	}
	return nil
}

// why tells why the process ended, in the words of whoever started the network:
// what the node says names the flags that it was given here.
func (c *child) why() string {
	if c.command.ProcessState.ExitCode() < 0 {
		return "somebody killed its process, or the system did for want of memory"
	}
	said := strings.TrimPrefix(lastLine(c.logFile()), "smallnano node run: ")
	return strings.NewReplacer(
		"--peering-port or --rpc-port", "--base-port", "--peering-port", "--base-port", "--rpc-port", "--base-port", "--data-dir", "--dir",
	).Replace(said)
}

// lastLine returns the last line of a file.
func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// nodeStatus is what the table shows of a node.
type nodeStatus struct {
	Peers             int
	Blocks, Confirmed uint64
}

// status asks a node how it is.
func (c *child) status(ctx context.Context) (s nodeStatus, err error) {
	var count struct {
		Count    uint64 `json:",string"`
		Cemented uint64 `json:",string"`
	}
	if err := c.client.ask(ctx, "block_count", nil, &count); err != nil {
		return s, err
	}
	var peers struct{ Peers map[string]any }
	if err := c.client.ask(ctx, "peers", nil, &peers); err != nil {
		return s, err
	}
	return nodeStatus{len(peers.Peers), count.Count, count.Cemented}, nil
}
