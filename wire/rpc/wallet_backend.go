package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// ErrNoWallets says that a node holds no wallets, or cannot read them. The
// detail around it reaches the caller.
var ErrNoWallets = errors.New("this node has no wallets")

// Wallets is what the wallet actions need of a node. All methods may be called
// from any goroutine. Those without a context answer at once. Errors are those
// of package wallet, crypto.ErrWrongPassword and crypto.ErrBadKeystore, and the
// ones that Backend names. What is answered is safe from a loss of power.
type Wallets interface {
	// Wait returns when the wallets were read from the disk; an error that wraps
	// ErrNoWallets when they cannot be.
	Wait(context.Context) error
	// Views returns the wallets in the order in which they were made.
	Views() []wallet.View
	// ReceiveMinimum returns the least that is received without being asked for.
	ReceiveMinimum() lattice.Amount
	// Keystore returns the sealed file of a wallet.
	Keystore(wallet.ID) ([]byte, error)

	// Create makes an unlocked wallet with these accounts; without a secret, one
	// that watches. The secret is wiped.
	Create(ctx context.Context, secret *wallet.Secret, password []byte, s wallet.Settings, accounts []wallet.Account) (wallet.ID, error)
	// Open returns the secret in a keystore, which need not be one of this node.
	// One is opened at a time: it takes memory.
	Open(ctx context.Context, password, keystore []byte) (wallet.Secret, error)
	// Unlock opens a wallet until a time; zero: until it is locked.
	Unlock(ctx context.Context, id wallet.ID, password []byte, until time.Time) error
	Lock(ctx context.Context, id wallet.ID) error
	ChangePassword(ctx context.Context, id wallet.ID, password, next []byte) error
	// AddKey adds a key that does not come from the seed.
	AddKey(ctx context.Context, id wallet.ID, password []byte, key crypto.Seed) (wallet.Account, error)
	Configure(ctx context.Context, id wallet.ID, s wallet.Settings) error
	// Derive adds the account with an index, or the next count.
	Derive(ctx context.Context, id wallet.ID, index *uint32, count int) ([]wallet.Account, error)
	Watch(ctx context.Context, id wallet.ID, accounts []lattice.Account) error
	Remove(ctx context.Context, id wallet.ID, account lattice.Account) error

	// Make makes a block and returns its hash when the ledger of this node has it.
	Make(ctx context.Context, r wallet.Request) (lattice.Hash, error)
	Sign(ctx context.Context, id wallet.ID, account lattice.Account, h lattice.Hash) (crypto.Signature, error)
	// Search has a wallet receive what it finds.
	Search(ctx context.Context, id wallet.ID) error
	SetReceiveMinimum(ctx context.Context, a lattice.Amount) error
}
