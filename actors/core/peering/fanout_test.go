package peering

import (
	"math/rand/v2"
	"slices"
	"testing"

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
		p.RepresentativeSeen(ConnID(i), a)
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
			ownVote := principals + min(2*root, others)
			if except != 0 && except <= ConnID(principals) {
				ownVote--
			} else if except != 0 {
				ownVote = principals + min(2*root, others-1)
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
				{"own vote", p.FanoutVote(rng, true, except), ownVote, true, except},
				{"vote", p.FanoutVote(rng, false, except), min(root, left), false, except},
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

func TestRepresentativesBounded(t *testing.T) {
	p := crowd(t, 2, 0)
	for i := range 3 * MaxRepresentatives {
		p.RepresentativeSeen(1, lattice.Account{byte(i), 9})
	}
	reps := p.Status(start)[0].Representatives
	if len(reps) != MaxRepresentatives || reps[MaxRepresentatives-1] != (lattice.Account{3*MaxRepresentatives - 1, 9}) {
		t.Errorf("%d representatives remembered, want the newest %d", len(reps), MaxRepresentatives)
	}
	// The same one again is no new one, and a claim by two connections is kept by both.
	p.RepresentativeSeen(1, reps[0])
	p.RepresentativeSeen(2, reps[0])
	p.SetPrincipals(reps[:1])
	for _, s := range p.Status(start) {
		if !s.Principal {
			t.Errorf("connection %d does not count as principal", s.Conn)
		}
	}
	p.RepresentativeSeen(99, reps[0]) // gone: ignored
}
