package storage

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// NewMemory returns a store that keeps everything in memory and begins with
// the network's genesis block, confirmed. It is for tests and simulations: it
// behaves as a file does, but forgets when it is closed.
func NewMemory(network *lattice.Network) Store {
	m := &memory{}
	t := &memoryTx{memoryReader: memoryReader{state: newMemoryState()}}
	if err := t.plant(network); err != nil {
		panic("storage: genesis of network " + network.Name + ": " + err.Error())
	}
	m.committed.Store(t.state)
	return m
}

// CopyMemory returns another store in memory, which begins with what s holds now,
// and which what becomes of s does not touch. It costs next to nothing, however
// much s holds. It panics when s is not from NewMemory or is closed.
func CopyMemory(s Store) Store {
	m, ok := s.(*memory)
	if !ok {
		panic("storage: CopyMemory of a store that is not in memory")
	}
	state := m.committed.Load()
	if state == nil {
		panic("storage: CopyMemory of a store that is closed")
	}
	c := &memory{}
	c.committed.Store(state)
	return c
}

// memory is the store in memory. The committed state is replaced as a whole,
// never changed, so that a reader needs no lock to have a snapshot.
type memory struct {
	writer    sync.Mutex                  // held by Update
	open      sync.RWMutex                // held for reading by transactions, for writing by Close
	committed atomic.Pointer[memoryState] // nil when closed
}

func (m *memory) Update(f func(Tx) error) error {
	m.writer.Lock()
	defer m.writer.Unlock()
	m.open.RLock()
	defer m.open.RUnlock()
	committed := m.committed.Load()
	if committed == nil {
		return ErrClosed
	}
	state := *committed
	t := &memoryTx{memoryReader: memoryReader{state: &state}}
	defer func() { t.state = nil }() // a use after the end is a nil dereference, not a lost write
	if err := f(t); err != nil {
		return err
	}
	m.committed.Store(&state)
	return nil
}

func (m *memory) UpdateDurable(f func(Tx) error) error { return m.Update(f) }

func (m *memory) View(f func(Reader) error) error {
	m.open.RLock()
	defer m.open.RUnlock()
	committed := m.committed.Load()
	if committed == nil {
		return ErrClosed
	}
	r := &memoryReader{state: committed}
	defer func() { r.state = nil }()
	return f(r)
}

// Look is View: a snapshot in memory is no work.
func (m *memory) Look(f func(Lookup) error) error {
	return m.View(func(r Reader) error { return f(r) })
}

func (m *memory) Size() (int64, error) { return 0, nil }

func (m *memory) Space() (used, free int64, err error) { return 0, 0, nil }

func (m *memory) Shrink(int64) (more bool, err error) { return false, nil }

func (m *memory) Close() error {
	m.open.Lock()
	defer m.open.Unlock()
	if m.committed.Swap(nil) == nil {
		return ErrClosed
	}
	return nil
}

// memoryState is everything as of one moment. Copying it is a snapshot: the
// trees and slices in it are replaced, never written to.
type memoryState struct {
	accounts      tree[lattice.Account, lattice.AccountInfo]
	blocks        tree[lattice.Hash, lattice.StoredBlock] // Confirmed is not kept here
	chains        tree[place, lattice.Hash]
	receivables   tree[lattice.ReceivableKey, memoryEntry]
	unconfirmed   tree[lattice.Account, struct{}]
	confirmations tree[uint64, lattice.Confirmation]
	weights       tree[lattice.Account, lattice.Amount]
	votes         tree[lattice.QualifiedRoot, lattice.Hash]
	values        tree[string, []byte]
	samples       []lattice.WeightSample
	peers         []Peer
	counts        lattice.Counts
}

// place is where a block stands.
type place struct {
	account lattice.Account
	height  uint64
}

// memoryEntry is a receivable entry; it is confirmed when its send is.
type memoryEntry struct {
	source place
	amount lattice.Amount
}

func newMemoryState() *memoryState {
	s := &memoryState{}
	s.accounts.compare = compareAccounts
	s.blocks.compare = compareHashes
	s.chains.compare = func(a, b place) int {
		return cmp.Or(compareAccounts(a.account, b.account), cmp.Compare(a.height, b.height))
	}
	s.receivables.compare = func(a, b lattice.ReceivableKey) int {
		return cmp.Or(compareAccounts(a.Destination, b.Destination), compareHashes(a.Send, b.Send))
	}
	s.unconfirmed.compare = compareAccounts
	s.confirmations.compare = cmp.Compare[uint64]
	s.weights.compare = compareAccounts
	s.votes.compare = func(a, b lattice.QualifiedRoot) int {
		return cmp.Or(compareAccounts(a.Account, b.Account), compareHashes(a.Previous, b.Previous))
	}
	s.values.compare = strings.Compare
	return s
}

func compareAccounts(a, b lattice.Account) int { return bytes.Compare(a[:], b[:]) }
func compareHashes(a, b lattice.Hash) int      { return bytes.Compare(a[:], b[:]) }

// memoryTx is the write transaction: a reader of a state of its own, which it
// changes. Every method checks before it changes anything, so that one that
// failed changed nothing.
type memoryTx struct{ memoryReader }

// plant inserts and cements the genesis block.
func (t *memoryTx) plant(network *lattice.Network) error {
	if err := t.apply(genesisEffects(network), true); err != nil {
		return err
	}
	_, err := t.Cement(network.GenesisHash)
	return err
}

func (t *memoryTx) Apply(e *ledger.Effects) error { return t.apply(e, false) }

func (t *memoryTx) apply(e *ledger.Effects, genesis bool) error {
	s, account := t.state, e.Block.Account
	head, _ := s.accounts.get(account)
	if err := checkApply(e, head, genesis); err != nil {
		return err
	}
	if _, known := s.blocks.get(e.Hash); known {
		return errTwice(e.Hash)
	}
	if e.Consumed != nil {
		if !s.receivables.drop(e.ConsumedKey()) {
			return errNoEntry("apply", e.Hash, e.ConsumedKey())
		}
		s.counts.Receivables--
	}
	if e.Made != nil {
		s.receivables.set(e.MadeKey(), memoryEntry{place{account, e.Height}, e.Made.Amount})
		s.counts.Receivables++
	}
	s.blocks.set(e.Hash, lattice.StoredBlock{
		Block: e.Block, Hash: e.Hash, Height: e.Height,
		Subtype: e.Subtype, Amount: e.Amount, Time: seconds(e.Time),
	})
	s.chains.set(place{account, e.Height}, e.Hash)
	if !head.Opened() {
		s.counts.Accounts++
	}
	s.counts.Blocks++
	t.setHead(account, head, e.Hash, &e.Block, e.Height)
	return nil
}

// setHead makes a block the frontier of an account.
func (t *memoryTx) setHead(account lattice.Account, head lattice.AccountInfo, hash lattice.Hash, b *lattice.Block, height uint64) {
	stored, _ := t.state.blocks.get(hash)
	head.Frontier, head.Height, head.Modified = hash, height, stored.Time
	head.Balance, head.Representative = b.Balance, b.Representative
	t.setAccount(account, head)
}

// setAccount stores an account record and whether it belongs among the
// unconfirmed.
func (t *memoryTx) setAccount(account lattice.Account, head lattice.AccountInfo) {
	t.state.accounts.set(account, head)
	if head.Height > head.ConfirmedHeight {
		t.state.unconfirmed.set(account, struct{}{})
	} else {
		t.state.unconfirmed.drop(account)
	}
}

func (t *memoryTx) Revert(e *ledger.Effects) error {
	s, account := t.state, e.Block.Account
	head, _ := s.accounts.get(account)
	below, _, err := t.BlockAt(account, head.Height-1)
	if err != nil {
		return err
	}
	if err := checkRevert(e, head, below.Block.Balance); err != nil {
		return err
	}
	if e.Made != nil {
		if !s.receivables.drop(e.MadeKey()) {
			return errNoEntry("revert", e.Hash, e.MadeKey())
		}
		s.counts.Receivables--
	}
	if e.Consumed != nil {
		key := e.ConsumedKey()
		send, known := s.blocks.get(key.Send)
		if !known {
			return errUnknown("revert", key.Send)
		}
		s.receivables.set(key, memoryEntry{place{send.Block.Account, send.Height}, e.Consumed.Amount})
		s.counts.Receivables++
	}
	s.blocks.drop(e.Hash)
	s.chains.drop(place{account, head.Height})
	s.counts.Blocks--
	if head.Height == 1 {
		s.accounts.drop(account)
		s.unconfirmed.drop(account)
		s.counts.Accounts--
		return nil
	}
	t.setHead(account, head, below.Hash, &below.Block, below.Height)
	return nil
}

func (t *memoryTx) Cement(hash lattice.Hash) (ledger.Cemented, error) {
	s := t.state
	b, known, err := t.Block(hash)
	if err != nil || !known {
		return ledger.Cemented{}, cmp.Or(err, errUnknown("cement", hash))
	}
	account := b.Block.Account
	head, _ := s.accounts.get(account)
	if err := checkNext(&b, head); err != nil {
		return ledger.Cemented{}, err
	}
	var source lattice.Account
	if hasSource(&b) {
		send, known, _ := t.Block(lattice.Hash(b.Block.Link))
		switch {
		case !known:
			return ledger.Cemented{}, errNoSource(hash, b.Block.Link)
		case !send.Confirmed:
			return ledger.Cemented{}, errSource(hash, b.Block.Link)
		}
		source = send.Block.Representative
	}
	var confirmed *lattice.Block
	if before, found, _ := t.BlockAt(account, head.ConfirmedHeight); found {
		confirmed = &before.Block
	}
	c := cemented(&b, s.counts.Cemented+1, confirmed, source)
	if err := moveWeight(&c, t.weight, t.setWeight); err != nil {
		return ledger.Cemented{}, err
	}
	s.counts.Cemented++
	s.confirmations.set(c.Confirmation.Sequence, c.Confirmation)
	if voted, _ := s.votes.get(b.Block.QualifiedRoot()); voted == hash {
		s.votes.drop(b.Block.QualifiedRoot())
	}
	head.ConfirmedHeight, head.ConfirmedFrontier = b.Height, b.Hash
	t.setAccount(account, head)
	return c, nil
}

func (t *memoryTx) weight(representative lattice.Account) (lattice.Amount, error) {
	w, _ := t.state.weights.get(representative)
	return w, nil
}

func (t *memoryTx) setWeight(representative lattice.Account, w lattice.Amount) error {
	if w.IsZero() {
		t.state.weights.drop(representative)
	} else {
		t.state.weights.set(representative, w)
	}
	return nil
}

func (t *memoryTx) Prune(plan ledger.Pruning) (int, error) {
	s := t.state
	head, known := s.accounts.get(plan.Account)
	if !known {
		return 0, fmt.Errorf("prune account %v: it is not open", plan.Account)
	}
	gone := make(map[lattice.Hash]uint64)
	for i := range plan.Blocks {
		p := &plan.Blocks[i]
		b, found, err := t.BlockAt(plan.Account, p.Height)
		if err != nil {
			return 0, err
		}
		if !found && p.Height <= head.PrunedHeight {
			continue
		}
		_, waits := s.receivables.get(lattice.ReceivableKey{Destination: lattice.Account(b.Block.Link), Send: p.Hash})
		if err := checkPrune(&b, found, p, head, waits); err != nil {
			return 0, err
		}
		gone[p.Hash] = p.Height
	}
	var forgotten []uint64
	s.confirmations.ascend(0, func(sequence uint64, c lattice.Confirmation) bool {
		if _, found := gone[c.Hash]; found {
			forgotten = append(forgotten, sequence)
		}
		return true
	})
	for _, sequence := range forgotten {
		s.confirmations.drop(sequence)
	}
	for hash, height := range gone {
		s.blocks.drop(hash)
		s.chains.drop(place{plan.Account, height})
		head.PrunedHeight = max(head.PrunedHeight, height)
	}
	s.counts.Pruned += uint64(len(gone))
	t.setAccount(plan.Account, head)
	return len(gone), nil
}

// TidyConfirmations has nothing to do: entries go with their blocks.
func (t *memoryTx) TidyConfirmations(uint64, int) (uint64, error) { return 0, nil }

func (t *memoryTx) PutFinalVote(root lattice.QualifiedRoot, hash lattice.Hash) (lattice.Hash, error) {
	if stored, found := t.state.votes.get(root); found {
		return stored, nil
	}
	final, found, err := confirmedAt(t, root)
	if err != nil || found {
		return final, err
	}
	t.state.votes.set(root, hash)
	return hash, nil
}

func (t *memoryTx) PutWeightSample(sample lattice.WeightSample, keep int) error {
	if err := checkKeep(keep); err != nil {
		return err
	}
	sample.Time = seconds(sample.Time)
	all := append(slices.Clone(t.state.samples), sample)
	t.state.samples = all[max(0, len(all)-keep):]
	return nil
}

func (t *memoryTx) PutPeers(peers []Peer) error {
	if err := checkPeers(peers); err != nil {
		return err
	}
	t.state.peers = sortPeers(peers)
	return nil
}

func (t *memoryTx) SetValue(name string, value []byte) error {
	if err := checkValue(name, value); err != nil {
		return err
	}
	if value == nil {
		t.state.values.drop(name)
		return nil
	}
	t.state.values.set(name, append([]byte{}, value...))
	return nil
}

// sortPeers returns the peers last seen first, then by address, each address
// once.
func sortPeers(peers []Peer) []Peer {
	out := slices.Clone(peers)
	for i := range out {
		out[i].LastSeen = seconds(out[i].LastSeen)
	}
	slices.SortStableFunc(out, func(a, b Peer) int {
		return cmp.Or(a.Address.Compare(b.Address), b.LastSeen.Compare(a.LastSeen))
	})
	out = slices.CompactFunc(out, func(a, b Peer) bool { return a.Address == b.Address })
	slices.SortStableFunc(out, func(a, b Peer) int { return b.LastSeen.Compare(a.LastSeen) })
	return out
}
