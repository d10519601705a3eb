package sim

import (
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

// walletFunds is what each honest wallet begins with.
var walletFunds = lattice.AmountFrom(1_000_000)

// wallet is an honest user. He makes one block at a time and repeats it until it
// is confirmed at the node he looks at; he never makes two blocks for one place.
type wallet struct {
	sim     *Sim
	w       *testkit.Wallet
	home    int            // the node he uses
	pending *lattice.Block // published, not confirmed where he looks
	hash    lattice.Hash
	first   *lattice.Block // of the last double spend of a scenario
	// lastRoot is where the last block of a scenario stands.
	lastRoot lattice.QualifiedRoot
	acked    map[int]bool // nodes that said that they had taken the block in
	made     int
}

// fundWallets composes the blocks that open the accounts of all users.
func (s *Sim) fundWallets() []*lattice.Block {
	var out []*lattice.Block
	fund := func(number, home int) *testkit.Wallet {
		w := testkit.NewWallet(s.net, key(number))
		send := s.genesis.Send(w.Account(), walletFunds)
		hash := s.genesis.Advance(send)
		open := w.Open(hash, walletFunds, testkit.AccountOf(s.repKey(home)))
		w.Advance(open)
		out = append(out, send, open)
		return w
	}
	for i := range s.opt.Accounts {
		home := i % s.opt.Nodes
		if s.opt.Weights != nil {
			home = 0 // the others have exactly what they are given
		}
		s.wallets = append(s.wallets, &wallet{sim: s, w: fund(i, home), home: home, acked: map[int]bool{}})
	}
	for i := range s.opt.Spammers {
		home := s.world.rng.IntN(s.opt.Nodes)
		s.spammers = append(s.spammers, &spammer{sim: s, w: fund(7_000_000+i, home), home: home, kind: spamKind(s.world.rng.IntN(int(spamKinds)))})
	}
	for i := range s.opt.Naives {
		home := i % s.opt.Nodes
		v := &naive{sim: s, w: fund(8_000_000+i, home), home: home}
		s.naives = append(s.naives, v)
		s.cheats[v.w.Account()] = true // builds on what cheats make, and makes other blocks when that goes
	}
	return out
}

// every lets f happen again and again, at random with this mean, while faults
// and users are at work.
func (s *Sim) every(mean time.Duration, f func()) {
	if mean <= 0 {
		return
	}
	s.world.after(s.env, time.Duration(s.world.rng.ExpFloat64()*float64(mean)), func() {
		if s.calm {
			return
		}
		s.pending = append(s.pending, f)
		s.every(mean, f)
	})
}

func (s *Sim) startWorkload() {
	if len(s.wallets) > 0 {
		busy := s.wallets[min(s.opt.Cold, len(s.wallets)-1):]
		s.every(s.opt.TransferEvery, func() { busy[s.world.rng.IntN(len(busy))].act() })
		s.every(s.opt.ForkEvery, s.doubleSpend)
	}
	for _, p := range s.spammers {
		s.every(s.opt.SpamEvery, p.spam)
	}
	if len(s.naives) > 0 {
		s.every(s.opt.TransferEvery, func() { s.naives[s.world.rng.IntN(len(s.naives))].act() })
	}
}

// act looks at the node, and makes the next block if the last one is confirmed.
func (w *wallet) act() {
	s := w.sim
	node := s.nodes[w.home]
	if !node.Alive() {
		w.home = s.world.rng.IntN(len(s.nodes))
		return
	}
	if w.pending != nil {
		w.look(node)
	}
	if w.pending == nil {
		w.compose(node)
	}
	w.publish(node)
}

// look finds out whether the last block is confirmed.
func (w *wallet) look(node *Node) {
	node.view(func(r storage.Reader) error {
		b, found, err := r.Block(w.hash)
		if err == nil && found && b.Confirmed {
			w.w.Advance(w.pending)
			w.pending = nil
			w.acked = map[int]bool{}
		}
		return err
	})
}

// compose makes a block: it receives what is confirmed and waiting, or sends to
// somebody, now and then to the wallet itself, or changes the representative.
func (w *wallet) compose(node *Node) {
	s, rng := w.sim, w.sim.world.rng
	var entries []lattice.ReceivableEntry
	node.view(func(r storage.Reader) (err error) {
		entries, err = r.Receivables(w.w.Account(), lattice.Hash{}, 8)
		return err
	})
	for _, e := range entries {
		if e.Receivable.Confirmed {
			w.take(w.w.Receive(e.Key.Send, e.Receivable.Amount))
			return
		}
	}
	switch balance := w.w.Info.Balance; {
	case rng.IntN(10) == 0:
		rep := testkit.AccountOf(s.repKey(rng.IntN(len(s.nodes))))
		if rep != w.w.Info.Representative {
			w.take(w.w.Change(rep))
		}
	case !balance.IsZero():
		to := s.wallets[rng.IntN(len(s.wallets))].w.Account() // may be himself
		w.take(w.w.Send(to, lattice.AmountFrom(1+rng.Uint64N(balance.Lo))))
	}
}

func (w *wallet) take(b *lattice.Block) {
	w.sim.know(b)
	w.pending, w.hash = b, w.sim.net.HashOf(b)
	w.made++
	w.sim.result.Transfers++
	w.sim.world.trace.event("wallet %s makes %s", short(w.w.Account()), short(w.hash))
}

// publish gives the block to a node. That the node says yes is a promise.
func (w *wallet) publish(node *Node) {
	if w.pending == nil {
		return
	}
	b, hash := w.pending, w.hash
	node.process(b, func(err error) {
		if err == nil {
			w.sim.acknowledged(node, b, hash)
		}
	})
}

// doubleSpend publishes two blocks for one place, each to another node, the
// second now and then when the first may be confirmed.
func (s *Sim) doubleSpend() {
	rng := s.world.rng
	first := rng.IntN(len(s.wallets))
	a, b := s.somebody(), s.somebody()
	w := s.wallets[first]
	for i := 1; i < len(s.wallets) && w.pending != nil; i++ { // most wait for their last block
		w = s.wallets[(first+i)%len(s.wallets)]
	}
	if w.pending != nil || w.w.Info.Balance.IsZero() || !a.Alive() || !b.Alive() {
		return
	}
	to := rng.IntN(len(s.wallets))
	one := w.w.Send(s.wallets[to].w.Account(), lattice.AmountFrom(1))
	two := w.w.Send(s.wallets[(to+1)%len(s.wallets)].w.Account(), w.w.Info.Balance)
	if len(s.naives) > 0 && rng.IntN(2) == 0 { // one that builds on what will go
		two = w.w.Send(s.naives[rng.IntN(len(s.naives))].w.Account(), w.w.Info.Balance)
	}
	delay := time.Duration(0)
	if rng.IntN(3) == 0 {
		delay = s.draw(3 * time.Second)
	}
	s.fork(w, []*lattice.Block{one, two}, []*Node{a, b}, delay)
}

// fork publishes blocks for one place of a wallet, the i-th at the i-th node, each
// a delay after the one before.
func (s *Sim) fork(w *wallet, blocks []*lattice.Block, at []*Node, delay time.Duration) {
	s.result.Forks++
	s.cheats[w.w.Account()] = true
	for i, b := range blocks {
		s.know(b)
		n := at[i%len(at)]
		s.world.trace.event("double spend of %s: %s at n%d", short(w.w.Account()), short(s.net.HashOf(b)), n.ID)
		s.world.after(s.env, time.Duration(i)*delay, func() {
			s.pending = append(s.pending, func() {
				if n.Alive() {
					n.process(b, func(error) {}) // which of them stays is another matter
				}
			})
		})
	}
	// He cannot go on before one of them is confirmed: he looks for all.
	s.await(w, blocks...)
}

// await makes the wallet go on from whichever block is confirmed.
func (s *Sim) await(w *wallet, blocks ...*lattice.Block) {
	w.pending, w.hash = blocks[0], s.net.HashOf(blocks[0])
	s.world.after(s.env, time.Second, func() {
		s.pending = append(s.pending, func() {
			node := s.nodes[w.home]
			if !node.Alive() {
				s.await(w, blocks...)
				return
			}
			for _, b := range blocks {
				if info := node.account(w.w.Account()); info.ConfirmedHeight > w.w.Info.Height {
					hash := s.net.HashOf(b)
					node.view(func(r storage.Reader) error {
						stored, found, err := r.Block(hash)
						if found && stored.Confirmed {
							w.w.Advance(b)
							w.pending = nil
						}
						return err
					})
					if w.pending == nil {
						return
					}
				}
			}
			s.await(w, blocks...)
		})
	})
}
