package messages

import (
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Bootstrap is every message that the bootstrap client accepts.
//
//sumtype:decl
type Bootstrap interface{ toBootstrap() }

// FrontiersArrived carries a peer's answer to a frontier request.
type FrontiersArrived struct {
	Conn      ConnID
	ID        uint64
	Frontiers []Frontier
	Credit    Credit
}

// Frontier is the confirmed state of an account as a peer tells it.
type Frontier struct {
	Account      lattice.Account
	Hash         lattice.Hash
	Height       uint64
	PrunedHeight uint64
}

// MailboxSource puts each peer's answers in a queue of their own.
func (m *FrontiersArrived) MailboxSource() Source { return m.Conn.source() }

// Refused gives back what the message holds.
func (m *FrontiersArrived) Refused(error) { Release(m.Credit) }

// BlocksArrived carries a peer's answer to a pull request.
type BlocksArrived struct {
	Conn                ConnID
	ID                  uint64
	Status              uint8
	FirstHeight, Pruned uint64
	Blocks              []lattice.Block
	Credit              Credit
}

// MailboxSource puts each peer's answers in a queue of their own.
func (m *BlocksArrived) MailboxSource() Source { return m.Conn.source() }

// Refused gives back what the message holds.
func (m *BlocksArrived) Refused(error) { Release(m.Credit) }

// GapSeen says that a block could not be inserted because another one is
// missing.
type GapSeen struct {
	Account lattice.Account // of the block that waits
	Missing lattice.Hash
	Source  bool // the missing block is the send that the block receives
}

// MailboxSource queues gaps with what is made here.
func (*GapSeen) MailboxSource() Source { return fromLocal }

// BlocksWanted names blocks that representatives vote for and that are not here.
type BlocksWanted struct{ Hashes []lattice.Hash }

// MailboxSource queues it with what this node's elections need.
func (*BlocksWanted) MailboxSource() Source { return fromConsensus }

// PullRefused says that a block that the client had delivered was not looked at.
type PullRefused struct{ Account lattice.Account }

// PullsSettled says what a commit did about blocks: which ones it inserted,
// wherever they came from, and what became of the others that the client had
// delivered.
type PullsSettled struct {
	Inserted []Inserted
	Refused  []Settled
	// Held is how many delivered blocks wait for one that is missing, Room how many
	// may.
	Held, Room int
}

// Settled is a delivered block that was not inserted.
type Settled struct {
	Account lattice.Account
	Hash    lattice.Hash
	Outcome ledger.Outcome
	Missing lattice.Hash // what it waits for, if the outcome is a gap
}

// MailboxControl lets the client know what is still under way.
func (*PullsSettled) MailboxControl() {}

// MailboxControl lets the client know what is still under way.
func (*PullRefused) MailboxControl() {}

func (*FrontiersArrived) toBootstrap() {}
func (*BlocksArrived) toBootstrap()    {}
func (*GapSeen) toBootstrap()          {}
func (*BlocksWanted) toBootstrap()     {}
func (*PullRefused) toBootstrap()      {}
func (*PullsSettled) toBootstrap()     {}
func (*BlocksRolledBack) toBootstrap() {}
func (*PeerUp) toBootstrap()           {}
func (*PeerDown) toBootstrap()         {}
func (*Tick) toBootstrap()             {}
func (*Wake) toBootstrap()             {}

// BootstrapServer is every message that the bootstrap server accepts.
//
//sumtype:decl
type BootstrapServer interface{ toBootstrapServer() }

// PullAsked is a peer's request for blocks.
type PullAsked struct {
	Conn   ConnID
	ID     uint64
	Mode   uint8 // 0: from a height of an account; 1: from a block on
	Key    [32]byte
	Height uint64
	Count  int
	Credit Credit
}

// MailboxSource puts each peer's requests in a queue of their own.
func (m *PullAsked) MailboxSource() Source { return m.Conn.source() }

// Refused gives back what the message holds.
func (m *PullAsked) Refused(error) { Release(m.Credit) }

// FrontiersAsked is a peer's request for a page of frontiers.
type FrontiersAsked struct {
	Conn   ConnID
	ID     uint64
	Start  lattice.Account
	Count  int
	Credit Credit
}

// MailboxSource puts each peer's requests in a queue of their own.
func (m *FrontiersAsked) MailboxSource() Source { return m.Conn.source() }

// Refused gives back what the message holds.
func (m *FrontiersAsked) Refused(error) { Release(m.Credit) }

func (*PullAsked) toBootstrapServer()      {}
func (*FrontiersAsked) toBootstrapServer() {}
