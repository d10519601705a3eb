package bootstrap

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

// synced returns a world whose client has caught up with two honest peers, and
// the ledger of those: of so many blocks, one in so many for an account of its own.
func synced(t *testing.T, cfg Config, blocks, each int) (*world, *chains) {
	w := newWorld(t, 1, cfg)
	w.u.grow(blocks, each)
	full := w.u.ledger(len(w.u.blocks))
	w.connect(honest(full))
	w.connect(honest(full))
	if _, done := w.run(time.Minute, w.whole); !done {
		t.Fatalf("not synced\n%v", w.c)
	}
	return w, full
}

// more makes n more blocks, which the servers' ledger has at once.
func (w *world) more(full *chains, n int) {
	before := len(w.u.blocks)
	w.u.grow(n, 3)
	for _, b := range w.u.blocks[before:] {
		if err := full.insert(b.Block, b.Hash, w.u.receives[b.Hash]); err != nil {
			w.t.Fatal(err)
		}
	}
	full.confirmAll()
}

// TestSilence: a node in step asks less and less, until it is nearly silent.
func TestSilence(t *testing.T) {
	w, _ := synced(t, DefaultConfig(), 300, 3)
	w.run(20*time.Minute, nil)
	before := w.requests
	w.run(time.Hour, nil)
	if n := w.requests - before; n < 2*10 || n > 2*13 {
		t.Errorf("%d requests in an hour, want one page from each of two peers every five minutes", n)
	}
	if s := w.c.Stats(w.now); s.Phase != "resting" || s.Accounts+s.Blocked+s.Sources+s.InFlight+s.Outstanding != 0 || s.Rate != 0 {
		t.Errorf("not at rest: %+v", s)
	}
}

// TestUnobtainable: blocks that nobody has any more keep nobody awake either.
func TestUnobtainable(t *testing.T) {
	w := newWorld(t, 1, DefaultConfig())
	w.u.grow(300, 3)
	pruned := w.u.ledger(len(w.u.blocks))
	pruned.prune(1)
	w.connect(honest(pruned))
	w.run(30*time.Minute, nil)
	before := w.requests
	w.run(time.Hour, nil)
	if n, most := w.requests-before, 13*(1+4*len(w.u.heads)); n > most {
		t.Errorf("%d requests in an hour for what nobody has, want at most %d", n, most)
	}
	if len(w.blames) > 0 {
		t.Errorf("a pruned peer is blamed: %v", w.blames)
	}
}

// Where all peers have pruned what is next, the client says so, and of which
// account, until a peer comes that has all.
func TestPrunedAway(t *testing.T) {
	w := newWorld(t, 1, DefaultConfig())
	w.u.grow(300, 3)
	for range 2 {
		pruned := w.u.ledger(len(w.u.blocks))
		pruned.prune(1)
		w.connect(honest(pruned))
	}
	if s := w.c.Stats(w.now); s.PrunedAccounts != 0 || s.Pruned != (PrunedAway{}) {
		t.Fatalf("at the beginning %d accounts are said to be pruned, %+v first", s.PrunedAccounts, s.Pruned)
	}
	w.run(time.Minute, nil)
	for range 3 { // it stays said
		s := w.c.Stats(w.now)
		if s.PrunedAccounts == 0 || s.PrunedAccounts > maxPrunedAway || s.Pruned.Below == 0 || !slices.Contains(w.u.heads, s.Pruned.Account) {
			t.Fatalf("%d accounts are said to be pruned, %+v first", s.PrunedAccounts, s.Pruned)
		}
		w.run(30*time.Minute, nil)
	}
	w.connect(honest(w.u.ledger(len(w.u.blocks))))
	if _, done := w.run(10*time.Minute, w.whole); !done {
		t.Fatal("the ledger is not whole, though a peer has all")
	}
	w.run(time.Second, nil)
	if s := w.c.Stats(w.now); s.PrunedAccounts != 0 {
		t.Errorf("%d accounts are still said to be pruned, %+v first", s.PrunedAccounts, s.Pruned)
	}
}

// TestWake: whatever ends the rest makes the node catch up within a second.
func TestWake(t *testing.T) {
	for name, wake := range map[string]func(w *world, full *chains){
		"a new peer": func(w *world, full *chains) {
			w.connect(honest(full))
		},
		"all peers gone and back": func(w *world, full *chains) {
			for _, conn := range w.conns {
				w.disconnect(conn)
			}
			w.connect(honest(full))
		},
		"a block whose previous is not here": func(w *world, full *chains) {
			b := w.u.make(w.u.blocks[len(w.u.blocks)-1].Account, lattice.Link{}, false)
			w.enqueue(Gap{Block: b, Source: 1})
			if err := full.insert(b.Block, b.Hash, false); err != nil {
				w.t.Fatal(err)
			}
			full.confirmAll()
		},
		"a block whose source is not here": func(w *world, full *chains) {
			send := w.u.make(w.u.heads[0], lattice.Link(w.u.heads[1]), false)
			receive := w.u.make(w.u.heads[1], lattice.Link(send.Hash), true)
			for _, b := range []Block{send, receive} {
				if err := full.insert(b.Block, b.Hash, w.u.receives[b.Hash]); err != nil {
					w.t.Fatal(err)
				}
			}
			full.confirmAll()
			w.enqueue(Gap{Block: receive, Source: 1})
		},
	} {
		w, full := synced(t, DefaultConfig(), 300, 3)
		w.run(30*time.Minute, nil)
		w.more(full, 40)
		wake(w, full)
		if took, done := w.run(time.Second, w.whole); !done {
			t.Errorf("%s: %d of %d blocks after %v\n%v", name, len(w.local.blocks), len(w.u.blocks), took, w.c)
		}
	}
}

// TestPatchwork: no peer has everything; together they have.
func TestPatchwork(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(t, seed, DevConfig())
		w.u.grow(800, 4)
		for i := range 3 {
			l := w.u.ledger(len(w.u.blocks))
			n := 0
			for _, a := range w.u.heads { // each confirmed two accounts of three
				if n++; n%3 == i {
					l.accounts[a].confirmed = 0
				}
			}
			w.connect(honest(l))
		}
		if took, done := w.run(time.Minute, w.whole); !done {
			t.Fatalf("seed %d: %d of %d blocks after %v\n%v", seed, len(w.local.blocks), len(w.u.blocks), took, w.c)
		}
		if len(w.blames) > 0 {
			t.Errorf("seed %d: blames %v", seed, w.blames)
		}
	}
}

// TestForkHeals: our own unconfirmed blocks are not the ones that the network
// confirmed, at the frontier and below it.
func TestForkHeals(t *testing.T) {
	for _, depth := range []int{1, 2, 5} {
		for _, growth := range []int{0, 30, 400} {
			w, full := synced(t, DevConfig(), 300, 3)
			for _, a := range w.u.heads[:5] {
				prev := w.u.frontier[a]
				for i := range depth {
					b := &lattice.Block{Account: a, Previous: prev, Balance: lattice.AmountFrom(uint64(1e9) + uint64(i))}
					prev = b.Hash(lattice.DevID)
					if err := w.local.insert(b, prev, false); err != nil {
						t.Fatal(err)
					}
				}
				w.votes[a] = time.Time{}
			}
			w.more(full, growth)
			for _, a := range w.u.heads[:5] { // every one of them differs now
				b := w.u.make(a, lattice.Link{}, false)
				if err := full.insert(b.Block, b.Hash, false); err != nil {
					t.Fatal(err)
				}
			}
			full.confirmAll()
			w.connect(honest(full))
			same := func() bool {
				for a, ch := range full.accounts {
					if _, here := w.local.blocks[ch.hashes[len(ch.hashes)-1]]; !here || w.local.accounts[a] == nil {
						return false
					}
				}
				return true
			}
			if took, done := w.run(30*time.Second, same); !done {
				t.Fatalf("depth %d, growth %d: forks are not healed after %v\n%v", depth, growth, took, w.c)
			}
			if len(w.blames) > 0 {
				t.Errorf("depth %d, growth %d: blames %v", depth, growth, w.blames)
			}
		}
	}
}

// TestOverload: a block processor with little room is not drowned, and the end
// is the same.
func TestOverload(t *testing.T) {
	w := newWorld(t, 4, DevConfig())
	w.queueMax, w.perTurn = 150, 3
	w.u.grow(2000, 50)
	full := w.u.ledger(len(w.u.blocks))
	for range 3 {
		w.connect(honest(full))
	}
	if took, done := w.run(2*time.Minute, w.whole); !done {
		t.Fatalf("%d of %d blocks after %v\n%v", len(w.local.blocks), len(w.u.blocks), took, w.c)
	}
}

// TestPause: nothing is asked for while the driver says so, except frontiers.
func TestPause(t *testing.T) {
	w := newWorld(t, 4, DevConfig())
	w.u.grow(100, 3)
	w.connect(honest(w.u.ledger(len(w.u.blocks))))
	w.c.Pause(true)
	w.run(10*time.Second, nil)
	if s := w.c.Stats(w.now); s.Phase != "paused" || s.Delivered > 0 || s.Accounts == 0 {
		t.Errorf("paused, and %+v", s)
	}
	w.c.Pause(false)
	if _, done := w.run(5*time.Second, w.whole); !done {
		t.Errorf("does not resume\n%v", w.c)
	}
}

// TestProgress saves the scan of a large space half-way; a new client goes on
// from there, and then scans all of it once more.
func TestProgress(t *testing.T) {
	cfg := DefaultConfig()
	cfg.PageSize, cfg.Heads = 16, 4
	w := newWorld(t, 2, cfg)
	w.u.grow(4000, 1)
	full := w.u.ledger(len(w.u.blocks))
	w.local = w.u.ledger(len(w.u.blocks))
	w.connect(honest(full))
	w.run(300*time.Millisecond, nil)
	p := w.c.Progress()
	saved, err := p.AppendBinary(nil)
	if err != nil || len(p.Cursors) != 4 {
		t.Fatalf("progress %+v, error %v", p, err)
	}
	var back Progress
	if err := back.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	w.c = New(cfg)
	w.c.Restore(back)
	if again, _ := w.c.Progress().AppendBinary(nil); string(again) != string(saved) {
		t.Errorf("progress changed over a restart:\n%x\n%x", saved, again)
	}
	w.disconnect(1)
	w.connect(honest(full))
	if _, done := w.run(time.Hour, func() bool { return w.c.Stats(w.now).Rounds == 2 }); !done {
		t.Fatalf("no second round\n%v", w.c)
	}
	// What is left of the first round, and the whole of the second.
	if n := w.c.Stats(w.now).Compared; n <= uint64(len(w.u.heads)) || n >= 2*uint64(len(w.u.heads)) {
		t.Errorf("%d frontiers compared, want between %d and %d", n, len(w.u.heads), 2*len(w.u.heads))
	}

	for name, bad := range map[string][]byte{
		"nothing": {}, "another version": {2, 0}, "short": {1, 1, 0}, "long": {1, 0, 0},
		"no flag": append([]byte{1, 1, 2}, make([]byte, 32)...), "too many heads": append([]byte{1, 65}, make([]byte, 65*33)...),
	} {
		if back.UnmarshalBinary(bad) == nil {
			t.Errorf("%s: read", name)
		}
	}
	for name, bad := range map[string]Progress{
		"none":          {},
		"other heads":   {Cursors: make([]lattice.Account, 3), Done: make([]bool, 3)},
		"out of bounds": {Cursors: make([]lattice.Account, 4), Done: make([]bool, 4)},
		"all done":      {Cursors: p.Cursors, Done: []bool{true, true, true, true}},
	} {
		c := New(cfg)
		if c.Restore(bad); c.scan.running {
			t.Errorf("%s: restored", name)
		}
	}
}

// TestHeads: the parts of the account space cover it without a gap.
func TestHeads(t *testing.T) {
	for n := 1; n <= MaxHeads; n++ {
		cfg := DefaultConfig()
		cfg.Heads = n
		heads := newScan(cfg).heads
		var want lattice.Account
		for i, h := range heads {
			if h.first != want || !less(h.first, h.last) {
				t.Fatalf("part %d of %d is %s to %s, want it to start at %s", i, n, h.first.Hex(), h.last.Hex(), want.Hex())
			}
			want, _ = after(h.last)
		}
		if !want.IsZero() {
			t.Fatalf("%d parts end before %s", n, want.Hex())
		}
	}
}

// TestLedgerErrors: an error of the ledger is returned and nothing is lost.
func TestLedgerErrors(t *testing.T) {
	w := newWorld(t, 3, DevConfig())
	w.u.grow(100, 3)
	w.connect(honest(w.u.ledger(len(w.u.blocks))))
	broken := errors.New("disk on fire")
	seen := 0
	for range 300 {
		w.local.fail = nil
		if w.rng.IntN(3) == 0 {
			w.local.fail = broken
		}
		w.c.Tick(w.now)
		r, err := w.c.Ready(w.local, w.now, w.rng)
		for _, q := range r.Requests {
			id, page, answer := w.servers[q.Conn](w, q)
			w.mail = append(w.mail, letter{w.now, q.Conn, id, q.Kind, page, answer})
		}
		for _, d := range r.Deliver {
			for _, b := range d.Blocks {
				w.enqueue(Gap{Block: b, Source: d.Conn})
			}
		}
		for _, l := range w.mail {
			var e error
			if l.kind == AskFrontiers {
				e = w.c.Frontiers(l.conn, l.id, l.page, w.local, w.now)
			} else {
				e = w.c.Pulled(l.conn, l.id, *l.answer, w.local, w.now)
			}
			err = errors.Join(err, e)
		}
		w.mail = nil
		if err != nil {
			if seen++; !errors.Is(err, broken) || w.local.fail == nil {
				t.Fatalf("error %v", err)
			}
		}
		w.local.fail = nil
		w.process()
		checkClient(t, w.c)
		w.now = w.now.Add(100 * time.Millisecond)
	}
	if !w.whole() || seen == 0 {
		t.Errorf("%d of %d blocks, %d errors", len(w.local.blocks), len(w.u.blocks), seen)
	}
}

func TestConfigValidate(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no accounts":      func(c *Config) { c.MaxAccounts = 0 },
		"no heads":         func(c *Config) { c.Heads = 0 },
		"too many heads":   func(c *Config) { c.Heads = MaxHeads + 1 },
		"page too large":   func(c *Config) { c.PageSize = MaxFrontiers + 1 },
		"no room for one":  func(c *Config) { c.MaxDelivered = MaxPullBlocks - 1 },
		"no timeout":       func(c *Config) { c.Timeout = 0 },
		"rest upside down": func(c *Config) { c.RestMax = c.RestMin - 1 },
	} {
		c := DefaultConfig()
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, c := range []Config{DefaultConfig(), DevConfig()} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestRandomVerbs calls everything in random order with random arguments; no
// bound is exceeded and no count goes wrong, and the same seed does the same.
func TestRandomVerbs(t *testing.T) {
	for seed := range uint64(30) {
		if a, b := wander(t, seed), wander(t, seed); a != b {
			t.Fatalf("seed %d: two runs differ:\n%+v\n%+v", seed, a, b)
		}
	}
}

func wander(t *testing.T, seed uint64) Stats {
	cfg := DevConfig()
	cfg.MaxAccounts, cfg.MaxBlocked, cfg.MaxInFlight, cfg.MaxPerPeer, cfg.PageSize, cfg.Heads, cfg.MaxDelivered = 40, 10, 12, 4, 10, 3, 300
	rng := rand.New(rand.NewPCG(seed, 17))
	u := newUniverse(rng)
	u.grow(200, 2)
	local, full := u.ledger(20), u.ledger(len(u.blocks))
	w := &world{t: t, rng: rng, now: epoch, u: u, local: local}
	c := New(cfg)
	servers := []server{honest(full), invents(false), breaks(full), overstates(full), honest(u.ledger(100))}
	var open []Request
	var conns []peering.ConnID
	next := peering.ConnID(0)
	block := func() Block { return u.blocks[rng.IntN(len(u.blocks))] }
	for range 3000 {
		b := block()
		switch rng.IntN(14) {
		case 0:
			next++
			conns = append(conns, next)
			c.PeerUp(next, w.now)
		case 1:
			if len(conns) > 6 {
				c.PeerDown(conns[0], w.now)
				conns = conns[1:]
			}
		case 2:
			c.Behind(b.Account, w.now)
		case 3:
			c.Missing(block().Hash, b.Account, w.now)
		case 4:
			c.Inserted(b.Account, b.Hash, full.blocks[b.Hash].Height, w.now)
		case 5:
			c.Known(b.Account, b.Hash, w.now)
		case 6:
			c.Failed(b.Account, w.now)
		case 7:
			if rng.IntN(20) == 0 {
				c.Refused(b.Account, w.now)
			}
		case 8:
			c.Pause(rng.IntN(8) == 0)
		case 9:
			w.now = w.now.Add(time.Duration(rng.IntN(1500)) * time.Millisecond)
			c.Tick(w.now)
		default:
			if len(open) > 0 {
				i := rng.IntN(len(open))
				q := open[i]
				id, page, answer := servers[int(q.Conn)%len(servers)](w, q)
				if q.Kind == AskFrontiers {
					_ = c.Frontiers(q.Conn, id, page, local, w.now)
				} else {
					_ = c.Pulled(q.Conn, id, *answer, local, w.now)
				}
				if rng.IntN(4) > 0 { // else it comes twice
					open = append(open[:i], open[i+1:]...)
				}
			}
		}
		r, err := c.Ready(local, w.now, rng)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, r.Requests...)
		for _, d := range r.Deliver {
			for _, b := range d.Blocks {
				if rng.IntN(2) == 0 && local.insert(b.Block, b.Hash, u.receives[b.Hash]) == nil {
					c.Inserted(b.Account, b.Hash, local.blocks[b.Hash].Height, w.now)
				}
			}
		}
		checkClient(t, c)
	}
	return c.Stats(w.now)
}

// TestFalseFrontiersOfUnconfirmed: frontiers that nobody has, of accounts whose
// blocks are here and not confirmed, do not make the client ask for the same
// blocks for ever.
func TestFalseFrontiersOfUnconfirmed(t *testing.T) {
	w, full := synced(t, DevConfig(), 300, 3)
	for _, a := range w.u.heads {
		w.local.accounts[a].confirmed = 0
		w.votes[a] = time.Time{}
	}
	h := honest(full)
	w.connect(func(w *world, q Request) (uint64, []Frontier, *Blocks) {
		id, page, answer := h(w, q)
		for i := range page {
			if page[i].Hash[3] ^= 0xff; i%2 == 0 {
				page[i].Height += 500
			}
		}
		return id, page, answer
	})
	before := w.requests
	w.run(time.Minute, nil)
	if n, most := w.requests-before, 20*len(w.u.heads); n > most {
		t.Errorf("%d requests in a minute, want at most %d", n, most)
	}
}

// TestAnswersOfEarlier: a client that takes over from one that failed does not
// blame peers for answers to the other's requests, whenever these come, but for
// no more than there can have been.
func TestAnswersOfEarlier(t *testing.T) {
	cfg := DefaultConfig()
	cfg.FirstID = 1000
	c := New(cfg)
	blamed := func(id uint64, now time.Time) int {
		if err := c.Frontiers(1, id, []Frontier{}, nil, now); err != nil {
			t.Fatal(err)
		}
		n := len(c.ready.Bad)
		c.ready.Bad = nil
		return n
	}
	if blamed(7, epoch) != 0 {
		t.Error("blamed for an answer that came before the client was told of the peer")
	}
	c.PeerUp(1, epoch)
	for range maxLate {
		if blamed(1000, epoch.Add(time.Hour)) != 0 {
			t.Fatal("blamed for an answer to an earlier client")
		}
	}
	for _, id := range []uint64{1000, 1001} {
		if blamed(id, epoch.Add(time.Hour)) != 1 {
			t.Errorf("answer %d is not blamed", id)
		}
	}
	r, err := c.Ready(newChains(), epoch, rand.New(rand.NewPCG(1, 1)))
	if err != nil || len(r.Requests) != 1 || r.Requests[0].ID != 1001 {
		t.Errorf("requests %v, %v; want one, numbered 1001", r.Requests, err)
	}
}

// TestStalling: a peer that answers nothing is blamed for it, once, and again only
// after it has answered in between.
func TestStalling(t *testing.T) {
	w := newWorld(t, 1, DevConfig())
	w.u.grow(100, 3)
	full := w.u.ledger(len(w.u.blocks))
	dumb := true
	conn := w.connect(func(w *world, q Request) (uint64, []Frontier, *Blocks) {
		if dumb {
			return silent(w, q)
		}
		return honest(full)(w, q)
	})
	named := func() bool { return w.blames[conn] > 0 }
	if _, done := w.run(5*time.Minute, named); !done {
		t.Fatal("it is not blamed")
	}
	w.run(5*time.Minute, func() bool { return false })
	if w.blames[conn] != 1 {
		t.Errorf("blamed %d times for one silence", w.blames[conn])
	}
	dumb = false
	if _, done := w.run(5*time.Minute, w.whole); !done || w.blames[conn] != 1 {
		t.Errorf("done: %t, blamed %d times, after it began to answer", done, w.blames[conn])
	}
}

// TestCalm: in a ledger of many pages a node in step compares a page now and then,
// asks one peer for it, and has nothing to store; news end the calm.
func TestCalm(t *testing.T) {
	cfg := DefaultConfig()
	cfg.PageSize, cfg.Heads = 16, 2
	w, full := synced(t, cfg, 1200, 1)
	if pages := len(w.u.heads) / cfg.PageSize; pages < 12 {
		t.Fatalf("%d pages are not many", pages)
	}
	calm := func() bool { return w.c.scan.calm && w.c.scan.running && w.c.scan.probed }
	if _, done := w.run(30*time.Minute, calm); !done {
		t.Fatalf("no calm\n%v", w.c)
	}
	before := w.requests
	w.run(10*time.Minute, func() bool {
		if p := w.c.Progress(); len(p.Cursors) > 0 {
			t.Fatal("a calm round has something to store")
		}
		return false
	})
	if n := w.requests - before; n < 5 || n > 12 {
		t.Errorf("%d requests in ten minutes, want about one a minute", n)
	}
	if s := w.c.Stats(w.now); s.Phase != "resting" || s.Scanned != 100 {
		t.Errorf("not at rest: %+v", s)
	}
	w.more(full, 10)
	w.connect(honest(full))
	if took, done := w.run(time.Minute, w.whole); !done {
		t.Errorf("%d of %d blocks after %v\n%v", len(w.local.blocks), len(w.u.blocks), took, w.c)
	}
}

// TestLongChain: what follows on a long chain is asked for while what came is still
// being processed, so that the way to the peer does not count for each answer.
func TestLongChain(t *testing.T) {
	w := newWorld(t, 1, DefaultConfig())
	w.lag, w.perTurn = 60*time.Millisecond, 20 // 2,000 a second
	a := w.u.heads[0]
	const length = 100 * MaxPullBlocks
	for range length {
		w.u.make(a, lattice.Link{}, false)
	}
	conn := w.connect(honest(w.u.ledger(len(w.u.blocks))))
	took, done := w.run(time.Minute, w.whole)
	if !done {
		t.Fatalf("%d of %d blocks\n%v", len(w.local.blocks), len(w.u.blocks), w.c)
	}
	if most := 9 * time.Second; took > most { // 6.4 s in the block processor, 6 s on the way, beside each other
		t.Errorf("a chain of %d blocks took %v, want at most %v", length, took, most)
	}
	if w.blames[conn] > 0 {
		t.Errorf("an honest peer is blamed")
	}
	for _, n := range w.delivered {
		if n > 1 {
			t.Fatalf("a block was delivered %d times", n)
		}
	}
}

// TestWindow: a peer that answers soon is asked more at a time, one that answers
// late less, so that nothing times out.
func TestWindow(t *testing.T) {
	for lag, fits := range map[time.Duration]func(window int) bool{
		20 * time.Millisecond: func(n int) bool { return n > firstWindow },
		2 * time.Second:       func(n int) bool { return n < firstWindow },
	} {
		w := newWorld(t, 1, DefaultConfig())
		w.u.grow(600, 2)
		w.lag = lag
		w.connect(honest(w.u.ledger(len(w.u.blocks))))
		if _, done := w.run(time.Hour, w.whole); !done {
			t.Fatalf("lag %v: not synced\n%v", lag, w.c)
		}
		if n := w.c.peers[0].window; !fits(n) || w.c.stats.Timeouts > 0 {
			t.Errorf("lag %v: %d requests at a time, %d timeouts", lag, n, w.c.stats.Timeouts)
		}
	}
}

// TestNothingAhead: a chain of which more was to be asked for ahead may have come to
// its end by another way when there is time to ask, and a request for no blocks is none.
func TestNothingAhead(t *testing.T) {
	w := newWorld(t, 1, DefaultConfig())
	a := w.u.heads[0]
	for range MaxPullBlocks + 1 {
		w.u.make(a, lattice.Link{}, false)
	}
	chain := w.u.blocks[1:] // the first is here
	last := uint64(len(w.u.blocks))
	head := chain[len(chain)-1].Hash
	const conn = 1
	w.c.PeerUp(conn, w.now)
	ask := func(mode Mode) Request { // the request for blocks that is due, of the mode
		t.Helper()
		r, err := w.c.Ready(w.local, w.now, w.rng)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range r.Requests {
			if q.Kind == AskBlocks && q.Mode == mode {
				return q
			}
		}
		t.Fatalf("no request of mode %d in %+v", mode, r.Requests)
		return Request{}
	}
	answer := func(q Request, first uint64, blocks ...Block) {
		t.Helper()
		if err := w.c.Pulled(conn, q.ID, Blocks{First: first, Blocks: blocks}, w.local, w.now); err != nil {
			t.Fatal(err)
		}
	}
	w.c.Wanted(head)
	answer(ask(ByHash), last, chain[len(chain)-1]) // tells whose it is, and how high
	pull := ask(ByAccount)
	w.c.Wanted(head)
	again := ask(ByHash)
	answer(pull, 2, chain[:MaxPullBlocks]...)
	w.c.Refused(w.u.account(), w.now) // no time to ask ahead
	for i, b := range chain[:MaxPullBlocks] {
		if err := w.local.insert(b.Block, b.Hash, false); err != nil {
			t.Fatal(err)
		}
		w.c.Inserted(a, b.Hash, uint64(i+2), w.now)
	}
	answer(again, last, chain[len(chain)-1])
	w.now = w.now.Add(time.Second)
	r, err := w.c.Ready(w.local, w.now, w.rng)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range r.Requests {
		if q.Count < 1 {
			t.Errorf("%d blocks are asked for: %+v", q.Count, q)
		}
	}
	if len(r.Deliver) != 2 {
		t.Errorf("%d deliveries, want the chain in two", len(r.Deliver))
	}
}
