package rpc

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire"
)

func (n *fakeNode) NodeID() crypto.PublicKey { return carol.key.Public() }

func (n *fakeNode) Bootstrap() BootstrapStatus {
	if n.alone {
		return BootstrapStatus{Phase: "no peers", Scanned: 100, Unconfirmed: 3, Allowance: 200_000}
	}
	return BootstrapStatus{
		Phase: "pulling", Peers: 2, Accounts: 31, Blocked: 4, Missing: 123_456, Scanned: 37, Rounds: 1, InFlight: 16,
		Delivered: 654_321, Rate: 2345.6, ETA: 52_600 * time.Millisecond, Unconfirmed: 1500, Allowance: 200_000,
		PrunedAccounts: 3, PrunedAccount: carol.account, PrunedBelow: 990,
	}
}

// Telemetry returns that of ten peers: two liars, and eight who differ a little.
func (n *fakeNode) Telemetry() []PeerTelemetry {
	if n.alone {
		return nil
	}
	var list []PeerTelemetry
	for i := range 10 {
		t := PeerTelemetry{
			Address:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}), 7176),
			Received: time.Unix(1_700_009_990, 0),
			Telemetry: wire.Telemetry{
				Blocks: 1000 + uint64(i), Confirmed: 990, Accounts: 77, Unchecked: uint64(i), Uptime: 100 * uint64(i), Peers: 9, Principals: 4,
				Protocol: 1, Minor: uint8(1 + i%3/2), Genesis: n.network.GenesisHash, Timestamp: 1_700_009_989_000 + uint64(i),
				LatencyP50: 300, LatencyP90: 500, LatencyP99: 900,
			},
		}
		switch i {
		case 3:
			t.Blocks, t.Confirmed = 1<<64-1, 1<<64-1
		case 4:
			t.Blocks, t.Confirmed = 0, 0
		}
		t.Sign(n.network.ID, personOf(crypto.Seed{byte(i)}).key)
		list = append(list, t)
	}
	return list
}

func init() { setups["no peers"] = func(b *bench) { b.node.alone = true } }

func TestTrimmedMean(t *testing.T) {
	const most = ^uint64(0)
	for _, c := range []struct {
		values []uint64
		want   uint64
	}{
		{[]uint64{7}, 7},
		{[]uint64{1, 2}, 1},
		{[]uint64{most, most, most}, most},
		{[]uint64{most, 1, 2, 3, 4, 5, 6, 7, 8, 0}, 4}, // both ends are cut off
		{[]uint64{5, 5, 5, 5, 5, 5, 5, 5, 5}, 5},
	} {
		if got := trimmedMean(c.values); got != c.want {
			t.Errorf("trimmedMean of %v is %d, want %d", c.values, got, c.want)
		}
	}
}

func (n *fakeNode) UncheckedBlocks(_ context.Context, offset, most int) (list []UncheckedBlock, more bool, err error) {
	for i := range 3 {
		b := lattice.Block{Account: dave.account, Previous: lattice.Hash{0x33, byte(i)}, Representative: bob.account, Balance: smn("1")}
		b.Sign(n.network.ID, dave.key)
		list = append(list, UncheckedBlock{Block: b, Hash: n.network.HashOf(&b), Missing: b.Previous, Since: time.Unix(1_700_009_900, 0)})
	}
	list = list[min(offset, len(list)):]
	return list[:min(most, len(list))], len(list) > most, n.elections.busy
}

func (n *fakeNode) Republish(blocks []lattice.Block) {
	for i := range blocks {
		n.republished = append(n.republished, n.network.HashOf(&blocks[i]))
	}
}

func (n *fakeNode) WorkPeers() []netip.AddrPort { return n.workers }

func (n *fakeNode) AddWorkPeer(a netip.AddrPort) bool {
	if len(n.workers) == 2 {
		return false
	}
	n.workers = append(n.workers, a)
	return true
}

func (n *fakeNode) ClearWorkPeers() { n.workers = nil }

func init() {
	setups["work peers"] = func(b *bench) {
		b.node.workers = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.30:7000"), netip.MustParseAddrPort("[2001:db8::30]:7000")}
	}
}

// Whoever lies changes the summary by nothing, as long as it is one in ten.
func TestSummaryIsRobust(t *testing.T) {
	n, _ := newFakeNode()
	for _, p := range summary(n.network, n.Telemetry()) {
		if v, is := p.value.(uint64); p.name == "block_count" && (!is || v < 1000 || v > 1009) {
			t.Errorf("block_count %v", p.value)
		}
	}
}
