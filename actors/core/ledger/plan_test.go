package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// story is a small lattice with names. The genesis account g sends to a, which
// opens, sends to itself and to b; b opens and sends back to g, which receives.
//
//	g: (genesis, confirmed) g1 ........................ g2
//	a:                        a1 a2 a3 a4(from a2)
//	b:                                    b1(from a3) b2 -> g2
type story struct {
	*chains
	n       *lattice.Network
	hash    map[string]lattice.Hash
	name    map[lattice.Hash]string
	g, a, b *testkit.Wallet
}

func newStory(t *testing.T) *story {
	n := lattice.Dev()
	s := &story{
		chains: newChains(t, n), n: n, hash: map[string]lattice.Hash{}, name: map[lattice.Hash]string{},
		g: testkit.GenesisWallet(n), a: testkit.NewWallet(n, testkit.Key(1)), b: testkit.NewWallet(n, testkit.Key(2)),
	}
	do := func(name string, w *testkit.Wallet, b *lattice.Block) lattice.Hash {
		h := s.insert(t, n, b)
		w.Advance(b)
		s.hash[name], s.name[h] = h, name
		return h
	}
	ten, four, two := lattice.AmountFrom(10), lattice.AmountFrom(4), lattice.AmountFrom(2)
	do("g1", s.g, s.g.Send(s.a.Account(), ten))
	do("a1", s.a, s.a.Receive(s.hash["g1"], ten))
	do("a2", s.a, s.a.Send(s.a.Account(), four))
	do("a3", s.a, s.a.Send(s.b.Account(), two))
	do("a4", s.a, s.a.Receive(s.hash["a2"], four))
	do("b1", s.b, s.b.Receive(s.hash["a3"], two))
	do("b2", s.b, s.b.Send(s.g.Account(), two))
	do("g2", s.g, s.g.Receive(s.hash["b2"], two))
	return s
}

func (s *story) names(hashes []lattice.Hash) string {
	var out []string
	for _, h := range hashes {
		out = append(out, s.name[h])
	}
	return strings.Join(out, " ")
}

// confirm cements a block and all it needs.
func (s *story) confirm(t *testing.T, name string) {
	t.Helper()
	order, more, err := ledger.CementOrder(s, s.hash[name], 100)
	if err != nil || more {
		t.Fatal(more, err)
	}
	for _, h := range order {
		if _, err := s.Cement(h); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlanRollback(t *testing.T) {
	for target, want := range map[string]string{
		"g2": "g2",
		"b2": "g2 b2",
		"b1": "g2 b2 b1",
		"a4": "a4",
		"a3": "g2 b2 b1 a4 a3",
		"a2": "a4 g2 b2 b1 a3 a2",
		"a1": "a4 g2 b2 b1 a3 a2 a1",
		"g1": "a4 g2 b2 b1 a3 a2 a1 g1",
	} {
		s := newStory(t)
		plan, err := ledger.PlanRollback(s, s.hash[target], 8)
		if got := s.names(plan); err != nil || got != want {
			t.Errorf("roll back %s: %s, %v; want %s", target, got, err, want)
		}
		count := len(strings.Fields(want))
		if plan, err := ledger.PlanRollback(s, s.hash[target], count); err != nil || len(plan) != count {
			t.Errorf("roll back %s with limit %d: %v, %v", target, count, plan, err)
		}
		if plan, err := ledger.PlanRollback(s, s.hash[target], count-1); !errors.Is(err, ledger.ErrTooMany) || plan != nil {
			t.Errorf("roll back %s with limit %d: %v, %v", target, count-1, plan, err)
		}
		done, err := ledger.Rollback(s, s.hash[target], count, s.Revert)
		if err != nil || len(done) != count {
			t.Errorf("roll back %s: %d effects, %v", target, len(done), err)
		}
		if len(s.blocks) != 9-count {
			t.Errorf("roll back %s leaves %d blocks", target, len(s.blocks))
		}
	}
}

// TestRollbackRefused checks that nothing is taken back when any block of the
// plan is confirmed, and that the error says which.
func TestRollbackRefused(t *testing.T) {
	never := func(*ledger.Effects) error { return errors.New("reverted") }
	s := newStory(t)
	if _, err := ledger.Rollback(s, testkit.Hash(1), 100, never); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("unknown block: %v", err)
	}
	if _, err := ledger.Rollback(s, s.n.GenesisHash, 100, never); !errors.Is(err, ledger.ErrConfirmed) {
		t.Errorf("genesis: %v", err)
	}
	s.confirm(t, "b1")
	for _, target := range []string{"g1", "a1", "a2", "a3", "b1"} {
		_, err := ledger.Rollback(s, s.hash[target], 100, never)
		if !errors.Is(err, ledger.ErrConfirmed) || !strings.Contains(err.Error(), s.hash[target].String()) || !strings.Contains(err.Error(), "at height") {
			t.Errorf("roll back %s: %v", target, err)
		}
	}
	// No cementing leaves a dependent confirmed before what it depends on. Should
	// it have happened, the rollback must see it before it begins.
	s = newStory(t)
	info := s.accounts[s.g.Account()]
	info.ConfirmedHeight = 3
	s.accounts[s.g.Account()] = info
	_, err := ledger.Rollback(s, s.hash["a2"], 100, never)
	if !errors.Is(err, ledger.ErrConfirmed) || !strings.Contains(err.Error(), s.hash["g2"].String()+" at height 3") {
		t.Errorf("roll back a2 under a confirmed g2: %v", err)
	}
}

func TestRollbackStops(t *testing.T) {
	s := newStory(t)
	calls := 0
	done, err := ledger.Rollback(s, s.hash["b1"], 100, func(e *ledger.Effects) error {
		if calls++; calls == 2 {
			return errDisk
		}
		return s.Revert(e)
	})
	if !errors.Is(err, errDisk) || len(done) != 1 || !strings.Contains(err.Error(), s.hash["b2"].String()) {
		t.Errorf("%d effects, %v", len(done), err)
	}
}

func TestEffectsOfRefuses(t *testing.T) {
	s := newStory(t)
	of := func(name string) (ledger.Effects, error) {
		stored, _, _ := s.Block(s.hash[name])
		return ledger.EffectsOf(s, stored)
	}
	if _, err := of("a3"); err == nil || !strings.Contains(err.Error(), "not the frontier "+s.hash["a4"].String()) {
		t.Errorf("below the frontier: %v", err)
	}
	if _, err := of("b2"); err == nil || !strings.Contains(err.Error(), "take back its receive first") {
		t.Errorf("received send: %v", err)
	}
	s.confirm(t, "b2")
	if _, err := of("b2"); !errors.Is(err, ledger.ErrConfirmed) {
		t.Errorf("confirmed: %v", err)
	}
	s.prune(s.hash["b2"])
	if _, err := of("g2"); !errors.Is(err, ledger.ErrNotFound) || !strings.Contains(err.Error(), s.hash["b2"].String()) {
		t.Errorf("send pruned before its receive is confirmed: %v", err)
	}
	s = newStory(t)
	s.prune(s.hash["a3"])
	if _, err := of("a4"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("block before it is missing: %v", err)
	}
}

func TestCementOrder(t *testing.T) {
	for target, want := range map[string]string{
		"g1": "g1",
		"a1": "g1 a1",
		"a2": "g1 a1 a2",
		"a4": "g1 a1 a2 a3 a4",
		"b1": "g1 a1 a2 a3 b1",
		"g2": "g1 a1 a2 a3 b1 b2 g2",
	} {
		s := newStory(t)
		order, more, err := ledger.CementOrder(s, s.hash[target], 100)
		if got := s.names(order); err != nil || more || got != want {
			t.Errorf("cement %s: %s, more %t, %v; want %s", target, got, more, err, want)
		}
		for most := 1; most <= len(order)+1; most++ {
			part, more, err := ledger.CementOrder(s, s.hash[target], most)
			if err != nil || !slices.Equal(part, order[:min(most, len(order))]) || more != (most < len(order)) {
				t.Errorf("cement %s, at most %d: %s, more %t, %v", target, most, s.names(part), more, err)
			}
		}
		s.confirm(t, target)
		if order, more, err := ledger.CementOrder(s, s.hash[target], 1); len(order) != 0 || more || err != nil {
			t.Errorf("cement %s again: %s, more %t, %v", target, s.names(order), more, err)
		}
	}
	s := newStory(t)
	if _, _, err := ledger.CementOrder(s, testkit.Hash(1), 1); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("unknown block: %v", err)
	}
	s.confirm(t, "b2")
	s.prune(s.hash["b2"])
	if order, more, err := ledger.CementOrder(s, s.hash["g2"], 9); s.names(order) != "g2" || more || err != nil {
		t.Errorf("receive of a pruned send: %s, %t, %v", s.names(order), more, err)
	}
}

// TestCementCorrupt has databases that no rule can lead to end in an error, not
// in an endless walk.
func TestCementCorrupt(t *testing.T) {
	s := newStory(t)
	s.prune(s.hash["a2"])
	if _, _, err := ledger.CementOrder(s, s.hash["a4"], 9); err == nil || errors.Is(err, ledger.ErrNotFound) || !strings.Contains(err.Error(), "height 2") {
		t.Errorf("hole in a chain: %v", err)
	}
	s = newStory(t)
	b := s.blocks[s.hash["a1"]]
	b.Block.Link = lattice.Link(s.hash["g2"]) // as if a's first block received g's last
	s.blocks[b.Hash] = b
	if _, _, err := ledger.CementOrder(s, s.hash["g2"], 9); err == nil || !strings.Contains(err.Error(), "corrupt") {
		t.Errorf("circle: %v", err)
	}
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "ledger: ") {
			t.Errorf("no room: %q", text)
		}
	}()
	_, _, _ = ledger.CementOrder(s, s.hash["g1"], 0)
}

func TestDependencies(t *testing.T) {
	s := newStory(t)
	check := func(name, previous, source string, confirmed bool) {
		t.Helper()
		stored, _, err := s.Block(s.hash[name])
		if err != nil {
			t.Fatal(err)
		}
		p, src, ok, err := ledger.Dependencies(s, &stored)
		if err != nil || p != s.hash[previous] || src != s.hash[source] || ok != confirmed {
			t.Errorf("%s stands on %q and %q, confirmed %t, %v; want %q, %q, %t", name, s.name[p], s.name[src], ok, err, previous, source, confirmed)
		}
	}
	s.hash["genesis"] = s.n.GenesisHash
	check("genesis", "", "", true)
	check("g1", "genesis", "", true)
	check("a1", "", "g1", false)
	check("a2", "a1", "", false)
	s.confirm(t, "g1")
	check("a1", "", "g1", true)
	check("a2", "a1", "", false)
	s.confirm(t, "a3")
	check("a4", "a3", "a2", true)
	check("b1", "", "a3", true)
	check("b2", "b1", "", false)
	check("g2", "g1", "b2", false)
	s.confirm(t, "b2")
	s.prune(s.hash["b2"])
	check("g2", "g1", "b2", true)
	s.confirm(t, "g2")
	s.prune(s.hash["g1"])
	check("g2", "g1", "b2", true)

	for account, want := range map[lattice.Account]string{s.g.Account(): "", s.a.Account(): "a4", s.b.Account(): "", testkit.Account(9): ""} {
		first, ok, err := ledger.FirstUnconfirmed(s, account)
		if err != nil || ok != (want != "") || s.name[first.Hash] != want {
			t.Errorf("first unconfirmed of %v: %q, %t, %v; want %q", account, s.name[first.Hash], ok, err, want)
		}
	}
}

// TestReadsFail has each read of each plan fail once.
func TestReadsFail(t *testing.T) {
	s := newStory(t)
	stored := func(name string) lattice.StoredBlock { return s.blocks[s.hash[name]] }
	for name, plan := range map[string]func() error{
		"PlanRollback":      func() error { _, err := ledger.PlanRollback(s, s.hash["g1"], 99); return err },
		"CementOrder":       func() error { _, _, err := ledger.CementOrder(s, s.hash["g2"], 99); return err },
		"EffectsOf receive": func() error { _, err := ledger.EffectsOf(s, stored("g2")); return err },
		"EffectsOf send": func() error {
			b := stored("b2")
			delete(s.receivedBy, lattice.ReceivableKey{Destination: s.g.Account(), Send: b.Hash})
			s.receivables[lattice.ReceivableKey{Destination: s.g.Account(), Send: b.Hash}] = lattice.Receivable{}
			_, err := ledger.EffectsOf(s, b)
			return err
		},
		"Dependencies":     func() error { b := stored("g2"); _, _, _, err := ledger.Dependencies(s, &b); return err },
		"FirstUnconfirmed": func() error { _, _, err := ledger.FirstUnconfirmed(s, s.a.Account()); return err },
		"Rollback": func() error {
			_, err := ledger.Rollback(s, s.hash["a4"], 9, func(*ledger.Effects) error { return nil })
			return err
		},
	} {
		s.reads, s.failAt = 0, 0
		if err := plan(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		total := s.reads
		for at := 1; at <= total; at++ {
			s.reads, s.failAt = 0, at
			if err := plan(); !errors.Is(err, errDisk) {
				t.Errorf("%s: read %d of %d failed: %v", name, at, total, err)
			}
		}
		if total == 0 {
			t.Errorf("%s read nothing", name)
		}
	}
}

// put stores a block without asking any rule, for lattices too large to sign.
func (c *chains) put(hash lattice.Hash, account lattice.Account, height uint64, subtype lattice.Subtype, link lattice.Link) {
	previous := c.accounts[account].Frontier
	e := ledger.Effects{
		Hash: hash, Height: height, Subtype: subtype, Before: c.accounts[account],
		Block: lattice.Block{Account: account, Previous: previous, Link: link},
	}
	e.After = e.Before
	e.After.Frontier, e.After.Height = hash, height
	if subtype == lattice.Open || subtype == lattice.Receive {
		e.Consumed = &lattice.Receivable{}
	}
	if subtype == lattice.Send {
		e.Made = &lattice.Receivable{Source: account}
	}
	if err := c.Apply(&e); err != nil {
		panic(err)
	}
}

// TestDeep plans on a relay of so many accounts, each opening with what the one
// before sent and sending it on, that no bounded stack holds them all, and on a
// chain as long.
func TestDeep(t *testing.T) {
	const accounts = 40_000
	n := lattice.Dev()
	c := newChains(t, n)
	account := func(i int) lattice.Account { return lattice.Account(testkit.Hash(i)) }
	open, send := func(i int) lattice.Hash { return testkit.Hash(-2*i - 1) }, func(i int) lattice.Hash { return testkit.Hash(-2*i - 2) }
	c.put(send(0), n.Genesis.Account, 2, lattice.Send, lattice.Link(account(1)))
	for i := 1; i <= accounts; i++ {
		c.put(open(i), account(i), 1, lattice.Open, lattice.Link(send(i-1)))
		c.put(send(i), account(i), 2, lattice.Send, lattice.Link(account(i+1)))
	}
	last := accounts / 2
	const most = 8192
	// The stack is shorter than the relay: what was at its bottom comes later,
	// however much may be returned.
	first, again, err := ledger.CementOrder(c, open(last), 1<<30)
	if err != nil || !again || len(first) == 0 || len(first) >= 2*last {
		t.Errorf("first call gives %d blocks of %d, more %t, %v", len(first), 2*last, again, err)
	}
	cemented, calls := 0, 0
	for more := true; more; calls++ {
		order, again, err := ledger.CementOrder(c, open(last), most)
		if err != nil || len(order) > most || again && len(order) == 0 {
			t.Fatal(len(order), again, err)
		}
		for _, h := range order {
			b, _, _ := c.Block(h)
			if _, _, ready, _ := ledger.Dependencies(c, &b); !ready {
				t.Fatalf("block %v is cemented before what it depends on", h)
			}
			if _, err := c.Cement(h); err != nil {
				t.Fatal(err)
			}
		}
		cemented, more = cemented+len(order), again
	}
	if cemented != 2*last {
		t.Errorf("%d blocks cemented, want %d", cemented, 2*last)
	}
	t.Logf("%d blocks cemented in %d calls, %d reads", cemented, calls, c.reads)

	want := 2*(accounts-last) + 1
	plan, err := ledger.PlanRollback(c, send(last), want)
	if err != nil || len(plan) != want || plan[0] != send(accounts) || plan[want-1] != send(last) {
		t.Errorf("%d blocks to roll back, want %d: %v", len(plan), want, err)
	}
	c.reads = 0
	if _, err := ledger.PlanRollback(c, send(last), 100); !errors.Is(err, ledger.ErrTooMany) || c.reads > 400 {
		t.Errorf("refused after %d reads: %v", c.reads, err)
	}
	for _, most := range []int{1, 10, 40, 41, 100} {
		plan, err := ledger.PlanTrim(c, send(accounts-20), most)
		if err != nil || len(plan) == 0 || len(plan) > most || plan[0] != send(accounts) {
			t.Errorf("at most %d blocks of 41 to trim, planned %d: %v", most, len(plan), err)
		}
	}
	c.reads = 0
	if _, err := ledger.PlanTrim(c, send(last), 100); !errors.Is(err, ledger.ErrTooMany) || c.reads > 40_000 {
		t.Errorf("trimming gave up after %d reads: %v", c.reads, err)
	}
}

// searched counts the searches for what received a send.
type searched struct {
	ledger.Chains
	times int
}

func (s *searched) ReceivedBy(key lattice.ReceivableKey) (lattice.Hash, bool, error) {
	s.times++
	return s.Chains.ReceivedBy(key)
}

// TestWaitingSendsAreNotSearchedFor: planning to roll sends back that nobody has
// received costs nothing for how long the chain is that they were sent to.
func TestWaitingSendsAreNotSearchedFor(t *testing.T) {
	n := lattice.Dev()
	c := newChains(t, n)
	const sends = 50
	hash := func(i int) lattice.Hash { return testkit.Hash(-i) }
	for i := 1; i <= sends; i++ {
		to := lattice.Account(testkit.Hash(1))
		c.put(hash(i), n.Genesis.Account, uint64(i+1), lattice.Send, lattice.Link(to))
	}
	s := &searched{Chains: c}
	plan, err := ledger.PlanRollback(s, hash(1), sends)
	if err != nil || len(plan) != sends || s.times != 0 {
		t.Errorf("planned %d of %d blocks with %d searches: %v", len(plan), sends, s.times, err)
	}
}

func ExampleOutcome() {
	err := fmt.Errorf("process: %w", ledger.Fork)
	o, _ := ledger.OutcomeOf(err)
	fmt.Println(o.String(), errors.Is(err, ledger.Fork))
	// Output: fork true
}

// TestSettled checks that the root of a block that is gone counts as decided when
// only pruning can have taken the block away.
func TestSettled(t *testing.T) {
	s := newStory(t)
	settled := func(root lattice.QualifiedRoot, want bool, when string) {
		t.Helper()
		if got, err := ledger.Settled(s, root); got != want || err != nil {
			t.Errorf("%s: %t, %v", when, got, err)
		}
	}
	root := func(name string) lattice.QualifiedRoot {
		b := s.blocks[s.hash[name]]
		return b.Block.QualifiedRoot()
	}
	a1, a3 := root("a1"), root("a3")
	settled(lattice.QualifiedRoot{}, false, "no root")
	settled(a1, false, "nothing is confirmed")
	settled(a3, false, "a rival of an unconfirmed block")
	s.confirm(t, "a1")
	settled(a1, true, "the account is open for good")
	settled(a3, false, "a rival above what is confirmed")
	s.confirm(t, "a3")
	s.prune(s.hash["a1"])
	s.prune(s.hash["a2"])
	settled(a3, true, "the block before it is pruned")
}
