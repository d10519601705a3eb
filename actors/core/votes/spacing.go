package votes

import (
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// DefaultSpacingRoots bounds how many roots a Spacing remembers.
const DefaultSpacingRoots = 8192

// Spacing keeps a representative from changing its mind too fast: after a normal
// vote on a root, a vote for a different block of that root has to wait. Repeats
// and final votes do not. When it is full the oldest root is forgotten, which
// costs patience and not safety: that rests on final votes alone. Make it with
// NewSpacing.
type Spacing struct {
	wait  time.Duration
	last  map[lattice.QualifiedRoot]spaced
	order fifo[lattice.QualifiedRoot]
}

type spaced struct {
	hash lattice.Hash
	at   time.Time
}

// NewSpacing returns a spacing of wait between different blocks of a root, for
// at most roots roots.
func NewSpacing(wait time.Duration, roots int) *Spacing {
	return &Spacing{
		wait:  wait,
		last:  make(map[lattice.QualifiedRoot]spaced),
		order: newFIFO[lattice.QualifiedRoot](roots),
	}
}

// Earliest returns when a normal vote for a block may be made: now, or later
// when a different block of the root was voted for lately.
func (s *Spacing) Earliest(root lattice.QualifiedRoot, hash lattice.Hash, now time.Time) time.Time {
	last, known := s.last[root]
	if !known || last.hash == hash {
		return now
	}
	if at := last.at.Add(s.wait); at.After(now) {
		return at
	}
	return now
}

// Allow reports whether a normal vote for a block may be made now.
func (s *Spacing) Allow(root lattice.QualifiedRoot, hash lattice.Hash, now time.Time) bool {
	return !s.Earliest(root, hash, now).After(now)
}

// Voted notes that a normal vote was made.
func (s *Spacing) Voted(root lattice.QualifiedRoot, hash lattice.Hash, now time.Time) {
	if _, known := s.last[root]; !known {
		if old, full := s.order.push(root); full {
			delete(s.last, old)
		}
	}
	s.last[root] = spaced{hash, now}
}

// Tick forgets roots whose wait is over.
func (s *Spacing) Tick(now time.Time) {
	// A root that was voted on again stands too far in front: it stops the loop
	// for a while, which costs memory within the bound and nothing else.
	for {
		root, ok := s.order.front()
		if !ok || now.Sub(s.last[root].at) < s.wait {
			return
		}
		s.order.pop()
		delete(s.last, root)
	}
}

// Len returns how many roots are remembered.
func (s *Spacing) Len() int { return len(s.last) }
