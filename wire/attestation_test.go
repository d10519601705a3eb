package wire

import (
	"slices"
	"testing"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// An attestation is good for one node, network and genesis, and nothing in it can be
// changed.
func TestAttestationSignature(t *testing.T) {
	node := namedKey("node b").Public()
	good := func(m *Attestation, n *lattice.Network, node crypto.PublicKey) bool {
		return !slices.ContainsFunc(m.Checks(n, node), func(c crypto.Check) bool { return !crypto.Verify(c.Key, c.Message, c.Signature) })
	}
	m := sampleAttestation(2)
	if !good(m, dev, node) {
		t.Fatal("signatures do not hold")
	}
	if good(m, dev, namedKey("node a").Public()) {
		t.Error("valid for another node")
	}
	other := *dev
	other.ID = lattice.BetaID
	if good(m, &other, node) {
		t.Error("valid on another network")
	}
	other = *dev
	other.GenesisHash[0]++
	if good(m, &other, node) {
		t.Error("valid for another genesis")
	}
	frame := frameOf(m)
	for i := HeaderSize + 1; i < len(frame); i++ {
		frame[i] ^= 1
		if changed, err := DecodeFrame(dev.ID, frame); err != nil {
			t.Fatal(err)
		} else if good(changed.(*Attestation), dev, node) {
			t.Errorf("still valid with byte %d changed", i-HeaderSize)
		}
		frame[i] ^= 1
	}
}

// What a representative signs for a node is nothing else: no vote, whatever its hashes.
func TestAttestationDigest(t *testing.T) {
	preamble := make([]byte, 32)
	preamble[30], preamble[31] = 0xFF, 5
	node := namedKey("node b").Public()
	if want := crypto.Sum256(preamble, node[:], dev.GenesisHash[:]); attestDigest(dev, node) != want {
		t.Errorf("digest %x, want %x", attestDigest(dev, node), want)
	}
}
