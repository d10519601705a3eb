package actors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// walletShelf is what the wallet actor shares with those who ask it: its
// folder, the wallets as they were last, and the one turn at stretching a
// password.
//
// Stretching takes 19 MiB for some tens of milliseconds. One runs at a time, at
// the low profile, on the goroutine of who asks and never in the actor, and the
// memory is given back to the system at once; so a node stays within its
// budget, with less than 20 MiB on top for that moment.
type walletShelf struct {
	dir    string
	random io.Reader
	turn   chan struct{}
	state  atomic.Pointer[shelfState]
	begun  chan struct{} // closed when state was set for the first time
	once   sync.Once
}

type shelfState struct {
	views   []wallet.View
	minimum lattice.Amount
	err     error // why the wallets cannot be read; the rest is as it was then
}

func newWalletShelf(dir string, random io.Reader) *walletShelf {
	s := &walletShelf{dir: dir, random: random, turn: make(chan struct{}, 1), begun: make(chan struct{})}
	s.state.Store(&shelfState{})
	return s
}

func (s *walletShelf) show(views []wallet.View, minimum lattice.Amount) {
	s.put(&shelfState{views, minimum, nil})
}

// failed tells why the wallets cannot be read.
func (s *walletShelf) failed(err error) {
	old := s.state.Load()
	s.put(&shelfState{old.views, old.minimum, err})
}

func (s *walletShelf) put(state *shelfState) {
	s.state.Store(state)
	s.once.Do(func() { close(s.begun) })
}

// keystore reads the file of a wallet.
func (s *walletShelf) keystore(id wallet.ID) ([]byte, error) {
	b, err := os.ReadFile(keystorePath(s.dir, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %v has no keystore", wallet.ErrUnknownWallet, id)
	}
	return b, err
}

// stretch runs f when its turn has come.
func (s *walletShelf) stretch(ctx context.Context, f func() error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: other passwords are being checked", rpc.ErrOverloaded)
	}
	defer func() {
		debug.FreeOSMemory()
		<-s.turn
	}()
	return f()
}

func (s *walletShelf) open(ctx context.Context, password, sealed []byte) (secret wallet.Secret, err error) {
	return secret, s.stretch(ctx, func() error {
		secret, err = openSecret(password, sealed)
		return err
	})
}

// openUnprotected unlocks the wallets that have no password.
func (s *walletShelf) openUnprotected(ctx context.Context, views []wallet.View, actor Ref[messages.Wallet], log *slog.Logger) {
	for _, v := range views {
		if v.NoSecret || ctx.Err() != nil {
			continue
		}
		err := s.openOne(ctx, v.ID, actor)
		if err != nil && ctx.Err() == nil {
			log.Error("cannot unlock a wallet without a password", "wallet", v.ID, "err", err)
		}
	}
}

func (s *walletShelf) openOne(ctx context.Context, id wallet.ID, actor Ref[messages.Wallet]) error {
	sealed, err := s.keystore(id)
	if err != nil {
		return err
	}
	head, err := crypto.ReadKeystoreHeader(sealed)
	if err != nil || head.Protected {
		return err
	}
	secret, err := s.open(ctx, nil, sealed)
	if err != nil {
		return err
	}
	actor.Tell(&messages.UnlockWallet{ID: id, Secret: secret, Reply: func(error) {}})
	return nil
}

// seal encrypts the secret of a wallet.
func (s *walletShelf) seal(n *lattice.Network, id wallet.ID, password []byte, secret *wallet.Secret) ([]byte, error) {
	plain := secret.Bytes()
	defer clear(plain)
	return crypto.SealKeystore(s.random, password, plain, crypto.KeystoreHeader{
		Kind: "seed", Wallet: id.String(), Network: n.Name,
	}, crypto.StretchLow)
}

// wallets is the wallets as the RPC sees them.
type wallets struct{ *Node }

// Wallets implements rpc.Backend; nil when the node holds none.
func (b backend) Wallets() rpc.Wallets {
	if b.shelf == nil {
		return nil
	}
	return wallets(b)
}

// Wait implements rpc.Wallets.
func (b wallets) Wait(ctx context.Context) error {
	select {
	case <-b.shelf.begun:
	case <-ctx.Done():
		return fmt.Errorf("%w: the wallets are being read", rpc.ErrTimeout)
	}
	if err := b.shelf.state.Load().err; err != nil {
		return fmt.Errorf("%w: %w", rpc.ErrNoWallets, err)
	}
	return nil
}

// Views implements rpc.Wallets.
func (b wallets) Views() []wallet.View { return b.shelf.state.Load().views }

// ReceiveMinimum implements rpc.Wallets.
func (b wallets) ReceiveMinimum() lattice.Amount { return b.shelf.state.Load().minimum }

// Keystore implements rpc.Wallets.
func (b wallets) Keystore(id wallet.ID) ([]byte, error) { return b.shelf.keystore(id) }

// asked is an answer of the wallet actor.
type asked[T any] struct {
	value T
	err   error
}

// askWallet has a message told with a reply, and waits for that.
func askWallet[T any](ctx context.Context, b wallets, message func(reply func(T, error)) messages.Wallet) (T, error) {
	answer := make(chan asked[T], 1)
	b.refs.wallet.Tell(message(func(v T, err error) {
		select {
		case answer <- asked[T]{v, err}:
		default: // answered before
		}
	}))
	select {
	case a := <-answer:
		return a.value, rpcError(a.err)
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("%w: %w", rpc.ErrTimeout, ctx.Err())
	}
}

// tellWallet is askWallet for what is answered with an error only.
func tellWallet(ctx context.Context, b wallets, message func(reply func(error)) messages.Wallet) error {
	_, err := askWallet(ctx, b, func(reply func(struct{}, error)) messages.Wallet {
		return message(func(err error) { reply(struct{}{}, err) })
	})
	return err
}

// Create implements rpc.Wallets.
func (b wallets) Create(ctx context.Context, secret *wallet.Secret, password []byte, s wallet.Settings, accounts []wallet.Account) (id wallet.ID, err error) {
	if _, err := io.ReadFull(b.shelf.random, id[:]); err != nil {
		return id, fmt.Errorf("cannot read randomness for a wallet: %w", err)
	}
	m := &messages.CreateWallet{ID: id, Settings: s, Accounts: accounts}
	if secret != nil {
		m.Secret = *secret
		err := b.shelf.stretch(ctx, func() (err error) {
			m.Sealed, err = b.shelf.seal(b.cfg.Network, id, password, secret)
			return err
		})
		if err != nil {
			return id, err
		}
	}
	return id, tellWallet(ctx, b, func(reply func(error)) messages.Wallet {
		m.Reply = reply
		return m
	})
}

// Open implements rpc.Wallets.
func (b wallets) Open(ctx context.Context, password, keystore []byte) (wallet.Secret, error) {
	return b.shelf.open(ctx, password, keystore)
}

// Unlock implements rpc.Wallets.
func (b wallets) Unlock(ctx context.Context, id wallet.ID, password []byte, until time.Time) error {
	sealed, err := b.shelf.keystore(id)
	if err != nil {
		return err
	}
	secret, err := b.shelf.open(ctx, password, sealed)
	if err != nil {
		return err
	}
	return tellWallet(ctx, b, func(reply func(error)) messages.Wallet {
		return &messages.UnlockWallet{ID: id, Secret: secret, Until: until, Reply: reply}
	})
}

// Lock implements rpc.Wallets.
func (b wallets) Lock(ctx context.Context, id wallet.ID) error {
	return tellWallet(ctx, b, func(reply func(error)) messages.Wallet {
		return &messages.LockWallet{ID: id, Reply: reply}
	})
}

// reseal opens a keystore, has its secret changed, and replaces it. It keeps the
// turn until that is done: two at a time would undo each other.
func (b wallets) reseal(ctx context.Context, id wallet.ID, password, next []byte, key *crypto.Seed) (added []wallet.Account, err error) {
	return added, b.shelf.stretch(ctx, func() error {
		sealed, err := b.shelf.keystore(id)
		if err != nil {
			return err
		}
		secret, err := openSecret(password, sealed)
		if err != nil {
			return err
		}
		defer secret.Wipe()
		if key != nil {
			secret.Keys = append(secret.Keys, *key)
		}
		debug.FreeOSMemory()
		if sealed, err = b.shelf.seal(b.cfg.Network, id, next, &secret); err != nil {
			return err
		}
		added, err = askWallet(ctx, b, func(reply func([]wallet.Account, error)) messages.Wallet {
			return &messages.SealWallet{ID: id, Sealed: sealed, Key: key, Reply: reply}
		})
		return err
	})
}

// ChangePassword implements rpc.Wallets.
func (b wallets) ChangePassword(ctx context.Context, id wallet.ID, password, next []byte) error {
	_, err := b.reseal(ctx, id, password, next, nil)
	return err
}

// AddKey implements rpc.Wallets.
func (b wallets) AddKey(ctx context.Context, id wallet.ID, password []byte, key crypto.Seed) (wallet.Account, error) {
	for _, v := range b.Views() {
		if v.ID == id && v.Locked { // the keystore must not get a key that the actor then refuses
			return wallet.Account{}, wallet.ErrLocked
		}
	}
	added, err := b.reseal(ctx, id, password, password, &key)
	if err != nil {
		return wallet.Account{}, err
	}
	return added[0], nil
}

// Configure implements rpc.Wallets.
func (b wallets) Configure(ctx context.Context, id wallet.ID, s wallet.Settings) error {
	return tellWallet(ctx, b, func(reply func(error)) messages.Wallet {
		return &messages.ConfigureWallet{ID: id, Settings: s, Reply: reply}
	})
}

// Derive implements rpc.Wallets.
func (b wallets) Derive(ctx context.Context, id wallet.ID, index *uint32, count int) ([]wallet.Account, error) {
	return askWallet(ctx, b, func(reply func([]wallet.Account, error)) messages.Wallet {
		return &messages.DeriveAccounts{ID: id, Index: index, Count: count, Reply: reply}
	})
}

// Watch implements rpc.Wallets.
func (b wallets) Watch(ctx context.Context, id wallet.ID, accounts []lattice.Account) error {
	return tellWallet(ctx, b, func(reply func(error)) messages.Wallet {
		return &messages.WatchAccounts{ID: id, Accounts: accounts, Reply: reply}
	})
}

// Remove implements rpc.Wallets.
func (b wallets) Remove(ctx context.Context, id wallet.ID, account lattice.Account) error {
	return tellWallet(ctx, b, func(reply func(error)) messages.Wallet {
		return &messages.RemoveAccount{ID: id, Account: account, Reply: reply}
	})
}

// Make implements rpc.Wallets.
func (b wallets) Make(ctx context.Context, r wallet.Request) (lattice.Hash, error) {
	return askWallet(ctx, b, func(reply func(lattice.Hash, error)) messages.Wallet {
		return &messages.MakeBlock{Request: r, Reply: reply}
	})
}

// Sign implements rpc.Wallets.
func (b wallets) Sign(ctx context.Context, id wallet.ID, account lattice.Account, h lattice.Hash) (crypto.Signature, error) {
	return askWallet(ctx, b, func(reply func(crypto.Signature, error)) messages.Wallet {
		return &messages.SignHash{ID: id, Account: account, Hash: h, Reply: reply}
	})
}

// Search implements rpc.Wallets.
func (b wallets) Search(ctx context.Context, id wallet.ID) error {
	return tellWallet(ctx, b, func(reply func(error)) messages.Wallet {
		return &messages.SearchReceivable{ID: id, Reply: reply}
	})
}

// SetReceiveMinimum implements rpc.Wallets.
func (b wallets) SetReceiveMinimum(ctx context.Context, a lattice.Amount) error {
	return tellWallet(ctx, b, func(reply func(error)) messages.Wallet {
		return &messages.SetReceiveMinimum{Amount: a, Reply: reply}
	})
}
