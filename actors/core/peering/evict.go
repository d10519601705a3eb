package peering

import (
	"cmp"
	"slices"
	"time"
)

const (
	// handshakeGrace is how long a handshake is left alone when all inbound slots
	// are taken.
	handshakeGrace = time.Second
	// protectOldest and protectUseful are how many inbound connections are never
	// closed to make room: those that have lasted longest, and those that brought
	// new blocks or votes last. Both are hard to bring about for many at a time.
	protectOldest, protectUseful = 4, 4
)

// roomFor reports whether an inbound slot can be freed for a newcomer.
func (p *Peers) roomFor(newcomer *conn, now time.Time) bool {
	victim, _ := p.yields(newcomer, now)
	return victim != nil
}

// makeRoom frees an inbound slot for a newcomer, for whom there is room.
func (p *Peers) makeRoom(newcomer *conn, now time.Time) {
	victim, why := p.yields(newcomer, now)
	p.close(victim, why, now)
}

// yields returns the connection that gives its slot to a newcomer; nil for none.
// First goes a handshake that takes its time; then the youngest connection of
// the provider that has most of them, if that has more than the newcomer's. So
// who holds one network can fill the slots, and loses them again to others, but
// never takes theirs.
func (p *Peers) yields(newcomer *conn, now time.Time) (*conn, Refusal) {
	for _, c := range p.conns { // in the order in which they began
		if c.inbound && !c.open && now.Sub(c.began) >= handshakeGrace {
			return c, HandshakeLate
		}
	}
	if p.cfg.exempt(newcomer.remote.Addr()) {
		return nil, 0
	}
	return p.victim(newcomer), Full
}

// victim returns the open connection that gives way to a newcomer; nil for none.
func (p *Peers) victim(newcomer *conn) *conn {
	size := func(c *conn) (n int) {
		for _, x := range p.conns {
			if x.inbound && x.group == c.group {
				n++
			}
		}
		return n
	}
	var worst *conn
	most := size(newcomer) + 1 // with the newcomer
	for _, c := range p.evictable() {
		if n := size(c); n > most || n == most && worst != nil { // later ones are younger
			worst, most = c, n
		}
	}
	return worst
}

// evictable returns the open inbound connections that nothing protects, oldest
// first.
func (p *Peers) evictable() []*conn {
	var list []*conn
	for _, c := range p.conns {
		if c.inbound && c.open && !p.principal(c) {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b *conn) int { return a.opened.Compare(b.opened) })
	list = list[min(protectOldest, len(list)):]
	useful := slices.Clone(list)
	slices.SortStableFunc(useful, func(a, b *conn) int { return cmp.Or(b.useful.Compare(a.useful), a.opened.Compare(b.opened)) })
	for _, c := range useful[:min(protectUseful, len(useful))] {
		if !c.useful.IsZero() {
			list = slices.DeleteFunc(list, func(x *conn) bool { return x == c })
		}
	}
	return list
}
