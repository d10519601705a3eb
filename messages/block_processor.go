package messages

import (
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// BlockProcessor is every message that the block processor accepts.
//
//sumtype:decl
type BlockProcessor interface{ toBlockProcessor() }

// ProcessBlock asks for a block to be inserted.
type ProcessBlock struct {
	Block lattice.Block
	Hash  lattice.Hash // of Block

	Conn      ConnID // the peer that sent it; 0 when made here
	Bootstrap bool   // this node had asked for it
	// Head is a block that stands on it by the hashes of those between, when an
	// unconfirmed block here is in its way; zero: none is known.
	Head lattice.Hash

	Credit Credit
	// Restore takes the block out of the duplicate filter again, so that a later
	// copy is not taken for a repeat. It is called when the block was not looked
	// at; nil does nothing.
	Restore func()
	// Reply is told the outcome after the commit; nil when nobody waits. When the
	// block made the processor fail it may be called twice, and must not block.
	Reply func(BlockResult)
}

// BlockResult is what became of a block. Err is nil when it was inserted, a
// ledger.Outcome when the rules refused it, another error when it could not be
// looked at.
type BlockResult struct {
	Hash lattice.Hash
	Err  error
}

// MailboxSource puts each peer's blocks in a queue of their own.
func (m *ProcessBlock) MailboxSource() Source {
	switch {
	case m.Bootstrap:
		return fromBootstrap
	case m.Conn == 0:
		return fromLocal
	}
	return m.Conn.source()
}

// Refused gives back what the message holds.
func (m *ProcessBlock) Refused(err error) {
	m.Answer(err)
	if m.Restore != nil {
		m.Restore()
	}
}

// Answer ends the handling of the block: the credit is released and who waits
// is told.
func (m *ProcessBlock) Answer(err error) {
	Release(m.Credit)
	if m.Reply != nil {
		m.Reply(BlockResult{Hash: m.Hash, Err: err})
	}
}

// ConfirmBlock says that a quorum has confirmed a block: cement it and what it
// depends on. It is repeated by its sender until BlocksCemented or CementedBefore
// names the block, so losing it costs only time.
type ConfirmBlock struct {
	Hash lattice.Hash
	Root lattice.QualifiedRoot // of the block; zero: not known
}

// MailboxSource lets consensus go before blocks of peers.
func (*ConfirmBlock) MailboxSource() Source { return fromConsensus }

// ForceBlock says that an election prefers another block than the one in the
// ledger: roll that back with all that depends on it, and insert the winner.
// It is repeated by its sender while needed.
type ForceBlock struct {
	Winner lattice.Block
	Hash   lattice.Hash
}

// MailboxSource lets consensus go before blocks of peers.
func (*ForceBlock) MailboxSource() Source { return fromConsensus }

// AskBlock asks what became of a block that is not in the ledger.
type AskBlock struct {
	Hash  lattice.Hash
	Reply func(BlockFate, error)
}

// MailboxSource queues it with what is asked for here.
func (*AskBlock) MailboxSource() Source { return fromLocal }

// Refused tells who asks.
func (m *AskBlock) Refused(err error) { m.Reply(BlockFate{}, err) }

// BlockFate is what became of a block: nothing that is remembered when Account
// is zero.
type BlockFate struct {
	Account lattice.Account
	Time    time.Time
	Err     error        // the rule that refused it
	Missing lattice.Hash // it waits for this block; Err is nil then
}

func (*AskBlock) toBlockProcessor() {}

// AskWaiting asks for blocks that wait for another one, oldest first, after the
// first Offset and at most Most.
type AskWaiting struct {
	Offset, Most int
	Reply        func(WaitingBlocks, error)
}

// WaitingBlocks is a page of them; More says that there are others after it.
type WaitingBlocks struct {
	Blocks []WaitingBlock
	More   bool
}

// WaitingBlock is a block that waits for another one.
type WaitingBlock struct {
	Block   lattice.Block
	Hash    lattice.Hash
	Missing lattice.Hash
	Since   time.Time
}

// MailboxSource queues it with what is asked for here.
func (*AskWaiting) MailboxSource() Source { return fromLocal }

// Refused tells who asks.
func (m *AskWaiting) Refused(err error) { m.Reply(WaitingBlocks{}, err) }

func (*AskWaiting) toBlockProcessor() {}

// RollBackBlocks asks for unconfirmed blocks to be rolled back, each plan in its
// order: a victim, as the last, and before it all that depends on it. A plan
// that is no longer the right one for its victim is not carried out. The answer
// is BacklogTrimmed to the scheduler.
type RollBackBlocks struct{ Plans [][]lattice.Hash }

// MailboxSource lets consensus go before blocks of peers.
func (*RollBackBlocks) MailboxSource() Source { return fromConsensus }

// StoreFinalVotes asks for final votes to be stored durably. The answer is
// FinalVotesStored to the voting actor. It is repeated while needed.
type StoreFinalVotes struct{ Votes []lattice.FinalVote }

// MailboxSource lets consensus go before blocks of peers.
func (*StoreFinalVotes) MailboxSource() Source { return fromConsensus }

// StoreWeightSample asks for a sample of the online weight to be stored.
type StoreWeightSample struct{ Sample lattice.WeightSample }

// MailboxSource lets consensus go before blocks of peers.
func (*StoreWeightSample) MailboxSource() Source { return fromConsensus }

// StorePeers asks for the peer book to be stored.
type StorePeers struct{ Peers []lattice.Peer }

// MailboxSource queues it with what is made here.
func (*StorePeers) MailboxSource() Source { return fromLocal }

// StoreValue asks for a small named value to be stored; nil removes it.
type StoreValue struct {
	Name  string
	Value []byte
}

// MailboxSource queues it with what is made here.
func (*StoreValue) MailboxSource() Source { return fromLocal }

// Synced says that the disk has what the block processor waited for, or why it
// has not.
type Synced struct{ Err error }

// MailboxControl lets the answer pass a full queue.
func (*Synced) MailboxControl() {}

// CommitDue says that the pause between two commits is over.
type CommitDue struct{}

// MailboxControl lets it pass a full queue.
func (*CommitDue) MailboxControl() {}

func (*CommitDue) toBlockProcessor()         {}
func (*Synced) toBlockProcessor()            {}
func (*ProcessBlock) toBlockProcessor()      {}
func (*StoreValue) toBlockProcessor()        {}
func (*RollBackBlocks) toBlockProcessor()    {}
func (*Wake) toBlockProcessor()              {}
func (*ConfirmBlock) toBlockProcessor()      {}
func (*ForceBlock) toBlockProcessor()        {}
func (*StoreFinalVotes) toBlockProcessor()   {}
func (*StoreWeightSample) toBlockProcessor() {}
func (*StorePeers) toBlockProcessor()        {}
func (*Tick) toBlockProcessor()              {}
