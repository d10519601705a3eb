package rpc

import (
	"context"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Traffic is what the actions need to look at blocks on their way, and to send
// them on it once more.
type Traffic interface {
	// UncheckedBlocks returns blocks that wait for another one, oldest first, after
	// the first offset; more says that there are others after these. Of an actor:
	// ErrOverloaded, ErrStopping.
	UncheckedBlocks(ctx context.Context, offset, most int) (list []UncheckedBlock, more bool, err error)
	// Republish sends blocks of the ledger to peers again, without waiting.
	Republish(blocks []lattice.Block)
}

// UncheckedBlock is a block that waits for another one.
type UncheckedBlock struct {
	Block   lattice.Block
	Hash    lattice.Hash
	Missing lattice.Hash
	Since   time.Time
}

// maxRepublish is how many blocks one call publishes again: as many as a queue
// to a peer takes without dropping others.
const maxRepublish = 64

var waitingActions = []*action{
	{
		name: "unchecked", role: Public, cost: 5,
		summary: "Blocks that came before the one they depend on, oldest first. Nobody has checked them against a ledger.",
		params:  append([]param{paramJSON}, pageParams...),
		result: []field{
			has("blocks", formMap, "by hash"),
			has("blocks.*", formBlock, "a string that holds JSON, or an object with json_block"),
			has("missing", formMap, "by hash, what it waits for"),
			has("missing.*", formHash, "hash of a block that is not here"),
			fieldNextOffset,
		},
		errors: []*errorKind{badCount}, handle: unchecked,
	},
	{
		name: "republish", role: Operator, cost: 5,
		summary: "Send a block of the ledger to peers again, with those that follow it in its chain.",
		params: []param{
			paramHash,
			may("count", formCount, "most blocks, from this one up; default and limit 64"),
		},
		result: []field{
			has("success", formText, "empty"),
			has("blocks", formList, "what was sent"),
			has("blocks[]", formHash, "a block"),
		},
		errors: []*errorKind{badHash, badCount, blockNotFound}, handle: republish,
	},
}

func unchecked(c *call) (any, error) {
	asObject, p := c.flag("json_block", false), readPage(c)
	if c.err != nil {
		return nil, c.err
	}
	list, more, err := c.backend.UncheckedBlocks(c.ctx, p.offset, p.count)
	if err != nil {
		return nil, err
	}
	blocks, missing := object{}, object{}
	for i := range list {
		name := list[i].Hash.String()
		blocks.set(name, blockValue(&list[i].Block, asObject))
		missing.set(name, list[i].Missing)
	}
	answer := obj("blocks", blocks, "missing", missing)
	if more {
		answer.set("next_offset", p.offset+len(list))
	}
	return answer, nil
}

func republish(c *call) (any, error) {
	hash, count := c.hash("hash"), c.count("count", maxRepublish, maxRepublish)
	if c.err != nil {
		return nil, c.err
	}
	var found []lattice.StoredBlock
	err := c.view(func(l Ledger) error {
		first, err := knownBlock(l, hash)
		if err == nil {
			found, err = l.Blocks(first.Block.Account, first.Height, max(count, 1))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	blocks, hashes := make([]lattice.Block, len(found)), make([]lattice.Hash, len(found))
	for i := range found {
		blocks[i], hashes[i] = found[i].Block, found[i].Hash
	}
	c.backend.Republish(blocks)
	return obj("success", "", "blocks", hashes), nil
}
