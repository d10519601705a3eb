package bootstrap

import (
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

// maxEmptyPages is how many pages of accounts are read in vain for one answer.
// Accounts without a confirmed block are not told; there can be many of them
// only while this node is bootstrapping itself.
const maxEmptyPages = 16

// Reads is what answering reads from the store, as of one moment.
type Reads interface {
	Ledger
	// Blocks returns up to most blocks of an account from a height up.
	Blocks(account lattice.Account, from uint64, most int) ([]lattice.StoredBlock, error)
	// Accounts returns up to most open accounts in the order of their keys, the
	// first being the least that is not below start.
	Accounts(start lattice.Account, most int) ([]lattice.AccountEntry, error)
}

// Answer is the answer to a pull: at most as many blocks as were asked for,
// consecutive, all confirmed.
type Answer struct {
	Code   Code
	First  uint64 // height of the first block, or from which nothing was found
	Pruned uint64 // of the account; blocks up to this height are not here
	Blocks []lattice.StoredBlock
}

// AnswerBusy is the answer of a node that has no time.
func AnswerBusy() Answer { return Answer{Code: Busy} }

// AnswerBlocks answers a pull. Only confirmed blocks are given: a client must
// not be filled with one side of a fork, and nobody can make us hand out what he
// made up. The Conn and ID of the request do not matter here.
func AnswerBlocks(r Reads, q Request) (Answer, error) {
	account, from := q.Account, max(q.Height, 1)
	switch q.Mode {
	case ByAccount:
	case ByHash:
		b, here, err := r.Block(q.Hash)
		if err != nil {
			return Answer{}, fmt.Errorf("bootstrap: read block %v to answer a pull: %w", q.Hash, err)
		}
		if !here || !b.Confirmed {
			return Answer{Code: Unknown}, nil
		}
		account, from = b.Block.Account, b.Height
	default:
		return Answer{Code: Unknown}, nil
	}
	info, err := r.Account(account)
	if err != nil {
		return Answer{}, fmt.Errorf("bootstrap: read account %v to answer a pull: %w", account, err)
	}
	switch {
	case info.ConfirmedHeight == 0:
		return Answer{Code: Unknown}, nil
	case from <= info.PrunedHeight && q.Mode == ByAccount:
		return Answer{Code: Pruned, First: from, Pruned: info.PrunedHeight}, nil
	case from > info.ConfirmedHeight:
		return Answer{Code: OK, First: from, Pruned: info.PrunedHeight}, nil
	}
	count := clampCount(q.Count, MaxPullBlocks)
	if left := info.ConfirmedHeight - from + 1; left < uint64(count) {
		count = int(left)
	}
	blocks, err := r.Blocks(account, from, count)
	if err != nil {
		return Answer{}, fmt.Errorf("bootstrap: read blocks of %v from height %d to answer a pull: %w", account, from, err)
	}
	return Answer{Code: OK, First: from, Pruned: info.PrunedHeight, Blocks: consecutive(blocks, from)}, nil
}

// consecutive cuts off what does not follow on, so that a hole in the store is
// not taken for a lie by the peer.
func consecutive(blocks []lattice.StoredBlock, from uint64) []lattice.StoredBlock {
	for i := range blocks {
		if blocks[i].Height != from+uint64(i) {
			return blocks[:i]
		}
	}
	return blocks
}

// AnswerFrontiers returns the confirmed frontiers of up to count accounts, in
// the order of their keys from start up. Fewer mean that there are no more.
func AnswerFrontiers(r Reads, start lattice.Account, count int) ([]Frontier, error) {
	count = clampCount(count, MaxFrontiers)
	var out []Frontier
	for range maxEmptyPages {
		page, err := r.Accounts(start, count)
		if err != nil {
			return nil, fmt.Errorf("bootstrap: read accounts from %s to answer with frontiers: %w", start.Hex(), err)
		}
		for _, a := range page {
			if a.Info.ConfirmedHeight == 0 {
				continue
			}
			out = append(out, Frontier{a.Account, a.Info.ConfirmedFrontier, a.Info.ConfirmedHeight, a.Info.PrunedHeight})
			if len(out) == count {
				return out, nil
			}
		}
		if len(page) < count {
			return out, nil
		}
		next, more := after(page[len(page)-1].Account)
		if !more {
			return out, nil
		}
		start = next
	}
	return out, nil
}

// after returns the account key that follows a, and false when a is the last.
func after(a lattice.Account) (lattice.Account, bool) {
	for i := len(a) - 1; i >= 0; i-- {
		if a[i]++; a[i] != 0 {
			return a, true
		}
	}
	return a, false
}

func clampCount(n, most int) int { return max(1, min(n, most)) }
