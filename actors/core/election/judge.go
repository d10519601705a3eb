package election

import (
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// judge draws the conclusions after the sums, the weights or the time changed:
// who wins, whether that is confirmed, whether a final vote may be cast.
func (s *Elections) judge(e *election, now time.Time) {
	if e.state == Confirmed {
		return
	}
	base, delta := s.weigher.Base(), s.weigher.Delta()
	if s.confirm(e, delta, now) {
		return
	}
	if best := e.leader(base, delta); best != e.winner && (!e.total().Less(delta) || !e.possible(e.winner, base, delta)) {
		s.elect(e, best, now)
	}
	if !e.leads(delta) {
		e.leadSince = time.Time{}
		return
	}
	if e.leadSince.IsZero() {
		e.leadSince = now
	}
	if e.saidFinal != e.blocks[e.winner].hash && s.stable(e, now) {
		s.voteFinal(e, now)
	}
}

// stable reports whether the winner leads, and has for long enough where the
// root is contested: final votes that are cast in the first confusion could
// split so that no block ever gets enough of them.
func (s *Elections) stable(e *election, now time.Time) bool {
	return !e.leadSince.IsZero() && (!e.contested() || now.Sub(e.leadSince) >= s.cfg.VoteInterval)
}

// elect makes another block the winner.
func (s *Elections) elect(e *election, winner int, now time.Time) {
	e.winner = winner
	e.leadSince = time.Time{}
	s.stats.Switches++
	s.publish(e, now)
	s.switchLedger(e, now)
	// An own vote for another block is due when the spacing after the last one is
	// over; a little later, because the last one was itself cast a little later
	// than it was asked for.
	if spaced := e.saidAt.Add(s.cfg.VoteInterval / 10 * 11); e.said != e.blocks[winner].hash && e.nextVote.Before(spaced) {
		e.nextVote = spaced
	}
}

// confirm ends the contest when a block has enough final votes.
func (s *Elections) confirm(e *election, delta lattice.Amount, now time.Time) bool {
	if e.quorate(delta) < 0 {
		return false
	}
	e.recount(s.weigher) // the one decision that is for ever: on today's weights
	winner := e.quorate(delta)
	if winner < 0 {
		return false
	}
	if winner != e.winner {
		e.winner = winner
		s.stats.Switches++
		s.publish(e, now)
	}
	e.state = Confirmed
	e.decided = max(0, now.Sub(e.started))
	s.running[e.behavior]--
	s.decided++
	s.latency.add(e.decided)
	s.took(e.decided)
	s.stats.ByQuorum++
	s.announce(e, false, now)
	return true
}

// announce says that the winner is confirmed.
func (s *Elections) announce(e *election, again bool, now time.Time) {
	w := &e.blocks[e.winner]
	s.switchLedger(e, now)
	s.ready.Confirmed = append(s.ready.Confirmed, ConfirmedBlock{
		Root: e.root, Hash: w.hash, Block: w.block, Duration: e.decided, Repeated: again,
	})
	e.nextRepeat = now.Add(s.patience(s.cfg.RepeatInterval))
}

// switchLedger asks for the winner in the ledger, when it is not there.
func (s *Elections) switchLedger(e *election, now time.Time) {
	w := &e.blocks[e.winner]
	if e.ledger == w.hash {
		return
	}
	s.ready.Switch = append(s.ready.Switch, Switch{Root: e.root, Loser: e.ledger, Winner: w.hash, Block: w.block})
	e.nextRepeat = now.Add(s.cfg.RepeatInterval)
}
