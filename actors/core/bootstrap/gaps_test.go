package bootstrap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

// plainGaps is Gaps as simple as can be: one list, searched from end to end.
type plainGaps struct {
	cfg  GapsConfig
	list []Gap
	at   []time.Time
}

func (g *plainGaps) drop(i int) {
	g.list, g.at = slices.Delete(g.list, i, i+1), slices.Delete(g.at, i, i+1)
}

func (g *plainGaps) put(x Gap, now time.Time) (kept bool, gone lattice.Hash) {
	same, mine := 0, 0
	for _, y := range g.list {
		if y.Missing == x.Missing {
			if same++; y.Hash == x.Hash {
				return false, gone
			}
		}
		if y.Source == x.Source && x.Source != 0 {
			mine++
		}
	}
	if same >= g.cfg.PerMissing || mine >= g.cfg.PerSource {
		return false, gone
	}
	if len(g.list) >= g.cfg.Max {
		gone = g.list[0].Hash
		g.drop(0)
	}
	g.list, g.at = append(g.list, x), append(g.at, now)
	return true, gone
}

func (g *plainGaps) take(missing lattice.Hash) (out []Gap) {
	for i := 0; i < len(g.list); {
		if g.list[i].Missing == missing {
			out = append(out, g.list[i])
			g.drop(i)
		} else {
			i++
		}
	}
	return out
}

// TestGapsModel compares with the plain one under random use.
func TestGapsModel(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 2))
		cfg := GapsConfig{Max: 20, PerMissing: 3, PerSource: 8, MaxAge: time.Minute}
		g, plain := NewGaps(cfg), &plainGaps{cfg: cfg}
		now := epoch
		for step := range 2000 {
			now = now.Add(time.Duration(rng.IntN(2000)) * time.Millisecond)
			missing := lattice.Hash{byte(rng.IntN(12))}
			switch rng.IntN(5) {
			case 0:
				got, want := g.Take(missing), plain.take(missing)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("seed %d, step %d: took %v, want %v", seed, step, got, want)
				}
			case 1:
				g.Tick(now)
				for len(plain.at) > 0 && now.Sub(plain.at[0]) >= cfg.MaxAge {
					plain.drop(0)
				}
			default:
				x := Gap{Block{&lattice.Block{}, lattice.Hash{1, byte(rng.IntN(40))}}, missing, peering.ConnID(rng.IntN(4))}
				kept, gone := g.Put(missing, x.Block, x.Source, now)
				if want, first := plain.put(x, now); kept != want || gone != first {
					t.Fatalf("seed %d, step %d: put %v, %v went; want %v, %v", seed, step, kept, gone, want, first)
				}
			}
			s := g.Stats()
			if s.Len != len(plain.list) || s.Len > cfg.Max || uint64(s.Len) != s.Put-s.Taken-s.Dropped || g.Has(missing) != slices.ContainsFunc(plain.list, func(x Gap) bool { return x.Missing == missing }) {
				t.Fatalf("seed %d, step %d: %+v, want %d blocks", seed, step, s, len(plain.list))
			}
			if len(g.byMissing) > s.Len || len(g.bySource) > s.Len {
				t.Fatalf("seed %d, step %d: indexes of %d and %d for %d blocks", seed, step, len(g.byMissing), len(g.bySource), s.Len)
			}
		}
	}
}

func ExampleGaps() {
	g := NewGaps(DefaultGapsConfig())
	now := time.Unix(0, 0)
	missing := lattice.Hash{0xaa}
	g.Put(missing, Block{&lattice.Block{}, lattice.Hash{1}}, 7, now)
	g.Put(missing, Block{&lattice.Block{}, lattice.Hash{2}}, 8, now)
	g.Put(missing, Block{&lattice.Block{}, lattice.Hash{1}}, 9, now) // there already
	fmt.Print(g)
	for _, gap := range g.Take(missing) {
		fmt.Println(gap.Hash[0], "from", gap.Source)
	}
	// Output:
	// 010000 waits for AA0000 from 7
	// 020000 waits for AA0000 from 8
	// 1 from 7
	// 2 from 8
}
