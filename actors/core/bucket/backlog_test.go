package bucket

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/messages/lattice"
)

// TestBacklogAgainstDumb compares with a list that is sorted every time.
func TestBacklogAgainstDumb(t *testing.T) {
	table := NewTable(Shift)
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 3*Count).Draw(t, "limit")
		l := NewBacklog(limit, table)
		type block struct {
			hash   lattice.Hash
			bucket int
			used   int64
		}
		var all []block
		safe := map[lattice.Hash]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "count") {
					b := block{
						hash:   lattice.Hash{rapid.Byte().Draw(t, "hash"), rapid.Byte().Draw(t, "hash")},
						bucket: rapid.SampledFrom([]int{0, 1, 61}).Draw(t, "bucket"),
						used:   int64(rapid.IntRange(0, 9).Draw(t, "used")),
					}
					known := slices.ContainsFunc(all, func(x block) bool { return x.hash == b.hash })
					ok := l.Add(b.hash, table[b.bucket], time.Unix(b.used, 0))
					if want := known || len(all) < 2*limit; ok != want {
						t.Fatalf("added %v, want %v", ok, want)
					}
					if ok && !known {
						all = append(all, b)
						safe[b.hash] = rapid.IntRange(0, 3).Draw(t, "safe") == 0
					}
				}
			},
			"remove": func(t *rapid.T) {
				if len(all) > 0 {
					i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
					l.Remove(all[i].hash)
					all = slices.Delete(all, i, i+1)
				}
			},
			"": func(t *rapid.T) {
				most := rapid.IntRange(0, 50).Draw(t, "most")
				var want []lattice.Hash
				for b := range Count {
					var of []block
					for _, x := range all {
						if x.bucket == b {
							of = append(of, x)
						}
					}
					slices.SortFunc(of, func(x, y block) int { // most recently used first
						if x.used != y.used {
							return int(y.used - x.used)
						}
						return slices.Compare(y.hash[:], x.hash[:])
					})
					for _, x := range of[:max(0, len(of)-limit/Count)] {
						if !safe[x.hash] && len(want) < min(most, MaxVictims, len(all)-limit) {
							want = append(want, x.hash)
						}
					}
				}
				got := l.Victims(most, func(h lattice.Hash) bool { return safe[h] })
				if !slices.Equal(got, want) {
					t.Fatalf("victims %x, want %x", got, want)
				}
				if l.Len() != len(all) || l.Over() != max(0, len(all)-limit) {
					t.Fatalf("%v, want %d", l, len(all))
				}
			},
		})
	})
}
