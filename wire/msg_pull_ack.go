package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/smallnano/smallnano/messages/lattice"
)

// pullAckHead is the length of a pull_ack without its blocks.
const pullAckHead = 8 + 1 + 8 + 8 + 1

// PullStatus is how a pull_req was answered.
type PullStatus uint8

// The statuses.
const (
	PullOK      PullStatus = 0 // the blocks that are there; none when the chain ends before the start
	PullUnknown PullStatus = 1 // no such account or block
	PullPruned  PullStatus = 2 // the start was removed; the chain begins above the pruned height
	PullBusy    PullStatus = 3 // not now
)

// String returns the name of the status.
func (s PullStatus) String() string {
	switch s {
	case PullOK:
		return "ok"
	case PullUnknown:
		return "unknown"
	case PullPruned:
		return "pruned"
	case PullBusy:
		return "busy"
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// PullAck answers a PullReq. That the blocks are those asked for, and that each
// names the one before it, is for the receiver to check: it takes hashing.
type PullAck struct {
	ID     uint64 // of the request
	Status PullStatus
	// FirstHeight is the height of the first block; 0 exactly when there is none.
	FirstHeight uint64
	// PrunedHeight is up to which height the sender has removed the chain: any
	// number with PullOK, at least 1 with PullPruned, else 0.
	PrunedHeight uint64
	// Blocks are 0 to MaxPullBlocks blocks; none unless the status is PullOK.
	Blocks []lattice.Block
}

// Type returns TypePullAck.
func (*PullAck) Type() Type { return TypePullAck }

func (m *PullAck) check() error {
	if err := countWithin("blocks", len(m.Blocks), 0, MaxPullBlocks); err != nil {
		return err
	}
	switch n := len(m.Blocks); {
	case m.Status > PullBusy:
		return fmt.Errorf("status %d, want 0 to %d", uint8(m.Status), uint8(PullBusy))
	case n > 0 && m.Status != PullOK:
		return fmt.Errorf("%d blocks with status %v, want none", n, m.Status)
	case n > 0 && m.FirstHeight == 0:
		return errors.New("blocks without the height of the first")
	case n > 0 && m.FirstHeight > math.MaxUint64-uint64(n-1):
		return fmt.Errorf("%d blocks from height %d: larger than any height", n, m.FirstHeight)
	case n == 0 && m.FirstHeight != 0:
		return fmt.Errorf("first height %d without blocks, want 0", m.FirstHeight)
	case m.Status == PullPruned && m.PrunedHeight == 0:
		return errors.New("status pruned without the pruned height")
	case (m.Status == PullUnknown || m.Status == PullBusy) && m.PrunedHeight != 0:
		return fmt.Errorf("pruned height %d with status %v, want 0", m.PrunedHeight, m.Status)
	}
	return nil
}

func (m *PullAck) appendBody(to []byte) ([]byte, error) {
	to = binary.LittleEndian.AppendUint64(to, m.ID)
	to = append(to, byte(m.Status))
	to = binary.LittleEndian.AppendUint64(to, m.FirstHeight)
	to = binary.LittleEndian.AppendUint64(to, m.PrunedHeight)
	to = append(to, byte(len(m.Blocks)))
	for i := range m.Blocks {
		to, _ = m.Blocks[i].AppendBinary(to) // cannot fail
	}
	return to, nil
}

func (m *PullAck) readBody(d *decoder) {
	m.ID = d.u64()
	m.Status = PullStatus(d.u8())
	m.FirstHeight = d.u64()
	m.PrunedHeight = d.u64()
	m.Blocks = entries[lattice.Block](d.list(int(d.u8()), lattice.BlockSize))
	for i := range m.Blocks {
		readBlock(d, &m.Blocks[i])
	}
}
