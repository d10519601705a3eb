package election

import (
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Tick does what the time asks for: votes and requests that are due again,
// repeats of what was not answered, the end of elections that took too long.
// A few times a second is often enough; its cost grows with the number of
// elections.
func (s *Elections) Tick(now time.Time) {
	for _, e := range append([]*election(nil), s.order...) { // ending one changes the order
		s.tick(e, now)
	}
}

func (s *Elections) tick(e *election, now time.Time) {
	age := now.Sub(e.started)
	if e.state == Confirmed {
		switch {
		case age-e.decided >= s.cfg.TimeToLive:
			// It cannot be cemented. The block may have another election; final votes
			// will decide the same again.
			s.end(e, Expired, now)
		case !now.Before(e.nextRepeat):
			s.announce(e, true, now)
		}
		return
	}
	if age >= s.lifetime(e) {
		s.end(e, Expired, now)
		return
	}
	if e.state == Passive && age >= s.patience(s.cfg.PassiveFor) {
		e.state = Active
		// Perhaps those who do not vote have not got the block: of a block of others
		// only a few peers are told at first.
		e.nextPublish = now
	}
	if e.displaced() && !now.Before(e.nextRepeat) {
		s.switchLedger(e, now)
	}
	if e.state == Active && !now.Before(e.nextSolicit) && len(s.ready.Solicit) < maxSolicit {
		e.recount(s.weigher)
		s.solicit(e, now)
	}
	s.judge(e, now)
	if e.state == Confirmed {
		return
	}
	if !now.Before(e.nextVote) {
		if s.stable(e, now) {
			s.voteFinal(e, now)
		} else {
			s.voteNormal(e, now)
		}
	}
	if !now.Before(e.nextPublish) && len(s.ready.Publish) < maxPublish {
		s.publish(e, now)
	}
}

const (
	// lateFactor is how much longer than the typical election one has to take before
	// anything is repeated for it, mostPatience the most times the usual pause.
	lateFactor   = 3
	mostPatience = 4
	// lately is how many elections the typical one is of.
	lately = 16
)

// took notes how long an election took. One that took very long counts as what
// can make a difference, so that a few contested ones say nothing.
func (s *Elections) took(d time.Duration) {
	d = min(d, s.cfg.SolicitInterval*mostPatience)
	s.typical += (d - s.typical) / lately
}

// patience returns the pause after which something is worth repeating that is
// usually repeated after this one. When every election takes long, votes are not
// lost but late, and to ask for them makes them later. See ADR 22.
func (s *Elections) patience(usual time.Duration) time.Duration {
	return min(max(usual, s.typical*lateFactor), usual*mostPatience)
}

// lifetime returns how long an election may run without a decision.
func (s *Elections) lifetime(e *election) time.Duration {
	if e.behavior == Hinted || e.behavior == Optimistic {
		return s.cfg.HintedTimeToLive
	}
	return s.cfg.TimeToLive
}

func (s *Elections) voteNormal(e *election, now time.Time) {
	e.said, e.saidAt = e.blocks[e.winner].hash, now
	s.ready.VoteNormal = append(s.ready.VoteNormal, VoteRequest{e.root, e.said})
	e.nextVote = now.Add(s.votePause(e))
}

// votePause returns when to ask for an own vote again: soon, while the winner is
// not in the ledger and nobody can vote for it.
func (s *Elections) votePause(e *election) time.Duration {
	if e.ledger != e.blocks[e.winner].hash {
		return min(s.cfg.RepeatInterval, s.cfg.VoteInterval)
	}
	return s.cfg.VoteInterval
}

func (s *Elections) voteFinal(e *election, now time.Time) {
	e.saidFinal = e.blocks[e.winner].hash
	s.ready.VoteFinal = append(s.ready.VoteFinal, VoteRequest{e.root, e.saidFinal})
	e.nextVote = now.Add(s.votePause(e))
}

// publish broadcasts the winner: a block that was made here with pauses that
// grow, one that others may not have, because they know a rival, at least as
// often as it is voted for.
func (s *Elections) publish(e *election, now time.Time) {
	const mostGrowth = 20
	w := &e.blocks[e.winner]
	s.ready.Publish = append(s.ready.Publish, Publish{Hash: w.hash, Block: w.block, Local: e.local || e.state == Active})
	pause := s.cfg.PublishInterval
	if e.contested() {
		pause = min(pause, s.cfg.VoteInterval)
	}
	if e.local {
		e.publishes = min(e.publishes+1, mostGrowth)
		pause = min(pause, s.patience(s.cfg.LocalPublishInterval)*time.Duration(e.publishes))
	}
	e.nextPublish = now.Add(pause)
}

// solicit asks for the votes that are missing: those of representatives that
// have not voted for the winner, and once it leads, of those that have not done
// so finally. On a contested root all final votes are asked for from the start:
// others may have seen a lead, voted finally and be done, while here the normal
// votes of some that never changed their mind keep the lead from showing.
func (s *Elections) solicit(e *election, now time.Time) {
	var said []lattice.Account
	for i := range e.votes {
		v := &e.votes[i]
		if v.block == e.winner && (v.final() || e.leadSince.IsZero() && !e.contested()) {
			said = append(said, v.rep)
		}
	}
	// Every candidate is asked about, the winner first: who has confirmed another
	// one, and does not know the winner, can only answer about the one it has.
	s.ready.Solicit = append(s.ready.Solicit, Solicit{Root: e.root, Hash: e.blocks[e.winner].hash, Exclude: said})
	for i := range e.blocks {
		if i != e.winner {
			s.ready.Solicit = append(s.ready.Solicit, Solicit{Root: e.root, Hash: e.blocks[i].hash, Exclude: said})
		}
	}
	e.requests++
	pause := s.patience(s.cfg.SolicitInterval)
	if e.behavior == Optimistic {
		pause = pause * 2 / 5 // it has little time
	}
	e.nextSolicit = now.Add(pause)
}
