package quorum

import (
	"slices"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// MaxFollowed bounds the representatives whose votes are followed. There are
	// never more principal ones.
	MaxFollowed = 1000
	// livenessSamples is how many of the last elections are looked at.
	livenessSamples = 64
	// livenessGrace is how long after a confirmation a vote still counts: the
	// quorum does not wait for those that are far away.
	livenessGrace = 10 * time.Second
)

// Sampled reports whether the votes on a block are followed: those on one block
// in eight, the same ones everywhere, so that the late votes, which decide
// nothing any more, need be checked for these only.
func Sampled(hash lattice.Hash) bool { return hash[0]%8 == 0 }

// Liveness follows how well representatives vote: when they were last seen, on
// how many of the last elections they voted, and how soon. It decides nothing.
// Make it with NewLiveness.
type Liveness struct {
	order   []lattice.Account
	of      map[lattice.Account]*followed
	samples []*sample // oldest first
	byHash  map[lattice.Hash]*sample
}

type followed struct {
	last time.Time // of the last vote; zero: none
}

type sample struct {
	hash      lattice.Hash
	began     time.Time
	confirmed time.Time // zero: not yet
	votes     map[lattice.Account]time.Duration
}

// RepLiveness is how well a representative votes.
type RepLiveness struct {
	Representative lattice.Account
	Last           time.Time     // of its last vote; zero: none since this node was started
	Voted, Of      int           // of the last elections, those that it voted on
	Latency        time.Duration // median from the start of an election here to its vote; 0: unknown
}

// NewLiveness returns a Liveness that follows nobody.
func NewLiveness() *Liveness {
	return &Liveness{of: make(map[lattice.Account]*followed), byHash: make(map[lattice.Hash]*sample)}
}

// Follow says whose votes to follow, at most MaxFollowed. What is known of those
// that were followed before is kept.
func (l *Liveness) Follow(reps []lattice.Account) {
	reps = reps[:min(len(reps), MaxFollowed)]
	of := make(map[lattice.Account]*followed, len(reps))
	for _, rep := range reps {
		if of[rep] = l.of[rep]; of[rep] == nil {
			of[rep] = &followed{}
		}
	}
	l.order, l.of = slices.Clone(reps), of
}

// Heard notes when a representative that is followed was heard of before: it may
// have voted before it had the weight to be followed.
func (l *Liveness) Heard(rep lattice.Account, at time.Time) {
	if f := l.of[rep]; f != nil && f.last.Before(at) {
		f.last = at
	}
}

// Began notes the start of an election.
func (l *Liveness) Began(hash lattice.Hash, now time.Time) {
	if !Sampled(hash) || l.byHash[hash] != nil {
		return
	}
	if len(l.samples) == livenessSamples {
		delete(l.byHash, l.samples[0].hash)
		l.samples = slices.Delete(l.samples, 0, 1)
	}
	s := &sample{hash: hash, began: now, votes: make(map[lattice.Account]time.Duration)}
	l.samples = append(l.samples, s)
	l.byHash[hash] = s
}

// Voted notes a valid vote of a representative on a block.
func (l *Liveness) Voted(rep lattice.Account, hash lattice.Hash, now time.Time) {
	f := l.of[rep]
	if f == nil {
		return
	}
	f.last = now
	s := l.byHash[hash]
	if s == nil || !s.confirmed.IsZero() && now.Sub(s.confirmed) > livenessGrace {
		return
	}
	if _, twice := s.votes[rep]; !twice {
		s.votes[rep] = max(0, now.Sub(s.began))
	}
}

// Confirmed notes that a block was confirmed. Elections without a decision count
// for nobody.
func (l *Liveness) Confirmed(hash lattice.Hash, now time.Time) {
	if s := l.byHash[hash]; s != nil && s.confirmed.IsZero() {
		s.confirmed = now
	}
}

// Report tells about all that are followed, in the order of Follow.
func (l *Liveness) Report(now time.Time) []RepLiveness {
	out := make([]RepLiveness, len(l.order))
	took := make([][]time.Duration, len(l.order))
	for i, rep := range l.order {
		out[i] = RepLiveness{Representative: rep, Last: l.of[rep].last}
	}
	for _, s := range l.samples {
		if s.confirmed.IsZero() || now.Sub(s.confirmed) <= livenessGrace {
			continue
		}
		for i, rep := range l.order {
			out[i].Of++
			if after, voted := s.votes[rep]; voted {
				out[i].Voted++
				took[i] = append(took[i], after)
			}
		}
	}
	for i := range out {
		if len(took[i]) > 0 {
			slices.Sort(took[i])
			out[i].Latency = took[i][len(took[i])/2]
		}
	}
	return out
}
