package storage

import (
	"encoding/binary"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// TestHotIsBounded inserts and removes more than is kept and compares with a
// plain list.
func TestHotIsBounded(t *testing.T) {
	h, f := newHot(), newFresh()
	name := func(i int) (hash lattice.Hash) {
		binary.BigEndian.PutUint64(hash[:], uint64(i+1))
		return hash
	}
	removed := map[int]bool{}
	const all = 2*hotBlocks + 100
	for i := range all {
		f.insert(&stored{id: accountID(i + 1).at(1), hash: name(i)}, lattice.AccountInfo{}, 0)
		if i%7 == 0 && i > 0 {
			f.remove(accountID(i).at(1)) // the one before
			removed[i-1] = true
		}
		if f.full() || i%100 == 99 {
			h.publish(&f, 0)
			f.clear()
		}
	}
	h.publish(&f, 0)
	f.clear()
	if len(h.blocks) > hotBlocks || len(h.blocks) != len(h.index) || len(h.order) != hotBlocks {
		t.Fatalf("%d blocks, %d hashes, %d places, want at most %d", len(h.blocks), len(h.index), len(h.order), hotBlocks)
	}
	for i := range all {
		b := h.index[name(i)]
		switch kept := i >= all-hotBlocks && !removed[i]; {
		case removed[i] && b != nil:
			t.Fatalf("block %d was removed and is kept", i)
		case kept && (b == nil || h.blocks[b.row.id] != b):
			t.Fatalf("block %d of %d is not kept", i, all)
		}
	}
}

// TestHotVotes: either all final votes are known without the table, or none.
func TestHotVotes(t *testing.T) {
	h, f := newHot(), newFresh()
	root := lattice.QualifiedRoot{Previous: lattice.Hash{1}}
	c := &conn{hot: h, fresh: f}
	ask := func(want finalVote, known bool) {
		t.Helper()
		if got, ok := c.hotVote(root); got != want || ok != known {
			t.Errorf("hotVote = %+v %t, want %+v %t", got, ok, want, known)
		}
	}
	ask(finalVote{}, true)
	c.fresh.votes[root] = finalVote{lattice.Hash{2}, true}
	ask(finalVote{lattice.Hash{2}, true}, true) // of this transaction
	h.publish(&c.fresh, 1)
	c.fresh.clear()
	ask(finalVote{lattice.Hash{2}, true}, true)
	h.publish(&c.fresh, hotVotes+1)
	ask(finalVote{}, false)
	h.publish(&c.fresh, 1) // which one is not known
	ask(finalVote{}, false)
	h.publish(&c.fresh, 0)
	ask(finalVote{}, true)
}
