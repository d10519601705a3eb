package messages

import "github.com/smallnano/smallnano/messages/lattice"

// Scheduler is every message that the bucket scheduler accepts.
//
//sumtype:decl
type Scheduler interface{ toScheduler() }

// Activate asks for an account to be looked at: if its first unconfirmed block
// can be confirmed, it takes its place in a bucket.
type Activate struct{ Accounts []lattice.Account }

// ElectionsEnded says that elections are over, whatever their end.
type ElectionsEnded struct{ Roots []lattice.QualifiedRoot }

// MailboxControl lets the fact pass a full queue: a missed end would keep a
// place in a bucket taken.
func (*ElectionsEnded) MailboxControl() {}

// ElectionsRunning tells the scheduler which elections it has running, after
// one of the two was restarted.
type ElectionsRunning struct{ Elections []RunningElection }

// RunningElection is an election as the scheduler knows it.
type RunningElection struct {
	Root    lattice.QualifiedRoot
	Hash    lattice.Hash
	Balance lattice.Amount
}

// MailboxControl lets the fact pass a full queue.
func (*ElectionsRunning) MailboxControl() {}

// BucketsQuery asks how full the buckets are. Reply is called once, on the
// scheduler's turn, and must not block.
type BucketsQuery struct{ Reply func([]BucketStatus) }

// MailboxControl lets operators look into a node under load.
func (*BucketsQuery) MailboxControl() {}

// BucketStatus is how full one bucket is.
type BucketStatus struct {
	Index     int
	Minimum   lattice.Amount // least balance in the bucket
	Queued    int
	Elections int
	Evicted   uint64 // pushed out of the full queue since start
}

func (*Activate) toScheduler()         {}
func (*ElectionsEnded) toScheduler()   {}
func (*ElectionsRunning) toScheduler() {}
func (*BucketsQuery) toScheduler()     {}
func (*BlocksInserted) toScheduler()   {}
func (*BlocksCemented) toScheduler()   {}
func (*BlocksRolledBack) toScheduler() {}
func (*Tick) toScheduler()             {}
