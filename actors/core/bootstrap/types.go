package bootstrap

import (
	"fmt"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Limits of the protocol.
const (
	// MaxPullBlocks is the largest number of blocks that may be asked for at once.
	MaxPullBlocks = 128
	// MaxFrontiers is the largest number of frontiers that may be asked for at
	// once.
	MaxFrontiers = 512
)

// Mode is what a pull starts from. The numbers are those of the wire.
type Mode uint8

// The modes of a pull.
const (
	ByAccount Mode = 0 // the blocks of an account from a height up
	ByHash    Mode = 1 // the block with a hash, and those after it on its chain
)

// Code is how a pull was answered. The numbers are those of the wire.
type Code uint8

// The codes of an answer.
const (
	OK      Code = 0
	Unknown Code = 1 // no confirmed block there
	Pruned  Code = 2 // the blocks were there, and were removed up to the pruned height
	Busy    Code = 3 // ask again later, or somebody else
)

// String returns the code in words.
func (c Code) String() string {
	if names := [...]string{"ok", "unknown", "pruned", "busy"}; int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("code(%d)", uint8(c))
}

// Frontier is what a peer tells of one account: its confirmed frontier.
type Frontier struct {
	Account lattice.Account
	Hash    lattice.Hash
	Height  uint64
	Pruned  uint64 // blocks up to this height are not to be had from that peer
}

// Block is a block with its hash, which whoever makes a Block has computed. The
// block is never changed.
type Block struct {
	*lattice.Block
	Hash lattice.Hash
}

// Blocks is the answer to a pull.
type Blocks struct {
	Code   Code
	First  uint64 // height of the first block
	Pruned uint64
	Blocks []Block
}

// Ledger is what the client asks about the local ledger. A reader of the store
// is one.
type Ledger interface {
	// Account returns what is known of an account; the zero value when it is not
	// open.
	Account(lattice.Account) (lattice.AccountInfo, error)
	// Block returns a block by its hash, and false when it is not there.
	Block(lattice.Hash) (lattice.StoredBlock, bool, error)
}

// Kind says what a Request asks for.
type Kind uint8

// The kinds of requests.
const (
	AskFrontiers Kind = iota + 1 // frontiers from Account up, Count of them
	AskBlocks                    // Mode ByAccount: blocks of Account from Height up; ByHash: from Hash up
)

// Request is a question to send to a peer. Which fields count depends on the
// kind and the mode.
type Request struct {
	Conn    peering.ConnID
	ID      uint64
	Kind    Kind
	Mode    Mode
	Account lattice.Account
	Hash    lattice.Hash
	Height  uint64
	Count   int
}

// Delivery is a checked answer: consecutive blocks of one account, for the
// block processor. Every block of it must come back as Inserted, Failed,
// Missing, Behind or, when it was never processed, Refused.
type Delivery struct {
	Conn    peering.ConnID
	Account lattice.Account
	First   uint64 // height of the first block, as the peer has it
	Blocks  []Block
	// Head is a block that stands on all of these, or the last of them, by the hashes
	// of the blocks between. It is zero when no unconfirmed block here is in their way.
	Head lattice.Hash
}

// Reason is why an answer was discarded or a peer is blamed.
type Reason uint8

// The reasons.
const (
	Unsolicited    Reason = iota + 1 // no such request is open with that peer
	TooMany                          // more than was asked for
	WrongStart                       // does not start where it was asked to
	NotConsecutive                   // a block does not follow the one before it, or frontiers are not in order
	WrongAccount                     // blocks of more than one account, or of another than asked for
	WrongChain                       // contradicts what is confirmed here
	FalseFrontier                    // told a frontier and does not have it
	BadCode                          // no such code, or blocks beside a refusal
	Stalled                          // has answered nothing, again and again
)

// String returns the reason in words.
func (r Reason) String() string {
	names := [...]string{Unsolicited: "not asked for", TooMany: "more than asked for", WrongStart: "does not start where asked",
		NotConsecutive: "not consecutive", WrongAccount: "of the wrong account", WrongChain: "contradicts what is confirmed",
		FalseFrontier: "told a frontier that it does not have", BadCode: "status makes no sense", Stalled: "answers nothing"}
	if r == 0 || int(r) >= len(names) {
		return fmt.Sprintf("reason(%d)", uint8(r))
	}
	return names[r]
}

// Bad blames a peer; the driver reports it as a bad reply, or as stalling.
type Bad struct {
	Conn   peering.ConnID
	Reason Reason
}

// Ready is what the driver has to do.
type Ready struct {
	Requests []Request
	Deliver  []Delivery
	Bad      []Bad
}

// Config is what a node decides about bootstrapping.
type Config struct {
	// MaxAccounts bounds the accounts that are known to be behind and wait to be
	// asked for, or are being asked for; MaxBlocked those that wait for a source.
	MaxAccounts, MaxBlocked int
	// Heads is how many parts of the account space are scanned at once.
	Heads int
	// PeersPerPage is how many peers are asked for each page of frontiers.
	PeersPerPage int
	// PageSize is how many frontiers a page has.
	PageSize int
	// MaxInFlight and MaxPerPeer bound the open requests, in all and per peer. A peer
	// has fewer until it has shown that it answers soon.
	MaxInFlight, MaxPerPeer int
	// MaxDelivered bounds the blocks that were asked for or delivered and of which
	// nothing was heard yet.
	MaxDelivered int
	// MaxUnconfirmed is how many unconfirmed blocks the ledger may hold before no
	// more are asked for, until confirmations have caught up by a tenth of it. Those
	// that are voted for may be a quarter more.
	MaxUnconfirmed uint64
	// Timeout is how long a request may be open.
	Timeout time.Duration
	// SettleTimeout is how long delivered blocks may be silent until their account
	// is asked for again; longer where blocks have taken long lately.
	SettleTimeout time.Duration
	// RetryMin is the pause before an account is asked for again that nobody had
	// more of; it doubles with each try.
	RetryMin time.Duration
	// Tries is how often all peers are asked for an account without any progress
	// before it is dropped. The next scan that finds it behind brings it back.
	Tries int
	// RestMin is the pause after a scan of all accounts that found nothing; it
	// doubles with each further one, up to RestMax.
	RestMin, RestMax time.Duration
	// PagePause is the pause between two pages while the node is in step, so that a
	// large ledger is scanned slowly and not all at once.
	PagePause time.Duration
	// CalmPause is the same in rounds that follow one that found nothing, until
	// there is news of blocks that are not here: they only make sure. Their first page
	// is asked of several peers, the others of one.
	CalmPause time.Duration
	// OverloadPause is how long no blocks are asked for after the block processor
	// refused some; it doubles while that goes on, up to 16 times.
	OverloadPause time.Duration
	// FirstID is what requests are numbered from, at least as high as the number of
	// any request that an earlier client has sent on connections that are still open.
	FirstID uint64
}

// DefaultConfig returns the settings for a public network.
func DefaultConfig() Config {
	return Config{
		MaxAccounts: 4096, MaxBlocked: 4096,
		Heads: 8, PeersPerPage: 3, PageSize: MaxFrontiers,
		MaxInFlight: 64, MaxPerPeer: 32, MaxDelivered: 4096 - MaxPullBlocks, MaxUnconfirmed: 200_000,
		Timeout: 5 * time.Second, SettleTimeout: 30 * time.Second,
		RetryMin: time.Second, Tries: 6,
		RestMin: 10 * time.Second, RestMax: 5 * time.Minute,
		PagePause: time.Second, CalmPause: time.Minute, OverloadPause: 250 * time.Millisecond,
	}
}

// DevConfig returns the settings for a small network on one machine.
func DevConfig() Config {
	c := DefaultConfig()
	c.Timeout, c.SettleTimeout = 2*time.Second, 5*time.Second
	c.RetryMin = 250 * time.Millisecond
	c.RestMin, c.RestMax = time.Second, 10*time.Second
	c.PagePause, c.CalmPause = 100*time.Millisecond, 30*time.Second
	return c
}

// Validate says which setting cannot work.
func (c *Config) Validate() error {
	for _, n := range []struct {
		name     string
		v, least int
		most     int
	}{
		{"MaxAccounts", c.MaxAccounts, 16, 1 << 20},
		{"MaxBlocked", c.MaxBlocked, 1, 1 << 20},
		{"Heads", c.Heads, 1, MaxHeads},
		{"PeersPerPage", c.PeersPerPage, 1, 8},
		{"PageSize", c.PageSize, 2, MaxFrontiers},
		{"MaxInFlight", c.MaxInFlight, 2, 1024},
		{"MaxPerPeer", c.MaxPerPeer, 1, 1024},
		{"MaxDelivered", c.MaxDelivered, MaxPullBlocks, 1 << 20},
		{"Tries", c.Tries, 1, 100},
	} {
		if n.v < n.least || n.v > n.most {
			return fmt.Errorf("bootstrap: %s is %d, want %d to %d", n.name, n.v, n.least, n.most)
		}
	}
	if c.MaxUnconfirmed < MaxPullBlocks {
		return fmt.Errorf("bootstrap: MaxUnconfirmed is %d, want at least %d", c.MaxUnconfirmed, MaxPullBlocks)
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"Timeout", c.Timeout}, {"SettleTimeout", c.SettleTimeout}, {"RetryMin", c.RetryMin}, {"RestMin", c.RestMin},
		{"PagePause", c.PagePause}, {"CalmPause", c.CalmPause}, {"OverloadPause", c.OverloadPause},
	} {
		if d.v <= 0 {
			return fmt.Errorf("bootstrap: %s is %v, want more than 0", d.name, d.v)
		}
	}
	if c.RestMax < c.RestMin {
		return fmt.Errorf("bootstrap: RestMax %v must not be below RestMin %v", c.RestMax, c.RestMin)
	}
	return nil
}
