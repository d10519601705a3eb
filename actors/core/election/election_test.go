package election

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// TestWeightsOfNow: what decides is the weights of the moment, not of the moment
// at which the votes came.
func TestWeightsOfNow(t *testing.T) {
	w := &scale{of: map[lattice.Account]lattice.Amount{account("a"): smn(40), account("b"): smn(30), account("c"): smn(10)}, delta: smn(67)}
	now := time.Unix(1_700_000_000, 0)
	m := New(Config{}, lattice.Beta(), w)
	block, hash := testBlock("a1")
	m.Start(Candidate{Block: block, Hash: hash}, now)
	m.Vote(account("a"), lattice.FinalTimestamp, hash, now)
	w.of[account("a")] = smn(20) // a's weight was delegated elsewhere since
	m.Vote(account("b"), lattice.FinalTimestamp, hash, now)
	if r := m.Ready(); len(r.Confirmed) != 0 {
		t.Fatalf("confirmed with 50 of 67:\n%v", r.String())
	}
	if i, _ := m.InfoOf(hash); i.Final != smn(50) {
		t.Errorf("final tally %v, want 50", i.Final)
	}
	w.of[account("a")] = smn(60)
	m.Tick(now.Add(6 * time.Second)) // counted anew when votes are asked for
	if r := m.Ready(); len(r.Confirmed) != 1 || r.Confirmed[0].Hash != hash {
		t.Errorf("not confirmed with 90 of 67:\n%v", r.String())
	}
}

// TestOutvoted: a hinted election gives way to a block with more votes, the one
// with fewest first; others than hinted ones and those with a fork do not.
func TestOutvoted(t *testing.T) {
	w := &scale{of: map[lattice.Account]lattice.Amount{account("a"): smn(20), account("b"): smn(30), account("c"): smn(10)}, delta: smn(67)}
	now := time.Unix(1_700_000_000, 0)
	m := New(Config{}, lattice.Beta(), w)
	hashes := map[string]lattice.Hash{}
	roots := map[string]lattice.QualifiedRoot{}
	start := func(name string, b Behavior) {
		block, hash := testBlock(name)
		hashes[name], roots[name] = hash, block.QualifiedRoot()
		m.Start(Candidate{Block: block, Hash: hash, Behavior: b}, now)
	}
	expect := func(step string, tally, final int, want string) {
		t.Helper()
		low := lattice.Hash{}
		root, found := m.Outvoted(low, smn(tally), smn(final))
		if found != (want != "") || found && root != roots[want] {
			t.Errorf("%s: %d votes, %d of them final, displace %v %v, want %q", step, tally, final, found, root, want)
		}
	}
	start("a1", Priority)
	expect("none is hinted", 60, 60, "")
	start("b1", Hinted)
	expect("the lower hash", 0, 0, "b1")
	if _, found := m.Outvoted(lattice.Hash{0xff, 0xff, 0xff}, lattice.Amount{}, lattice.Amount{}); found {
		t.Error("the higher hash displaced one with as many votes")
	}
	m.Vote(account("a"), 1, hashes["b1"], now)
	expect("fewer votes", 10, 0, "")
	expect("more votes", 30, 0, "b1")
	start("c1", Hinted)
	m.Vote(account("c"), lattice.FinalTimestamp, hashes["c1"], now)
	expect("fewest final votes", 30, 10, "b1")
	m.Vote(account("b"), lattice.FinalTimestamp, hashes["b1"], now)
	expect("fewest final votes", 60, 20, "c1")
	expect("many votes, none final", 60, 0, "")
	fork, hash := testBlock("c2")
	m.Fork(fork, hash, lattice.Amount{}, now)
	expect("with a fork", 60, 20, "")
	expect("with a fork", 60, 40, "b1")
}

// TestDeltaOfNow: when delta falls, because weight went offline for good, what
// is there becomes enough.
func TestDeltaOfNow(t *testing.T) {
	w := &scale{of: map[lattice.Account]lattice.Amount{account("a"): smn(50)}, delta: smn(67)}
	now := time.Unix(1_700_000_000, 0)
	m := New(Config{}, lattice.Beta(), w)
	block, hash := testBlock("a1")
	m.Start(Candidate{Block: block, Hash: hash}, now)
	m.Vote(account("a"), lattice.FinalTimestamp, hash, now)
	w.delta = smn(50)
	m.Tick(now.Add(time.Second))
	if r := m.Ready(); len(r.Confirmed) != 1 {
		t.Errorf("not confirmed:\n%v", r.String())
	}
}

// TestVotersAreBounded: beyond the bound the heavier voters count.
func TestVotersAreBounded(t *testing.T) {
	w := &scale{of: map[lattice.Account]lattice.Amount{}, delta: smn(1_000_000)}
	now := time.Unix(1_700_000_000, 0)
	m := New(Config{}, lattice.Beta(), w)
	block, hash := testBlock("a1")
	m.Start(Candidate{Block: block, Hash: hash}, now)
	voter := func(n int) lattice.Account { return lattice.Account{byte(n * 7), byte(n >> 8), byte(n)} }
	want := 0
	for n := range MaxVoters + 50 {
		w.of[voter(n)] = smn(n + 1)
		if got := m.Vote(voter(n), 1, hash, now); got != Used {
			t.Fatalf("voter %d: %v", n, got)
		}
		if n >= 50 {
			want += n + 1
		}
	}
	light := lattice.Account{0xee, 0xee}
	w.of[light] = smn(10)
	if got := m.Vote(light, 1, hash, now); got != Crowded {
		t.Errorf("a light voter: %v", got)
	}
	for n := 50; n < MaxVoters+50; n++ {
		if got := m.Vote(voter(n), 1, hash, now); got != Replay {
			t.Fatalf("voter %d again: %v", n, got)
		}
	}
	i, _ := m.InfoOf(hash)
	if len(i.Votes) != MaxVoters || i.Tally != smn(want) || i.Votes[0].Weight != smn(MaxVoters+50) {
		t.Errorf("%d votes, tally %v, want %d", len(i.Votes), i.Tally, want)
	}
}

// TestTickIsPaced: however many elections are due, one tick asks for so much,
// and all have their turn.
func TestTickIsPaced(t *testing.T) {
	w := &scale{of: map[lattice.Account]lattice.Amount{}, delta: smn(67)}
	now := time.Unix(1_700_000_000, 0)
	m := New(Config{}, lattice.Beta(), w)
	for n := range 500 {
		b := lattice.Block{Account: lattice.Account{byte(n), byte(n >> 8)}}
		if ok, why := m.Start(Candidate{Block: b, Hash: lattice.Hash{byte(n), byte(n >> 8), 1}}, now); !ok {
			t.Fatal(why)
		}
	}
	b := lattice.Block{Account: lattice.Account{0, 0, 1}}
	if _, why := m.Start(Candidate{Block: b, Hash: lattice.Hash{0, 0, 2}}, now); why != Full {
		t.Errorf("one more election: %v", why)
	}
	m.Ready()
	now = now.Add(5 * time.Second)
	asked, ticks := map[lattice.Hash]bool{}, 0
	for len(asked) < 500 && ticks < 10 {
		m.Tick(now)
		r := m.Ready()
		if len(r.Solicit) > maxSolicit || len(r.Publish) > maxPublish {
			t.Fatalf("asked for %d votes and %d broadcasts at once", len(r.Solicit), len(r.Publish))
		}
		for _, s := range r.Solicit {
			asked[s.Hash] = true
		}
		ticks++
	}
	if ticks != 4 {
		t.Errorf("%d of 500 were asked for in %d ticks", len(asked), ticks)
	}
}

// TestRequestsAreCounted: an election tells how often votes were asked for, while it
// runs and afterwards.
func TestRequestsAreCounted(t *testing.T) {
	w := &scale{of: map[lattice.Account]lattice.Amount{}, delta: smn(67)}
	now := time.Unix(1_700_000_000, 0)
	m := New(Config{}, lattice.Beta(), w)
	hash := lattice.Hash{7}
	b := lattice.Block{Account: lattice.Account{1}}
	if ok, why := m.Start(Candidate{Block: b, Hash: hash}, now); !ok {
		t.Fatal(why)
	}
	asked := 0
	for range 60 {
		now = now.Add(time.Second)
		m.Tick(now)
		for _, s := range m.Ready().Solicit {
			if s.Hash == hash {
				asked++
			}
		}
		if i, _ := m.InfoOf(hash); i.Requests != asked {
			t.Fatalf("%d requests are told, %d were made", i.Requests, asked)
		}
	}
	if asked < 5 {
		t.Errorf("asked %d times in a minute", asked)
	}
	m.Cemented(b.QualifiedRoot(), hash, now)
	if h := m.History(); len(h) != 1 || h[0].Requests != asked {
		t.Errorf("%d requests, told as %+v", asked, h)
	}
}

func TestLatency(t *testing.T) {
	w := window{most: 100}
	if got := w.latency(); got != (Latency{}) {
		t.Errorf("nothing: %+v", got)
	}
	w.add(-time.Second)
	if got := w.latency(); got != (Latency{Count: 1}) {
		t.Errorf("one that took less than nothing: %+v", got)
	}
	for n := range 300 {
		w.add(time.Duration(300-n) * time.Millisecond)
	}
	want := Latency{50 * time.Millisecond, 90 * time.Millisecond, 99 * time.Millisecond, 100}
	if got := w.latency(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string // in the error; empty: none
	}{
		{Config{}, ""},
		{DefaultConfig(lattice.Dev()), ""},
		{DefaultConfig(lattice.MainParameters()), ""},
		{Config{MaxElections: -1}, "max elections is -1"},
		{Config{HintedPercent: 101}, "hinted percent is 101"},
		{Config{OptimisticPercent: -1}, "optimistic percent is -1"},
		{Config{LatencyWindow: 1 << 30}, "latency window is 1073741824"},
		{Config{VoteInterval: -time.Second}, "vote interval is -1s"},
		{Config{TimeToLive: 48 * time.Hour}, "time to live is 48h0m0s"},
	} {
		err := c.cfg.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.want)
		}
	}
	if c := DefaultConfig(lattice.Beta()); c.SolicitInterval != 5*time.Second || c.PublishInterval != 150*time.Second || c.VoteInterval != 15*time.Second {
		t.Errorf("beta: %+v", c)
	}
	if c := DefaultConfig(lattice.Dev()); c.VoteInterval != time.Second || c.SolicitInterval > 500*time.Millisecond {
		t.Errorf("dev: %+v", c)
	}
	defer func() {
		if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "election: New: election config: history") {
			t.Errorf("panic %q", got)
		}
	}()
	New(Config{History: -1}, lattice.Dev(), nil)
}

func TestNames(t *testing.T) {
	for n := range int(behaviors) + 1 {
		if got := Behavior(n).String(); strings.HasPrefix(got, "unknown") != (n == int(behaviors)) {
			t.Errorf("behavior %d: %s", n, got)
		}
	}
	for n := range int(reasons) + 1 {
		if got := Reason(n).String(); strings.HasPrefix(got, "unknown") != (n == int(reasons)) {
			t.Errorf("reason %d: %s", n, got)
		}
	}
	for n := range int(results) + 1 {
		if got := Result(n).String(); strings.HasPrefix(got, "unknown") != (n == int(results)) {
			t.Errorf("result %d: %s", n, got)
		}
	}
	if got := State(9).String(); got != "unknown(9)" {
		t.Error(got)
	}
}

// full returns a machine with 500 elections that have this many votes each.
func full(voters int) (*Elections, *scale, time.Time) {
	w := &scale{of: map[lattice.Account]lattice.Amount{}, delta: smn(1_000_000)}
	now := time.Unix(1_700_000_000, 0)
	m := New(Config{}, lattice.Beta(), w)
	for v := range voters {
		w.of[lattice.Account{byte(v), 1}] = smn(v + 1)
	}
	for n := range 500 {
		b := lattice.Block{Account: lattice.Account{byte(n), byte(n >> 8)}}
		h := lattice.Hash{byte(n), byte(n >> 8), 1}
		m.Start(Candidate{Block: b, Hash: h}, now)
		for v := range voters {
			m.Vote(lattice.Account{byte(v), 1}, 1, h, now)
		}
	}
	m.Ready()
	return m, w, now
}

// TestVoteAllocatesNothing: a vote for an election that runs costs no garbage.
func TestVoteAllocatesNothing(t *testing.T) {
	m, _, now := full(100)
	at := 1
	if n := testing.AllocsPerRun(1000, func() {
		at++
		m.Vote(lattice.Account{byte(at % 100), 1}, uint64(at), lattice.Hash{byte(at / 100 % 500), 0, 1}, now)
	}); n != 0 {
		t.Errorf("%v allocations a vote", n)
	}
}

func BenchmarkVote(b *testing.B) {
	m, _, now := full(100)
	n := 0
	for b.Loop() {
		n++
		m.Vote(lattice.Account{byte(n % 100), 1}, uint64(n), lattice.Hash{byte(n / 100 % 500), byte(n / 100 % 500 >> 8), 1}, now)
	}
}

func BenchmarkTick(b *testing.B) {
	m, _, now := full(100)
	n := 0
	for b.Loop() {
		n++
		m.Tick(now.Add(time.Duration(n%200) * 250 * time.Millisecond))
		m.Ready()
	}
}

// TestPatience: while elections take long, nothing is asked for as soon as it
// would be otherwise; never later than four times that; and soon again afterwards.
func TestPatience(t *testing.T) {
	w := &scale{of: map[lattice.Account]lattice.Amount{account("a"): smn(70)}, delta: smn(67)}
	now := time.Unix(1_700_000_000, 0)
	m := New(Config{}, lattice.Beta(), w)
	passive := DefaultConfig(lattice.Beta()).PassiveFor
	next := 0
	begin := func() (lattice.QualifiedRoot, lattice.Hash) {
		next++
		b := lattice.Block{Account: lattice.Account{byte(next), byte(next >> 8)}}
		hash := lattice.Hash{byte(next), byte(next >> 8), 1}
		if ok, why := m.Start(Candidate{Block: b, Hash: hash}, now); !ok {
			t.Fatal(why)
		}
		return b.QualifiedRoot(), hash
	}
	elect := func(times int, took time.Duration) {
		for range times {
			root, hash := begin()
			now = now.Add(took)
			m.Vote(account("a"), lattice.FinalTimestamp, hash, now)
			m.Cemented(root, hash, now)
		}
		m.Ready()
	}
	asks := func() time.Duration {
		root, _ := begin()
		defer func() { m.Cancel(root, now); m.Ready() }()
		for from := now; ; now = now.Add(50 * time.Millisecond) {
			m.Tick(now)
			if len(m.Ready().Solicit) > 0 {
				return now.Sub(from)
			}
		}
	}
	for _, c := range []struct {
		took, from, to time.Duration
	}{
		{0, passive, passive},
		{passive / 10, passive, passive},
		{passive, passive * 5 / 2, passive * 3},
		{time.Hour, passive * 4, passive * 4},
		{0, passive, passive},
	} {
		elect(200, c.took)
		if got := asks(); got < c.from || got > c.to+50*time.Millisecond {
			t.Errorf("elections take %v: votes are asked for after %v, want %v to %v", c.took, got, c.from, c.to)
		}
	}
}
