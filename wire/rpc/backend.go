package rpc

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Reasons for which a Backend does not do what it was asked. It may wrap them
// with more detail; the detail of ErrReadOnly, ErrWorkFailed and ErrNoActor reaches the
// caller.
var (
	ErrOverloaded    = errors.New("node is overloaded")          // nothing was done; ask again later
	ErrTimeout       = errors.New("node did not answer in time") // it may still be done
	ErrReadOnly      = errors.New("node is in read-only mode")   // wrapped with the reason
	ErrStopping      = errors.New("node is stopping")
	ErrWorkDisabled  = errors.New("work generation is disabled")
	ErrWorkCancelled = errors.New("work generation was cancelled")   // by CancelWork
	ErrWorkFailed    = errors.New("nobody who was asked found work") // wrapped with the reasons
	ErrNoStep        = errors.New("no step has this name")
	ErrNoActor       = errors.New("no actor has this name")
)

// Ledger is what the actions read of the ledger, as of one moment. A read
// transaction of the store satisfies it as it is; what its methods promise is
// written there. "found == false" with a nil error is the normal answer for
// what is not there. Listings are in the order of keys, hashes, heights or
// sequence numbers, and never longer than most.
type Ledger interface {
	ledger.Chains

	Blocks(account lattice.Account, from uint64, most int) ([]lattice.StoredBlock, error)
	Accounts(start lattice.Account, most int) ([]lattice.AccountEntry, error)
	Receivables(destination lattice.Account, start lattice.Hash, most int) ([]lattice.ReceivableEntry, error)
	Confirmations(first uint64, most int) ([]lattice.Confirmation, error)
	Counts() (lattice.Counts, error)
}

// Cemented is a block with its number in the confirmation sequence.
type Cemented struct {
	Sequence uint64
	lattice.StoredBlock
}

// Backend is what the actions need of a node. All methods may be called from
// any goroutine. Those without a context answer at once, from memory; slices
// they return are the caller's own.
type Backend interface {
	Consensus
	Traffic
	WorkPeers
	// Network returns the network the node runs on. It never changes.
	Network() *lattice.Network
	// Build tells what is running. It never changes.
	Build() Build
	// Uptime returns the time since the node was started.
	Uptime() time.Duration

	// View runs f on a snapshot of the ledger. f is short. The error is f's or the
	// store's.
	View(f func(Ledger) error) error
	// Process inserts a block into the ledger and has it published, and returns
	// its hash after the commit. A block that was refused comes back as its
	// ledger.Outcome; ErrOverloaded when it cannot be queued at once, ErrTimeout
	// or the context's error when nobody waits any more, ErrReadOnly, ErrStopping.
	Process(ctx context.Context, b *lattice.Block) (lattice.Hash, error)

	// Generate finds work for a root that reaches the threshold. ErrWorkDisabled,
	// ErrWorkCancelled, ErrOverloaded when too many wait already, or the
	// context's error.
	Generate(ctx context.Context, root lattice.Root, threshold uint64) (uint64, error)
	// CancelWork ends every Generate for a root. Nothing happens when there is
	// none.
	CancelWork(root lattice.Root)

	// Weight returns the confirmed weight of a representative.
	Weight(representative lattice.Account) lattice.Amount
	// Representatives returns all with confirmed weight, heaviest first, ties in
	// the order of their keys.
	Representatives() []Representative
	// RepresentativesOnline returns those that were seen voting in the last five
	// minutes, in the same order.
	RepresentativesOnline() []Representative
	// Quorum returns what confirmation is reckoned with now.
	Quorum() QuorumStatus
	// Unchecked returns how many blocks wait for a block that is not here.
	Unchecked() uint64

	// Peers returns the connected peers in the order of their addresses.
	Peers() []PeerStatus
	NetworkView
	// Health returns the state of the node and of each of its actors.
	Health() HealthReport

	// Confirmed returns up to most confirmations with numbers from first up, without
	// asking the store, and the last number of the sequence; false when the node does
	// not have all of them in memory.
	Confirmed(first uint64, most int) (list []Cemented, last uint64, known bool)
	// WaitConfirmation returns nil as soon as the confirmation sequence has
	// reached seq, at once when it has already, and the context's error when that
	// ends first. Other errors: ErrOverloaded, ErrStopping.
	WaitConfirmation(ctx context.Context, seq uint64) error

	// Wallets returns the wallets of the node, nil when it holds none. That never
	// changes.
	Wallets() Wallets

	// Stop begins to stop the node and returns at once.
	Stop()
	// FailActor makes an actor fail as if it had panicked, to try out its
	// supervision; ErrNoActor when there is none of that name. It is called on the
	// dev network only.
	FailActor(name string) error
	// KillAt has the process die when a wallet comes to a step of making a block,
	// as if it was killed; ErrNoStep when there is none of that name. It is called
	// on the dev network only.
	KillAt(step string) error
}

// Build tells what program is running.
type Build struct {
	Vendor       string // "Smallnano V1.2.3": monitors read the number behind the V
	StoreVendor  string // "SQLite 3.46.0"
	StoreVersion int    // of the database schema
	Protocol     int    // of the peer protocol
	Info         string // commit, Go version, target; free text
}

// Representative is a representative and its confirmed weight.
type Representative struct {
	Account lattice.Account
	Weight  lattice.Amount
}

// QuorumStatus is what confirmation is reckoned with.
type QuorumStatus struct {
	Delta   lattice.Amount // final votes that confirm
	Percent uint64         // of the online weight that delta is
	Floor   lattice.Amount // smallest online weight that is reckoned with
	Online  lattice.Amount // weight of the representatives that vote now
	Trended lattice.Amount // median of the samples
	Peers   lattice.Amount // weight of the representatives behind connected peers

	// Shipped is whether the weights are those that came with the network, which
	// count until ShippedUntil blocks are confirmed here; Confirmed are.
	Shipped                 bool
	ShippedUntil, Confirmed uint64

	// Missing is the weight that a confirmation lacks: of votes while nothing is
	// confirmed, else of representatives that are there; 0 when there is enough.
	// Silent are the principal representatives that could give it, heaviest first,
	// and Reasons is all that in sentences; both are empty when nothing is missing.
	Missing lattice.Amount
	Silent  []SilentRepresentative
	Reasons []string
	Stall   *Stall // nil: something is confirmed, or nothing waits

	// Details is the representatives behind connected peers, heaviest first.
	Details []PeerWeight
}

// Stall is why nothing is confirmed although blocks wait.
type Stall struct {
	Reason  string
	Since   time.Time // of the last confirmation, or when the node began to look
	Waiting int       // blocks
	Oldest  lattice.Hash
	Have    lattice.Amount // votes for the oldest
	Final   bool           // they are final ones
	Missing lattice.Amount // that it lacks
	Silent  []SilentRepresentative
}

// SilentRepresentative is a principal representative that does not vote.
type SilentRepresentative struct {
	Account  lattice.Account
	Weight   lattice.Amount
	LastVote time.Time // zero: none since this node was started
}

// PeerWeight is a representative that was found behind a peer.
type PeerWeight struct {
	Account lattice.Account
	Address netip.AddrPort
	Weight  lattice.Amount
}

// PeerStatus is one connected peer.
type PeerStatus struct {
	Address   netip.AddrPort
	NodeID    crypto.PublicKey
	Protocol  int // version of the peer protocol
	Inbound   bool
	Connected time.Time
	Received  time.Time // last sign of life
	Score     int       // 0 is good; at 100 a peer is banned
	Fault     string    // what it did wrong last, while Score is above 0; "": nothing
	Principal bool      // a principal representative speaks through it

	BytesIn, BytesOut uint64
	Dropped           uint64 // messages that were not sent: it reads too slowly, or the bandwidth is used up
	Ignored           uint64 // messages of it that were over its limits
}

// NodeState is the overall state of a node.
type NodeState string

// The states of a node.
const (
	NodeStarting NodeState = "starting"
	NodeOK       NodeState = "ok"
	NodeDegraded NodeState = "degraded" // works, but something is wrong; see the reasons
	NodeReadOnly NodeState = "read_only"
	NodeStopping NodeState = "stopping"
)

// ActorState is the state of an actor.
type ActorState string

// The states of an actor.
const (
	ActorRunning    ActorState = "running"
	ActorRestarting ActorState = "restarting"
	ActorBackingOff ActorState = "backing_off" // will be started again at RetryAt
	ActorStopped    ActorState = "stopped"
)

// HealthReport is the answer of the action "health". Its JSON form follows the
// conventions of all answers: numbers and booleans are strings.
type HealthReport struct {
	State   NodeState     `json:"state"`
	Ready   bool          `json:"ready,string"` // answers of this node can be relied on
	Reasons []string      `json:"reasons"`      // why it is not ok, or not ready, one sentence each
	Actors  []ActorHealth `json:"actors"`       // parents before children
	Budget  []BudgetItem  `json:"budget"`
	Network NetworkHealth `json:"network"`
}

// NetworkHealth is how full what the node knows of others is, against its bounds.
type NetworkHealth struct {
	Book        []BookFill        `json:"book"`
	Outbound    int               `json:"outbound,string"`
	MaxOutbound int               `json:"outbound_slots,string"`
	Inbound     int               `json:"inbound,string"`
	MaxInbound  int               `json:"inbound_slots,string"`
	TurnedAway  uint64            `json:"turned_away,string"` // connections, since the start, before anything was made for them
	Bans        uint64            `json:"bans,string"`        // begun since the start
	External    []ExternalAddress `json:"external"`
	Offenders   []PeerOffence     `json:"offenders"` // last seen first
}

// BookFill is one table of the peer book.
type BookFill struct {
	Table string `json:"table"` // fresh, tried or configured
	Used  int    `json:"used,string"`
	Most  int    `json:"most,string"`
}

// ExternalAddress is where this node can be reached.
type ExternalAddress struct {
	Address    string `json:"address"`
	Configured bool   `json:"configured,string"` // by the operator; else peers agree on it
	Agree      int    `json:"agree,string"`      // peers of different providers that say so now
	Against    int    `json:"against,string"`    // those that say something else
	Believed   bool   `json:"believed,string"`   // others are told of it
}

// PeerOffence is somebody who broke the rules lately.
type PeerOffence struct {
	Node    string `json:"node,omitempty"` // its id, if it has proved one
	Address string `json:"address"`
	Offence string `json:"offence"` // the last one
	Text    string `json:"text"`    // and what it was
	Times   uint64 `json:"times,string"`
	Time    int64  `json:"time,string"`  // of the last, in seconds since 1970
	Score   int    `json:"score,string"` // 100 is a ban
	Until   int64  `json:"banned_until,string,omitempty"`
}

// ActorHealth is the state of one actor since the node was started.
type ActorHealth struct {
	Name     string       `json:"name"`
	Parent   string       `json:"parent,omitempty"` // empty for the root
	State    ActorState   `json:"state"`
	Restarts uint64       `json:"restarts,string"`
	Failure  *Failure     `json:"last_failure,omitempty"` // nil when it never failed
	RetryAt  int64        `json:"retry_at,string,omitempty"`
	Mailbox  MailboxStats `json:"mailbox"`
	P50      int64        `json:"p50_us,string"` // handling time of a message in microseconds
	P99      int64        `json:"p99_us,string"`
}

// Failure is what made an actor fail last.
type Failure struct {
	Text    string `json:"text"`
	Time    int64  `json:"time,string"` // seconds since 1970
	Message string `json:"message"`     // type of the message that was handled
}

// MailboxStats counts what went through a mailbox. Posted = handled + dropped +
// depth, but for what is in flight; refused messages were never posted.
type MailboxStats struct {
	Depth     int64  `json:"depth,string"`
	Capacity  int64  `json:"capacity,string"`
	HighWater int64  `json:"high_water,string"`
	Posted    uint64 `json:"posted,string"`
	Handled   uint64 `json:"handled,string"`
	Refused   uint64 `json:"refused,string"`
	Dropped   uint64 `json:"dropped,string"`
	Oldest    int64  `json:"oldest_ms,string"` // age of the oldest message in it
}

// BudgetItem is one resource and what the node is meant to use of it.
type BudgetItem struct {
	Name   string `json:"name"` // rss, heap, goroutines, disk, fds, peers, peer_bytes
	Used   int64  `json:"used,string"`
	Target int64  `json:"target,string"` // 0: none
	Unit   string `json:"unit"`          // bytes or count
}
