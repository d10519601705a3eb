package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// FuzzFrame feeds frames: what is accepted must obey the laws of checkFrame,
// what is refused must be refused with a kind.
func FuzzFrame(f *testing.F) {
	for _, s := range samples() {
		addWithVariants(f, frameOf(s.m))
	}
	for _, m := range longest() {
		f.Add(frameOf(m))
	}
	for _, c := range refusedBodies() {
		f.Add(c.frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := DecodeFrame(dev.ID, frame)
		if err == nil {
			checkFrame(t, frame)
			return
		}
		if m != nil || !IsViolation(err) {
			t.Fatalf("%x: %v, %v", frame, m, err)
		}
		// The header decides before the body is looked at.
		if len(frame) < HeaderSize {
			return
		}
		h, headErr := ParseHeader(dev.ID, [HeaderSize]byte(frame))
		if (headErr == nil) != errors.Is(err, ErrBody) && (headErr != nil || len(frame)-HeaderSize == h.Length) {
			t.Fatalf("%x: header says %v, frame %v", frame, headErr, err)
		}
	})
}

// addWithVariants seeds a frame, and the same frame cut short, too long, and of
// another network, version and type.
func addWithVariants(f *testing.F, frame []byte) {
	with := func(i int, b byte) []byte {
		c := bytes.Clone(frame)
		c[i] = b
		return c
	}
	f.Add(frame)
	f.Add(frame[:len(frame)-1])
	f.Add(frame[:len(frame)/2])
	f.Add(append(bytes.Clone(frame), 0))
	f.Add(append(bytes.Clone(frame), frame...))
	f.Add(with(2, byte(lattice.MainID)))
	f.Add(with(3, 2))
	f.Add(with(4, frame[4]+1))
	f.Add(with(5, 1))
	f.Add(with(6, frame[6]+1))
}

// FuzzBody gives every body to every type, so that no input is lost on a wrong
// header.
func FuzzBody(f *testing.F) {
	for _, s := range samples() {
		f.Add(byte(s.m.Type()), frameOf(s.m)[HeaderSize:])
	}
	for _, c := range refusedBodies() {
		f.Add(c.frame[4], c.frame[HeaderSize:])
	}
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		if len(body) > 1<<16-1 {
			return
		}
		frame := rawFrame(Type(typ), body)
		if got := int(binary.LittleEndian.Uint16(frame[6:])); got != len(body) {
			t.Fatalf("length %d for %d bytes", got, len(body))
		}
		if _, err := DecodeFrame(dev.ID, frame); err == nil {
			checkFrame(t, frame)
		} else if !IsViolation(err) {
			t.Fatalf("%x: %v", frame, err)
		}
	})
}

// FuzzHandshake feeds both ends of a handshake any frames in any order: none
// may come to trust anybody, since the input cannot hold a signature over a
// cookie that it does not know.
func FuzzHandshake(f *testing.F) {
	script := sampleTranscript()
	all := bytes.Join([][]byte{frameOf(script[0]), frameOf(script[1]), frameOf(script[2])}, nil)
	f.Add(all, false)
	f.Add(all, true)
	f.Add(frameOf(script[1]), true)
	f.Add(frameOf(&TelemetryReq{}), false)
	f.Fuzz(func(t *testing.T, stream []byte, dial bool) {
		cfg, _ := sampleConfigs()
		h := NewListener(cfg, named("fresh cookie"))
		if dial {
			h = NewDialer(cfg, named("fresh cookie"))
			h.Start()
		}
		for len(stream) >= HeaderSize {
			head, err := ParseHeader(dev.ID, [HeaderSize]byte(stream))
			if err != nil || len(stream) < HeaderSize+head.Length {
				return
			}
			m, err := Decode(head, stream[HeaderSize:][:head.Length])
			if err != nil {
				return
			}
			stream = stream[HeaderSize+head.Length:]
			_, done, _ := h.Step(m)
			if done || h.Peer() != (Peer{}) {
				t.Fatalf("trusts %v after %v", h.Peer(), m.Type())
			}
		}
	})
}
