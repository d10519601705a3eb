package sim

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

// seen is what the checkers remember of a run.
type seen struct {
	// confirmed is the block that each root was confirmed with, by any node.
	confirmed map[lattice.QualifiedRoot]lattice.Hash
	// heights is the confirmed height of each account at each node; it never falls
	// but by a power loss.
	heights map[int]map[lattice.Account]uint64
	// sequence is how far each node's confirmation sequence was looked at.
	sequence map[int]uint64
	reached  map[int]uint64 // how far that was before a power loss
	planted  uint64         // how far it was when the world began
	finals   map[finalKey]lattice.Hash
	acks     map[int]map[lattice.Hash]lattice.Block
	// tops are the greatest heights that accounts had at each node.
	tops    map[int]map[lattice.Account]uint64
	commits uint64

	// blocks are all that anybody made, accounts all that anything was sent to.
	blocks   map[lattice.Hash]lattice.Block
	accounts map[lattice.Account]struct{}
	honest   map[lattice.Account]*Node // whose representative each is
}

type finalKey struct {
	node int
	root lattice.QualifiedRoot
}

func newSeen() seen {
	return seen{
		confirmed: map[lattice.QualifiedRoot]lattice.Hash{}, heights: map[int]map[lattice.Account]uint64{},
		sequence: map[int]uint64{}, reached: map[int]uint64{}, finals: map[finalKey]lattice.Hash{}, acks: map[int]map[lattice.Hash]lattice.Block{}, tops: map[int]map[lattice.Account]uint64{},
		blocks: map[lattice.Hash]lattice.Block{}, accounts: map[lattice.Account]struct{}{}, honest: map[lattice.Account]*Node{},
	}
}

// fullCheckEvery is how many commits pass between two checks of whole ledgers.
const fullCheckEvery = 50

// committed looks at a node's ledger after a commit.
func (s *Sim) committed(n *Node, err error) {
	if n.running == nil || n.owner.dead {
		return
	}
	if err != nil {
		s.world.trace.event("n%d commits err=%v", n.ID, err)
		return
	}
	s.world.trace.committed(n.ID)
	s.seen.commits++
	full := s.seen.commits%fullCheckEvery == 0
	if full || n.cements || s.seen.sequence[n.ID] == 0 {
		n.cements = false
		n.view(func(r storage.Reader) error { return s.checkConfirmations(n, r) })
	}
	if full {
		s.checkLedger(n)
		s.checkVoices(n)
	}
}

// checkVoices checks that a node takes nobody for the node of a representative that
// is another's.
func (s *Sim) checkVoices(n *Node) {
	for _, d := range n.running.Backend().Quorum().Details {
		at := d.Address.Addr()
		known := false
		if whose := s.seen.honest[d.Account]; whose != nil {
			known = at == s.opt.address(whose.ID).Addr()
		}
		for _, l := range s.liars {
			for life := 1; life <= l.lives && testkit.AccountOf(l.rep) == d.Account; life++ {
				known = known || at == s.opt.liarAddress(l.number, life).Addr()
			}
		}
		if !known {
			s.violate("voices", "node %d believes that %v votes at %v", n.ID, d.Account, d.Address)
		}
	}
}

// checkConfirmations checks what was cemented since the last look: gap-free, no
// root two ways.
func (s *Sim) checkConfirmations(n *Node, r storage.Reader) error {
	next := s.seen.sequence[n.ID] + 1
	for {
		page, err := r.Confirmations(next, 256)
		if err != nil {
			return err
		}
		for _, c := range page {
			if n.prunes() && c.Sequence <= max(s.seen.reached[n.ID], s.seen.planted) {
				next = max(next, c.Sequence) // entries of blocks that are gone go, too
			}
			if c.Sequence != next {
				s.violate("sequence", "node %d: number %d after %d", n.ID, c.Sequence, next-1)
			}
			next++
			if err := s.checkConfirmed(n, r, c); err != nil {
				return err
			}
		}
		if len(page) < 256 {
			s.seen.sequence[n.ID] = next - 1
			return nil
		}
	}
}

func (s *Sim) checkConfirmed(n *Node, r storage.Reader, c lattice.Confirmation) error {
	b, found, err := r.Block(c.Hash)
	if err != nil {
		return err
	}
	if !found && n.prunes() {
		return nil
	}
	if !found || !b.Confirmed {
		s.violate("sequence", "node %d: number %d is block %v, found=%v confirmed=%v", n.ID, c.Sequence, c.Hash, found, b.Confirmed)
	}
	if _, made := s.seen.blocks[c.Hash]; !made && c.Hash != s.net.GenesisHash {
		s.violate("theft", "node %d confirmed block %v of %v, which its owner never made", n.ID, c.Hash, b.Block.Account)
	}
	root := b.Block.QualifiedRoot()
	if other, known := s.seen.confirmed[root]; known && other != c.Hash {
		s.violate("agreement", "root %v was confirmed with %v and, by node %d, with %v", root, other, n.ID, c.Hash)
	}
	s.seen.confirmed[root] = c.Hash
	if b.Subtype == lattice.Receive || b.Subtype == lattice.Open && c.Hash != s.net.GenesisHash {
		source, found, err := r.Block(lattice.Hash(b.Block.Link))
		if err != nil {
			return err
		}
		if found && !source.Confirmed {
			s.violate("dependencies", "node %d confirmed %v before its source %v", n.ID, c.Hash, source.Hash)
		}
	}
	return nil
}

// acknowledged notes that a node promised to keep a block.
func (s *Sim) acknowledged(n *Node, b *lattice.Block, hash lattice.Hash) {
	if s.seen.acks[n.ID] == nil {
		s.seen.acks[n.ID] = map[lattice.Hash]lattice.Block{}
	}
	s.seen.acks[n.ID][hash] = *b
}

// checkPromise checks that a node has a block at the moment at which it says so.
func (s *Sim) checkPromise(n *Node, hash lattice.Hash) {
	n.view(func(r storage.Reader) error {
		_, found, err := r.Block(hash)
		if err == nil && !found {
			s.violate("acknowledged", "node %d says that it has taken in block %v, and does not have it", n.ID, hash)
		}
		return err
	})
}

// lost checks, after a crash, what the node still has, and forgets what a power
// loss may take.
func (s *Sim) lost(n *Node, power bool) {
	if power {
		s.seen.reached[n.ID] = max(s.seen.reached[n.ID], s.seen.sequence[n.ID])
		s.seen.sequence[n.ID] = 0
		delete(s.seen.heights, n.ID)
		delete(s.seen.acks, n.ID)
		return
	}
	n.view(func(r storage.Reader) error {
		for _, hash := range sortedHashes(s.seen.acks[n.ID]) {
			b := s.seen.acks[n.ID][hash]
			_, found, err := r.Block(hash)
			if err != nil {
				return err
			}
			if root := b.QualifiedRoot(); !found && !n.prunes() && s.contested(r, root, hash) == (lattice.Hash{}) {
				s.violate("acknowledged", "node %d lost block %v of root %v in a crash", n.ID, hash, root)
			}
		}
		return nil
	})
}

// contested returns another block that stands at the place of a root, or one that
// went and took the root's with it.
func (s *Sim) contested(r storage.Reader, root lattice.QualifiedRoot, hash lattice.Hash) lattice.Hash {
	b := s.seen.blocks[hash]
	if _, sent := s.seen.blocks[lattice.Hash(b.Link)]; sent {
		_, found, err := r.Block(lattice.Hash(b.Link))
		s.must(err)
		if !found {
			return lattice.Hash(b.Link)
		}
	}
	height := uint64(1)
	if !root.Previous.IsZero() {
		p, found, err := r.Block(root.Previous)
		s.must(err)
		if !found {
			return root.Previous // it went with what it stood on
		}
		height = p.Height + 1
	}
	other, found, err := r.BlockAt(root.Account, height)
	s.must(err)
	if found && other.Hash != hash {
		return other.Hash
	}
	return lattice.Hash{}
}

func sortedHashes(m map[lattice.Hash]lattice.Block) []lattice.Hash {
	out := make([]lattice.Hash, 0, len(m))
	for h := range m {
		out = append(out, h)
	}
	sort.Slice(out, func(i, j int) bool { return bytes.Compare(out[i][:], out[j][:]) < 0 })
	return out
}

// checkLedger checks a whole ledger: the supply, the weights, heights that never
// fall.
func (s *Sim) checkLedger(n *Node) {
	heights := s.seen.heights[n.ID]
	if heights == nil {
		heights = map[lattice.Account]uint64{}
		s.seen.heights[n.ID] = heights
	}
	n.view(func(r storage.Reader) error {
		sum, together := lattice.Amount{}, lattice.Amount{}
		weights := map[lattice.Account]lattice.Amount{}
		err := everyAccount(r, func(e lattice.AccountEntry) error {
			sum = sum.SatAdd(e.Info.Balance)
			if e.Info.ConfirmedHeight < heights[e.Account] {
				s.violate("confirmed", "node %d: confirmed height of %v fell from %d to %d", n.ID, e.Account, heights[e.Account], e.Info.ConfirmedHeight)
			}
			heights[e.Account] = e.Info.ConfirmedHeight
			if err := s.checkKept(n, r, &e); err != nil {
				return err
			}
			if e.Info.ConfirmedHeight > 0 {
				b, _, err := r.Block(e.Info.ConfirmedFrontier)
				if err != nil {
					return err
				}
				if !b.Block.Balance.IsZero() {
					weights[b.Block.Representative] = weights[b.Block.Representative].SatAdd(b.Block.Balance)
				}
			}
			for h := e.Info.ConfirmedHeight + 1; h <= e.Info.Height; h++ {
				b, _, err := r.BlockAt(e.Account, h)
				if err != nil {
					return err
				}
				if b.Subtype == lattice.Send {
					continue
				}
				if source, found, _ := r.Block(lattice.Hash(b.Block.Link)); found && source.Confirmed {
					weights[source.Block.Representative] = weights[source.Block.Representative].SatAdd(b.Amount)
				}
			}
			return nil
		})
		for a := range s.seen.accounts { // the order does not matter
			err = errors.Join(err, everyReceivable(r, a, func(entry lattice.ReceivableEntry) {
				sum = sum.SatAdd(entry.Receivable.Amount)
				send, found, err := r.Block(entry.Key.Send)
				if err == nil && !found {
					s.violate("kept", "node %d: send %v waits to be received by %v, and is not in the ledger", n.ID, entry.Key.Send, a)
				}
				if send.Confirmed {
					weights[send.Block.Representative] = weights[send.Block.Representative].SatAdd(send.Amount)
				}
			}))
		}
		if err != nil {
			return err
		}
		if sum != lattice.Supply {
			s.violate("supply", "node %d: balances and receivables are %v raw, the supply is %v", n.ID, sum.Raw(), lattice.Supply.Raw())
		}
		stored := map[lattice.Account]lattice.Amount{}
		if err := r.Weights(func(rep lattice.Account, w lattice.Amount) bool {
			if together = together.SatAdd(w); !w.IsZero() {
				stored[rep] = w
			}
			return true
		}); err != nil {
			return err
		}
		if !maps.Equal(stored, weights) {
			s.violate("weights", "node %d: stored %v, recounted %v", n.ID, stored, weights)
		}
		if together != lattice.Supply {
			s.violate("weights", "node %d: they are %v raw together, the supply is %v", n.ID, together.Raw(), lattice.Supply.Raw())
		}
		return nil
	})
}

// checkKept checks that a node that prunes has the newest blocks of an account: as
// many as it is to keep, and all that is not confirmed.
func (s *Sim) checkKept(n *Node, r storage.Reader, e *lattice.AccountEntry) error {
	top := s.seen.tops[n.ID]
	if top == nil {
		top = map[lattice.Account]uint64{}
		s.seen.tops[n.ID] = top
	}
	top[e.Account] = max(top[e.Account], e.Info.Height) // it was pruned by the height that it had then
	// Of the others the chain holds together anyway: what is above rests on it.
	first := e.Info.Height
	if n.prunes() {
		first = 1
		if t := top[e.Account]; t > s.opt.Keep && e.Info.ConfirmedHeight > 0 {
			first = min(t-s.opt.Keep, e.Info.ConfirmedHeight-1) + 1
		}
	}
	for h := first; h <= e.Info.Height; h++ {
		if _, found, err := r.BlockAt(e.Account, h); err != nil || !found {
			if err == nil {
				s.violate("kept", "node %d: block %d of %d of %v is not in the ledger", n.ID, h, e.Info.Height, e.Account)
			}
			return err
		}
	}
	return nil
}

func everyAccount(r storage.Reader, f func(lattice.AccountEntry) error) error {
	const page = 256
	next := lattice.Account{}
	for {
		entries, err := r.Accounts(next, page)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := f(e); err != nil {
				return err
			}
		}
		if len(entries) < page {
			return nil
		}
		next = entries[len(entries)-1].Account
		for i := len(next) - 1; i >= 0; i-- {
			if next[i]++; next[i] != 0 {
				break
			}
		}
	}
}

// everyReceivable visits what an account has yet to receive.
func everyReceivable(r storage.Reader, a lattice.Account, f func(lattice.ReceivableEntry)) error {
	entries, err := r.Receivables(a, lattice.Hash{}, 1<<20)
	for _, e := range entries {
		f(e)
	}
	return err
}

// agreed says in what the nodes differ, or what is not confirmed; "" when all is
// well.
func (s *Sim) agreed() string {
	first := ""
	s.disputed = lattice.Account{}
	for _, n := range s.nodes {
		sum := sha256.New()
		open := ""
		n.view(func(r storage.Reader) error {
			return everyAccount(r, func(e lattice.AccountEntry) error {
				if s.excused(e.Account) {
					return nil
				}
				fmt.Fprintf(sum, "%v %v %d\n", e.Account, e.Info.Frontier, e.Info.Height)
				if e.Info.ConfirmedHeight < e.Info.Height {
					s.disputed = e.Account
					open = fmt.Sprintf("node %d has confirmed %d of %d blocks of %v", n.ID, e.Info.ConfirmedHeight, e.Info.Height, short(e.Account))
				}
				return nil
			})
		})
		if open != "" {
			return open
		}
		digest := fmt.Sprintf("%x", sum.Sum(nil))
		if first == "" {
			first = digest
		}
		if digest != first {
			return fmt.Sprintf("the frontiers of node 0 and node %d differ", n.ID)
		}
	}
	return ""
}

// culprit returns an account whose next block stands on nothing that is not
// confirmed: what others wait for. It returns the disputed one when there is none.
func (s *Sim) culprit() lattice.Account {
	found := s.disputed
	for _, n := range s.nodes {
		n.view(func(r storage.Reader) error {
			return everyAccount(r, func(e lattice.AccountEntry) error {
				b, open, err := ledger.FirstUnconfirmed(r, e.Account)
				if err != nil || !open || s.excused(e.Account) {
					return err
				}
				if _, _, ready, err := ledger.Dependencies(r, &b); err != nil || ready {
					found = e.Account
					return err
				}
				return nil
			})
		})
	}
	return found
}

// describe says what every node has of an account.
func (s *Sim) describe(a lattice.Account) string {
	text := "\n  of " + short(a) + ":"
	for _, n := range s.nodes {
		info := n.account(a)
		text += fmt.Sprintf("\n  node %d: height %d frontier %s, confirmed %d %s;", n.ID, info.Height, short(info.Frontier), info.ConfirmedHeight, short(info.ConfirmedFrontier))
		n.view(func(r storage.Reader) error {
			b, found, err := r.BlockAt(a, info.ConfirmedHeight+1)
			if found {
				final, voted, _ := r.FinalVote(b.Block.QualifiedRoot())
				text += fmt.Sprintf(" next %s %v, own final vote %v %s", short(b.Hash), b.Subtype, voted, short(final))
				if source, known, _ := r.Block(lattice.Hash(b.Block.Link)); known {
					text += fmt.Sprintf(", source %s of %s at height %d, confirmed %v", short(source.Hash), short(source.Block.Account), source.Height, source.Confirmed)
				}
			}
			return err
		})
	}
	return text
}

// checkFinals tries to replace final votes that a node has stored: whatever it
// believes later, the first one stays.
func (s *Sim) checkFinals(n *Node) {
	var keys []finalKey
	for key := range s.seen.finals {
		if key.node == n.ID {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b finalKey) int {
		return cmp.Or(bytes.Compare(a.root.Account[:], b.root.Account[:]), bytes.Compare(a.root.Previous[:], b.root.Previous[:]))
	})
	for _, key := range keys[:min(4, len(keys))] {
		hash := s.seen.finals[key]
		s.must(n.store.Store.UpdateDurable(func(tx storage.Tx) error {
			stored, found, err := tx.FinalVote(key.root)
			if err != nil || !found || stored != hash {
				return err
			}
			got, err := tx.PutFinalVote(key.root, lattice.Hash{1})
			if err == nil && got != hash {
				s.violate("finals", "node %d: its final vote for %v on root %v can be replaced", n.ID, hash, key.root)
			}
			return err
		}))
	}
}

// final checks everything once more at the end.
func (s *Sim) final() {
	for _, n := range s.nodes {
		s.checkLedger(n)
		s.checkFinals(n)
	}
}
