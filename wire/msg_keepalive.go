package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// MaxKeepalivePeers is the largest number of addresses in a keepalive.
const MaxKeepalivePeers = 8

// endpointSize is the length of an address and a port.
const endpointSize = 16 + 2

// Keepalive shows that the sender is alive and names peers it knows.
type Keepalive struct {
	// Peers holds 0 to MaxKeepalivePeers addresses, all different. The first should
	// be where the sender sees the receiver, if that listens; the others have no
	// particular order. An address is IPv6 or IPv4, without a zone, not the
	// unspecified one, and its port is not 0: anything else cannot be dialled.
	// Read messages hold IPv4 addresses as such, never mapped into IPv6.
	Peers []netip.AddrPort
}

// Type returns TypeKeepalive.
func (*Keepalive) Type() Type { return TypeKeepalive }

func (m *Keepalive) check() error {
	if err := countWithin("addresses", len(m.Peers), 0, MaxKeepalivePeers); err != nil {
		return err
	}
	for i, p := range m.Peers {
		if err := checkEndpoint(p); err != nil {
			return fmt.Errorf("address %d (%v): %w", i, p, err)
		}
		for j, q := range m.Peers[:i] {
			if p.Port() == q.Port() && p.Addr().Unmap() == q.Addr().Unmap() {
				return fmt.Errorf("address %d is the same as address %d", i, j)
			}
		}
	}
	return nil
}

func checkEndpoint(p netip.AddrPort) error {
	switch a := p.Addr(); {
	case !a.IsValid():
		return errors.New("no address")
	case a.Zone() != "":
		return errors.New("has a zone, which means nothing elsewhere")
	case a.Unmap().IsUnspecified():
		return errors.New("is the unspecified address")
	case p.Port() == 0:
		return errors.New("has port 0")
	}
	return nil
}

func (m *Keepalive) appendBody(to []byte) ([]byte, error) {
	to = append(to, byte(len(m.Peers)))
	for _, p := range m.Peers {
		a := p.Addr().As16() // maps IPv4
		to = append(to, a[:]...)
		to = binary.LittleEndian.AppendUint16(to, p.Port())
	}
	return to, nil
}

func (m *Keepalive) readBody(d *decoder) {
	m.Peers = entries[netip.AddrPort](d.list(int(d.u8()), endpointSize))
	for i := range m.Peers {
		var a [16]byte
		d.bytes(a[:])
		m.Peers[i] = netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), d.u16())
	}
}
