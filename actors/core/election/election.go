package election

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// election is the contest for one root. It knows its blocks and votes and adds
// them up; what follows from the sums is in judge.go, when it is said in
// pace.go.
type election struct {
	root     lattice.QualifiedRoot
	behavior Behavior
	bucket   int
	priority time.Time
	local    bool

	state   State
	started time.Time
	decided time.Duration // when Confirmed: how long it took

	blocks []contender    // 1 to MaxBlocks, in the order of arrival
	winner int            // in blocks
	ledger lattice.Hash   // of the blocks, the one that is thought to be in the ledger; zero: none
	way    lattice.Hash   // what may be there instead of a winner that does not lead; zero: nothing
	votes  []vote         // at most MaxVoters, by representative
	twice  lattice.Amount // of the tallies, what is counted for more than one block

	leadSince time.Time // since when the winner has delta; zero: it has not

	// When something is due again.
	nextVote, nextSolicit, nextPublish, nextRepeat time.Time
	publishes                                      int          // broadcasts so far, for the growing pauses
	requests                                       int          // times that votes were asked for
	said                                           lattice.Hash // block of the latest normal vote asked for
	saidAt                                         time.Time    // when it was
	saidFinal                                      lattice.Hash // block of the latest final vote asked for
}

// contender is one of the blocks that compete.
type contender struct {
	hash  lattice.Hash
	block lattice.Block
	tally lattice.Amount // of all votes
	final lattice.Amount // of final votes
}

// reason compares how much reason there is for an election of either block: 1 when
// there is more for this one.
func (c *contender) reason(d *contender) int {
	return cmp.Or(c.final.Cmp(d.final), c.tally.Cmp(d.tally), bytes.Compare(d.hash[:], c.hash[:]))
}

// vote is the one vote of a representative that counts, but for what a
// representative does that votes finally for several blocks: each such vote counts.
// Other nodes may know any of them only, and confirm a block by it.
type vote struct {
	rep       lattice.Account
	weight    lattice.Amount // as it is part of the tallies
	timestamp uint64
	changed   time.Duration // since the start, when it last chose another block
	block     int           // in blocks
	also      uint8         // further blocks that it voted for finally, a bit each
}

// is reports whether a vote is for a block.
func (v *vote) is(block int) bool { return v.block == block || v.also&(1<<block) != 0 }

func (v *vote) final() bool { return v.timestamp == lattice.FinalTimestamp }

// find returns where the vote of a representative is or belongs.
func (e *election) find(rep lattice.Account) (int, bool) {
	return slices.BinarySearchFunc(e.votes, rep, func(v vote, rep lattice.Account) int {
		return bytes.Compare(v.rep[:], rep[:])
	})
}

// contender returns the index of a block.
func (e *election) contender(hash lattice.Hash) int {
	for i := range e.blocks {
		if e.blocks[i].hash == hash {
			return i
		}
	}
	return -1
}

// displaced reports whether the winner should be in the ledger and is not. Where it
// has to give way it need not be there before it leads.
func (e *election) displaced() bool {
	if e.ledger == e.blocks[e.winner].hash {
		return false
	}
	return e.way.IsZero() || e.ledger != e.way || !e.leadSince.IsZero()
}

func (e *election) contested() bool { return len(e.blocks) > 1 }

// count takes one vote in, if it is to count. cooldown is how long the
// representative has to stay with a block; 0 for a vote that is played back.
func (e *election) count(v vote, cooldown time.Duration) Result {
	at, known := e.find(v.rep)
	if !known {
		return e.insert(at, v)
	}
	old := &e.votes[at]
	stayed := v.changed - old.changed
	switch same := old.block == v.block; {
	case old.final() && v.final() && !old.is(v.block):
		e.subtract(*old)
		old.also |= 1 << v.block
		e.add(*old)
		return Conflict
	case old.final() && v.final():
		return Repeat
	case old.timestamp >= v.timestamp:
		return Replay
	case same && !v.final():
		old.timestamp = v.timestamp
		return Repeat
	case !same && !v.final() && stayed >= 0 && stayed < cooldown: // negative: the clock was set back
		return Throttled
	}
	e.subtract(*old)
	*old = v
	e.add(v)
	return Used
}

// insert adds a representative's first vote. When there are too many, the
// lightest makes room.
func (e *election) insert(at int, v vote) Result {
	if len(e.votes) >= MaxVoters {
		light := 0
		for i := range e.votes {
			if e.votes[i].weight.Less(e.votes[light].weight) {
				light = i
			}
		}
		if !e.votes[light].weight.Less(v.weight) {
			return Crowded
		}
		e.subtract(e.votes[light])
		e.votes = slices.Delete(e.votes, light, light+1)
		if light < at {
			at--
		}
	}
	e.votes = slices.Insert(e.votes, at, v)
	e.add(v)
	return Used
}

// add counts a vote for its blocks, subtract takes it back.
func (e *election) add(v vote)      { e.shift(v, lattice.Amount.SatAdd) }
func (e *election) subtract(v vote) { e.shift(v, lattice.Amount.SatSub) }

// shift moves the sums by the weight of a vote.
func (e *election) shift(v vote, by func(sum, weight lattice.Amount) lattice.Amount) {
	for i := range e.blocks {
		if !v.is(i) {
			continue
		}
		b := &e.blocks[i]
		b.tally = by(b.tally, v.weight)
		if v.final() {
			b.final = by(b.final, v.weight)
		}
		if i != v.block {
			e.twice = by(e.twice, v.weight)
		}
	}
}

// recount adds all votes up anew with the weights of now, which move as blocks
// are cemented.
func (e *election) recount(w Weigher) {
	for i := range e.votes {
		e.votes[i].weight = w.Weight(e.votes[i].rep)
	}
	e.sum()
}

// sum adds all votes up anew.
func (e *election) sum() {
	e.twice = lattice.Amount{}
	for i := range e.blocks {
		e.blocks[i].tally, e.blocks[i].final = lattice.Amount{}, lattice.Amount{}
	}
	for i := range e.votes {
		e.add(e.votes[i])
	}
}

// admit adds a competing block. Where there is no room it takes the place of the
// one with the least votes, which is never the winner, if more weight than that
// is known to want it. It returns the block that had to go, zero for none.
func (e *election) admit(c contender, wanted lattice.Amount) (gone lattice.Hash, ok bool) {
	if len(e.blocks) < MaxBlocks {
		e.blocks = append(e.blocks, c)
		return gone, true
	}
	least := -1
	for i := range e.blocks {
		if i != e.winner && (least < 0 || e.ahead(least, i)) {
			least = i
		}
	}
	if !e.blocks[least].tally.Less(wanted) {
		return gone, false
	}
	gone = e.blocks[least].hash
	e.forget(least)
	e.blocks[least] = c
	e.sum()
	return gone, true
}

// forget drops the votes for a block.
func (e *election) forget(block int) {
	e.votes = slices.DeleteFunc(e.votes, func(v vote) bool { return v.block == block && v.also == 0 })
	for i := range e.votes {
		v := &e.votes[i]
		v.also &^= 1 << block
		if v.block == block { // it has another one
			v.block = bits.TrailingZeros8(v.also)
			v.also &^= 1 << v.block
		}
	}
}

// ahead reports whether block i has more votes than block j; ties prefer the
// lower hash.
func (e *election) ahead(i, j int) bool {
	a, b := &e.blocks[i], &e.blocks[j]
	if c := a.tally.Cmp(b.tally); c != 0 {
		return c > 0
	}
	return bytes.Compare(a.hash[:], b.hash[:]) < 0
}

// leader returns the block with the largest tally, of those that can still be
// confirmed if there are any: to vote for one against which too many final votes
// stand helps nobody, for these never move.
func (e *election) leader(base, delta lattice.Amount) int {
	best, open := 0, e.possible(0, base, delta)
	for i := 1; i < len(e.blocks); i++ {
		switch possible := e.possible(i, base, delta); {
		case possible && !open, possible == open && e.ahead(i, best):
			best, open = i, possible
		}
	}
	return best
}

// possible reports whether a block can still be confirmed: whether what is not
// bound by final votes for others is delta. It reckons with all the weight that
// decides, or that has voted here, whichever is more.
func (e *election) possible(block int, base, delta lattice.Amount) bool {
	if !e.contested() {
		return true
	}
	left := e.total()
	if left.Less(base) {
		left = base
	}
	for i := range e.votes {
		if v := &e.votes[i]; v.final() && !v.is(block) {
			left = left.SatSub(v.weight)
		}
	}
	return !left.Less(delta)
}

// total returns the weight of all that have voted.
func (e *election) total() (sum lattice.Amount) {
	for i := range e.blocks {
		sum = sum.SatAdd(e.blocks[i].tally)
	}
	return sum.SatSub(e.twice)
}

// leads reports whether the winner has delta of all votes, final or not. What a
// rival has does not matter: it cannot be delta as well, and representatives that
// lie, or that are bound by final votes, could hold a decision up for ever if it
// did.
func (e *election) leads(delta lattice.Amount) bool {
	return !e.blocks[e.winner].tally.Less(delta)
}

// quorate returns the block that has delta in final votes, -1 for none. Only
// with more than a third of the weight voting final twice can there be two; then
// the heavier one, ties to the lower hash.
func (e *election) quorate(delta lattice.Amount) int {
	found := -1
	for i := range e.blocks {
		if e.blocks[i].final.Less(delta) {
			continue
		}
		if found < 0 || e.blocks[found].final.Less(e.blocks[i].final) ||
			e.blocks[found].final == e.blocks[i].final && bytes.Compare(e.blocks[i].hash[:], e.blocks[found].hash[:]) < 0 {
			found = i
		}
	}
	return found
}
