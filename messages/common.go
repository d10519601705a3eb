package messages

import (
	"strconv"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// ConnID names one connection of this node for as long as the process lives.
// It is never used again for another connection. 0 is no connection.
type ConnID uint64

// Source is whom a message comes from. Fair mailboxes keep one queue for each,
// and it is the culprit named when a message makes an actor fail.
type Source struct {
	Kind   string // one of the constants below; it is compared often
	ID     uint64 // which one of its kind
	Weight uint8  // messages per visit of the fair queue; 0 means 1. Not part of the key.
}

// Kinds of sources.
const (
	KindPeer      = "peer"      // ID is the ConnID
	KindLocal     = "local"     // RPC and wallet
	KindConsensus = "consensus" // elections and voting of this node
	KindBootstrap = "bootstrap" // what this node asked its peers for
)

// String gives "peer/7", "local" for an ID of zero, and "" for no source.
func (s Source) String() string {
	if s.ID == 0 {
		return s.Kind
	}
	return s.Kind + "/" + strconv.FormatUint(s.ID, 10)
}

// The sources that are not connections, with their weights: one visit of the
// round robin takes that many of their messages, against one of a peer's.
var (
	fromLocal     = Source{Kind: KindLocal, Weight: 8}
	fromConsensus = Source{Kind: KindConsensus, Weight: 32}
	fromBootstrap = Source{Kind: KindBootstrap, Weight: 4}
)

// source is where the messages of a connection queue.
func (c ConnID) source() Source { return Source{Kind: KindPeer, ID: uint64(c), Weight: 1} }

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
	// Bootstrap: this node had asked for it.
	Bootstrap bool
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
