// Package storage keeps the ledger of a node: blocks, accounts, receivable
// entries, what is confirmed, and the little that must survive a restart beside
// them. There are two stores behind one interface, a SQLite file and one in
// memory that holds the same data for as long as it lives; one conformance
// suite runs on both.
//
// There is one writer at a time and any number of readers. A transaction that
// returns an error, or panics, leaves nothing behind. An Update that returned
// is there after the process was killed; only UpdateDurable's is certain to be
// there after power was lost.
package storage

import (
	"errors"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Reasons why a store refuses to open or, for the last three and ErrCorrupt,
// to go on. The text around them says what was found, what was expected, and
// what to do. A file that is refused is left as it was.
var (
	ErrWrongNetwork = errors.New("database belongs to another network")
	ErrWrongGenesis = errors.New("database belongs to another genesis block")
	ErrNewerSchema  = errors.New("database was written by a newer version")
	ErrCorrupt      = errors.New("database is corrupt")
	ErrForeign      = errors.New("file is not a smallnano ledger")
	ErrInUse        = errors.New("database is in use by another process")
	ErrNotWritable  = errors.New("database cannot be written")
	ErrDiskFull     = errors.New("disk is full")
	ErrClosed       = errors.New("store is closed")
)

// Store is a ledger. All methods may be called from any goroutine; Update and
// UpdateDurable wait for each other. The functions given to them must not call
// the store again.
type Store interface {
	// Update runs f in the one write transaction and commits what it did. When f
	// returns an error nothing is kept and that error is returned.
	Update(f func(Tx) error) error
	// UpdateDurable is Update, and returns only after everything committed so far
	// has reached the disk.
	UpdateDurable(f func(Tx) error) error
	// Sync returns after everything committed before it was called has reached the
	// disk. It holds nobody up: Update and View go on meanwhile.
	Sync() error
	// View runs f on a snapshot: it sees the ledger as of one commit. f must be
	// short: a long one keeps the write-ahead log from shrinking.
	View(f func(Reader) error) error
	// Look runs f as View does, for a few blocks and accounts that were written or
	// read lately: those are in memory. No commit becomes visible and no other look
	// runs before f returns, so f must take no longer than a commit does, and must
	// not call the store.
	Look(f func(Lookup) error) error
	// Size returns the bytes on disk, log and all; 0 for a store in memory.
	Size() (int64, error)
	// Space returns the bytes of the file that hold something, and those that are
	// free to be used again or given back, as of the last commit. The log is not
	// among them. Both are 0 for a store in memory.
	Space() (used, free int64, err error)
	// Shrink gives free space back to the system when there is enough of it to be
	// worth the work, at most so many bytes at a time, and reports whether there is
	// more. It is a short write transaction of its own.
	Shrink(most int64) (more bool, err error)
	// Close waits for running transactions. A store is closed once.
	Close() error
}

// Lookup reads single blocks and accounts as of one moment.
type Lookup interface {
	ledger.Chains

	// FinalVote returns the hash for which a final vote was stored.
	FinalVote(lattice.QualifiedRoot) (lattice.Hash, bool, error)
}

// Reader reads the ledger as of one moment. Values are the caller's own.
// "found == false" with a nil error is the normal answer for what is not there.
type Reader interface {
	Lookup

	// Context gathers what the rules need to judge a block with this hash.
	Context(b *lattice.Block, hash lattice.Hash, now time.Time) (ledger.Context, error)
	// Blocks returns up to most blocks of an account from a height up.
	Blocks(account lattice.Account, from uint64, most int) ([]lattice.StoredBlock, error)
	// Aged returns up to most blocks of an account that are there, of heights from and
	// to and between, with what decides about pruning them.
	Aged(account lattice.Account, from, to uint64, most int, search uint64) ([]ledger.AgedBlock, error)
	// Accounts returns up to most open accounts in the order of their keys, the
	// first being the least that is not below start.
	Accounts(start lattice.Account, most int) ([]lattice.AccountEntry, error)
	// Unconfirmed returns up to most accounts whose frontier is not confirmed, in
	// the order of their keys from start up. Its cost does not depend on how many
	// accounts are confirmed.
	Unconfirmed(start lattice.Account, most int) ([]lattice.AccountEntry, error)
	// Receivables returns up to most entries of a destination in the order of the
	// hashes of their sends, the first being the least that is not below start.
	Receivables(destination lattice.Account, start lattice.Hash, most int) ([]lattice.ReceivableEntry, error)
	// Confirmations returns up to most entries of the confirmation sequence with
	// numbers from first up. Entries whose block was pruned have left it.
	Confirmations(first uint64, most int) ([]lattice.Confirmation, error)
	// Weights calls f for every representative with confirmed weight, in the
	// order of their keys, until f returns false. What a confirmed send has put on
	// its way is with the representative that the send names until the receive is
	// confirmed, so all together they are the supply.
	Weights(f func(representative lattice.Account, weight lattice.Amount) bool) error
	// Counts returns how much there is of everything.
	Counts() (lattice.Counts, error)
	// WeightSamples returns the stored samples, oldest first.
	WeightSamples() ([]lattice.WeightSample, error)
	// Peers returns the stored peers, last seen first.
	Peers() ([]Peer, error)
	// Value returns a named value that SetValue stored.
	Value(name string) ([]byte, bool, error)
}

// Tx is the write transaction. It reads its own writes. It must not be used
// after the function it was given to has returned.
type Tx interface {
	Reader

	// Apply makes the change that Validate allowed in this transaction.
	Apply(*ledger.Effects) error
	// Revert takes back a change; the block must be its account's frontier and not
	// be confirmed.
	Revert(*ledger.Effects) error
	// Cement makes the account's next unconfirmed block, which this must be,
	// final and gives it the next number of the confirmation sequence. The final
	// vote on its root, if there is one, is forgotten.
	Cement(hash lattice.Hash) (ledger.Cemented, error)
	// Prune removes blocks of an account as PlanPrune planned it on this ledger, now
	// or earlier, and returns how many. Blocks that are gone already are passed over.
	// It refuses to remove what is not below the confirmed frontier, and a send that
	// was not received.
	Prune(ledger.Pruning) (removed int, err error)
	// TidyConfirmations gives back the space of pruned entries of the confirmation
	// sequence, looking at about most of them from first up. next is where to go on,
	// 0 at the end. No answer of Confirmations changes by it.
	TidyConfirmations(first uint64, most int) (next uint64, err error)
	// PutFinalVote stores the one final vote on a root. It answers what is stored
	// afterwards: hash itself, or the other hash that was there already. Where none
	// was, and a block is confirmed, that is the answer. For the root
	// of an account's first block, when that was pruned, it is the zero hash: it was
	// confirmed, and its hash is not known any more.
	PutFinalVote(root lattice.QualifiedRoot, hash lattice.Hash) (lattice.Hash, error)
	// PutWeightSample stores a sample and forgets the oldest above keep.
	PutWeightSample(sample lattice.WeightSample, keep int) error
	// PutPeers replaces the stored peers.
	PutPeers([]Peer) error
	// SetValue stores a small named value (at most 4 KiB); nil removes it.
	SetValue(name string, value []byte) error
}

// Peer is an address at which a node of the network was seen.
type Peer = lattice.Peer
