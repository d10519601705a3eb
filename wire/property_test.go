package wire

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// What may be sent is exactly what is accepted. The messages are drawn from so
// few values that repetitions, zeros and edges are common, legal or not; what
// Append refuses is written all the same, past its checks, and must be refused
// by the other end too.
func TestBothEndsAgree(t *testing.T) {
	const messages = 10_000
	random := generator{rand.New(rand.NewPCG(1, 2))}
	legal, illegal := map[Type]int{}, map[Type]int{}
	for range messages {
		m := random.message()
		frame, err := Append(nil, dev.ID, m)
		if err == nil {
			legal[m.Type()]++
			if got, err := DecodeFrame(dev.ID, frame); err != nil || !reflect.DeepEqual(m, got) {
				t.Fatalf("sent %+v, read %+v, %v", m, got, err)
			}
			continue
		}
		illegal[m.Type()]++
		if got, err := DecodeFrame(dev.ID, unchecked(m)); err == nil {
			t.Fatalf("refused to send %+v, but read %+v", m, got)
		}
	}
	for _, typ := range []Type{TypeKeepalive, TypeVote, TypePullReq, TypePullAck, TypeFrontierReq, TypeFrontierAck, TypeConfirmReq, TypeAttestation} {
		if legal[typ] < 100 || illegal[typ] < 100 {
			t.Errorf("%v: %d legal, %d not: the generator does not reach both", typ, legal[typ], illegal[typ])
		}
	}
}

// unchecked writes a frame that Append refuses.
func unchecked(m Message) []byte {
	if v, ok := m.(*Vote); ok {
		body := append(make([]byte, lattice.VoteHeaderSize-1), byte(len(v.Vote.Hashes)))
		for _, h := range v.Vote.Hashes {
			body = append(body, h[:]...)
		}
		return rawFrame(TypeVote, body)
	}
	body, err := m.appendBody(nil)
	if err != nil {
		panic(err)
	}
	return rawFrame(m.Type(), body)
}

type generator struct{ *rand.Rand }

func (g generator) number() uint64 {
	return [...]uint64{0, 1, 2, 3, 1 << 32, ^uint64(0) - 1, ^uint64(0)}[g.IntN(7)]
}

// key returns one of few keys.
func (g generator) key() (k [32]byte) {
	binary.BigEndian.PutUint16(k[:], uint16(g.IntN(40)))
	return k
}

// count is mostly small, and sometimes at a limit.
func (g generator) count(limit int) int {
	if g.IntN(4) > 0 {
		return g.IntN(5)
	}
	return limit - 2 + g.IntN(5)
}

func (g generator) message() Message {
	switch g.IntN(8) {
	case 0:
		return &Keepalive{Peers: list(g.count(MaxKeepalivePeers), func(int) netip.AddrPort { return g.endpoint() })}
	case 1:
		return g.vote()
	case 2:
		return &PullReq{
			ID: g.number(), Mode: PullMode(g.IntN(3)), Key: g.key(),
			StartHeight: g.number(), Count: uint8(g.count(MaxPullBlocks)),
		}
	case 3:
		return &PullAck{
			ID: g.number(), Status: PullStatus(max(0, g.IntN(9)-4)),
			FirstHeight: g.number(), PrunedHeight: g.number(),
			Blocks: list(g.count(MaxPullBlocks), func(i int) lattice.Block { return lattice.Block{Work: uint64(i)} }),
		}
	case 4:
		return &FrontierReq{ID: g.number(), Start: g.key(), Count: uint16(g.count(MaxFrontiers))}
	case 5:
		return g.frontiers()
	case 6:
		return &Attestation{List: list(g.count(MaxAttested), func(int) Attested { return Attested{Representative: g.key()} })}
	}
	return &ConfirmReq{Blocks: list(g.count(MaxConfirmBlocks), func(int) ConfirmEntry {
		return ConfirmEntry{Account: g.key(), Hash: g.key()}
	})}
}

func (g generator) vote() *Vote {
	v := lattice.Vote{Timestamp: g.number()}
	random := g.IntN(2) == 0
	v.Hashes = list(g.count(lattice.MaxVoteHashes), func(i int) lattice.Hash {
		if random {
			return g.key()
		}
		return lattice.Hash{byte(i), byte(i >> 8), 1}
	})
	return &Vote{Vote: v}
}

func (g generator) frontiers() *FrontierAck {
	rising := g.IntN(4) > 0
	return &FrontierAck{ID: g.number(), Frontiers: list(g.count(MaxFrontiers), func(i int) Frontier {
		f := Frontier{Account: g.key(), Hash: g.key(), Height: 1 << 40, PrunedHeight: uint64(g.IntN(3))}
		if rising {
			binary.BigEndian.PutUint16(f.Account[:], uint16(i))
		}
		if g.IntN(100) == 0 {
			f.Height = g.number()
		}
		return f
	})}
}

func (g generator) endpoint() netip.AddrPort {
	port := uint16(g.IntN(9))
	if g.IntN(2) == 0 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{3: byte(g.IntN(9))}), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte{15: byte(g.IntN(9))}), port)
}

// list makes n entries; nil when there are none, as Decode does.
func list[T any](n int, entry func(i int) T) []T {
	var l []T
	for i := range n {
		l = append(l, entry(i))
	}
	return l
}
