package actors

import (
	"testing"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// TestVoteOfNewRepresentative: who just got weight is heard before all weights are
// told anew, and how many are waited for is bounded.
func TestVoteOfNewRepresentative(t *testing.T) {
	old, fresh := testkit.Account(1), testkit.Account(2)
	a := &voteProcessor{
		env: &Env{Clock: supervise.RealClock{}}, net: lattice.Dev(), board: newBoard(),
		weights: map[lattice.Account]lattice.Amount{old: lattice.AmountFrom(5)}, gained: map[lattice.Account]lattice.Amount{},
		cemented: votes.NewRecent[lattice.Hash](recentlyCemented), late: lateVotes,
	}
	restored := 0
	arrive := func(rep lattice.Account) bool {
		before := len(a.batch)
		a.handle(&messages.VoteArrived{Vote: &lattice.Vote{Representative: rep, Hashes: []lattice.Hash{{1}}}, Conn: 1, Restore: func() { restored++ }})
		return len(a.batch) > before
	}
	cement := func(rep lattice.Account, weight uint64) {
		a.handle(&messages.BlocksCemented{Blocks: []ledger.Cemented{{NewRep: rep, NewWeight: lattice.AmountFrom(weight)}}})
	}
	if !arrive(old) || arrive(fresh) || restored != 1 {
		t.Fatalf("%d votes taken, %d may come again", len(a.batch), restored)
	}
	cement(old, 7)
	cement(fresh, 0)
	if arrive(fresh) || len(a.gained) != 0 {
		t.Errorf("a vote without weight is taken: %v", a.gained)
	}
	cement(fresh, 9)
	if !arrive(fresh) || a.weight(fresh) != lattice.AmountFrom(9) || a.weight(old) != lattice.AmountFrom(5) {
		t.Errorf("the vote of a new representative is dropped: %v", a.gained)
	}
	for i := range 2 * maxGained {
		cement(lattice.Account{9, byte(i), byte(i >> 8)}, 1)
	}
	if len(a.gained) != maxGained {
		t.Errorf("%d representatives are waited for", len(a.gained))
	}
	a.handle(&messages.WeightsChanged{Weights: map[lattice.Account]lattice.Amount{old: lattice.AmountFrom(5)}})
	if len(a.gained) != 0 || arrive(fresh) {
		t.Errorf("it counts though the weights that were told do not have it: %v", a.gained)
	}
}

// TestUnsyncedVotesAreBounded: while the disk hangs, what waits for it does not
// grow for ever.
func TestUnsyncedVotesAreBounded(t *testing.T) {
	clock := supervise.RealClock{}
	a := &blockProcessor{env: &Env{Clock: clock}, syncing: clock.Now()}
	for range 5 {
		a.awaitSync(make([]lattice.FinalVote, maxUnsynced/4+1))
	}
	if len(a.unsynced) != maxUnsynced {
		t.Errorf("%d final votes wait for the disk, want %d", len(a.unsynced), maxUnsynced)
	}
}
