package messages

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Elections is every message that the election manager accepts.
//
//sumtype:decl
type Elections interface{ toElections() }

// StartElections asks for elections on blocks of the ledger, in this order.
type StartElections struct{ Elections []WantedElection }

// WantedElection is one of them.
type WantedElection struct {
	Block    lattice.Block
	Hash     lattice.Hash
	Behavior election.Behavior
	Bucket   int       // of the account's balance
	Priority time.Time // its place there
}

// MailboxControl lets the scheduler, which counts its elections, be heard.
func (*StartElections) MailboxControl() {}

// ForkSeen says that a block competes with an unconfirmed one in the ledger.
type ForkSeen struct {
	Block     lattice.Block
	Hash      lattice.Hash
	Rival     lattice.Block // in the ledger, on the same root
	RivalHash lattice.Hash
	Head      lattice.Hash // a block that stands on Block by the hashes of those between; zero: none is known
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

// ProofsAsked is a peer's wish for the final votes on blocks of roots that it cannot
// decide.
type ProofsAsked struct {
	Conn   ConnID
	Hashes []lattice.Hash
	// Open are blocks that it asked about without a rival. It gets votes on them if it
	// cannot hear all principals itself.
	Open []lattice.Hash
}

// MailboxSource puts each peer's wishes in a queue of their own.
func (m *ProofsAsked) MailboxSource() Source { return m.Conn.source() }

// ProcessorStarted says that the block processor began anew, and how many blocks are
// confirmed in the ledger: what its predecessor committed last may not have been told.
type ProcessorStarted struct{ Confirmed uint64 }

// MailboxControl lets the restarted block processor be heard.
func (*ProcessorStarted) MailboxControl() {}

// CementedBefore says that blocks which were to be cemented are final since an earlier
// commit: nobody may have been told of that one, and what asks for it would ask for ever.
type CementedBefore struct{ Hashes []lattice.Hash }

// SchedulerStarted asks for ElectionsRunning.
type SchedulerStarted struct{}

// MailboxControl lets the restarted scheduler be heard.
func (*SchedulerStarted) MailboxControl() {}

// CancelElections asks to end elections that make room for others.
type CancelElections struct{ Roots []lattice.QualifiedRoot }

// MailboxControl lets the scheduler, which counts its elections, be heard.
func (*CancelElections) MailboxControl() {}

func (*CancelElections) toElections() {}

// TrimBacklog asks for unconfirmed blocks to be rolled back because there are
// too many. Each plan is a victim, as the last, and before it all that depends
// on it; one with a block that is worth keeping is not carried out. The answer
// is BacklogTrimmed to the scheduler.
type TrimBacklog struct{ Plans [][]lattice.Hash }

// MailboxControl lets room be made under load.
func (*TrimBacklog) MailboxControl() {}

func (*TrimBacklog) toElections() {}

// AskElections has the elections looked at on the actor's turn. Read must not
// change anything, keep the argument, or block.
type AskElections struct {
	Read func(*election.Elections)
	Fail func(error) // why it was not read
}

// MailboxSource queues questions with what is asked for here.
func (*AskElections) MailboxSource() Source { return fromLocal }

// Refused tells who asks.
func (m *AskElections) Refused(err error) { m.Fail(err) }

// ElectByHand asks for an election out of turn. Reply is told nil when one runs.
type ElectByHand struct {
	Block lattice.Block
	Hash  lattice.Hash
	Reply func(election.Reason, error)
}

// MailboxSource queues it with what is asked for here.
func (*ElectByHand) MailboxSource() Source { return fromLocal }

// Refused tells who asks.
func (m *ElectByHand) Refused(err error) { m.Reply(0, err) }

func (*AskElections) toElections() {}
func (*ElectByHand) toElections()  {}

// WeightsWanted asks for WeightsChanged to the vote processor.
type WeightsWanted struct{}

// MailboxControl lets the restarted vote processor be heard.
func (*WeightsWanted) MailboxControl() {}

func (*WeightsWanted) toElections()    {}
func (*StartElections) toElections()   {}
func (*ForkSeen) toElections()         {}
func (*VotesVerified) toElections()    {}
func (*SchedulerStarted) toElections() {}
func (*BlocksInserted) toElections()   {}
func (*CementedBefore) toElections()   {}
func (*BlocksCemented) toElections()   {}
func (*ProofsAsked) toElections()      {}
func (*ProcessorStarted) toElections() {}
func (*BlocksRolledBack) toElections() {}
func (*Tick) toElections()             {}
func (*Wake) toElections()             {}
