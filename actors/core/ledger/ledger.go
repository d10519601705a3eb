// Package ledger holds the rules of the block lattice as pure functions:
// whether a block may be inserted and what that changes, what must be rolled
// back so that a block can go, and in which order blocks are cemented.
//
// Nothing here reads a disk or a clock. What a rule needs from the store
// arrives as a value (Context) or is asked of an interface declared here
// (Chains); what it decides leaves as a value (Effects). Effects is the only
// description of a change: the store applies and reverts it, weights, wallet
// and RPC read it.
package ledger

import (
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Context is everything about the ledger that the rules need to judge one
// block. The store fills it in the transaction in which the block would be
// inserted.
type Context struct {
	Hash          lattice.Hash        // of the block
	Known         bool                // a block with this hash is in the ledger
	Account       lattice.AccountInfo // of the block's account; zero when it is not open
	PreviousKnown bool                // block.Previous is in the ledger, on any chain
	SourceKnown   bool                // block.Link is the hash of a block in the ledger
	Receivable    *lattice.Receivable // entry (block.Account, block.Link); nil when there is none
	Now           time.Time           // local time that an inserted block is given

	// SignatureVerified says that the caller has checked the signature over Hash
	// already, in a batch outside the transaction. When it is false Validate
	// checks the signature itself, so that forgetting it costs time and never
	// lets a bad block in. No store sets it.
	SignatureVerified bool
}

// Effects is what inserting a block changes, and all that is needed to take it
// back. It is made by Validate for a new block and by EffectsOf for one that is
// in the ledger.
type Effects struct {
	Block   lattice.Block
	Hash    lattice.Hash
	Height  uint64
	Subtype lattice.Subtype
	Amount  lattice.Amount // sent or received; zero for a change
	Time    time.Time      // local time of insertion

	Before lattice.AccountInfo // zero when the block opens the account
	After  lattice.AccountInfo

	// Made is the receivable entry that a send creates, Consumed the one that an
	// open or a receive uses up. The keys are (Block.Link as account, Hash) and
	// (Block.Account, Block.Link as hash).
	Made, Consumed *lattice.Receivable
}

// MadeKey returns the key of Made. It means something only when Made is set.
func (e *Effects) MadeKey() lattice.ReceivableKey {
	return lattice.ReceivableKey{Destination: lattice.Account(e.Block.Link), Send: e.Hash}
}

// ConsumedKey returns the key of Consumed. It means something only when
// Consumed is set.
func (e *Effects) ConsumedKey() lattice.ReceivableKey {
	return lattice.ReceivableKey{Destination: e.Block.Account, Send: lattice.Hash(e.Block.Link)}
}

// Chains is what planning a rollback or a cementing asks of the store. Each
// method answers for the moment of the transaction that it stands for. A block
// that was pruned counts as not there.
type Chains interface {
	// Account returns what is known of an account; the zero value when it is not
	// open.
	Account(lattice.Account) (lattice.AccountInfo, error)
	// Block returns a block by its hash, and false when it is not there.
	Block(lattice.Hash) (lattice.StoredBlock, bool, error)
	// BlockAt returns the block of an account at a height, and false when it is
	// not there.
	BlockAt(lattice.Account, uint64) (lattice.StoredBlock, bool, error)
	// ReceivedBy returns the hash of the block that received a send, and false
	// when none did.
	ReceivedBy(key lattice.ReceivableKey) (lattice.Hash, bool, error)
	// Receivable returns an entry, and false when there is none.
	Receivable(lattice.ReceivableKey) (lattice.Receivable, bool, error)
}

// Cemented is one block that became final, and what that does to the weights
// of representatives: the confirmed balance of its account moves from one
// representative to another. What a send takes out of the balance stays with the
// representative that the send names until the receive of it is confirmed, so
// that the weights are the supply at all times.
type Cemented struct {
	Confirmation lattice.Confirmation
	Block        lattice.Block
	Subtype      lattice.Subtype
	Amount       lattice.Amount
	Time         time.Time       // when the block came
	OldWeight    lattice.Amount  // confirmed balance of the account before
	OldRep       lattice.Account // to whom it was delegated; zero when nothing was
	SourceWeight lattice.Amount  // what an open or a receive takes from SourceRep
	SourceRep    lattice.Account // the representative that the received send names
	NewWeight    lattice.Amount  // confirmed balance after, and what is on its way by this send
	NewRep       lattice.Account
}
