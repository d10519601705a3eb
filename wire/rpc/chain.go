package rpc

import (
	"github.com/smallnano/smallnano/messages/lattice"
)

var chainActions = []*action{
	{
		name: "chain", role: Public, cost: 2,
		summary: "Hashes of a block and those before it in its chain.",
		params:  chainParams("newest first; with reverse, as successors"),
		result:  chainResult,
		errors:  append([]*errorKind{badCount}, blockErrors...), handle: func(c *call) (any, error) { return chain(c, false) },
	},
	{
		name: "successors", role: Public, cost: 2,
		summary: "Hashes of a block and those after it in its chain.",
		params:  chainParams("oldest first; with reverse, as chain"),
		result:  chainResult,
		errors:  append([]*errorKind{badCount}, blockErrors...), handle: func(c *call) (any, error) { return chain(c, true) },
	},
}

func chainParams(reverse string) []param {
	return []param{
		need("block", formHash, "cursor: the first block"),
		need("count", formCount, "most entries, at most 1000; -1 stands for 1000"),
		may("offset", formCount, "entries to leave out first, at most 10000"),
		may("reverse", formFlag, reverse),
	}
}

var chainResult = []field{
	has("blocks", formList, "the hashes"),
	has("blocks[]", formHash, "of a block"),
	maybe("next", formHash, "block of the next page; absent when there is no more"),
	maybe("pruned_height", formCount, "the chain ends here because blocks up to this height were pruned"),
}

func chain(c *call, forward bool) (any, error) {
	hash, count := c.hash("block"), c.count("count", maxEntries, maxEntries)
	offset, reverse := int(c.number("offset", 0, maxScan, badCount)), c.flag("reverse", false)
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	return &answer, c.view(func(l Ledger) error {
		b, err := knownBlock(l, hash)
		if err != nil {
			return err
		}
		walk := chainWalk{ledger: l, account: b.Block.Account, height: b.Height, forward: forward != reverse, left: count}
		if walk.info, err = l.Account(walk.account); err != nil {
			return err
		}
		walk.skip(uint64(offset))
		answer, err = walk.hashes()
		return err
	})
}

// skip leaves out the next n blocks without reading them.
func (w *chainWalk) skip(n uint64) {
	if w.forward {
		w.height += n
		return
	}
	w.height -= min(n, w.height)
}

func (w *chainWalk) hashes() (object, error) {
	hashes := []lattice.Hash{}
	for {
		b, ok, err := w.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		hashes = append(hashes, b.Hash)
	}
	answer := obj("blocks", hashes)
	switch {
	case !w.rest.IsZero():
		answer.set("next", w.rest)
	case !w.forward && w.info.PrunedHeight > 0:
		answer.set("pruned_height", w.info.PrunedHeight)
	}
	return answer, nil
}
