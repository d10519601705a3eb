package messages

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Scheduler is every message that the bucket scheduler accepts.
//
//sumtype:decl
type Scheduler interface{ toScheduler() }

// Activate asks for an account to be looked at: if its first unconfirmed block
// can be confirmed, it takes its place in a bucket.
type Activate struct{ Accounts []lattice.Account }

// ElectionsEnded says that elections are over, whatever their end.
type ElectionsEnded struct {
	Roots []lattice.QualifiedRoot
	// Took is how long those took that were decided, which come first.
	Took []time.Duration
}

// MailboxControl lets the fact pass a full queue: a missed end would keep a
// place in a bucket taken.
func (*ElectionsEnded) MailboxControl() {}

// ElectionsRunning tells the scheduler which elections it has running, after
// one of the two was restarted.
type ElectionsRunning struct{ Elections []RunningElection }

// RunningElection is an election as the scheduler knows it.
type RunningElection struct {
	Root     lattice.QualifiedRoot
	Hash     lattice.Hash
	Bucket   int
	Priority time.Time
}

// MailboxControl lets the fact pass a full queue.
func (*ElectionsRunning) MailboxControl() {}

// BlocksHinted names blocks that have votes but no election: perhaps they are in
// the ledger and their turn has not come.
type BlocksHinted struct{ Hashes []lattice.Hash }

// AskScheduler has the scheduler looked at on the actor's turn. Read must not
// change anything, keep the arguments, or block.
type AskScheduler struct {
	Read func(*bucket.Scheduler, *bucket.Backlog)
	Fail func(error) // why it was not read
}

// Refused tells who asks.
func (m *AskScheduler) Refused(err error) { m.Fail(err) }

func (*AskScheduler) toScheduler() {}

// BacklogTrimmed says that the victims of a TrimBacklog are gone or stay: more
// can be named.
type BacklogTrimmed struct{}

// MailboxControl lets the answer pass a full queue.
func (*BacklogTrimmed) MailboxControl() {}

func (*BacklogTrimmed) toScheduler()   {}
func (*BlocksHinted) toScheduler()     {}
func (*Activate) toScheduler()         {}
func (*ElectionsEnded) toScheduler()   {}
func (*ElectionsRunning) toScheduler() {}
func (*BlocksInserted) toScheduler()   {}
func (*BlocksCemented) toScheduler()   {}
func (*BlocksRolledBack) toScheduler() {}
func (*Tick) toScheduler()             {}
