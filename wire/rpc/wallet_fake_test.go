package rpc

import (
	"bytes"
	"context"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// fakeWallets is the machine of the wallets over the fake ledger, with nothing
// sealed and nothing kept.
type fakeWallets struct {
	node      *fakeNode
	machine   *wallet.Machine
	now       time.Time
	passwords map[wallet.ID]string
	secrets   map[wallet.ID]wallet.Secret
	made      byte
	fail      error // of every Make
}

// fakeKeystore stands for a sealed file: the password that opens it is "open".
var fakeKeystore = []byte(`{"fake":"keystore"}`)

func newFakeWallets(n *fakeNode) *fakeWallets {
	return &fakeWallets{
		node: n, now: time.Unix(1_700_010_000, 0),
		machine:   wallet.New(n.network, wallet.DefaultConfig(), mathrand.New(mathrand.NewPCG(1, 1))),
		passwords: map[wallet.ID]string{}, secrets: map[wallet.ID]wallet.Secret{},
	}
}

func (f *fakeWallets) Wait(context.Context) error     { return nil }
func (f *fakeWallets) Views() []wallet.View           { return f.machine.Views() }
func (f *fakeWallets) ReceiveMinimum() lattice.Amount { return f.machine.ReceiveMinimum() }

func (f *fakeWallets) Keystore(id wallet.ID) ([]byte, error) {
	if _, known := f.secrets[id]; !known {
		return nil, wallet.ErrUnknownWallet
	}
	return fakeKeystore, nil
}

func (f *fakeWallets) Create(_ context.Context, secret *wallet.Secret, password []byte, s wallet.Settings, accounts []wallet.Account) (id wallet.ID, err error) {
	f.made++
	for i := range id {
		id[i] = f.made
	}
	if err := f.machine.Create(id, secret == nil, s); err != nil {
		return id, err
	}
	if secret != nil {
		f.passwords[id], f.secrets[id] = string(password), wallet.Secret{Seed: secret.Seed}
		if err := f.machine.Unlock(id, *secret, time.Time{}); err != nil {
			return id, err
		}
	}
	return id, f.machine.Add(id, accounts)
}

func (f *fakeWallets) Open(_ context.Context, password, keystore []byte) (wallet.Secret, error) {
	if bytes.Equal(keystore, fakeKeystore) {
		for id, p := range f.passwords {
			if p == string(password) {
				return f.secrets[id], nil
			}
		}
		return wallet.Secret{}, crypto.ErrWrongPassword
	}
	return wallet.Secret{}, crypto.ErrBadKeystore
}

func (f *fakeWallets) Unlock(_ context.Context, id wallet.ID, password []byte, until time.Time) error {
	secret, known := f.secrets[id]
	switch {
	case !known:
		return wallet.ErrUnknownWallet
	case f.passwords[id] != string(password):
		return crypto.ErrWrongPassword
	}
	secret.Keys = slices.Clone(secret.Keys)
	return f.machine.Unlock(id, secret, until)
}

func (f *fakeWallets) Lock(_ context.Context, id wallet.ID) error { return f.machine.Lock(id) }

func (f *fakeWallets) ChangePassword(_ context.Context, id wallet.ID, password, next []byte) error {
	if f.passwords[id] != string(password) {
		return crypto.ErrWrongPassword
	}
	f.passwords[id] = string(next)
	return nil
}

func (f *fakeWallets) AddKey(_ context.Context, id wallet.ID, password []byte, key crypto.Seed) (wallet.Account, error) {
	if f.passwords[id] != string(password) {
		return wallet.Account{}, crypto.ErrWrongPassword
	}
	return f.machine.AddKey(id, key)
}

func (f *fakeWallets) Configure(_ context.Context, id wallet.ID, s wallet.Settings) error {
	return f.machine.Configure(id, s)
}

func (f *fakeWallets) Derive(_ context.Context, id wallet.ID, index *uint32, count int) ([]wallet.Account, error) {
	return f.machine.Derive(id, index, count)
}

func (f *fakeWallets) Watch(_ context.Context, id wallet.ID, accounts []lattice.Account) error {
	var list []wallet.Account
	for _, a := range accounts {
		list = append(list, wallet.Account{Key: a, Origin: wallet.Watched})
	}
	return f.machine.Add(id, list)
}

func (f *fakeWallets) Remove(_ context.Context, id wallet.ID, a lattice.Account) error {
	return f.machine.Remove(id, a)
}

// Make runs the machine until the block would be published.
func (f *fakeWallets) Make(ctx context.Context, r wallet.Request) (hash lattice.Hash, err error) {
	if f.fail != nil {
		return lattice.Hash{}, f.fail
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	a, err := f.machine.Request(f.now, f.node.ledger, r)
	if err != nil || !a.Hash.IsZero() {
		return a.Hash, err
	}
	for range 3 {
		if err := f.machine.Step(f.now, f.node.ledger); err != nil {
			return hash, err
		}
		ready := f.machine.Ready()
		for _, w := range ready.Work {
			nonce, err := work.Search(ctx, w.Root, w.Threshold, 0, 1)
			if err != nil {
				return hash, err
			}
			f.machine.WorkFound(w.Account, w.Root, nonce)
		}
		for _, p := range ready.Publish {
			f.machine.Processed(f.now, p.Op, nil)
			return f.node.network.HashOf(&p.Block), nil
		}
	}
	return hash, ErrTimeout
}

func (f *fakeWallets) Sign(_ context.Context, id wallet.ID, a lattice.Account, h lattice.Hash) (crypto.Signature, error) {
	return f.machine.Sign(id, a, h)
}

func (f *fakeWallets) Search(_ context.Context, id wallet.ID) error { return f.machine.Search(id) }

func (f *fakeWallets) SetReceiveMinimum(_ context.Context, a lattice.Amount) error {
	f.machine.SetReceiveMinimum(a)
	return nil
}
