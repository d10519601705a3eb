package peering

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestRandomVerbs calls everything in random order, with sense and without. No
// bound is ever exceeded, limits and bans hold, and the same seed says the same.
func TestRandomVerbs(t *testing.T) {
	for seed := range uint64(20) {
		first := wander(t, seed)
		if second := wander(t, seed); first != second {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

// wander returns all that the machine said.
func wander(t *testing.T, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 11))
	cfg := DefaultConfig()
	cfg.Self, cfg.Port = nodeID(0), 7000
	if seed%2 == 0 {
		cfg.AllowLoopback = true
	}
	p := New(cfg)
	now := start
	var said strings.Builder
	var dials []netip.AddrPort
	id := ConnID(0)
	address := func() netip.AddrPort {
		if cfg.AllowLoopback && rng.IntN(4) == 0 {
			return loopback(1 + rng.IntN(50))
		}
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + rng.IntN(4)), byte(rng.IntN(3)), 0, byte(rng.IntN(20))}), uint16(7000+rng.IntN(3)))
	}
	some := func() ConnID { return ConnID(rng.IntN(int(id) + 2)) }
	for step := range 3000 {
		switch rng.IntN(15) {
		case 0, 1:
			id++
			a := address()
			err := p.Accept(id, a, now)
			fmt.Fprintln(&said, "accept", a, err)
		case 2, 3:
			if len(dials) > 0 {
				id++
				a := dials[0]
				dials = dials[1:]
				fmt.Fprintln(&said, "dialed", a, p.Dialed(a, id, now))
			}
		case 4:
			if len(dials) > 0 {
				p.DialFailed(dials[0], now)
				dials = dials[1:]
			}
		case 5, 6:
			x := some()
			if c := p.conn(x); c == nil || !c.open {
				fmt.Fprintln(&said, "opened", x, p.Opened(x, nodeID(rng.IntN(60)), uint16(rng.IntN(3)*7000), now))
			}
		case 7:
			p.Closed(some(), now)
		case 8:
			p.Received(some(), now)
		case 9:
			p.Heard(some(), []netip.AddrPort{address(), address(), address(), address()}, now)
		case 10:
			fmt.Fprintln(&said, p.Misbehaved(some(), BadFrame+Offence(rng.IntN(int(Crashed))), now))
		case 11:
			p.AddConfigured(address(), now)
		case 12:
			p.Load([]Peer{{Address: address(), LastSeen: now.Add(-time.Hour)}, {Address: address(), LastSeen: now.Add(time.Hour)}, {Address: address()}}, now)
		case 13:
			p.Widen(rng.IntN(3) == 0)
			fallthrough
		default:
			now = now.Add(time.Duration(rng.IntN(4000)) * time.Millisecond)
			p.Tick(now, rng)
		}
		r := p.Ready()
		fmt.Fprintln(&said, r)
		dials = append(dials, r.Dial...)
		checkLaws(t, p, now)
		if step%32 == 0 {
			checkBook(t, p)
		}
	}
	return said.String()
}

// checkLaws checks what must hold after every verb.
func checkLaws(t *testing.T, p *Peers, now time.Time) {
	t.Helper()
	c, cfg := p.Counts(), &p.cfg
	if c.Outbound > Widening*cfg.MaxOutbound || c.Inbound > cfg.MaxInbound || c.Outbound+c.Inbound > cfg.MaxOutbound+cfg.MaxInbound || c.Book > MaxBook || len(p.book.byAddr) != c.Book ||
		c.Configured > MaxConfigured || c.Offenders > maxOffenders || len(p.dialing) > maxDialing+1 || len(p.own) > maxOwn {
		t.Fatalf("over a bound: %+v", c)
	}
	hosts, subnets, groups, nodes := map[netip.Prefix]int{}, map[netip.Prefix]int{}, map[netip.Prefix]int{}, map[NodeID]int{}
	for _, x := range p.conns {
		ip := x.remote.Addr()
		if x.open {
			nodes[x.node]++
		}
		if x.node == cfg.Self || nodes[x.node] > 1 {
			t.Fatalf("connected with ourselves or twice with one node:\n%v", p)
		}
		if _, banned := p.offences.Banned(p.offender(x), now); banned && x.open {
			t.Fatalf("connected with a banned peer:\n%v", p)
		}
		if cfg.exempt(ip) {
			continue
		}
		hosts[host(ip)]++
		subnets[subnet(ip)]++
		if e := p.book.get(x.remote); !x.inbound && !x.feeler && (e == nil || e.table != configured) {
			groups[group(ip)]++
		}
		if hosts[host(ip)] > cfg.MaxPerAddress || subnets[subnet(ip)] > cfg.MaxPerSubnet || groups[group(ip)] > cfg.MaxOutboundPerGroup {
			t.Fatalf("over a limit by address:\n%v", p)
		}
	}
}

// checkBook checks that every address stands where it belongs, and nowhere else.
func checkBook(t *testing.T, p *Peers) {
	t.Helper()
	b, seated := &p.book, 0
	for table := range b.buckets {
		for k, bucket := range b.buckets[table] {
			if len(bucket) > bucketSize {
				t.Fatalf("%d addresses in one bucket", len(bucket))
			}
			for _, e := range bucket {
				if b.get(e.addr) != e || int(e.table) != table || e.bucket != k || b.place(e.table, e.addr, e.source) != k {
					t.Fatalf("%v stands in bucket %d of the %v:\n%v", e.addr, k, e.table, p)
				}
				seated++
			}
		}
	}
	if seated+b.count(configured) != len(b.entries) || len(b.tests) > maxTests {
		t.Fatalf("%d addresses, %d of them in buckets; %d tests", len(b.entries), seated, len(b.tests))
	}
	for _, x := range b.tests {
		if b.get(x.incumbent.addr) != x.incumbent || x.incumbent.table != tried || b.get(x.newcomer.addr) != x.newcomer || x.newcomer.table != fresh {
			t.Fatalf("a test of %v by %v:\n%v", x.incumbent.addr, x.newcomer.addr, p)
		}
	}
}

// TestConfiguredBounded: a name whose answers change fills the book with
// configured addresses; those that fail for long give way, the others do not.
func TestConfiguredBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Self = nodeID(1)
	p := New(cfg)
	add := func(i int) bool {
		return p.AddConfigured(netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, byte(i), 0, 1}), 7176), start)
	}
	for i := range MaxConfigured {
		if !add(i) {
			t.Fatalf("address %d is not taken", i)
		}
	}
	if add(MaxConfigured) {
		t.Fatal("one too many is taken")
	}
	now, rng := start, rand.New(rand.NewPCG(1, 1))
	for range maxTriedFails * MaxConfigured {
		now = now.Add(time.Minute)
		p.Tick(now, rng)
		for _, a := range p.Ready().Dial {
			p.DialFailed(a, now)
		}
	}
	if !add(MaxConfigured) || p.Counts().Configured != MaxConfigured {
		t.Errorf("no room after an address failed for long; %d configured", p.Counts().Configured)
	}
}

// TestBackoff: for each kind of address the pauses grow as they should and stay
// within a quarter of that; a configured peer is never given up.
func TestBackoff(t *testing.T) {
	for seed := range uint64(20) {
		cfg := DefaultConfig()
		cfg.Self = nodeID(1)
		p := New(cfg)
		rng := rand.New(rand.NewPCG(seed, 1))
		a := netip.MustParseAddrPort("20.0.0.1:7176")
		p.AddConfigured(a, start)
		now, failed, want := start, time.Time{}, cfg.BackoffMin
		for tries := 0; tries < 30; now = now.Add(10 * time.Millisecond) {
			p.Tick(now, rng)
			if len(p.Ready().Dial) == 0 {
				continue
			}
			if pause := now.Sub(failed); !failed.IsZero() {
				if pause < want*3/4 || pause > want*5/4+10*time.Millisecond {
					t.Fatalf("seed %d: pause %d is %v, want %v give or take a quarter", seed, tries, pause, want)
				}
				want = min(2*want, cfg.BackoffMaxConfigured)
			}
			p.DialFailed(a, now)
			failed = now
			tries++
		}
	}
}
