package actors

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// TestFollowed: whatever is told of the sequence, with gaps and starts anew, an
// answer is all that there is from a number up, or that it is not known.
func TestFollowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f followed
		var kept []uint64 // the model: numbers without a gap
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n := uint64(rapid.IntRange(0, 3).Draw(t, "gap")/3*50 + 1)
				if len(kept) > 0 {
					n += kept[len(kept)-1]
				}
				var cemented []ledger.Cemented
				for range rapid.SampledFrom([]int{1, 1, 7, 7, 30, 900}).Draw(t, "blocks") {
					if len(kept) > 0 && kept[len(kept)-1] != n-1 {
						kept = nil
					}
					kept = append(kept, n)
					cemented = append(cemented, ledger.Cemented{Confirmation: lattice.Confirmation{Sequence: n, Height: n}})
					n++
				}
				f.add(cemented)
				kept = kept[max(0, len(kept)-mostFollowed):]
			},
			"": func(t *rapid.T) {
				first := uint64(rapid.IntRange(0, 6000).Draw(t, "first"))
				if len(kept) > 0 && rapid.Bool().Draw(t, "near") {
					first = kept[len(kept)-1] - min(kept[len(kept)-1], uint64(rapid.IntRange(0, mostFollowed).Draw(t, "back")))
				}
				most := rapid.IntRange(1, 50).Draw(t, "most")
				list, last, known := f.from(first, most, 0)
				if want := len(kept) > 0 && first >= kept[0] && first <= kept[len(kept)-1]+1; known != want {
					t.Fatalf("from %d: known %v, want %v", first, known, want)
				}
				if !known {
					return
				}
				if last != kept[len(kept)-1] || len(list) != min(most, int(last+1-first)) {
					t.Fatalf("from %d: %d entries up to %d, of %d", first, len(list), last, kept[len(kept)-1])
				}
				for i, e := range list {
					if e.Sequence != first+uint64(i) || e.Height != e.Sequence {
						t.Fatalf("entry %d is %d", first+uint64(i), e.Sequence)
					}
				}
				if _, _, known := f.from(first, most, last+1); known {
					t.Fatal("known though there is more")
				}
			},
		})
	})
}
