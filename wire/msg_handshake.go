package wire

import (
	"encoding/binary"

	"github.com/smallnano/smallnano/messages/lattice"
)

// CookieSize is the length of a cookie in bytes.
const CookieSize = 32

// Cookie is the random challenge of one end of one connection. It is drawn
// fresh for each connection and never used again.
type Cookie [CookieSize]byte

const handshakeSize = CookieSize + 32 + 2

// Handshake opens a connection: the first message of the end that dialled, and
// never sent by the other.
type Handshake struct {
	Cookie      Cookie       // of the end that dialled
	Genesis     lattice.Hash // hash of the genesis block
	PeeringPort uint16       // where the sender accepts connections; 0: nowhere
}

// Type returns TypeHandshake.
func (*Handshake) Type() Type { return TypeHandshake }

func (*Handshake) check() error { return nil }

func (m *Handshake) appendBody(to []byte) ([]byte, error) {
	to = append(to, m.Cookie[:]...)
	to = append(to, m.Genesis[:]...)
	return binary.LittleEndian.AppendUint16(to, m.PeeringPort), nil
}

func (m *Handshake) readBody(d *decoder) {
	d.bytes(m.Cookie[:])
	d.bytes(m.Genesis[:])
	m.PeeringPort = d.u16()
}
