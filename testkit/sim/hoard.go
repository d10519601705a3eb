package sim

import (
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
)

// hoard is a chain that nobody has but the liars, who serve it as if it was
// confirmed: the loser of a double spend, what was built on it, and all below.
type hoard []lattice.Block

// hoard gives the liars a chain that ends with so many blocks on the first one of the
// last double spend. What is below that one is confirmed and known to the first node.
func (s *Sim) hoard(w *wallet, blocks int) error {
	var h hoard
	err := s.nodes[0].store.View(func(r storage.Reader) error {
		for {
			b, found, err := r.BlockAt(w.w.Account(), uint64(len(h))+1)
			if err != nil || !found || b.Block.Previous == w.first.Previous {
				return err
			}
			h = append(h, b.Block)
		}
	})
	h = append(h, *w.first)
	for _, b := range w.grow(blocks) {
		h = append(h, *b)
	}
	for _, l := range s.liars {
		l.hoard = h
	}
	return err
}

// hoards is a trick that does nothing by itself.
func (*liar) hoards() {}

// serveBlocks answers a request for blocks of the hoard, and as who has nothing else.
func (l *liar) serveBlocks(c *lie, q *wire.PullReq) {
	ack, h := &wire.PullAck{ID: q.ID, Status: wire.PullUnknown}, l.hoard
	at := -1
	switch {
	case q.Mode == wire.PullByHash:
		at = slices.IndexFunc(h, func(b lattice.Block) bool { return l.sim.net.HashOf(&b) == lattice.Hash(q.Key) })
	case len(h) > 0 && lattice.Account(q.Key) == h[0].Account:
		at = int(min(q.StartHeight-1, uint64(len(h))))
	}
	if at >= 0 && at < len(h) {
		ack.Status, ack.FirstHeight = wire.PullOK, uint64(at)+1
		ack.Blocks = h[at:min(at+int(q.Count), len(h))]
	}
	c.say(ack)
}

// serveFrontiers tells the head of the hoard.
func (l *liar) serveFrontiers(c *lie, q *wire.FrontierReq) {
	ack, h := &wire.FrontierAck{ID: q.ID}, l.hoard
	if len(h) > 0 && slices.Compare(h[0].Account[:], q.Start[:]) >= 0 {
		head := &h[len(h)-1]
		ack.Frontiers = []wire.Frontier{{Account: head.Account, Hash: l.sim.net.HashOf(head), Height: uint64(len(h))}}
	}
	c.say(ack)
}
