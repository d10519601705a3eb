package wallet

import (
	"bytes"
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

// book is a ledger in maps that keeps the rules of package ledger.
type book struct {
	net      *lattice.Network
	accounts map[lattice.Account]lattice.AccountInfo
	blocks   map[lattice.Hash]lattice.StoredBlock
	at       map[lattice.Account]map[uint64]lattice.Hash
	entries  map[lattice.ReceivableKey]lattice.Receivable
}

func newBook(n *lattice.Network) *book {
	b := &book{
		n, map[lattice.Account]lattice.AccountInfo{}, map[lattice.Hash]lattice.StoredBlock{},
		map[lattice.Account]map[uint64]lattice.Hash{}, map[lattice.ReceivableKey]lattice.Receivable{},
	}
	b.put(lattice.StoredBlock{Block: n.Genesis, Hash: n.GenesisHash, Height: 1, Subtype: lattice.Open, Confirmed: true}, testkit.GenesisInfo(n))
	return b
}

func (b *book) put(s lattice.StoredBlock, after lattice.AccountInfo) {
	b.accounts[s.Block.Account], b.blocks[s.Hash] = after, s
	if b.at[s.Block.Account] == nil {
		b.at[s.Block.Account] = map[uint64]lattice.Hash{}
	}
	b.at[s.Block.Account][s.Height] = s.Hash
}

func (b *book) Account(a lattice.Account) (lattice.AccountInfo, error) { return b.accounts[a], nil }

func (b *book) Block(h lattice.Hash) (lattice.StoredBlock, bool, error) {
	s, found := b.blocks[h]
	return s, found, nil
}

func (b *book) BlockAt(a lattice.Account, height uint64) (lattice.StoredBlock, bool, error) {
	return b.Block(b.at[a][height])
}

func (b *book) ReceivedBy(lattice.ReceivableKey) (lattice.Hash, bool, error) {
	panic("test: not asked by wallets")
}

func (b *book) Receivable(k lattice.ReceivableKey) (lattice.Receivable, bool, error) {
	r, found := b.entries[k]
	return r, found, nil
}

func (b *book) Receivables(a lattice.Account, start lattice.Hash, most int) (out []lattice.ReceivableEntry, _ error) {
	for k, r := range b.entries {
		if k.Destination == a && bytes.Compare(k.Send[:], start[:]) >= 0 {
			out = append(out, lattice.ReceivableEntry{Key: k, Receivable: r})
		}
	}
	slices.SortFunc(out, func(x, y lattice.ReceivableEntry) int { return bytes.Compare(x.Key.Send[:], y.Key.Send[:]) })
	return out[:min(most, len(out))], nil
}

// process inserts a block as a node would.
func (b *book) process(block *lattice.Block) error {
	hash := b.net.HashOf(block)
	c, err := ledger.Gather(b, block, hash, time.Unix(1, 0))
	if err != nil {
		return err
	}
	e, err := ledger.Validate(b.net, block, c)
	if err != nil {
		return err
	}
	b.put(lattice.StoredBlock{Block: *block, Hash: hash, Height: e.Height, Subtype: e.Subtype, Amount: e.Amount}, e.After)
	if e.Made != nil {
		b.entries[e.MadeKey()] = *e.Made
	}
	if e.Consumed != nil {
		delete(b.entries, e.ConsumedKey())
	}
	return nil
}

// confirm confirms a block, if it is there.
func (b *book) confirm(h lattice.Hash) []ledger.Cemented {
	s, found := b.blocks[h]
	if !found || s.Confirmed {
		return nil
	}
	s.Confirmed = true
	b.blocks[h] = s
	info := b.accounts[s.Block.Account]
	info.ConfirmedHeight, info.ConfirmedFrontier = max(info.ConfirmedHeight, s.Height), h
	b.accounts[s.Block.Account] = info
	if s.Subtype == lattice.Send {
		k := lattice.ReceivableKey{Destination: lattice.Account(s.Block.Link), Send: h}
		if r, open := b.entries[k]; open {
			r.Confirmed = true
			b.entries[k] = r
		}
	}
	return []ledger.Cemented{{
		Confirmation: lattice.Confirmation{Hash: h, Account: s.Block.Account, Height: s.Height}, Block: s.Block, Subtype: s.Subtype, Amount: s.Amount,
	}}
}

// world is a machine between a ledger and a journal. The ledger, the journal
// and what was published stay when the machine is lost.
type world struct {
	t       testing.TB
	rng     *rand.Rand
	net     *lattice.Network
	book    *book
	machine *Machine
	now     time.Time
	secret  map[ID]Secret

	journal [][]byte
	safe    int // records of the journal that survive a loss of power
	steps   int // left until the machine is lost; negative: never

	published map[lattice.QualifiedRoot][]byte
	answers   map[uint64]Outcome
	wants     []WorkWanted
	jobs      []Publication
}

var crash = fmt.Errorf("the machine is lost")

func newWorld(t testing.TB, seed uint64) *world {
	n := lattice.Dev()
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), net: n, book: newBook(n), now: time.Unix(1_700_000_000, 0), steps: -1,
		secret: map[ID]Secret{}, published: map[lattice.QualifiedRoot][]byte{},
	}
	w.start()
	return w
}

func testConfig() Config {
	c := DefaultConfig()
	c.ReceiveMinimum = lattice.AmountFrom(2)
	c.ReceiveBurst = 1000
	return c
}

// start makes a machine of the journal.
func (w *world) start() {
	w.machine = New(w.net, testConfig(), rand.New(rand.NewPCG(w.rng.Uint64(), 2)))
	w.answers, w.wants, w.jobs = map[uint64]Outcome{}, nil, nil
	for i, b := range w.journal {
		r, err := ParseRecord(b)
		if err == nil {
			err = w.machine.Replay(&r)
		}
		if err != nil {
			w.t.Fatalf("record %d of the journal: %v", i, err)
		}
	}
	if !w.machine.Idle() {
		w.t.Fatal("a replay asks for something")
	}
	for _, id := range w.machine.order {
		if s, ok := w.secret[id]; ok {
			s.Keys = slices.Clone(s.Keys)
			if err := w.machine.Unlock(id, s, time.Time{}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// wallet makes a wallet with its first account.
func (w *world) wallet(n int, s Settings) (ID, lattice.Account) {
	id := ID(testkit.Hash(n))
	secret := Secret{Seed: crypto.Seed(testkit.Hash(n + 1000))}
	w.secret[id] = secret
	if err := w.machine.Create(id, false, s); err != nil {
		w.t.Fatal(err)
	}
	if err := w.machine.Unlock(id, secret, time.Time{}); err != nil {
		w.t.Fatal(err)
	}
	a, err := w.machine.Derive(id, nil, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	return id, a[0].Key
}

// fund sends to an account from the genesis account.
func (w *world) fund(to lattice.Account, amount uint64) lattice.Hash {
	g := testkit.GenesisWallet(w.net)
	g.Info = w.book.accounts[g.Account()]
	b := g.Send(to, lattice.AmountFrom(amount))
	if err := w.book.process(b); err != nil {
		w.t.Fatal(err)
	}
	h := w.net.HashOf(b)
	w.machine.Cemented(w.book.confirm(h))
	return h
}

// step counts a step of the driver; it panics with crash at the one at which
// the machine is to be lost.
func (w *world) step() {
	if w.steps == 0 {
		panic(crash)
	}
	w.steps--
}

// drain does what a driver does, until nothing is left to do.
func (w *world) drain() {
	for {
		if err := w.machine.Step(w.now, w.book); err != nil {
			w.t.Fatal(err)
		}
		r := w.machine.Ready()
		w.carryOut(&r)
		switch {
		case len(w.jobs) > 0:
			i := w.rng.IntN(len(w.jobs))
			job := w.jobs[i]
			w.jobs = slices.Delete(w.jobs, i, i+1)
			w.publish(&job)
		case len(w.wants) > 0:
			i := w.rng.IntN(len(w.wants))
			want := w.wants[i]
			w.wants = slices.Delete(w.wants, i, i+1)
			w.machine.WorkFound(want.Account, want.Root, testkit.Work(want.Root, want.Threshold))
			w.step()
		case len(r.Records)+len(r.Done) == 0:
			return
		}
	}
}

func (w *world) carryOut(r *Ready) {
	safe := false
	for i := range r.Records {
		b, err := r.Records[i].AppendBinary(nil)
		if err != nil {
			w.t.Fatal(err)
		}
		w.journal = append(w.journal, b)
		safe = safe || r.Records[i].Safe()
		w.step()
	}
	if safe {
		w.safe = len(w.journal)
		w.step()
		if w.rng.IntN(8) == 0 {
			w.compact()
		}
	}
	w.jobs, w.wants = append(w.jobs, r.Publish...), append(w.wants, r.Work...)
	for _, d := range r.Done {
		w.answers[d.Op] = d
	}
}

// compact replaces the journal.
func (w *world) compact() {
	var journal [][]byte
	err := w.machine.Compact(func(r *Record) error {
		b, err := r.AppendBinary(nil)
		journal = append(journal, b)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.journal, w.safe = journal, len(journal)
}

// publish hands a block to the ledger, and checks that no other block of its
// account ever left the wallet for the same place.
func (w *world) publish(p *Publication) {
	raw := p.Block.Bytes()
	root := p.Block.QualifiedRoot()
	if before, was := w.published[root]; was && !bytes.Equal(before, raw[:]) {
		w.t.Fatalf("two blocks were published for %v", root)
	}
	w.published[root] = raw[:]
	err := w.book.process(&p.Block)
	w.step()
	w.machine.Processed(w.now, p.Op, err)
	w.step()
}

// lose drops the machine, and with power what the disk did not have.
func (w *world) lose(power bool) {
	if power {
		keep := w.safe + w.rng.IntN(len(w.journal)-w.safe+1)
		w.journal = w.journal[:keep]
	}
	w.safe = len(w.journal)
	w.steps = -1
	w.start()
}

// sends returns the sends of an account to a destination in the ledger.
func (w *world) sends(from, to lattice.Account) (out []lattice.Hash) {
	for height := uint64(1); height <= w.book.accounts[from].Height; height++ {
		if s := w.book.blocks[w.book.at[from][height]]; s.Subtype == lattice.Send && lattice.Account(s.Block.Link) == to {
			out = append(out, s.Hash)
		}
	}
	return out
}

// confirmAll confirms everything and tells the machine.
func (w *world) confirmAll() {
	var hashes []lattice.Hash
	for h := range w.book.blocks {
		hashes = append(hashes, h)
	}
	slices.SortFunc(hashes, func(a, b lattice.Hash) int { return bytes.Compare(a[:], b[:]) })
	for _, h := range hashes {
		w.machine.Cemented(w.book.confirm(h))
	}
}
