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

// Seen is an address at which this node is said to be.
type Seen struct {
	Address    netip.AddrPort
	Configured bool // by the operator
	Believed   bool // peers are told of it
	Agree      int  // peers of different providers that see this node there now
	Against    int  // those that see it somewhere else, at an address of the same family
}

// Sightings returns where this node is said to be: what is believed first, then
// what most agree on.
func (p *Peers) Sightings() (out []Seen) {
	for _, a := range p.External() {
		out = append(out, Seen{Address: a, Believed: true, Configured: p.cfg.External.IsValid()})
	}
	var sources [2][]string
	for _, c := range p.conns {
		a := c.seesUs
		from, family := string(p.source(c)), family(a)
		if !a.IsValid() || slices.Contains(sources[family], from) {
			continue
		}
		sources[family] = append(sources[family], from)
		i := slices.IndexFunc(out, func(s Seen) bool { return s.Address == a })
		if i < 0 {
			i = len(out)
			out = append(out, Seen{Address: a})
		}
		out[i].Agree++
	}
	for i := range out {
		out[i].Against = len(sources[family(out[i].Address)]) - out[i].Agree
	}
	slices.SortStableFunc(out, func(a, b Seen) int {
		if a.Believed != b.Believed {
			return map[bool]int{true: -1, false: 1}[a.Believed]
		}
		return b.Agree - a.Agree
	})
	return out
}

// family is 0 for IPv4, 1 for IPv6.
func family(a netip.AddrPort) int {
	if a.Addr().Is6() {
		return 1
	}
	return 0
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
	p.learnt[family(best)] = best // still dialled, if somebody names it: liars shall not keep us from a node
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
