package e2e

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire"
)

// actorHealth is what health says of the actors of a node, by path.
func (n *node) actorHealth() map[string]object {
	n.t.Helper()
	all, err := n.tryHealth()
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

func (n *node) tryHealth() (map[string]object, error) {
	answer, err := n.call("health", nil)
	if err != nil {
		return nil, err
	}
	all := map[string]object{}
	for _, a := range answer["actors"].([]any) {
		actor := a.(object)
		path := fmt.Sprint(actor["name"])
		if parent, ok := actor["parent"]; ok {
			path = fmt.Sprint(parent, "/", path)
		}
		all[path] = actor
	}
	return all, nil
}

// TestActorFailures makes every actor of a node fail in turn while transfers go
// on through it and through another one. Each must come back, health must tell,
// and nothing be lost.
func TestActorFailures(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	c := newCluster(t)
	n := c.nodes[0]
	var wait sync.WaitGroup
	over := make(chan struct{})
	streams := make([]*stream, 2)
	for i := range streams {
		s := &stream{node: c.nodes[i], wallet: c.fund(testkit.Key(100+i), lattice.AmountFrom(1_000_000)), first: 100_000 * (i + 1)}
		streams[i] = s
		wait.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-over:
					return
				default:
				}
				s.first += 10
				if err := s.run(5, s.answering); err != nil {
					t.Errorf("through node %d: %v", i, err)
					return
				}
				// Not faster than the network confirms, or the test ends with a backlog.
				before := s.count()
				if !c.nodes[1].confirmsAccount(s.wallet) {
					t.Errorf("the %d blocks through node %d are not confirmed", before, i)
					return
				}
			}
		})
	}
	for path, before := range n.actorHealth() {
		if path == "node" || before["parent"] == "node/peers" {
			continue // the root, and connections: those end and others come
		}
		n.failActor(path, before)
	}
	close(over)
	wait.Wait()
	for _, s := range streams {
		c.blocks += uint64(s.count())
		t.Logf("%d blocks meanwhile", s.count())
	}
	c.waitConfirmed()
	c.wantEqual()
	c.stopAndVerify()
}

// failActor makes an actor fail and waits until it is back.
func (n *node) failActor(path string, before object) {
	n.t.Helper()
	// An answer that breaks off is the gateway's own failure.
	if _, err := n.call("debug_fail_actor", object{"actor": path}); err != nil && path != "node/rpc_gateway" {
		n.t.Fatal(err)
	}
	restarts := n.number(before, "restarts")
	eventually(n.t, waitLimit, path+" is restarted", func() (bool, string) {
		all, err := n.tryHealth()
		if err != nil {
			return false, err.Error()
		}
		now := all[path]
		failure, ok := now["last_failure"].(object)
		return n.number(now, "restarts") > restarts && now["state"] == "running" && ok && failure["text"] != "", fmt.Sprint(now)
	})
}

// TestConnectionFailures makes the actors of connections fail: others must be
// made.
func TestConnectionFailures(t *testing.T) {
	c := newCluster(t)
	for path, actor := range c.nodes[0].actorHealth() {
		if actor["parent"] != "node/peers" {
			continue
		}
		if _, err := c.nodes[0].call("debug_fail_actor", object{"actor": path}); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range c.nodes {
		n.waitPeers(2)
	}
	c.transfers(0, 3)
	c.wantEqual()
}

// TestHostileFrames connects to a node and sends what no honest peer does. Each
// time the connection must be closed; nothing else may change.
func TestHostileFrames(t *testing.T) {
	c := newCluster(t)
	dev := lattice.Dev()
	handshake, err := wire.Append(nil, dev.ID, &wire.Handshake{Cookie: wire.Cookie{1}, Genesis: dev.GenesisHash, PeeringPort: 1})
	if err != nil {
		t.Fatal(err)
	}
	send := testkit.GenesisWallet(dev).Send(testkit.Account(1), lattice.AmountFrom(1))
	publish, err := wire.Append(nil, dev.ID, &wire.Publish{Block: *send})
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int, to byte) []byte {
		b := append([]byte(nil), handshake...)
		b[at] = to
		return b
	}
	oversized := append([]byte(nil), handshake...)
	binary.LittleEndian.PutUint16(oversized[6:], 0xffff)
	next := 0
	for _, h := range []struct {
		name  string
		bytes []byte
		hold  bool // keep the connection open after the bytes: the node has to close it
	}{
		{"garbage", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), true},
		{"other network", changed(2, byte(lattice.BetaID)), true},
		{"other version", changed(3, 99), true},
		{"unknown type", changed(4, 0xee), true},
		{"flags", changed(5, 1), true},
		{"oversized", append(oversized, make([]byte, 70_000)...), true},
		{"length of another type", changed(6, 1), true},
		{"zeros", make([]byte, 4096), true},
		{"truncated header", handshake[:5], false},
		{"truncated body", handshake[:20], false},
		{"silence", nil, true},
		{"half a handshake", handshake[:20], true},
		{"block before the handshake", publish, true},
		{"other genesis", mustFrame(t, dev, &wire.Handshake{Cookie: wire.Cookie{1}, Genesis: lattice.Hash{1}, PeeringPort: 1}), true},
		{"handshake twice", append(append([]byte(nil), handshake...), handshake...), true},
	} {
		for _, n := range c.nodes[:1] {
			wantClosed(t, n, h.name, h.bytes, h.hold)
		}
		c.transfers(next, 1)
		next++
	}
	for _, n := range c.nodes {
		n.waitPeers(2)
	}
	for path, a := range c.nodes[0].actorHealth() {
		if c.nodes[0].number(a, "restarts") > 0 {
			t.Errorf("%s failed: %v", path, a["last_failure"])
		}
	}
	c.wantEqual()
	c.stopAndVerify()
}

func mustFrame(t *testing.T, n *lattice.Network, m wire.Message) []byte {
	t.Helper()
	f, err := wire.Append(nil, n.ID, m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// closeLimit is how long a node may keep a connection that is good for nothing:
// the limit of a handshake and some.
const closeLimit = slowness * 15 * time.Second

// wantClosed sends bytes and waits until the node closes the connection.
func wantClosed(t *testing.T, n *node, name string, bytes []byte, hold bool) {
	t.Helper()
	conn, err := net.Dial("tcp", n.peering)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(closeLimit))
	_, _ = conn.Write(bytes) // the node may close before it has all
	if !hold {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	began := time.Now()
	buf := make([]byte, 4096)
	for {
		if _, err := conn.Read(buf); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Errorf("%s: the connection is open after %v", name, closeLimit)
			}
			t.Log(name + " was cut after " + strconv.FormatInt(time.Since(began).Milliseconds(), 10) + " ms")
			return
		}
	}
}
