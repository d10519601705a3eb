package election

import (
	"fmt"
	"strings"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Ready is what is to be done. Everything in it is the caller's. Carry out
// Switch before Confirmed; the rest in any order. What cannot be carried out may
// be dropped: it comes again while it is still wanted.
type Ready struct {
	// Switch is for the ledger: the winner is another block than the one in the
	// ledger.
	Switch []Switch
	// Confirmed is for the ledger: cement this block and what it depends on.
	Confirmed []ConfirmedBlock
	// VoteFinal and VoteNormal are for own representatives. A final vote must be
	// stored before it is signed, and not made if another one is stored for the
	// root. A normal vote waits for its spacing. Neither is made before the
	// block's dependencies are confirmed.
	VoteFinal, VoteNormal []VoteRequest
	// Publish is for the network: tell others this block.
	Publish []Publish
	// Solicit is for the network: ask representatives for their votes.
	Solicit []Solicit
	// Ended tells which elections are no more.
	Ended []Ended
}

// ConfirmedBlock is a block that reached a quorum of final votes.
type ConfirmedBlock struct {
	Root     lattice.QualifiedRoot
	Hash     lattice.Hash
	Block    lattice.Block
	Duration time.Duration // from the start of the election
	Repeated bool          // it was said before
}

// Switch asks to take the loser and all that depends on it out of the ledger and
// to put the winner in.
type Switch struct {
	Root   lattice.QualifiedRoot
	Loser  lattice.Hash // what is thought to be in the ledger; zero: nothing
	Winner lattice.Hash
	Block  lattice.Block // the winner
}

// VoteRequest asks own representatives to vote.
type VoteRequest struct {
	Root lattice.QualifiedRoot
	Hash lattice.Hash
}

// Publish asks to broadcast a block.
type Publish struct {
	Hash  lattice.Hash
	Block lattice.Block
	Local bool // made here, or votes do not come by themselves: to all principals and more
}

// Solicit asks to request votes on a block from all principal representatives
// but some.
type Solicit struct {
	Root    lattice.QualifiedRoot
	Hash    lattice.Hash
	Exclude []lattice.Account // have said all that is wanted, in the order of their keys
}

// Ended is an election that is no more.
type Ended struct {
	Root     lattice.QualifiedRoot
	Hash     lattice.Hash // the winner; of a cemented root, the block that was cemented
	State    State        // Confirmed, Expired or Cancelled
	ByQuorum bool         // Confirmed by votes here, not as a dependency of another block
	Behavior Behavior
	Bucket   int
	Priority time.Time
	Time     time.Time     // when it ended
	Duration time.Duration // from start to confirmation, or to the end where there was none
	Tally    lattice.Amount
	Final    lattice.Amount
	Voters   int
	Blocks   int
	Requests int // times that votes were asked for
}

// Empty reports whether there is nothing to do.
func (r *Ready) Empty() bool {
	return len(r.Switch)+len(r.Confirmed)+len(r.VoteFinal)+len(r.VoteNormal)+
		len(r.Publish)+len(r.Solicit)+len(r.Ended) == 0
}

// String shows one line for each thing to do.
func (r *Ready) String() string {
	var b strings.Builder
	for _, s := range r.Switch {
		fmt.Fprintf(&b, "switch %s to %s\n", short(s.Loser), short(s.Winner))
	}
	for _, c := range r.Confirmed {
		again := ""
		if c.Repeated {
			again = " again"
		}
		fmt.Fprintf(&b, "confirmed %s after %v%s\n", short(c.Hash), c.Duration, again)
	}
	for _, v := range r.VoteFinal {
		fmt.Fprintf(&b, "vote final %s\n", short(v.Hash))
	}
	for _, v := range r.VoteNormal {
		fmt.Fprintf(&b, "vote normal %s\n", short(v.Hash))
	}
	for _, p := range r.Publish {
		local := ""
		if p.Local {
			local = " local"
		}
		fmt.Fprintf(&b, "publish %s%s\n", short(p.Hash), local)
	}
	for _, s := range r.Solicit {
		fmt.Fprintf(&b, "solicit %s", short(s.Hash))
		for i, rep := range s.Exclude {
			fmt.Fprintf(&b, "%s %x", [2]string{" but", ""}[min(i, 1)], rep[:2])
		}
		b.WriteByte('\n')
	}
	for _, e := range r.Ended {
		fmt.Fprintf(&b, "ended %s\n", e)
	}
	return b.String()
}

// String shows an ended election in one line.
func (e Ended) String() string {
	how := ""
	if e.State == Confirmed && !e.ByQuorum {
		how = " as a dependency"
	}
	return fmt.Sprintf("%s %v%s after %v: tally %v, final %v, %d voters, %d blocks",
		short(e.Hash), e.State, how, e.Duration, e.Tally, e.Final, e.Voters, e.Blocks)
}

// short shows the first two bytes of a hash, and - for none.
func short(h lattice.Hash) string {
	if h.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%x", h[:2])
}
