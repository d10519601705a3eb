package wire

import (
	"fmt"
	"net/netip"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

var dev = lattice.Dev()

// sample is a message with a name for a vector file.
type sample struct {
	name string
	m    Message
}

// named returns 32 bytes that belong to a label, the same on every run.
func named(label string) [32]byte { return crypto.Sum256([]byte("smallnano wire vector " + label)) }

func namedKey(label string) crypto.PrivateKey { return crypto.NewPrivateKey(named(label)) }

// samples returns messages of every type: usual ones, and those at the edges of
// what is legal that are short enough to print.
func samples() []sample {
	return []sample{
		{"a node that listens", &Handshake{Cookie: named("cookie a"), Genesis: dev.GenesisHash, PeeringPort: 7176}},
		{"a node that does not listen", &Handshake{Cookie: named("cookie a"), Genesis: dev.GenesisHash}},
		{"signed by the end that was dialled", sampleTranscript()[1]},
		{"signed by the end that dialled", sampleTranscript()[2]},
		{"no address", &Keepalive{}},
		{"IPv4 and IPv6", &Keepalive{Peers: []netip.AddrPort{
			netip.MustParseAddrPort("192.0.2.7:7176"), netip.MustParseAddrPort("[2001:db8::7]:65535"),
		}}},
		{"eight addresses", &Keepalive{Peers: sampleAddresses(MaxKeepalivePeers)}},
		{"the dev genesis", &Publish{Block: dev.Genesis}},
		{"a send", &Publish{Block: sampleBlock(1)}},
		{"normal vote for one block", sampleVote(1_767_225_600_000, 1)},
		{"final vote for three blocks", sampleVote(lattice.FinalTimestamp, 3)},
		{"from the first block on", &PullReq{ID: 1, Key: named("account"), StartHeight: 1, Count: 1}},
		{"from a high block on, as many as possible", &PullReq{ID: ^uint64(0), Key: named("account"), StartHeight: ^uint64(0), Count: MaxPullBlocks}},
		{"by hash", &PullReq{ID: 2, Mode: PullByHash, Key: named("hash"), Count: 16}},
		{"two blocks", &PullAck{ID: 1, FirstHeight: 12, PrunedHeight: 11, Blocks: []lattice.Block{sampleBlock(1), sampleBlock(2)}}},
		{"nothing from that height on", &PullAck{ID: 1, PrunedHeight: 3}},
		{"unknown", &PullAck{ID: 2, Status: PullUnknown}},
		{"pruned", &PullAck{ID: 3, Status: PullPruned, PrunedHeight: 900}},
		{"busy", &PullAck{ID: 4, Status: PullBusy}},
		{"signed", sampleTelemetry()},
		{"from the first account on", &FrontierReq{ID: 7, Count: 1}},
		{"from an account on, as many as possible", &FrontierReq{ID: 8, Start: named("account"), Count: MaxFrontiers}},
		{"no account", &FrontierAck{ID: 7}},
		{"three accounts", &FrontierAck{ID: 8, Frontiers: sampleFrontiers(3)}},
		{"one block", &ConfirmReq{Blocks: sampleEntries(1)}},
		{"two blocks", &ConfirmReq{Blocks: sampleEntries(2)}},
		{"empty", &TelemetryReq{}},
		{"one representative, of node b", sampleAttestation(1)},
		{"two representatives, of node b", sampleAttestation(2)},
	}
}

// longest returns the longest message of each type with a list.
func longest() []Message {
	return []Message{
		&Keepalive{Peers: sampleAddresses(MaxKeepalivePeers)},
		sampleVote(5, lattice.MaxVoteHashes),
		&PullAck{FirstHeight: ^uint64(0) - (MaxPullBlocks - 1), Blocks: make([]lattice.Block, MaxPullBlocks)},
		&FrontierAck{Frontiers: sampleFrontiers(MaxFrontiers)},
		&ConfirmReq{Blocks: sampleEntries(MaxConfirmBlocks)},
		sampleAttestation(MaxAttested),
	}
}

func sampleAddresses(n int) []netip.AddrPort {
	list := make([]netip.AddrPort, n)
	for i := range list {
		list[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 7176)
	}
	return list
}

// sampleBlock is the i-th block after the dev genesis, each sending 1 raw.
func sampleBlock(i int) lattice.Block {
	key := crypto.NewPrivateKey(*dev.GenesisSeed)
	b := dev.Genesis
	for n := range i {
		b.Previous = b.Hash(dev.ID)
		b.Balance = b.Balance.SatSub(lattice.AmountFrom(1))
		b.Link = named(fmt.Sprintf("destination %d", n))
		b.Work = 0x0123456789ABCDEF
		b.Sign(dev.ID, key)
	}
	return b
}

func sampleVote(timestamp uint64, n int) *Vote {
	v := lattice.Vote{Timestamp: timestamp}
	for i := range n {
		v.Hashes = append(v.Hashes, named(fmt.Sprintf("hash %d", i)))
	}
	v.Sign(dev.ID, namedKey("representative"))
	return &Vote{Vote: v}
}

func sampleFrontiers(n int) []Frontier {
	list := make([]Frontier, n)
	for i := range list {
		list[i] = Frontier{
			Account: lattice.Account{byte(i >> 8), byte(i), 0xAB},
			Hash:    named(fmt.Sprintf("frontier %d", i)),
			Height:  uint64(i) + 1, PrunedHeight: uint64(i) / 2,
		}
	}
	return list
}

func sampleEntries(n int) []ConfirmEntry {
	list := make([]ConfirmEntry, n)
	for i := range list {
		list[i] = ConfirmEntry{Account: named("account"), Hash: named(fmt.Sprintf("hash %d", i))}
	}
	return list
}

func sampleAttestation(n int) *Attestation {
	m := &Attestation{}
	for i := range n {
		m.List = append(m.List, Attest(dev, namedKey("node b").Public(), namedKey(fmt.Sprintf("representative %d", i)), nil))
	}
	return m
}

func sampleTelemetry() *Telemetry {
	m := &Telemetry{
		Blocks: 1_000_000_001, Confirmed: 1_000_000_000, Accounts: 12_345, Unchecked: 67, Uptime: 86_400,
		Peers: 42, Principals: 7, PruningDepth: 1000, Protocol: Version, Major: 1, Minor: 2, Patch: 3,
		Genesis: dev.GenesisHash, Timestamp: 1_767_225_600_000,
		LatencyP50: 250, LatencyP90: 510, LatencyP99: 1205,
	}
	m.Sign(dev.ID, namedKey("node b"))
	return m
}

func sampleConfigs() (a, b HandshakeConfig) {
	a = HandshakeConfig{Network: dev, NodeKey: namedKey("node a"), PeeringPort: 7176}
	b = HandshakeConfig{Network: dev, NodeKey: namedKey("node b"), PeeringPort: 17176}
	return a, b
}

// sampleTranscript returns the three messages of a handshake.
func sampleTranscript() []Message {
	cfgA, cfgB := sampleConfigs()
	a, b := NewDialer(cfgA, named("cookie a")), NewListener(cfgB, named("cookie b"))
	first := a.Start()
	second, _, err := b.Step(first[0])
	if err != nil {
		panic(err)
	}
	third, _, err := a.Step(second[0])
	if err != nil {
		panic(err)
	}
	return []Message{first[0], second[0], third[0]}
}

// frameOf encodes a message that must be legal.
func frameOf(m Message) []byte {
	frame, err := Append(nil, dev.ID, m)
	if err != nil {
		panic(err)
	}
	return frame
}

// rawFrame makes a dev frame of any body.
func rawFrame(t Type, body []byte) []byte {
	head := []byte{0x53, 0x4E, byte(dev.ID), 1, byte(t), 0, byte(len(body)), byte(len(body) >> 8)}
	return append(head, body...)
}
