package messages

import (
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Elections is every message that the election manager accepts.
//
//sumtype:decl
type Elections interface{ toElections() }

// StartElection asks for an election on a block of the ledger.
type StartElection struct {
	Block   lattice.Block
	Hash    lattice.Hash
	Balance lattice.Amount // that put it into its bucket
	Manual  bool           // asked for by an operator
	// Optimistic elections are for the head of a long unconfirmed chain: this
	// node does not vote in them, it asks others.
	Optimistic bool
}

// MailboxControl lets the scheduler, which counts its elections, be heard.
func (*StartElection) MailboxControl() {}

// ForkSeen says that a block competes with an unconfirmed one in the ledger.
type ForkSeen struct {
	Block     lattice.Block
	Hash      lattice.Hash
	Rival     lattice.Block // in the ledger, on the same root
	RivalHash lattice.Hash
}

// MailboxSource queues forks behind votes.
func (*ForkSeen) MailboxSource() Source { return fromLocal }

// VotesVerified carries votes whose signatures are good.
type VotesVerified struct{ Votes []VerifiedVote }

// VerifiedVote is a vote with a good signature.
type VerifiedVote struct {
	Vote *lattice.Vote
	Conn ConnID // 0: made here
}

// MailboxSource lets votes go first.
func (*VotesVerified) MailboxSource() Source { return fromConsensus }

// SchedulerStarted asks for ElectionsRunning.
type SchedulerStarted struct{}

// MailboxControl lets the restarted scheduler be heard.
func (*SchedulerStarted) MailboxControl() {}

// QuorumQuery asks for the state of the quorum. Reply is called once, on the
// election manager's turn, and must not block.
type QuorumQuery struct{ Reply func(QuorumStatus) }

// MailboxControl lets operators look into a node under load.
func (*QuorumQuery) MailboxControl() {}

// QuorumStatus is what confirming takes, and what there is of it.
type QuorumStatus struct {
	Delta, Online, Trended, Floor, PeersStake lattice.Amount
	Representatives                           []Representative // online ones, heaviest first
	Elections                                 int
	Latency                                   Latency
}

// Representative is one that was heard of lately.
type Representative struct {
	Account  lattice.Account
	Weight   lattice.Amount
	LastSeen time.Time
}

// Latency is how long confirmations took, from the start of the election, over
// a window of the last ones.
type Latency struct {
	Count         int
	P50, P90, P99 time.Duration
}

func (*StartElection) toElections()    {}
func (*ForkSeen) toElections()         {}
func (*VotesVerified) toElections()    {}
func (*SchedulerStarted) toElections() {}
func (*QuorumQuery) toElections()      {}
func (*BlocksCemented) toElections()   {}
func (*BlocksRolledBack) toElections() {}
func (*Tick) toElections()             {}
func (*Wake) toElections()             {}
