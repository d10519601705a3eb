package peering

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// SetPrincipals tells which accounts are principal representatives now.
func (p *Peers) SetPrincipals(accounts []lattice.Account) {
	p.principals = make(map[lattice.Account]struct{}, len(accounts))
	for _, a := range accounts {
		p.principals[a] = struct{}{}
	}
	maps.DeleteFunc(p.lost, func(a lattice.Account, _ time.Time) bool { return !p.isPrincipal(a) })
}

// Attested reports which representatives have proved that they vote at the other
// end of a connection, at most MaxRepresentatives. Several connections may have the
// same one: its owner has two nodes, or has had.
func (p *Peers) Attested(id ConnID, accounts []lattice.Account) {
	if c := p.conn(id); c != nil {
		c.representatives = slices.Clone(accounts[:min(len(accounts), MaxRepresentatives)])
	}
}

// Representatives returns who has attested to vote behind a connection. The slice
// is the machine's: it is good until the next call.
func (p *Peers) Representatives(id ConnID) []lattice.Account {
	if c := p.conn(id); c != nil {
		return c.representatives
	}
	return nil
}

// principal reports whether a principal representative speaks through c.
func (p *Peers) principal(c *conn) bool {
	return slices.ContainsFunc(c.representatives, p.isPrincipal)
}

func (p *Peers) isPrincipal(a lattice.Account) bool {
	_, is := p.principals[a]
	return is
}

// heardFor is how long a principal whose votes came through others is taken to be
// there; of one that had attested and left votes must have come since, not counting
// those that were under way, for leaving.
const heardFor, leaving = 24 * time.Hour, 5 * time.Second

// Heard is when a representative's vote came last, from wherever; zero: never.
type Heard struct {
	Account lattice.Account
	Last    time.Time
}

// SetVoting tells which representatives vote here, and when others were heard last.
func (p *Peers) SetVoting(own []lattice.Account, heard []Heard, now time.Time) {
	known := p.hearing()
	for _, a := range own {
		if p.isPrincipal(a) {
			known[a] = struct{}{}
		}
	}
	for _, h := range heard {
		if p.isPrincipal(h.Account) && !h.Last.IsZero() && now.Sub(h.Last) < heardFor && h.Last.After(p.lost[h.Account].Add(leaving)) {
			known[h.Account] = struct{}{}
		}
	}
	p.voters = len(known)
}

// Hearing returns how many principals have attested to vote behind connections.
func (p *Peers) Hearing() int { return len(p.hearing()) }

func (p *Peers) hearing() map[lattice.Account]struct{} {
	known := map[lattice.Account]struct{}{}
	for _, c := range p.conns {
		for _, a := range c.representatives {
			if c.open && p.isPrincipal(a) {
				known[a] = struct{}{}
			}
		}
	}
	return known
}

// Told notes how many peers the other end says it has, and how many principals
// among them. It can lie; what it gains is that votes come more often.
func (p *Peers) Told(id ConnID, peers, principals uint32) {
	if c := p.conn(id); c != nil {
		c.told, c.peers, c.hears = true, max(1, peers), principals // us, at least
	}
}

// needy reports whether the other end of a connection hears fewer principals than
// there are, its own among them.
func (p *Peers) needy(c *conn) bool {
	if !c.open || !c.told || int64(c.hears) >= int64(p.voters) {
		return false
	}
	own := 0
	for _, a := range c.representatives {
		if p.isPrincipal(a) {
			own++
		}
	}
	return int64(c.hears)+int64(own) < int64(p.voters)
}

// copies is how many of its peers a needy node gets each vote from, on average:
// of twenty votes it misses one.
const copies = 3

// FanoutNeedy returns who gets a vote of a representative that is not ours even from
// a principal: needy connections, without the one that it came from and the
// representative's own. Each of a needy node's peers passes on so many of all votes
// that a few copies come of each; one of few does all. See ADR 25.
func (p *Peers) FanoutNeedy(rng *rand.Rand, except ConnID, of lattice.Account) (out []ConnID) {
	for _, c := range p.conns {
		if c.id != except && p.needy(c) && !slices.Contains(c.representatives, of) && rng.Uint32N(c.peers) < copies {
			out = append(out, c.id)
		}
	}
	return out
}

// split returns the open connections through which principal representatives
// speak, and the others, each in the order in which they began.
func (p *Peers) split(except ConnID) (principals, others []ConnID) {
	for _, c := range p.conns {
		switch {
		case !c.open || c.id == except:
		case p.principal(c):
			principals = append(principals, c.id)
		default:
			others = append(others, c.id)
		}
	}
	return principals, others
}

// draw returns up to n of the connections, chosen at random; it reorders them.
func draw(ids []ConnID, n int, rng *rand.Rand) []ConnID {
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:min(n, len(ids))]
}

// FanoutOwnBlock returns who gets a block that was made here: all principals,
// and ceil(sqrt(n)) of the others, n being the number of open connections.
func (p *Peers) FanoutOwnBlock(rng *rand.Rand) []ConnID {
	principals, others := p.split(0)
	return append(principals, draw(others, p.root(), rng)...)
}

// FanoutBlock returns who gets a block of somebody else when its election
// starts or its winner changes: ceil(sqrt(n)), drawn from all alike. The
// connection it came from, if given, is left out.
func (p *Peers) FanoutBlock(rng *rand.Rand, except ConnID) []ConnID {
	principals, others := p.split(except)
	return draw(append(principals, others...), p.root(), rng)
}

// FanoutOwnVote returns who gets a vote of ours: all principals and 2 ceil(sqrt(n))
// others.
func (p *Peers) FanoutOwnVote(rng *rand.Rand) []ConnID {
	principals, others := p.split(0)
	return append(principals, draw(others, 2*p.root(), rng)...)
}

// FanoutVote returns who gets the vote of a representative that is not ours from a
// node that is no principal: ceil(sqrt(n)), without the connection it came from,
// and needy ones. Whether it is to be passed on at all is for the caller to say:
// only votes that changed a tally are.
func (p *Peers) FanoutVote(rng *rand.Rand, except ConnID, of lattice.Account) []ConnID {
	out := p.FanoutBlock(rng, except)
	for _, id := range p.FanoutNeedy(rng, except, of) {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// Solicit returns up to most connections to ask for votes: principals first, in
// random order, then others, which may have heard what we have not.
func (p *Peers) Solicit(rng *rand.Rand, most int) []ConnID {
	principals, others := p.split(0)
	out := draw(principals, most, rng)
	return append(out, draw(others, most-len(out), rng)...)
}

// All returns the open connections in the order in which they began.
func (p *Peers) All() []ConnID {
	out := make([]ConnID, 0, len(p.conns))
	for _, c := range p.conns {
		if c.open {
			out = append(out, c.id)
		}
	}
	return out
}

// root is ceil(sqrt(n)) for the n open connections.
func (p *Peers) root() int { return ceilSqrt(p.Open()) }

func ceilSqrt(n int) (r int) {
	for r*r < n {
		r++
	}
	return r
}
