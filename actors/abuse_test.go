package actors_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire"
)

// handshaken connects to a node as a peer of the given key.
func handshaken(t *testing.T, to netip.AddrPort, key crypto.PrivateKey) (*wire.Conn, error) {
	t.Helper()
	raw, err := net.Dial("tcp", to.String())
	if err != nil {
		return nil, err
	}
	c := wire.NewConn(raw, lattice.DevID)
	h := wire.NewDialer(wire.HandshakeConfig{Network: lattice.Dev(), NodeKey: key}, wire.Cookie(key.Public()))
	if _, err := c.Handshake(h, time.Now().Add(5*time.Second)); err != nil {
		_ = c.Close()
		return nil, err
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, nil
}

// peered waits until all nodes of a cluster are connected with each other.
func (c *cluster) peered() {
	c.t.Helper()
	for i, n := range c.nodes {
		until(c.t, fmt.Sprintf("peers of node %d", i), 20*time.Second, func() bool { return len(n.Backend().Peers()) >= len(c.nodes)-1 })
	}
}

// transfers sends so often and waits each time until all nodes have confirmed
// it. It returns the mean time.
func (c *cluster) transfers(from *testkit.Wallet, confirmed *uint64, count int) time.Duration {
	c.t.Helper()
	began := time.Now()
	for i := range count {
		send := from.Send(testkit.Account(5000+i), lattice.AmountFrom(1))
		from.Advance(send)
		c.process(c.nodes[i%len(c.nodes)].Backend(), send)
		*confirmed++
		c.cemented(*confirmed)
	}
	return time.Since(began) / time.Duration(count)
}

// Two hundred connections that send garbage and fifty that never read, against
// one node of three: transfers go on being confirmed, nothing grows, and when it
// is over the node still takes a new peer.
func TestFloodOfConnections(t *testing.T) {
	c := &cluster{t: t}
	n := lattice.Dev()
	victim := c.start(testkit.GenesisKey(n))
	c.start()
	c.start()
	c.peered()
	genesis, confirmed := testkit.GenesisWallet(n), uint64(1)
	calm := c.transfers(genesis, &confirmed, 10)

	rng := rand.New(rand.NewPCG(1, 1))
	var open []net.Conn
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", victim.PeeringAddress().String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
		return conn
	}
	t.Cleanup(func() {
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	for range 200 {
		garbage := make([]byte, 1+rng.IntN(400))
		for i := range garbage {
			garbage[i] = byte(rng.Uint32())
		}
		_, _ = dial().Write(garbage) // it may be closed already
	}
	asking := 0
	for i := range 50 { // ask for what is long, and read nothing
		peer, err := handshaken(t, victim.PeeringAddress(), testkit.Key(7000+i))
		if err != nil {
			continue // no slot is left: as it should be
		}
		asking++
		frame, err := wire.Append(nil, n.ID, &wire.FrontierReq{ID: 1, Count: wire.MaxFrontiers})
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if peer.WriteFrame(frame, time.Now().Add(time.Second)) != nil {
				break
			}
		}
	}
	attacked := c.transfers(genesis, &confirmed, 10)
	t.Logf("a confirmation took %v in peace, %v under attack (%.1f times as long), %d slow readers got in", calm, attacked, float64(attacked)/float64(calm), asking)
	c.bounded(victim)
	for _, conn := range open {
		_ = conn.Close()
	}
	until(t, "room for an honest peer", 20*time.Second, func() bool {
		peer, err := handshaken(t, victim.PeeringAddress(), testkit.Key(9000))
		if err == nil {
			_ = peer.Close()
		}
		return err == nil
	})
}

// bounded checks that a node holds no more connections and bytes than it may.
func (c *cluster) bounded(n *actors.Node) {
	c.t.Helper()
	cfg := actors.DefaultConfig(lattice.Dev()).Peering
	if got, most := len(n.Backend().Peers()), cfg.MaxInbound+cfg.MaxOutbound; got > most {
		c.t.Errorf("%d connections, want at most %d", got, most)
	}
	peerActors := 0
	for _, a := range n.Backend().Health().Actors {
		if a.Parent == "node/peers" {
			peerActors++
		}
		if a.Mailbox.Depth > a.Mailbox.Capacity+8192 {
			c.t.Errorf("mailbox of %s holds %d, want at most %d", a.Name, a.Mailbox.Depth, a.Mailbox.Capacity)
		}
	}
	if most := 2 * (cfg.MaxInbound + cfg.MaxOutbound); peerActors > most { // those that end included
		c.t.Errorf("%d actors of connections, want at most %d", peerActors, most)
	}
}

// A handshake that is not finished is cut off in time.
func TestHalfOpenHandshakeTimesOut(t *testing.T) {
	c := &cluster{t: t}
	node := c.start()
	conn, err := net.Dial("tcp", node.PeeringAddress().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	if err := conn.SetReadDeadline(began.Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatalf("not cut off after %v: %v", time.Since(began), err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("cut off after %v, want 5 s", took)
	}
	if peers := node.Backend().Peers(); len(peers) != 0 {
		t.Errorf("it became a peer: %+v", peers)
	}
}

// Who breaks the rules is cut off each time, and banned when it goes on: then
// its handshake is refused.
func TestBannedPeerIsRefused(t *testing.T) {
	c := &cluster{t: t}
	node := c.start()
	key := testkit.Key(7777)
	refused := false
	for range 10 {
		peer, err := handshaken(t, node.PeeringAddress(), key)
		if err != nil {
			refused = true
			break
		}
		if _, _, err := peer.ReadFrame(nil, time.Now().Add(10*time.Second)); err != nil { // the first thing that a peer is told
			refused = true
			break
		}
		bad := []byte{'S', 'N', byte(lattice.DevID), 99, 3, 0, 0, 0} // a version that is none
		if err := peer.WriteFrame(bad, time.Now().Add(time.Second)); err != nil {
			refused = true
			break
		}
		var end error
		for end == nil {
			_, _, end = peer.ReadFrame(nil, time.Now().Add(10*time.Second))
		}
		_ = peer.Close()
		until(t, "the connection to be gone", 10*time.Second, func() bool { return len(node.Backend().Peers()) == 0 })
	}
	if !refused {
		t.Error("still let in after ten offences")
	}
	until(t, "the ban to be counted", time.Minute, func() bool { return node.Backend().Health().Network.Bans == 1 })
	if _, err := handshaken(t, node.PeeringAddress(), testkit.Key(7778)); err != nil {
		t.Errorf("another node at the same address was refused: %v", err)
	}
}

// countedLimits is the real time in which no handshake takes too long; it counts the
// time limits that somebody could still run into.
type countedLimits struct {
	supervise.RealClock
	set, live *atomic.Int64
}

// AfterFunc implements supervise.Clock.
func (c countedLimits) AfterFunc(d time.Duration, f func()) func() bool {
	if d != wire.HandshakeTimeout {
		return c.RealClock.AfterFunc(d, f)
	}
	c.set.Add(1)
	c.live.Add(1)
	return sync.OnceValue(func() bool { c.live.Add(-1); return true })
}

// TestLimitsEnd: the time limit of a handshake ends with its connection. It would keep
// all that hangs on it in memory, and who dials again and again could fill that.
func TestLimitsEnd(t *testing.T) {
	const dials = 8
	clock := countedLimits{set: &atomic.Int64{}, live: &atomic.Int64{}}
	c := &cluster{t: t, clock: clock}
	node := c.start()
	for range dials {
		conn, err := net.Dial("tcp", node.PeeringAddress().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "end of the time limits", 60*time.Second, func() bool { return clock.set.Load() == dials && clock.live.Load() == 0 })
}
