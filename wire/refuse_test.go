package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// What has no legal form cannot be sent: the reason is told and the buffer is
// as it was.
func TestAppendRefuses(t *testing.T) {
	at := func(list ...string) *Keepalive {
		m := &Keepalive{}
		for _, s := range list {
			m.Peers = append(m.Peers, netip.MustParseAddrPort(s))
		}
		return m
	}
	vote := func(hashes ...lattice.Hash) *Vote { return &Vote{Vote: lattice.Vote{Hashes: hashes}} }
	frontiers := func(list ...Frontier) *FrontierAck { return &FrontierAck{Frontiers: list} }
	blocks := make([]lattice.Block, MaxPullBlocks+1)
	late := sampleVote(1, 255)
	late.Vote.Hashes[254] = late.Vote.Hashes[253]

	cases := []struct {
		name string
		m    Message
		says string
	}{
		{"keepalive of nine", &Keepalive{Peers: sampleAddresses(9)}, "9 addresses, want 0 to 8"},
		{"no address", &Keepalive{Peers: make([]netip.AddrPort, 1)}, "no address"},
		{"port 0", at("192.0.2.1:1", "192.0.2.1:0"), "address 1 (192.0.2.1:0): has port 0"},
		{"unspecified IPv4", at("0.0.0.0:7176"), "unspecified"},
		{"unspecified IPv6", at("[::]:7176"), "unspecified"},
		{"unspecified mapped", at("[::ffff:0.0.0.0]:7176"), "unspecified"},
		{"zone", at("[fe80::1%eth0]:7176"), "zone"},
		{"address twice", at("192.0.2.1:1", "192.0.2.2:1", "192.0.2.1:1"), "address 2 is the same as address 0"},
		{"address twice, once mapped", at("192.0.2.1:1", "[::ffff:192.0.2.1]:1"), "address 1 is the same as address 0"},

		{"vote for nothing", vote(), "0 hashes, want 1 to 255"},
		{"vote for 256 blocks", vote(make([]lattice.Hash, 256)...), "256 hashes"},
		{"vote twice for a block", vote(lattice.Hash{1}, lattice.Hash{2}, lattice.Hash{1}), "hash 2 is the same as hash 0"},
		{"vote twice for the last block", late, "hash 254 is the same as hash 253"},

		{"pull_req mode 2", &PullReq{Mode: 2, StartHeight: 1, Count: 1}, "mode 2, want 0 or 1"},
		{"pull_req for nothing", &PullReq{StartHeight: 1}, "0 blocks asked for, want 1 to 128"},
		{"pull_req for 129", &PullReq{StartHeight: 1, Count: 129}, "129 blocks asked for"},
		{"pull_req from height 0", &PullReq{Count: 1}, "height 0"},
		{"pull_req by hash from a height", &PullReq{Mode: PullByHash, StartHeight: 1, Count: 1}, "by hash from height 1"},

		{"pull_ack of 129", &PullAck{FirstHeight: 1, Blocks: blocks}, "129 blocks, want 0 to 128"},
		{"pull_ack status 4", &PullAck{Status: 4}, "status 4, want 0 to 3"},
		{"blocks of an unknown account", &PullAck{Status: PullUnknown, FirstHeight: 1, Blocks: blocks[:1]}, "1 blocks with status unknown"},
		{"blocks that are pruned", &PullAck{Status: PullPruned, PrunedHeight: 1, FirstHeight: 1, Blocks: blocks[:1]}, "status pruned"},
		{"blocks while busy", &PullAck{Status: PullBusy, FirstHeight: 1, Blocks: blocks[:2]}, "2 blocks with status busy"},
		{"blocks at height 0", &PullAck{Blocks: blocks[:1]}, "without the height"},
		{"blocks above all heights", &PullAck{FirstHeight: math.MaxUint64, Blocks: blocks[:2]}, "larger than any height"},
		{"height without blocks", &PullAck{FirstHeight: 1}, "first height 1 without blocks"},
		{"pruned, up to where is not told", &PullAck{Status: PullPruned}, "without the pruned height"},
		{"unknown, but pruned", &PullAck{Status: PullUnknown, PrunedHeight: 1}, "pruned height 1 with status unknown"},
		{"busy, but pruned", &PullAck{Status: PullBusy, PrunedHeight: 1}, "pruned height 1 with status busy"},

		{"frontier_req for nothing", &FrontierReq{}, "0 frontiers asked for, want 1 to 512"},
		{"frontier_req for 513", &FrontierReq{Count: 513}, "513 frontiers"},
		{"frontier_ack of 513", frontiers(sampleFrontiers(513)...), "513 frontiers, want 0 to 512"},
		{"account twice", frontiers(Frontier{Height: 1}, Frontier{Height: 1}), "frontier 1 is not above"},
		{"accounts fall", frontiers(Frontier{Account: lattice.Account{2}, Height: 1}, Frontier{Account: lattice.Account{1, 9}, Height: 1}), "frontier 1 is not above"},
		{"frontier at height 0", frontiers(Frontier{}), "frontier 0 has height 0"},
		{"frontier that is pruned", frontiers(Frontier{Height: 5, PrunedHeight: 5}), "pruned height 5 is not below height 5"},

		{"confirm_req for nothing", &ConfirmReq{}, "0 blocks, want 1 to 64"},
		{"confirm_req for 65", &ConfirmReq{Blocks: sampleEntries(65)}, "65 blocks"},
		{"confirm_req twice for a block", &ConfirmReq{Blocks: append(sampleEntries(3), sampleEntries(1)...)}, "block 3 is the same as block 0"},

		{"attestation by nobody", &Attestation{}, "0 representatives, want 1 to 16"},
		{"attestation by 17", sampleAttestation(17), "17 representatives"},
		{"attestation twice by one", &Attestation{List: append(sampleAttestation(2).List, sampleAttestation(1).List...)}, "representative 2 is the same as representative 0"},
	}
	for _, c := range cases {
		buf := []byte("kept")
		out, err := Append(buf, dev.ID, c.m)
		if !errors.Is(err, ErrBody) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), c.m.Type().String()) {
			t.Errorf("%s: error %v, want %v … %q", c.name, err, c.m.Type(), c.says)
		}
		if string(out) != "kept" {
			t.Errorf("%s: buffer is %q", c.name, out)
		}
	}
}

// What lies just inside the rules is legal.
func TestLegalEdges(t *testing.T) {
	h := lattice.Hash{1}
	for _, m := range []Message{
		&Keepalive{Peers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.1:2"), netip.MustParseAddrPort("192.0.2.2:1")}},
		&Keepalive{Peers: []netip.AddrPort{netip.MustParseAddrPort("[::1]:1"), netip.MustParseAddrPort("127.0.0.1:65535")}},
		// Only the same pair is a repetition.
		&ConfirmReq{Blocks: []ConfirmEntry{{lattice.Account{1}, h}, {lattice.Account{2}, h}, {Account: lattice.Account{1}}}},
		&FrontierAck{Frontiers: []Frontier{{Height: 1}, {Account: lattice.Account{31: 1}, Height: 2, PrunedHeight: 1}, {Account: lattice.Account{1}, Height: math.MaxUint64}}},
		&PullAck{FirstHeight: math.MaxUint64, Blocks: make([]lattice.Block, 1)},
		&PullAck{FirstHeight: 3, PrunedHeight: 900, Blocks: make([]lattice.Block, 1)}, // a send that was kept
		&PullAck{Status: PullPruned, PrunedHeight: 1},
		&PullReq{StartHeight: 1, Count: 128},
		&Handshake{},
		&Telemetry{},
	} {
		checkFrame(t, frameOf(m))
	}
}

// refusedFrame is a frame whose header is good and whose body is not.
type refusedFrame struct {
	name  string
	frame []byte
	says  string
}

// refusedBodies makes the bodies that Append would not write.
func refusedBodies() []refusedFrame {
	// change returns a copy of m's frame with the body bytes from an offset replaced.
	change := func(m Message, offset int, with ...byte) []byte {
		frame := frameOf(m)
		copy(frame[HeaderSize+offset:], with)
		return frame
	}
	le := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	two := &PullAck{ID: 1, FirstHeight: 7, PrunedHeight: 6, Blocks: []lattice.Block{sampleBlock(1), sampleBlock(2)}}
	ipv4 := func(n int) []byte { return append(make([]byte, 10), 0xFF, 0xFF, 198, 51, 100, byte(n)) }
	hash0 := named("hash 0")
	attested0 := sampleAttestation(1).List[0].Representative
	swapped := sampleFrontiers(2)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	first, second := frontierBytes(swapped[0]), frontierBytes(swapped[1])

	return []refusedFrame{
		{"keepalive: count too small", change(&Keepalive{Peers: sampleAddresses(2)}, 0, 1), "count says 1 entries of 18 bytes, 36 bytes follow"},
		{"keepalive: count too large", change(&Keepalive{Peers: sampleAddresses(2)}, 0, 3), "count says 3"},
		{"keepalive: count 255, no address", change(&Keepalive{}, 0, 255), "count says 255"},
		{"keepalive: port 0", change(&Keepalive{Peers: sampleAddresses(2)}, 17, 0, 0), "port 0"},
		{"keepalive: unspecified address", change(&Keepalive{Peers: sampleAddresses(2)}, 1, make([]byte, 16)...), "unspecified"},
		{"keepalive: unspecified IPv4 address", change(&Keepalive{Peers: sampleAddresses(2)}, 13, 0, 0, 0, 0), "unspecified"},
		{"keepalive: address twice", change(&Keepalive{Peers: sampleAddresses(2)}, 19, ipv4(0)...), "same as address 0"},

		{"vote: no hash", change(sampleVote(1, 1), 104, 0), "without hashes"},
		{"vote: count too small", change(sampleVote(1, 2), 104, 1), "for 1 hashes"},
		{"vote: count too large", change(sampleVote(1, 2), 104, 3), "for 3 hashes"},
		{"vote: block twice", change(sampleVote(1, 2), 137, hash0[:]...), "twice"},

		{"pull_req: mode 2", change(&PullReq{StartHeight: 1, Count: 1}, 8, 2), "mode 2"},
		{"pull_req: count 0", change(&PullReq{StartHeight: 1, Count: 1}, 49, 0), "0 blocks asked for"},
		{"pull_req: count 129", change(&PullReq{StartHeight: 1, Count: 1}, 49, 129), "129 blocks asked for"},
		{"pull_req: by height, from height 0", change(&PullReq{StartHeight: 1, Count: 1}, 41, le(0)...), "height 0"},
		{"pull_req: by hash, from a height", change(&PullReq{StartHeight: 1, Count: 1}, 8, 1), "by hash from height 1"},

		{"pull_ack: status 4", change(&PullAck{}, 8, 4), "status 4"},
		{"pull_ack: status 255", change(&PullAck{}, 8, 255), "status 255"},
		{"pull_ack: blocks with status unknown", change(two, 8, 1), "status unknown"},
		{"pull_ack: blocks with status pruned", change(two, 8, 2), "status pruned"},
		{"pull_ack: blocks with status busy", change(two, 8, 3), "status busy"},
		{"pull_ack: blocks at height 0", change(two, 9, le(0)...), "without the height"},
		{"pull_ack: blocks above all heights", change(two, 9, le(math.MaxUint64)...), "larger than any height"},
		{"pull_ack: height without blocks", change(&PullAck{}, 9, le(7)...), "first height 7 without blocks"},
		{"pull_ack: pruned, up to where is not told", change(&PullAck{}, 8, 2), "without the pruned height"},
		{"pull_ack: unknown with a pruned height", change(&PullAck{Status: PullUnknown}, 17, le(1)...), "pruned height 1"},
		{"pull_ack: busy with a pruned height", change(&PullAck{Status: PullBusy}, 17, le(1)...), "pruned height 1"},
		{"pull_ack: count too small", change(two, 25, 1), "count says 1"},
		{"pull_ack: count too large", change(two, 25, 3), "count says 3"},
		{"pull_ack: count 255, no block", change(&PullAck{}, 25, 255), "count says 255"},

		{"frontier_req: count 0", change(&FrontierReq{Count: 1}, 40, 0, 0), "0 frontiers asked for"},
		{"frontier_req: count 513", change(&FrontierReq{Count: 1}, 40, 1, 2), "513 frontiers asked for"},
		{"frontier_req: count 65535", change(&FrontierReq{Count: 1}, 40, 255, 255), "65535 frontiers asked for"},

		{"frontier_ack: count too small", change(&FrontierAck{Frontiers: sampleFrontiers(2)}, 8, 1, 0), "count says 1"},
		{"frontier_ack: count too large", change(&FrontierAck{Frontiers: sampleFrontiers(2)}, 8, 3, 0), "count says 3"},
		{"frontier_ack: high byte of the count", change(&FrontierAck{Frontiers: sampleFrontiers(2)}, 9, 1), "count says 258"},
		{"frontier_ack: accounts fall", change(&FrontierAck{Frontiers: sampleFrontiers(2)}, 10, append(first, second...)...), "not above"},
		{"frontier_ack: account twice", change(&FrontierAck{Frontiers: sampleFrontiers(2)}, 10, append(second, second...)...), "not above"},
		{"frontier_ack: height 0", change(&FrontierAck{Frontiers: sampleFrontiers(2)}, 10+64, le(0)...), "height 0"},
		{"frontier_ack: pruned above the frontier", change(&FrontierAck{Frontiers: sampleFrontiers(2)}, 10+72, le(9)...), "pruned height 9"},

		{"attestation: count 0", change(sampleAttestation(1), 0, 0), "count says 0"},
		{"attestation: count too large", change(sampleAttestation(1), 0, 2), "count says 2"},
		{"attestation: representative twice", change(sampleAttestation(2), 1+attestedSize, attested0[:]...), "same as representative 0"},

		{"confirm_req: count 0", change(&ConfirmReq{Blocks: sampleEntries(1)}, 0, 0), "count says 0"},
		{"confirm_req: count too small", change(&ConfirmReq{Blocks: sampleEntries(2)}, 0, 1), "count says 1"},
		{"confirm_req: count too large", change(&ConfirmReq{Blocks: sampleEntries(2)}, 0, 3), "count says 3"},
		{"confirm_req: block twice", change(&ConfirmReq{Blocks: sampleEntries(2)}, 1+64+32, hash0[:]...), "same as block 0"},
	}
}

func frontierBytes(f Frontier) []byte {
	b, err := (&FrontierAck{Frontiers: []Frontier{f}}).appendBody(nil)
	if err != nil {
		panic(err)
	}
	return b[frontierAckHead:]
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range refusedBodies() {
		m, err := DecodeFrame(dev.ID, c.frame)
		typ := Type(c.frame[4])
		if m != nil || !errors.Is(err, ErrBody) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), typ.String()) {
			t.Errorf("%s: %v, error %v, want %v … %q", c.name, m, err, typ, c.says)
		}
		if !IsViolation(err) {
			t.Errorf("%s: %v is no violation", c.name, err)
		}
	}
}

// Reading past the end gives zeros and one error, whatever is read.
func TestDecoderKeepsTheFirstError(t *testing.T) {
	d := decoder{rest: []byte{1, 2, 3}}
	if d.u16() != 0x0201 || d.u32() != 0 || d.u8() != 0 || d.u16() != 0 || d.u64() != 0 || d.take(0) != nil || d.all() != nil {
		t.Error("a decoder with an error gives more than zeros")
	}
	field := [4]byte{9, 9, 9, 9}
	d.bytes(field[:])
	if field != [4]byte{9, 9, 9, 9} || d.list(0, 1) != 0 {
		t.Error("a decoder with an error fills a field")
	}
	d.fail(errors.New("later"))
	if err := d.finish(); !errors.Is(err, errShort) {
		t.Errorf("error %v", err)
	}
	left := decoder{rest: []byte{1}}
	if err := left.finish(); err == nil || !strings.Contains(err.Error(), "1 bytes too many") {
		t.Errorf("error %v", err)
	}
	short := decoder{rest: bytes.Repeat([]byte{7}, 5)}
	if short.list(3, 2) != 0 || short.err == nil {
		t.Error("a list without its entries is accepted")
	}
}

func TestNamesOfValuesThatDoNotExist(t *testing.T) {
	for got, want := range map[string]string{
		PullMode(9).String(): "mode(9)", PullStatus(9).String(): "status(9)", stage(9).String(): "stage(9)", Type(0x1F).String(): "type(0x1F)",
		PullByHeight.String(): "by height", PullByHash.String(): "by hash", PullOK.String(): "ok",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
