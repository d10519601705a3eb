package bootstrap

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// follow returns a block of an account after another one.
func follow(a lattice.Account, previous lattice.Hash, number uint64) Block {
	b := &lattice.Block{Account: a, Previous: previous, Balance: lattice.AmountFrom(number)}
	return Block{b, b.Hash(lattice.DevID)}
}

// TestProof: unconfirmed blocks of ours, some of which are as all have them, are in the
// way of a block that is voted for. What is delivered in the end is where the chains
// part, and it says that it leads to that block only if the peer has shown every block
// between.
func TestProof(t *testing.T) {
	const conn, batch = 1, MaxPullBlocks
	for _, c := range []struct {
		same, lost, more int // blocks: as all have them, ours beyond, of the others beyond
		served           int // of those beyond; the rest the peer does not show
		wrong            int // from here on it shows another chain; 0: never
		head             bool
	}{
		{0, 1, 2, 2, 0, true},
		{0, 3, 1, 1, 0, true}, // the head is the rival itself
		{0, 1, batch, batch, 0, true},
		{0, 1, batch + 1, batch + 1, 0, true},
		{0, 1, 5 * batch, 5 * batch, 0, true},
		{3 * batch, 2, 7, 7, 0, true},
		{3*batch - 1, 2, 3 * batch, 3 * batch, 0, true},
		{batch, batch, batch, batch, 0, true},
		{0, 1, 3 * batch, 2*batch + 5, 0, false},
		{batch, 1, 3 * batch, batch, 0, false},
		{0, 1, 3 * batch, 3 * batch, batch + 1, false},
		{2 * batch, 1, 3 * batch, 3 * batch, batch + batch/2, false},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			w := newWorld(t, 1, DefaultConfig())
			a := w.u.heads[0]
			theirs := []Block{w.u.blocks[0]}
			grow := func(chain []Block, n int, from uint64) []Block {
				for i := range n {
					chain = append(chain, follow(a, chain[len(chain)-1].Hash, from+uint64(i)))
				}
				return chain
			}
			theirs = grow(theirs, c.same, 1000)
			fork := len(theirs)
			for _, b := range grow(slices.Clone(theirs), c.lost, 5000)[1:] {
				if err := w.local.insert(b.Block, b.Hash, false); err != nil {
					t.Fatal(err)
				}
			}
			w.local.accounts[a].confirmed = 1
			theirs = grow(theirs, c.more, 10_000)
			head, height := theirs[len(theirs)-1], uint64(len(theirs))
			shown := slices.Clone(theirs)
			if c.wrong > 0 {
				shown = grow(shown[:fork+c.wrong-1:fork+c.wrong-1], c.more-c.wrong+1, 20_000)
			}
			shown = shown[:fork+c.served]

			w.c.PeerUp(conn, w.now)
			w.c.Wanted(head.Hash)
			var got *Delivery
			asked := 0
			for step := 0; got == nil && step < 200; step++ {
				w.now = w.now.Add(10 * time.Millisecond)
				w.c.Tick(w.now)
				r, err := w.c.Ready(w.local, w.now, w.rng)
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Deliver) > 0 {
					got = &r.Deliver[0]
				}
				for _, q := range r.Requests {
					if q.Kind != AskBlocks {
						continue
					}
					asked++
					answer := Blocks{Code: Unknown}
					switch {
					case q.Mode == ByHash:
						answer = Blocks{First: height, Blocks: []Block{head}}
					case q.Height <= uint64(len(shown)):
						answer = Blocks{First: q.Height, Blocks: shown[q.Height-1 : min(int(q.Height)-1+q.Count, len(shown))]}
					}
					if err := w.c.Pulled(conn, q.ID, answer, w.local, w.now); err != nil {
						t.Fatal(err)
					}
				}
				checkClient(t, w.c)
			}
			most := 4 + (c.same+c.more)/batch
			if c.head && asked > most {
				t.Errorf("%d requests for blocks, want at most %d", asked, most)
			}
			switch {
			case got == nil && c.head:
				t.Fatal("nothing was delivered")
			case got == nil:
				return
			case (got.Head == head.Hash) != c.head:
				t.Errorf("delivered below %v, the block that is voted for is %v: want that %v", got.Head, head.Hash, c.head)
			case c.head && index(got.Blocks, theirs[fork].Hash) < 0:
				t.Errorf("%d blocks from height %d delivered, not the one at height %d where the chains part", len(got.Blocks), got.First, fork+1)
			}
		})
	}
}
