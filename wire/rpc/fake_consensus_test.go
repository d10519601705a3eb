package rpc

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	balances "github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/quorum"
	"github.com/smallnano/smallnano/messages/lattice"
)

// fakeConsensus is the part of a fakeNode that elects.
type fakeConsensus struct {
	quiet      bool  // no elections
	unplaced   bool  // no block has a place in a bucket
	decided    bool  // the election has its winner
	divided    bool  // its winner is the other block
	busy       error // the answer to all questions
	confirming []lattice.Hash
}

var electedAt = time.Unix(1_700_009_970, 0)

// rivalOf is a block that competes with another one.
func rivalOf(b lattice.Block) lattice.Block {
	b.Representative = carol.account
	b.Sign(lattice.Dev().ID, alice.key)
	return b
}

// election returns the one election of the fake node: Alice's change, with a
// rival.
func (n *fakeNode) election() election.Info {
	info := n.ledger.accounts[alice.account]
	var mine lattice.StoredBlock
	for _, b := range n.ledger.blocks {
		if b.Block.Account == alice.account && b.Height == info.ConfirmedHeight+1 {
			mine = b
		}
	}
	rival := rivalOf(mine.Block)
	e := election.Info{
		Root: mine.Block.QualifiedRoot(), State: election.Active, Behavior: election.Priority, Bucket: 23, Started: electedAt,
		Winner: mine.Hash, Tally: smn("1725.5"), Final: smn("1725.5"), Total: smn("1775.5"), Delta: smn("6698827.935"),
		InLedger: mine.Hash, Requests: 3,
		Votes: []election.VoteInfo{
			{Representative: alice.account, Weight: smn("1725.5"), Hash: mine.Hash, Timestamp: lattice.FinalTimestamp, Final: true},
			{Representative: carol.account, Weight: smn("50"), Hash: n.network.HashOf(&rival), Timestamp: 1},
		},
	}
	e.Blocks = []election.BlockInfo{
		{Hash: mine.Hash, Block: mine.Block, Tally: e.Tally, Final: e.Final},
		{Hash: n.network.HashOf(&rival), Block: rival, Tally: smn("50")},
	}
	switch {
	case n.elections.decided:
		e.State, e.Final, e.Blocks[0].Final = election.Confirmed, e.Delta, e.Delta
	case n.elections.divided:
		e.Winner = e.Blocks[1].Hash
	}
	return e
}

func (n *fakeNode) Elections(context.Context) (ElectionsState, error) {
	if n.elections.busy != nil || n.elections.quiet {
		return ElectionsState{}, n.elections.busy
	}
	first := n.election()
	second := election.Info{Root: lattice.QualifiedRoot{Account: dave.account}, State: election.Confirmed, Behavior: election.Manual, Started: electedAt.Add(10 * time.Second)}
	s := ElectionsState{
		Running: []election.Info{first, second}, Now: electedAt.Add(30 * time.Second),
		Latency: election.Latency{P50: 254 * time.Millisecond, P90: 510 * time.Millisecond, P99: 1205 * time.Millisecond, Count: 2},
		Ended: []election.Ended{
			{Hash: lattice.Hash{0xB0}, State: election.Confirmed, ByQuorum: true, Time: electedAt.Add(1500 * time.Millisecond), Duration: 300 * time.Millisecond, Tally: smn("9998249.5"), Final: smn("9000000"), Voters: 3, Blocks: 1, Requests: 2},
			{Hash: lattice.Hash{0xA0}, State: election.Confirmed, Time: electedAt, Duration: 501 * time.Millisecond, Tally: smn("1"), Voters: 1, Blocks: 2},
		},
		Stats: election.Stats{Forks: 4, Switches: 1, Active: 1, Confirmed: 1, Most: 500},
	}
	s.Stats.Running[election.Priority] = 1
	s.Stats.Ended[election.Confirmed], s.Stats.Ended[election.Expired], s.Stats.Ended[election.Cancelled] = 100, 3, 2
	return s, nil
}

func (n *fakeNode) Election(_ context.Context, root lattice.QualifiedRoot) (election.Info, bool, error) {
	if e := n.election(); n.elections.busy == nil && !n.elections.quiet && e.Root == root {
		return e, true, nil
	}
	return election.Info{}, false, n.elections.busy
}

func (n *fakeNode) ElectionOf(_ context.Context, hash lattice.Hash) (election.Info, bool, error) {
	e := n.election()
	if n.elections.busy == nil && !n.elections.quiet && slices.ContainsFunc(e.Blocks, func(b election.BlockInfo) bool { return b.Hash == hash }) {
		return e, true, nil
	}
	return election.Info{}, false, n.elections.busy
}

func (n *fakeNode) Elect(_ context.Context, _ *lattice.Block, hash lattice.Hash) error {
	n.elections.confirming = append(n.elections.confirming, hash)
	return n.elections.busy
}

func (n *fakeNode) Buckets(context.Context) (BucketsState, error) {
	s := balances.NewScheduler(balances.Config{}, balances.NewTable(balances.Shift))
	state := BucketsState{Buckets: s.Stats(), Limits: s.Limits(), Backlog: 7, MaxBacklog: 10_000}
	state.Unconfirmed[23] = 7
	b := &state.Buckets[23]
	b.Waiting, b.Running, b.Oldest, b.Newest = 2, 1, time.Unix(1_700_000_100, 0), time.Unix(1_700_000_900, 0)
	b.Pushed, b.Started, b.Ended, b.Dropped, b.Cancelled = 40, 30, 29, 3, 1
	return state, n.elections.busy
}

func (n *fakeNode) Position(_ context.Context, _ lattice.QualifiedRoot) (balances.Position, bool, error) {
	return balances.Position{Bucket: 23, Ahead: 4, Used: time.Unix(1_700_000_540, 0)}, !n.elections.unplaced, n.elections.busy
}

// Blocks that are not in the ledger of the fake node.
var (
	waitingHash = lattice.Hash{0x11}
	refusedHash = lattice.Hash{0x22}
)

func (n *fakeNode) Fate(_ context.Context, hash lattice.Hash) (f BlockFate, _ error) {
	at := time.Unix(1_700_009_900, 0)
	switch hash {
	case waitingHash:
		f.Waiting = &WaitingBlock{Account: dave.account, Missing: lattice.Hash{0x33}, Since: at}
	case refusedHash:
		f.Refused = &RefusedBlock{Account: dave.account, Why: fmt.Errorf("%w: the balance rises by 2 raw, the send was of 1 raw", ledger.BalanceMismatch), Time: at}
	}
	return f, n.elections.busy
}

func (n *fakeNode) Liveness() []quorum.RepLiveness {
	return []quorum.RepLiveness{
		{Representative: genesis.account, Last: time.Unix(1_700_009_999, 0), Voted: 63, Of: 64, Latency: 120 * time.Millisecond},
		{Representative: bob.account, Of: 64},
	}
}

func init() {
	setups["no elections"] = func(b *bench) { b.node.elections.quiet = true }
	setups["no place"] = func(b *bench) { b.node.elections.quiet, b.node.elections.unplaced = true, true }
	setups["decided"] = func(b *bench) { b.node.elections.decided = true }
	setups["rival leads"] = func(b *bench) { b.node.elections.divided = true }
	setups["elections overload"] = func(b *bench) { b.node.elections.busy = ErrOverloaded }
}

func TestBlockConfirmAsksForAnElection(t *testing.T) {
	b := newBench(t, nil)
	for _, name := range []string{"alice_change", "to_bob"} {
		b.post(`{"action":"block_confirm","hash":"`+b.blocks[name].String()+`"}`, asOperator)
	}
	if got := b.node.elections.confirming; len(got) != 1 || got[0] != b.blocks["alice_change"] {
		t.Errorf("asked for %v", got)
	}
}

// The pages of delegators together are all of them, whatever their size.
func TestDelegatorsPages(t *testing.T) {
	b := newBench(t, nil)
	all := map[lattice.Account]lattice.Amount{}
	c := &call{backend: b.node}
	if _, more, err := eachDelegator(c, alice.account, lattice.Account{}, maxScan, func(a lattice.Account, w lattice.Amount) bool { all[a] = w; return true }); more || err != nil {
		t.Fatal(more, err)
	}
	if len(all) != 3 {
		t.Errorf("%d delegators, want 3", len(all))
	}
	for size := 1; size <= 4; size++ {
		got, start := map[lattice.Account]lattice.Amount{}, lattice.Account{}
		for more := true; more; {
			n, err := 0, error(nil)
			start, more, err = eachDelegator(c, alice.account, start, maxScan, func(a lattice.Account, w lattice.Amount) bool {
				if n == size {
					return false
				}
				n++
				got[a] = w
				return true
			})
			if err != nil || n == 0 && more {
				t.Fatal(n, err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(all) {
			t.Errorf("pages of %d: %v, want %v", size, got, all)
		}
	}
}
