package wire

import "github.com/smallnano/smallnano/messages/lattice"

// MaxConfirmBlocks is the largest number of blocks in a confirm_req.
const MaxConfirmBlocks = 64

const confirmEntrySize = 32 + 32

// ConfirmEntry names a block and its account, so that a representative that
// has pruned the block can still answer.
type ConfirmEntry struct {
	Account lattice.Account
	Hash    lattice.Hash
}

// ConfirmReq asks a representative to vote.
type ConfirmReq struct {
	Blocks []ConfirmEntry // 1 to MaxConfirmBlocks, all different
}

// Type returns TypeConfirmReq.
func (*ConfirmReq) Type() Type { return TypeConfirmReq }

func (m *ConfirmReq) check() error {
	if err := countWithin("blocks", len(m.Blocks), 1, MaxConfirmBlocks); err != nil {
		return err
	}
	return distinct("block", m.Blocks)
}

func (m *ConfirmReq) appendBody(to []byte) ([]byte, error) {
	to = append(to, byte(len(m.Blocks)))
	for i := range m.Blocks {
		to = append(to, m.Blocks[i].Account[:]...)
		to = append(to, m.Blocks[i].Hash[:]...)
	}
	return to, nil
}

func (m *ConfirmReq) readBody(d *decoder) {
	m.Blocks = entries[ConfirmEntry](d.list(int(d.u8()), confirmEntrySize))
	for i := range m.Blocks {
		d.bytes(m.Blocks[i].Account[:])
		d.bytes(m.Blocks[i].Hash[:])
	}
}
