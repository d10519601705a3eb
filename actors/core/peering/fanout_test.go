package peering

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// crowd returns a machine with open connections 1..n, the first so many of
// which speak for principal representatives, and one that still shakes hands.
func crowd(t *testing.T, n, principals int) *Peers {
	cfg := DevConfig()
	cfg.MaxInbound = n + 1
	cfg.Self = nodeID(1)
	p := New(cfg)
	var accounts []lattice.Account
	for i := 1; i <= n+1; i++ {
		if err := p.Accept(ConnID(i), loopback(1000+i), start); err != nil {
			t.Fatal(err)
		}
		if i > n {
			break
		}
		if err := p.Opened(ConnID(i), nodeID(i+1), 0, start); err != nil {
			t.Fatal(err)
		}
		a := lattice.Account{byte(i), 1}
		p.Attested(ConnID(i), []lattice.Account{a})
		if i <= principals {
			accounts = append(accounts, a)
		}
	}
	p.SetPrincipals(accounts)
	return p
}

// TestFanoutSizes checks for every number of connections and principals how many
// are told, that nobody is told twice, and that no principal is left out.
func TestFanoutSizes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 33 {
		root := 0
		for root*root < n {
			root++
		}
		for principals := range n + 1 {
			p := crowd(t, n, principals)
			others := n - principals
			except := ConnID(rng.IntN(n + 1)) // 0: nobody
			left := n
			if except != 0 {
				left--
			}
			for _, c := range []struct {
				name string
				got  []ConnID
				want int
				all  bool // the principals first
				not  ConnID
			}{
				{"own block", p.FanoutOwnBlock(rng), principals + min(root, others), true, 0},
				{"block", p.FanoutBlock(rng, except), min(root, left), false, except},
				{"own vote", p.FanoutOwnVote(rng), principals + min(2*root, others), true, 0},
				{"vote", p.FanoutVote(rng, except, lattice.Account{}), min(root, left), false, except},
				{"solicit", p.Solicit(rng, 5), min(5, n), false, 0},
			} {
				if len(c.got) != c.want {
					t.Fatalf("%s, %d of %d principals, except %d: %d connections, want %d", c.name, principals, n, c.not, len(c.got), c.want)
				}
				if c.not != 0 && slices.Contains(c.got, c.not) {
					t.Fatalf("%s goes back to where it came from", c.name)
				}
				if s := slices.Compact(slices.Sorted(slices.Values(c.got))); len(s) != len(c.got) || slices.Contains(s, ConnID(n+1)) {
					t.Fatalf("%s: somebody is told twice, or before he is open: %v", c.name, c.got)
				}
				for i := 1; c.all && i <= principals; i++ {
					if ConnID(i) != c.not && !slices.Contains(c.got, ConnID(i)) {
						t.Fatalf("%s leaves out principal %d", c.name, i)
					}
				}
			}
			// Who is asked for votes is a principal as long as there are any.
			for i, id := range p.Solicit(rng, 5) {
				if i < principals && id > ConnID(principals) {
					t.Fatalf("solicit asks %d before all of %d principals", id, principals)
				}
			}
		}
	}
}

// TestFanoutSpreads: everybody is chosen about as often as everybody else.
func TestFanoutSpreads(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	p := crowd(t, 16, 0)
	count := map[ConnID]int{}
	const draws = 4000
	for range draws {
		for _, id := range p.FanoutBlock(rng, 0) {
			count[id]++
		}
	}
	for id := ConnID(1); id <= 16; id++ {
		if n := count[id]; n < draws/4*8/10 || n > draws/4*12/10 {
			t.Errorf("connection %d was chosen %d times of %d, want about %d", id, n, draws, draws/4)
		}
	}
}

// TestAttested: what a connection has attested is what counts for it, for as long as it
// lasts, and what others have attested is not touched by it.
func TestAttested(t *testing.T) {
	p := crowd(t, 2, 0)
	var many []lattice.Account
	for i := range 2 * MaxRepresentatives {
		many = append(many, lattice.Account{byte(i), 9})
	}
	p.Attested(1, many)
	if got := p.Status(start)[0].Representatives; !slices.Equal(got, many[:MaxRepresentatives]) {
		t.Errorf("%d representatives remembered, want the first %d", len(got), MaxRepresentatives)
	}
	p.Attested(2, many[:1]) // two nodes of one owner
	p.SetPrincipals(many[:2])
	for _, s := range p.Status(start) {
		if !s.Principal {
			t.Errorf("connection %d does not count as principal", s.Conn)
		}
	}
	if n := p.Hearing(); n != 2 {
		t.Errorf("%d principals are heard, want 2", n)
	}
	p.Closed(1, start)
	p.Attested(1, many) // gone: ignored
	if n := p.Hearing(); n != 1 {
		t.Errorf("%d principals are heard when one of two connections is gone, want 1", n)
	}
	if err := p.Accept(7, loopback(7000), start); err != nil {
		t.Fatal(err)
	}
	if err := p.Opened(7, nodeID(2), 0, start); err != nil { // the same node again
		t.Fatal(err)
	}
	if p.Hearing() != 1 || len(p.Representatives(7)) != 0 {
		t.Errorf("a new connection speaks for %v before it has attested", p.Representatives(7))
	}
}

// TestFanoutNeedy checks who gets others' votes from a principal: who hears fewer
// principals than there are, its own among them, each vote about three times in all.
func TestFanoutNeedy(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	p := crowd(t, 6, 6)
	nobody := lattice.Account{}
	p.SetVoting([]lattice.Account{{100, 1}}, nil, start)
	if got := p.FanoutNeedy(rng, 0, nobody); len(got) != 0 {
		t.Fatalf("nobody has said anything: %v", got)
	}
	// Six have attested, one votes here, nine more were heard through others.
	now, own := start.Add(heardFor), []lattice.Account{{100, 1}, {201, 1}}
	heard := []Heard{{lattice.Account{1, 1}, now}, {lattice.Account{200, 1}, now}} // attested; no principal
	for i := range 9 {
		heard = append(heard, Heard{lattice.Account{byte(101 + i), 1}, start.Add(1)})
	}
	heard = append(heard, Heard{lattice.Account{120, 1}, start}, Heard{Account: lattice.Account{121, 1}}) // long ago, never
	var principals []lattice.Account
	for i := range 6 {
		principals = append(principals, lattice.Account{byte(i + 1), 1})
	}
	principals = append(principals, own[0])
	for _, h := range heard[2:] {
		principals = append(principals, h.Account)
	}
	p.SetPrincipals(principals)
	p.SetVoting(own, heard, now)
	for _, c := range []struct {
		id           ConnID
		peers, hears uint32
	}{{1, 0, 0}, {2, 1, 1}, {3, 3, 3}, {4, 12, 10}, {5, 12, 15}, {6, 40, 1 << 31}} {
		p.Told(c.id, c.peers, c.hears)
	}
	p.Told(99, 1, 1) // gone: ignored
	const rounds = 10_000
	times := map[ConnID]int{}
	for range rounds {
		for _, id := range p.FanoutNeedy(rng, 3, lattice.Account{2, 1}) {
			times[id]++
		}
	}
	if times[1] != rounds {
		t.Errorf("who has no other peer hears %d of %d votes", times[1], rounds)
	}
	if times[2] != 0 || times[3] != 0 || times[5] != 0 || times[6] != 0 {
		t.Errorf("passed on to whose it is, to where it came from, or to who hears all: %v", times)
	}
	if n := times[4]; n < rounds*copies/12*9/10 || n > rounds*copies/12*11/10 {
		t.Errorf("of 12 peers one passes on %d of %d votes", n, rounds)
	}
	for range 100 {
		if got := p.FanoutVote(rng, 3, nobody); !slices.Contains(got, 1) || !slices.Contains(got, 2) || slices.Contains(got, 3) {
			t.Fatalf("who is no principal passes on to %v", got)
		}
	}
	// All that there are are heard by who hears all but itself.
	p.Told(1, 20, 15)
	p.Told(2, 20, 15)
	p.Told(3, 20, 15)
	p.Told(4, 20, 15)
	if got := p.FanoutNeedy(rng, 0, nobody); len(got) != 0 {
		t.Errorf("%v hear all, and are needy", got)
	}
}

// TestLostIsNotMissed: who has left, and was not heard through others since, is no reason
// to pass on votes.
func TestLostIsNotMissed(t *testing.T) {
	p := crowd(t, 3, 3)
	own := []lattice.Account{{100, 1}}
	p.SetPrincipals([]lattice.Account{{1, 1}, {2, 1}, {3, 1}, own[0]})
	needy := func(last time.Time) []ConnID {
		now := start.Add(time.Minute)
		p.SetVoting(own, []Heard{{lattice.Account{1, 1}, start}, {lattice.Account{2, 1}, start}, {lattice.Account{3, 1}, last}}, now)
		return p.FanoutNeedy(rand.New(rand.NewPCG(1, 1)), 0, lattice.Account{})
	}
	p.Told(1, 3, 3)
	p.Told(2, 3, 2) // does not hear the third
	if got := needy(start); !slices.Equal(got, []ConnID{2}) {
		t.Errorf("%v are needy, want 2", got)
	}
	p.Told(1, 2, 2)
	p.Closed(3, start.Add(time.Second))
	if got := needy(start.Add(time.Second + leaving)); len(got) != 0 {
		t.Errorf("who is gone makes %v needy", got)
	}
	if got := needy(start.Add(2*time.Second + leaving)); !slices.Equal(got, []ConnID{1, 2}) {
		t.Errorf("who is heard through others makes %v needy, want both", got)
	}
	p.SetPrincipals(own)
	if len(p.lost) != 0 {
		t.Errorf("%d that are no principals any more are remembered", len(p.lost))
	}
}
