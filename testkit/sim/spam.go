package sim

import (
	"errors"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

// maxSpam bounds the blocks that one spammer makes in a run.
const maxSpam = 120

// spamKind is what a spammer does.
type spamKind int

const (
	spamChain spamKind = iota // one account, block after block
	spamOpen                  // many accounts, each opened
	spamDust                  // many accounts, each sent the least amount
	spamKinds
)

// spammer makes blocks as fast as a node takes them, each on the one before,
// confirmed or not. What a node lost he gives it again.
type spammer struct {
	sim    *Sim
	kind   spamKind
	w      *testkit.Wallet
	home   int
	made   []*lattice.Block
	next   int    // of made: the first that the node has not taken
	asked  *owner // the node that owes an answer, in that life
	opened int
}

// spam adds a block to the spammer's and offers the node the next one.
func (p *spammer) spam() {
	node := p.sim.nodes[p.home]
	if !node.Alive() {
		return
	}
	if p.next == len(p.made) && len(p.made) < maxSpam {
		p.compose()
	}
	if p.next >= len(p.made) || p.asked == node.owner {
		return
	}
	b := p.made[p.next]
	hash := p.sim.net.HashOf(b)
	p.asked = node.owner
	node.process(b, func(err error) {
		p.asked = nil
		switch {
		case err == nil:
			p.sim.acknowledged(node, b, hash)
			p.next++
		case errors.Is(err, ledger.Old):
			p.next++
		case errors.Is(err, ledger.GapPrevious), errors.Is(err, ledger.GapSource):
			p.next = max(0, p.next-1)
		}
	})
}

// compose makes the next block, or the next two.
func (p *spammer) compose() {
	s, one := p.sim, lattice.AmountFrom(1)
	var to lattice.Account
	switch p.kind {
	case spamChain:
		to = p.w.Account()
	default:
		p.opened++
		to = p.target().Account()
		s.knowAccount(to)
	}
	send := p.w.Send(to, one)
	hash := p.w.Advance(send)
	p.add(send)
	switch p.kind {
	case spamChain:
		b := p.w.Receive(hash, one)
		p.w.Advance(b)
		p.add(b)
	case spamOpen:
		p.add(p.target().Open(hash, one, p.w.Info.Representative))
	case spamDust, spamKinds:
	}
}

func (p *spammer) target() *testkit.Wallet {
	return testkit.NewWallet(p.sim.net, key(6_000_000+10_000*p.home+1_000*int(p.kind)+p.opened))
}

func (p *spammer) add(b *lattice.Block) {
	p.made = append(p.made, b)
	p.sim.know(b)
	p.sim.result.Spam++
}

// naive is a user who takes what the node he uses shows for granted: he receives
// what is not confirmed, and after a block of his has gone makes another one in
// its place.
type naive struct {
	sim  *Sim
	w    *testkit.Wallet
	home int
}

// act makes one block.
func (v *naive) act() {
	node := v.sim.nodes[v.home]
	if !node.Alive() {
		return
	}
	s, rng := v.sim, v.sim.world.rng
	v.w.Info = node.account(v.w.Account())
	if !v.w.Info.Opened() {
		return
	}
	var entries []lattice.ReceivableEntry
	node.view(func(r storage.Reader) (err error) {
		entries, err = r.Receivables(v.w.Account(), lattice.Hash{}, 8)
		return err
	})
	var b *lattice.Block
	switch {
	case len(entries) > 0:
		e := entries[rng.IntN(len(entries))]
		b = v.w.Receive(e.Key.Send, e.Receivable.Amount)
	case !v.w.Info.Balance.IsZero():
		b = v.w.Send(s.naives[rng.IntN(len(s.naives))].w.Account(), lattice.AmountFrom(1+rng.Uint64N(v.w.Info.Balance.Lo)))
	default:
		return
	}
	s.know(b)
	hash := s.net.HashOf(b)
	s.result.Transfers++
	node.process(b, func(err error) {
		if err == nil {
			s.acknowledged(node, b, hash)
		}
	})
}
