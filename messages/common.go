package messages

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// ConnID names one connection of this node for as long as the process lives.
// It is never used again for another connection. 0 is no connection.
type ConnID uint64

// Sources of the fair mailboxes that are not connections. They are above every
// ConnID that a process will ever reach.
const (
	SourceLocal     uint64 = 1<<63 + iota // RPC and wallet
	SourceConsensus                       // elections and voting of this node
	SourceBootstrap                       // blocks that this node asked for
)

// Weights of the sources: how many messages a visit of the round robin takes.
const (
	weightPeer      = 1
	weightBootstrap = 4
	weightLocal     = 8
	weightConsensus = 32
)

// source returns where a message of a connection queues, and its weight.
func (c ConnID) source() (uint64, int) { return uint64(c), weightPeer }

// Credit is the right to have something under way. Whoever ends the handling
// of a message releases the credit that came with it, once; a nil Credit is
// none and needs no release.
type Credit interface{ Release() }

// Release gives a credit back if there is one.
func Release(c Credit) {
	if c != nil {
		c.Release()
	}
}

// Tick is the time, told at an even pace by the clock actor. Everything that
// happens later happens on a tick or a Wake.
type Tick struct{ Now time.Time }

// MailboxControl makes a tick pass in front of a full queue: an actor that is
// flooded must still see time go by.
func (*Tick) MailboxControl() {}

// Wake tells an actor that a moment it asked for has come.
type Wake struct{}

// MailboxControl lets a wake-up pass a full queue.
func (*Wake) MailboxControl() {}

// BlocksCemented says that blocks became final, in the order of the
// confirmation sequence. It is told after their commit.
type BlocksCemented struct{ Blocks []ledger.Cemented }

// MailboxControl lets the fact pass a full queue: who misses it has to repair
// itself from the ledger.
func (*BlocksCemented) MailboxControl() {}

// Inserted is a block that was inserted.
type Inserted struct {
	Hash    lattice.Hash
	Block   lattice.Block
	Height  uint64
	Subtype lattice.Subtype
	Conn    ConnID // 0: not from a peer
	Local   bool   // made on this node: through the RPC or its wallet
}

// BlocksInserted says which blocks one commit brought in, in order.
type BlocksInserted struct{ Blocks []Inserted }

// MailboxControl lets the fact pass a full queue.
func (*BlocksInserted) MailboxControl() {}

// BlocksRolledBack says which blocks left the ledger in one commit, last first.
type BlocksRolledBack struct{ Blocks []Inserted }

// MailboxControl lets the fact pass a full queue.
func (*BlocksRolledBack) MailboxControl() {}

// PeerUp says that a connection is ready for messages.
type PeerUp struct{ Conn ConnID }

// MailboxControl lets the fact pass a full queue.
func (*PeerUp) MailboxControl() {}

// PeerDown says that a connection is gone.
type PeerDown struct{ Conn ConnID }

// MailboxControl lets the fact pass a full queue.
func (*PeerDown) MailboxControl() {}

// Fail makes an actor panic while it handles this message. It is the planted
// fault of the dev network.
type Fail struct{ Reason string }

// MailboxControl lets the planted fault pass a full queue.
func (*Fail) MailboxControl() {}
