package peering

import (
	"math/rand/v2"
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
)

// SetPrincipals tells which accounts are principal representatives now.
func (p *Peers) SetPrincipals(accounts []lattice.Account) {
	p.principals = make(map[lattice.Account]struct{}, len(accounts))
	for _, a := range accounts {
		p.principals[a] = struct{}{}
	}
}

// RepresentativeSeen reports that a representative speaks through a connection:
// it answered a question that was sent there alone. Several connections may
// claim the same one; a false claim costs a few messages, while a claim that
// took the place of another would cut the real one off.
func (p *Peers) RepresentativeSeen(id ConnID, account lattice.Account) {
	c := p.conn(id)
	if c == nil {
		return
	}
	if i := slices.Index(c.representatives, account); i >= 0 {
		c.representatives = slices.Delete(c.representatives, i, i+1)
	} else if len(c.representatives) == MaxRepresentatives {
		c.representatives = slices.Delete(c.representatives, 0, 1)
	}
	c.representatives = append(c.representatives, account)
}

// Representatives returns who is known to speak through a connection. The slice
// is the machine's: it is good until the next call.
func (p *Peers) Representatives(id ConnID) []lattice.Account {
	if c := p.conn(id); c != nil {
		return c.representatives
	}
	return nil
}

// principal reports whether a principal representative speaks through c.
func (p *Peers) principal(c *conn) bool {
	return slices.ContainsFunc(c.representatives, func(a lattice.Account) bool {
		_, is := p.principals[a]
		return is
	})
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

// FanoutVote returns who gets a vote. Our own goes to all principals and
// 2 ceil(sqrt(n)) others; somebody else's to ceil(sqrt(n)), without the
// connection it came from. Whether it is to be passed on at all is for the
// caller to say: only a node that is no principal does, and only votes that
// changed a tally.
func (p *Peers) FanoutVote(rng *rand.Rand, own bool, except ConnID) []ConnID {
	if !own {
		return p.FanoutBlock(rng, except)
	}
	principals, others := p.split(except)
	return append(principals, draw(others, 2*p.root(), rng)...)
}

// Solicit returns up to most connections to ask for votes: principals first, in
// random order, then others. Asking others is how principals are found.
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
