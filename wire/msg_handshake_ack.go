package wire

import (
	"encoding/binary"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

const handshakeAckSize = CookieSize + 32 + 32 + 2 + 64

// HandshakeAck proves who a node is. Each end sends one: first the end that was
// dialled, with its cookie, then the other, with the cookie it was given.
type HandshakeAck struct {
	Cookie      Cookie           // of the end that was dialled, whoever sends it
	NodeID      crypto.PublicKey // of the sender
	Genesis     lattice.Hash     // hash of the genesis block
	PeeringPort uint16           // where the sender accepts connections; 0: nowhere
	Signature   crypto.Signature // by NodeID, over both cookies; see Handshaker
}

// Type returns TypeHandshakeAck.
func (*HandshakeAck) Type() Type { return TypeHandshakeAck }

func (*HandshakeAck) check() error { return nil }

func (m *HandshakeAck) appendBody(to []byte) ([]byte, error) {
	to = append(to, m.Cookie[:]...)
	to = append(to, m.NodeID[:]...)
	to = append(to, m.Genesis[:]...)
	to = binary.LittleEndian.AppendUint16(to, m.PeeringPort)
	return append(to, m.Signature[:]...), nil
}

func (m *HandshakeAck) readBody(d *decoder) {
	d.bytes(m.Cookie[:])
	d.bytes(m.NodeID[:])
	d.bytes(m.Genesis[:])
	m.PeeringPort = d.u16()
	d.bytes(m.Signature[:])
}
