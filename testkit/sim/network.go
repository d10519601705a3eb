package sim

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire"
)

// Bounds of a simulated link: small, so that they bite.
const (
	linkQueue       = 256
	linkCredits     = 16
	linkCreditBytes = 128 << 10
	retransmit      = time.Second
	breakAfter      = 8 * time.Second // a link that carries nothing for so long is broken by its ends
)

// Weather is how well the network carries.
type Weather struct {
	MinDelay, MaxDelay time.Duration
	// Of a thousand frames, so many are lost, as when the outgoing queue is full; so
	// many of those that peers pass on are doubled, or overtaken by later ones. A TCP
	// connection does none of this.
	Lose, Double, Overtake int
	// Break is how many of a thousand frames find the connection reset.
	Break int
}

// network carries frames between the nodes of a world.
type network struct {
	world   *World
	id      lattice.NetworkID
	weather Weather
	hosts   map[netip.AddrPort]*host
	cut     map[[2]int]bool // pairs of nodes, lower first, between which nothing passes
	fail    func(format string, args ...any)
	sent    func(o *owner, m wire.Message)     // told of every message of a node; nil: nobody looks
	said    func(frame []byte, m wire.Message) // told likewise, with the frame
	hears   func(o *owner, frame []byte)       // told of what a node is handed on
	ports   uint16
	looked  *byte // the frame that was checked last: one is often sent to many

	Frames, Bytes, Lost uint64
}

// host is a node as the network sees it.
type host struct {
	*network
	owner   *owner
	address netip.AddrPort
	wanted  func(netip.AddrPort) bool
	accept  func(messages.Link)
	links   []*link
}

// address returns where a node listens. On a public network each has a provider of
// its own.
func (o *Options) address(node int) netip.AddrPort {
	if o.Public {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{20 + byte(node>>8), byte(node), 0, 1}), 7176)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(node >> 8), byte(node), 1}), 7176)
}

func (n *network) severed(a, b int) bool { return n.cut[[2]int{min(a, b), max(a, b)}] }

func (n *network) delay() time.Duration {
	spread := n.weather.MaxDelay - n.weather.MinDelay
	if spread <= 0 {
		return n.weather.MinDelay
	}
	return n.weather.MinDelay + time.Duration(n.world.rng.Int64N(int64(spread)))
}

func (n *network) chance(perMille int) bool { return perMille > 0 && n.world.rng.IntN(1000) < perMille }

// Listen implements actors.Network.
func (h *host) Listen(a netip.AddrPort, wanted func(netip.AddrPort) bool, accept func(messages.Link)) (actors.Listener, error) {
	h.wanted, h.accept = wanted, accept
	h.hosts[a] = h
	return listener{h, a}, nil
}

type listener struct {
	host    *host
	address netip.AddrPort
}

// Address implements actors.Listener.
func (l listener) Address() netip.AddrPort { return l.address }

// Close implements actors.Listener.
func (l listener) Close() error {
	if l.host.hosts[l.address] == l.host {
		delete(l.host.hosts, l.address)
	}
	return nil
}

// Resolve implements actors.Network: names in the world are addresses.
func (h *host) Resolve(hostPort string, done func([]netip.AddrPort, error)) {
	h.world.after(h.owner, h.delay(), func() {
		a, err := netip.ParseAddrPort(hostPort)
		done([]netip.AddrPort{a}, err)
	})
}

// Dial implements actors.Network.
func (h *host) Dial(to netip.AddrPort, limit time.Duration, done func(messages.Link, error)) {
	h.world.after(h.owner, 2*h.delay(), func() {
		other, ok := h.hosts[to]
		switch {
		case !ok || other.owner.dead:
			done(nil, errors.New("connection refused"))
		case h.severed(h.owner.id, other.owner.id):
			h.world.after(h.owner, limit, func() { done(nil, errors.New("connection timed out")) })
		default:
			here, there := h.connect(other)
			if other.wanted == nil || other.wanted(there.remote) {
				other.accept(there)
			} else {
				there.Close()
			}
			done(here, nil)
		}
	})
}

// connect makes the two ends of a link.
func (h *host) connect(other *host) (here, there *link) {
	h.ports++
	here = newLink(h, other.address)
	there = newLink(other, netip.AddrPortFrom(h.address.Addr(), 20000+h.ports%40000))
	here.other, there.other = there, here
	return here, there
}

// link is one end of a connection.
type link struct {
	host    *host
	other   *link
	remote  netip.AddrPort
	credits *mailbox.Credits

	receive func(*messages.FrameArrived)
	ended   func(error)
	arrived [][]byte // came in, not handed on: no credit, or not started
	held    [][]byte // kept back by a cut line
	heldAt  time.Time
	onWay   int // frames sent and not yet handed on at the other end
	due     time.Time
	closed  bool
	traffic messages.Traffic
}

func newLink(h *host, remote netip.AddrPort) *link {
	l := &link{host: h, remote: remote}
	l.credits = mailbox.NewCredits(linkCredits, linkCreditBytes, func() { h.world.do(h.owner, l.handOn) })
	h.links = append(h.links, l)
	return l
}

// Remote implements messages.Link.
func (l *link) Remote() netip.AddrPort { return l.remote }

// Traffic implements messages.Link.
func (l *link) Traffic() messages.Traffic { return l.traffic }

// Start implements messages.Link.
func (l *link) Start(receive func(*messages.FrameArrived), closed func(error)) {
	l.receive, l.ended = receive, closed
	if l.closed {
		l.host.world.do(l.host.owner, func() { closed(io.EOF) })
		return
	}
	l.handOn()
}

// Send implements messages.Link.
func (l *link) Send(frame []byte) bool {
	if n := l.host.network; n.looked != &frame[0] {
		n.looked = &frame[0]
		m, err := wire.DecodeFrame(n.id, frame)
		if err != nil {
			n.fail("node %d sends what the codec refuses: %v", l.host.owner.id, err)
		}
		if n.sent != nil {
			n.sent(l.host.owner, m)
			n.said(frame, m)
		}
	}
	return l.put(frame)
}

// put sends bytes, at least as many as a header has, whatever they are.
func (l *link) put(frame []byte) bool {
	n := l.host.network
	if l.closed || l.onWay >= linkQueue {
		l.traffic.Dropped++
		return false
	}
	n.Frames++
	n.Bytes += uint64(len(frame))
	l.traffic.FramesOut++
	l.traffic.BytesOut += uint64(len(frame))
	handshake := frame[4] <= byte(wire.TypeHandshakeAck)
	switch {
	case !handshake && n.chance(n.weather.Lose):
		n.Lost++
		return true
	case n.chance(n.weather.Break):
		l.sever(errors.New("connection reset"))
		return false
	}
	relayed := frame[4] == byte(wire.TypePublish) || frame[4] == byte(wire.TypeVote) // comes by other ways, too
	copies := 1
	if relayed && n.chance(n.weather.Double) {
		copies = 2
	}
	for range copies {
		l.carry(frame, relayed && n.chance(n.weather.Overtake))
	}
	return true
}

// carry brings a frame to the other end, behind those before it unless it may
// be overtaken.
func (l *link) carry(frame []byte, late bool) {
	n := l.host.network
	at := n.world.now.Add(n.delay())
	if late {
		at = at.Add(4 * n.weather.MaxDelay)
	} else {
		if at.Before(l.due) {
			at = l.due
		}
		l.due = at
	}
	l.onWay++
	other := l.other
	n.world.set(other.host.owner, at.Sub(n.world.now), func() { other.arrive(frame) })
}

// arrive takes in a frame from the wire. A cut line carries nothing, and what comes
// after that waits behind it: TCP tries again until it gives up.
func (l *link) arrive(frame []byte) {
	n := l.host.network
	if l.closed {
		l.other.onWay--
		return
	}
	if len(l.held) > 0 || n.severed(l.host.owner.id, l.other.host.owner.id) {
		l.held = append(l.held, frame)
		if len(l.held) == 1 {
			l.heldAt = n.world.now
			n.world.after(l.host.owner, retransmit, l.again)
		}
		return
	}
	l.take(frame)
}

// again brings what a cut line has kept back, when it is whole again.
func (l *link) again() {
	n := l.host.network
	switch {
	case l.closed:
	case !n.severed(l.host.owner.id, l.other.host.owner.id):
		held := l.held
		l.held = nil
		for _, frame := range held {
			l.take(frame)
		}
	case n.world.now.Sub(l.heldAt) > breakAfter:
		l.sever(errors.New("connection timed out"))
	default:
		n.world.after(l.host.owner, retransmit, l.again)
	}
}

// take takes in a frame that has come.
func (l *link) take(frame []byte) {
	l.other.onWay--
	if l.closed {
		return
	}
	l.host.world.trace.frame(l.host.owner.id, l.other.host.owner.id, frame)
	l.traffic.FramesIn++
	l.traffic.BytesIn += uint64(len(frame))
	l.arrived = append(l.arrived, frame)
	l.handOn()
}

// handOn delivers what has arrived, as far as there is credit.
func (l *link) handOn() {
	for l.receive != nil && !l.closed && len(l.arrived) > 0 {
		frame := l.arrived[0]
		credit, ok := l.credits.TryAcquire(int64(len(frame)))
		if !ok {
			return
		}
		copy(l.arrived, l.arrived[1:]) // few wait here; so the room of those that went is used again
		l.arrived[len(l.arrived)-1] = nil
		l.arrived = l.arrived[:len(l.arrived)-1]
		header, err := wire.ParseHeader(l.host.id, [wire.HeaderSize]byte(frame[:wire.HeaderSize]))
		if err != nil { // a byzantine node sends bytes that are none of ours
			credit.Release()
			l.end(err)
			return
		}
		l.host.hears(l.host.owner, frame)
		l.receive(&messages.FrameArrived{Type: uint8(header.Type), Body: append([]byte(nil), frame[wire.HeaderSize:]...), Credit: credit})
	}
}

// Close implements messages.Link.
func (l *link) Close() { l.sever(io.EOF) }

// sever ends both ends: this one now, the other one a little later.
func (l *link) sever(err error) {
	if l.closed {
		return
	}
	l.end(err)
	o := l.other
	o.host.world.after(o.host.owner, l.host.delay(), func() { o.end(fmt.Errorf("peer closed: %w", io.EOF)) })
}

// end closes this end.
func (l *link) end(err error) {
	if l.closed {
		return
	}
	l.closed = true
	l.arrived, l.held = nil, nil
	if l.ended != nil {
		l.host.world.do(l.host.owner, func() { l.ended(err) })
	}
}

// crash ends all links of a node that is gone. Its peers find out at once, when
// the machine still answers, or when they give up.
func (h *host) crash() {
	for _, l := range h.links {
		if !l.closed {
			l.closed = true
			o := l.other
			h.world.after(o.host.owner, h.delay(), func() { o.end(errors.New("connection reset")) })
		}
	}
	h.links = nil
	if h.hosts[h.address] == h {
		delete(h.hosts, h.address)
	}
}
