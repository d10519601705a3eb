package votes

import (
	"fmt"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// DefaultBundleWindow is how long votes wait for company on several cores;
	// one core does better with SingleCoreBundleWindow.
	DefaultBundleWindow = 100 * time.Millisecond
	// SingleCoreBundleWindow is the window for a node with one core, on which a
	// signature more hurts more than a wait.
	SingleCoreBundleWindow = 250 * time.Millisecond
	// MinBundleWindow is the shortest window that Window returns.
	MinBundleWindow = 5 * time.Millisecond
	// windowPerRepresentative is what each representative adds to the window. Every
	// node checks the votes of all of them, two kinds of votes in each window, so
	// this bounds the load on every node to 1,333 signatures a second however many
	// representatives there are, as long as the window is not cut off.
	windowPerRepresentative = 1500 * time.Microsecond
	// MaxBundle bounds how many hashes of one kind may wait.
	MaxBundle = 16 * lattice.MaxVoteHashes
)

// Batch is what one vote of each own representative should say.
type Batch struct {
	Final  bool
	Hashes []lattice.Hash // 1 to lattice.MaxVoteHashes, in the order they were added
}

// String shows the kind and the first bytes of the hashes.
func (b Batch) String() string {
	s := "normal"
	if b.Final {
		s = "final"
	}
	for _, h := range b.Hashes {
		s += fmt.Sprintf(" %x", h[:4])
	}
	return s
}

// Bundle gathers blocks to vote for. The first goes at once; what follows within
// the window goes together when the window ends, or as soon as a vote is full.
// Normal and final votes are gathered apart. Make it with NewBundle.
type Bundle struct {
	window time.Duration
	normal queue
	final  queue
}

// queue is the waiting hashes of one kind. 255 times 16 is little enough to be
// searched only through the map.
type queue struct {
	hashes  []lattice.Hash
	waiting map[lattice.Hash]struct{}
	open    time.Time // the next batch may go from here on; zero: at once
}

// Window returns the window for a network with so many representatives online,
// at most most. Few can vote at once without harm to anybody; many must share
// their signatures.
func Window(representatives int, most time.Duration) time.Duration {
	most = max(most, MinBundleWindow)
	if representatives > int(most/windowPerRepresentative) { // also keeps the product small
		return most
	}
	return max(time.Duration(representatives)*windowPerRepresentative, MinBundleWindow)
}

// SetWindow changes the window from the next vote on.
func (b *Bundle) SetWindow(window time.Duration) { b.window = window }

// NewBundle returns an empty bundle with this window.
func NewBundle(window time.Duration) *Bundle {
	return &Bundle{
		window: window,
		normal: queue{waiting: make(map[lattice.Hash]struct{})},
		final:  queue{waiting: make(map[lattice.Hash]struct{})},
	}
}

// Add puts a block into the next vote of its kind. It reports false when there
// is no room: nothing was taken then, and the election will ask again. A block
// that waits already is not taken twice.
func (b *Bundle) Add(hash lattice.Hash, final bool) bool {
	q := b.queue(final)
	if _, waits := q.waiting[hash]; waits {
		return true
	}
	if len(q.hashes) >= MaxBundle {
		return false
	}
	q.hashes = append(q.hashes, hash)
	q.waiting[hash] = struct{}{}
	return true
}

func (b *Bundle) queue(final bool) *queue {
	if final {
		return &b.final
	}
	return &b.normal
}

// Due removes and returns what is to be voted for now, final votes first.
func (b *Bundle) Due(now time.Time) []Batch {
	out := b.final.due(nil, true, b.window, now)
	return b.normal.due(out, false, b.window, now)
}

func (q *queue) due(out []Batch, final bool, window time.Duration, now time.Time) []Batch {
	for len(q.hashes) > 0 {
		n := min(len(q.hashes), lattice.MaxVoteHashes)
		if n < lattice.MaxVoteHashes && now.Before(q.open) && q.open.Sub(now) <= window { // or the clock was set back
			break
		}
		batch := Batch{Final: final, Hashes: append([]lattice.Hash(nil), q.hashes[:n]...)}
		for _, h := range batch.Hashes {
			delete(q.waiting, h)
		}
		q.hashes = append(q.hashes[:0], q.hashes[n:]...)
		q.open = now.Add(window)
		out = append(out, batch)
	}
	return out
}

// Next returns when Due will have something, and false when nothing waits. The
// time may be past.
func (b *Bundle) Next() (time.Time, bool) {
	normal, n := b.normal.next()
	final, f := b.final.next()
	if f && (!n || final.Before(normal)) {
		return final, true
	}
	return normal, n
}

func (q *queue) next() (time.Time, bool) {
	switch {
	case len(q.hashes) == 0:
		return time.Time{}, false
	case len(q.hashes) >= lattice.MaxVoteHashes:
		return time.Time{}, true
	}
	return q.open, true
}

// Len returns how many hashes wait.
func (b *Bundle) Len() int { return len(b.normal.hashes) + len(b.final.hashes) }
