package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
	"github.com/smallnano/smallnano/wire/rpc"
)

// know notes a block that somebody made, so that the checkers know its root.
func (s *Sim) know(b *lattice.Block) {
	hash := s.net.HashOf(b)
	if _, known := s.seen.blocks[hash]; !known {
		s.seen.blocks[hash] = *b
		s.trust(b.Account.Key(), [32]byte(hash), b.Signature)
		s.knowAccount(b.Account)
	}
}

// knowAccount notes an account to which something may be sent.
func (s *Sim) knowAccount(a lattice.Account) {
	if _, known := s.seen.accounts[a]; !known {
		s.seen.accounts[a] = struct{}{}
	}
}

// sent looks at what an honest node says.
func (s *Sim) sent(o *owner, m wire.Message) {
	if _, pulls := m.(*wire.PullReq); pulls && o.id < len(s.nodes) {
		s.nodes[o.id].pulls++
	}
	if t, tells := m.(*wire.Telemetry); tells && o.id < len(s.nodes) && t.NodeID == s.nodes[o.id].key().Public() {
		c := t.Check(s.net.ID)
		s.trust(c.Key, [32]byte(c.Message), c.Signature)
	}
	v, ok := m.(*wire.Vote)
	if !ok {
		return
	}
	n := s.seen.honest[v.Vote.Representative]
	if n == nil || n.owner != o { // somebody else's vote that is passed on
		return
	}
	s.trust(v.Vote.Representative.Key(), v.Vote.Digest(s.net.ID), v.Vote.Signature)
	final := v.Vote.Final()
	if doubted := func(h lattice.Hash) bool { return !n.heard.sound[ownVote{h, final}] }; slices.ContainsFunc(v.Vote.Hashes, doubted) {
		n.view(func(r storage.Reader) error { return s.checkVotes(n, r, v.Vote.Hashes, final) })
	}
	if final {
		n.took("final")
	} else {
		n.took("normal")
	}
}

// checkVotes checks a vote of a node's own representative. What nothing can make
// wrong while the process lives is remembered: most votes are said several times.
func (s *Sim) checkVotes(n *Node, r storage.Reader, hashes []lattice.Hash, final bool) error {
	for _, hash := range hashes {
		sound, err := s.checkVote(n, r, hash, final)
		if err != nil {
			return err
		}
		if sound {
			n.heard.sound[ownVote{hash, final}] = true
		}
	}
	return nil
}

// checkVote checks it for one block. sound says that it stays right: all that the
// block stands on is here and confirmed, and the final vote is on the disk, or its
// root decided.
func (s *Sim) checkVote(n *Node, r storage.Reader, hash lattice.Hash, final bool) (sound bool, err error) {
	b, known := s.seen.blocks[hash]
	if !known && hash != s.net.GenesisHash {
		s.violate("votes", "node %d votes for block %v, which nobody made", n.ID, hash)
	}
	if !known {
		return true, nil
	}
	sound, err = s.checkDependencies(n, r, &b, hash)
	if err != nil || !final {
		return sound, err
	}
	root := b.QualifiedRoot()
	key := finalKey{n.ID, root}
	if other, voted := s.seen.finals[key]; voted && other != hash {
		s.violate("finals", "the representative of node %d voted finally for %v and for %v on root %v", n.ID, other, hash, root)
	}
	s.seen.finals[key] = hash
	stored, found, err := r.FinalVote(root)
	if err != nil || found && stored == hash && !n.store.loose[hash] {
		return sound, err
	}
	if own, here, err := r.Block(hash); err != nil || here && own.Confirmed || !here && n.prunes() {
		return sound && here, err
	}
	cemented, err := isCemented(r, root)
	if err == nil && !cemented && n.store.loose[hash] {
		s.violate("stored", "node %d says a final vote for %v that is stored and not synced", n.ID, hash)
	} else if err == nil && !cemented {
		s.violate("stored", "node %d says a final vote for %v that is not stored (stored: %v)", n.ID, hash, found)
	}
	return sound, err
}

// checkDependencies checks that what a block stands on is confirmed at a node
// that votes for it, and reports whether all of that is there.
func (s *Sim) checkDependencies(n *Node, r storage.Reader, b *lattice.Block, hash lattice.Hash) (all bool, err error) {
	all = true
	on := []lattice.Hash{b.Previous}
	if source, known := s.seen.blocks[lattice.Hash(b.Link)]; known && source.Link == lattice.Link(b.Account) {
		on = append(on, lattice.Hash(b.Link))
	}
	for _, h := range on {
		if h.IsZero() {
			continue
		}
		d, found, err := r.Block(h)
		if err != nil {
			return false, err
		}
		all = all && found
		if found && !d.Confirmed {
			s.violate("votes", "node %d votes for %v before %v, on which it stands, is confirmed", n.ID, hash, h)
		}
	}
	return all, nil
}

// isCemented reports whether a root is decided for ever at a node.
func isCemented(r storage.Reader, root lattice.QualifiedRoot) (bool, error) {
	height := uint64(1)
	if !root.Previous.IsZero() {
		p, found, err := r.Block(root.Previous)
		if err != nil || !found {
			return false, err
		}
		height = p.Height + 1
	}
	info, err := r.Account(root.Account)
	return info.ConfirmedHeight >= height, err
}

// watched wraps a transaction to see whether it confirms anything.
type watched struct {
	storage.Tx
	store *store
}

// Cement implements storage.Tx.
func (t watched) Cement(hash lattice.Hash) (ledger.Cemented, error) {
	t.store.node.cements = true
	return t.Tx.Cement(hash)
}

// unsynced wraps a transaction that is not synced to the disk: what it stores
// must not be said before it is.
type unsynced struct{ watched }

// PutFinalVote implements storage.Tx.
func (t unsynced) PutFinalVote(root lattice.QualifiedRoot, hash lattice.Hash) (lattice.Hash, error) {
	_, before, err := t.FinalVote(root)
	if err != nil {
		return lattice.Hash{}, err
	}
	if !before {
		t.store.loose[hash] = true
	}
	return t.Tx.PutFinalVote(root, hash)
}

// maxUnchecked bounds the blocks that wait for others at a node.
var maxUnchecked = uint64(bootstrap.DefaultGapsConfig().Max)

// maxPeers bounds a node's connections.
var maxPeers = peering.DevConfig().MaxInbound + peering.DevConfig().MaxOutbound

// idleEvery is how many moments in which all actors wait pass between two looks
// at them.
const idleEvery = 199

// idle is called when no actor has anything to do before time goes on.
func (s *Sim) idle() {
	s.idles++
	for i, n := range s.nodes {
		if !n.Alive() {
			continue
		}
		s.checkIntake(n)
		if s.idles%idleEvery == 0 {
			s.checkIdle(n)
		}
		if (s.idles+uint64(i))%lookEvery == 0 {
			s.checkElections(n)
		}
	}
}

// checkIdle checks a node all of whose actors wait: mailboxes are within their
// bounds, and when no actor waits to be restarted, they are empty and no credit
// is taken.
func (s *Sim) checkIdle(n *Node) {
	b := n.running.Backend()
	down := n.disk.slow > 0 || !s.world.now.After(n.slowAt) // a turn may be under way
	var all []rpc.ActorHealth
	if !n.running.AtRest() { // seldom: what it is that does not rest takes longer to find
		all = b.Health().Actors
	}
	for i := range all {
		a, m := &all[i], &all[i].Mailbox
		if m.Depth > m.Capacity || m.HighWater > m.Capacity {
			s.violate("mailbox", "node %d: %s has %d of %d messages, had %d", n.ID, a.Name, m.Depth, m.Capacity, m.HighWater)
		}
		if a.State != "running" {
			down = true
		} else if m.Depth > 0 && !down {
			s.violate("mailbox", "node %d: %s waits with %d messages in its mailbox", n.ID, a.Name, m.Depth)
		}
	}
	peers := b.Peers()
	if most := maxPeers; len(peers) > most {
		s.violate("bounds", "node %d has %d peers, at most %d are allowed", n.ID, len(peers), most)
	}
	for i := range peers {
		for j := range i {
			if peers[i].NodeID == peers[j].NodeID {
				s.violate("bounds", "node %d has two connections to node %v", n.ID, peers[i].NodeID)
			}
		}
	}
	if got := b.Unchecked(); got > maxUnchecked {
		s.violate("bounds", "node %d keeps %d blocks that wait for others, at most %d are allowed", n.ID, got, maxUnchecked)
	}
	if !down && n.running.Gathered() == 0 {
		s.checkCredits(n)
	}
}

// checkCredits checks that every credit of a node's links has come back, and
// forgets links that have ended.
func (s *Sim) checkCredits(n *Node) {
	kept := n.host.links[:0]
	for _, l := range n.host.links {
		if count, bytes := l.credits.InUse(); count != 0 || bytes != 0 {
			s.violate("credits", "node %d has nothing to do, but %d credits (%d bytes) of its link to %v are taken", n.ID, count, bytes, l.remote)
		}
		if !l.closed {
			kept = append(kept, l)
		}
	}
	clear(n.host.links[len(kept):])
	n.host.links = kept
}

// blamed is told what a node says of a peer that broke the rules. Honest nodes may
// be slow, or say more than there is room for; they break no other rule, whatever
// befalls them and the network.
func (s *Sim) blamed(o *owner, said map[string]string) {
	remote, err := netip.ParseAddrPort(said["remote"])
	what := said["offence"]
	if err != nil || what == peering.Flooding.String() || what == peering.Stalling.String() {
		return
	}
	if honest := s.opt.address(0).Addr().As4()[0]; remote.Addr().As4()[0] == honest {
		s.violate("blame", "node %d blames an honest peer, %v: %s: %s", o.id, remote, what, said["what"])
	}
}

// regretted is told what a node could not do. Disks that fail and failures that were
// planted explain much; without them no actor fails, and what was planned can be done.
func (s *Sim) regretted(o *owner, line string) {
	if o.id >= len(s.nodes) || s.nodes[o.id].owner != o || s.broken != nil {
		return
	}
	if n := s.nodes[o.id]; !n.harmed && !strings.Contains(line, "planted failure of") {
		s.violate("errors", "%s", line)
	}
}

// atRest says what keeps the network from being as it was before anything went
// wrong: an actor that is not running, weights in memory that are not those of
// the ledger; "" when nothing does.
func (s *Sim) atRest() string {
	for _, n := range s.nodes {
		b := n.running.Backend()
		if h := b.Health(); h.State != "ok" && !s.stuck(n, h.Reasons) {
			return fmt.Sprintf("node %d is %s: %s", n.ID, h.State, strings.Join(h.Reasons, "; "))
		}
		s.checkIdle(n)
		if n.owed > 0 {
			return fmt.Sprintf("node %d owes %d answers to users who gave it blocks", n.ID, n.owed)
		}
		if d := n.running.Decided(); d > 0 {
			return fmt.Sprintf("node %d has %d elections that wait for their winner to be cemented", n.ID, d)
		}
		stored := map[lattice.Account]lattice.Amount{}
		n.view(func(r storage.Reader) error {
			return r.Weights(func(rep lattice.Account, w lattice.Amount) bool {
				stored[rep] = w
				return true
			})
		})
		all := b.Representatives()
		if len(all) != len(stored) {
			return fmt.Sprintf("node %d reckons with %d representatives, its ledger has %d", n.ID, len(all), len(stored))
		}
		for _, r := range all {
			if stored[r.Account] != r.Weight || b.Weight(r.Account) != r.Weight {
				return fmt.Sprintf("node %d reckons with %s raw of %v, its ledger with %s", n.ID, r.Weight.Raw(), r.Account, stored[r.Account].Raw())
			}
		}
	}
	return ""
}

// stuck reports whether all that a node complains of is that blocks wait that need
// never be confirmed.
func (s *Sim) stuck(n *Node, reasons []string) bool {
	for _, r := range reasons {
		if !strings.HasPrefix(r, "nothing was confirmed") {
			return false
		}
	}
	found := false
	n.view(func(r storage.Reader) error {
		return everyAccount(r, func(e lattice.AccountEntry) error {
			found = found || e.Info.ConfirmedHeight < e.Info.Height && s.excused(e.Account)
			return nil
		})
	})
	return found
}

// excused reports whether nobody promises that an account's blocks are ever
// confirmed: it made two for one place, and representatives lie.
func (s *Sim) excused(a lattice.Account) bool {
	return s.opt.LiarPercent > 0 && s.cheats[a]
}
