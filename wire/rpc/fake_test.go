package rpc

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// person is an account whose key the tests have.
type person struct {
	seed    crypto.Seed
	key     crypto.PrivateKey
	account lattice.Account
}

func newPerson(name string) person {
	seed := crypto.Seed(crypto.Sum256([]byte("rpc test " + name)))
	return personOf(seed)
}

func personOf(seed crypto.Seed) person {
	key := crypto.NewPrivateKey(seed)
	return person{seed, key, lattice.Account(key.Public())}
}

// fakeLedger is a dumb ledger in memory: slices, searched from the start.
type fakeLedger struct {
	network       *lattice.Network
	accounts      map[lattice.Account]*lattice.AccountInfo
	blocks        []lattice.StoredBlock
	receivable    map[lattice.ReceivableKey]lattice.Receivable
	received      map[lattice.ReceivableKey]lattice.Hash
	confirmations []lattice.Confirmation
	pruned        uint64
	bulk          int // every account has so many entries of 1 raw more, with hashes 0, 1, 2 ...
}

func newFakeLedger(n *lattice.Network) *fakeLedger {
	f := &fakeLedger{
		network:    n,
		accounts:   map[lattice.Account]*lattice.AccountInfo{},
		receivable: map[lattice.ReceivableKey]lattice.Receivable{},
		received:   map[lattice.ReceivableKey]lattice.Hash{},
	}
	f.insert(n.Genesis, lattice.Open, lattice.Supply)
	f.confirm(n.GenesisHash)
	return f
}

func (f *fakeLedger) insert(b lattice.Block, subtype lattice.Subtype, amount lattice.Amount) lattice.Hash {
	info := f.accounts[b.Account]
	if info == nil {
		info = &lattice.AccountInfo{}
		f.accounts[b.Account] = info
	}
	at := time.Unix(1_700_000_000+int64(len(f.blocks))*60, 0)
	hash := f.network.HashOf(&b)
	f.blocks = append(f.blocks, lattice.StoredBlock{
		Block: b, Hash: hash, Height: info.Height + 1, Subtype: subtype, Amount: amount, Time: at,
	})
	info.Frontier, info.Height, info.Balance, info.Representative, info.Modified = hash, info.Height+1, b.Balance, b.Representative, at
	return hash
}

// next makes a signed block with work on an account's frontier.
func (f *fakeLedger) next(p person, representative lattice.Account, balance lattice.Amount, link lattice.Link) lattice.Block {
	b := lattice.Block{Account: p.account, Representative: representative, Balance: balance, Link: link}
	if info := f.accounts[p.account]; info != nil {
		b.Previous = info.Frontier
	}
	var err error
	if b.Work, err = work.Search(context.Background(), b.Root(), f.network.SendThreshold, 0, 1); err != nil {
		panic(err)
	}
	b.Sign(f.network.ID, p.key)
	return b
}

func (f *fakeLedger) send(p person, to lattice.Account, amount string) lattice.Hash {
	sum, info := smn(amount), f.accounts[p.account]
	left, ok := info.Balance.Sub(sum)
	if !ok {
		panic("fake: balance too small")
	}
	hash := f.insert(f.next(p, info.Representative, left, lattice.Link(to)), lattice.Send, sum)
	f.receivable[lattice.ReceivableKey{Destination: to, Send: hash}] = lattice.Receivable{Source: p.account, Amount: sum}
	return hash
}

func (f *fakeLedger) receive(p person, representative lattice.Account, send lattice.Hash) lattice.Hash {
	key := lattice.ReceivableKey{Destination: p.account, Send: send}
	entry, subtype, balance := f.receivable[key], lattice.Open, lattice.Amount{}
	if info := f.accounts[p.account]; info != nil {
		subtype, balance = lattice.Receive, info.Balance
	}
	balance, _ = balance.Add(entry.Amount)
	hash := f.insert(f.next(p, representative, balance, lattice.Link(send)), subtype, entry.Amount)
	delete(f.receivable, key)
	f.received[key] = hash
	return hash
}

func (f *fakeLedger) change(p person, representative lattice.Account) lattice.Hash {
	return f.insert(f.next(p, representative, f.accounts[p.account].Balance, lattice.Link{}), lattice.Change, lattice.Amount{})
}

func (f *fakeLedger) confirm(hashes ...lattice.Hash) {
	for _, hash := range hashes {
		i := slices.IndexFunc(f.blocks, func(b lattice.StoredBlock) bool { return b.Hash == hash })
		b := &f.blocks[i]
		b.Confirmed = true
		info := f.accounts[b.Block.Account]
		info.ConfirmedHeight, info.ConfirmedFrontier = b.Height, hash
		key := lattice.ReceivableKey{Destination: lattice.Account(b.Block.Link), Send: hash}
		if entry, ok := f.receivable[key]; ok {
			entry.Confirmed = true
			f.receivable[key] = entry
		}
		f.confirmations = append(f.confirmations, lattice.Confirmation{
			Sequence: uint64(len(f.confirmations)) + 1 + f.pruned, Hash: hash, Account: b.Block.Account, Height: b.Height,
		})
	}
}

// prune removes the blocks of an account up to a height.
func (f *fakeLedger) prune(account lattice.Account, height uint64) {
	gone := func(b lattice.StoredBlock) bool { return b.Block.Account == account && b.Height <= height }
	f.pruned += height
	f.blocks = slices.DeleteFunc(f.blocks, gone)
	f.confirmations = slices.DeleteFunc(f.confirmations, func(c lattice.Confirmation) bool { return c.Account == account && c.Height <= height })
	f.accounts[account].PrunedHeight = height
}

func smn(text string) lattice.Amount {
	a, err := lattice.ParseAmount(text)
	if err != nil {
		panic(err)
	}
	return a
}

func (f *fakeLedger) Account(a lattice.Account) (lattice.AccountInfo, error) {
	if info := f.accounts[a]; info != nil {
		return *info, nil
	}
	return lattice.AccountInfo{}, nil
}

func (f *fakeLedger) find(wanted func(*lattice.StoredBlock) bool) (lattice.StoredBlock, bool, error) {
	for i := range f.blocks {
		if wanted(&f.blocks[i]) {
			return f.blocks[i], true, nil
		}
	}
	return lattice.StoredBlock{}, false, nil
}

func (f *fakeLedger) Block(h lattice.Hash) (lattice.StoredBlock, bool, error) {
	return f.find(func(b *lattice.StoredBlock) bool { return b.Hash == h })
}

func (f *fakeLedger) BlockAt(a lattice.Account, height uint64) (lattice.StoredBlock, bool, error) {
	return f.find(func(b *lattice.StoredBlock) bool { return b.Block.Account == a && b.Height == height })
}

func (f *fakeLedger) ReceivedBy(key lattice.ReceivableKey) (lattice.Hash, bool, error) {
	h, ok := f.received[key]
	return h, ok, nil
}

func (f *fakeLedger) Receivable(key lattice.ReceivableKey) (lattice.Receivable, bool, error) {
	r, ok := f.receivable[key]
	return r, ok, nil
}

func (f *fakeLedger) Blocks(a lattice.Account, from uint64, most int) (list []lattice.StoredBlock, _ error) {
	for _, b := range f.blocks {
		if b.Block.Account == a && b.Height >= from && len(list) < most {
			list = append(list, b)
		}
	}
	return list, nil
}

func (f *fakeLedger) Accounts(start lattice.Account, most int) (list []lattice.AccountEntry, _ error) {
	for a, info := range f.accounts {
		if bytes.Compare(a[:], start[:]) >= 0 {
			list = append(list, lattice.AccountEntry{Account: a, Info: *info})
		}
	}
	slices.SortFunc(list, func(a, b lattice.AccountEntry) int { return bytes.Compare(a.Account[:], b.Account[:]) })
	return list[:min(most, len(list))], nil
}

func (f *fakeLedger) Receivables(a lattice.Account, start lattice.Hash, most int) (list []lattice.ReceivableEntry, _ error) {
	if f.bulk > 0 {
		return f.bulkReceivables(a, start, most), nil
	}
	for key, r := range f.receivable {
		if key.Destination == a && bytes.Compare(key.Send[:], start[:]) >= 0 {
			list = append(list, lattice.ReceivableEntry{Key: key, Receivable: r})
		}
	}
	slices.SortFunc(list, func(a, b lattice.ReceivableEntry) int { return bytes.Compare(a.Key.Send[:], b.Key.Send[:]) })
	return list[:min(most, len(list))], nil
}

func (f *fakeLedger) bulkReceivables(a lattice.Account, start lattice.Hash, most int) (list []lattice.ReceivableEntry) {
	for i := int(binary.BigEndian.Uint32(start[28:])); i < f.bulk && len(list) < most; i++ {
		var h lattice.Hash
		binary.BigEndian.PutUint32(h[28:], uint32(i))
		list = append(list, lattice.ReceivableEntry{
			Key:        lattice.ReceivableKey{Destination: a, Send: h},
			Receivable: lattice.Receivable{Source: genesis.account, Amount: lattice.AmountFrom(1), Confirmed: i%2 == 0},
		})
	}
	return list
}

func (f *fakeLedger) Confirmations(first uint64, most int) (list []lattice.Confirmation, _ error) {
	for _, c := range f.confirmations {
		if c.Sequence >= first && len(list) < most {
			list = append(list, c)
		}
	}
	return list, nil
}

func (f *fakeLedger) Counts() (lattice.Counts, error) {
	stored := uint64(len(f.blocks))
	return lattice.Counts{
		Blocks: stored + f.pruned, Cemented: uint64(len(f.confirmations)) + f.pruned, Pruned: f.pruned,
		Accounts: uint64(len(f.accounts)), Receivables: uint64(len(f.receivable)), StoredBlocks: stored,
	}, nil
}

// fakeNode is a Backend over a fakeLedger. What a test wants to be otherwise it
// sets before it asks.
type fakeNode struct {
	stalled bool // nothing is confirmed
	network *lattice.Network

	mu        sync.Mutex
	ledger    *fakeLedger
	changed   chan struct{} // closed when something was confirmed
	processed []lattice.Hash
	cancelled []lattice.Root
	failed    []string
	stopped   bool

	processError, viewError, workError, waitError error
	panics, alone                                 bool
	report                                        HealthReport
	online                                        []Representative
	elections                                     fakeConsensus
	wallets                                       *fakeWallets // nil: the node holds none
	republished                                   []lattice.Hash
	workers                                       []netip.AddrPort
}

// The accounts of the fake node.
var (
	genesis = personOf(*lattice.Dev().GenesisSeed)
	alice   = newPerson("alice")
	bob     = newPerson("bob")
	carol   = newPerson("carol") // her first two blocks are pruned
	dave    = newPerson("dave")  // has no block
)

// fakeBlocks names the blocks of the fake node, for those who write requests.
type fakeBlocks map[string]lattice.Hash

// newFakeNode makes a node that is the same every time.
func newFakeNode() (*fakeNode, fakeBlocks) {
	network := lattice.Dev()
	f := newFakeLedger(network)
	h := fakeBlocks{"genesis": network.GenesisHash}
	h["to_alice"] = f.send(genesis, alice.account, "1000")
	h["to_bob"] = f.send(genesis, bob.account, "500")
	h["to_carol"] = f.send(genesis, carol.account, "250.5")
	h["alice_open"] = f.receive(alice, alice.account, h["to_alice"])
	h["bob_open"] = f.receive(bob, alice.account, h["to_bob"])
	h["carol_open"] = f.receive(carol, bob.account, h["to_carol"])
	h["carol_change"] = f.change(carol, alice.account)
	f.confirm(h["to_alice"], h["to_bob"], h["to_carol"], h["alice_open"], h["bob_open"], h["carol_open"], h["carol_change"])
	h["carol_to_bob"] = f.send(carol, bob.account, "0.5")
	h["alice_to_bob"] = f.send(alice, bob.account, "25")
	f.confirm(h["carol_to_bob"], h["alice_to_bob"])
	h["bob_receive"] = f.receive(bob, alice.account, h["carol_to_bob"])
	h["burn"] = f.send(alice, lattice.Account{}, "0.000001")
	f.confirm(h["bob_receive"], h["burn"])
	f.prune(carol.account, 2)
	// From here on nothing is confirmed.
	h["alice_change"] = f.change(alice, bob.account)
	h["alice_to_dave"] = f.send(alice, dave.account, "10")
	h["alice_to_bob_2"] = f.send(alice, bob.account, "7")
	n := &fakeNode{network: network, ledger: f, changed: make(chan struct{})}
	n.online = []Representative{{genesis.account, smn("9998249.5")}, {alice.account, smn("1725.5")}}
	n.report = fakeHealth()
	return n, h
}

func fakeHealth() HealthReport {
	return HealthReport{
		State: NodeOK, Ready: true,
		Actors: []ActorHealth{
			{Name: "node", State: ActorRunning, P50: 1, P99: 9, Mailbox: MailboxStats{Capacity: 64}},
			{
				Name: "block_processor", Parent: "node", State: ActorBackingOff, Restarts: 3, RetryAt: 1_700_009_999,
				Failure: &Failure{Text: "disk is full", Time: 1_700_009_990, Message: "*messages.ProcessBlock"},
				Mailbox: MailboxStats{Depth: 2, Capacity: 256, HighWater: 17, Posted: 1000, Handled: 998, Refused: 5, Dropped: 1, Oldest: 40},
				P50:     150, P99: 2100,
			},
		},
		Budget: []BudgetItem{
			{Name: "rss", Used: 31 << 20, Target: 64 << 20, Unit: "bytes"},
			{Name: "goroutines", Used: 40, Target: 500, Unit: "count"},
		},
		Network: NetworkHealth{
			Book:     []BookFill{{Table: "fresh", Used: 30, Most: 512}, {Table: "tried", Used: 9, Most: 256}},
			Outbound: 7, MaxOutbound: 8, Inbound: 12, MaxInbound: 24, TurnedAway: 5000, Bans: 3,
			External: []ExternalAddress{{Address: "5.6.7.8:7176", Agree: 4, Against: 1, Believed: true}},
			Offenders: []PeerOffence{{
				Node: "00aa", Address: "9.8.7.6:1234", Offence: "bad reply", Text: "told a frontier that it does not have",
				Times: 3, Time: 1_700_009_000, Score: 75, Until: 1_700_019_000,
			}},
		},
	}
}

func (n *fakeNode) Network() *lattice.Network { return n.network }
func (n *fakeNode) Uptime() time.Duration     { return 3661*time.Second + 500*time.Millisecond }
func (n *fakeNode) Unchecked() uint64         { return 4 }
func (n *fakeNode) Health() HealthReport      { return n.report }

func (n *fakeNode) Build() Build {
	return Build{Vendor: "Smallnano V0.1.0", StoreVendor: "SQLite 3.46.0", StoreVersion: 1, Protocol: 1, Info: "test"}
}

func (n *fakeNode) View(f func(Ledger) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.panics {
		panic("fake: the store is broken")
	}
	if n.viewError != nil {
		return n.viewError
	}
	return f(n.ledger)
}

func (n *fakeNode) Process(_ context.Context, b *lattice.Block) (lattice.Hash, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.processError != nil {
		return lattice.Hash{}, n.processError
	}
	hash := n.network.HashOf(b)
	n.processed = append(n.processed, hash)
	return hash, nil
}

func (n *fakeNode) Generate(ctx context.Context, root lattice.Root, threshold uint64) (uint64, error) {
	if n.workError != nil {
		return 0, n.workError
	}
	return work.Search(ctx, root, threshold, 0, 1)
}

func (n *fakeNode) CancelWork(root lattice.Root) { n.cancelled = append(n.cancelled, root) }

func (n *fakeNode) Representatives() []Representative {
	n.mu.Lock()
	defer n.mu.Unlock()
	weights := map[lattice.Account]lattice.Amount{}
	for _, info := range n.ledger.accounts {
		b, ok, _ := n.ledger.Block(info.ConfirmedFrontier)
		if ok {
			weights[b.Block.Representative] = weights[b.Block.Representative].SatAdd(b.Block.Balance)
		}
	}
	var list []Representative
	for a, w := range weights {
		list = append(list, Representative{a, w})
	}
	slices.SortFunc(list, func(a, b Representative) int {
		return cmp.Or(b.Weight.Cmp(a.Weight), bytes.Compare(a.Account[:], b.Account[:]))
	})
	return list
}

func (n *fakeNode) Weight(a lattice.Account) lattice.Amount {
	for _, r := range n.Representatives() {
		if r.Account == a {
			return r.Weight
		}
	}
	return lattice.Amount{}
}

func (n *fakeNode) RepresentativesOnline() []Representative { return slices.Clone(n.online) }

func (n *fakeNode) Quorum() QuorumStatus {
	q := QuorumStatus{
		Delta: smn("6698827.935"), Percent: 67, Floor: n.network.QuorumFloor(), Online: smn("9998250"), Trended: smn("9990000"), Peers: smn("1725.5"),
		Details: []PeerWeight{{alice.account, netip.MustParseAddrPort("192.0.2.7:7176"), smn("1725.5")}},
	}
	if n.stalled {
		q.Shipped, q.ShippedUntil, q.Confirmed = true, 250_000, 11
		q.Stall = &Stall{Since: time.Unix(1_700_009_900, 0), Waiting: 3, Oldest: n.network.GenesisHash, Have: smn("1725.5")}
		q.Missing = q.Delta.SatSub(q.Stall.Have)
		q.Silent = []SilentRepresentative{{Account: carol.account, Weight: smn("9000000"), LastVote: time.Unix(1_700_009_800, 0)}, {Account: bob.account, Weight: smn("10000")}}
		q.Reasons = []string{"nothing was confirmed for 1m40s"}
	}
	return q
}

func (n *fakeNode) Peers() []PeerStatus {
	return []PeerStatus{
		{Address: netip.MustParseAddrPort("192.0.2.7:7176"), NodeID: alice.key.Public(), Protocol: 1, Connected: time.Unix(1_700_000_100, 0), Received: time.Unix(1_700_009_999, 0), Score: 25, Fault: "bad reply: told a frontier that it does not have", Principal: true, BytesIn: 12_345, BytesOut: 54_321, Dropped: 3, Ignored: 1},
		{Address: netip.MustParseAddrPort("[2001:db8::9]:7176"), NodeID: bob.key.Public(), Protocol: 1, Inbound: true, Connected: time.Unix(1_700_000_200, 0)},
	}
}

// Confirmed knows nothing without the ledger.
func (n *fakeNode) Confirmed(first uint64, most int) ([]Cemented, uint64, bool) { return nil, 0, false }

func (n *fakeNode) WaitConfirmation(ctx context.Context, seq uint64) error {
	for {
		n.mu.Lock()
		counts, _ := n.ledger.Counts()
		changed, err := n.changed, n.waitError
		n.mu.Unlock()
		if err != nil || counts.Cemented >= seq {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// confirm confirms a block and wakes who waits.
func (n *fakeNode) confirm(h lattice.Hash) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ledger.confirm(h)
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *fakeNode) Wallets() Wallets {
	if n.wallets == nil {
		return nil
	}
	return n.wallets
}

func (n *fakeNode) Stop() { n.stopped = true }

func (n *fakeNode) KillAt(step string) error {
	if step != "stored" {
		return fmt.Errorf("%w: %q", ErrNoStep, step)
	}
	return nil
}

func (n *fakeNode) FailActor(name string) error {
	if !slices.ContainsFunc(n.report.Actors, func(a ActorHealth) bool { return a.Name == name }) {
		return fmt.Errorf("%w: %q", ErrNoActor, name)
	}
	n.failed = append(n.failed, name)
	return nil
}

// The fake is itself held against the laws that a ledger keeps.
func TestFakeLedgerKeepsTheSupply(t *testing.T) {
	n, _ := newFakeNode()
	var sum lattice.Amount
	for _, info := range n.ledger.accounts {
		sum = sum.SatAdd(info.Balance)
	}
	for _, r := range n.ledger.receivable {
		sum = sum.SatAdd(r.Amount)
	}
	if sum != lattice.Supply {
		t.Errorf("balances and receivables are %s raw", sum.Raw())
	}
	for _, b := range n.ledger.blocks {
		if b.Hash != n.network.GenesisHash && (!b.Block.SignedBy(b.Hash) || !work.Valid(b.Block.Root(), b.Block.Work, n.network.SendThreshold)) {
			t.Errorf("block %s is not valid", b.Hash)
		}
	}
}
