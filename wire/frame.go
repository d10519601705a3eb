package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// HeaderSize is the length of the header of every frame in bytes.
	HeaderSize = 8
	// Version is the version of the protocol, the fourth byte of every frame.
	Version = 1
)

// magic is how every frame begins: "SN".
const magic0, magic1 = 0x53, 0x4E

// Message is one of the message types of the protocol, always a pointer. No
// other package can add one. A message is not changed once it was sent or read.
//
//sumtype:decl
type Message interface {
	// Type returns the byte that stands for the message in a header.
	Type() Type

	// check returns why the message has no legal form. Both directions use it:
	// what a peer would refuse is not sent.
	check() error
	// appendBody writes a message that passed check.
	appendBody(to []byte) ([]byte, error)
	// readBody is the inverse of appendBody. It leaves its error in d.
	readBody(d *decoder)
}

// Header is a frame header that was checked: Length is one that Type allows.
type Header struct {
	Type   Type
	Length int // of the body, in bytes
}

// Append appends the whole frame of m for a network. When m has no legal form
// it returns to unchanged and an error that wraps [ErrBody] and says why.
func Append(to []byte, id lattice.NetworkID, m Message) ([]byte, error) {
	t := m.Type()
	if err := m.check(); err != nil {
		return to, fmt.Errorf("%v cannot be sent: %w: %w", t, ErrBody, err)
	}
	start := len(to)
	out := append(to, magic0, magic1, byte(id), Version, byte(t), 0, 0, 0)
	out, err := m.appendBody(out)
	if err != nil {
		return to, fmt.Errorf("%v cannot be sent: %w: %w", t, ErrBody, err)
	}
	length := len(out) - start - HeaderSize
	if !t.Limits().Allow(length) {
		panic(fmt.Sprintf("wire: %v passed its check but has a body of %d bytes, want %v", t, length, t.Limits()))
	}
	binary.LittleEndian.PutUint16(out[start+6:], uint16(length))
	return out, nil
}

// ParseHeader checks a frame header: magic, network, version, type, flags, and
// that the length is one the type can have, in this order. Its error wraps the
// one of [ErrMagic], [ErrNetwork], [ErrVersion], [ErrType], [ErrFlags] and
// [ErrLength] that applies, and the connection is then of no further use, since
// nobody knows where the next frame starts.
func ParseHeader(id lattice.NetworkID, b [HeaderSize]byte) (Header, error) {
	h := Header{Type: Type(b[4]), Length: int(binary.LittleEndian.Uint16(b[6:]))}
	switch {
	case b[0] != magic0 || b[1] != magic1:
		return Header{}, fmt.Errorf("frame header: %w: starts with %02X %02X, want %02X %02X", ErrMagic, b[0], b[1], magic0, magic1)
	case b[2] != byte(id):
		return Header{}, fmt.Errorf("frame header: %w: network 0x%02X, want 0x%02X", ErrNetwork, b[2], byte(id))
	case b[3] != Version:
		return Header{}, fmt.Errorf("frame header: %w: version %d, want %d", ErrVersion, b[3], Version)
	case !h.Type.Valid():
		return Header{}, fmt.Errorf("frame header: %w: 0x%02X, want 0x%02X to 0x%02X", ErrType, b[4], uint8(TypeHandshake), len(kinds)-1)
	case b[5] != 0:
		return Header{}, fmt.Errorf("frame header of %v: %w: 0x%02X, want 0", h.Type, ErrFlags, b[5])
	}
	if err := h.checkLength(); err != nil {
		return Header{}, err
	}
	return h, nil
}

func (h Header) checkLength() error {
	if !h.Type.Limits().Allow(h.Length) {
		return fmt.Errorf("frame header of %v: %w: body of %d bytes, want %v", h.Type, ErrLength, h.Length, h.Type.Limits())
	}
	return nil
}

// Decode reads the body of a message. Its error wraps [ErrBody] ([ErrType] or
// [ErrLength] when h did not come from [ParseHeader]) and says which field is
// wrong. The message keeps no reference to body.
func Decode(h Header, body []byte) (Message, error) {
	if !h.Type.Valid() {
		return nil, fmt.Errorf("%w: 0x%02X", ErrType, uint8(h.Type))
	}
	if err := h.checkLength(); err != nil {
		return nil, err
	}
	if len(body) != h.Length {
		return nil, fmt.Errorf("%v: %w: %d bytes of body, header says %d", h.Type, ErrLength, len(body), h.Length)
	}
	m := kinds[h.Type].make()
	d := decoder{rest: body}
	m.readBody(&d)
	err := d.finish()
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %w", h.Type, ErrBody, err)
	}
	return m, nil
}

// DecodeFrame is ParseHeader and Decode for a frame that is wholly in memory.
func DecodeFrame(id lattice.NetworkID, frame []byte) (Message, error) {
	if len(frame) < HeaderSize {
		return nil, fmt.Errorf("frame of %d bytes is shorter than its header of %d: %w", len(frame), HeaderSize, ErrLength)
	}
	h, err := ParseHeader(id, [HeaderSize]byte(frame))
	if err != nil {
		return nil, err
	}
	return Decode(h, frame[HeaderSize:])
}
