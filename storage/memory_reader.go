package storage

import (
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// memoryReader reads a state of the store in memory.
type memoryReader struct{ state *memoryState }

func (r *memoryReader) Account(account lattice.Account) (lattice.AccountInfo, error) {
	info, _ := r.state.accounts.get(account)
	return info, nil
}

func (r *memoryReader) Block(hash lattice.Hash) (lattice.StoredBlock, bool, error) {
	b, found := r.state.blocks.get(hash)
	if found {
		head, _ := r.state.accounts.get(b.Block.Account)
		b.Confirmed = b.Height <= head.ConfirmedHeight
	}
	return b, found, nil
}

func (r *memoryReader) BlockAt(account lattice.Account, height uint64) (lattice.StoredBlock, bool, error) {
	hash, found := r.state.chains.get(place{account, height})
	if !found {
		return lattice.StoredBlock{}, false, nil
	}
	return r.Block(hash)
}

func (r *memoryReader) Aged(account lattice.Account, from, to uint64, most int, search uint64) ([]ledger.AgedBlock, error) {
	return agedOf(r, account, from, to, most, search)
}

func (r *memoryReader) ReceivedBy(key lattice.ReceivableKey) (lattice.Hash, bool, error) {
	if key.Send.IsZero() { // the link of a change and of the genesis block
		return lattice.Hash{}, false, nil
	}
	head, _ := r.state.accounts.get(key.Destination)
	for height := head.Height; height > head.PrunedHeight; height-- {
		b, found, err := r.BlockAt(key.Destination, height)
		if err != nil || !found {
			return lattice.Hash{}, false, err
		}
		if receives(&b) && lattice.Hash(b.Block.Link) == key.Send {
			return b.Hash, true, nil
		}
	}
	return lattice.Hash{}, false, nil
}

// receives reports whether a block's link is a send that it received.
func receives(b *lattice.StoredBlock) bool {
	return b.Subtype == lattice.Receive || b.Subtype == lattice.Open
}

func (r *memoryReader) Receivable(key lattice.ReceivableKey) (lattice.Receivable, bool, error) {
	e, found := r.state.receivables.get(key)
	if !found {
		return lattice.Receivable{}, false, nil
	}
	return r.receivable(e), true, nil
}

func (r *memoryReader) receivable(e memoryEntry) lattice.Receivable {
	source, _ := r.state.accounts.get(e.source.account)
	return lattice.Receivable{Source: e.source.account, Amount: e.amount, Confirmed: e.source.height <= source.ConfirmedHeight}
}

func (r *memoryReader) Context(b *lattice.Block, hash lattice.Hash, now time.Time) (ledger.Context, error) {
	s := r.state
	c := ledger.Context{Hash: hash, Now: now}
	_, c.Known = s.blocks.get(hash)
	c.Account, _ = s.accounts.get(b.Account)
	if !b.Previous.IsZero() {
		_, c.PreviousKnown = s.blocks.get(b.Previous)
	}
	if !needsSource(b, c.Account) {
		return c, nil
	}
	if e, found := s.receivables.get(lattice.ReceivableKey{Destination: b.Account, Send: lattice.Hash(b.Link)}); found {
		entry := r.receivable(e)
		c.Receivable, c.SourceKnown = &entry, true
		return c, nil
	}
	_, c.SourceKnown = s.blocks.get(lattice.Hash(b.Link))
	return c, nil
}

func (r *memoryReader) Blocks(account lattice.Account, from uint64, most int) ([]lattice.StoredBlock, error) {
	var out []lattice.StoredBlock
	r.state.chains.ascend(place{account, from}, func(p place, hash lattice.Hash) bool {
		if p.account != account || len(out) >= most {
			return false
		}
		b, _, _ := r.Block(hash)
		out = append(out, b)
		return true
	})
	return out, nil
}

func (r *memoryReader) Accounts(start lattice.Account, most int) ([]lattice.AccountEntry, error) {
	var out []lattice.AccountEntry
	r.state.accounts.ascend(start, func(account lattice.Account, info lattice.AccountInfo) bool {
		if len(out) >= most {
			return false
		}
		out = append(out, lattice.AccountEntry{Account: account, Info: info})
		return true
	})
	return out, nil
}

func (r *memoryReader) Unconfirmed(start lattice.Account, most int) ([]lattice.AccountEntry, error) {
	var out []lattice.AccountEntry
	r.state.unconfirmed.ascend(start, func(account lattice.Account, _ struct{}) bool {
		if len(out) >= most {
			return false
		}
		info, _ := r.state.accounts.get(account)
		out = append(out, lattice.AccountEntry{Account: account, Info: info})
		return true
	})
	return out, nil
}

func (r *memoryReader) Receivables(destination lattice.Account, start lattice.Hash, most int) ([]lattice.ReceivableEntry, error) {
	var out []lattice.ReceivableEntry
	r.state.receivables.ascend(lattice.ReceivableKey{Destination: destination, Send: start}, func(key lattice.ReceivableKey, e memoryEntry) bool {
		if key.Destination != destination || len(out) >= most {
			return false
		}
		out = append(out, lattice.ReceivableEntry{Key: key, Receivable: r.receivable(e)})
		return true
	})
	return out, nil
}

func (r *memoryReader) Confirmations(first uint64, most int) ([]lattice.Confirmation, error) {
	var out []lattice.Confirmation
	r.state.confirmations.ascend(first, func(_ uint64, c lattice.Confirmation) bool {
		if len(out) >= most {
			return false
		}
		out = append(out, c)
		return true
	})
	return out, nil
}

func (r *memoryReader) Weights(f func(lattice.Account, lattice.Amount) bool) error {
	r.state.weights.ascend(lattice.Account{}, f)
	return nil
}

func (r *memoryReader) Counts() (lattice.Counts, error) {
	c := r.state.counts
	c.StoredBlocks = c.Blocks - c.Pruned
	return c, nil
}

func (r *memoryReader) FinalVote(root lattice.QualifiedRoot) (lattice.Hash, bool, error) {
	hash, found := r.state.votes.get(root)
	return hash, found, nil
}

func (r *memoryReader) WeightSamples() ([]lattice.WeightSample, error) {
	return slices.Clone(r.state.samples), nil
}

func (r *memoryReader) Peers() ([]Peer, error) { return slices.Clone(r.state.peers), nil }

func (r *memoryReader) Value(name string) ([]byte, bool, error) {
	v, found := r.state.values.get(name)
	if !found {
		return nil, false, nil
	}
	return append([]byte{}, v...), true, nil
}

// confirmedAt returns the confirmed block that took a root, if one did: then
// the final vote on the root is past and there can be no other.
func confirmedAt(r Reader, root lattice.QualifiedRoot) (lattice.Hash, bool, error) {
	height := uint64(1)
	info, err := r.Account(root.Account)
	if err != nil {
		return lattice.Hash{}, false, err
	}
	if root.Previous == info.ConfirmedFrontier {
		return lattice.Hash{}, false, nil // it is the next: that is what most are asked about
	}
	if !root.Previous.IsZero() {
		previous, known, err := r.Block(root.Previous)
		if err == nil && !known {
			return aboveGap(r, root)
		}
		if err != nil || previous.Block.Account != root.Account {
			return lattice.Hash{}, false, err
		}
		height = previous.Height + 1
	} else if info.PrunedHeight > 0 {
		b, _, err := r.BlockAt(root.Account, 1) // the zero hash where that is gone
		return b.Hash, true, err
	}
	b, found, err := r.BlockAt(root.Account, height)
	if err != nil || !found || !b.Confirmed {
		return lattice.Hash{}, false, err
	}
	return b.Hash, true, nil
}

// aboveGap is confirmedAt for a root whose previous block is not there: the lowest
// block that pruning has left knows the hash of the one before it.
func aboveGap(r Reader, root lattice.QualifiedRoot) (lattice.Hash, bool, error) {
	info, err := r.Account(root.Account)
	if err != nil || info.PrunedHeight == 0 {
		return lattice.Hash{}, false, err
	}
	b, found, err := r.BlockAt(root.Account, info.PrunedHeight+1)
	if err != nil || !found || b.Block.Previous != root.Previous {
		return lattice.Hash{}, false, err
	}
	return b.Hash, true, nil
}
