// Package storetest is what every store of ledgers must pass: Test checks the
// promises of storage.Store one by one, Twin does the same random things to two
// stores and compares every answer. It is for the tests of stores; Dump is for
// any test that asks whether two ledgers are the same.
package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/testkit/model"
)

// Test runs the suite. open must return a new store of the dev network that
// holds nothing but its genesis block; Test closes it.
func Test(t *testing.T, open func(t *testing.T) storage.Store) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, storage.Store)
	}{
		{"Genesis", testGenesis},
		{"Model", testModel},
		{"FailedTransaction", testFailedTransaction},
		{"Refusals", testRefusals},
		{"Context", testContext},
		{"Times", testTimes},
		{"FinalVotes", testFinalVotes},
		{"Weights", testWeights},
		{"ReceivedBy", testReceivedBy},
		{"Prune", testPrune},
		{"Samples", testSamples},
		{"Peers", testPeers},
		{"Values", testValues},
		{"Pages", testPages},
		{"Snapshot", testSnapshot},
		{"Concurrent", testConcurrent},
		{"Durable", testDurable},
		{"Close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			defer s.Close() // a second Close is refused and harmless
			c.run(t, s)
		})
	}
}

// network is what all stores in this package belong to.
var network = lattice.Dev()

// start is the local time of a scene's first block.
var start = time.Unix(1_700_000_000, 0).UTC()

// scene is one write transaction with wallets to fill it from.
type scene struct {
	t     *testing.T
	tx    storage.Tx
	owner *testkit.Wallet // of the supply
}

// update runs f in a transaction of a store that holds only the genesis block
// or what earlier scenes with this owner made.
func update(t *testing.T, s storage.Store, owner *testkit.Wallet, f func(*scene)) {
	t.Helper()
	if err := s.Update(func(tx storage.Tx) error { f(&scene{t, tx, owner}); return nil }); err != nil {
		t.Fatal(err)
	}
}

// view runs f on a snapshot.
func view(t *testing.T, s storage.Store, f func(storage.Reader)) {
	t.Helper()
	if err := s.View(func(r storage.Reader) error { f(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

// judge returns the effects of a block as the transaction sees it.
func judge(tx storage.Tx, b *lattice.Block, now time.Time) (ledger.Effects, error) {
	c, err := tx.Context(b, network.HashOf(b), now)
	if err != nil {
		return ledger.Effects{}, err
	}
	c.SignatureVerified = true
	return ledger.Validate(network, b, c)
}

// put inserts a wallet's block and moves the wallet on.
func (s *scene) put(w *testkit.Wallet, b *lattice.Block) ledger.Effects {
	s.t.Helper()
	e, err := judge(s.tx, b, start)
	if err == nil {
		err = s.tx.Apply(&e)
	}
	if err != nil {
		s.t.Fatalf("insert %+v: %v", b, err)
	}
	w.Advance(b)
	return e
}

// fund sends an amount to a wallet, which receives it, and returns both blocks.
func (s *scene) fund(w *testkit.Wallet, amount uint64) (send, receive ledger.Effects) {
	s.t.Helper()
	send = s.put(s.owner, s.owner.Send(w.Account(), lattice.AmountFrom(amount)))
	return send, s.put(w, w.Receive(send.Hash, lattice.AmountFrom(amount)))
}

// cement cements blocks in this order.
func (s *scene) cement(hashes ...lattice.Hash) (out []ledger.Cemented) {
	s.t.Helper()
	for _, h := range hashes {
		c, err := s.tx.Cement(h)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// refused checks that a step fails and changes nothing.
func (s *scene) refused(what string, step func() error) {
	s.t.Helper()
	before := dump(s.t, s.tx)
	if err := step(); err == nil {
		s.t.Errorf("%s: not refused", what)
	}
	same(s.t, what, dump(s.t, s.tx), before)
}

func dump(t *testing.T, r storage.Reader) string {
	t.Helper()
	text, err := Dump(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// same reports the first line in which two dumps differ.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := 0; i < len(g) || i < len(w); i++ {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s: line %d:\n got  %s\n want %s", what, i+1, at(g, i), at(w, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(end)"
}

func testGenesis(t *testing.T, s storage.Store) {
	n := network
	view(t, s, func(r storage.Reader) {
		info, err := r.Account(n.Genesis.Account)
		want := testkit.GenesisInfo(n)
		want.Modified = time.Unix(0, 0).UTC()
		if err != nil || info != want {
			t.Errorf("account %+v, %v, want %+v", info, err, want)
		}
		b, found, err := r.Block(n.GenesisHash)
		stored := lattice.StoredBlock{Block: n.Genesis, Hash: n.GenesisHash, Height: 1, Subtype: lattice.Open, Amount: lattice.Supply, Time: want.Modified, Confirmed: true}
		if err != nil || !found || b != stored {
			t.Errorf("block %+v, %t, %v, want %+v", b, found, err, stored)
		}
		list, err := r.Confirmations(1, 10)
		if err != nil || len(list) != 1 || list[0] != (lattice.Confirmation{Sequence: 1, Hash: n.GenesisHash, Account: n.Genesis.Account, Height: 1}) {
			t.Errorf("confirmations %+v, %v", list, err)
		}
		counts, err := r.Counts()
		if err != nil || counts != (lattice.Counts{Blocks: 1, Cemented: 1, Accounts: 1, StoredBlocks: 1}) {
			t.Errorf("counts %+v, %v", counts, err)
		}
		if err := storage.Verify(n, r); err != nil {
			t.Error(err)
		}
	})
}

// testModel holds the store against the model, which replays everything, and
// against the laws, in the transaction and after it.
func testModel(t *testing.T, s storage.Store) {
	rng := rand.New(rand.NewPCG(1, 2))
	var d *model.Driver
	for range 15 {
		err := s.Update(func(tx storage.Tx) (err error) {
			if d == nil {
				if d, err = model.NewDriver(network, rng, tx); err != nil {
					return err
				}
			}
			for range 10 {
				if err := d.Step(tx); err != nil {
					return err
				}
			}
			return d.Compare(tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(func(r storage.Reader) error {
			return errors.Join(d.Compare(r), storage.Verify(network, r))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if st := d.Stats; st.Inserted == 0 || st.Refused == 0 || st.RolledBack == 0 || st.Cemented == 0 {
		t.Errorf("the driver did not do everything: %+v", st)
	}
}

func testFailedTransaction(t *testing.T, s storage.Store) {
	owner, w := testkit.GenesisWallet(network), testkit.NewWallet(network, testkit.Key(1))
	update(t, s, owner, func(sc *scene) {
		send, receive := sc.fund(w, 100)
		sc.cement(send.Hash)
		putAll(t, sc.tx, receive.Hash)
	})
	var before string
	view(t, s, func(r storage.Reader) { before = dump(t, r) })
	spoil := func(tx storage.Tx) {
		owner, w := *owner, *w
		sc := &scene{t, tx, &owner}
		other := testkit.NewWallet(network, testkit.Key(2))
		sc.cement(w.Info.Frontier)
		send, receive := sc.fund(other, 7)
		change := sc.put(&w, w.Change(testkit.Account(9)))
		sc.cement(send.Hash, receive.Hash)
		if err := tx.Revert(&change); err != nil {
			t.Error(err)
		}
		putAll(t, tx, send.Hash)
		if dump(t, tx) == before {
			t.Error("the transaction does not see what it did")
		}
	}
	broken := errors.New("broken")
	if err := s.Update(func(tx storage.Tx) error { spoil(tx); return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v instead of that of the function", err)
	}
	view(t, s, func(r storage.Reader) { same(t, "after an error", dump(t, r), before) })
	func() {
		defer func() {
			if r := recover(); r != broken {
				t.Errorf("panic %v did not come through", r)
			}
		}()
		_ = s.Update(func(tx storage.Tx) error { spoil(tx); panic(broken) })
	}()
	view(t, s, func(r storage.Reader) { same(t, "after a panic", dump(t, r), before) })
	// And the writer remembers nothing of it either.
	update(t, s, owner, func(sc *scene) {
		same(t, "in the next transaction", dump(t, sc.tx), before)
		sc.fund(testkit.NewWallet(network, testkit.Key(2)), 7)
	})
	view(t, s, func(r storage.Reader) {
		if err := storage.Verify(network, r); err != nil {
			t.Error(err)
		}
	})
}

// putAll stores one of each thing that is not the ledger.
func putAll(t *testing.T, tx storage.Tx, h lattice.Hash) {
	t.Helper()
	_, err := tx.PutFinalVote(lattice.QualifiedRoot{Account: network.Genesis.Account, Previous: h}, h)
	err = errors.Join(err,
		tx.PutWeightSample(lattice.WeightSample{Time: start, Weight: lattice.AmountFrom(uint64(h[0]))}, 3),
		tx.PutPeers([]storage.Peer{{Address: address(fmt.Sprintf("10.0.0.%d:1", h[0])), LastSeen: start}}),
		tx.SetValue("a", h[:]))
	if err != nil {
		t.Fatal(err)
	}
}

func testClose(t *testing.T, s storage.Store) {
	inside, leave, left := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		left <- s.View(func(r storage.Reader) error {
			close(inside)
			<-leave
			_, err := r.Counts()
			return err
		})
	}()
	<-inside
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case <-closed:
		t.Error("Close did not wait for a view")
	default:
	}
	close(leave)
	if err := <-left; err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	none := func(storage.Tx) error { t.Error("ran on a closed store"); return nil }
	for what, err := range map[string]error{
		"Update": s.Update(none), "UpdateDurable": s.UpdateDurable(none), "Close": s.Close(),
		"View": s.View(func(storage.Reader) error { t.Error("ran on a closed store"); return nil }),
	} {
		if !errors.Is(err, storage.ErrClosed) {
			t.Errorf("%s of a closed store: %v", what, err)
		}
	}
}
