package election

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Info is an election for people and programs to read.
type Info struct {
	Root      lattice.QualifiedRoot
	State     State
	Behavior  Behavior
	Bucket    int
	Priority  time.Time
	Started   time.Time
	Winner    lattice.Hash
	Tally     lattice.Amount // of the winner
	Final     lattice.Amount // of the winner
	Total     lattice.Amount // of all blocks
	Delta     lattice.Amount // what Final must reach
	Leading   bool           // the winner has delta of all votes, final or not
	LeadSince time.Time      // since when
	InLedger  lattice.Hash   // of the blocks, the one in the ledger; zero: none
	Requests  int            // times that votes were asked for
	Blocks    []BlockInfo    // largest tally first
	Votes     []VoteInfo     // heaviest first; several of who voted finally for several blocks
}

// BlockInfo is a block of an election.
type BlockInfo struct {
	Hash  lattice.Hash
	Block lattice.Block
	Tally lattice.Amount
	Final lattice.Amount
}

// VoteInfo is a vote that counts in an election.
type VoteInfo struct {
	Representative lattice.Account
	Weight         lattice.Amount
	Hash           lattice.Hash
	Timestamp      uint64
	Final          bool
}

// Missing returns those of some representatives that have no vote in the
// election, in the order given.
func (i *Info) Missing(among []lattice.Account) []lattice.Account {
	voted := make(map[lattice.Account]bool, len(i.Votes))
	for _, v := range i.Votes {
		voted[v.Representative] = true
	}
	var missing []lattice.Account
	for _, rep := range among {
		if !voted[rep] {
			missing = append(missing, rep)
		}
	}
	return missing
}

// Info returns the election of a root, as it was last counted.
func (s *Elections) Info(root lattice.QualifiedRoot) (Info, bool) {
	e := s.byRoot[root]
	if e == nil {
		return Info{}, false
	}
	i := s.brief(e)
	for _, b := range e.blocks {
		i.Blocks = append(i.Blocks, BlockInfo{b.hash, b.block, b.tally, b.final})
	}
	slices.SortFunc(i.Blocks, func(a, b BlockInfo) int {
		if c := b.Tally.Cmp(a.Tally); c != 0 {
			return c
		}
		return bytes.Compare(a.Hash[:], b.Hash[:])
	})
	for _, v := range e.votes {
		for b := range e.blocks {
			if v.is(b) {
				i.Votes = append(i.Votes, VoteInfo{v.rep, v.weight, e.blocks[b].hash, v.timestamp, v.final()})
			}
		}
	}
	slices.SortStableFunc(i.Votes, func(a, b VoteInfo) int { return b.Weight.Cmp(a.Weight) })
	return i, true
}

// InfoOf is Info for the election in which a block competes.
func (s *Elections) InfoOf(hash lattice.Hash) (Info, bool) {
	if e := s.byHash[hash]; e != nil {
		return s.Info(e.root)
	}
	return Info{}, false
}

// brief is Info without blocks and votes.
func (s *Elections) brief(e *election) Info {
	w := &e.blocks[e.winner]
	return Info{
		Root: e.root, State: e.state, Behavior: e.behavior, Bucket: e.bucket, Priority: e.priority,
		Started: e.started, Winner: w.hash, Tally: w.tally, Final: w.final, Total: e.total(),
		Delta: s.weigher.Delta(), Leading: !e.leadSince.IsZero(), LeadSince: e.leadSince, InLedger: e.ledger, Requests: e.requests,
	}
}

// List returns all elections in the order in which they started, without their
// blocks and votes.
func (s *Elections) List() []Info {
	list := make([]Info, 0, len(s.order))
	for _, e := range s.order {
		list = append(list, s.brief(e))
	}
	return list
}

// Len returns how many elections there are, those that wait to be cemented
// included.
func (s *Elections) Len() int { return len(s.order) }

// Runs reports whether a block competes in an election.
func (s *Elections) Runs(hash lattice.Hash) bool { return s.byHash[hash] != nil }

// RunsRoot reports whether a root has an election.
func (s *Elections) RunsRoot(root lattice.QualifiedRoot) bool { return s.byRoot[root] != nil }

// Decided reports whether the election of a root has a winner for good, which
// waits to be cemented.
func (s *Elections) Decided(root lattice.QualifiedRoot) bool {
	e := s.byRoot[root]
	return e != nil && e.state == Confirmed
}

// RecentlyConfirmed reports whether a block was cemented lately, so that votes
// for it are of no use.
func (s *Elections) RecentlyConfirmed(hash lattice.Hash) bool { return s.recent.Has(hash) }

// History returns the confirmed elections that ended lately, newest first.
func (s *Elections) History() []Ended {
	out := make([]Ended, 0, len(s.history))
	out = append(out, s.history[s.oldest:]...)
	out = append(out, s.history[:s.oldest]...)
	slices.Reverse(out)
	return out
}

// Latency returns how long confirmations took lately.
func (s *Elections) Latency() Latency { return s.latency.latency() }

// Stats counts what happened since the machine was made, and what is now.
type Stats struct {
	Starts       [reasons]uint64       // by Reason
	Votes        [results]uint64       // by Result
	Ended        [Cancelled + 1]uint64 // by State
	ByQuorum     uint64                // confirmed by votes here
	Switches     uint64                // changes of a winner
	Forks        uint64                // competing blocks taken in
	ForksRefused uint64                // competing blocks without room

	Passive, Active, Confirmed int            // elections now
	Running                    [behaviors]int // without a decision now, by Behavior
	Most                       int            // elections that may run
	Recent                     int            // cemented blocks remembered
}

// Stats returns the counters.
func (s *Elections) Stats() Stats {
	out := s.stats
	for _, e := range s.order {
		switch e.state {
		case Passive:
			out.Passive++
		case Active:
			out.Active++
		case Confirmed:
			out.Confirmed++
		}
	}
	out.Running, out.Most, out.Recent = s.running, s.cfg.MaxElections, s.recent.Len()
	return out
}

// String shows one line for each election and each of its blocks.
func (s *Elections) String() string {
	var out strings.Builder
	for _, e := range s.order {
		fmt.Fprintf(&out, "%v %v, %d votes:", e.behavior, e.state, len(e.votes))
		for i := range e.blocks {
			b := &e.blocks[i]
			mark := ""
			if i == e.winner {
				mark = "*"
			}
			if b.hash == e.ledger {
				mark += "+"
			}
			fmt.Fprintf(&out, " %s%s %v/%v", short(b.hash), mark, b.tally, b.final)
		}
		out.WriteByte('\n')
	}
	return out.String()
}
