package peering

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// How often one host and one subnet may knock. A node that keeps to the protocol
// waits longer after each connection that did not last.
var (
	hostKnocks   = Rate{PerSecond: 1, Burst: 16}
	subnetKnocks = Rate{PerSecond: 4, Burst: 64}
)

// gatePlaces is how many places a gate has for hosts, and as many for subnets.
const gatePlaces = 1024

// Gate tells who knocks too often, before anything is made for his connection: a
// few hundred addresses that dial again and again would cost more than all that
// is refused to them. It takes 32 KiB, whoever knocks, and allocates
// nothing. A secret key says which two of the places count the knocks of a host,
// and which those of its subnet; only who finds both empty is sent away. So a
// crowd that fills few places keeps nobody else out.
//
// It belongs to one goroutine.
type Gate struct {
	cfg            *Config
	k0, k1         uint64
	hosts, subnets [gatePlaces]place
}

// place is a bucket of tokens that is made of nothing: the zero value is full.
type place struct {
	lack int64 // tokens that are missing x 1e9
	at   int64 // when that was so, in nanoseconds
}

// NewGate returns a gate at which nobody has knocked yet.
func NewGate(cfg *Config) *Gate {
	return &Gate{cfg: cfg, k0: binary.LittleEndian.Uint64(cfg.Key[:8]), k1: binary.LittleEndian.Uint64(cfg.Key[8:])}
}

// Knock reports whether a connection from an address is looked at. Addresses
// that the limits do not hold for always are.
func (g *Gate) Knock(remote netip.AddrPort, now time.Time) bool {
	ip := remote.Addr().Unmap()
	if g.cfg.exempt(ip) {
		return true
	}
	wide := ip.As16()
	host, subnet := wide[:8], wide[:6] // a /64 and a /48
	if ip.Is4() {
		host, subnet = wide[:], wide[:15]
	}
	return g.take(&g.hosts, host, 1, hostKnocks, now) && g.take(&g.subnets, subnet, 2, subnetKnocks, now)
}

// take takes a token from one of the two places of a name that has one.
func (g *Gate) take(places *[gatePlaces]place, name []byte, kind uint64, r Rate, now time.Time) bool {
	h := siphash(g.k0, g.k1^kind<<32, name)
	first, second := &places[h%gatePlaces], &places[h>>32%gatePlaces]
	at := now.UnixNano()
	return first.take(r, at) || second.take(r, at)
}

func (p *place) take(r Rate, at int64) bool {
	if passed := at - p.at; passed > 0 { // a clock that went back brings nothing
		if passed >= p.lack/r.PerSecond {
			p.lack = 0
		} else {
			p.lack -= passed * r.PerSecond
		}
		p.at = at
	}
	if p.lack+nano > r.Burst*nano {
		return false
	}
	p.lack += nano
	return true
}
