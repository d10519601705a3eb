package peering

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// conn is a connection: first shaking hands, then open.
type conn struct {
	id        ConnID
	remote    netip.AddrPort
	group     netip.Prefix // of remote
	inbound   bool
	open      bool
	node      NodeID
	listening netip.AddrPort // zero: it does not listen
	feeler    bool           // dialled to see who answers; has no slot
	seesUs    netip.AddrPort // where it sees this node; zero: it did not say

	began, opened, received time.Time
	useful                  time.Time // when it last brought a block or a vote that was new
	nextKeepalive           time.Time
	lastHeard               time.Time

	representatives []lattice.Account // attested, at most MaxRepresentatives
	told            bool              // how many it has:
	peers, hears    uint32            // peers; principals among them
}

// Peers is the peer book and the connection slots of a node.
type Peers struct {
	cfg        Config
	book       book
	own        []netip.AddrPort
	conns      []*conn  // in the order in which they began
	dialing    []*entry // dials under way, at most maxDialing and a feeler
	offences   *Offences
	principals map[lattice.Account]struct{}
	lost       map[lattice.Account]time.Time // when principals that had attested left
	voters     int                           // principals that there are: own ones, those attested, those heard lately
	wider      bool                          // more are dialled
	names      map[string][]netip.AddrPort   // what configured names stand for, at most maxNames
	learnt     [2]netip.AddrPort             // where peers agree that this node is; IPv4, IPv6
	handshakes place                         // what strangers may still take
	nextStore  time.Time
	nextFeeler time.Time
	ready      Ready
	gone       []gone // who was behind connections that ended lately, at most maxGone
}

// gone is a connection that has ended: its offences may still be on their way.
type gone struct {
	id  ConnID
	who Offender
}

// maxGone bounds the ended connections that are remembered.
const maxGone = 256

// New returns the machine with an empty book. It panics when the configuration
// does not pass Validate.
func New(cfg Config) *Peers {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	p := &Peers{
		cfg: cfg, book: newBook(cfg.Key, cfg.provider), names: map[string][]netip.AddrPort{},
		offences: NewOffences(cfg.BanTime, cfg.MaxBanTime), lost: map[lattice.Account]time.Time{},
	}
	p.addOwn(canonical(cfg.External))
	for _, a := range cfg.Listening {
		p.addOwn(canonical(a))
	}
	return p
}

// Load puts the peers that an earlier run saved into the book. Those that were
// seen last are dialled first, also when the clock was set back since, as on a
// machine that has none of its own.
func (p *Peers) Load(saved []Peer, now time.Time) {
	saved = slices.Clone(saved[:min(len(saved), MaxStored)])
	slices.SortStableFunc(saved, func(a, b Peer) int { return b.LastSeen.Compare(a.LastSeen) })
	anchors := maxAnchors
	for _, s := range saved {
		a := canonical(s.Address)
		if !p.cfg.dialable(a) || p.isOwn(a) {
			continue
		}
		e := p.book.hear(a, p.cfg.provider(a), now)
		if e == nil || s.LastSeen.IsZero() || !e.seen.IsZero() {
			continue
		}
		p.book.answered(e, earlier(s.LastSeen, now))
		if e.anchor = anchors > 0; e.anchor {
			anchors--
		}
	}
}

// AddConfigured puts an address that the operator named into the book; it is
// retried for ever. False means that it is our own, no address, or one too many.
func (p *Peers) AddConfigured(a netip.AddrPort, now time.Time) bool {
	return p.Resolved(a.String(), []netip.AddrPort{a}, now) > 0
}

// Resolved says what a name stands for that the operator gave. Up to MaxPerName
// of the addresses are retried for ever, those that were before among them first,
// until the name stands for others; the rest is hearsay. It returns how many are
// configured addresses now; ours is not one of them.
func (p *Peers) Resolved(name string, addrs []netip.AddrPort, now time.Time) int {
	before, known := p.names[name]
	if !known && len(p.names) >= maxNames && !p.dropName() {
		return 0
	}
	var kept, others []netip.AddrPort
	for _, a := range addrs {
		if a = canonical(a); !a.IsValid() || a.Port() == 0 || p.isOwn(a) || slices.Contains(others, a) {
			continue
		}
		if slices.Contains(before, a) {
			kept = append(kept, a)
		}
		others = append(others, a)
	}
	taken := make([]netip.AddrPort, 0, MaxPerName)
	for _, a := range slices.Concat(kept, others) {
		switch {
		case slices.Contains(taken, a):
		case len(taken) < MaxPerName && p.book.configure(a, now) != nil:
			taken = append(taken, a)
		case len(taken) == MaxPerName && p.cfg.dialable(a):
			p.book.hear(a, []byte(name[:min(len(name), 255)]), now)
		}
	}
	p.names[name] = taken
	for _, a := range before {
		if e := p.book.get(a); e != nil && e.table == configured && !p.named(a) {
			p.book.release(e, now)
		}
	}
	if len(taken) == 0 {
		delete(p.names, name)
	}
	return len(taken)
}

// named reports whether some name stands for an address.
func (p *Peers) named(a netip.AddrPort) bool {
	for _, addrs := range p.names {
		if slices.Contains(addrs, a) {
			return true
		}
	}
	return false
}

// dropName forgets a name all of whose addresses gave way to others.
func (p *Peers) dropName() bool {
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		gone := func(a netip.AddrPort) bool { e := p.book.get(a); return e == nil || e.table != configured }
		if !slices.ContainsFunc(p.names[name], func(a netip.AddrPort) bool { return !gone(a) }) {
			delete(p.names, name)
			return true
		}
	}
	return false
}

// Heard takes the addresses of a keepalive. A peer that sends them much more
// often than we do is not listened to, and none can name more than its share.
func (p *Peers) Heard(id ConnID, addrs []netip.AddrPort, now time.Time) {
	c := p.conn(id)
	if c == nil || !c.open || now.Sub(c.lastHeard) < p.cfg.KeepaliveInterval/2 {
		return
	}
	c.lastHeard = now
	for i, a := range addrs[:min(len(addrs), MaxKeepaliveAddresses)] {
		a = canonical(a)
		switch {
		case !p.cfg.dialable(a):
		case i == 0 && p.cfg.Port != 0 && a.Port() == p.cfg.Port:
			p.told(c, a)
		case !p.isOwn(a):
			p.book.hear(a, p.source(c), now)
		}
	}
}

// Accept asks whether an incoming connection may shake hands. If so it has a
// slot until Closed, or until a Close says otherwise; if not, the error is a
// Refusal and the driver closes it.
func (p *Peers) Accept(id ConnID, remote netip.AddrPort, now time.Time) error {
	remote = canonical(remote)
	p.mustBeNew(id)
	if err := p.crowded(remote.Addr(), now); err != nil {
		return err
	}
	c := &conn{id: id, remote: remote, group: group(remote.Addr()), inbound: true, began: now, received: now}
	full := false
	outbound, inbound := p.taken()
	if room := p.cfg.MaxInbound - max(0, outbound-p.cfg.MaxOutbound); inbound >= room {
		if full = true; room <= 0 || !p.roomFor(c, now) {
			return Full
		}
	}
	if !p.book.met(host(remote.Addr())) && !p.handshakes.take(p.cfg.Handshakes, now.UnixNano()) {
		return TooSoon
	}
	if full {
		p.makeRoom(c, now)
	}
	p.conns = append(p.conns, c)
	return nil
}

// crowded checks bans and the limits by address. Dials under way count.
func (p *Peers) crowded(ip netip.Addr, now time.Time) error {
	if p.cfg.exempt(ip) {
		return nil
	}
	if _, banned := p.offences.Banned(Offender{Host: host(ip)}, now); banned {
		return Banned
	}
	sameHost, sameSubnet := 0, 0
	p.remotes(func(a netip.Addr, _ bool) {
		if host(a) == host(ip) {
			sameHost++
		}
		if subnet(a) == subnet(ip) {
			sameSubnet++
		}
	})
	switch {
	case sameHost >= p.cfg.MaxPerAddress:
		return AddressFull
	case sameSubnet >= p.cfg.MaxPerSubnet:
		return SubnetFull
	}
	return nil
}

// Dialed reports that a dial reached its address; id is the new connection,
// which now shakes hands. An error is a Refusal: the dial was given up in the
// meantime, and the driver closes the connection.
func (p *Peers) Dialed(a netip.AddrPort, id ConnID, now time.Time) error {
	p.mustBeNew(id)
	a = canonical(a)
	e := p.book.get(a)
	if e == nil || !e.dialing {
		return NotWanted
	}
	p.dialled(e)
	p.conns = append(p.conns, &conn{id: id, remote: a, group: group(a.Addr()), feeler: e.feeler, began: now, received: now})
	return nil
}

// DialFailed reports that an address could not be reached.
func (p *Peers) DialFailed(a netip.AddrPort, now time.Time) {
	if e := p.book.get(canonical(a)); e != nil && e.dialing {
		p.dialled(e)
		p.book.missed(e, now)
		p.failed(e, now)
	}
}

// Opened reports a handshake that proved the other side's node id; port is
// where it says it listens, 0 for nowhere. The side that dialled must call this
// before it sends its last message of the handshake: then a connection that it
// refuses never opens on the other side, and two sides never each keep another
// one of two connections. A feeler has done its work here: it is refused with
// Tested. An error is a Refusal: the machine has forgotten the
// connection and the driver closes it.
func (p *Peers) Opened(id ConnID, node NodeID, port uint16, now time.Time) error {
	c := p.conn(id)
	if c == nil {
		return NotWanted
	}
	if c.open {
		panic(fmt.Sprintf("peering: connection %d opened twice", id))
	}
	c.node, c.received = node, now
	if port != 0 {
		c.listening = netip.AddrPortFrom(c.remote.Addr(), port)
	}
	if err := p.admit(c, now); err != nil {
		p.remove(c, now)
		p.refused(c, err, now)
		return err
	}
	c.open, c.opened, c.nextKeepalive = true, now, now
	p.note(c, now)
	return nil
}

// admit decides on a connection whose node is known now. When it replaces an
// older one to the same node, that one is closed.
func (p *Peers) admit(c *conn, now time.Time) error {
	if c.node == p.cfg.Self {
		return Self
	}
	if _, banned := p.offences.Banned(Offender{Node: c.node}, now); banned {
		return Banned
	}
	old := p.byNode(c.node)
	switch {
	case old != nil && c.feeler:
		return Duplicate
	case c.feeler:
		return Tested
	case old == nil:
		return nil
	}
	if !p.replaces(c, old, now) {
		return Duplicate
	}
	p.close(old, Duplicate, now)
	return nil
}

// replaces is the tie-break between two connections to one node. Both sides
// keep the one that the lower node id dialled, so that dialling each other at
// the same time leaves exactly one. Of two dialled by the same side the older
// stays, unless it went silent: then its other end is probably gone.
func (p *Peers) replaces(c, old *conn, now time.Time) bool {
	if c.inbound == old.inbound {
		return now.Sub(old.received) > 2*p.cfg.KeepaliveInterval
	}
	return c.inbound == c.node.less(p.cfg.Self)
}

// note writes into the book what a connection that opened has shown.
func (p *Peers) note(c *conn, now time.Time) {
	if !c.inbound {
		if e := p.book.get(c.remote); e != nil {
			e.node = c.node
			p.book.answered(e, now)
		}
		return
	}
	if c.listening.IsValid() && p.cfg.dialable(c.listening) && !p.isOwn(c.listening) {
		if e := p.book.hear(c.listening, p.source(c), now); e != nil && e.seen.IsZero() {
			e.node = c.node
		}
	}
}

// refused writes into the book that a connection did not open.
func (p *Peers) refused(c *conn, reason error, now time.Time) {
	e := p.book.get(c.remote)
	if c.inbound || e == nil {
		return
	}
	switch {
	case errors.Is(reason, Self):
		e.self = true
		p.addOwn(e.addr)
		if e.table != configured {
			p.book.remove(e)
		}
	case errors.Is(reason, Duplicate), errors.Is(reason, Tested):
		e.node, e.fails = c.node, 0
		p.book.answered(e, now)
	default:
		p.failed(e, now)
	}
}

// Closed reports a connection that ended, for whatever reason. One that the
// machine has forgotten is ignored.
func (p *Peers) Closed(id ConnID, now time.Time) {
	if c := p.conn(id); c != nil {
		p.remove(c, now)
		p.ended(c, now)
	}
}

// close ends a connection from here.
func (p *Peers) close(c *conn, reason Refusal, now time.Time) {
	p.remove(c, now)
	p.ready.Close = append(p.ready.Close, Close{c.id, reason})
	if reason != Duplicate {
		p.ended(c, now)
	}
}

// ended sets the pause until the address of an ended connection is dialled
// again. A connection that lasted clears what failed before; one that ended at
// once counts as failed, so that a node that always hangs up is not pestered.
func (p *Peers) ended(c *conn, now time.Time) {
	e := p.book.get(c.remote)
	if c.inbound || e == nil {
		return
	}
	if c.open {
		e.seen = c.received
		if now.Sub(c.opened) >= p.cfg.KeepaliveInterval {
			e.fails = 0
		}
	} else {
		p.book.missed(e, now)
	}
	p.failed(e, now)
}

// failed starts the pause before an address is dialled again.
func (p *Peers) failed(e *entry, now time.Time) {
	most := p.cfg.BackoffMax
	if e.table == configured {
		most = p.cfg.BackoffMaxConfigured
	}
	pause := p.cfg.BackoffMin
	for i := 0; i < e.fails && pause < most; i++ {
		pause *= 2
	}
	e.next = now.Add(time.Duration(float64(min(pause, most)) * e.jitter))
	e.fails++
	p.book.forget(e)
}

// Received reports that something was received on a connection. It is enough to
// call it once for many messages, well within the idle timeout.
func (p *Peers) Received(id ConnID, now time.Time) {
	if c := p.conn(id); c != nil && now.After(c.received) {
		c.received = now
	}
}

// Useful reports that a connection brought a block or a vote that was new and
// good.
func (p *Peers) Useful(id ConnID, now time.Time) {
	if c := p.conn(id); c != nil {
		c.useful = now
	}
}

// Misbehaved counts an offence against the peer of a connection and returns its
// score. The connection is closed when the offence is of a kind that closes it;
// at 100 points the peer is banned, and all connections with it are closed.
func (p *Peers) Misbehaved(id ConnID, what Offence, now time.Time) (score int) {
	c := p.conn(id)
	if c == nil {
		return p.lateOffence(id, what, now)
	}
	who := p.offender(c)
	if who == (Offender{}) { // nothing known of it but an address that many share
		if offences[what].closes {
			p.close(c, Misbehaving, now)
		}
		return offences[what].points
	}
	score, banned := p.offences.Add(who, what, now)
	switch {
	case banned:
		for _, x := range slices.Clone(p.conns) {
			if p.offender(x) == who {
				p.close(x, Banned, now)
			}
		}
	case offences[what].closes:
		p.close(c, Misbehaving, now)
	}
	return score
}

// lateOffence counts an offence of a connection that has ended in the meantime,
// mostly because of it.
func (p *Peers) lateOffence(id ConnID, what Offence, now time.Time) int {
	i := slices.IndexFunc(p.gone, func(g gone) bool { return g.id == id })
	if i < 0 || p.gone[i].who == (Offender{}) {
		return 0
	}
	who := p.gone[i].who
	score, banned := p.offences.Add(who, what, now)
	if banned {
		for _, x := range slices.Clone(p.conns) {
			if p.offender(x) == who {
				p.close(x, Banned, now)
			}
		}
	}
	return score
}

// offender is who answers for a connection: its host, or its node id where
// many nodes share an address.
func (p *Peers) offender(c *conn) Offender {
	if p.cfg.exempt(c.remote.Addr()) {
		return Offender{Node: c.node}
	}
	return Offender{Host: host(c.remote.Addr())}
}

// Ready returns what is to be done since the last call.
func (p *Peers) Ready() Ready {
	r := p.ready
	p.ready = Ready{}
	return r
}

// Saved returns the peers worth saving now, at most MaxStored: those that are
// connected, then those that were, last seen first, then some that were only
// heard of. The first ones have the latest times, by a second at least, whoever
// else was met just now: they are the ones to come back to. Ready gives the same
// list from time to time; this is for the end of a run.
func (p *Peers) Saved(now time.Time) []Peer {
	var met, heard []Peer
	for _, e := range p.book.entries {
		connected, seen := false, earlier(e.seen, now.Add(-time.Second))
		for _, c := range p.conns {
			if c.open && !c.inbound && c.remote == e.addr {
				e.seen, connected, seen = c.received, true, now
			}
		}
		switch {
		case e.self:
		case !e.seen.IsZero():
			met = append(met, Peer{e.addr, seen, connected})
		case e.table == fresh && p.cfg.dialable(e.addr) && e.fails == 0 && len(heard) < maxStoredFresh:
			heard = append(heard, Peer{Address: e.addr})
		}
	}
	slices.SortStableFunc(met, func(x, y Peer) int {
		return cmp.Or(y.LastSeen.Compare(x.LastSeen), x.Address.Compare(y.Address))
	})
	return append(met[:min(len(met), MaxStored-maxStoredFresh)], heard...)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (p *Peers) conn(id ConnID) *conn {
	for _, c := range p.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (p *Peers) byNode(n NodeID) *conn {
	for _, c := range p.conns {
		if c.open && c.node == n {
			return c
		}
	}
	return nil
}

func (p *Peers) remove(c *conn, now time.Time) {
	if len(p.gone) == maxGone {
		p.gone = slices.Delete(p.gone, 0, 1)
	}
	p.gone = append(p.gone, gone{c.id, p.offender(c)})
	for _, a := range c.representatives {
		if p.isPrincipal(a) {
			p.lost[a] = now
		}
	}
	p.conns = slices.DeleteFunc(p.conns, func(x *conn) bool { return x == c })
}

func (p *Peers) mustBeNew(id ConnID) {
	if id == 0 || p.conn(id) != nil {
		panic(fmt.Sprintf("peering: connection id %d is zero or in use", id))
	}
}

// taken counts the slots in use, those still shaking hands or dialling included;
// feelers have none.
func (p *Peers) taken() (outbound, inbound int) {
	for _, c := range p.conns {
		switch {
		case c.inbound:
			inbound++
		case !c.feeler:
			outbound++
		}
	}
	for _, e := range p.dialing {
		if !e.feeler {
			outbound++
		}
	}
	return outbound, inbound
}

// dialled ends a dial, however it went.
func (p *Peers) dialled(e *entry) {
	e.dialing = false
	p.dialing = slices.DeleteFunc(p.dialing, func(x *entry) bool { return x == e })
}

// remotes calls f for every connection and every dial under way.
func (p *Peers) remotes(f func(a netip.Addr, inbound bool)) {
	for _, c := range p.conns {
		f(c.remote.Addr(), c.inbound)
	}
	for _, e := range p.dialing {
		f(e.addr.Addr(), false)
	}
}

func (p *Peers) isOwn(a netip.AddrPort) bool { return slices.Contains(p.own, a) }

func (p *Peers) addOwn(a netip.AddrPort) {
	if a.IsValid() && !p.isOwn(a) && len(p.own) < maxOwn {
		p.own = append(p.own, a)
	}
}
