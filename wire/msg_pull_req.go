package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
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

// PullReq asks for blocks of one account, in the order of the chain.
type PullReq struct {
	ID   uint64 // chosen by the sender; the reply repeats it
	Mode PullMode
	// Key is the account whose chain is wanted when Mode is PullByHeight, the
	// hash of the first block wanted when it is PullByHash.
	Key [32]byte
	// StartHeight is the height of the first block wanted, at least 1, when Mode
	// is PullByHeight; 0 when it is PullByHash.
	StartHeight uint64
	Count       uint8 // 1 to MaxPullBlocks: at most this many blocks
}

// Type returns TypePullReq.
func (*PullReq) Type() Type { return TypePullReq }

func (m *PullReq) check() error {
	switch {
	case m.Mode > PullByHash:
		return fmt.Errorf("mode %d, want 0 or 1", uint8(m.Mode))
	case m.Mode == PullByHeight && m.StartHeight == 0:
		return errors.New("asks from height 0, want 1 or more")
	case m.Mode == PullByHash && m.StartHeight != 0:
		return fmt.Errorf("asks by hash from height %d, want 0", m.StartHeight)
	}
	return countWithin("blocks asked for", int(m.Count), 1, MaxPullBlocks)
}

func (m *PullReq) appendBody(to []byte) ([]byte, error) {
	to = binary.LittleEndian.AppendUint64(to, m.ID)
	to = append(to, byte(m.Mode))
	to = append(to, m.Key[:]...)
	to = binary.LittleEndian.AppendUint64(to, m.StartHeight)
	return append(to, m.Count), nil
}

func (m *PullReq) readBody(d *decoder) {
	m.ID = d.u64()
	m.Mode = PullMode(d.u8())
	d.bytes(m.Key[:])
	m.StartHeight = d.u64()
	m.Count = d.u8()
}
