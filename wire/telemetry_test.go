package wire

import (
	"testing"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// The signature covers every byte of the body but itself, and the network.
func TestTelemetrySignature(t *testing.T) {
	m := sampleTelemetry()
	if !m.Verify(dev.ID) {
		t.Fatal("signature does not hold")
	}
	if m.Verify(lattice.BetaID) {
		t.Error("valid on another network")
	}
	frame := frameOf(m)
	for i := HeaderSize; i < len(frame); i++ {
		frame[i] ^= 1
		changed, err := DecodeFrame(dev.ID, frame)
		if err != nil {
			t.Fatal(err)
		}
		if changed.(*Telemetry).Verify(dev.ID) {
			t.Errorf("still valid with byte %d changed", i-HeaderSize)
		}
		frame[i] ^= 1
	}
	if (&Telemetry{}).Verify(dev.ID) {
		t.Error("telemetry that nobody signed is valid")
	}
}

// A handshake signature is no telemetry signature: the kinds differ.
func TestTelemetryDigest(t *testing.T) {
	m := sampleTelemetry()
	body := frameOf(m)[HeaderSize:]
	preamble := make([]byte, 32)
	preamble[30], preamble[31] = 0xFF, 4
	if want := crypto.Sum256(preamble, body[:32], body[96:]); m.digest(dev.ID) != want {
		t.Errorf("digest %x, want %x", m.digest(dev.ID), want)
	}
}
