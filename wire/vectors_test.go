package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// rewrite makes the vector files anew. A change in them is a change of the
// protocol: read the difference before it is committed.
var rewrite = flag.Bool("rewrite", false, "write testdata/vectors anew instead of comparing with them")

// field and fields are a JSON object whose members keep their order, which is
// the order on the wire.
type field struct {
	name  string
	value any
}
type fields []field

// MarshalJSON writes the members in order.
func (f fields) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range f {
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "%q:%s", m.name, value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// array is list, with [] for no entries.
func array[T any](n int, entry func(i int) T) []T {
	if n == 0 {
		return []T{}
	}
	return list(n, entry)
}

// Numbers of 64 bits are text, since JSON readers lose digits of them.
func text64(n uint64) string { return strconv.FormatUint(n, 10) }

func hexOf(b []byte) string { return fmt.Sprintf("%X", b) }

// describe returns the decoded fields of a message, in wire order.
func describe(m Message) fields {
	switch m := m.(type) {
	case *Handshake:
		return fields{{"cookie", hexOf(m.Cookie[:])}, {"genesis", m.Genesis.String()}, {"port", m.PeeringPort}}
	case *HandshakeAck:
		return fields{{"cookie", hexOf(m.Cookie[:])}, {"node_id", m.NodeID.String()}, {"genesis", m.Genesis.String()},
			{"port", m.PeeringPort}, {"signature", m.Signature.String()}}
	case *Keepalive:
		return fields{{"peers", array(len(m.Peers), func(i int) string { return m.Peers[i].String() })}}
	case *Publish:
		return describeBlock(&m.Block)
	case *Vote:
		v := &m.Vote
		return fields{{"representative", v.Representative.Hex()}, {"signature", v.Signature.String()}, {"timestamp", text64(v.Timestamp)},
			{"hashes", array(len(v.Hashes), func(i int) string { return v.Hashes[i].String() })}}
	case *PullReq:
		return fields{{"id", text64(m.ID)}, {"mode", uint8(m.Mode)}, {"key", hexOf(m.Key[:])},
			{"start_height", text64(m.StartHeight)}, {"count", m.Count}}
	case *PullAck:
		return fields{{"id", text64(m.ID)}, {"status", uint8(m.Status)}, {"first_height", text64(m.FirstHeight)},
			{"pruned_height", text64(m.PrunedHeight)},
			{"blocks", array(len(m.Blocks), func(i int) fields { return describeBlock(&m.Blocks[i]) })}}
	case *Telemetry:
		return describeTelemetry(m)
	case *FrontierReq:
		return fields{{"id", text64(m.ID)}, {"start", m.Start.Hex()}, {"count", m.Count}}
	case *FrontierAck:
		return fields{{"id", text64(m.ID)}, {"frontiers", array(len(m.Frontiers), func(i int) fields {
			f := &m.Frontiers[i]
			return fields{{"account", f.Account.Hex()}, {"frontier", f.Hash.String()}, {"height", text64(f.Height)}, {"pruned_height", text64(f.PrunedHeight)}}
		})}}
	case *ConfirmReq:
		return fields{{"blocks", array(len(m.Blocks), func(i int) fields {
			return fields{{"account", m.Blocks[i].Account.Hex()}, {"hash", m.Blocks[i].Hash.String()}}
		})}}
	case *Attestation:
		checks := m.Checks(dev, namedKey("node b").Public())
		return fields{{"representatives", array(len(m.List), func(i int) fields {
			return fields{{"representative", m.List[i].Representative.Hex()}, {"signature", m.List[i].Signature.String()}}
		})}, {"signed_digest", hexOf(checks[0].Message)}}
	}
	return fields{}
}

func describeBlock(b *lattice.Block) fields {
	return fields{{"account", b.Account.Hex()}, {"previous", b.Previous.String()}, {"representative", b.Representative.Hex()},
		{"balance", b.Balance.Raw()}, {"link", b.Link.String()}, {"work", fmt.Sprintf("%016X", b.Work)},
		{"signature", b.Signature.String()}, {"hash", b.Hash(dev.ID).String()}}
}

func describeTelemetry(m *Telemetry) fields {
	digest := m.digest(dev.ID)
	return fields{{"node_id", m.NodeID.String()}, {"signature", m.Signature.String()}, {"blocks", text64(m.Blocks)},
		{"confirmed", text64(m.Confirmed)}, {"accounts", text64(m.Accounts)}, {"unchecked", text64(m.Unchecked)},
		{"uptime", text64(m.Uptime)}, {"peers", m.Peers}, {"principals", m.Principals}, {"pruning_depth", m.PruningDepth}, {"protocol", m.Protocol},
		{"major", m.Major}, {"minor", m.Minor}, {"patch", m.Patch}, {"genesis", m.Genesis.String()},
		{"timestamp", text64(m.Timestamp)}, {"latency_p50", m.LatencyP50}, {"latency_p90", m.LatencyP90},
		{"latency_p99", m.LatencyP99}, {"signed_digest", hexOf(digest[:])}}
}

// vector is one frame and what it means.
type vector struct {
	Name  string          `json:"name"`
	Frame string          `json:"frame"`
	Field json.RawMessage `json:"fields"`
}

// vectorFile is one file of frames of a type.
type vectorFile struct {
	About   string   `json:"about"`
	Network string   `json:"network"`
	Type    string   `json:"type"`
	Vectors []vector `json:"vectors"`
}

const aboutFrames = "whole frames in hex, and their fields in wire order; integers of 64 and 128 bits are decimal text; hash and signed_digest are derived, not on the wire"

// Every type has a file of frames. What is made from the messages is compared
// with the file to the byte; the frames of the file are read back.
func TestFrameVectors(t *testing.T) {
	files := map[Type]*vectorFile{}
	for _, s := range samples() {
		typ := s.m.Type()
		if files[typ] == nil {
			files[typ] = &vectorFile{About: aboutFrames, Network: dev.Name, Type: typ.String()}
		}
		described, err := json.Marshal(describe(s.m))
		if err != nil {
			t.Fatal(err)
		}
		files[typ].Vectors = append(files[typ].Vectors, vector{s.name, hexOf(frameOf(s.m)), described})
	}
	for typ := TypeHandshake; typ <= TypeAttestation; typ++ {
		if files[typ] == nil {
			t.Errorf("%v: no vector", typ)
			continue
		}
		var stored vectorFile
		golden(t, typ.String()+".json", files[typ], &stored)
		for _, v := range stored.Vectors {
			m := checkFrame(t, unhex(t, v.Frame))
			got, err := json.Marshal(describe(m))
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			if err := json.Compact(&want, v.Field); err != nil || !bytes.Equal(got, want.Bytes()) {
				t.Errorf("%v, %s: read %s, want %s, %v", typ, v.Name, got, want.Bytes(), err)
			}
		}
	}
}

// refusedVector is a frame that no node accepts.
type refusedVector struct {
	Name  string `json:"name"`
	Frame string `json:"frame"`
	Kind  string `json:"kind"`
}

var refusedKinds = map[string]error{
	"magic": ErrMagic, "network": ErrNetwork, "version": ErrVersion, "type": ErrType, "flags": ErrFlags, "length": ErrLength, "body": ErrBody,
}

func TestRefusedVectors(t *testing.T) {
	type file struct {
		About   string          `json:"about"`
		Network string          `json:"network"`
		Vectors []refusedVector `json:"vectors"`
	}
	made := file{About: "frames that must be refused on network dev, and what is wrong with each: the kinds of the header are checked in the order magic, network, version, type, flags, length; then the body", Network: dev.Name}
	add := func(name, kind string, frame []byte) {
		made.Vectors = append(made.Vectors, refusedVector{name, hexOf(frame), kind})
	}
	with := func(i int, b byte) []byte {
		frame := frameOf(&Keepalive{})
		frame[i] = b
		return frame
	}
	add("magic, first byte", "magic", with(0, 0x52))
	add("magic, second byte", "magic", with(1, 0x43))
	add("network beta", "network", with(2, byte(lattice.BetaID)))
	add("version 2", "version", with(3, 2))
	add("type 0x00", "type", with(4, 0))
	add("type 0x0E", "type", with(4, 0x0E))
	add("flags 0x01", "flags", with(5, 1))
	add("keepalive without a count", "length", rawFrame(TypeKeepalive, nil))
	add("keepalive with nine addresses", "length", rawFrame(TypeKeepalive, append([]byte{9}, make([]byte, 9*endpointSize)...)))
	add("keepalive with part of an address", "length", rawFrame(TypeKeepalive, append([]byte{1}, make([]byte, 17)...)))
	add("handshake, a byte short", "length", rawFrame(TypeHandshake, make([]byte, 65)))
	add("handshake, a byte long", "length", rawFrame(TypeHandshake, make([]byte, 67)))
	add("telemetry_req with a body", "length", rawFrame(TypeTelemetryReq, []byte{0}))
	add("confirm_req without a block", "length", rawFrame(TypeConfirmReq, []byte{0}))
	add("attestation by nobody", "length", rawFrame(TypeAttestation, []byte{0}))
	add("attestation by 17", "length", rawFrame(TypeAttestation, append([]byte{17}, make([]byte, 17*attestedSize)...)))
	add("vote without a hash", "length", rawFrame(TypeVote, make([]byte, lattice.VoteHeaderSize)))
	for _, c := range refusedBodies() {
		add(c.name, "body", c.frame)
	}
	var stored file
	golden(t, "refused.json", made, &stored)
	for _, v := range stored.Vectors {
		m, err := DecodeFrame(dev.ID, unhex(t, v.Frame))
		if kind := refusedKinds[v.Kind]; kind == nil || m != nil || !errors.Is(err, kind) {
			t.Errorf("%s: %v, %v, want %s", v.Name, m, err, v.Kind)
		}
	}
}

// handshakeFile is one whole handshake with all that went into it.
type handshakeFile struct {
	About    string        `json:"about"`
	Network  string        `json:"network"`
	Genesis  string        `json:"genesis"`
	Dialer   handshakeSide `json:"dialer"`
	Listener handshakeSide `json:"listener"`
	Frames   []string      `json:"frames"`
}

type handshakeSide struct {
	KeySeed string `json:"key_seed"`
	NodeID  string `json:"node_id"`
	Port    uint16 `json:"port"`
	Cookie  string `json:"cookie"`
	Signed  string `json:"signed_digest"`
}

func TestHandshakeTranscriptVector(t *testing.T) {
	cfgA, cfgB := sampleConfigs()
	made := handshakeFile{
		About:    "one handshake: the frames of dialer, listener and dialer, in order, and what each end signs",
		Network:  dev.Name,
		Genesis:  dev.GenesisHash.String(),
		Dialer:   sideOf(cfgA, roleDialer, named("cookie a")),
		Listener: sideOf(cfgB, roleListener, named("cookie b")),
	}
	for _, m := range sampleTranscript() {
		made.Frames = append(made.Frames, hexOf(frameOf(m)))
	}
	var stored handshakeFile
	golden(t, "handshake_transcript.json", made, &stored)

	// The stored frames make both ends meet.
	p := newPair()
	p.a.Start()
	for i, h := range []*Handshaker{p.b, p.a, p.b} {
		m := checkFrame(t, unhex(t, stored.Frames[i]))
		reply, done, err := h.Step(m)
		if err != nil || done != (i > 0) {
			t.Fatalf("frame %d: done %v, %v", i, done, err)
		}
		if i < 2 && hexOf(frameOf(reply[0])) != stored.Frames[i+1] {
			t.Errorf("frame %d: %X", i+1, frameOf(reply[0]))
		}
	}
}

func sideOf(cfg HandshakeConfig, r role, cookie Cookie) handshakeSide {
	h := Handshaker{cfg: cfg, cookieA: named("cookie a"), cookieB: named("cookie b")}
	seed, id := cfg.NodeKey.Seed(), cfg.NodeKey.Public()
	digest := h.digest(r, id, cfg.PeeringPort)
	return handshakeSide{hexOf(seed[:]), id.String(), cfg.PeeringPort, hexOf(cookie[:]), hexOf(digest[:])}
}

// golden compares what a test made with a stored file, to the byte, and reads
// the file into stored.
func golden(t *testing.T, name string, made, stored any) {
	t.Helper()
	path := filepath.Join("testdata", "vectors", name)
	want, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *rewrite {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
		t.Errorf("%s is not what the code makes: the protocol changed, or the file is old (go test ./wire -rewrite)", path)
	}
	if err := json.Unmarshal(got, stored); err != nil {
		t.Fatal(err)
	}
}

// Nothing lies in the folder that no test reads.
func TestVectorFolder(t *testing.T) {
	known := map[string]bool{"refused.json": true, "handshake_transcript.json": true}
	for typ := TypeHandshake; typ <= TypeAttestation; typ++ {
		known[typ.String()+".json"] = true
	}
	entries, err := os.ReadDir("testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			t.Errorf("testdata/vectors/%s is of no type", e.Name())
		}
	}
}

// The votes and blocks of the vectors that were made with another
// implementation pass through frames unchanged.
func TestOtherImplementationsBytes(t *testing.T) {
	text, err := os.ReadFile("testdata/protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Blocks, Votes []struct{ Network, Bytes string }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Blocks) == 0 || len(file.Votes) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range file.Blocks {
		checkFrame(t, rawFrame(TypePublish, unhex(t, v.Bytes)))
	}
	for i, v := range file.Votes {
		m := checkFrame(t, rawFrame(TypeVote, unhex(t, v.Bytes))).(*Vote)
		id := map[string]lattice.NetworkID{"main": lattice.MainID, "beta": lattice.BetaID, "dev": lattice.DevID}[v.Network]
		if !m.Vote.Verify(id) {
			t.Errorf("vote %d: signature", i)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
