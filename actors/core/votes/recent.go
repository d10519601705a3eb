package votes

import "github.com/smallnano/smallnano/messages/lattice"

// DefaultRecentVotes is a good size for a duplicate filter of votes.
const DefaultRecentVotes = 32 << 10

// ID names a vote: who says what. The digest covers timestamp and hashes, so two
// signatures over the same words are the same vote.
type ID struct {
	Representative lattice.Account
	Digest         [32]byte
}

// IDOf returns the name of a vote on a network.
func IDOf(v *lattice.Vote, id lattice.NetworkID) ID {
	return ID{v.Representative, v.Digest(id)}
}

// Recent remembers the newest keys that were added, and no more than a fixed
// number of them: the oldest makes room for a new one. Recent[ID] is a duplicate
// filter for votes. Make it with NewRecent.
type Recent[K comparable] struct {
	most int
	at   map[K]int // index in ring
	ring []slot[K] // grows to most
	next int       // the oldest, once the ring is full
}

type slot[K comparable] struct {
	key  K
	live bool
}

// NewRecent returns a memory for the newest most keys. It takes its room as it
// fills.
func NewRecent[K comparable](most int) *Recent[K] {
	if most < 1 {
		panic("votes: NewRecent without room")
	}
	return &Recent[K]{most: most, at: make(map[K]int)}
}

// Add remembers a key and reports whether it was new. A key that is known keeps
// its place in the order.
func (r *Recent[K]) Add(key K) bool {
	if _, known := r.at[key]; known {
		return false
	}
	if len(r.ring) < r.most {
		r.at[key] = len(r.ring)
		r.ring = append(r.ring, slot[K]{key, true})
		return true
	}
	if old := r.ring[r.next]; old.live {
		delete(r.at, old.key)
	}
	r.ring[r.next] = slot[K]{key, true}
	r.at[key] = r.next
	r.next = (r.next + 1) % r.most
	return true
}

// Has reports whether a key is remembered.
func (r *Recent[K]) Has(key K) bool {
	_, known := r.at[key]
	return known
}

// Remove forgets a key, so that what was refused may come again. It reports
// whether the key was known.
func (r *Recent[K]) Remove(key K) bool {
	i, known := r.at[key]
	if known {
		delete(r.at, key)
		r.ring[i] = slot[K]{} // stays as a gap until its turn comes
	}
	return known
}

// Len returns how many keys are remembered.
func (r *Recent[K]) Len() int { return len(r.at) }
