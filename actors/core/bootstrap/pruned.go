package bootstrap

import (
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// maxPrunedAway bounds the accounts that are remembered because nobody can give
	// what follows on their chain.
	maxPrunedAway = 64
	// prunedAwayFor is how long that is believed when it is not found again. Until
	// the blocks are here it is found in every round.
	prunedAwayFor = 15 * time.Minute
)

// PrunedAway is an account whose next block nobody has any more of those who are
// asked.
type PrunedAway struct {
	Account lattice.Account
	Below   uint64 // up to this height, at the best of them
}

// lostAccount is what is remembered of it.
type lostAccount struct {
	PrunedAway
	found time.Time
	by    []peering.ConnID // who said so
}

// prunedAway remembers, after all peers were asked for an account, that more of
// them have pruned what is next than know of no such block. Without a peer that
// keeps more it would be asked for in vain for ever. One who makes up accounts, and
// says that he has pruned them, does not count against others that never heard of
// them.
func (c *Client) prunedAway(t *task, now time.Time) {
	t.prunedBy = slices.DeleteFunc(t.prunedBy, func(conn peering.ConnID) bool { return c.peer(conn) == nil })
	if len(t.prunedBy) <= t.without || t.have >= t.pruned { // it came another way meanwhile
		return
	}
	p := lostAccount{PrunedAway{t.account(), t.pruned}, now, t.prunedBy}
	i := slices.IndexFunc(c.pruned, func(x lostAccount) bool { return x.Account == p.Account })
	switch {
	case i >= 0:
		c.pruned[i] = p
	case len(c.pruned) < maxPrunedAway:
		c.pruned = append(c.pruned, p)
	}
}

// prunedWithout forgets what only a peer said that is gone.
func (c *Client) prunedWithout(conn peering.ConnID) {
	for i := range c.pruned {
		by := &c.pruned[i].by
		*by = slices.DeleteFunc(*by, func(x peering.ConnID) bool { return x == conn })
	}
	c.pruned = slices.DeleteFunc(c.pruned, func(x lostAccount) bool { return len(x.by) == 0 })
}

// notPrunedAway forgets an account of which a block came after all.
func (c *Client) notPrunedAway(account lattice.Account) {
	c.pruned = slices.DeleteFunc(c.pruned, func(x lostAccount) bool { return x.Account == account })
}

// tickPruned forgets what was not found again.
func (c *Client) tickPruned(now time.Time) {
	c.pruned = slices.DeleteFunc(c.pruned, func(x lostAccount) bool { return now.Sub(x.found) >= prunedAwayFor })
}
