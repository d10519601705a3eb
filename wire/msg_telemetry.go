package wire

import (
	"encoding/binary"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	telemetrySize = 32 + 64 + telemetryFacts
	// telemetryFacts is the length of everything after the signature.
	telemetryFacts = 5*8 + 3*4 + 4*1 + 32 + 8 + 3*4
)

// UnknownPrincipals are the Principals of a node that has just started.
const UnknownPrincipals = ^uint32(0)

// Telemetry is what a node says of itself. A node can claim anything, so nothing may
// be decided by it but how many votes of others the node is sent: Peers and
// Principals say how much it hears without.
type Telemetry struct {
	NodeID    crypto.PublicKey
	Signature crypto.Signature

	Blocks    uint64 // in the ledger, pruned ones included
	Confirmed uint64 // of them confirmed
	Accounts  uint64
	Unchecked uint64 // blocks that wait for another one
	Uptime    uint64 // s

	Peers uint32
	// Principals is how many principal representatives have attested to be among Peers:
	// 0 when those have less weight than a confirmation needs, UnknownPrincipals when it
	// is too early to tell.
	Principals   uint32
	PruningDepth uint32 // blocks kept of each account; 0: all

	Protocol            uint8 // version of the protocol
	Major, Minor, Patch uint8 // version of the software

	Genesis   lattice.Hash
	Timestamp uint64 // ms since 1970, by the sender's clock

	// Confirmation latency of recent elections: the half, nine tenths and 99
	// hundredths of them took at most so long, in ms.
	LatencyP50, LatencyP90, LatencyP99 uint32
}

// Type returns TypeTelemetry.
func (*Telemetry) Type() Type { return TypeTelemetry }

// Sign sets node id and signature.
func (m *Telemetry) Sign(id lattice.NetworkID, nodeKey crypto.PrivateKey) {
	m.NodeID = nodeKey.Public()
	digest := m.digest(id)
	m.Signature = nodeKey.Sign(digest[:])
}

// Verify reports whether the signature is that of the node id. That the node
// id is the one the connection's handshake proved is for the caller to compare.
func (m *Telemetry) Verify(id lattice.NetworkID) bool {
	c := m.Check(id)
	return crypto.Verify(c.Key, c.Message, c.Signature)
}

// Check returns what Verify checks.
func (m *Telemetry) Check(id lattice.NetworkID) crypto.Check {
	digest := m.digest(id)
	return crypto.Check{Key: m.NodeID, Message: digest[:], Signature: m.Signature}
}

// digest covers the body without its signature.
func (m *Telemetry) digest(id lattice.NetworkID) [32]byte {
	preamble := lattice.Preamble(id, lattice.KindTelemetry)
	var facts [telemetryFacts]byte
	m.appendFacts(facts[:0])
	return crypto.Sum256(preamble[:], m.NodeID[:], facts[:])
}

func (*Telemetry) check() error { return nil }

func (m *Telemetry) appendBody(to []byte) ([]byte, error) {
	to = append(to, m.NodeID[:]...)
	to = append(to, m.Signature[:]...)
	return m.appendFacts(to), nil
}

func (m *Telemetry) appendFacts(to []byte) []byte {
	for _, n := range [...]uint64{m.Blocks, m.Confirmed, m.Accounts, m.Unchecked, m.Uptime} {
		to = binary.LittleEndian.AppendUint64(to, n)
	}
	to = binary.LittleEndian.AppendUint32(to, m.Peers)
	to = binary.LittleEndian.AppendUint32(to, m.Principals)
	to = binary.LittleEndian.AppendUint32(to, m.PruningDepth)
	to = append(to, m.Protocol, m.Major, m.Minor, m.Patch)
	to = append(to, m.Genesis[:]...)
	to = binary.LittleEndian.AppendUint64(to, m.Timestamp)
	for _, ms := range [...]uint32{m.LatencyP50, m.LatencyP90, m.LatencyP99} {
		to = binary.LittleEndian.AppendUint32(to, ms)
	}
	return to
}

func (m *Telemetry) readBody(d *decoder) {
	d.bytes(m.NodeID[:])
	d.bytes(m.Signature[:])
	for _, n := range [...]*uint64{&m.Blocks, &m.Confirmed, &m.Accounts, &m.Unchecked, &m.Uptime} {
		*n = d.u64()
	}
	m.Peers, m.Principals, m.PruningDepth = d.u32(), d.u32(), d.u32()
	for _, v := range [...]*uint8{&m.Protocol, &m.Major, &m.Minor, &m.Patch} {
		*v = d.u8()
	}
	d.bytes(m.Genesis[:])
	m.Timestamp = d.u64()
	for _, ms := range [...]*uint32{&m.LatencyP50, &m.LatencyP90, &m.LatencyP99} {
		*ms = d.u32()
	}
}
