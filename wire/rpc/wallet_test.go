package rpc

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// walletSeed is the seed of the wallet of the goldens, walletPassword its
// password.
var walletSeed = crypto.Seed(crypto.Sum256([]byte("rpc test wallet")))

const walletPassword = "open sesame"

// withWallets gives the node two wallets: the first, with a password, has an
// account of its seed, the keys of alice and bob, and watches carol; the second
// watches dave only.
func withWallets(b *bench) *fakeWallets {
	w := newFakeWallets(b.node)
	b.node.wallets = w
	must := func(err error) {
		if err != nil {
			panic("test: " + err.Error())
		}
	}
	settings := wallet.Settings{Label: "till", AutoReceive: true, Representative: bob.account}
	id, err := w.Create(context.Background(), &wallet.Secret{Seed: walletSeed}, []byte(walletPassword), settings, []wallet.Account{wallet.DerivedAccount(walletSeed, 0)})
	must(err)
	for _, p := range []person{alice, bob} {
		_, err := w.machine.AddKey(id, p.seed)
		must(err)
	}
	must(w.machine.Add(id, []wallet.Account{{Key: carol.account, Origin: wallet.Watched}}))
	_, err = w.Create(context.Background(), nil, nil, wallet.Settings{}, []wallet.Account{{Key: dave.account, Origin: wallet.Watched}})
	must(err)
	return w
}

func init() {
	setups["wallets"] = func(b *bench) { withWallets(b) }
	setups["wallets locked"] = func(b *bench) {
		w := withWallets(b)
		if err := w.machine.Lock(w.Views()[0].ID); err != nil {
			panic("test: " + err.Error())
		}
	}
	setups["wallets until"] = func(b *bench) {
		w := withWallets(b)
		if err := w.machine.Unlock(w.Views()[0].ID, wallet.Secret{Seed: walletSeed}, time.Unix(1_700_010_600, 0)); err != nil {
			panic("test: " + err.Error())
		}
	}
	setups["wallets sent"] = func(b *bench) { // with the id "invoice 7"
		w := withWallets(b)
		_, err := w.Make(context.Background(), wallet.Request{Wallet: w.Views()[0].ID, ID: "invoice 7", Intent: wallet.Intent{
			Subtype: lattice.Send, Account: alice.account, Link: lattice.Link(dave.account), Amount: smn("1"),
		}})
		if err != nil {
			panic("test: " + err.Error())
		}
	}
	setups["wallets taken"] = func(b *bench) { withWallets(b).fail = wallet.ErrTaken }
	setups["wallets full"] = func(b *bench) { withWallets(b).fail = wallet.ErrFull }
	setups["wallets many receivables"] = func(b *bench) {
		withWallets(b)
		b.node.ledger.bulk = 10_001
	}
	setups["wallets hold the seed"] = func(b *bench) { // somebody has sent to account 2 of the seed
		withWallets(b)
		b.node.ledger.send(alice, wallet.DerivedAccount(walletSeed, 2).Key, "3")
	}
}

// A password is nowhere but in the request.
func TestWalletPasswordIsNotRepeated(t *testing.T) {
	for name, g := range loadGoldens(t) {
		for _, secret := range []string{walletPassword, "wrong secret"} {
			if bytes.Contains(g.Answer, []byte(secret)) || bytes.Contains(g.RPCAnswer, []byte(secret)) {
				t.Errorf("%s: the answer repeats a password", name)
			}
		}
	}
}
