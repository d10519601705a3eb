package wallet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Bounds of what the wallets of a node hold.
const (
	MaxWallets  = 64
	MaxAccounts = 10_000 // of one wallet
	MaxOpen     = 10_000 // blocks that are not confirmed yet, all wallets together
	// MaxSendIDs is how many sends with an id are remembered, about 100 bytes each.
	// None is ever forgotten: a further one is refused.
	MaxSendIDs = 250_000
	MaxSendID  = 255 // bytes of an id
	MaxLabel   = 100 // bytes of a label
	// Gap is how many unused accounts in a row end a search for used ones.
	Gap = 20
)

// Reasons why something was not done. Nothing was changed.
var (
	ErrUnknownWallet  = errors.New("wallet is not known")
	ErrUnknownAccount = errors.New("account is not in the wallet")
	ErrExists         = errors.New("exists already")
	ErrLocked         = errors.New("wallet is locked")
	ErrWatchOnly      = errors.New("account is only watched: its key is not here")
	ErrInsufficient   = errors.New("insufficient balance")
	ErrIDReused       = errors.New("id was already used with other parameters")
	ErrNotReceivable  = errors.New("nothing of that send can be received by the account")
	ErrNotOpen        = errors.New("account has no block yet")
	ErrNothingToDo    = errors.New("the block would change nothing")
	ErrFull           = errors.New("no room")
	ErrInvalid        = errors.New("not allowed")
	// ErrTaken: another block of the account was confirmed in the place of this
	// one, so the same secret is in use elsewhere. This block can never count.
	ErrTaken = errors.New("another block of the account took the place of this one")
)

// ID names a wallet. It is random and no secret.
type ID [32]byte

// String returns 64 upper-case hexadecimal digits.
func (id ID) String() string { return strings.ToUpper(hex.EncodeToString(id[:])) }

// ParseID reads 64 hexadecimal digits of either case.
func ParseID(s string) (id ID, err error) {
	if len(s) != 2*len(id) {
		return id, fmt.Errorf("%d characters, want %d hexadecimal digits", len(s), 2*len(id))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("not %d hexadecimal digits", 2*len(id))
	}
	return id, nil
}

// Origin is where the key of an account comes from.
type Origin uint8

// The origins.
const (
	Derived Origin = iota + 1 // from the seed of the wallet, by its index
	AdHoc                     // a key of its own, which the words do not bring back
	Watched                   // no key: it can be looked at
)

// String returns the name that the RPC uses.
func (o Origin) String() string {
	switch o {
	case Derived:
		return "derived"
	case AdHoc:
		return "ad_hoc"
	case Watched:
		return "watched"
	}
	return fmt.Sprintf("origin(%d)", uint8(o))
}

// Account is an account of a wallet.
type Account struct {
	Key    lattice.Account
	Origin Origin
	Index  uint32 // of a derived one
}

// Settings are what the owner of a wallet decides.
type Settings struct {
	Label       string
	AutoReceive bool
	// Representative is given to accounts that are opened; zero: one is drawn.
	Representative lattice.Account
}

// Secret is what opens a wallet: its seed, and the keys that do not come from
// it.
type Secret struct {
	Seed crypto.Seed
	Keys []crypto.Seed
}

// Bytes returns the secret to be sealed: 32 bytes for the seed and each key.
func (s *Secret) Bytes() []byte {
	out := append([]byte{}, s.Seed[:]...)
	for i := range s.Keys {
		out = append(out, s.Keys[i][:]...)
	}
	return out
}

// ParseSecret reads what Bytes wrote.
func ParseSecret(b []byte) (s Secret, err error) {
	if len(b) == 0 || len(b)%32 != 0 {
		return s, fmt.Errorf("secret of %d bytes, want a multiple of 32", len(b))
	}
	s.Seed = crypto.Seed(b[:32])
	for rest := b[32:]; len(rest) > 0; rest = rest[32:] {
		s.Keys = append(s.Keys, crypto.Seed(rest[:32]))
	}
	return s, nil
}

// Wipe overwrites the secret.
func (s *Secret) Wipe() {
	s.Seed.Wipe()
	for i := range s.Keys {
		s.Keys[i].Wipe()
	}
	s.Keys = nil
}

// Intent is what a block shall do.
type Intent struct {
	Subtype lattice.Subtype // Send, Receive or Change; a Receive may become an Open
	Account lattice.Account
	Link    lattice.Link   // destination of a send, hash of the send for a receive
	Amount  lattice.Amount // of a send; of a receive as far as it is known
	// Representative is that of a change.
	Representative lattice.Account
}

// State is how far a block is on its way.
type State uint8

// The states, in order; the last two are ends without a block.
const (
	StateReserved State = iota + 1
	StateStored
	StatePublished
	StateConfirmed
	StateFailed   // the block can never count
	StateReleased // none was ever signed
)

// String returns the name that the RPC uses.
func (s State) String() string {
	switch s {
	case StateReserved:
		return "reserved"
	case StateStored:
		return "stored"
	case StatePublished:
		return "published"
	case StateConfirmed:
		return "confirmed"
	case StateFailed:
		return "failed"
	case StateReleased:
		return "released"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Ledger is what the wallets read of the ledger, as of one moment.
type Ledger interface {
	ledger.Chains
	Receivables(destination lattice.Account, start lattice.Hash, most int) ([]lattice.ReceivableEntry, error)
}

// Config is how the wallets behave.
type Config struct {
	// ReceiveMinimum is the least that is received without being asked for.
	ReceiveMinimum lattice.Amount
	// ReceiveEvery is the shortest time between two blocks that receive without
	// being asked for, and ReceiveBurst how many may come at once after a pause.
	ReceiveEvery time.Duration
	ReceiveBurst int
	// RepresentativeCap is the share of all online weight, in percent, above which
	// a representative is not drawn for a new account.
	RepresentativeCap uint64
	// Republish is the pause before a block that is not confirmed is published
	// again; it doubles each time up to RepublishMost.
	Republish, RepublishMost time.Duration
	// Rescan is how often the accounts after the last known one are looked at
	// again: they may have been used elsewhere with the same words.
	Rescan time.Duration
}

// DefaultConfig returns the settings that suit a node.
func DefaultConfig() Config {
	return Config{
		ReceiveMinimum: lattice.MustAmount("1000000000000000000"), // 0.000001 smn
		ReceiveEvery:   time.Second, ReceiveBurst: 30,
		RepresentativeCap: 5,
		Republish:         5 * time.Second, RepublishMost: 5 * time.Minute,
		Rescan: time.Minute,
	}
}
