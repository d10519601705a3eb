package peering

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// TestTokenBucket: over any stretch of time no more than the burst and the rate
// allow is taken; what Wait says is the exact time at which Take succeeds.
func TestTokenBucket(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 5))
		rate, burst := 1+rng.Int64N(1<<rng.IntN(32)), 1+rng.Int64N(1<<rng.IntN(32))
		burst = min(burst, 3600*rate) // else the waits are longer than a Duration holds
		b := NewTokenBucket(rate, burst, start)
		now, taken := start, int64(0)
		for range 200 {
			now = now.Add(time.Duration(rng.Int64N(int64(time.Second))))
			n := 1 + rng.Int64N(burst)
			if b.Take(n, now) {
				taken += n
			} else {
				w := b.Wait(n, now)
				if b.Take(n, now.Add(w-1)) {
					t.Fatalf("seed %d: %d tokens are there before the wait of %v is over", seed, n, w)
				}
				now = now.Add(w)
				if !b.Take(n, now) {
					t.Fatalf("seed %d: %d tokens are not there after the wait of %v", seed, n, w)
				}
				taken += n
			}
			if most := float64(burst) + float64(rate)*now.Sub(start).Seconds(); float64(taken) > most*(1+1e-9) {
				t.Fatalf("seed %d: %d tokens taken, want at most %f", seed, taken, most)
			}
		}
		if b.Take(burst+1, now.Add(time.Hour)) {
			t.Fatalf("seed %d: more than the burst is there", seed)
		}
	}
}

func TestTokenBucketFills(t *testing.T) {
	b := NewTokenBucket(10, 30, start)
	for i, c := range []struct {
		at   time.Duration
		n    int64
		want bool
	}{
		{0, 30, true}, {0, 1, false}, {100 * time.Millisecond, 1, true}, {100 * time.Millisecond, 1, false},
		{50 * time.Millisecond, 1, false}, // the clock went back
		{time.Second, 9, true}, {time.Second, 1, false}, {time.Hour, 30, true}, {time.Hour, 1, false},
		{time.Hour, 0, true}, {time.Hour, -1, false},
	} {
		if got := b.Take(c.n, start.Add(c.at)); got != c.want {
			t.Errorf("step %d: Take(%d) after %v = %v, want %v", i, c.n, c.at, got, c.want)
		}
	}
}

func TestOffences(t *testing.T) {
	o := NewOffences(time.Hour, 4*time.Hour)
	who := Offender{Host: netip.MustParsePrefix("20.0.0.1/32")}
	if score, banned := o.Add(who, BadFrame, start); score != 40 || banned {
		t.Fatalf("first offence: %d, %v", score, banned)
	}
	// Forgiven at a point in ten seconds, never below nothing.
	for _, c := range []struct {
		after time.Duration
		score int
	}{{9 * time.Second, 40}, {10 * time.Second, 39}, {100 * time.Second, 30}, {time.Hour, 0}} {
		if got := o.Score(who, start.Add(c.after)); got != c.score {
			t.Errorf("after %v: score %d, want %d", c.after, got, c.score)
		}
	}
	// Each ban is twice as long as the one before, up to the limit.
	now, bans := start.Add(2*time.Hour), uint64(0)
	for _, hours := range []time.Duration{1, 2, 4, 4} {
		banned := false
		for range 2 {
			_, banned = o.Add(who, BadSignature, now)
		}
		until, is := o.Banned(who, now)
		bans++
		if !banned || !is || until.Sub(now) != hours*time.Hour || o.Bans() != bans {
			t.Errorf("banned %v until %v from now, want %d h", banned, until.Sub(now), hours)
		}
		now = until
		if _, still := o.Banned(who, now); still {
			t.Error("banned after the end of the ban")
		}
	}
	o.Pardon(who)
	if o.Len() != 0 {
		t.Error("pardoned and remembered")
	}
	if o.Bans() != bans {
		t.Errorf("%d bans after a pardon, want %d", o.Bans(), bans)
	}
	o.Pardon(who)
}

// TestOffencesBounded: the table does not grow, and a ban is not pushed out by
// those whose points are forgiven.
func TestOffencesBounded(t *testing.T) {
	o := NewOffences(24*time.Hour, 24*time.Hour)
	bad := Offender{Node: nodeID(1)}
	o.Add(bad, Crashed, start)
	for i := range 3 * maxOffenders {
		o.Add(Offender{Node: nodeID(2 + i)}, Flooding, start.Add(time.Duration(i)*time.Second))
		if o.Len() > maxOffenders || len(o.records) != len(o.order) {
			t.Fatalf("%d offenders and %d records, want at most %d", o.Len(), len(o.records), maxOffenders)
		}
	}
	if _, banned := o.Banned(bad, start.Add(time.Hour)); !banned {
		t.Error("a ban was pushed out by forgiven offenders")
	}
}

func TestDialable(t *testing.T) {
	public, dev := DefaultConfig(), DevConfig()
	for _, c := range []struct {
		address     string
		public, dev bool
	}{
		{"20.1.2.3:7176", true, true},
		{"[2a01:4f8::1]:7176", true, true},
		{"[::ffff:20.1.2.3]:7176", true, true},
		{"20.1.2.3:0", false, false},
		{"0.0.0.0:7176", false, false},
		{"[::]:7176", false, false},
		{"127.0.0.1:7176", false, true},
		{"[::1]:7176", false, true},
		{"[::ffff:127.0.0.1]:7176", false, true},
		{"10.0.0.1:7176", false, true},
		{"192.168.1.5:7176", false, true},
		{"[fd00::1]:7176", false, true},
		{"169.254.1.1:7176", false, false},
		{"[fe80::1]:7176", false, false},
		{"224.0.0.1:7176", false, false},
		{"[ff02::1]:7176", false, false},
		{"100.64.0.1:7176", false, false},
		{"192.0.2.1:7176", false, false},
		{"198.51.100.1:7176", false, false},
		{"203.0.113.1:7176", false, false},
		{"255.255.255.255:7176", false, false},
		{"[2001:db8::1]:7176", false, false},
	} {
		a := canonical(netip.MustParseAddrPort(c.address))
		if got := public.dialable(a); got != c.public {
			t.Errorf("%s on a public network: %v, want %v", c.address, got, c.public)
		}
		if got := dev.dialable(a); got != c.dev {
			t.Errorf("%s for development: %v, want %v", c.address, got, c.dev)
		}
	}
	if public.dialable(netip.AddrPort{}) {
		t.Error("no address is dialable")
	}
}

// TestAddressLimits fills hosts, subnets and slots from outside.
func TestAddressLimits(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Self = nodeID(1)
	p := New(cfg)
	id := ConnID(0)
	accept := func(address string) error {
		id++
		return p.Accept(id, netip.MustParseAddrPort(address), start)
	}
	for i, c := range []struct {
		address string
		want    error
	}{
		{"20.0.0.1:1", nil}, {"20.0.0.1:2", nil}, {"20.0.0.1:3", nil}, {"20.0.0.1:4", nil}, {"20.0.0.1:5", AddressFull},
		{"[::ffff:20.0.0.1]:6", AddressFull},
		{"20.0.0.2:1", nil}, {"20.0.0.3:1", nil}, {"20.0.0.4:1", nil}, {"20.0.0.5:1", nil}, {"20.0.0.6:1", SubnetFull},
		{"20.0.1.6:1", nil},
		{"[2a00:1:2:3::1]:1", nil}, {"[2a00:1:2:3::2]:1", nil}, {"[2a00:1:2:3::3]:1", nil}, {"[2a00:1:2:3::4]:1", nil},
		{"[2a00:1:2:3::5]:1", AddressFull},
		{"[2a00:1:2:4::1]:1", nil}, {"[2a00:1:2:5::1]:1", nil}, {"[2a00:1:2:6::1]:1", nil}, {"[2a00:1:2:7::1]:1", nil},
		{"[2a00:1:2:8::1]:1", SubnetFull},
		{"127.0.0.1:1", nil},
	} {
		if got := accept(c.address); got != c.want {
			t.Errorf("step %d: %s: %v, want %v", i, c.address, got, c.want)
		}
	}
	for i := 0; p.Counts().Inbound < cfg.MaxInbound; i++ {
		if err := accept(fmt.Sprintf("30.%d.0.1:1", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := accept("40.0.0.1:1"); err != Full {
		t.Errorf("one too many: %v, want %v", err, Full)
	}
}

func TestConfigValidate(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no outbound":           func(c *Config) { c.MaxOutbound = 0 },
		"negative inbound":      func(c *Config) { c.MaxInbound = -1 },
		"no connection a host":  func(c *Config) { c.MaxPerAddress = 0 },
		"no pause of feelers":   func(c *Config) { c.FeelerInterval = 0 },
		"nowhere in the world":  func(c *Config) { c.External = netip.MustParseAddrPort("127.0.0.1:7176") },
		"no time to dial":       func(c *Config) { c.DialTimeout = 0 },
		"back-off upside down":  func(c *Config) { c.BackoffMax = c.BackoffMin - 1 },
		"bans upside down":      func(c *Config) { c.MaxBanTime = c.BanTime - 1 },
		"idle before keepalive": func(c *Config) { c.IdleTimeout = c.KeepaliveInterval },
	} {
		c := DefaultConfig()
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, c := range []Config{DefaultConfig(), DevConfig()} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}
