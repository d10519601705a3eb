package peering

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// Tick does what time brings: gives up dials and handshakes that take too long,
// closes silent connections, dials, sends keepalives, gives out the list to
// save. A few calls a second are enough.
func (p *Peers) Tick(now time.Time, rng *rand.Rand) {
	p.expire(now)
	p.dial(now, rng)
	p.feel(now, rng)
	p.keepalives(now, rng)
	if p.nextStore.IsZero() {
		p.nextStore = now.Add(p.cfg.StoreInterval)
	}
	if !now.Before(p.nextStore) {
		p.ready.Store = p.Saved(now)
		p.nextStore = now.Add(p.cfg.StoreInterval)
	}
}

func (p *Peers) expire(now time.Time) {
	for _, e := range slices.Clone(p.dialing) {
		if now.Sub(e.since) >= p.cfg.DialTimeout {
			p.dialled(e)
			p.book.missed(e, now)
			p.failed(e, now)
		}
	}
	for _, c := range slices.Clone(p.conns) {
		switch {
		case !c.open && now.Sub(c.began) >= p.cfg.HandshakeTimeout:
			p.close(c, HandshakeLate, now)
		case c.open && now.Sub(c.received) >= p.cfg.IdleTimeout:
			p.close(c, Idle, now)
		}
	}
}

// dial fills the free outbound slots: configured peers first, then the last good
// peers of the run before, so that who crowds the book does not get a node that
// restarts, then addresses at which a node was met, then hearsay.
func (p *Peers) dial(now time.Time, rng *rand.Rand) {
	outbound, inbound := p.taken()
	most := p.mostOutbound(inbound)
	free := min(most-outbound, maxDialing-len(p.dialing))
	if free <= 0 {
		return
	}
	var first, anchors []*entry
	missing := 0
	for _, e := range p.book.entries {
		if e.self || e.dialing || p.connected(e) {
			continue
		}
		if e.table == configured {
			missing++
		}
		switch {
		case !p.due(e, now):
		case e.table == configured:
			first = append(first, e)
		case e.anchor:
			anchors = append(anchors, e)
		}
	}
	learnt := slices.Concat(p.book.draw(tried, rng), p.book.draw(fresh, rng))
	learnt = slices.DeleteFunc(learnt, func(e *entry) bool { return e.anchor || !p.due(e, now) || p.connected(e) })

	// Learnt peers leave room for configured ones that are away: up to half of
	// the slots, lest a list of dead addresses cut the node off.
	reserve := min(missing, p.cfg.MaxOutbound/2)
	for i, e := range slices.Concat(first, anchors, learnt) {
		learnt := i >= len(first)
		if free <= 0 || learnt && outbound+reserve >= most {
			return
		}
		if p.crowded(e.addr.Addr(), now) != nil || learnt && p.groupFull(e) {
			continue
		}
		p.start(e, false, now, rng)
		outbound++
		free--
		if !learnt {
			reserve = min(max(missing-i-1, 0), p.cfg.MaxOutbound/2)
		}
	}
}

// Widening is how many times as many peers a node dials when Widen says so: with so
// many it hears most of the weight of a network of dozens of representatives.
const Widening = 3

// Widen tells whether to dial more peers: when those that are connected have too
// little weight for a confirmation, or nothing is confirmed although blocks wait.
// They take inbound slots that are free. What has been dialled stays.
func (p *Peers) Widen(more bool) { p.wider = more }

func (p *Peers) mostOutbound(inbound int) int {
	if p.wider {
		return p.cfg.MaxOutbound + max(0, min((Widening-1)*p.cfg.MaxOutbound, p.cfg.MaxInbound-inbound))
	}
	return p.cfg.MaxOutbound
}

// due reports whether an address may be dialled now.
func (p *Peers) due(e *entry, now time.Time) bool {
	return !e.self && !e.dialing && !now.Before(e.next) && !p.nodeBanned(e, now)
}

// start asks for a dial.
func (p *Peers) start(e *entry, feeler bool, now time.Time, rng *rand.Rand) {
	e.dialing, e.feeler, e.anchor, e.since, e.jitter = true, feeler, false, now, 0.75+rng.Float64()/2
	p.dialing = append(p.dialing, e)
	p.ready.Dial = append(p.ready.Dial, e.addr)
}

// resee is how long ago a tried address was seen when a feeler looks again.
const resee = time.Hour

// feel dials now and then, one at a time and beside the slots, an address only to
// see whether a node is there: a tried one that would have to give way, else a
// fresh one, else the tried one that was seen longest ago. So there are addresses
// at which nodes are known to be when they are needed, and those come from all
// over the book and not from whoever shouted last.
func (p *Peers) feel(now time.Time, rng *rand.Rand) {
	if p.nextFeeler.IsZero() {
		p.nextFeeler = now.Add(p.cfg.FeelerInterval)
	}
	if now.Before(p.nextFeeler) || p.feeling() {
		return
	}
	p.nextFeeler = now.Add(time.Duration(float64(p.cfg.FeelerInterval) * (0.75 + rng.Float64()/2)))
	for _, t := range slices.Clone(p.book.tests) {
		if e := t.incumbent; p.connected(e) {
			p.book.answered(e, now)
		} else if !e.dialing && p.crowded(e.addr.Addr(), now) == nil {
			p.start(e, true, now, rng)
			return
		}
	}
	if e := p.doubtful(now, rng); e != nil {
		p.start(e, true, now, rng)
	}
}

// doubtful returns the address that the next feeler goes to.
func (p *Peers) doubtful(now time.Time, rng *rand.Rand) *entry {
	may := func(e *entry) bool {
		return p.due(e, now) && !p.connected(e) && p.crowded(e.addr.Addr(), now) == nil
	}
	for _, e := range p.book.draw(fresh, rng) {
		if may(e) {
			return e
		}
	}
	var oldest *entry
	for _, e := range p.book.entries {
		if e.table == tried && now.Sub(e.seen) >= resee && (oldest == nil || e.seen.Before(oldest.seen)) && may(e) {
			oldest = e
		}
	}
	return oldest
}

// feeling reports whether a feeler is under way.
func (p *Peers) feeling() bool {
	return slices.ContainsFunc(p.dialing, func(e *entry) bool { return e.feeler }) ||
		slices.ContainsFunc(p.conns, func(c *conn) bool { return c.feeler })
}

// connected reports whether there is a connection to an address, or to the node
// that lives there, under whatever address.
func (p *Peers) connected(e *entry) bool {
	for _, c := range p.conns {
		switch {
		case !c.inbound && c.remote == e.addr,
			c.open && c.listening == e.addr,
			c.open && e.node != NodeID{} && c.node == e.node:
			return true
		}
	}
	return false
}

func (p *Peers) nodeBanned(e *entry, now time.Time) bool {
	_, banned := p.offences.Banned(Offender{Node: e.node}, now)
	return banned && e.node != NodeID{}
}

// groupFull reports whether enough of the outbound slots point into the group
// of an address already: who owns one network shall not be all we talk to.
func (p *Peers) groupFull(e *entry) bool {
	ip := e.addr.Addr()
	if p.cfg.exempt(ip) {
		return false
	}
	n := 0
	p.remotes(func(a netip.Addr, inbound bool) {
		if !inbound && group(a) == group(ip) {
			n++
		}
	})
	return n >= p.cfg.MaxOutboundPerGroup
}

// keepalives sends each connection a keepalive when it is due, the first one at
// once, so that a node that just came learns its way around quickly.
func (p *Peers) keepalives(now time.Time, rng *rand.Rand) {
	var known []netip.AddrPort
	for _, c := range p.conns {
		if !c.open || now.Before(c.nextKeepalive) {
			continue
		}
		if known == nil {
			known = p.known(now)
		}
		c.nextKeepalive = now.Add(p.cfg.KeepaliveInterval)
		p.ready.Keepalives = append(p.ready.Keepalives, Keepalive{c.id, p.pick(c, known, rng)})
	}
}

// known returns the addresses that may be passed on: those at which a node is
// connected now, and those that answered lately.
func (p *Peers) known(now time.Time) []netip.AddrPort {
	out := []netip.AddrPort{}
	for _, c := range p.conns {
		if c.open && c.listening.IsValid() && p.cfg.dialable(c.listening) && !slices.Contains(out, c.listening) {
			out = append(out, c.listening)
		}
	}
	for _, e := range p.book.entries {
		if now.Sub(e.seen) < passOn && e.fails == 0 && !e.self && p.cfg.dialable(e.addr) && !slices.Contains(out, e.addr) {
			out = append(out, e.addr)
		}
	}
	return out
}

// pick draws the addresses for one keepalive: first where the receiver is seen
// from here, then where this node is, then others.
func (p *Peers) pick(c *conn, known []netip.AddrPort, rng *rand.Rand) []netip.AddrPort {
	var out []netip.AddrPort
	if c.listening.IsValid() && p.cfg.dialable(c.listening) {
		out = append(out, c.listening)
	}
	for _, a := range p.External() {
		if a != c.listening && a != c.remote {
			out = append(out, a)
		}
	}
	for _, i := range rng.Perm(len(known)) {
		if len(out) == MaxKeepaliveAddresses {
			break
		}
		if a := known[i]; a != c.listening && a != c.remote && !p.isOwn(a) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
