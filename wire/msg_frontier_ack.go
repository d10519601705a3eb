package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// frontierAckHead is the length of a frontier_ack without its frontiers.
	frontierAckHead = 8 + 2
	frontierSize    = 32 + 32 + 8 + 8
)

// Frontier is the end of the confirmed part of an account's chain.
type Frontier struct {
	Account      lattice.Account
	Hash         lattice.Hash // of the newest confirmed block
	Height       uint64       // of that block; at least 1
	PrunedHeight uint64       // up to which the sender has removed the chain; below Height
}

// FrontierAck answers a FrontierReq. A page without frontiers says that no
// account has a key from the start on.
type FrontierAck struct {
	ID uint64 // of the request
	// Frontiers are 0 to MaxFrontiers, their accounts in strictly rising order:
	// a page of the ledger has one form, and nobody can repeat an account in it.
	Frontiers []Frontier
}

// Type returns TypeFrontierAck.
func (*FrontierAck) Type() Type { return TypeFrontierAck }

func (m *FrontierAck) check() error {
	if err := countWithin("frontiers", len(m.Frontiers), 0, MaxFrontiers); err != nil {
		return err
	}
	for i := range m.Frontiers {
		f := &m.Frontiers[i]
		switch {
		case i > 0 && bytes.Compare(m.Frontiers[i-1].Account[:], f.Account[:]) >= 0:
			return fmt.Errorf("account of frontier %d is not above the one before it", i)
		case f.Height == 0:
			return fmt.Errorf("frontier %d has height 0, want 1 or more", i)
		case f.PrunedHeight >= f.Height:
			return fmt.Errorf("frontier %d: pruned height %d is not below height %d", i, f.PrunedHeight, f.Height)
		}
	}
	return nil
}

func (m *FrontierAck) appendBody(to []byte) ([]byte, error) {
	to = binary.LittleEndian.AppendUint64(to, m.ID)
	to = binary.LittleEndian.AppendUint16(to, uint16(len(m.Frontiers)))
	for i := range m.Frontiers {
		f := &m.Frontiers[i]
		to = append(to, f.Account[:]...)
		to = append(to, f.Hash[:]...)
		to = binary.LittleEndian.AppendUint64(to, f.Height)
		to = binary.LittleEndian.AppendUint64(to, f.PrunedHeight)
	}
	return to, nil
}

func (m *FrontierAck) readBody(d *decoder) {
	m.ID = d.u64()
	m.Frontiers = entries[Frontier](d.list(int(d.u16()), frontierSize))
	for i := range m.Frontiers {
		f := &m.Frontiers[i]
		d.bytes(f.Account[:])
		d.bytes(f.Hash[:])
		f.Height = d.u64()
		f.PrunedHeight = d.u64()
	}
}
