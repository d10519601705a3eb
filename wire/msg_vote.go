package wire

import "github.com/smallnano/smallnano/messages/lattice"

// Vote carries one vote: 1 to lattice.MaxVoteHashes hashes, all different. Its
// signature is not checked here.
type Vote struct {
	Vote lattice.Vote
}

// Type returns TypeVote.
func (*Vote) Type() Type { return TypeVote }

// check leaves the hashes of a vote that was read to lattice, which has already
// compared them.
func (m *Vote) check() error {
	return countWithin("hashes", len(m.Vote.Hashes), 1, lattice.MaxVoteHashes)
}

func (m *Vote) appendBody(to []byte) ([]byte, error) {
	if err := distinct("hash", m.Vote.Hashes); err != nil {
		return to, err
	}
	return m.Vote.AppendBinary(to)
}

func (m *Vote) readBody(d *decoder) {
	if bytes := d.all(); bytes != nil {
		d.fail(m.Vote.UnmarshalBinary(bytes))
	}
}
