package peering

import (
	"net/netip"
	"slices"
)

// minAgree is how many peers of different providers have to see this node at one
// address before that is told to others.
const minAgree = 3

// told takes what a peer says of where it sees this node. Only those count that
// were chosen here: anybody can connect to us from many places.
func (p *Peers) told(c *conn, a netip.AddrPort) {
	if c.inbound {
		return
	}
	c.seesUs = a
	p.learn(a.Addr().Is6())
}

// learn takes an address of one family for ours when several providers agree on
// it and fewer contradict them. It stays until another one is agreed on: while
// nobody speaks nothing has changed.
func (p *Peers) learn(six bool) {
	said := map[netip.AddrPort]int{}
	var sources []string
	best, all := netip.AddrPort{}, 0
	for _, c := range p.conns {
		from := string(p.source(c))
		if !c.seesUs.IsValid() || c.seesUs.Addr().Is6() != six || slices.Contains(sources, from) {
			continue
		}
		sources = append(sources, from)
		all++
		if said[c.seesUs]++; said[c.seesUs] > said[best] {
			best = c.seesUs
		}
	}
	if n := said[best]; n < minAgree || 2*n <= all {
		return
	}
	i := 0
	if six {
		i = 1
	}
	p.learnt[i] = best // still dialled, if somebody names it: liars shall not keep us from a node
}

// External returns where this node can be reached, as the operator said or, if
// he did not, as peers agree: at most one address of each family, IPv4 first.
// Peers are told of it.
func (p *Peers) External() []netip.AddrPort {
	if p.cfg.Port == 0 {
		return nil
	}
	if p.cfg.External.IsValid() {
		return []netip.AddrPort{canonical(p.cfg.External)}
	}
	return slices.DeleteFunc(slices.Clone(p.learnt[:]), func(a netip.AddrPort) bool { return !a.IsValid() })
}
