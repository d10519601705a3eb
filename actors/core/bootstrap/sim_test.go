package bootstrap

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

var epoch = time.Unix(1_700_000_000, 0)

// server answers a request, or says nothing. What it returns is a page, an
// answer, or nil for silence; the id may be another one than was asked with.
type server func(w *world, q Request) (id uint64, page []Frontier, answer *Blocks)

// world is a client with its ledger and a block processor as a driver would
// have them, servers, and a network that delays, reorders and loses.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	now   time.Time
	u     *universe
	local *chains
	c     *Client
	gaps  *Gaps

	servers map[peering.ConnID]server
	conns   []peering.ConnID
	blames  map[peering.ConnID]int
	banAt   int // blames until a peer is cut off; 0: never
	loss    int // of 100 answers
	lag     time.Duration
	mail    []letter

	queue     []Gap // of the block processor
	queueMax  int
	perTurn   int
	votes     map[lattice.Account]time.Time // elections over forks that are going on
	winners   map[lattice.Account]Block
	requests  int
	delivered map[lattice.Hash]int
}

type letter struct {
	at     time.Time
	conn   peering.ConnID
	id     uint64
	kind   Kind
	page   []Frontier
	answer *Blocks
}

func newWorld(t *testing.T, seed uint64, cfg Config) *world {
	rng := rand.New(rand.NewPCG(seed, 99))
	u := newUniverse(rng)
	return &world{
		t: t, rng: rng, now: epoch, u: u, local: u.ledger(1), c: New(cfg), gaps: NewGaps(DefaultGapsConfig()),
		servers: map[peering.ConnID]server{}, blames: map[peering.ConnID]int{}, lag: 20 * time.Millisecond,
		queueMax: 4096, perTurn: 50, votes: map[lattice.Account]time.Time{}, winners: map[lattice.Account]Block{},
		delivered: map[lattice.Hash]int{},
	}
}

func (w *world) connect(s server) peering.ConnID {
	conn := peering.ConnID(len(w.conns) + 1)
	w.conns = append(w.conns, conn)
	w.servers[conn] = s
	w.c.PeerUp(conn, w.now)
	return conn
}

func (w *world) disconnect(conn peering.ConnID) {
	delete(w.servers, conn)
	w.c.PeerDown(conn, w.now)
}

// run lets time pass until the ledger is whole, for at most d. It returns how
// long it took.
func (w *world) run(d time.Duration, until func() bool) (took time.Duration, done bool) {
	begin := w.now
	for tick := 0; w.now.Sub(begin) < d; tick++ {
		if until != nil && until() {
			return w.now.Sub(begin), true
		}
		if tick%10 == 0 {
			w.c.Tick(w.now)
			w.gaps.Tick(w.now)
		}
		w.elect()
		w.carryOut()
		w.deliver()
		w.process()
		w.carryOut()
		checkClient(w.t, w.c)
		w.now = w.now.Add(10 * time.Millisecond)
	}
	return d, until != nil && until()
}

// whole reports whether the local ledger has all blocks there are.
func (w *world) whole() bool { return len(w.local.blocks) == len(w.u.blocks) }

func (w *world) carryOut() {
	r, err := w.c.Ready(w.local, w.now, w.rng)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, b := range r.Bad {
		if w.blames[b.Conn]++; w.banAt > 0 && w.blames[b.Conn] == w.banAt {
			w.disconnect(b.Conn)
		}
	}
	for _, d := range r.Deliver {
		for _, b := range d.Blocks {
			w.delivered[b.Hash]++
			w.enqueue(Gap{Block: b, Source: d.Conn})
		}
	}
	for _, q := range r.Requests {
		w.requests++
		s := w.servers[q.Conn]
		if s == nil || w.rng.IntN(100) < w.loss {
			continue
		}
		id, page, answer := s(w, q)
		if page == nil && answer == nil {
			continue
		}
		delay := w.lag/2 + time.Duration(w.rng.Int64N(int64(w.lag)+1))
		w.mail = append(w.mail, letter{w.now.Add(delay), q.Conn, id, q.Kind, page, answer})
	}
}

// deliver hands the answers that have arrived to the client, in random order.
func (w *world) deliver() {
	w.rng.Shuffle(len(w.mail), func(i, j int) { w.mail[i], w.mail[j] = w.mail[j], w.mail[i] })
	rest := w.mail[:0:0]
	for _, l := range w.mail {
		if l.at.After(w.now) {
			rest = append(rest, l)
			continue
		}
		if w.servers[l.conn] == nil {
			continue
		}
		var err error
		if l.kind == AskFrontiers {
			err = w.c.Frontiers(l.conn, l.id, l.page, w.local, w.now)
		} else {
			err = w.c.Pulled(l.conn, l.id, *l.answer, w.local, w.now)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.mail = rest
}

func (w *world) enqueue(g Gap) {
	if len(w.queue) >= w.queueMax {
		w.c.Refused(g.Account, w.now)
		return
	}
	w.queue = append(w.queue, g)
}

// process is the block processor, with what the driver tells the client.
func (w *world) process() {
	for range min(w.perTurn, len(w.queue)) {
		g := w.queue[0]
		w.queue = w.queue[1:]
		err := errBad
		if _, made := w.u.receives[g.Hash]; made {
			err = w.local.insert(g.Block.Block, g.Hash, w.u.receives[g.Hash])
		}
		switch err {
		case nil:
			ch := w.local.accounts[g.Account]
			if w.votes[g.Account].IsZero() {
				ch.confirmed = len(ch.hashes)
			}
			w.c.Inserted(g.Account, g.Hash, uint64(len(ch.hashes)), w.now)
			w.queue = append(w.queue, w.gaps.Take(g.Hash)...)
		case errOld:
			w.c.Known(g.Account, g.Hash, w.now)
		case errGapSource:
			w.gaps.Put(lattice.Hash(g.Link), g.Block, g.Source, w.now)
			w.c.Missing(lattice.Hash(g.Link), g.Account, w.now)
		case errGapPrevious:
			w.gaps.Put(g.Previous, g.Block, g.Source, w.now)
			w.c.Behind(g.Account, w.now)
		case errFork:
			if w.votes[g.Account].IsZero() {
				w.votes[g.Account], w.winners[g.Account] = w.now.Add(300*time.Millisecond), g.Block
			}
			w.c.Failed(g.Account, w.now)
		default:
			w.c.Failed(g.Account, w.now)
			if w.servers[g.Source] != nil && w.banAt > 0 { // one bad signature closes the connection
				w.blames[g.Source] += w.banAt
				w.disconnect(g.Source)
			}
		}
	}
}

// elect ends elections: the block that the network confirmed replaces ours.
func (w *world) elect() {
	for _, a := range w.u.heads {
		at, going := w.votes[a]
		if !going || at.IsZero() || w.now.Before(at) {
			continue
		}
		delete(w.votes, a)
		w.local.rollBack(a)
		w.enqueue(Gap{Block: w.winners[a]})
	}
}

// checkClient checks what must hold after every step.
func checkClient(t *testing.T, c *Client) {
	t.Helper()
	cfg := &c.cfg
	asked, outstanding, queued, sources := 0, 0, 0, 0
	for _, r := range c.open {
		if r.Kind == AskBlocks {
			outstanding += r.Count
			if !r.task.gone() && !r.ahead {
				asked++
			}
		}
	}
	inFlight := 0
	for _, p := range c.peers {
		inFlight += p.inFlight
		if p.inFlight < 0 || p.inFlight > cfg.MaxPerPeer {
			t.Fatalf("peer %d has %d requests open, want at most %d", p.conn, p.inFlight, cfg.MaxPerPeer)
		}
	}
	for e := c.delivered.Front(); e != nil; e = e.Next() {
		outstanding += e.Value.(*task).blocks
	}
	for _, tk := range c.tasks {
		if tk.mode == ByHash {
			sources++
		}
		if len(tk.tried) > maxPeers {
			t.Fatalf("%d peers tried for one account", len(tk.tried))
		}
	}
	waitingFor := 0
	for h, l := range c.blockedBy {
		waitingFor += len(l)
		if len(l) == 0 {
			t.Fatalf("nobody waits for %v", h)
		}
	}
	queued = c.voted.Len() + c.urgent.Len() + c.scanned.Len() + c.waiting.Len() + c.delivered.Len() + c.blocked.Len()
	switch {
	case inFlight != len(c.open), len(c.open) > cfg.MaxInFlight:
		t.Fatalf("%d requests open, %d counted, want at most %d", len(c.open), inFlight, cfg.MaxInFlight)
	case outstanding != c.outstanding, outstanding > cfg.MaxDelivered:
		t.Fatalf("%d blocks outstanding, %d counted, want at most %d", c.outstanding, outstanding, cfg.MaxDelivered)
	case queued+asked != len(c.tasks):
		t.Fatalf("%d tasks in lists and %d asked for, of %d", queued, asked, len(c.tasks))
	case sources != c.sources, sources > cfg.MaxBlocked+maxVoted:
		t.Fatalf("%d sources, %d counted, want at most %d", c.sources, sources, cfg.MaxBlocked+maxVoted)
	case c.blocked.Len() > cfg.MaxBlocked, waitingFor != c.blocked.Len():
		t.Fatalf("%d blocked, %d known by their source, want at most %d", c.blocked.Len(), waitingFor, cfg.MaxBlocked)
	case c.accounts() > cfg.MaxAccounts:
		t.Fatalf("%d accounts, want at most %d", c.accounts(), cfg.MaxAccounts)
	case len(c.long) > cfg.MaxAccounts:
		t.Fatalf("%d long chains, want at most %d", len(c.long), cfg.MaxAccounts)
	case len(c.late) > maxLate:
		t.Fatalf("%d late requests remembered", len(c.late))
	}
}

// honest answers truthfully from a ledger.
func honest(l *chains) server {
	return func(w *world, q Request) (uint64, []Frontier, *Blocks) {
		if q.Kind == AskFrontiers {
			page, err := AnswerFrontiers(l, q.Account, q.Count)
			if err != nil {
				w.t.Fatal(err)
			}
			if page == nil {
				page = []Frontier{}
			}
			return q.ID, page, nil
		}
		a, err := AnswerBlocks(l, q)
		if err != nil {
			w.t.Fatal(err)
		}
		out := &Blocks{Code: a.Code, First: a.First, Pruned: a.Pruned}
		for i := range a.Blocks {
			out.Blocks = append(out.Blocks, Block{&a.Blocks[i].Block, a.Blocks[i].Hash})
		}
		return q.ID, nil, out
	}
}

// The dishonest. Each starts from what an honest one would say.

func silent(*world, Request) (uint64, []Frontier, *Blocks) { return 0, nil, nil }

func busy(l *chains) server {
	h := honest(l)
	return func(w *world, q Request) (uint64, []Frontier, *Blocks) {
		id, page, answer := h(w, q)
		if answer != nil {
			answer = &Blocks{Code: Busy}
		}
		return id, page, answer
	}
}

// withholding tells of no account.
func withholding(w *world, q Request) (uint64, []Frontier, *Blocks) {
	if q.Kind == AskFrontiers {
		return q.ID, []Frontier{}, nil
	}
	return q.ID, nil, &Blocks{Code: Unknown}
}

// invents tells full pages of accounts that do not exist, as dense as can be, so
// that a scan that believes it never gets anywhere.
func invents(mute bool) server {
	return func(w *world, q Request) (uint64, []Frontier, *Blocks) {
		if q.Kind == AskBlocks {
			if mute {
				return 0, nil, nil
			}
			return q.ID, nil, &Blocks{Code: Unknown}
		}
		page, a := []Frontier{}, q.Account
		for range q.Count {
			page = append(page, Frontier{Account: a, Hash: lattice.Hash{1, byte(w.rng.Uint32())}, Height: 1 + w.rng.Uint64N(1000)})
			a, _ = after(a)
		}
		return q.ID, page, nil
	}
}

// overstates tells true accounts with frontiers that nobody has, and when asked
// gives blocks of its own making that fit together.
func overstates(l *chains) server {
	h := honest(l)
	return func(w *world, q Request) (uint64, []Frontier, *Blocks) {
		id, page, answer := h(w, q)
		for i := range page {
			page[i].Height += 1 + w.rng.Uint64N(500)
			page[i].Hash[3] ^= 0xff
		}
		if answer != nil && q.Mode == ByAccount {
			answer = &Blocks{First: q.Height}
			prev := lattice.Hash{}
			if info, _ := w.local.Account(q.Account); q.Height == info.Height+1 {
				prev = info.Frontier
			}
			for i := range q.Count {
				b := &lattice.Block{Account: q.Account, Previous: prev, Balance: lattice.AmountFrom(w.rng.Uint64())}
				b.Link[0], b.Link[1] = 0xbb, byte(i)
				blk := Block{b, b.Hash(lattice.DevID)}
				prev = blk.Hash
				answer.Blocks = append(answer.Blocks, blk)
			}
		}
		return id, page, answer
	}
}

// breaks breaks one of the rules of an answer, another one each time.
func breaks(l *chains) server {
	h := honest(l)
	n := 0
	return func(w *world, q Request) (uint64, []Frontier, *Blocks) {
		id, page, answer := h(w, q)
		n++
		if page != nil {
			switch n % 4 {
			case 0:
				id += 1000
			case 1:
				slices.Reverse(page)
			case 2:
				page = append(page, make([]Frontier, MaxFrontiers+1)...)
			case 3:
				page = append([]Frontier{}, make([]Frontier, min(len(page), 3))...)
			}
			return id, page, nil
		}
		if len(answer.Blocks) == 0 {
			return id + 1000, nil, answer
		}
		switch n % 7 {
		case 0:
			id += 1000
		case 1:
			answer.First += 3
		case 2:
			answer.Code = Unknown
		case 3:
			answer.Blocks = slices.Repeat(answer.Blocks, MaxPullBlocks+1)
		case 4:
			slices.Reverse(answer.Blocks)
			if len(answer.Blocks) == 1 {
				answer.First = 0
			}
		case 5:
			answer.Code = 77
		case 6:
			b := *answer.Blocks[0].Block
			b.Account[0] ^= 1
			answer.Blocks[0] = Block{&b, b.Hash(lattice.DevID)}
		}
		return id, nil, answer
	}
}

// TestCatchUp brings an empty ledger up to date from honest peers, over all
// shapes of ledgers.
func TestCatchUp(t *testing.T) {
	for _, c := range []struct {
		name          string
		cfg           Config
		blocks, opens int
		peers         int
		most          time.Duration
	}{
		{"tiny", DevConfig(), 20, 2, 1, time.Second},
		{"small", DevConfig(), 300, 3, 3, 2 * time.Second},
		{"many short chains", DefaultConfig(), 6000, 1, 4, time.Minute},
		{"few long chains", DefaultConfig(), 6000, 500, 4, time.Minute},
		{"one peer", DefaultConfig(), 3000, 4, 1, time.Minute},
	} {
		for seed := range uint64(3) {
			w := newWorld(t, seed, c.cfg)
			w.u.grow(c.blocks, c.opens)
			full := w.u.ledger(len(w.u.blocks))
			for range c.peers {
				w.connect(honest(full))
			}
			took, done := w.run(c.most, w.whole)
			twice := 0
			for _, n := range w.delivered {
				twice += n - 1
			}
			if !done {
				t.Fatalf("%s, seed %d: %d of %d blocks after %v\n%v%+v", c.name, seed, len(w.local.blocks), len(w.u.blocks), took, w.c, w.c.Stats(w.now))
			}
			if len(w.blames) > 0 {
				t.Errorf("%s, seed %d: honest peers are blamed: %v", c.name, seed, w.blames)
			}
			t.Logf("%s: %d blocks of %d accounts in %v with %d requests, %d blocks delivered again", c.name, len(w.u.blocks), len(w.u.heads), took, w.requests, twice)
		}
	}
}

// company is the kinds of peers, by name. Only the liars and the silent may be blamed.
func company(w *world) (servers []server, liar []bool) {
	full := w.u.ledger(len(w.u.blocks))
	half := w.u.ledger(len(w.u.blocks) / 2)
	pruned := w.u.ledger(len(w.u.blocks))
	pruned.prune(3)
	return []server{
			honest(full), honest(half), honest(pruned), busy(full), silent, withholding, honest(full),
			invents(false), invents(true), overstates(full), breaks(full),
		}, []bool{
			false, false, false, false, true, false, false, // silence is blamed, too
			true, true, true, true,
		}
}

// TestAdversity brings a ledger up to date in spite of liars and losses, with
// some honest peers among them, with and without bans.
func TestAdversity(t *testing.T) {
	for seed := range uint64(10) {
		for _, banAt := range []int{0, 4} {
			w := newWorld(t, seed, DevConfig())
			w.banAt, w.loss = banAt, 5
			w.u.grow(1500, 3)
			servers, liar := company(w)
			liars := map[peering.ConnID]bool{}
			for _, i := range w.rng.Perm(len(servers)) {
				liars[w.connect(servers[i])] = liar[i]
			}
			took, done := w.run(3*time.Minute, w.whole)
			if !done {
				t.Fatalf("seed %d, bans at %d: %d of %d blocks after %v\n%v%+v", seed, banAt, len(w.local.blocks), len(w.u.blocks), took, w.c, w.c.Stats(w.now))
			}
			for conn, n := range w.blames {
				if !liars[conn] {
					t.Errorf("seed %d, bans at %d: peer %d did not lie and is blamed %d times", seed, banAt, conn, n)
				}
			}
			t.Logf("seed %d, bans at %d: %v, %d requests", seed, banAt, took, w.requests)
		}
	}
}

// TestPair brings a small ledger up to date from one honest peer, with one of
// each other kind beside it.
func TestPair(t *testing.T) {
	for i := 1; i < 11; i++ {
		for seed := range uint64(3) {
			w := newWorld(t, seed, DevConfig())
			w.banAt = 4
			w.u.grow(300, 3)
			servers, _ := company(w)
			for _, j := range w.rng.Perm(2) {
				w.connect(servers[j*i])
			}
			took, done := w.run(time.Minute, w.whole)
			if !done {
				t.Fatalf("kind %d, seed %d: %d of %d blocks after %v\n%v%+v", i, seed, len(w.local.blocks), len(w.u.blocks), took, w.c, w.c.Stats(w.now))
			}
			t.Logf("kind %d: %v", i, took)
		}
	}
}
