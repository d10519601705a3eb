package peering

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func knock(g *Gate, from string, now time.Time) bool {
	return g.Knock(netip.MustParseAddrPort(from), now)
}

// A host gets a few connections at once and then one a second, a subnet four.
func TestGate(t *testing.T) {
	cfg := DefaultConfig()
	g := NewGate(&cfg)
	now := time.Unix(1_700_000_000, 0)
	through := func(seconds, perSecond int, from func(i int) string) (n int) {
		for i := range seconds * perSecond {
			if knock(g, from(i), now) {
				n++
			}
			now = now.Add(time.Second / time.Duration(perSecond))
		}
		return n
	}
	for _, c := range []struct {
		name        string
		from        func(i int) string
		least, most int // of 100 seconds with 100 knocks each
	}{
		{"one host", func(int) string { return "8.8.8.8:1" }, 100, 2 * (100 + 16)},
		{"one IPv6 host", func(i int) string { return "[2600::" + string("0123456789abcdef"[i%16]) + "]:1" }, 100, 2 * (100 + 16)},
		{"one subnet", func(i int) string {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{9, 9, 9, byte(i)}), 1).String()
		}, 400, 2 * (400 + 64)},
	} {
		if n := through(100, 100, c.from); n < c.least || n > c.most {
			t.Errorf("%s: %d of 10000 connections are looked at, want %d to %d", c.name, n, c.least, c.most)
		}
	}
	if !knock(g, "8.8.4.4:1", now) {
		t.Error("another host is sent away")
	}
	if now = now.Add(time.Minute); !knock(g, "8.8.8.8:1", now) {
		t.Error("a host that waited is sent away")
	}
	if now = now.Add(-time.Hour); !knock(g, "8.8.8.8:1", now) {
		t.Error("when the clock goes back a host is sent away that may knock again")
	}
}

// A crowd of few hundred hosts that knock without end keeps hardly anybody else
// out, and costs no memory.
func TestGateCrowd(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Key = [16]byte{7}
	g := NewGate(&cfg)
	now := time.Unix(1_700_000_000, 0)
	rng := rand.New(rand.NewPCG(1, 1))
	at := func(a, b int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(a), byte(b), 1, 1}), 7)
	}
	for range 30_000 {
		now = now.Add(time.Millisecond)
		g.Knock(at(11, rng.IntN(200)), now)
	}
	out := 0
	for i := range 1000 {
		if !g.Knock(at(20+i/250, i%250), now) {
			out++
		}
	}
	if out > 100 {
		t.Errorf("%d of 1000 others are sent away", out)
	}
	if n := testing.AllocsPerRun(100, func() { g.Knock(at(11, 3), now) }); n != 0 {
		t.Errorf("%v allocations for a connection that is sent away", n)
	}
}

// Where all nodes share a few addresses everybody is looked at.
func TestGateExempt(t *testing.T) {
	cfg := DevConfig()
	g := NewGate(&cfg)
	for i := range 1000 {
		if !knock(g, "127.0.0.1:5", time.Unix(1, 0)) || !knock(g, "[::1]:5", time.Unix(1, 0)) {
			t.Fatalf("connection %d is sent away", i)
		}
	}
}

// When many strangers come at once, those that are known go first.
func TestHandshakeBudget(t *testing.T) {
	cfg := roomyConfig(1000)
	cfg.Handshakes = Rate{PerSecond: 10, Burst: 50}
	p := New(cfg)
	now := time.Unix(1_700_000_000, 0)
	p.AddConfigured(netip.MustParseAddrPort("5.5.5.5:7176"), now)
	id := ConnID(0)
	accept := func(from string) error {
		id++
		return p.Accept(id, netip.MustParseAddrPort(from), now)
	}
	for i := range 200 {
		err := accept(netip.AddrPortFrom(netip.AddrFrom4([4]byte{30, byte(i), 1, 1}), 9).String())
		if want := i < 50; want != (err == nil) || err != nil && !errors.Is(err, TooSoon) {
			t.Fatalf("stranger %d: %v", i, err)
		}
	}
	if err := accept("5.5.5.5:999"); err != nil {
		t.Errorf("a known host has to wait for strangers: %v", err)
	}
	now = now.Add(500 * time.Millisecond)
	for i := range 10 {
		if err := accept(netip.AddrPortFrom(netip.AddrFrom4([4]byte{31, byte(i), 1, 1}), 9).String()); (err == nil) != (i < 5) {
			t.Errorf("half a second later, stranger %d: %v", i, err)
		}
	}
}
