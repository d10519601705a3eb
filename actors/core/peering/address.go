package peering

import "net/netip"

// reserved are ranges that no node of a public network has its address in.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001:db8::/32"),
}

// canonical returns the one spelling of an address: IPv4 not mapped into IPv6,
// no zone.
func canonical(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// dialable reports whether an address that a peer named may be dialled and
// passed on. The address is canonical.
func (c *Config) dialable(a netip.AddrPort) bool {
	ip := a.Addr()
	switch {
	case !ip.IsValid(), a.Port() == 0, ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast():
		return false
	case ip.IsLoopback():
		return c.AllowLoopback
	case ip.IsPrivate():
		return c.AllowPrivate
	}
	for _, r := range reserved {
		if r.Contains(ip) {
			return false
		}
	}
	return true
}

// exempt reports whether the limits by address and subnet, and bans by address,
// do not apply: where all nodes share a few addresses they would hit everybody.
func (c *Config) exempt(ip netip.Addr) bool {
	return ip.IsLoopback() && c.AllowLoopback || ip.IsPrivate() && c.AllowPrivate
}

// provider stands for all addresses that one hand can have many of: the group
// of an address or, where the limits do not apply, the address itself.
func (c *Config) provider(a netip.AddrPort) []byte {
	if c.exempt(a.Addr()) {
		text, _ := a.MarshalBinary() // cannot fail
		return text
	}
	text, _ := group(a.Addr()).MarshalBinary()
	return text
}

// source stands for all peers that one hand can have many of.
func (p *Peers) source(c *conn) []byte {
	if p.cfg.exempt(c.remote.Addr()) {
		return c.node[:]
	}
	return p.cfg.provider(c.remote)
}

// host is what one machine can hold: an IPv4 address or an IPv6 /64.
func host(ip netip.Addr) netip.Prefix { return masked(ip, 32, 64) }

// subnet is what one customer of a provider can hold.
func subnet(ip netip.Addr) netip.Prefix { return masked(ip, 24, 48) }

// group is what one provider holds, roughly.
func group(ip netip.Addr) netip.Prefix { return masked(ip, 16, 32) }

func masked(ip netip.Addr, bits4, bits6 int) netip.Prefix {
	bits := bits6
	if ip.Is4() {
		bits = bits4
	}
	p, err := ip.Prefix(bits)
	if err != nil { // only for the zero Addr, which belongs nowhere
		return netip.Prefix{}
	}
	return p
}
