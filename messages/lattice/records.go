package lattice

import (
	"net/netip"
	"time"
)

// AccountInfo is what the ledger knows of an opened account. The zero value
// stands for an account that is not open.
type AccountInfo struct {
	Frontier       Hash      // newest block of the chain, confirmed or not
	Height         uint64    // number of blocks in the chain; the first has height 1
	Balance        Amount    // after the frontier
	Representative Account   // of the frontier
	Modified       time.Time // local time at which the frontier was inserted, to the second

	ConfirmedHeight   uint64 // 0: nothing is confirmed
	ConfirmedFrontier Hash   // zero: nothing is confirmed
	PrunedHeight      uint64 // blocks up to this height are no longer here; 0: the chain is whole
}

// Opened reports whether the account has a block.
func (i AccountInfo) Opened() bool { return i.Height > 0 }

// StoredBlock is a block as the ledger holds it, with what is known beside it.
type StoredBlock struct {
	Block     Block
	Hash      Hash
	Height    uint64
	Subtype   Subtype
	Amount    Amount    // moved by the block: sent or received; zero for a change
	Time      time.Time // local time of insertion, to the second
	Confirmed bool
}

// ReceivableKey names an amount that was sent and not yet received.
type ReceivableKey struct {
	Destination Account
	Send        Hash
}

// Receivable is an amount that was sent and not yet received. It holds all
// that a receive needs, so that pruning the send takes nothing away.
type Receivable struct {
	Source    Account
	Amount    Amount
	Confirmed bool // the send is confirmed
}

// Confirmation is one entry of the confirmation sequence of a node: gap-free,
// in the order in which this node cemented blocks, dependencies first.
type Confirmation struct {
	Sequence uint64 // from 1
	Hash     Hash
	Account  Account
	Height   uint64
}

// FinalVote is the one final vote of this node's representative on a root.
type FinalVote struct {
	Root QualifiedRoot
	Hash Hash
}

// WeightSample is the online weight at a time, kept to find its trend.
type WeightSample struct {
	Time   time.Time
	Weight Amount
}

// AccountEntry is an account in a listing.
type AccountEntry struct {
	Account Account
	Info    AccountInfo
}

// ReceivableEntry is a receivable amount in a listing.
type ReceivableEntry struct {
	Key        ReceivableKey
	Receivable Receivable
}

// Counts is how much there is in a ledger.
type Counts struct {
	Blocks       uint64 // ever inserted and not rolled back, pruned ones included
	Cemented     uint64 // likewise; also the last number of the confirmation sequence
	Pruned       uint64 // removed by pruning
	Accounts     uint64
	Receivables  uint64
	StoredBlocks uint64 // Blocks - Pruned
}

// Peer is an address at which a node of the network was seen.
type Peer struct {
	Address  netip.AddrPort
	LastSeen time.Time // to the second
}
