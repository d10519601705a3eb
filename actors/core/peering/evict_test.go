package peering

import (
	"net/netip"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// inbound opens a connection that came in from an address.
func inbound(t *testing.T, p *Peers, id ConnID, from string, now time.Time) error {
	t.Helper()
	if err := p.Accept(id, netip.MustParseAddrPort(from), now); err != nil {
		return err
	}
	return p.Opened(id, nodeID(int(id)), 0, now)
}

// roomyConfig has few inbound slots and no other limits.
func roomyConfig(slots int) Config {
	cfg := DefaultConfig()
	cfg.MaxInbound, cfg.MaxPerAddress, cfg.MaxPerSubnet = slots, 1000, 1000
	return cfg
}

// One provider that has filled all slots gives them up to others one by one, the
// youngest first, but for those that are protected; it takes none back.
func TestCrowdGivesWay(t *testing.T) {
	p := New(roomyConfig(16))
	now := start
	for i := range ConnID(16) {
		now = now.Add(time.Second)
		if err := inbound(t, p, i+1, "20.0.0.1:4000", now); err != nil {
			t.Fatal(err)
		}
	}
	p.SetPrincipals([]lattice.Account{{1}})
	p.Attested(16, []lattice.Account{{1}})
	p.Useful(15, now)
	closed := map[ConnID]bool{}
	let := 0
	for i := range 16 {
		now = now.Add(time.Second)
		err := inbound(t, p, ConnID(100+i), netip.AddrPortFrom(netip.AddrFrom4([4]byte{30, byte(i), 0, 1}), 4000).String(), now)
		if err == nil {
			let++
		}
		for _, c := range p.Ready().Close {
			closed[c.Conn] = true
			if c.Conn >= 100 {
				t.Errorf("newcomer %d was closed for another", c.Conn)
			}
		}
		if err := inbound(t, p, ConnID(200+i), "20.0.0.2:4000", now); err != Full {
			t.Errorf("the crowd came back: %v", err)
		}
	}
	for _, kept := range []ConnID{1, 2, 3, 4, 15, 16} {
		if closed[kept] {
			t.Errorf("connection %d was protected and is gone", kept)
		}
	}
	if let < 8 || !closed[14] {
		t.Errorf("%d of 16 newcomers were let in, closed %v", let, closed)
	}
	if n := p.Counts().Inbound; n > 16 {
		t.Errorf("%d inbound connections, want at most 16", n)
	}
}

// Without a crowd nobody is closed for a newcomer.
func TestNoCrowdNoEviction(t *testing.T) {
	p := New(roomyConfig(12))
	for i := range 12 {
		if err := inbound(t, p, ConnID(i+1), netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, byte(i), 0, 1}), 4000).String(), start); err != nil {
			t.Fatal(err)
		}
	}
	if err := inbound(t, p, 99, "40.0.0.1:4000", start.Add(time.Hour)); err != Full {
		t.Errorf("%v, want %v", err, Full)
	}
}

// Handshakes that take their time do not hold the slots against others.
func TestSlowHandshakesGiveWay(t *testing.T) {
	for _, from := range []string{"20.0.0.1:4000", "127.0.0.1:4000"} {
		cfg := roomyConfig(8)
		cfg.AllowLoopback = true
		p := New(cfg)
		for i := range ConnID(8) {
			if err := p.Accept(i+1, netip.MustParseAddrPort(from), start); err != nil {
				t.Fatal(err)
			}
		}
		if err := inbound(t, p, 99, from, start); err != Full {
			t.Errorf("a handshake that has just begun was cut off: %v", err)
		}
		if err := inbound(t, p, 99, from, start.Add(handshakeGrace)); err != nil {
			t.Errorf("no room beside slow handshakes: %v", err)
		}
		if r := p.Ready(); len(r.Close) != 1 || r.Close[0] != (Close{1, HandshakeLate}) {
			t.Errorf("closed %v", r.Close)
		}
	}
}
