package ledger_test

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/testkit/chaingen"
	"github.com/smallnano/smallnano/testkit/model"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.FixedZone("elsewhere", 3600))

func TestOutcomeText(t *testing.T) {
	words := strings.Fields(`progress insufficient_work opened_burn_account old bad_signature fork gap_previous
		gap_source unreceivable balance_mismatch no_change`)
	for i, word := range words {
		o := ledger.Outcome(i)
		if o.String() != word || !strings.HasPrefix(o.Error(), word+": ") {
			t.Errorf("outcome %d is %q, error %q, want %q", i, o.String(), o.Error(), word)
		}
		wrapped := fmt.Errorf("insert: %w", o)
		if got, ok := ledger.OutcomeOf(wrapped); !ok || got != o || !errors.Is(wrapped, o) {
			t.Errorf("outcome of %v is %v", wrapped, got)
		}
	}
	if none := ledger.Outcome(len(words)); none.String() != "outcome(11)" || none.Error() != "outcome(11)" {
		t.Errorf("there is an outcome %q", none.Error())
	}
	if o, ok := ledger.OutcomeOf(nil); !ok || o != ledger.Progress {
		t.Errorf("no error is %v", o)
	}
	if o, ok := ledger.OutcomeOf(errDisk); ok {
		t.Errorf("an error of the disk is %v", o)
	}
}

// TestEffects looks at every field for each subtype, in one story: the genesis
// account sends to 1, which opens, changes, sends to itself and receives.
func TestEffects(t *testing.T) {
	n := lattice.Dev()
	c := newChains(t, n)
	g, w := testkit.GenesisWallet(n), testkit.NewWallet(n, testkit.Key(1))
	ten, three := lattice.AmountFrom(10), lattice.AmountFrom(3)
	second := time.Date(2026, 3, 4, 4, 6, 7, 0, time.UTC)

	step := func(b *lattice.Block, want ledger.Effects) lattice.Hash {
		t.Helper()
		context, err := c.Context(b, n.HashOf(b), now)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ledger.Validate(n, b, context)
		if err != nil {
			t.Fatal(err)
		}
		want.Block, want.Hash, want.Time = *b, n.HashOf(b), second
		want.Before = c.accounts[b.Account]
		want.After = want.Before
		want.After.Frontier, want.After.Height, want.After.Modified = want.Hash, want.Height, second
		want.After.Balance, want.After.Representative = b.Balance, b.Representative
		if g, w := show(got), show(want); g != w {
			t.Errorf("%v:\n got %s\nwant %s", want.Subtype, g, w)
		}
		if err := c.Apply(&got); err != nil {
			t.Fatal(err)
		}
		return got.Hash
	}
	send := g.Send(w.Account(), ten)
	made := &lattice.Receivable{Source: g.Account(), Amount: ten}
	sent := step(send, ledger.Effects{Height: 2, Subtype: lattice.Send, Amount: ten, Made: made})

	open := w.Open(sent, ten, testkit.Account(5))
	step(open, ledger.Effects{Height: 1, Subtype: lattice.Open, Amount: ten, Consumed: made})
	w.Advance(open)

	change := w.Change(testkit.Account(6))
	step(change, ledger.Effects{Height: 2, Subtype: lattice.Change})
	w.Advance(change)

	self := w.Send(w.Account(), three)
	made = &lattice.Receivable{Source: w.Account(), Amount: three}
	sent = step(self, ledger.Effects{Height: 3, Subtype: lattice.Send, Amount: three, Made: made})
	w.Advance(self)

	receive := w.Receive(sent, three)
	step(receive, ledger.Effects{Height: 4, Subtype: lattice.Receive, Amount: three, Consumed: made})
	if got := c.accounts[w.Account()]; got.Balance != ten || got.Height != 4 || got.ConfirmedHeight != 0 {
		t.Errorf("account ends as %+v", got)
	}
}

// show prints effects with what their pointers point to.
func show(e ledger.Effects) string {
	made, consumed := e.Made, e.Consumed
	e.Made, e.Consumed = nil, nil
	return fmt.Sprintf("%+v made %+v consumed %+v", e, made, consumed)
}

// TestPrunedSource receives from an entry whose send is no longer there, and
// keeps what is confirmed and pruned in the account.
func TestPrunedSource(t *testing.T) {
	n := lattice.Dev()
	w := testkit.NewWallet(n, testkit.Key(1))
	w.Info = lattice.AccountInfo{
		Frontier: testkit.Hash(1), Height: 9, Balance: lattice.AmountFrom(4), Representative: testkit.Account(2),
		ConfirmedHeight: 8, ConfirmedFrontier: testkit.Hash(2), PrunedHeight: 7,
	}
	amount := lattice.AmountFrom(6)
	b := w.Receive(testkit.Hash(3), amount)
	entry := lattice.Receivable{Source: testkit.Account(3), Amount: amount, Confirmed: true}
	e, err := ledger.Validate(n, b, ledger.Context{
		Hash: n.HashOf(b), Account: w.Info, PreviousKnown: true, Receivable: &entry, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if *e.Consumed != entry || e.Consumed == &entry {
		t.Errorf("consumed %+v", e.Consumed)
	}
	if e.After.ConfirmedHeight != 8 || e.After.ConfirmedFrontier != testkit.Hash(2) || e.After.PrunedHeight != 7 {
		t.Errorf("after %+v", e.After)
	}
}

func TestGenesis(t *testing.T) {
	n := lattice.Dev()
	e, err := ledger.Validate(n, &n.Genesis, ledger.Context{Hash: n.GenesisHash, Now: now})
	if err != nil || e.Subtype != lattice.Open || e.Amount != lattice.Supply || e.Height != 1 || e.Consumed != nil || e.Made != nil {
		t.Errorf("genesis in an empty ledger: %+v, %v", e, err)
	}
	forged := n.Genesis
	forged.Signature[0] ^= 1
	if _, err := ledger.Validate(n, &forged, ledger.Context{Hash: n.GenesisHash, Now: now}); !errors.Is(err, ledger.BadSignature) {
		t.Errorf("genesis with a bad signature: %v", err)
	}
	if _, err := ledger.Validate(n, &forged, ledger.Context{Hash: n.GenesisHash, Known: true}); !errors.Is(err, ledger.Old) {
		t.Errorf("known genesis with a bad signature: %v", err)
	}
	if err := ledger.Precheck(n, &forged); err != nil {
		t.Errorf("precheck of the genesis: %v", err)
	}
	// What differs in anything but work and signature is not the genesis.
	for name, change := range map[string]func(*lattice.Block){
		"previous":       func(b *lattice.Block) { b.Previous[31] = 1 },
		"representative": func(b *lattice.Block) { b.Representative[31] ^= 1 },
		"balance":        func(b *lattice.Block) { b.Balance.Lo-- },
		"link":           func(b *lattice.Block) { b.Link[31] = 1 },
	} {
		b := n.Genesis
		change(&b)
		if err := ledger.Precheck(n, &b); !errors.Is(err, ledger.InsufficientWork) {
			t.Errorf("genesis with another %s: %v", name, err)
		}
	}
	// A network without genesis must not take the zero block for it.
	main := lattice.MainParameters()
	var zero lattice.Block
	for ; !work.Valid(zero.Root(), zero.Work, 1); zero.Work++ {
	}
	main.SendThreshold, main.ReceiveThreshold = 1, 1
	if err := ledger.Precheck(main, &zero); !errors.Is(err, ledger.OpenedBurnAccount) {
		t.Errorf("zero block: %v", err)
	}
}

// TestImpossibleContext judges receives in contexts that no store should give;
// the rules hold nevertheless.
func TestImpossibleContext(t *testing.T) {
	n := lattice.Dev()
	w := testkit.NewWallet(n, testkit.Key(1))
	nothing := w.Open(testkit.Hash(1), lattice.Amount{}, w.Account())
	c := ledger.Context{Hash: n.HashOf(nothing), SourceKnown: true, Receivable: &lattice.Receivable{}}
	if _, err := ledger.Validate(n, nothing, c); !errors.Is(err, ledger.BalanceMismatch) {
		t.Errorf("open with an entry of nothing: %v", err)
	}
	sourceless := w.Open(lattice.Hash{}, lattice.AmountFrom(1), w.Account())
	c = ledger.Context{Hash: n.HashOf(sourceless), SourceKnown: true}
	if _, err := ledger.Validate(n, sourceless, c); !errors.Is(err, ledger.GapSource) {
		t.Errorf("open without link: %v", err)
	}
}

// TestSignature checks that only the caller's word keeps the signature from
// being checked.
func TestSignature(t *testing.T) {
	n := lattice.Dev()
	g := testkit.GenesisWallet(n)
	b := g.Change(testkit.Account(1))
	b.Signature[5] ^= 1
	c := ledger.Context{Hash: n.HashOf(b), Account: g.Info, PreviousKnown: true, Now: now}
	if _, err := ledger.Validate(n, b, c); !errors.Is(err, ledger.BadSignature) {
		t.Errorf("bad signature: %v", err)
	}
	c.SignatureVerified = true
	if _, err := ledger.Validate(n, b, c); err != nil {
		t.Errorf("signature checked before: %v", err)
	}
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "ledger: ") {
			t.Errorf("context without hash: %q", text)
		}
	}()
	_, _ = ledger.Validate(n, b, ledger.Context{})
}

// TestWorkBoundary moves the thresholds to exactly the value of a block's work,
// and one above it.
func TestWorkBoundary(t *testing.T) {
	n := lattice.Dev()
	g := testkit.GenesisWallet(n)
	other := testkit.NewWallet(n, testkit.Key(1))
	amount := lattice.AmountFrom(5)
	receivable := &lattice.Receivable{Source: g.Account(), Amount: amount}
	for _, b := range []*lattice.Block{
		g.Send(other.Account(), amount), g.Change(other.Account()), g.Receive(testkit.Hash(1), amount), other.Receive(testkit.Hash(1), amount),
	} {
		c := ledger.Context{Hash: n.HashOf(b), PreviousKnown: true, Receivable: receivable, Now: now}
		if b.Account == g.Account() {
			c.Account = g.Info
		}
		value := work.Value(b.Root(), b.Work)
		subtype := b.Subtype(c.Account.Balance)
		for _, r := range []struct {
			own, others     uint64
			precheck, valid bool
		}{
			{value, value, true, true},
			{value, 0, true, true},
			{value, value - 1, true, true},
			{value + 1, value, true, false},
			{value + 1, 0, true, false},
			{value + 1, value + 1, false, false},
			{value, value + 1, true, true},
		} {
			m := *n
			m.SendThreshold, m.ReceiveThreshold = r.others, r.own
			if subtype == lattice.Send || subtype == lattice.Change {
				m.SendThreshold, m.ReceiveThreshold = r.own, r.others
			}
			if err := ledger.Precheck(&m, b); (err == nil) != r.precheck || err != nil && !errors.Is(err, ledger.InsufficientWork) {
				t.Errorf("%v, threshold %+d, other %+d: precheck %v", subtype, int64(r.own-value), int64(r.others-value), err)
			}
			if _, err := ledger.Validate(&m, b, c); (err == nil) != r.valid || err != nil && !errors.Is(err, ledger.InsufficientWork) {
				t.Errorf("%v, threshold %+d, other %+d: %v", subtype, int64(r.own-value), int64(r.others-value), err)
			}
		}
	}
}

// TestRefusalText checks that a refusal says what was found.
func TestRefusalText(t *testing.T) {
	n := lattice.Dev()
	g := testkit.GenesisWallet(n)
	previous := g.Info.Frontier
	g.Info.Frontier = testkit.Hash(7)
	b := g.Change(testkit.Account(1))
	g.Info.Frontier = previous
	_, err := ledger.Validate(n, b, ledger.Context{Hash: n.HashOf(b), Account: g.Info, Now: now})
	if !errors.Is(err, ledger.GapPrevious) || !strings.Contains(err.Error(), testkit.Hash(7).String()) {
		t.Errorf("gap: %v", err)
	}
	_, err = ledger.Validate(n, b, ledger.Context{Hash: n.HashOf(b), Account: g.Info, PreviousKnown: true, Now: now})
	if !errors.Is(err, ledger.Fork) || !strings.Contains(err.Error(), previous.String()) {
		t.Errorf("fork: %v", err)
	}
}

// TestIncrease compares the rule on amounts with math/big, for balances up to
// the largest that a block can claim: no sum may wrap around.
func TestIncrease(t *testing.T) {
	n := lattice.Dev()
	n.SendThreshold, n.ReceiveThreshold = 0, 0
	edge := rapid.SampledFrom([]uint64{0, 1, 2, 1 << 63, 1<<64 - 2, 1<<64 - 1})
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (lattice.Amount, *big.Int) {
			a := lattice.Amount{Hi: edge.Draw(t, label+".Hi"), Lo: edge.Draw(t, label+".Lo")}
			x, _ := new(big.Int).SetString(a.Raw(), 10)
			return a, x
		}
		before, x := draw("before")
		after, y := draw("after")
		entry, z := draw("entry")
		if rapid.Bool().Draw(t, "fits") {
			entry, _ = after.Sub(before) // wraps when it is a send
			z.SetString(entry.Raw(), 10)
		}
		b := &lattice.Block{Account: testkit.Account(1), Previous: testkit.Hash(1), Balance: after, Link: lattice.Link{1}}
		info := lattice.AccountInfo{Height: 1, Frontier: b.Previous, Balance: before}
		_, err := ledger.Validate(n, b, ledger.Context{
			Hash: n.HashOf(b), Account: info, PreviousKnown: true, SignatureVerified: true,
			Receivable: &lattice.Receivable{Amount: entry},
		})
		want := ledger.BalanceMismatch
		if x.Cmp(y) > 0 || x.Cmp(y) < 0 && new(big.Int).Add(x, z).Cmp(y) == 0 {
			want = ledger.Progress
		}
		if got, _ := ledger.OutcomeOf(err); got != want {
			t.Fatalf("from %v to %v with an entry of %v: %v, want %v", x, y, z, got, want)
		}
	})
}

// TestGatherFails has every read of the store fail once.
func TestGatherFails(t *testing.T) {
	n := lattice.Dev()
	c := newChains(t, n)
	b := testkit.GenesisWallet(n).Change(testkit.Account(1))
	for at := 1; ; at++ {
		c.reads, c.failAt = 0, at
		got, err := ledger.Gather(c, b, n.HashOf(b), now)
		if err == nil {
			if c.reads >= at || at < 5 {
				t.Errorf("read %d failed unnoticed", at)
			}
			return
		}
		if !errors.Is(err, errDisk) || got != (ledger.Context{}) {
			t.Errorf("read %d failed: %v", at, err)
		}
	}
}

// TestHistories compares the rules, driven at random over a ledger of maps, with
// the model. The stores are driven in the same way where they are tested.
func TestHistories(t *testing.T) {
	n := lattice.Dev()
	var sum model.Stats
	for seed := range uint64(10) {
		c := newChains(t, n)
		d, err := model.NewDriver(n, rand.New(rand.NewPCG(seed, 3)), c)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 100 {
			if err := d.Step(c); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			if err := d.Compare(c); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
		}
		sum = sum.Add(d.Stats)
	}
	t.Logf("%+v", sum)
}

func BenchmarkValidate(b *testing.B) {
	n := lattice.Dev()
	c := newChains(b, n)
	block := testkit.GenesisWallet(n).Send(testkit.Account(1), lattice.AmountFrom(1))
	context, err := c.Context(block, n.HashOf(block), now)
	if err != nil {
		b.Fatal(err)
	}
	for name, verified := range map[string]bool{"alone": false, "signature verified before": true} {
		b.Run(name, func(b *testing.B) {
			context.SignatureVerified = verified
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ledger.Validate(n, block, context); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGenerate(b *testing.B) {
	g := chaingen.New(lattice.Dev(), rand.New(rand.NewPCG(1, 1)), chaingen.Options{})
	for b.Loop() {
		g.Next()
	}
}
