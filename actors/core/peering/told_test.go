package peering

import (
	"testing"

	"pgregory.net/rapid"
)

// TestTold: what was added last in a slot is known, and nothing else ever is.
func TestTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var told Told
		last := map[Digest]Digest{}
		digest := rapid.OneOf(rapid.Uint64Range(0, 5), rapid.Uint64Range(toldSize-1, 2*toldSize+1), rapid.Uint64())
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				d := Digest(digest.Draw(t, "digest"))
				told.Add(d)
				last[d%toldSize] = d
			},
			"": func(t *rapid.T) {
				d := Digest(digest.Draw(t, "asked"))
				if want, any := last[d%toldSize]; told.Has(d) != (any && want == d && d != 0) {
					t.Fatalf("%x: %v", d, told.Has(d))
				}
			},
		})
	})
}
