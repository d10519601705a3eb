package votes

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/messages/lattice"
)

// TestProofs does the same to the memory and to a list of all that was ever said.
func TestProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most, room = 4, 1200
		type said struct {
			hash lattice.Hash
			vote *lattice.Vote
		}
		p := NewProofs(most, room)
		var all []said // that is kept, in the order of the blocks
		blocks := func() (out []lattice.Hash) {
			for _, s := range all {
				if !slices.Contains(out, s.hash) {
					out = append(out, s.hash)
				}
			}
			return out
		}
		bytes := func() (sum int) {
			var votes []*lattice.Vote
			for _, s := range all {
				if !slices.Contains(votes, s.vote) {
					votes = append(votes, s.vote)
					sum += 32 + 64 + 8 + 1 + 32*len(s.vote.Hashes)
				}
			}
			return sum
		}
		t.Repeat(map[string]func(*rapid.T){
			"vote": func(t *rapid.T) {
				v := &lattice.Vote{
					Representative: lattice.Account{byte(rapid.IntRange(1, 4).Draw(t, "rep"))},
					Hashes:         make([]lattice.Hash, rapid.IntRange(1, 30).Draw(t, "hashes")),
				}
				for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 8), 1, 3, rapid.ID).Draw(t, "for") {
					hash := lattice.Hash{byte(n)}
					p.Add(hash, v)
					if !slices.ContainsFunc(all, func(s said) bool {
						return s.hash == hash && s.vote.Representative == v.Representative
					}) {
						all = append(all, said{hash, v})
					}
					for known := blocks(); len(known) > most || bytes() > room; known = blocks() {
						all = slices.DeleteFunc(all, func(s said) bool { return s.hash == known[0] })
					}
				}
			},
			"": func(t *rapid.T) {
				if p.Len() != len(blocks()) || p.Bytes() != bytes() {
					t.Fatalf("%d blocks, %d bytes, want %d, %d", p.Len(), p.Bytes(), len(blocks()), bytes())
				}
				for n := range 9 {
					var want []*lattice.Vote
					for _, s := range all {
						if s.hash == (lattice.Hash{byte(n)}) {
							want = append(want, s.vote)
						}
					}
					if got := p.Votes(lattice.Hash{byte(n)}); !slices.Equal(got, want) {
						t.Fatalf("block %d has %d votes, want %d", n, len(got), len(want))
					}
				}
			},
		})
	})
}

// TestProofVoters fills the proof of one block.
func TestProofVoters(t *testing.T) {
	p := NewProofs(1, DefaultProofBytes)
	for i := range 2 * MaxProofVotes {
		p.Add(lattice.Hash{1}, &lattice.Vote{Representative: lattice.Account{byte(i), 1}, Hashes: make([]lattice.Hash, 1)})
	}
	if n := len(p.Votes(lattice.Hash{1})); n != MaxProofVotes {
		t.Errorf("%d votes, want %d", n, MaxProofVotes)
	}
}
