package rpc

import (
	"context"
	"time"

	balances "github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/quorum"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Consensus is what the actions ask about elections. What has a context is asked
// of an actor: ErrOverloaded when that has no time, ErrStopping when it ends.
// The answers are the caller's own.
type Consensus interface {
	// Elections returns all elections in the order in which they started, without
	// their blocks and votes, those that ended lately, and the counters.
	Elections(ctx context.Context) (ElectionsState, error)
	// Election returns the election of a root, with blocks and votes.
	Election(ctx context.Context, root lattice.QualifiedRoot) (election.Info, bool, error)
	// ElectionOf returns the election in which a block competes.
	ElectionOf(ctx context.Context, hash lattice.Hash) (election.Info, bool, error)
	// Elect starts the election of a block of the ledger out of turn; nil also
	// when it runs already. ErrOverloaded when too many run.
	Elect(ctx context.Context, b *lattice.Block, hash lattice.Hash) error
	// Buckets returns the state of the scheduler.
	Buckets(ctx context.Context) (BucketsState, error)
	// Position returns where a root stands in its bucket, and false when it does
	// not.
	Position(ctx context.Context, root lattice.QualifiedRoot) (balances.Position, bool, error)
	// Fate returns what the node knows of a block that is not in the ledger.
	Fate(ctx context.Context, hash lattice.Hash) (BlockFate, error)
	// Liveness returns how well the principal representatives vote, heaviest
	// first. It answers from memory.
	Liveness() []quorum.RepLiveness
}

// ElectionsState is all elections at one moment.
type ElectionsState struct {
	Running []election.Info
	Ended   []election.Ended // confirmed ones, newest first
	Stats   election.Stats
	Latency election.Latency
	Now     time.Time
}

// BucketsState is the scheduler at one moment.
type BucketsState struct {
	Buckets     []balances.Stats
	Limits      balances.Config
	Unconfirmed [balances.Count]int // of the backlog
	Backlog     int
	MaxBacklog  int
}

// BlockFate is what became of a block that came and is not in the ledger. At
// most one of the two is set; the memory of both is short.
type BlockFate struct {
	Waiting *WaitingBlock
	Refused *RefusedBlock
}

// WaitingBlock is a block that waits for another one.
type WaitingBlock struct {
	Account lattice.Account
	Missing lattice.Hash
	Since   time.Time
}

// RefusedBlock is a block that the rules refused.
type RefusedBlock struct {
	Account lattice.Account
	Why     error // wraps a ledger.Outcome
	Time    time.Time
}
