package testkit_test

import (
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// TestStable pins what other tests' recorded expectations may depend on.
func TestStable(t *testing.T) {
	for i, want := range map[int]string{
		0: "419180C33AB3478505CC869C75F7729550ED753E00D4EE59E89620242BC26FB2", 1: "307072E93E5B796BE9286FD9FF469E83BE351EA4CE8C64CEB8A14AE1AF5AF4D6", -1: "97B445B3C62537EB6F859934A2477D0FA73CB75B3FD1B40AB9973A7812715FC1",
	} {
		if got := testkit.Account(i).Hex(); got != want {
			t.Errorf("account %d is %s, want %s", i, got, want)
		}
	}
	seen := map[lattice.Hash]int{}
	for i := -500; i < 500; i++ {
		for _, h := range []lattice.Hash{testkit.Hash(i), lattice.Hash(testkit.Account(i))} {
			if j, twice := seen[h]; twice {
				t.Errorf("%d and %d are the same", i, j)
			}
			seen[h] = i
		}
	}
}

func TestWork(t *testing.T) {
	root := lattice.Root{1}
	const threshold = 0xff00000000000000
	nonce := testkit.Work(root, threshold)
	for n := range nonce + 1 {
		if work.Valid(root, n, threshold) != (n == nonce) {
			t.Errorf("nonce %d is the first", n)
		}
	}
}

// TestWallet walks two wallets through every kind of block; each must be valid.
func TestWallet(t *testing.T) {
	n := lattice.Dev()
	g, w := testkit.GenesisWallet(n), testkit.NewWallet(n, testkit.Key(1))
	entries := map[lattice.Hash]*lattice.Receivable{}
	insert := func(w *testkit.Wallet, b *lattice.Block, want lattice.Subtype) lattice.Hash {
		t.Helper()
		e, err := ledger.Validate(n, b, ledger.Context{
			Hash: n.HashOf(b), Account: w.Info, PreviousKnown: b.Previous == w.Info.Frontier,
			Receivable: entries[lattice.Hash(b.Link)], Now: time.Unix(0, 0),
		})
		if err != nil || e.Subtype != want {
			t.Fatalf("%v: %v, %v", want, e.Subtype, err)
		}
		if e.Made != nil {
			entries[e.Hash] = e.Made
		}
		if h := w.Advance(b); h != e.Hash || w.Info.Height != e.After.Height || w.Info.Balance != e.After.Balance {
			t.Fatalf("%v: wallet went on to %+v, ledger to %+v", want, w.Info, e.After)
		}
		return e.Hash
	}
	ten := lattice.AmountFrom(10)
	sent := insert(g, g.Send(w.Account(), ten), lattice.Send)
	insert(w, w.Receive(sent, ten), lattice.Open)
	if w.Info.Representative != w.Account() {
		t.Error("an account that opens without a word represents itself")
	}
	sent = insert(g, g.Send(w.Account(), ten), lattice.Send)
	insert(w, w.Receive(sent, ten), lattice.Receive)
	insert(w, w.Change(g.Account()), lattice.Change)
	insert(w, w.Send(w.Account(), w.Info.Balance), lattice.Send)

	for name, f := range map[string]func(){
		"send too much": func() { w.Send(g.Account(), ten) },
		"send nothing":  func() { g.Send(w.Account(), lattice.Amount{}) },
		"no seed":       func() { testkit.GenesisKey(lattice.MainParameters()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
