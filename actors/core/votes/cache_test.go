package votes

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/messages/lattice"
)

var start = time.Unix(1_700_000_000, 0)

func rep(n int) lattice.Account { return lattice.Account{byte(n), byte(n >> 8), 1} }
func hash(n int) lattice.Hash   { return lattice.Hash{byte(n), byte(n >> 8), byte(n >> 16), 1} }
func raw(n int) lattice.Amount  { return lattice.AmountFrom(uint64(n)) }

// TestCacheAgainstDumb compares with a list that is searched every time.
func TestCacheAgainstDumb(t *testing.T) {
	type dumbVote struct {
		rep       int
		timestamp uint64
	}
	type dumbEntry struct {
		hash    lattice.Hash
		votes   []dumbVote
		founder int
		weight  int // as of the last vote
		final   int
		last    time.Time
		hinted  time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 12).Draw(t, "most")
		c := NewCache(most)
		var d []*dumbEntry // in the order of arrival
		now := start
		weights := map[int]int{}
		find := func(h lattice.Hash) *dumbEntry {
			for _, e := range d {
				if e.hash == h {
					return e
				}
			}
			return nil
		}
		drop := func(e *dumbEntry) {
			d = slices.DeleteFunc(d, func(x *dumbEntry) bool { return x == e })
		}
		add := func(r int, timestamp uint64, h lattice.Hash, weight int) bool {
			if weight == 0 {
				return false
			}
			weights[r] = weight
			e := find(h)
			if e == nil {
				founded := 0
				for _, x := range d {
					if x.founder == r {
						founded++
					}
				}
				if founded >= max(1, most/4) {
					return false
				}
				if len(d) == most {
					low := d[0]
					for _, x := range d {
						if x.weight < low.weight {
							low = x
						}
					}
					if weight < low.weight && now.Sub(low.last) < CacheAge {
						return false
					}
					drop(low)
				}
				e = &dumbEntry{hash: h, founder: r}
				d = append(d, e)
			}
			i := slices.IndexFunc(e.votes, func(v dumbVote) bool { return v.rep == r })
			switch {
			case i < 0:
				e.votes = append(e.votes, dumbVote{rep: r, timestamp: timestamp})
			case e.votes[i].timestamp >= timestamp:
				return false
			default:
				e.votes[i].timestamp = timestamp
			}
			e.weight, e.final, e.last = 0, 0, now
			for _, v := range e.votes {
				e.weight += weights[v.rep]
				if v.timestamp == lattice.FinalTimestamp {
					e.final += weights[v.rep]
				}
			}
			return true
		}
		pick := func(t *rapid.T) lattice.Hash { return hash(rapid.IntRange(0, 20).Draw(t, "hash")) }
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				r, h := rapid.IntRange(0, 6).Draw(t, "rep"), pick(t)
				weight := rapid.IntRange(0, 9).Draw(t, "weight")
				ts := rapid.SampledFrom([]uint64{1, 2, 3, lattice.FinalTimestamp}).Draw(t, "timestamp")
				if got, want := c.Add(rep(r), ts, h, raw(weight), now), add(r, ts, h, weight); got != want {
					t.Fatalf("added %v, want %v", got, want)
				}
			},
			"remove": func(t *rapid.T) {
				h := pick(t)
				c.Remove(h)
				drop(find(h))
			},
			"again": func(t *rapid.T) {
				h := pick(t)
				c.Again(h)
				if e := find(h); e != nil {
					e.hinted = time.Time{}
				}
			},
			"tick": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
				c.Tick(now)
				d = slices.DeleteFunc(d, func(e *dumbEntry) bool { return now.Sub(e.last) >= CacheAge })
			},
			"hinted": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "seconds")) * time.Second)
				threshold, n := rapid.IntRange(0, 20).Draw(t, "threshold"), rapid.IntRange(0, 5).Draw(t, "most")
				var ready []*dumbEntry
				for _, e := range d {
					if e.weight >= threshold && now.Sub(e.last) < CacheAge && now.Sub(e.hinted) >= HintCooldown {
						ready = append(ready, e)
					}
				}
				slices.SortFunc(ready, func(a, b *dumbEntry) int {
					if a.final != b.final {
						return b.final - a.final
					}
					if a.weight != b.weight {
						return b.weight - a.weight
					}
					return slices.Compare(a.hash[:], b.hash[:])
				})
				var want []Hint
				for _, e := range ready[:min(n, len(ready))] {
					e.hinted = now
					want = append(want, Hint{e.hash, raw(e.weight), raw(e.final)})
				}
				if got := c.Hinted(raw(threshold), n, now); !slices.Equal(got, want) {
					t.Fatalf("hinted %v, want %v", got, want)
				}
			},
			"": func(t *rapid.T) {
				if c.Len() != len(d) || len(c.lowest) != len(d) || c.Len() > most {
					t.Fatalf("%v, want %d", c, len(d))
				}
				voters := map[int]bool{}
				for _, e := range d {
					var want []Cached
					for _, v := range e.votes {
						want = append(want, Cached{rep(v.rep), v.timestamp, raw(weights[v.rep])})
						voters[v.rep] = true
					}
					if got := c.Votes(e.hash); !slices.Equal(got, want) || c.Weight(e.hash) != raw(e.weight) {
						t.Fatalf("votes %v of %v, want %v of %d", got, c.Weight(e.hash).Raw(), want, e.weight)
					}
				}
				if len(c.voters.number) != len(voters) || len(c.voters.list) > 7 {
					t.Fatalf("%d voters on the roll of %d, want %d", len(c.voters.number), len(c.voters.list), len(voters))
				}
			},
		})
	})
}

// TestCacheVoters: of too many voters for one block the heavier stay.
func TestCacheVoters(t *testing.T) {
	c := NewCache(10)
	for n := range MaxCacheVoters + 5 {
		if !c.Add(rep(n), 1, hash(1), raw(n+1), start) {
			t.Fatalf("voter %d found no room", n)
		}
	}
	if c.Add(rep(999), 1, hash(1), raw(3), start) {
		t.Error("too light a voter found room")
	}
	got := c.Votes(hash(1))
	if len(got) != MaxCacheVoters || got[0].Representative != rep(5) {
		t.Errorf("%d votes, the first of %v", len(got), got[0].Representative)
	}
	want := 0
	for n := 5; n < MaxCacheVoters+5; n++ {
		want += n + 1
	}
	if c.Weight(hash(1)) != raw(want) {
		t.Errorf("weight %v, want %d", c.Weight(hash(1)).Raw(), want)
	}
	if c.Weight(hash(2)) != raw(0) || c.Votes(hash(2)) != nil {
		t.Error("votes for a block that has none")
	}
}

// TestCacheLiar: one that votes for made up blocks takes a quarter, and what
// others vote for stays.
func TestCacheLiar(t *testing.T) {
	c := NewCache(100)
	for n := range 50 {
		c.Add(rep(n%4), 1, hash(n), raw(5), start)
	}
	for n := range 10_000 {
		c.Add(rep(9), 1, hash(1000+n), raw(100), start)
	}
	if c.Len() != 75 {
		t.Errorf("%v", c)
	}
	for n := range 50 {
		if c.Weight(hash(n)).IsZero() {
			t.Fatalf("block %d was pushed out", n)
		}
	}
	if !c.Add(rep(9), 1, hash(7), raw(100), start) {
		t.Error("the liar may not even vote for what others vote for")
	}
}

// TestCacheStale: what is too old makes room for anything.
func TestCacheStale(t *testing.T) {
	c := NewCache(1)
	c.Add(rep(1), 1, hash(1), raw(100), start)
	if c.Add(rep(2), 1, hash(2), raw(1), start.Add(CacheAge-1)) || !c.Add(rep(2), 1, hash(2), raw(1), start.Add(CacheAge)) {
		t.Error("a light vote has to wait until the heavy one is too old")
	}
}

func BenchmarkCacheAdd(b *testing.B) {
	c := NewCache(DefaultCacheHashes)
	i := 0
	for b.Loop() {
		i++
		c.Add(rep(i%60), uint64(i), hash(i/60), raw(1000+i%60), start)
	}
}

// TestReweigh: votes that came when their representatives had little weight are a
// hint when they have more; entries stay in order, the least first.
func TestReweigh(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	c := NewCache(100)
	weights := map[lattice.Account]lattice.Amount{}
	for i := range 50 {
		rep := lattice.Account{byte(i + 1)}
		weights[rep] = lattice.AmountFrom(uint64(1000 - 7*i%50))
		c.Add(rep, lattice.FinalTimestamp, lattice.Hash{byte(i + 1)}, lattice.AmountFrom(1), now)
	}
	threshold := lattice.AmountFrom(900)
	if got := c.Hinted(threshold, 100, now); len(got) != 0 {
		t.Fatalf("%d hints of votes without weight", len(got))
	}
	c.Reweigh(func(rep lattice.Account) lattice.Amount { return weights[rep] })
	for i, e := range c.lowest {
		if e.index != i || i > 0 && e.weight.Less(c.lowest[(i-1)/2].weight) {
			t.Fatalf("entry %d is out of order", i)
		}
	}
	got := c.Hinted(threshold, 100, now)
	if len(got) != 50 {
		t.Fatalf("%d hints of 50", len(got))
	}
	for _, h := range got {
		if want := weights[lattice.Account{h.Hash[0]}]; h.Weight != want || h.Final != want {
			t.Errorf("hint %v, want %v", h, want)
		}
	}
}
