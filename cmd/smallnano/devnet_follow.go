package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// follower reads the confirmations of all nodes as they come and notes when
// each node confirmed the blocks that somebody waits for.
type follower struct {
	nodes int

	mu      sync.Mutex
	awaited map[lattice.Hash]*awaited // only what is under way: see forget
}

// awaited is a block on its way. The times count from when it was handed to the
// first node, with all that lies between: HTTP, checks, the database, votes, and
// the news of the confirmation.
type awaited struct {
	began time.Time
	after []time.Duration // by node; 0 where it is not confirmed yet
	left  int
	done  chan struct{} // closed when all nodes have confirmed it
}

func newFollower(nodes int) *follower {
	return &follower{nodes: nodes, awaited: map[lattice.Hash]*awaited{}}
}

// expect begins to wait for a block.
func (f *follower) expect(hash lattice.Hash) *awaited {
	a := &awaited{began: time.Now(), after: make([]time.Duration, f.nodes), left: f.nodes, done: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.awaited[hash] = a
	return a
}

func (f *follower) forget(hash lattice.Hash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.awaited, hash)
}

// progress returns when each node confirmed a block so far.
func (f *follower) progress(a *awaited) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]time.Duration(nil), a.after...)
}

// confirmed notes that a node has confirmed a block.
func (f *follower) confirmed(node int, hash lattice.Hash, now time.Time) {
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

// endLimit is how long a node that does not answer is given to end by itself.
const endLimit = 2 * time.Second

// start follows one node from its newest confirmation on until ctx ends.
func (f *follower) start(ctx context.Context, c *child, fail context.CancelCauseFunc) error {
	s, err := c.status(ctx)
	if err != nil {
		return err
	}
	go func() {
		err := f.read(ctx, c, s.Confirmed)
		if err == nil || ctx.Err() != nil {
			return
		}
		select {
		case <-c.ended: // which says why
		case <-time.After(endLimit):
			fail(fmt.Errorf("cannot follow node %d: %w", c.number, err))
		}
	}()
	return nil
}

func (f *follower) read(ctx context.Context, c *child, seq uint64) error {
	for {
		var n news
		if err := c.client.ask(ctx, "confirmations_since", map[string]any{"seq": seq, "wait_ms": 20_000}, &n); err != nil {
			return err
		}
		now := time.Now()
		for _, e := range n.Confirmations {
			hash, err := lattice.ParseHash(e.Hash)
			if err != nil {
				return err
			}
			f.confirmed(c.number, hash, now)
		}
		seq = n.Seq
	}
}
