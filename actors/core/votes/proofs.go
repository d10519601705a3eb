package votes

import "github.com/smallnano/smallnano/messages/lattice"

const (
	// DefaultProofs is a good number of blocks to keep proofs of.
	DefaultProofs = 1024
	// DefaultProofBytes is a good bound for the votes of all proofs together.
	DefaultProofBytes = 1 << 20
	// MaxProofVotes bounds the votes in the proof of one block.
	MaxProofVotes = 64
)

// Proofs keeps the signed final votes for the blocks that were decided last, for
// peers that have not heard them all. The block whose first vote is the oldest goes
// first. Make it with NewProofs.
type Proofs struct {
	most, room int
	order      []lattice.Hash // oldest first
	votes      map[lattice.Hash][]*lattice.Vote
	uses       map[*lattice.Vote]int // a vote may be for many blocks
	bytes      int                   // of the votes in uses, as they are on the wire
}

// NewProofs returns a memory for the proofs of at most so many blocks, whose votes
// are at most so many bytes.
func NewProofs(blocks, bytes int) *Proofs {
	if blocks < 1 || bytes < 1 {
		panic("votes: NewProofs without room")
	}
	return &Proofs{most: blocks, room: bytes, votes: map[lattice.Hash][]*lattice.Vote{}, uses: map[*lattice.Vote]int{}}
}

// Add keeps a verified final vote for a block that it names; the vote is not to be
// changed any more. A second one of a representative for the same block says nothing
// new.
func (p *Proofs) Add(hash lattice.Hash, v *lattice.Vote) {
	have, known := p.votes[hash]
	for _, other := range have {
		if other.Representative == v.Representative {
			return
		}
	}
	if len(have) >= MaxProofVotes {
		return
	}
	if !known {
		p.order = append(p.order, hash)
	}
	p.votes[hash] = append(have, v)
	if p.uses[v]++; p.uses[v] == 1 {
		p.bytes += size(v)
	}
	for len(p.order) > p.most || p.bytes > p.room {
		p.drop()
	}
}

// drop forgets the oldest block.
func (p *Proofs) drop() {
	oldest := p.order[0]
	p.order = p.order[1:]
	for _, v := range p.votes[oldest] {
		if p.uses[v]--; p.uses[v] == 0 {
			delete(p.uses, v)
			p.bytes -= size(v)
		}
	}
	delete(p.votes, oldest)
}

// Votes returns the final votes for a block in the order in which they came. They
// stay the proof's.
func (p *Proofs) Votes(hash lattice.Hash) []*lattice.Vote { return p.votes[hash] }

// Len returns how many blocks have a proof, Bytes how long their votes are.
func (p *Proofs) Len() int { return len(p.order) }

// Bytes returns how long all votes are on the wire.
func (p *Proofs) Bytes() int { return p.bytes }

// size is the length of a vote on the wire.
func size(v *lattice.Vote) int { return lattice.VoteHeaderSize + 32*len(v.Hashes) }
