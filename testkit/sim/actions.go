package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// action reads what a scenario does at a time.
func action(words []string) (func(*Sim) error, error) {
	args := words[1:]
	switch words[0] {
	case "expect":
		return expectation(args)
	case "cut":
		return cutAction(args)
	case "heal":
		return func(s *Sim) error { s.heal(); return nil }, nil
	case "crash", "power", "start":
		if len(args) == 0 {
			return nil, fmt.Errorf("want %s NODE...", words[0])
		}
		nodes, err := numbers(args)
		return eachNode(nodes, func(s *Sim, n *Node) error { return n.turn(words[0]) }), err
	case "fail":
		if len(args) == 3 && failures[args[1]] != nil {
			return failHolding(args)
		}
		if len(args) != 2 {
			return nil, fmt.Errorf("want fail NODE ACTOR, or fail NODE holding|waiting BLOCKS")
		}
		if failures[args[1]] != nil {
			return failHolding(append(args, "1"))
		}
		nodes, err := numbers(args[:1])
		return eachNode(nodes, func(s *Sim, n *Node) error {
			if args[1] == "after-commit" {
				n.failAfterCommit()
				return nil
			}
			s.result.Panics++
			return n.running.Backend().FailActor(args[1])
		}), err
	case "disk":
		return diskAction(args)
	case "clock":
		return clockAction(args)
	case "send", "fork", "chain", "grow", "bind":
		return walletAction(words[0], args)
	}
	return nil, fmt.Errorf("unknown action %q", words[0])
}

// failHolding reads "NODE holding BLOCKS": the block processor fails as soon as it has
// so many in hand.
func failHolding(args []string) (func(*Sim) error, error) {
	two, err := numbers([]string{args[0], args[2]})
	if err != nil {
		return nil, err
	}
	if two[1] < 1 {
		return nil, fmt.Errorf("fail %s %d: want at least 1 block", args[1], two[1])
	}
	return eachNode(two[:1], func(s *Sim, n *Node) error {
		s.planned = append(s.planned, planned{n, args[1], two[1]})
		return nil
	}), nil
}

func eachNode(nodes []int, f func(*Sim, *Node) error) func(*Sim) error {
	return func(s *Sim) error {
		for _, i := range nodes {
			n, err := s.node(i)
			if err == nil {
				err = f(s, n)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// turn starts or ends a node.
func (n *Node) turn(how string) error {
	switch {
	case how == "start" && n.Alive(), how != "start" && !n.Alive():
		return fmt.Errorf("node %d: cannot %s, alive=%v", n.ID, how, n.Alive())
	case how == "start":
		n.start()
	default:
		n.crash(how == "power")
		n.sim.lost(n, how == "power")
	}
	return nil
}

// cutAction reads "A B | C D": nothing passes between the two sides.
func cutAction(words []string) (func(*Sim) error, error) {
	left, right, ok := strings.Cut(strings.Join(words, " "), "|")
	if !ok {
		return nil, fmt.Errorf("want cut NODES | NODES")
	}
	a, err := numbers(strings.Fields(left))
	if err != nil {
		return nil, err
	}
	b, err := numbers(strings.Fields(right))
	return func(s *Sim) error {
		s.result.Cuts++
		for _, i := range append(slices.Clone(a), b...) {
			if _, err := s.node(i); err != nil {
				return err
			}
		}
		for _, x := range a {
			for _, y := range b {
				s.network.cut[[2]int{min(x, y), max(x, y)}] = true
			}
		}
		return nil
	}, err
}

// diskAction reads "NODE full", "NODE loose", "NODE ok", "NODE failing PERMILLE" or "NODE slow
// TIME".
func diskAction(words []string) (func(*Sim) error, error) {
	if len(words) < 2 {
		return nil, fmt.Errorf("want disk NODE full|loose|ok|failing PERMILLE|slow TIME")
	}
	nodes, err := numbers(words[:1])
	if err != nil {
		return nil, err
	}
	d := disk{}
	switch {
	case words[1] == "ok":
	case words[1] == "full":
		d.full = true
	case words[1] == "loose":
		d.loose = true
	case words[1] == "failing" && len(words) == 3:
		d.failing, err = strconv.Atoi(words[2])
	case words[1] == "slow" && len(words) == 3:
		d.slow, err = time.ParseDuration(words[2])
	default:
		return nil, fmt.Errorf("want disk NODE full|loose|ok|failing PERMILLE|slow TIME")
	}
	return eachNode(nodes, func(_ *Sim, n *Node) error { n.disk = d; return nil }), err
}

// clockAction reads "NODE TIME": the machine's clock is set, which a process only
// notices when it starts anew: while it runs, Go reckons with a clock that never
// jumps.
func clockAction(words []string) (func(*Sim) error, error) {
	if len(words) != 2 {
		return nil, fmt.Errorf("want clock NODE TIME")
	}
	nodes, err := numbers(words[:1])
	if err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(words[1])
	return eachNode(nodes, func(_ *Sim, n *Node) error { n.wrong += by; return nil }), err
}

// walletAction reads "send WALLET WALLET at NODE" and "fork WALLET BLOCKS at
// NODE...": the i-th block is given to the i-th node. "chain WALLET BLOCKS at NODE"
// makes so many blocks at once, each on the one before; "grow" does so on the first
// block of the last double spend, with "at liars" for them to serve.
func walletAction(what string, words []string) (func(*Sim) error, error) {
	if len(words) < 4 || words[2] != "at" {
		return nil, fmt.Errorf("want %s WALLET NUMBER at NODE...", what)
	}
	two, err := numbers(words[:2])
	if err != nil {
		return nil, err
	}
	if what != "send" && two[1] < 1 {
		return nil, fmt.Errorf("%s of %d blocks, want at least 1", what, two[1])
	}
	var nodes []int
	liars := what == "grow" && slices.Equal(words[3:], []string{"liars"})
	if !liars {
		nodes, err = numbers(words[3:])
	}
	return func(s *Sim) error {
		w, err := s.user(two[0])
		if err != nil {
			return err
		}
		var at []*Node
		if err := eachNode(nodes, func(_ *Sim, n *Node) error { at = append(at, n); return nil })(s); err != nil {
			return err
		}
		if w.pending != nil && what != "grow" {
			return fmt.Errorf("wallet %d still waits for its last block", two[0])
		}
		if what == "send" {
			to, err := s.user(two[1])
			if err != nil {
				return err
			}
			w.take(w.w.Send(to.w.Account(), lattice.AmountFrom(1)))
			w.home, w.lastRoot = at[0].ID, w.pending.QualifiedRoot()
			w.publish(at[0])
			s.await(w, w.pending)
			return nil
		}
		if what == "bind" {
			if len(at) != 2 || two[1] < 0 || two[1] >= len(s.wallets) {
				return fmt.Errorf("want bind WALLET WALLET at NODE NODE")
			}
			s.bind(w, s.wallets[two[1]], at[0], at[1])
			return nil
		}
		if what == "chain" && w.w.Info.Balance.Cmp(lattice.AmountFrom(uint64(two[1]))) < 0 {
			return fmt.Errorf("wallet %d has %s raw, too little for %d blocks", two[0], w.w.Info.Balance.Raw(), two[1])
		}
		switch {
		case what == "chain":
			w.chain(at[0], two[1])
			return nil
		case what == "grow" && w.first == nil:
			return fmt.Errorf("wallet %d has not spent twice", two[0])
		case liars:
			return s.hoard(w, two[1])
		case what == "grow":
			s.give(at[0], w.grow(two[1]))
			return nil
		}
		var blocks []*lattice.Block
		for i := range two[1] {
			to := s.wallets[i%len(s.wallets)].w.Account()
			blocks = append(blocks, w.w.Send(to, lattice.AmountFrom(uint64(1+i))))
		}
		w.first, w.lastRoot = blocks[0], blocks[0].QualifiedRoot()
		s.fork(w, blocks, at, 0)
		return nil
	}, err
}

// bind makes two blocks for one place. The representative of one node has voted
// finally for the one, in a life of which nobody remembers anything; the other one is
// given to another node.
func (s *Sim) bind(w, to *wallet, bound, n *Node) {
	lost := w.w.Send(to.w.Account(), lattice.AmountFrom(2))
	s.know(lost)
	root, hash := lost.QualifiedRoot(), s.net.HashOf(lost)
	s.must(bound.store.Store.UpdateDurable(func(tx storage.Tx) error {
		_, err := tx.PutFinalVote(root, hash)
		return err
	}))
	bound.store.keep()
	s.seen.finals[finalKey{bound.ID, root}] = hash
	s.cheats[w.w.Account()] = true
	w.take(w.w.Send(to.w.Account(), lattice.AmountFrom(1)))
	w.home, w.lastRoot = n.ID, root
	w.publish(n)
	s.await(w, w.pending)
}

// grow makes blocks on the first one of the last double spend, though it was not
// confirmed.
func (w *wallet) grow(blocks int) []*lattice.Block {
	on, made := *w.w, make([]*lattice.Block, blocks)
	on.Advance(w.first)
	for i := range made {
		made[i] = on.Send(on.Account(), lattice.AmountFrom(1))
		on.Advance(made[i])
		w.sim.know(made[i])
	}
	return made
}

// give hands blocks to a node, each when the one before was taken in.
func (s *Sim) give(n *Node, made []*lattice.Block) {
	var give func(i int)
	give = func(i int) {
		n.process(made[i], func(err error) {
			if errors.Is(err, mailbox.ErrFailed) { // not refused: whoever made it hands it over again
				give(i)
				return
			}
			if err != nil {
				s.violate("scenario", "node %d refuses block %d of a chain: %v", n.ID, i, err)
			}
			if i++; i < len(made) {
				give(i)
			}
		})
	}
	give(0)
}

// chain makes blocks, each on the one before, and gives them to a node one after
// the other.
func (w *wallet) chain(n *Node, blocks int) {
	s, made := w.sim, make([]*lattice.Block, blocks)
	for i := range made {
		to := s.wallets[(i+1)%len(s.wallets)].w.Account()
		made[i] = w.w.Send(to, lattice.AmountFrom(1))
		w.hash = w.w.Advance(made[i])
		s.know(made[i])
	}
	s.result.Transfers += blocks
	s.give(n, made)
	w.home, w.lastRoot = n.ID, made[blocks-1].QualifiedRoot()
}
