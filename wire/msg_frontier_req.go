package wire

import (
	"encoding/binary"

	"github.com/smallnano/smallnano/messages/lattice"
)

// MaxFrontiers is the largest number of frontiers that can be asked for at once.
const MaxFrontiers = 512

const frontierReqSize = 8 + 32 + 2

// FrontierReq asks for the confirmed frontiers of accounts, in the order of
// their keys.
type FrontierReq struct {
	ID    uint64          // chosen by the sender; the reply repeats it
	Start lattice.Account // the first key wanted, if there is such an account
	Count uint16          // 1 to MaxFrontiers: at most this many
}

// Type returns TypeFrontierReq.
func (*FrontierReq) Type() Type { return TypeFrontierReq }

func (m *FrontierReq) check() error {
	return countWithin("frontiers asked for", int(m.Count), 1, MaxFrontiers)
}

func (m *FrontierReq) appendBody(to []byte) ([]byte, error) {
	to = binary.LittleEndian.AppendUint64(to, m.ID)
	to = append(to, m.Start[:]...)
	return binary.LittleEndian.AppendUint16(to, m.Count), nil
}

func (m *FrontierReq) readBody(d *decoder) {
	m.ID = d.u64()
	d.bytes(m.Start[:])
	m.Count = d.u16()
}
