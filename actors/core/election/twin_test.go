package election

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/messages/lattice"
)

// twin is one election done the dumb way: it keeps the vote of each
// representative in a map and adds everything up from the start each time, with
// numbers that cannot overflow.
type twin struct {
	w         *scale
	blocks    []lattice.Hash
	winner    lattice.Hash
	votes     map[lattice.Account]twinVote
	confirmed bool
}

// twinVote is a normal vote for one block, or final votes for any of them.
type twinVote struct {
	hashes    []lattice.Hash
	timestamp uint64
	changed   time.Time
}

func (v *twinVote) final() bool { return v.timestamp == lattice.FinalTimestamp }

func raw(a lattice.Amount) *big.Int {
	n, _ := new(big.Int).SetString(a.Raw(), 10)
	return n
}

func (m *twin) sum(of func(twinVote) bool) *big.Int {
	total := new(big.Int)
	for rep, v := range m.votes {
		if of(v) {
			total.Add(total, raw(m.w.of[rep]))
		}
	}
	return total
}

func (m *twin) tally(h lattice.Hash) *big.Int {
	return m.sum(func(v twinVote) bool { return slices.Contains(v.hashes, h) })
}

func (m *twin) final(h lattice.Hash) *big.Int {
	return m.sum(func(v twinVote) bool { return slices.Contains(v.hashes, h) && v.final() })
}

// possible reports whether all who are not bound to other blocks are enough.
func (m *twin) possible(h lattice.Hash) bool {
	all := m.sum(func(twinVote) bool { return true })
	if base := raw(m.w.Base()); all.Cmp(base) < 0 {
		all = base
	}
	all.Sub(all, m.sum(func(v twinVote) bool { return !slices.Contains(v.hashes, h) && v.final() }))
	return len(m.blocks) == 1 || all.Cmp(m.delta()) >= 0
}

func (m *twin) delta() *big.Int { return raw(m.w.delta) }

// best returns the first of the blocks in the order of sums, then of hashes.
func (m *twin) best(blocks []lattice.Hash) lattice.Hash {
	ranked := slices.Clone(blocks)
	slices.SortFunc(ranked, func(a, b lattice.Hash) int {
		if c := m.tally(b).Cmp(m.tally(a)); c != 0 {
			return c
		}
		return bytes.Compare(a[:], b[:])
	})
	return ranked[0]
}

func (m *twin) judge() {
	for _, h := range m.blocks {
		if m.final(h).Cmp(m.delta()) >= 0 {
			m.winner, m.confirmed = h, true
			return
		}
	}
	leader := m.best(m.blocks)
	if able := slices.DeleteFunc(slices.Clone(m.blocks), func(h lattice.Hash) bool { return !m.possible(h) }); len(able) > 0 {
		leader = m.best(able)
	}
	if m.sum(func(twinVote) bool { return true }).Cmp(m.delta()) >= 0 || !m.possible(m.winner) {
		m.winner = leader
	}
}

func (m *twin) vote(rep lattice.Account, timestamp uint64, hash lattice.Hash, cooldown time.Duration, now time.Time) Result {
	final := timestamp == lattice.FinalTimestamp
	old, voted := m.votes[rep]
	switch {
	case m.confirmed && slices.Contains(m.blocks, hash):
		return Late
	case !slices.Contains(m.blocks, hash):
		return Indeterminate
	case m.w.of[rep].IsZero():
		return Weightless
	case voted && old.final() && final && !slices.Contains(old.hashes, hash):
		old.hashes = append(slices.Clone(old.hashes), hash)
		m.votes[rep] = old
		m.judge()
		return Conflict
	case voted && old.final() && final:
		return Repeat
	case voted && old.timestamp >= timestamp:
		return Replay
	case voted && old.hashes[0] == hash && !final:
		old.timestamp = timestamp
		m.votes[rep] = old
		return Repeat
	case voted && old.hashes[0] != hash && !final && now.Sub(old.changed) < cooldown:
		return Throttled
	}
	m.votes[rep] = twinVote{[]lattice.Hash{hash}, timestamp, now}
	m.judge()
	return Used
}

func (m *twin) fork(hash lattice.Hash, cached lattice.Amount) bool {
	if m.confirmed || slices.Contains(m.blocks, hash) {
		return false
	}
	if len(m.blocks) < MaxBlocks {
		m.blocks = append(m.blocks, hash)
		m.judge()
		return true
	}
	var losers []lattice.Hash
	for _, h := range m.blocks {
		if h != m.winner {
			losers = append(losers, h)
		}
	}
	for len(losers) > 1 { // the least wanted is who is never the best
		losers = slices.DeleteFunc(losers, func(h lattice.Hash) bool { return h == m.best(losers) })
	}
	least := losers[0]
	n, _ := new(big.Int).SetString(cached.Raw(), 10)
	if m.tally(least).Cmp(n) >= 0 {
		return false
	}
	for rep, v := range m.votes {
		v.hashes = slices.DeleteFunc(slices.Clone(v.hashes), func(h lattice.Hash) bool { return h == least })
		if m.votes[rep] = v; len(v.hashes) == 0 {
			delete(m.votes, rep)
		}
	}
	m.blocks[slices.Index(m.blocks, least)] = hash
	m.judge()
	return true
}

// TestTwin does the same to the machine and to its twin and compares them.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &scale{of: map[lattice.Account]lattice.Amount{}, delta: smn(67)}
		reps := []string{"a", "b", "c", "d", "e", "f"}
		for _, rep := range reps {
			w.of[account(rep)] = smn(rapid.SampledFrom([]int{0, 1, 3, 7, 20, 33, 40}).Draw(t, "weight of "+rep))
		}
		now := time.Unix(1_700_000_000, 0)
		m := New(Config{TimeToLive: 24 * time.Hour}, lattice.Beta(), w)
		block, hash := testBlock("a3")
		m.Start(Candidate{Block: block, Hash: hash}, now)
		root := block.QualifiedRoot()
		d := &twin{w: w, blocks: []lattice.Hash{hash}, winner: hash, votes: map[lattice.Account]twinVote{}}
		names := []string{"a1", "a2", "a3", "a4", "a5", "a6"}
		t.Repeat(map[string]func(*rapid.T){
			"vote": func(t *rapid.T) {
				rep := account(rapid.SampledFrom(reps).Draw(t, "rep"))
				_, h := testBlock(rapid.SampledFrom(names).Draw(t, "block"))
				ts := rapid.SampledFrom([]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, lattice.FinalTimestamp}).Draw(t, "timestamp")
				if cached := rapid.Bool().Draw(t, "cached"); cached {
					if got, want := m.Replay(rep, ts, h, now), d.vote(rep, ts, h, 0, now); got != want {
						t.Fatalf("replay: %v, want %v", got, want)
					}
				} else if got, want := m.Vote(rep, ts, h, now), d.vote(rep, ts, h, m.cooldown(w.of[rep]), now); got != want {
					t.Fatalf("vote: %v, want %v", got, want)
				}
			},
			"fork": func(t *rapid.T) {
				b, h := testBlock(rapid.SampledFrom(names).Draw(t, "block"))
				cached := smn(rapid.SampledFrom([]int{0, 5, 50}).Draw(t, "cached"))
				if got, want := m.Fork(b, h, cached, now), d.fork(h, cached); got != want {
					t.Fatalf("fork: %v, want %v", got, want)
				}
			},
			"tick": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 12).Draw(t, "seconds")) * time.Second)
				m.Tick(now)
			},
			"": func(t *rapid.T) { compare(t, m, root, d) },
		})
	})
}

func compare(t *rapid.T, m *Elections, root lattice.QualifiedRoot, d *twin) {
	i, ok := m.Info(root)
	if !ok {
		t.Fatal("the election is gone")
	}
	if i.Winner != d.winner || (i.State == Confirmed) != d.confirmed || len(i.Blocks) != len(d.blocks) {
		t.Fatalf("winner %v, %v, want %v confirmed %v", i.Winner, i.State, d.winner, d.confirmed)
	}
	for _, b := range i.Blocks {
		if b.Tally.Raw() != d.tally(b.Hash).String() || b.Final.Raw() != d.final(b.Hash).String() {
			t.Fatalf("block %s has %v/%v, want %v/%v raw", short(b.Hash), b.Tally, b.Final, d.tally(b.Hash), d.final(b.Hash))
		}
	}
	want := 0
	for _, v := range d.votes {
		want += len(v.hashes)
	}
	if len(i.Votes) != want || i.Total.Raw() != d.sum(func(twinVote) bool { return true }).String() {
		t.Fatalf("%d votes of %v, want %d", len(i.Votes), i.Total, want)
	}
	for _, v := range i.Votes {
		if w := d.votes[v.Representative]; !slices.Contains(w.hashes, v.Hash) || w.timestamp != v.Timestamp {
			t.Fatalf("vote %+v, want %+v", v, w)
		}
	}
	leads := d.tally(d.winner).Cmp(d.delta()) >= 0
	if !d.confirmed && i.Leading != leads {
		t.Fatalf("leads: %v, want %v", i.Leading, leads)
	}
	r := m.Ready()
	for _, c := range r.Confirmed {
		if c.Hash != d.winner || !d.confirmed {
			t.Fatalf("confirmed %v, which is not", c.Hash)
		}
	}
	for _, v := range append(r.VoteFinal, r.VoteNormal...) {
		if !slices.Contains(d.blocks, v.Hash) && !d.confirmed {
			t.Fatalf("asked to vote for %v, which does not compete", v.Hash)
		}
	}
}

// TestBounds drives a machine with tiny limits through everything and checks the
// bounds and the counters after each step.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &scale{of: map[lattice.Account]lattice.Amount{account("a"): smn(70)}, delta: smn(67)}
		now := time.Unix(1_700_000_000, 0)
		cfg := Config{MaxElections: 10, HintedPercent: 20, OptimisticPercent: 10, RecentlyConfirmed: 5, History: 3, LatencyWindow: 4}
		m := New(cfg, lattice.Beta(), w)
		ended := map[lattice.QualifiedRoot]bool{}
		running := map[lattice.QualifiedRoot]bool{}
		pick := func(t *rapid.T) (lattice.Block, lattice.Hash) {
			n := byte(rapid.IntRange(1, 15).Draw(t, "root"))
			f := byte(rapid.IntRange(1, 2).Draw(t, "fork"))
			return lattice.Block{Account: lattice.Account{n}}, lattice.Hash{n, f}
		}
		t.Repeat(map[string]func(*rapid.T){
			"start": func(t *rapid.T) {
				b, h := pick(t)
				behavior := Behavior(rapid.IntRange(0, int(behaviors)-1).Draw(t, "behavior"))
				room := m.Vacancy(behavior)
				runs := m.RunsRoot(b.QualifiedRoot())
				_, reason := m.Start(Candidate{Block: b, Hash: h, Behavior: behavior}, now)
				if reason == Started {
					if room == 0 || runs {
						t.Fatalf("started with room for %d, running %v", room, runs)
					}
					running[b.QualifiedRoot()] = true
				}
			},
			"fork":     func(t *rapid.T) { b, h := pick(t); m.Fork(b, h, smn(1), now) },
			"final":    func(t *rapid.T) { _, h := pick(t); m.Vote(account("a"), lattice.FinalTimestamp, h, now) },
			"normal":   func(t *rapid.T) { _, h := pick(t); m.Vote(account("a"), lattice.VoteTimestamp(now), h, now) },
			"cemented": func(t *rapid.T) { b, h := pick(t); m.Cemented(b.QualifiedRoot(), h, now) },
			"gone":     func(t *rapid.T) { b, h := pick(t); m.Gone(b.QualifiedRoot(), h, now) },
			"inserted": func(t *rapid.T) { b, h := pick(t); m.Inserted(b.QualifiedRoot(), h) },
			"way":      func(t *rapid.T) { b, h := pick(t); m.GiveWay(b.QualifiedRoot(), h, now) },
			"cancel":   func(t *rapid.T) { b, _ := pick(t); m.Cancel(b.QualifiedRoot(), now) },
			"tick": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
				m.Tick(now)
			},
			"": func(t *rapid.T) {
				for _, e := range m.Ready().Ended {
					if !running[e.Root] {
						t.Fatalf("%v ended and did not run", e.Root)
					}
					delete(running, e.Root)
					ended[e.Root] = true
				}
				if err := checkBounds(m, cfg, len(running)); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

func checkBounds(m *Elections, cfg Config, running int) error {
	s := m.Stats()
	total := s.Confirmed
	for _, n := range s.Running {
		total += n
	}
	hashes := 0
	var kinds [behaviors]int
	for _, e := range m.order {
		if e.state != Confirmed {
			kinds[e.behavior]++
		}
		hashes += len(e.blocks)
		if m.byRoot[e.root] != e || len(e.blocks) > MaxBlocks || len(e.votes) > MaxVoters {
			return fmt.Errorf("election of %v is not in order", e.root)
		}
		for _, b := range e.blocks {
			if m.byHash[b.hash] != e {
				return fmt.Errorf("block %v is not found", b.hash)
			}
		}
	}
	switch {
	case kinds != s.Running:
		return fmt.Errorf("running %v, counted %v", kinds, s.Running)
	case m.Len() != running || total != running || len(m.byRoot) != running || len(m.byHash) != hashes:
		return fmt.Errorf("%d elections, counted %d, by root %d, by hash %d of %d: want %d", m.Len(), total, len(m.byRoot), len(m.byHash), hashes, running)
	case s.Running[Priority] > cfg.MaxElections, s.Running[Hinted] > 2, s.Running[Optimistic] > 1, s.Running[Manual] > MaxManual:
		return fmt.Errorf("too many run: %v", s.Running)
	case len(m.history) > cfg.History, m.recent.Len() > cfg.RecentlyConfirmed, len(m.latency.ring) > cfg.LatencyWindow:
		return fmt.Errorf("history %d, recent %d, latencies %d", len(m.history), m.recent.Len(), len(m.latency.ring))
	}
	return nil
}
