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
	p.keepalives(now, rng)
	if p.nextStore.IsZero() {
		p.nextStore = now.Add(p.cfg.StoreInterval)
	}
	if !now.Before(p.nextStore) {
		p.ready.Store = p.Saved()
		p.nextStore = now.Add(p.cfg.StoreInterval)
	}
}

func (p *Peers) expire(now time.Time) {
	for _, e := range slices.Clone(p.dialing) {
		if now.Sub(e.since) >= p.cfg.DialTimeout {
			p.dialled(e)
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

// dial fills the free outbound slots: configured peers first, then those that
// answered before, last seen first, so that a restarted node comes back to the
// peers it had, then hearsay in random order.
func (p *Peers) dial(now time.Time, rng *rand.Rand) {
	outbound, _ := p.taken()
	free := min(p.cfg.MaxOutbound-outbound, maxDialing-len(p.dialing))
	if free <= 0 {
		return
	}
	var first, tried, rest []*entry
	missing := 0
	for _, e := range p.book.entries {
		if e.self || e.dialing || p.connected(e) {
			continue
		}
		if e.origin == configured {
			missing++
		}
		if now.Before(e.next) || p.nodeBanned(e, now) {
			continue
		}
		switch {
		case e.origin == configured:
			first = append(first, e)
		case !e.seen.IsZero():
			tried = append(tried, e)
		default:
			rest = append(rest, e)
		}
	}
	slices.SortStableFunc(tried, func(a, b *entry) int { return b.seen.Compare(a.seen) })
	rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })

	// Learnt peers leave room for configured ones that are away: up to half of
	// the slots, lest a list of dead addresses cut the node off.
	reserve := min(missing, p.cfg.MaxOutbound/2)
	for i, e := range slices.Concat(first, tried, rest) {
		learnt := i >= len(first)
		if free <= 0 || learnt && outbound+reserve >= p.cfg.MaxOutbound {
			return
		}
		if p.crowded(e.addr.Addr(), now) != nil || learnt && p.groupFull(e) {
			continue
		}
		e.dialing, e.since, e.jitter = true, now, 0.75+rng.Float64()/2
		p.dialing = append(p.dialing, e)
		p.ready.Dial = append(p.ready.Dial, e.addr)
		outbound++
		free--
		if !learnt {
			reserve = min(max(missing-i-1, 0), p.cfg.MaxOutbound/2)
		}
	}
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

// pick draws the addresses for one keepalive; the receiver's own is left out.
func (p *Peers) pick(c *conn, known []netip.AddrPort, rng *rand.Rand) []netip.AddrPort {
	var out []netip.AddrPort
	for _, i := range rng.Perm(len(known)) {
		if len(out) == MaxKeepaliveAddresses {
			break
		}
		if a := known[i]; a != c.listening && a != c.remote {
			out = append(out, a)
		}
	}
	return out
}
