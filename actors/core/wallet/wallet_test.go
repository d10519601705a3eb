package wallet

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

func sendOf(id ID, from lattice.Account, to int, amount uint64, name string) Request {
	return Request{Wallet: id, ID: name, Intent: Intent{
		Subtype: lattice.Send, Account: from, Link: lattice.Link(testkit.Account(to)), Amount: lattice.AmountFrom(amount),
	}}
}

// funded is a world with one open account.
func funded(t testing.TB, seed uint64, amount uint64) (*world, ID, lattice.Account) {
	w := newWorld(t, seed)
	id, account := w.wallet(1, Settings{AutoReceive: true})
	w.fund(account, amount)
	w.tick()
	w.drain()
	if got := w.book.accounts[account].Balance; got != lattice.AmountFrom(amount) {
		t.Fatalf("balance %s after funding", got.Raw())
	}
	w.confirmAll()
	return w, id, account
}

func (w *world) tick() {
	w.now = w.now.Add(time.Second)
	if err := w.machine.Tick(w.now, w.book); err != nil {
		w.t.Fatal(err)
	}
}

func TestSendReceiveChange(t *testing.T) {
	w, id, from := funded(t, 1, 100)
	_, to := w.wallet(2, Settings{})
	r := sendOf(id, from, 0, 30, "")
	r.Intent.Link = lattice.Link(to)
	a, err := w.machine.Request(w.now, w.book, r)
	if err != nil {
		t.Fatal(err)
	}
	w.drain()
	if got := w.answers[a.Op]; got.Err != nil || got.Hash != w.book.accounts[from].Frontier {
		t.Fatalf("outcome %+v", got)
	}
	w.tick()
	w.drain()
	if w.book.accounts[to].Opened() {
		t.Fatal("received by a wallet that should not do so by itself")
	}
	second := ID(testkit.Hash(2))
	receive := Request{Wallet: second, Intent: Intent{Subtype: lattice.Receive, Account: to, Link: lattice.Link(w.answers[a.Op].Hash)}}
	first, err := w.machine.Request(w.now, w.book, receive)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.machine.Request(w.now, w.book, receive); err != nil || again.Op != first.Op {
		t.Fatalf("received twice: %+v %v", again, err)
	}
	w.drain()
	if got := w.book.accounts[to].Balance; got != lattice.AmountFrom(30) {
		t.Fatalf("balance %s", got.Raw())
	}
	change := Request{Wallet: second, Intent: Intent{Subtype: lattice.Change, Account: to, Representative: testkit.Account(77)}}
	if _, err := w.machine.Request(w.now, w.book, change); err != nil {
		t.Fatal(err)
	}
	w.drain()
	if w.book.accounts[to].Representative != testkit.Account(77) {
		t.Fatal("representative is not changed")
	}
	if _, err := w.machine.Request(w.now, w.book, change); !errors.Is(err, ErrNothingToDo) {
		t.Fatalf("the same change again: %v", err)
	}
	if _, err := w.machine.Request(w.now, w.book, receive); !errors.Is(err, ErrNotReceivable) {
		t.Fatalf("a receive of what was received: %v", err)
	}
}

func TestRequestRefuses(t *testing.T) {
	w, id, from := funded(t, 2, 100)
	watch := Account{Key: testkit.Account(5), Origin: Watched}
	if err := w.machine.Add(id, []Account{watch}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 10, "used")); err != nil {
		t.Fatal(err)
	}
	long := make([]byte, MaxSendID+1)
	for _, c := range []struct {
		name string
		r    Request
		want error
	}{
		{"other wallet", sendOf(ID{9}, from, 9, 1, ""), ErrUnknownWallet},
		{"other account", sendOf(id, testkit.Account(6), 9, 1, ""), ErrUnknownAccount},
		{"watched", sendOf(id, watch.Key, 9, 1, ""), ErrWatchOnly},
		{"too much", sendOf(id, from, 9, 91, ""), ErrInsufficient},
		{"nothing", sendOf(id, from, 9, 0, ""), ErrNothingToDo},
		{"long id", sendOf(id, from, 9, 1, string(long)), ErrInvalid},
		{"other amount", sendOf(id, from, 9, 11, "used"), ErrIDReused},
		{"other destination", sendOf(id, from, 8, 10, "used"), ErrIDReused},
	} {
		records := len(w.machine.ready.Records)
		if _, err := w.machine.Request(w.now, w.book, c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(w.machine.ready.Records) != records {
			t.Errorf("%s: something was changed", c.name)
		}
	}
	if err := w.machine.Lock(id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 1, "")); !errors.Is(err, ErrLocked) {
		t.Errorf("locked: %v", err)
	}
	if _, err := w.machine.Derive(id, nil, 1); !errors.Is(err, ErrLocked) {
		t.Errorf("derive while locked: %v", err)
	}
	if err := w.machine.Unlock(id, Secret{Seed: crypto.Seed{1}}, time.Time{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("another wallet's secret: %v", err)
	}
}

// A send that was reserved while the wallet was unlocked goes out, once, when
// it is unlocked again; one without an id is dropped.
func TestLockHoldsWhatIsNotSigned(t *testing.T) {
	w, id, from := funded(t, 3, 100)
	named, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 1, "named"))
	if err != nil {
		t.Fatal(err)
	}
	bare, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 2, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.machine.Lock(id); err != nil {
		t.Fatal(err)
	}
	w.drain()
	for _, op := range []uint64{named.Op, bare.Op} {
		if !errors.Is(w.answers[op].Err, ErrLocked) {
			t.Errorf("outcome %+v", w.answers[op])
		}
	}
	w.lose(false) // unlocks
	w.drain()
	if got := w.sends(from, testkit.Account(9)); len(got) != 1 {
		t.Errorf("%d sends after unlocking, want that with the id", len(got))
	}
}

// Two wallets of the same words: a send with an id is made once, whichever of them
// is asked, also after a restart. Another send may have the id in either.
func TestIDInTwoWallets(t *testing.T) {
	w, one, from := funded(t, 8, 100)
	two := ID(testkit.Hash(77))
	w.secret[two] = Secret{Seed: w.secret[one].Seed}
	if err := w.machine.Create(two, false, Settings{}); err != nil {
		t.Fatal(err)
	}
	if err := w.machine.Unlock(two, w.secret[two], time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.machine.Derive(two, nil, 1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, id := range []ID{one, two} {
			if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 1, "rent")); err != nil {
				t.Fatal(err)
			}
			w.drain()
		}
		w.lose(true)
	}
	if got := w.sends(from, testkit.Account(9)); len(got) != 1 {
		t.Errorf("%d sends, want 1", len(got))
	}
	if _, err := w.machine.Request(w.now, w.book, sendOf(two, from, 9, 2, "rent")); err != nil {
		t.Errorf("another send with the id in the other wallet: %v", err)
	}
}

func TestUnlockEnds(t *testing.T) {
	w := newWorld(t, 4)
	id, _ := w.wallet(1, Settings{})
	if err := w.machine.Unlock(id, w.secret[id], w.now.Add(90*time.Second)); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		w.tick()
		if locked := w.machine.Views()[0].Locked; locked != (i+1 >= 90) {
			t.Fatalf("locked is %v after %d s", locked, i+1)
		}
	}
}

// An account that somebody else uses with the same secret: the send whose place
// was taken fails, and says so for ever.
func TestPlaceTaken(t *testing.T) {
	w, id, from := funded(t, 5, 100)
	a, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 10, "late"))
	if err != nil {
		t.Fatal(err)
	}
	key := crypto.NewPrivateKey(crypto.AccountSeed(w.secret[id].Seed, 0))
	other := &testkit.Wallet{Network: w.net, Key: key, Info: w.book.accounts[from]}
	if err := w.machine.Step(w.now, w.book); err != nil { // asks for work or signs
		t.Fatal(err)
	}
	r := w.machine.Ready()
	w.carryOut(&r)
	for _, want := range w.wants {
		w.machine.WorkFound(want.Account, want.Root, testkit.Work(want.Root, want.Threshold))
	}
	w.wants = nil
	if err := w.machine.Step(w.now, w.book); err != nil {
		t.Fatal(err)
	}
	rival := other.Send(testkit.Account(3), lattice.AmountFrom(99))
	if err := w.book.process(rival); err != nil {
		t.Fatal(err)
	}
	w.drain()
	if _, answered := w.answers[a.Op]; answered {
		t.Fatal("answered while the fork is open")
	}
	w.machine.Cemented(w.book.confirm(w.net.HashOf(rival)))
	w.tick()
	w.drain()
	if got := w.answers[a.Op]; !errors.Is(got.Err, ErrTaken) {
		t.Fatalf("outcome %+v", got)
	}
	w.lose(true)
	if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 10, "late")); !errors.Is(err, ErrTaken) {
		t.Fatalf("asked again: %v", err)
	}
	if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 1, "new")); err != nil {
		t.Fatal(err)
	}
	w.drain()
	if got := w.sends(from, testkit.Account(9)); len(got) != 1 {
		t.Errorf("%d sends", len(got))
	}
}

// A block that is not confirmed is published again, byte for byte, with growing
// pauses.
func TestRepublishes(t *testing.T) {
	w, id, from := funded(t, 6, 100)
	if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 10, "")); err != nil {
		t.Fatal(err)
	}
	w.drain()
	var pauses []int
	last := 0
	for s := 1; s < 200; s++ {
		w.tick()
		r := w.machine.Ready()
		for _, p := range r.Publish {
			if !p.Again {
				t.Fatal("a block that was there is published as new")
			}
			pauses, last = append(pauses, s-last), s
			w.publish(&p) // checks the bytes
		}
	}
	if want := "[5 10 20 40 80]"; fmt.Sprint(pauses) != want {
		t.Errorf("published after pauses of %v s, want %s", pauses, want)
	}
	w.confirmAll()
	for range 700 {
		w.tick()
		if r := w.machine.Ready(); len(r.Publish) > 0 {
			t.Fatal("a confirmed block is published again")
		}
	}
}

// Random sends of several accounts with few ids, asked for again and again,
// with the machine lost after any step: at the end each id has one block in the
// ledger, whatever happened. 200 rounds.
func TestOneBlockPerID(t *testing.T) {
	for round := range uint64(200) {
		oneBlockPerID(t, round)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

func oneBlockPerID(t *testing.T, seed uint64) {
	w, id, first := funded(t, seed, 1000)
	accounts := []lattice.Account{first}
	more, err := w.machine.Derive(id, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range more {
		w.fund(a.Key, 500)
		accounts = append(accounts, a.Key)
	}
	w.tick()
	w.drain()
	const ids = 12
	ask := func(i int) error { // the same id always asks for the same
		r := sendOf(id, accounts[i%3], 100+i, uint64(i+1), fmt.Sprint("id ", i))
		_, err := w.machine.Request(w.now, w.book, r)
		return err
	}
	for range 12 {
		w.steps = w.rng.IntN(40)
		lost := w.untilLost(func() {
			for range 6 {
				if err := ask(w.rng.IntN(ids)); err != nil {
					t.Errorf("refused: %v", err)
				}
				if w.rng.IntN(3) == 0 {
					w.drain()
				}
			}
			w.drain()
			if w.rng.IntN(3) == 0 {
				w.confirmAll()
				w.tick()
				w.drain()
			}
		})
		if lost {
			w.lose(w.rng.IntN(2) == 0)
		}
	}
	w.steps = -1
	for i := range ids {
		if err := ask(i); err != nil {
			t.Errorf("refused: %v", err)
		}
	}
	w.drain()
	w.now = w.now.Add(time.Hour)
	w.tick()
	w.drain()
	for i := range ids {
		if got := w.sends(accounts[i%3], testkit.Account(100+i)); len(got) != 1 {
			t.Errorf("id %d has %d blocks", i, len(got))
		}
	}
	w.confirmAll()
	w.tick()
	w.drain()
	if n := len(w.machine.ops); n != 0 {
		t.Errorf("%d blocks are still open", n)
	}
	w.lose(false)
	if n := len(w.machine.ops); n != 0 {
		t.Errorf("%d blocks are open again after a replay", n)
	}
	for i := range ids {
		a, err := w.machine.Request(w.now, w.book, sendOf(id, accounts[i%3], 100+i, uint64(i+1), fmt.Sprint("id ", i)))
		if err != nil || a.Hash != w.sends(accounts[i%3], testkit.Account(100+i))[0] {
			t.Errorf("id %d is answered with %v, %v", i, a.Hash, err)
		}
	}
}

// untilLost runs f and reports whether the machine was lost in it.
func (w *world) untilLost(f func()) (lost bool) {
	defer func() {
		if fault := recover(); fault != nil {
			if fault != crash {
				panic(fault)
			}
			lost = true
		}
	}()
	f()
	return false
}

// One thousand requests with a hundred ids, each ten times: a hundred blocks.
func TestHundredIDsTenTimes(t *testing.T) {
	w, id, from := funded(t, 7, 1_000_000)
	order := w.rng.Perm(1000)
	for _, i := range order {
		if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, i%100, uint64(i%100+1), fmt.Sprint(i%100))); err != nil {
			t.Fatal(err)
		}
		if w.rng.IntN(20) == 0 {
			w.drain()
		}
	}
	w.drain()
	if got := w.book.accounts[from].Height; got != 101 {
		t.Errorf("height %d, want the open and 100 sends", got)
	}
}

func TestAutoReceive(t *testing.T) {
	w := newWorld(t, 8)
	cfg := testConfig()
	cfg.ReceiveBurst = 5
	w.machine = New(w.net, cfg, w.rng)
	_, account := w.wallet(1, Settings{AutoReceive: true, Representative: testkit.Account(42)})
	for i := range 60 {
		w.fund(account, uint64(1+i%2)) // each other is below the minimum
	}
	for s := range 40 {
		w.tick()
		w.drain()
		if got := w.book.accounts[account].Height; got > uint64(5+s) {
			t.Fatalf("%d received after %d s: the rate is not kept", got, s)
		}
	}
	info := w.book.accounts[account]
	if info.Height != 30 || info.Balance != lattice.AmountFrom(60) {
		t.Errorf("height %d, balance %s: want 30 receives of 2 raw", info.Height, info.Balance.Raw())
	}
	if info.Representative != testkit.Account(42) {
		t.Error("the representative is not the wallet's")
	}
}

func TestRecover(t *testing.T) {
	w := newWorld(t, 9)
	seed := crypto.Seed(testkit.Hash(5))
	used := []uint32{0, 3, 4, 22, 42, 63} // the last is behind a gap of 20
	for _, i := range used {
		w.fund(DerivedAccount(seed, i).Key, 10) // sent to, not opened
	}
	found, err := Recover(w.book, seed, 0, Gap)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint32
	for _, a := range found {
		got = append(got, a.Index)
	}
	if want := used[:5]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// Accounts that are used elsewhere with the same words turn up by themselves.
func TestRescan(t *testing.T) {
	w := newWorld(t, 10)
	id, _ := w.wallet(1, Settings{AutoReceive: true})
	later := DerivedAccount(w.secret[id].Seed, 7)
	w.tick()
	w.fund(later.Key, 10)
	w.now = w.now.Add(2 * time.Minute)
	w.tick()
	w.drain()
	w.tick()
	w.drain()
	if got := w.book.accounts[later.Key].Balance; got != lattice.AmountFrom(10) {
		t.Errorf("balance %s", got.Raw())
	}
	if next, err := w.machine.Derive(id, nil, 1); err != nil || next[0].Index != 8 {
		t.Errorf("next account %v, %v", next, err)
	}
}

func TestDraw(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	reps := []Representative{
		{testkit.Account(1), lattice.AmountFrom(90)}, {testkit.Account(2), lattice.AmountFrom(6)},
		{testkit.Account(3), lattice.AmountFrom(2)}, {testkit.Account(4), lattice.AmountFrom(2)},
	}
	seen := map[lattice.Account]int{}
	for range 1000 {
		a, ok := Draw(rng, reps, 5)
		if !ok {
			t.Fatal("none")
		}
		seen[a]++
	}
	if len(seen) != 2 || seen[testkit.Account(3)] < 400 || seen[testkit.Account(4)] < 400 {
		t.Errorf("drawn: %v", seen)
	}
	if a, ok := Draw(rng, reps[:2], 5); !ok || a != testkit.Account(2) {
		t.Errorf("all too heavy: %v", a)
	}
	if _, ok := Draw(rng, nil, 5); ok {
		t.Error("drawn of none")
	}
}

func TestComposeNeverLoses(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 2000 {
		info := lattice.AccountInfo{Height: 1, Balance: lattice.Amount{Hi: rng.Uint64() >> rng.IntN(64), Lo: rng.Uint64()}, Frontier: testkit.Hash(1)}
		amount := lattice.Amount{Hi: rng.Uint64() >> rng.IntN(64), Lo: rng.Uint64()}
		send, err := Compose(info, Intent{Subtype: lattice.Send, Amount: amount}, lattice.Account{})
		if rest, ok := info.Balance.Sub(amount); ok != (err == nil) || ok && send.Balance != rest {
			t.Fatalf("%v - %v: %v, %v", info.Balance, amount, send.Balance, err)
		}
		receive, err := Compose(info, Intent{Subtype: lattice.Receive, Amount: amount}, lattice.Account{})
		if sum, ok := info.Balance.Add(amount); ok != (err == nil) || ok && receive.Balance != sum {
			t.Fatalf("%v + %v: %v, %v", info.Balance, amount, receive.Balance, err)
		}
	}
}

func TestMissedConfirmations(t *testing.T) {
	w, id, from := funded(t, 11, 100)
	if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 10, "")); err != nil {
		t.Fatal(err)
	}
	w.drain()
	var all []ledger.Cemented // nobody is told
	for h := range w.book.blocks {
		all = append(all, w.book.confirm(h)...)
	}
	w.tick()
	if len(w.machine.ops) != 0 || len(all) == 0 {
		t.Error("a confirmation that was not told is not found")
	}
}

// A journal that is replaced by its extract leads to the same machine: the same
// wallets, open blocks, ids and numbers, and so the same extract again. It holds
// what there is, however long it took to get there.
func TestCompact(t *testing.T) {
	w, id, from := funded(t, 7, 1_000_000)
	accounts, err := w.machine.Derive(id, nil, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.machine.Remove(id, accounts[2].Key); err != nil {
		t.Fatal(err)
	}
	w.drain()
	for i := range 200 {
		if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, i%7, 1, fmt.Sprint("id ", i%150))); err != nil && !errors.Is(err, ErrIDReused) {
			t.Fatal(err)
		}
		if i%20 == 0 {
			w.drain()
		}
		if i == 100 {
			w.confirmAll()
			w.drain()
		}
	}
	w.drain()
	records := func(m *Machine) (all [][]byte) {
		err := m.Compact(func(r *Record) error {
			b, err := r.AppendBinary(nil)
			if back, err := ParseRecord(b); err != nil || back != *r {
				t.Fatalf("%+v is read back as %+v, %v", r, back, err)
			}
			all = append(all, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before, next, views := records(w.machine), w.machine.next, fmt.Sprint(w.machine.Views())
	w.compact()
	w.lose(true)
	if after := records(w.machine); !slices.EqualFunc(before, after, bytes.Equal) {
		t.Errorf("%d records become %d others", len(before), len(after))
	}
	if w.machine.next != next || fmt.Sprint(w.machine.Views()) != views {
		t.Errorf("next block %d, was %d; wallets\n%v\nwere\n%s", w.machine.next, next, w.machine.Views(), views)
	}
	w.confirmAll()
	w.drain()
	small := len(records(w.machine))
	if most := 2 + 4 + 4 + 150; small > most {
		t.Errorf("%d records when all is confirmed, want at most %d", small, most)
	}
	for i := range 150 { // every id stands for the send that it stood for
		a, err := w.machine.Request(w.now, w.book, sendOf(id, from, i%7, 1, fmt.Sprint("id ", i)))
		if err != nil || a.State != StateConfirmed || a.Hash.IsZero() {
			t.Fatalf("id %d: %+v, %v", i, a, err)
		}
	}
}

// A clock that is put back by years stops nothing: blocks are published again,
// money is received, and no block is made twice.
func TestClockPutBack(t *testing.T) {
	w, id, from := funded(t, 21, 1000)
	for i, jump := range []time.Duration{0, -24 * 365 * time.Hour, 24 * 365 * 30 * time.Hour, -24 * 365 * 30 * time.Hour} {
		w.now = w.now.Add(jump)
		w.fund(from, 10)
		w.tick()
		w.drain()
		w.confirmAll()
		if got, want := w.book.accounts[from].Balance, lattice.AmountFrom(uint64(1000+10*(i+1)-i)); got != want {
			t.Errorf("after a jump of %v the balance is %s, want %s", jump, got.Raw(), want.Raw())
		}
		for range 2 {
			if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 1, fmt.Sprint("after ", i))); err != nil {
				t.Fatal(err)
			}
		}
		w.drain()
	}
	if n := len(w.sends(from, testkit.Account(9))); n != 4 {
		t.Errorf("%d sends, want 4", n)
	}
}

func FuzzRecord(f *testing.F) {
	w, id, from := funded(f, 12, 100)
	if _, err := w.machine.Request(w.now, w.book, sendOf(id, from, 9, 10, "x")); err != nil {
		f.Fatal(err)
	}
	w.machine.SetReceiveMinimum(lattice.AmountFrom(7))
	w.drain()
	w.confirmAll()
	w.drain()
	for _, b := range w.journal {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecord(b)
		if err != nil {
			return
		}
		again, err := r.AppendBinary(nil)
		if err != nil || string(again) != string(b) {
			t.Errorf("%x is written as %x, %v", b, again, err)
		}
	})
}
