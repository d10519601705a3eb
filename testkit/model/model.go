// Package model is a ledger as dumb as can be, to compare clever ones with. It
// keeps the blocks in the order in which they came and knows nothing else: every
// question is answered by playing all of them again from the genesis block.
// Rolling back is leaving a block out and seeing what no longer fits.
//
// It is written from the protocol, apart from actors/core/ledger, and shares no
// rule with it. It is for tests of some hundred blocks: each step costs as much
// as the whole history.
package model

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Ledger is the model. Make one with New.
type Ledger struct {
	net       *lattice.Network
	log       []entry
	confirmed map[lattice.Hash]bool
	now       *State // of log and confirmed; nil: to be played again
}

type entry struct {
	block lattice.Block
	hash  lattice.Hash
	time  time.Time
}

// State is what a ledger holds after some blocks.
type State struct {
	Chains      map[lattice.Account][]lattice.StoredBlock // lowest height first
	Blocks      map[lattice.Hash]lattice.StoredBlock
	Receivables map[lattice.ReceivableKey]lattice.Receivable
	ReceivedBy  map[lattice.ReceivableKey]lattice.Hash
}

// New returns the model of a ledger that holds the confirmed genesis block.
func New(n *lattice.Network, genesisTime time.Time) *Ledger {
	return &Ledger{
		net:       n,
		log:       []entry{{n.Genesis, n.GenesisHash, genesisTime}},
		confirmed: map[lattice.Hash]bool{n.GenesisHash: true},
	}
}

// State plays the whole history. The answer is not to be changed.
func (l *Ledger) State() *State {
	if l.now == nil {
		l.now, _ = l.play(lattice.Hash{})
	}
	return l.now
}

// play replays the log without one block, and returns what else no longer fits.
func (l *Ledger) play(without lattice.Hash) (s *State, gone []lattice.Hash) {
	s = &State{
		Chains:      make(map[lattice.Account][]lattice.StoredBlock),
		Blocks:      make(map[lattice.Hash]lattice.StoredBlock),
		Receivables: make(map[lattice.ReceivableKey]lattice.Receivable),
		ReceivedBy:  make(map[lattice.ReceivableKey]lattice.Hash),
	}
	for _, e := range l.log {
		if e.hash == without || s.judge(l.net, &e.block, e.hash, false) != ledger.Progress {
			gone = append(gone, e.hash)
			continue
		}
		s.add(e, l.confirmed[e.hash])
	}
	return s, gone
}

// Info returns what is known of an account; zero when it is not open.
func (s *State) Info(a lattice.Account) lattice.AccountInfo {
	var info lattice.AccountInfo
	for _, b := range s.Chains[a] {
		info.Frontier, info.Height, info.Modified = b.Hash, b.Height, b.Time
		info.Balance, info.Representative = b.Block.Balance, b.Block.Representative
		if b.Confirmed {
			info.ConfirmedFrontier, info.ConfirmedHeight = b.Hash, b.Height
		}
	}
	return info
}

// Weights recounts the confirmed balances by representative, and with them what
// was sent by a confirmed block and not received by one: that is with the
// representative that the send names. Those that come to nothing are left out.
func (s *State) Weights() map[lattice.Account]lattice.Amount {
	weights := make(map[lattice.Account]lattice.Amount)
	for a := range s.Chains {
		if info := s.Info(a); info.ConfirmedHeight > 0 {
			top := s.Blocks[info.ConfirmedFrontier].Block
			if sum := weights[top.Representative].SatAdd(top.Balance); !sum.IsZero() {
				weights[top.Representative] = sum
			}
		}
	}
	for hash, b := range s.Blocks {
		key := lattice.ReceivableKey{Destination: lattice.Account(b.Block.Link), Send: hash}
		if b.Subtype == lattice.Send && b.Confirmed && !s.Blocks[s.ReceivedBy[key]].Confirmed {
			weights[b.Block.Representative] = weights[b.Block.Representative].SatAdd(b.Amount)
		}
	}
	return weights
}

// Total returns balances and receivable amounts together: the supply.
func (s *State) Total() (sum lattice.Amount) {
	for a := range s.Chains {
		sum = sum.SatAdd(s.Info(a).Balance)
	}
	for _, r := range s.Receivables {
		sum = sum.SatAdd(r.Amount)
	}
	return sum
}

func (s *State) add(e entry, confirmed bool) {
	b := e.block
	before := s.Info(b.Account)
	stored := lattice.StoredBlock{
		Block: b, Hash: e.hash, Height: uint64(len(s.Chains[b.Account])) + 1, Time: e.time, Confirmed: confirmed,
	}
	received := lattice.ReceivableKey{Destination: b.Account, Send: lattice.Hash(b.Link)}
	switch {
	case before.Height == 0:
		stored.Subtype, stored.Amount = lattice.Open, b.Balance
	case b.Balance.Less(before.Balance):
		stored.Subtype, stored.Amount = lattice.Send, before.Balance.SatSub(b.Balance)
		key := lattice.ReceivableKey{Destination: lattice.Account(b.Link), Send: e.hash}
		s.Receivables[key] = lattice.Receivable{Source: b.Account, Amount: stored.Amount, Confirmed: confirmed}
	case before.Balance.Less(b.Balance):
		stored.Subtype, stored.Amount = lattice.Receive, b.Balance.SatSub(before.Balance)
	default:
		stored.Subtype = lattice.Change
	}
	if _, ok := s.Receivables[received]; ok && stored.Subtype != lattice.Send {
		delete(s.Receivables, received)
		s.ReceivedBy[received] = e.hash
	}
	s.Chains[b.Account] = append(s.Chains[b.Account], stored)
	s.Blocks[e.hash] = stored
}

// judge is the table of the protocol, row by row. Signature and work are left
// out when strict is false: they were checked when the block came.
func (s *State) judge(n *lattice.Network, b *lattice.Block, hash lattice.Hash, strict bool) ledger.Outcome {
	genesis := hash == n.GenesisHash
	value := work.Value(b.Root(), b.Work)
	if strict && !genesis && value < n.SendThreshold && value < n.ReceiveThreshold {
		return ledger.InsufficientWork // 1
	}
	if b.Account == (lattice.Account{}) {
		return ledger.OpenedBurnAccount // 2
	}
	if _, known := s.Blocks[hash]; known {
		return ledger.Old // 3
	}
	if strict && !crypto.Verify(crypto.PublicKey(b.Account), hash[:], b.Signature) {
		return ledger.BadSignature // 4
	}
	none := lattice.Hash{}
	before := s.Info(b.Account)
	_, previousKnown := s.Blocks[b.Previous]
	if before.Height > 0 && b.Previous == none {
		return ledger.Fork // 5
	}
	if before.Height > 0 && !previousKnown {
		return ledger.GapPrevious // 6
	}
	if before.Height > 0 && b.Previous != before.Frontier {
		return ledger.Fork // 7
	}
	if before.Height == 0 && b.Previous != none {
		return ledger.GapPrevious // 8
	}
	open := before.Height == 0
	receive := !open && before.Balance.Less(b.Balance)
	change := !open && before.Balance == b.Balance
	if (open || receive) && !genesis {
		_, sourceKnown := s.Blocks[lattice.Hash(b.Link)]
		entry, entryKnown := s.Receivables[lattice.ReceivableKey{Destination: b.Account, Send: lattice.Hash(b.Link)}]
		increase, _ := b.Balance.Sub(before.Balance)
		switch {
		case !sourceKnown && !entryKnown:
			return ledger.GapSource // 9
		case !entryKnown:
			return ledger.Unreceivable // 10
		case increase != entry.Amount || increase.IsZero():
			return ledger.BalanceMismatch // 11
		}
	}
	if change && b.Link != (lattice.Link{}) {
		return ledger.BalanceMismatch // 12
	}
	if change && b.Representative == before.Representative {
		return ledger.NoChange // 12
	}
	if strict && !genesis && !open && !receive && value < n.SendThreshold {
		return ledger.InsufficientWork // 13
	}
	if strict && !genesis && (open || receive) && value < n.ReceiveThreshold {
		return ledger.InsufficientWork // 13
	}
	return ledger.Progress
}

// Insert takes a block that came at a time, if it is valid.
func (l *Ledger) Insert(b *lattice.Block, now time.Time) ledger.Outcome {
	hash := l.net.HashOf(b)
	outcome := l.State().judge(l.net, b, hash, true)
	if outcome == ledger.Progress {
		l.log = append(l.log, entry{*b, hash, now})
		l.now = nil
	}
	return outcome
}

// Rollback removes a block of the ledger and all that depends on it, and returns
// what it removed, in the order in which it came. It returns false, and changes
// nothing, when any of it is confirmed.
func (l *Ledger) Rollback(target lattice.Hash) (gone []lattice.Hash, ok bool) {
	s, gone := l.play(target)
	for _, h := range gone {
		if l.confirmed[h] {
			return gone, false
		}
	}
	kept := l.log[:0:0]
	for _, e := range l.log {
		if _, there := s.Blocks[e.hash]; there {
			kept = append(kept, e)
		}
	}
	l.log, l.now = kept, s
	return gone, true
}

// Cement confirms a block of the ledger and all it depends on: every block that
// the history cannot do without. It returns what was not confirmed before, in
// the order in which it came.
func (l *Ledger) Cement(target lattice.Hash) (added []lattice.Hash) {
	need := map[lattice.Hash]bool{target: true}
	s := l.State()
	for i := len(l.log) - 1; i >= 0; i-- { // dependencies came before
		e := l.log[i]
		if !need[e.hash] || l.confirmed[e.hash] {
			continue
		}
		added = append([]lattice.Hash{e.hash}, added...)
		need[e.block.Previous] = true
		if sub := s.Blocks[e.hash].Subtype; sub == lattice.Open || sub == lattice.Receive {
			need[lattice.Hash(e.block.Link)] = true
		}
	}
	for _, h := range added {
		l.confirmed[h] = true
	}
	l.now = nil
	return added
}

// Hashes returns the blocks of the ledger in the order in which they came.
func (l *Ledger) Hashes() []lattice.Hash {
	out := make([]lattice.Hash, len(l.log))
	for i, e := range l.log {
		out[i] = e.hash
	}
	return out
}
