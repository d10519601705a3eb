package load

import (
	"context"
	"sync"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Follower reads the confirmations of all nodes as they come and notes when
// each node confirmed the blocks that somebody waits for.
type Follower struct {
	nodes int

	mu      sync.Mutex
	awaited map[lattice.Hash]*Awaited // only what is under way: see Forget
}

// Awaited is a block on its way. The times count from when it was handed to the
// first node, with all that lies between: HTTP, checks, the database, votes, and
// the news of the confirmation.
type Awaited struct {
	began time.Time
	after []time.Duration // by node; 0 where it is not confirmed yet
	left  int
	done  chan struct{} // closed when all nodes have confirmed it
}

// NewFollower returns one that follows so many nodes.
func NewFollower(nodes int) *Follower {
	return &Follower{nodes: nodes, awaited: map[lattice.Hash]*Awaited{}}
}

// Expect begins to wait for a block.
func (f *Follower) Expect(hash lattice.Hash) *Awaited {
	a := &Awaited{began: time.Now(), after: make([]time.Duration, f.nodes), left: f.nodes, done: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.awaited[hash] = a
	return a
}

// Done is closed when all nodes have confirmed the block.
func (a *Awaited) Done() <-chan struct{} { return a.done }

// Forget ends the wait for a block.
func (f *Follower) Forget(hash lattice.Hash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.awaited, hash)
}

// Progress returns when each node confirmed a block so far.
func (f *Follower) Progress(a *Awaited) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Duration(nil), a.after...)
}

// confirmed notes that a node has confirmed a block.
func (f *Follower) confirmed(node int, hash lattice.Hash, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.awaited[hash]
	if a == nil || a.after[node] != 0 {
		return
	}
	a.after[node] = max(now.Sub(a.began), 1)
	if a.left--; a.left == 0 {
		close(a.done)
	}
}

// news is an answer of confirmations_since.
type news struct {
	Seq           uint64 `json:",string"`
	Confirmations []struct{ Hash string }
}

// Read follows one node from a number of its confirmation sequence on, until ctx
// ends or the node does not answer: it returns with the error of that.
func (f *Follower) Read(ctx context.Context, number int, n Node, seq uint64) error {
	for {
		var told news
		if err := n.Call(ctx, "confirmations_since", map[string]any{"seq": seq, "wait_ms": 20_000}, &told); err != nil {
			return err
		}
		now := time.Now()
		for _, e := range told.Confirmations {
			hash, err := lattice.ParseHash(e.Hash)
			if err != nil {
				return err
			}
			f.confirmed(number, hash, now)
		}
		seq = told.Seq
	}
}
