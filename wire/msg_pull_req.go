package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

// MaxPullBlocks is the largest number of blocks that can be asked for at once.
const MaxPullBlocks = 128

const pullReqSize = 8 + 1 + 32 + 8 + 1

// PullMode is how a pull_req names the first block that it wants.
type PullMode uint8

// The modes.
const (
	PullByHeight PullMode = 0 // by account and height
	PullByHash   PullMode = 1 // by hash
)

// String returns the name of the mode.
func (m PullMode) String() string {
	switch m {
	case PullByHeight:
		return "by height"
	case PullByHash:
		return "by hash"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// PullReq asks for blocks of one account, in the order of the chain. The
// fields of the other mode must be zero.
type PullReq struct {
	ID          uint64 // chosen by the sender; the reply repeats it
	Mode        PullMode
	Account     lattice.Account // by height: whose chain
	StartHeight uint64          // by height: of the first block wanted; the first of a chain has 1
	Hash        lattice.Hash    // by hash: of the first block wanted
	Count       uint8           // 1 to MaxPullBlocks: at most this many blocks
}

// Type returns TypePullReq.
func (*PullReq) Type() Type { return TypePullReq }

func (m *PullReq) check() error {
	switch m.Mode {
	case PullByHeight:
		if !m.Hash.IsZero() {
			return errors.New("asks by height, but names a hash")
		}
		if m.StartHeight == 0 {
			return errors.New("asks from height 0, want 1 or more")
		}
	case PullByHash:
		if !m.Account.IsZero() {
			return errors.New("asks by hash, but names an account")
		}
		if m.StartHeight != 0 {
			return fmt.Errorf("asks by hash, but names height %d", m.StartHeight)
		}
	default:
		return fmt.Errorf("mode %d, want 0 or 1", uint8(m.Mode))
	}
	return countWithin("blocks asked for", int(m.Count), 1, MaxPullBlocks)
}

func (m *PullReq) appendBody(to []byte) ([]byte, error) {
	to = binary.LittleEndian.AppendUint64(to, m.ID)
	to = append(to, byte(m.Mode))
	if m.Mode == PullByHash {
		to = append(to, m.Hash[:]...)
	} else {
		to = append(to, m.Account[:]...)
	}
	to = binary.LittleEndian.AppendUint64(to, m.StartHeight)
	return append(to, m.Count), nil
}

func (m *PullReq) readBody(d *decoder) {
	m.ID = d.u64()
	m.Mode = PullMode(d.u8())
	if m.Mode == PullByHash {
		d.bytes(m.Hash[:])
	} else {
		d.bytes(m.Account[:])
	}
	m.StartHeight = d.u64()
	m.Count = d.u8()
}
