package actors_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire"
)

// names is TCP with names of its own: nobody outside is asked.
type names struct {
	actors.TCP
	mu    sync.Mutex
	hosts map[string][]netip.AddrPort
	asked map[string]int
}

// Resolve implements actors.Network.
func (n *names) Resolve(hostPort string, done func([]netip.AddrPort, error)) {
	n.mu.Lock()
	n.asked[hostPort]++
	found, known := n.hosts[hostPort]
	n.mu.Unlock()
	if !known {
		go done(nil, errors.New("no such host"))
		return
	}
	go done(found, nil)
}

func (n *names) set(hostPort string, found ...netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[hostPort] = found
}

func (n *names) count(hostPort string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[hostPort]
}

// fastClock tells a time that goes a hundred times as fast as the real one since
// it was made: pauses of minutes pass while a test looks on. Timers take the time
// that they take.
type fastClock struct{ made time.Time }

// Now implements supervise.Clock.
func (c fastClock) Now() time.Time { return c.made.Add(100 * time.Since(c.made)) }

// AfterFunc implements supervise.Clock.
func (fastClock) AfterFunc(d time.Duration, f func()) func() bool {
	return supervise.RealClock{}.AfterFunc(d, f)
}

// TestNamesOfPeers gives a node names for its peers. One is not known at first,
// another one moves: both are looked up again and found, and the one that is never
// found is asked for less and less often.
func TestNamesOfPeers(t *testing.T) {
	c := &cluster{t: t}
	first, second, third := c.start(), c.start(), c.start()
	book := &names{TCP: actors.TCP{ID: lattice.DevID}, hosts: map[string][]netip.AddrPort{}, asked: map[string]int{}}
	book.set("moves.example:7176", first.PeeringAddress())
	c.network, c.clock = book, fastClock{time.Now()}
	c.nodes = nil // it dials the names only
	seeker := c.startWith(storage.NewMemory(lattice.Dev()), func(cfg *actors.Config) {
		cfg.Peers = []string{"moves.example:7176", "late.example:7176", "never.example:7176"}
		cfg.Listen = netip.AddrPort{}
		cfg.Peering.DialTimeout, cfg.Peering.HandshakeTimeout, cfg.Peering.IdleTimeout = time.Hour, time.Hour, 10*time.Hour
		cfg.Peering.KeepaliveInterval = 3 * time.Minute
	})
	connected := func(to *actors.Node) func() bool {
		return func() bool {
			for _, p := range seeker.Backend().Peers() {
				if p.Address == to.PeeringAddress() {
					return true
				}
			}
			return false
		}
	}
	until(t, "the first peer", time.Minute, connected(first))
	book.set("late.example:7176", second.PeeringAddress())
	book.set("moves.example:7176", third.PeeringAddress())
	until(t, "the name that was not known at first", time.Minute, connected(second))
	until(t, "the new address of the name that moved", time.Minute, connected(third))
	if got, took := book.count("never.example:7176"), time.Since(c.clock.(fastClock).made); got < 2 || time.Duration(got) > 10+100*took/(10*time.Minute) {
		t.Errorf("asked %d times in %v, 100 times as fast, for a name that nobody knows", got, took)
	}
}

// TestDialsOnly is a node that nobody can dial, with a third of the weight, and
// without which nothing is confirmed: it catches up, votes and confirms.
func TestDialsOnly(t *testing.T) {
	c := &cluster{t: t}
	n := lattice.Dev()
	c.start(testkit.GenesisKey(n))
	genesis := testkit.GenesisWallet(n)
	count := c.share(genesis, map[int]uint64{1: 400})
	before := genesis.Send(testkit.Account(50), lattice.AmountFrom(1))
	genesis.Advance(before)
	hidden := c.startWith(storage.NewMemory(n), func(cfg *actors.Config) { cfg.Listen = netip.AddrPort{} }, testkit.Key(1))
	if hidden.PeeringAddress().IsValid() {
		t.Fatalf("listens at %v", hidden.PeeringAddress())
	}
	c.nodes = c.nodes[:1] // what starts now cannot dial it
	late := c.start()
	c.nodes = append(c.nodes, hidden)
	until(t, "two peers of the hidden node", time.Minute, func() bool { return len(hidden.Backend().Peers()) == 2 })
	c.process(late.Backend(), before)
	c.cemented(count + 1)
	send := genesis.Send(testkit.Account(51), lattice.AmountFrom(1))
	c.process(hidden.Backend(), send)
	c.cemented(count + 2)
	for _, p := range late.Backend().Peers() {
		if p.NodeID == hidden.Backend().NodeID() && !p.Inbound {
			t.Error("it was dialled")
		}
	}
}

// TestIPv6 connects nodes over IPv6, by a literal and by what they tell each
// other.
func TestIPv6(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	_ = probe.Close()
	c := &cluster{t: t}
	n := lattice.Dev()
	six := func(cfg *actors.Config) { cfg.Listen = netip.MustParseAddrPort("[::1]:0") }
	c.startWith(storage.NewMemory(n), six, testkit.GenesisKey(n))
	first := c.nodes[0].PeeringAddress().String()
	for range 2 {
		c.startWith(storage.NewMemory(n), func(cfg *actors.Config) {
			six(cfg)
			cfg.Peers = []string{first}
		})
	}
	c.peered()
	for i, node := range c.nodes {
		for _, p := range node.Backend().Peers() {
			if !p.Address.Addr().Is6() || p.Address.Addr() != netip.IPv6Loopback() {
				t.Errorf("node %d has a peer at %v", i, p.Address)
			}
		}
	}
	genesis, confirmed := testkit.GenesisWallet(n), uint64(1)
	c.transfers(genesis, &confirmed, 3)
}

// TestDualStack: who listens everywhere is reached over both families, and knows
// an IPv4 address as such.
func TestDualStack(t *testing.T) {
	accepted := make(chan netip.AddrPort, 2)
	l, err := actors.TCP{ID: lattice.DevID}.Listen(netip.MustParseAddrPort("[::]:0"), func(netip.AddrPort) bool { return true }, func(link messages.Link) {
		accepted <- link.Remote()
		link.Close()
	})
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	defer l.Close()
	for _, host := range []string{"127.0.0.1", "::1"} {
		to := netip.AddrPortFrom(netip.MustParseAddr(host), l.Address().Port())
		conn, err := net.Dial("tcp", to.String())
		if err != nil {
			t.Skipf("cannot reach %v: %v", to, err)
		}
		if got := <-accepted; got.Addr() != to.Addr() {
			t.Errorf("came from %v, is seen at %v", to.Addr(), got.Addr())
		}
		_ = conn.Close()
	}
}

// TestSlowWriters: a peer that shakes hands a byte at a time, one that is silent
// after it, and one whose frame does not end are cut.
func TestSlowWriters(t *testing.T) {
	t.Parallel() // mostly waits
	c := &cluster{t: t}
	node := c.startWith(storage.NewMemory(lattice.Dev()), func(cfg *actors.Config) {
		cfg.Peering.KeepaliveInterval, cfg.Peering.IdleTimeout = 300*time.Millisecond, time.Second
	})
	greeting, err := wire.Append(nil, lattice.DevID, &wire.Handshake{Genesis: lattice.Dev().GenesisHash})
	if err != nil {
		t.Fatal(err)
	}
	for name, peer := range map[string]struct {
		shakes bool
		drips  []byte // one at a time, again and again the last one
	}{
		"slow handshake": {false, greeting},
		"silence":        {true, nil},
		"endless frame":  {true, append([]byte{'S', 'N', byte(lattice.DevID), 1, byte(wire.TypeVote), 0, 0, 8}, make([]byte, 200)...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", node.PeeringAddress().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if peer.shakes {
				key := testkit.Key(8000 + len(name))
				h := wire.NewDialer(wire.HandshakeConfig{Network: lattice.Dev(), NodeKey: key}, wire.Cookie(key.Public()))
				if _, err := wire.NewConn(conn, lattice.DevID).Handshake(h, time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
			cut := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, conn)
				cut <- err
			}()
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			over := time.After(time.Minute)
			for i := 0; ; i++ {
				select {
				case <-cut:
					return
				case <-over:
					t.Fatal("not cut")
				case <-tick.C:
				}
				if i < len(peer.drips) {
					_, _ = conn.Write(peer.drips[i : i+1]) // cut says if it is over
				}
			}
		})
	}
}

// TestSaysAndLeaves: a peer publishes many blocks and hangs up at once. All of
// them have come, so all of them are taken.
func TestSaysAndLeaves(t *testing.T) {
	c := &cluster{t: t}
	node := c.start(testkit.GenesisKey(lattice.Dev()))
	genesis := testkit.GenesisWallet(lattice.Dev())
	const rounds, blocks = 5, 50
	for round := range rounds {
		raw, err := net.Dial("tcp", node.PeeringAddress().String())
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		peer, key := wire.NewConn(raw, lattice.DevID), testkit.Key(8100+round)
		h := wire.NewDialer(wire.HandshakeConfig{Network: lattice.Dev(), NodeKey: key}, wire.Cookie(key.Public()))
		if _, err := peer.Handshake(h, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		var frames [][]byte
		for range blocks {
			b := genesis.Send(testkit.Account(60), lattice.AmountFrom(1))
			genesis.Advance(b)
			frame, err := wire.Append(nil, lattice.DevID, &wire.Publish{Block: *b})
			if err != nil {
				t.Fatal(err)
			}
			frames = append(frames, frame)
		}
		// The first frame says that the connection is open at the other end.
		if _, _, err := peer.ReadFrame(nil, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := peer.WriteFrames(frames, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := raw.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		c.cemented(uint64(1 + blocks*(round+1)))
	}
}
