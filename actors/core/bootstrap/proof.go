package bootstrap

import (
	"slices"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// maxProof is how many blocks of a chain are looked at to find out where it leads.
const maxProof = 1 << 16

// proof is a chain that one peer gives and that has another block in the place of one
// of ours, followed from the confirmed frontier up to the block that is voted for. Each
// block names the one before it by its hash, so who votes for the last has voted for
// all. Only the blocks where it parts from ours are kept; the rest is fetched again when
// those have their place.
type proof struct {
	first  uint64  // height of the first of blocks
	blocks []Block // at most MaxPullBlocks; none: it is as ours so far
	seen   int     // blocks
}

// index returns where a block is, -1 when it is not there.
func index(blocks []Block, hash lattice.Hash) int {
	return slices.IndexFunc(blocks, func(b Block) bool { return b.Hash == hash })
}

// prove takes a part of the chain of a block that is voted for, while unconfirmed
// blocks of ours are in its way. It is delivered when that block is reached, or cannot
// be, and asked for further until then.
func (c *Client) prove(r *request, a *Blocks, local Ledger, now time.Time) error {
	t, n := r.task, len(a.Blocks)
	if t.proof == nil {
		t.proof = &proof{}
	}
	p, last := t.proof, a.Blocks[n-1].Hash
	p.seen += n
	if p.blocks == nil {
		_, ours, err := local.Block(last)
		if err != nil {
			c.queue(t, true)
			return ledgerError("see whether a chain is ours", t.account(), err)
		}
		if !ours {
			p.first, p.blocks = a.First, a.Blocks
		}
	}
	height := a.First + uint64(n) - 1
	peer := c.peer(r.Conn)
	switch {
	case index(a.Blocks, t.target.Hash) >= 0:
		c.deliverProof(t, r, t.target.Hash, now)
	case n < r.Count, height >= t.target.Height, p.seen >= maxProof, peer == nil:
		c.deliverProof(t, r, lattice.Hash{}, now)
	default:
		t.asked = true
		c.send(&request{task: t, forked: true, prev: last, Request: Request{
			Kind: AskBlocks, Mode: ByAccount, Account: t.account(), Height: height + 1, Count: r.Count,
		}}, peer, now)
	}
	return nil
}

// deliverProof hands over the blocks where the chain parts from ours, and what they
// are proven to lead to: the head, or nothing.
func (c *Client) deliverProof(t *task, r *request, head lattice.Hash, now time.Time) {
	p := t.proof
	t.proof = nil
	if p.blocks == nil { // it is ours, as far as that peer has it
		c.tried(t, r.Conn)
		c.queue(t, true)
		return
	}
	c.deliver(t, r.Conn, &Blocks{First: p.first, Blocks: p.blocks}, now, false)
	c.ready.Deliver[len(c.ready.Deliver)-1].Head = head
}
