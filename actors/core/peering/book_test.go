package peering

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// world is public addresses: number i of a provider.
func world(provider, i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + provider>>8), byte(provider), byte(i >> 8), byte(i)}), 7176)
}

// keyed returns a public configuration with a key made of a seed.
func keyed(seed uint64) Config {
	cfg := DefaultConfig()
	cfg.Self = nodeID(0)
	binary.LittleEndian.PutUint64(cfg.Key[:], seed)
	return cfg
}

// holder is who talks to a machine in these tests.
type holder struct {
	t   *testing.T
	p   *Peers
	rng *rand.Rand
	now time.Time
	id  ConnID
}

func newHolder(t *testing.T, cfg Config, seed uint64) *holder {
	return &holder{t: t, p: New(cfg), rng: rand.New(rand.NewPCG(seed, 2)), now: start}
}

// says lets a peer at an address connect, name others, and go.
func (h *holder) says(from netip.AddrPort, named ...netip.AddrPort) {
	h.t.Helper()
	h.id++
	id := h.id
	if err := h.p.Accept(id, netip.AddrPortFrom(from.Addr(), 50000), h.now); err != nil {
		h.t.Fatal(err)
	}
	if err := h.p.Opened(id, nodeID(40000+int(id)%20000), 0, h.now); err != nil {
		h.t.Fatal(err)
	}
	for part := range slices.Chunk(named, MaxKeepaliveAddresses) {
		h.now = h.now.Add(h.p.cfg.KeepaliveInterval)
		h.p.Received(id, h.now)
		h.p.Heard(id, part, h.now)
	}
	h.p.Closed(id, h.now)
}

// meets lets a node be met at an address of the book.
func (h *holder) meets(a netip.AddrPort) {
	if e := h.p.book.get(a); e != nil {
		h.p.book.answered(e, h.now)
	}
}

// pass lets time pass; dials end as up says, with a node each that stays.
func (h *holder) pass(d time.Duration, up func(netip.AddrPort) bool) {
	h.t.Helper()
	for until := h.now.Add(d); h.now.Before(until); h.now = h.now.Add(time.Second) {
		for _, s := range h.p.Status(h.now) {
			h.p.Received(s.Conn, h.now)
		}
		h.p.Tick(h.now, h.rng)
		for _, a := range h.p.Ready().Dial {
			if !up(a) {
				h.p.DialFailed(a, h.now)
				continue
			}
			h.id++
			if err := h.p.Dialed(a, h.id, h.now); err != nil {
				h.t.Fatal(err)
			}
			b := a.Addr().As4()
			if err := h.p.Opened(h.id, NodeID{1, b[0], b[1], b[2], b[3]}, a.Port(), h.now); err != nil && err != Tested && err != Duplicate {
				h.t.Fatal(err)
			}
		}
		checkLaws(h.t, h.p, h.now)
	}
}

// outbound returns the addresses of the open connections that were dialled.
func (h *holder) outbound() (out []netip.AddrPort) {
	for _, s := range h.p.Status(h.now) {
		if !s.Inbound {
			out = append(out, s.Remote)
		}
	}
	return out
}

// count counts the addresses of a table that lie at providers from up to below.
func (h *holder) count(in table, from, below int) (n int) {
	for _, e := range h.p.book.entries {
		b := e.addr.Addr().As4()
		if i := int(b[0]-20)<<8 | int(b[1]); e.table == in && from <= i && i < below {
			n++
		}
	}
	return n
}

// TestBookShare: whoever has g providers names and answers from as many
// addresses as he likes: his part of the book stays within g parts, with any key.
// Before him the honest had filled what they could, and what is theirs and
// answers stays.
func TestBookShare(t *testing.T) {
	const honest = 200 // providers
	for seed := range uint64(8) {
		for _, g := range []int{1, 2, 4} {
			h := newHolder(t, keyed(seed), seed)
			for i := range honest {
				h.says(world(i, 1), world((i+1)%honest, 2), world((i+7)%honest, 3))
				h.meets(world((i+1)%honest, 2))
			}
			before := h.count(tried, 0, honest)
			for i := range 40 {
				for k := range g {
					var named []netip.AddrPort
					for j := range 64 {
						named = append(named, world(1000+(k+j)%g, 10+64*i+j))
					}
					h.says(world(1000+k, 1+i), named...)
					for _, a := range named {
						h.meets(a)
					}
				}
				h.now = h.now.Add(time.Minute)
			}
			checkBook(t, h.p)
			if got, most := h.count(fresh, 1000, 1000+g), g*freshPerSource*bucketSize; got > most {
				t.Errorf("seed %d, %d providers: %d fresh addresses, want at most %d", seed, g, got, most)
			}
			if got, most := h.count(tried, 1000, 1000+g), g*triedPerGroup*bucketSize; got > most {
				t.Errorf("seed %d, %d providers: %d tried addresses, want at most %d", seed, g, got, most)
			}
			if got := h.count(tried, 0, honest); got != before {
				t.Errorf("seed %d, %d providers: %d of %d honest tried addresses are left, though nobody failed", seed, g, got, before)
			}
		}
	}
}

// TestBookNamed: whoever names addresses of many providers, his own or none, from
// one provider, reaches an eighth of the fresh table, and pushes out nothing that
// others named; and what was named stands in the same place whoever comes first.
func TestBookNamed(t *testing.T) {
	for seed := range uint64(8) {
		h := newHolder(t, keyed(seed), seed)
		for i := range 20 {
			h.says(world(i, 1), world(100+i, 1))
		}
		before := h.count(fresh, 100, 120)
		for i := range 50 {
			var named []netip.AddrPort
			for j := range 64 {
				named = append(named, world(2000+64*i+j, 1))
			}
			h.says(world(500, i), named...)
		}
		if got, most := h.count(fresh, 2000, 6000), freshPerSource*bucketSize; got > most {
			t.Errorf("seed %d: %d addresses from one provider, want at most %d", seed, got, most)
		}
		if got := h.count(fresh, 100, 120); got != before {
			t.Errorf("seed %d: %d of %d are left of what others named", seed, got, before)
		}
	}
	if a, b := newHolder(t, keyed(1), 1), newHolder(t, keyed(1), 2); a.p.book.place(tried, world(1, 1), nil) != b.p.book.place(tried, world(1, 1), nil) {
		t.Error("one key, two places")
	}
	places := map[int]bool{}
	for seed := range uint64(64) {
		places[newHolder(t, keyed(seed), 1).p.book.place(tried, world(1, 1), nil)] = true
	}
	if len(places) < 16 {
		t.Errorf("64 keys give an address %d places: it can be foreseen", len(places))
	}
}

// TestEclipseBook: the attacker has four providers, all that the limit of
// outbound connections of one provider asks for, and has crowded the book with
// addresses that all answer; nearly as many honest ones as he has addresses are
// known. The node gets an honest peer all the same.
func TestEclipseBook(t *testing.T) {
	alone, slots, liars := 0, 0, 0
	for seed := range uint64(60) {
		h := newHolder(t, keyed(seed), seed)
		for i := range 60 {
			h.says(world(i, 1), world((i+1)%60, 2))
			h.meets(world((i+1)%60, 2))
		}
		for i := range 30 {
			for k := range 4 {
				var named []netip.AddrPort
				for j := range 64 {
					named = append(named, world(1000+(k+j)%4, 10+64*i+j))
				}
				h.says(world(1000+k, 1+i), named...)
				for _, a := range named {
					h.meets(a)
				}
			}
		}
		h.now = h.now.Add(time.Hour)
		h.pass(30*time.Second, func(netip.AddrPort) bool { return true })
		bad := 0
		for _, a := range h.outbound() {
			slots++
			if b := a.Addr().As4(); b[0] >= 23 {
				bad++
			}
		}
		if liars += bad; bad == len(h.outbound()) {
			alone++
		}
	}
	t.Logf("%d of %d outbound connections are with liars, %d of 60 nodes have no other", liars, slots, alone)
	if alone > 0 || 2*liars > slots {
		t.Errorf("%d of %d connections are with liars and %d nodes have no other", liars, slots, alone)
	}
}

// TestAnchors: a node restarts, and its book was crowded with addresses that were
// seen lately and answer. It comes back to the peers it had.
func TestAnchors(t *testing.T) {
	for seed := range uint64(20) {
		h := newHolder(t, keyed(seed), seed)
		var good []netip.AddrPort
		for i := range 8 {
			good = append(good, world(i, 1))
		}
		h.says(world(50, 1), good...)
		h.pass(2*time.Minute, func(netip.AddrPort) bool { return true })
		if got := h.outbound(); len(got) != 8 {
			t.Fatalf("connected with %v", got)
		}
		for k := range 16 { // who crowds it now is seen, but is not connected
			for i := range 8 {
				a := world(1000+k, i)
				h.says(world(1000+k, 100), a)
				h.meets(a)
			}
		}
		saved := h.p.Saved(h.now)
		again := newHolder(t, keyed(seed+1000), seed)
		again.now = h.now.Add(time.Hour)
		again.p.Load(saved, again.now)
		again.p.Tick(again.now, again.rng)
		first := again.p.Ready().Dial
		if len(first) != maxAnchors {
			t.Fatalf("dials %v", first)
		}
		for _, a := range first {
			if !slices.Contains(good, a) {
				t.Errorf("seed %d: dials %v first, want the peers of the run before", seed, a)
			}
		}
		for _, s := range saved {
			if s.Connected != slices.Contains(good, s.Address) {
				t.Errorf("seed %d: %v is saved as connected: %v", seed, s.Address, s.Connected)
			}
		}
	}
}

// TestSavedFresh: what was only heard of comes back as hearsay, not as an
// address at which somebody was met.
func TestSavedFresh(t *testing.T) {
	h := newHolder(t, keyed(1), 1)
	h.says(world(1, 1), world(2, 1), world(3, 1))
	h.meets(world(3, 1))
	again := newHolder(t, keyed(2), 1)
	again.p.Load(h.p.Saved(h.now), again.now)
	if again.count(tried, 3, 4) != 1 || again.count(fresh, 2, 3) != 1 {
		t.Errorf("the book is\n%v", again.p)
	}
}

// crowdedBucket fills the bucket of tried addresses in which newcomer belongs,
// and returns who is in it, seen longest ago first.
func (h *holder) crowdedBucket(newcomer netip.AddrPort) (in []netip.AddrPort) {
	b := &h.p.book
	for i := 0; len(in) < bucketSize; i++ {
		a := world(i, 9)
		if b.place(tried, a, nil) != b.place(tried, newcomer, nil) {
			continue
		}
		b.answered(b.hear(a, h.p.cfg.provider(a), h.now), h.now)
		in = append(in, a)
		h.now = h.now.Add(time.Second)
	}
	return in
}

// TestBeforeEviction: a tried address gives way to a new one only when it is
// dialled and does not answer.
func TestBeforeEviction(t *testing.T) {
	for _, up := range []bool{true, false} {
		cfg := keyed(3)
		cfg.MaxOutbound = 1
		h := newHolder(t, cfg, 3)
		busy := world(400, 1) // the one slot is taken, so that only feelers go
		h.p.AddConfigured(busy, h.now)
		h.pass(2*time.Second, func(netip.AddrPort) bool { return true })
		newcomer := world(300, 1)
		in := h.crowdedBucket(newcomer)
		h.says(world(301, 1), newcomer)
		h.meets(newcomer)
		if e := h.p.book.get(newcomer); e.table != fresh || len(h.p.book.tests) != 1 {
			t.Fatalf("it is %v; %d tests", e.table, len(h.p.book.tests))
		}
		var asked []netip.AddrPort
		h.pass(cfg.FeelerInterval*5/4+2*time.Second, func(a netip.AddrPort) bool {
			asked = append(asked, a)
			return up
		})
		if len(asked) == 0 || asked[0] != in[0] {
			t.Fatalf("dialled %v, want %v", asked, in[0])
		}
		got, old := h.p.book.get(newcomer), h.p.book.get(in[0])
		if up && (got.table != fresh || old.table != tried) || !up && (got.table != tried || old != nil && old.table == tried) {
			t.Errorf("answers %v: the newcomer is %v, the old one %+v", up, got.table, old)
		}
		if len(h.p.book.tests) != 0 {
			t.Error("the test is not over")
		}
		if got := h.outbound(); len(got) != 1 || got[0] != busy {
			t.Errorf("connected with %v", got)
		}
	}
}

// TestFeelers: while all slots are taken, one address after the other is looked
// at, all over the book: those at which nobody is go, the others are tried.
func TestFeelers(t *testing.T) {
	cfg := keyed(4)
	cfg.MaxOutbound = 2
	h := newHolder(t, cfg, 4)
	h.p.AddConfigured(world(400, 1), h.now)
	h.p.AddConfigured(world(401, 1), h.now)
	h.pass(2*time.Second, func(netip.AddrPort) bool { return true })
	for i := range 10 {
		h.says(world(i, 1), world(100+i, 1))
	}
	dials := map[netip.AddrPort]int{}
	most := 0
	h.pass(2*time.Hour, func(a netip.AddrPort) bool {
		dials[a]++
		feelers := 0
		for _, c := range h.p.conns {
			if c.feeler {
				feelers++
			}
		}
		most = max(most, feelers)
		return a.Addr().As4()[1]%2 == 0
	})
	if got := h.count(tried, 100, 110); got != 5 {
		t.Errorf("%d addresses are tried, want the 5 that answer:\n%v", got, h.p)
	}
	if got := h.count(fresh, 100, 110); got != 0 {
		t.Errorf("%d addresses are still to be looked at", got)
	}
	for i := range 10 {
		if n := dials[world(100+i, 1)]; n == 0 || n > 4 {
			t.Errorf("address %d was dialled %d times", i, n)
		}
	}
	if got := h.outbound(); len(got) != 2 || most > 1 {
		t.Errorf("connected with %v, %d feelers at once", got, most)
	}
}

// TestNames: a name stands for other addresses from time to time; those that it
// does not stand for any more are not dialled for ever, and one name never has
// more than its part.
func TestNames(t *testing.T) {
	h := newHolder(t, keyed(5), 5)
	is := func(a netip.AddrPort) bool { e := h.p.book.get(a); return e != nil && e.table == configured }
	var many []netip.AddrPort
	for i := range 12 {
		many = append(many, world(i, 1))
	}
	if got := h.p.Resolved("seed:7176", many, h.now); got != MaxPerName {
		t.Errorf("%d addresses of one name are configured, want %d", got, MaxPerName)
	}
	if got := h.count(fresh, 4, 12); got != 8 {
		t.Errorf("%d of its addresses are hearsay, want 8", got)
	}
	slices.Reverse(many) // as name servers do
	h.p.Resolved("seed:7176", many, h.now)
	for i := range MaxPerName {
		if !is(world(i, 1)) {
			t.Errorf("%v is not configured any more", world(i, 1))
		}
	}
	h.p.Resolved("other:7176", []netip.AddrPort{world(0, 1)}, h.now)
	h.p.Resolved("seed:7176", []netip.AddrPort{world(50, 1), world(51, 1), world(50, 1), {}, netip.AddrPortFrom(world(52, 1).Addr(), 0)}, h.now)
	if got := h.p.Counts().Configured; got != 3 || !is(world(0, 1)) || !is(world(50, 1)) || !is(world(51, 1)) || is(world(1, 1)) {
		t.Errorf("%d configured addresses:\n%v", got, h.p)
	}
	checkBook(t, h.p)
	// A name whose answer is always another one fills nothing.
	for i := range 1000 {
		h.p.Resolved("moving:7176", []netip.AddrPort{world(1000+i, 1)}, h.now)
		checkBook(t, h.p)
	}
	if got := h.p.Counts().Configured; got != 4 || len(h.p.names) != 3 {
		t.Errorf("%d configured addresses of %d names, want 4 of 3", got, len(h.p.names))
	}
	for i := range 3 * maxNames {
		h.p.Resolved(fmt.Sprintf("name%d:1", i), []netip.AddrPort{world(3000+i, 1)}, h.now)
	}
	if c := h.p.Counts(); c.Configured > MaxConfigured || len(h.p.names) > maxNames {
		t.Errorf("%d names, %+v", len(h.p.names), c)
	}
}

// TestExternal: where peers see this node is told to others only when several
// that were dialled, at different providers, agree.
func TestExternal(t *testing.T) {
	ours, lie := world(700, 7), world(701, 7)
	six := netip.MustParseAddrPort("[2a00:1::7]:7176")
	type saying struct {
		provider int
		at       netip.AddrPort
	}
	for name, c := range map[string]struct {
		inbound bool
		said    []saying
		want    []netip.AddrPort
	}{
		"nobody":             {},
		"two":                {said: []saying{{1, ours}, {2, ours}}},
		"three":              {said: []saying{{1, ours}, {2, ours}, {3, ours}}, want: []netip.AddrPort{ours}},
		"two of a provider":  {said: []saying{{1, ours}, {1, ours}, {2, ours}}},
		"who came to us":     {inbound: true, said: []saying{{1, ours}, {2, ours}, {3, ours}}},
		"a lie among them":   {said: []saying{{1, ours}, {2, lie}, {3, ours}, {4, ours}}, want: []netip.AddrPort{ours}},
		"as many contradict": {said: []saying{{1, ours}, {2, ours}, {3, ours}, {4, lie}, {5, lie}, {6, lie}}, want: []netip.AddrPort{ours}}, // as after the first three
		"lies first":         {said: []saying{{4, lie}, {5, lie}, {1, ours}, {2, ours}, {3, ours}}, want: []netip.AddrPort{ours}},
		"it moved":           {said: []saying{{1, lie}, {2, lie}, {3, lie}, {4, ours}, {5, ours}, {6, ours}, {7, ours}}, want: []netip.AddrPort{ours}},
		"another port":       {said: []saying{{1, netip.AddrPortFrom(ours.Addr(), 1)}, {2, netip.AddrPortFrom(ours.Addr(), 1)}, {3, netip.AddrPortFrom(ours.Addr(), 1)}}},
		"private":            {said: []saying{{1, netip.MustParseAddrPort("10.0.0.1:7176")}, {2, netip.MustParseAddrPort("10.0.0.1:7176")}, {3, netip.MustParseAddrPort("10.0.0.1:7176")}}},
		"both families":      {said: []saying{{1, six}, {2, ours}, {3, six}, {4, ours}, {5, six}, {6, ours}}, want: []netip.AddrPort{ours, six}},
	} {
		cfg := keyed(6)
		cfg.Port = 7176
		h := newHolder(t, cfg, 6)
		for i, s := range c.said {
			h.id++
			a := world(s.provider, 1+i)
			if c.inbound {
				_ = h.p.Accept(h.id, a, h.now)
			} else {
				h.p.AddConfigured(a, h.now)
				h.p.Tick(h.now, h.rng)
				if err := h.p.Dialed(a, h.id, h.now); err != nil {
					t.Fatal(name, err)
				}
			}
			if err := h.p.Opened(h.id, nodeID(i+1), 7176, h.now); err != nil {
				t.Fatal(name, err)
			}
			h.now = h.now.Add(time.Second)
			h.p.Heard(h.id, []netip.AddrPort{s.at, world(900, 1)}, h.now.Add(time.Minute))
		}
		if got := h.p.External(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		h.p.Ready()
		h.p.Tick(h.now, h.rng)
		for _, k := range h.p.Ready().Keepalives {
			for _, a := range c.want {
				if !slices.Contains(k.Addresses, a) {
					t.Errorf("%s: connection %d is told %v, not %v", name, k.Conn, k.Addresses, a)
				}
			}
		}
	}
}

// TestExternalConfigured: what the operator says goes without asking anybody, and
// a node that does not listen is nowhere.
func TestExternalConfigured(t *testing.T) {
	cfg := keyed(7)
	cfg.Port, cfg.External = 7176, world(700, 7)
	p := New(cfg)
	if got := p.External(); len(got) != 1 || got[0] != world(700, 7) {
		t.Errorf("%v", got)
	}
	if p.AddConfigured(world(700, 7), start) {
		t.Error("our own address is dialled")
	}
	cfg.Port = 0
	if got := New(cfg).External(); got != nil {
		t.Errorf("does not listen, and is at %v", got)
	}
}
