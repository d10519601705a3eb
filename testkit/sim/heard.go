package sim

import (
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
)

// heard is what the checkers remember of what came to a node since it started.
type heard struct {
	// expected are blocks that came and must be in the ledger, or have a reason not
	// to be, when no actor has anything left to do.
	expected []lattice.Hash
	taken    map[lattice.Hash]bool
	// votes are honest representatives' votes that came, by block.
	votes map[lattice.Hash]map[lattice.Account]time.Time
	// elections are those that were seen, by root, with the final votes that count
	// in them.
	elections map[lattice.QualifiedRoot]*seenElection
	// sound are its own votes that were checked and stay right.
	sound map[ownVote]bool
}

// ownVote is what a node's representative says of a block.
type ownVote struct {
	hash  lattice.Hash
	final bool
}

type seenElection struct {
	started time.Time
	again   bool // there was an earlier one for this root
	finals  map[finalSaid]bool
}

// finalSaid is a final vote. Who lies says several on one root, which count each for
// its block.
type finalSaid struct {
	rep  lattice.Account
	hash lattice.Hash
}

func newHeard() heard {
	return heard{
		taken: map[lattice.Hash]bool{}, votes: map[lattice.Hash]map[lattice.Account]time.Time{},
		elections: map[lattice.QualifiedRoot]*seenElection{}, sound: map[ownVote]bool{},
	}
}

// word is what an honest node said in a frame.
type word struct {
	block lattice.Hash
	vote  *lattice.Vote
}

// maxWords bounds the frames that are remembered.
const maxWords = 1 << 14

// said remembers what a frame of an honest node says, so that it is decoded once.
func (s *Sim) said(frame []byte, m wire.Message) {
	if !s.healthy {
		return
	}
	if len(s.words) >= maxWords {
		clear(s.words)
	}
	switch m := m.(type) {
	case *wire.Publish:
		s.words[&frame[0]] = word{block: s.net.HashOf(&m.Block)}
	case *wire.Vote:
		if s.seen.honest[m.Vote.Representative] != nil {
			s.words[&frame[0]] = word{vote: &m.Vote}
		}
	}
}

// hears notes what a node is handed on.
func (s *Sim) hears(o *owner, frame []byte) {
	w, known := s.words[&frame[0]]
	if !known || o.id >= len(s.nodes) || s.nodes[o.id].owner != o {
		return
	}
	n := s.nodes[o.id]
	if w.vote == nil {
		if !n.heard.taken[w.block] {
			n.heard.expected = append(n.heard.expected, w.block)
		}
		return
	}
	for _, hash := range w.vote.Hashes {
		reps := n.heard.votes[hash]
		if reps == nil {
			reps = map[lattice.Account]time.Time{}
			n.heard.votes[hash] = reps
		}
		reps[w.vote.Representative] = s.world.now
	}
}

// isHealthy reports whether nothing in a world excuses a node that does not take
// in what comes to it: its actors and its disk work, and there is room.
func (o *Options) isHealthy() bool {
	return o.PanicEvery == 0 && o.DiskEvery == 0 && !o.SmallLimits && o.Spammers == 0 && o.Naives == 0 && o.Backlog == 0 && (o.story == nil || !o.story.harms)
}

// checkIntake checks that what came to a node is in its ledger, unless something
// that it stands on is missing or another block has its place. While blocks of
// crowded buckets wait for their turn, or any for company, it is put off.
func (s *Sim) checkIntake(n *Node) {
	if n.running.Held()+n.running.Gathered() > 0 {
		return
	}
	if len(n.heard.expected) == 0 || n.prunes() {
		n.heard.expected = n.heard.expected[:0]
		return
	}
	n.view(func(r storage.Reader) error {
		for _, hash := range n.heard.expected {
			_, found, err := r.Block(hash)
			if err != nil {
				return err
			}
			if found {
				n.heard.taken[hash] = true
				continue
			}
			b, made := s.seen.blocks[hash]
			if made && s.contested(r, b.QualifiedRoot(), hash) == (lattice.Hash{}) {
				s.violate("intake", "node %d was given %v of %v, and has neither it nor another one in its place", n.ID, hash, b.Account)
			}
		}
		return nil
	})
	n.heard.expected = n.heard.expected[:0]
}

// lookEvery is how many moments in which all actors wait pass between two looks at
// the elections.
const lookEvery = 97

// checkElections looks at a node's elections: there are no more than there may
// be, a final vote stays, and every vote that came counts.
func (s *Sim) checkElections(n *Node) {
	life := n.owner
	n.running.LookAtElections(func(e *election.Elections) {
		if life.dead {
			return
		}
		list := e.List()
		c := n.elections
		if most := 2*c.MaxElections + c.MaxElections*(c.HintedPercent+c.OptimisticPercent)/100; len(list) > most {
			s.violate("bounds", "node %d has %d elections, at most %d are allowed", n.ID, len(list), most)
		}
		for i := range list {
			if info, runs := e.Info(list[i].Root); runs {
				s.checkElection(n, &info)
			}
		}
	})
}

func (s *Sim) checkElection(n *Node, e *election.Info) {
	known := n.heard.elections[e.Root]
	if known == nil || !known.started.Equal(e.Started) {
		known = &seenElection{started: e.Started, again: known != nil, finals: map[finalSaid]bool{}}
		n.heard.elections[e.Root] = known
		s.checkPriority(n, e)
	}
	voted, final := map[lattice.Account]bool{}, map[finalSaid]bool{}
	for _, v := range e.Votes {
		voted[v.Representative] = true
		if v.Final {
			final[finalSaid{v.Representative, v.Hash}] = true
		}
	}
	for f := range known.finals { // whichever is found first
		competes := slices.ContainsFunc(e.Blocks, func(b election.BlockInfo) bool { return b.Hash == f.hash })
		if competes && voted[f.rep] && !final[f] {
			s.violate("tally", "node %d: in the election of root %v the final vote of %v for %v was replaced", n.ID, e.Root, f.rep, f.hash)
		}
	}
	known.finals = final
	if !s.healthy || known.again || n.votes == nil || e.State != election.Active && e.State != election.Passive {
		return
	}
	for _, b := range e.Blocks {
		for rep, at := range n.heard.votes[b.Hash] { // whichever is found first
			if !voted[rep] {
				s.violate("tally", "node %d: the vote of %v for %v came at %v and does not count in the election that runs", n.ID, rep, b.Hash, at.Sub(start))
			}
		}
	}
}

// checkPriority checks that an election has the priority that its account's last
// use before gives it: who was not used for long goes first, whenever he comes.
func (s *Sim) checkPriority(n *Node, e *election.Info) {
	if !s.healthy || n.prunes() || e.Behavior != election.Priority || e.Root.Previous.IsZero() {
		return
	}
	n.view(func(r storage.Reader) error {
		p, found, err := r.Block(e.Root.Previous)
		if err == nil && found && !p.Time.Equal(e.Priority) {
			s.violate("priority", "node %d: the election of root %v has priority %v, its account was used at %v", n.ID, e.Root, e.Priority.Sub(start), p.Time.Sub(start))
		}
		return err
	})
}
