package peering

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

func nodeID(i int) NodeID { return NodeID{byte(i >> 8), byte(i), 1} }

func loopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port))
}

// network is machines with a driver as small as can be: connections keep the
// order of what is sent on them, and nothing else is certain.
type network struct {
	t     *testing.T
	now   time.Time
	nodes []*node
	links []*link
	serve map[netip.AddrPort]*node
	local uint16 // last ephemeral port
}

type node struct {
	n        *network
	index    int
	cfg      Config
	p        *Peers
	rng      *rand.Rand
	addr     netip.AddrPort
	lastConn ConnID
	ends     map[ConnID]*end
}

// link is a connection: two ends, and what is under way to each of them.
type link struct{ ends [2]*end }

type end struct {
	node   *node
	conn   ConnID
	peer   *end
	dialer bool
	gone   bool
	inbox  []packet
}

type packet struct {
	kind      string // ack: the other end proved its id; keepalive; fin
	addresses []netip.AddrPort
}

func newNetwork(t *testing.T) *network {
	return &network{t: t, now: start, serve: map[netip.AddrPort]*node{}, local: 50000}
}

// add starts a node that listens at addr and knows the configured addresses.
func (n *network) add(cfg Config, addr netip.AddrPort, configured ...netip.AddrPort) *node {
	i := len(n.nodes) + 1
	cfg.Self = nodeID(i)
	cfg.Listening, cfg.Port = []netip.AddrPort{addr}, addr.Port()
	x := &node{n: n, index: i, cfg: cfg, rng: rand.New(rand.NewPCG(uint64(i), 7)), addr: addr}
	n.nodes = append(n.nodes, x)
	x.boot(configured...)
	return x
}

func (x *node) boot(configured ...netip.AddrPort) {
	x.p, x.ends = New(x.cfg), map[ConnID]*end{}
	x.n.serve[x.addr] = x
	for _, a := range configured {
		x.p.AddConfigured(a, x.n.now)
	}
}

// crash drops a node with all its connections.
func (x *node) crash() {
	delete(x.n.serve, x.addr)
	for _, id := range x.conns() {
		x.hangUp(x.ends[id])
	}
	x.p = nil
}

func (x *node) conns() (out []ConnID) {
	for id := range x.ends {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// hangUp closes an end; the other one hears of it after what was sent before.
func (x *node) hangUp(e *end) {
	if e.gone {
		return
	}
	e.gone, e.inbox = true, nil
	delete(x.ends, e.conn)
	if !e.peer.gone {
		e.peer.inbox = append(e.peer.inbox, packet{kind: "fin"})
	}
}

// carryOut does what the machine says.
func (x *node) carryOut() {
	r := x.p.Ready()
	for _, c := range r.Close {
		if e := x.ends[c.Conn]; e != nil {
			x.hangUp(e)
		}
	}
	for _, a := range r.Dial {
		x.dial(a)
	}
	for _, k := range r.Keepalives {
		if e := x.ends[k.Conn]; e != nil && !e.peer.gone {
			e.peer.inbox = append(e.peer.inbox, packet{"keepalive", k.Addresses})
		}
	}
}

func (x *node) dial(a netip.AddrPort) {
	y := x.n.serve[a]
	if y == nil {
		x.p.DialFailed(a, x.n.now)
		return
	}
	d, s := &end{node: x, dialer: true}, &end{node: y}
	d.peer, s.peer = s, d
	for _, e := range []*end{d, s} {
		e.node.lastConn++
		e.conn = e.node.lastConn
		e.node.ends[e.conn] = e
	}
	x.n.links = append(x.n.links, &link{[2]*end{d, s}})
	x.n.local++
	if err := x.p.Dialed(a, d.conn, x.n.now); err != nil {
		x.n.t.Fatalf("dial of %v: %v", a, err)
	}
	if err := y.p.Accept(s.conn, netip.AddrPortFrom(x.addr.Addr(), x.n.local), x.n.now); err != nil {
		y.hangUp(s)
		return
	}
	d.inbox = append(d.inbox, packet{kind: "ack"}) // the listening side proves itself first
}

// step delivers the next packet of an end.
func (e *end) step() {
	k := e.inbox[0]
	e.inbox = e.inbox[1:]
	x := e.node
	switch k.kind {
	case "ack":
		if err := x.p.Opened(e.conn, e.peer.node.cfg.Self, e.peer.node.addr.Port(), x.n.now); err != nil {
			x.hangUp(e)
		} else if e.dialer && !e.peer.gone {
			e.peer.inbox = append(e.peer.inbox, packet{kind: "ack"})
		}
	case "keepalive":
		x.p.Received(e.conn, x.n.now)
		x.p.Heard(e.conn, k.addresses, x.n.now)
	case "fin":
		e.gone = true
		delete(x.ends, e.conn)
		x.p.Closed(e.conn, x.n.now)
	}
	x.carryOut()
}

// pending returns the ends to which something is under way.
func (n *network) pending() (out []*end) {
	for _, l := range n.links {
		for _, e := range l.ends {
			if len(e.inbox) > 0 && !e.gone {
				out = append(out, e)
			}
		}
	}
	return out
}

// run lets time pass in ticks, delivering in random order.
func (n *network) run(d time.Duration, rng *rand.Rand) {
	for until := n.now.Add(d); n.now.Before(until); n.now = n.now.Add(50 * time.Millisecond) {
		for _, x := range n.nodes {
			if x.p != nil {
				x.p.Tick(n.now, x.rng)
				x.carryOut()
				x.checkBounds(n.t)
			}
		}
		for ends := n.pending(); len(ends) > 0 && rng.IntN(8) > 0; ends = n.pending() {
			ends[rng.IntN(len(ends))].step()
		}
		n.links = slices.DeleteFunc(n.links, func(l *link) bool { return l.ends[0].gone && l.ends[1].gone })
	}
}

// settle delivers all that is under way.
func (n *network) settle(rng *rand.Rand) {
	for ends := n.pending(); len(ends) > 0; ends = n.pending() {
		ends[rng.IntN(len(ends))].step()
	}
}

func (x *node) checkBounds(t *testing.T) {
	t.Helper()
	c := x.p.Counts()
	if c.Outbound > x.cfg.MaxOutbound || c.Inbound > x.cfg.MaxInbound || c.Book > MaxBook || c.Offenders > maxOffenders {
		t.Fatalf("node %d over its bounds: %+v", x.index, c)
	}
}

// between counts the connections that both sides hold open between two nodes.
func between(t *testing.T, a, b *node) (n int) {
	t.Helper()
	for _, s := range a.p.Status(a.n.now) {
		if s.Node != b.cfg.Self {
			continue
		}
		other := a.ends[s.Conn].peer
		if c := b.p.conn(other.conn); c == nil || !c.open {
			t.Fatalf("connection %d of node %d is not open at node %d", s.Conn, a.index, b.index)
		}
		n++
	}
	return n
}

// TestCrossDial plays two nodes that know each other, in every order in which
// they can dial and what they send can arrive. What is left is one connection
// that both hold open; when both dialled before either was open, it is the one
// that the lower node id dialled.
func TestCrossDial(t *testing.T) {
	orders, crossed := 0, 0
	var explore func(choices []int)
	explore = func(choices []int) {
		n := newNetwork(t)
		a := n.add(DevConfig(), loopback(1), loopback(2))
		b := n.add(DevConfig(), loopback(2), loopback(1))
		idle := []*node{a, b} // have not dialled
		for step := 0; ; step++ {
			ends := n.pending()
			most := len(ends) + len(idle)
			if most == 0 {
				break
			}
			if step == len(choices) {
				for i := range most {
					explore(append(slices.Clone(choices), i))
				}
				return
			}
			if i := choices[step]; i < len(ends) {
				ends[i].step()
			} else {
				x := idle[i-len(ends)]
				idle = slices.DeleteFunc(idle, func(y *node) bool { return x == y })
				x.p.dial(n.now, x.rng)
				x.carryOut()
			}
		}
		orders++
		if got := between(t, a, b); got != 1 || a.p.Open() != 1 || b.p.Open() != 1 {
			t.Fatalf("order %v leaves %d connections (%d and %d open)", choices, got, a.p.Open(), b.p.Open())
		}
		if len(n.links) == 2 {
			if crossed++; a.p.Status(n.now)[0].Inbound {
				t.Fatalf("order %v keeps the connection that the higher node id dialled", choices)
			}
		}
	}
	explore(nil)
	if crossed < 20 {
		t.Fatalf("only %d of %d orders had two connections", crossed, orders)
	}
}

// TestMesh starts nodes that know only the first one. Hearsay makes them find
// each other, each pair keeps one connection, and a node that crashed is back
// with everybody soon after it restarts.
func TestMesh(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := newNetwork(t)
		for i := range 6 {
			n.add(DevConfig(), loopback(1001+i), loopback(1001))
		}
		whole := func(when string) {
			t.Helper()
			n.settle(rng)
			for i, a := range n.nodes {
				for _, b := range n.nodes[:i] {
					if got := between(t, a, b); got != 1 {
						t.Fatalf("seed %d, %s: %d connections between %d and %d\n%v%v", seed, when, got, a.index, b.index, a.p, b.p)
					}
				}
			}
		}
		n.run(10*time.Second, rng)
		whole("after ten seconds")
		x := n.nodes[3]
		saved := x.p.Saved(n.now)
		x.crash()
		n.run(30*time.Second, rng)
		for _, y := range n.nodes {
			if y != x && y.p.Open() != 4 {
				t.Fatalf("seed %d: node %d has %d connections while one of six is down", seed, y.index, y.p.Open())
			}
		}
		x.boot(loopback(1001))
		x.p.Load(saved, n.now)
		n.run(2*time.Second, rng)
		whole("two seconds after the restart")
	}
}

// TestCrowd is more nodes than there are slots: nobody goes over his bounds,
// which run checks, and the network is one piece.
func TestCrowd(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	n := newNetwork(t)
	cfg := DevConfig()
	cfg.MaxOutbound, cfg.MaxInbound = 4, 8
	const nodes = 40
	for i := range nodes {
		n.add(cfg, loopback(2001+i), loopback(2001+i/4))
	}
	n.run(30*time.Second, rng)
	n.settle(rng)
	reached := map[NodeID]bool{n.nodes[0].cfg.Self: true}
	for grown := true; grown; {
		grown = false
		for _, x := range n.nodes {
			for _, s := range x.p.Status(n.now) {
				if reached[x.cfg.Self] != reached[s.Node] {
					reached[x.cfg.Self], reached[s.Node], grown = true, true, true
				}
			}
		}
	}
	if len(reached) != nodes {
		t.Errorf("only %d of %d nodes are in one piece", len(reached), nodes)
	}
}

// TestSelf dials a configured address that turns out to be ourselves: it is
// tried once.
func TestSelf(t *testing.T) {
	n := newNetwork(t)
	x := n.add(DevConfig(), loopback(1))
	n.serve[loopback(99)] = x // another name for the same node
	x.p.AddConfigured(loopback(99), n.now)
	rng := rand.New(rand.NewPCG(1, 1))
	n.run(time.Minute, rng)
	if x.lastConn != 2 || x.p.Open() != 0 {
		t.Errorf("dialled itself with %d connection ends, want 2; %d open", x.lastConn, x.p.Open())
	}
	if x.p.AddConfigured(loopback(99), n.now) {
		t.Error("an own address is taken again")
	}
}

// TestHalfOpen: a node lost its power and comes back while its old connection
// still looks open. It is let in as soon as the old one was silent for long.
func TestHalfOpen(t *testing.T) {
	cfg := DevConfig()
	cfg.Self = nodeID(1)
	p := New(cfg)
	now := start
	open := func(id ConnID) error {
		if err := p.Accept(id, loopback(int(9000+id)), now); err != nil {
			t.Fatal(err)
		}
		return p.Opened(id, nodeID(2), 7176, now)
	}
	if err := open(1); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * cfg.KeepaliveInterval)
	if err := open(2); err != Duplicate {
		t.Fatalf("second connection to a node heard of lately: %v, want %v", err, Duplicate)
	}
	now = now.Add(time.Millisecond)
	if err := open(3); err != nil {
		t.Fatalf("second connection to a silent node: %v", err)
	}
	if r := p.Ready(); fmt.Sprint(r.Close) != fmt.Sprint([]Close{{1, Duplicate}}) {
		t.Errorf("closes %v, want the silent one", r.Close)
	}
}
