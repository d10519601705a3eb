package rpc

import (
	"github.com/smallnano/smallnano/messages/lattice"
)

var processActions = []*action{
	{
		name: "process", role: Public, cost: 5,
		summary: "Insert a signed block into the ledger and publish it. The answer comes after the block was stored; whether the " +
			"network confirms it is told by block_info and confirmations_since.",
		params: []param{
			need("block", formBlock, "the block, as object or as a string that holds JSON"),
			may("subtype", formText, "open, send, receive or change: refuse the block if it does anything else"),
			paramJSON,
		},
		result: []field{has("hash", formHash, "of the block")},
		errors: []*errorKind{badBlock, badSubtype, subtypeBalance, subtypePrevious, insufficientWork, openedBurn, oldBlock, badSignature,
			forkBlock, gapPrevious, gapSource, unreceivable, balanceMismatch, noChange, readOnly},
		handle: process,
	},
}

func process(c *call) (any, error) {
	b := c.block("block", true)
	var meant lattice.Subtype
	if c.has("subtype") {
		var err error
		if meant, err = lattice.ParseSubtype(c.word("subtype")); err != nil {
			c.fail(badSubtype.because("subtype: %s", err))
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	if meant != 0 {
		if err := c.checkSubtype(&b, meant); err != nil {
			return nil, err
		}
	}
	hash, err := c.backend.Process(c.ctx, &b)
	return obj("hash", hash), err
}

// checkSubtype refuses a block that does something else than what is meant: a
// wrong balance would give money away.
func (c *call) checkSubtype(b *lattice.Block, meant lattice.Subtype) error {
	if b.Previous.IsZero() {
		if meant != lattice.Open && meant != lattice.Receive {
			return subtypePrevious.because("block.previous: without a previous block it is an open, not a %s", meant)
		}
		return nil
	}
	if meant == lattice.Open {
		return subtypePrevious.because("block.previous: an open has none")
	}
	return c.view(func(l Ledger) error {
		previous, found, err := l.Block(b.Previous)
		if err != nil {
			return err
		}
		if !found {
			return gapPrevious.because("block.previous: block %s is not in this ledger, so it cannot be told whether this is a %s", b.Previous, meant)
		}
		if is := b.Subtype(previous.Block.Balance); is != meant {
			return subtypeBalance.because("block.balance: by its balance it is a %s; the balance before it is %s raw", is, previous.Block.Balance.Raw())
		}
		return nil
	})
}
