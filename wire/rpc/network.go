package rpc

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire"
)

// NetworkView is what a Backend knows of the node's place in the network. The
// methods answer at once, from memory; slices are the caller's own.
type NetworkView interface {
	// NodeID returns the key by which peers know this node.
	NodeID() crypto.PublicKey
	// Bootstrap returns how far the node is in catching up.
	Bootstrap() BootstrapStatus
	// Telemetry returns what the connected peers told last of themselves, in the
	// order in which they connected. Signatures and node ids are checked; nothing
	// else is to be believed.
	Telemetry() []PeerTelemetry
}

// BootstrapStatus is how far the node is in catching up with its peers.
type BootstrapStatus struct {
	Phase       string // starting, no peers, paused, pulling, scanning, resting
	Peers       int    // that are asked
	Accounts    int    // known to be behind
	Blocked     int    // of them waiting for a block of another account
	Missing     uint64 // blocks that these accounts lack, as far as it is known
	Scanned     int    // per cent of the accounts that this round has compared
	Rounds      uint64 // comparisons of all accounts since the start
	InFlight    int    // open requests
	Delivered   uint64 // blocks that came in answers since the start
	Rate        float64
	ETA         time.Duration // until what is missing is here; 0: nothing is, or it cannot be told
	Unconfirmed uint64        // blocks in the ledger
	Allowance   uint64        // of them until the node pauses

	PrunedAccounts int // accounts of which all peers that were asked have pruned what is next
	PrunedAccount  lattice.Account
	PrunedBelow    uint64 // up to which height the best of them has
}

// PeerTelemetry is what a connected peer told of itself.
type PeerTelemetry struct {
	Address  netip.AddrPort
	Received time.Time
	wire.Telemetry
}

// metrics is what is told of one node, and of all together.
var metrics = []struct {
	name, doc string
	read      func(*PeerTelemetry) uint64
	agreed    bool // in the summary: what most say, instead of an average
}{
	{"block_count", "blocks in the ledger, pruned ones included", func(t *PeerTelemetry) uint64 { return t.Blocks }, false},
	{"cemented_count", "of them confirmed", func(t *PeerTelemetry) uint64 { return t.Confirmed }, false},
	{"account_count", "open accounts", func(t *PeerTelemetry) uint64 { return t.Accounts }, false},
	{"unchecked_count", "blocks that wait for another one", func(t *PeerTelemetry) uint64 { return t.Unchecked }, false},
	{"uptime", "seconds since the node was started", func(t *PeerTelemetry) uint64 { return t.Uptime }, false},
	{"peer_count", "connected peers", func(t *PeerTelemetry) uint64 { return uint64(t.Peers) }, false},
	{"principal_count", "principal representatives that it hears itself, 0 when these have too little weight; 4294967295: too early to tell", func(t *PeerTelemetry) uint64 { return uint64(t.Principals) }, true},
	{"pruning_depth", "blocks that are kept of each account; 0: all", func(t *PeerTelemetry) uint64 { return uint64(t.PruningDepth) }, true},
	{"protocol_version", "of the peer protocol", func(t *PeerTelemetry) uint64 { return uint64(t.Protocol) }, true},
	{"major_version", "of the software", func(t *PeerTelemetry) uint64 { return uint64(t.Major) }, true},
	{"minor_version", "of the software", func(t *PeerTelemetry) uint64 { return uint64(t.Minor) }, true},
	{"patch_version", "of the software", func(t *PeerTelemetry) uint64 { return uint64(t.Patch) }, true},
	{"pre_release_version", "of the software; always 0", func(*PeerTelemetry) uint64 { return 0 }, true},
	{"maker", "of the software: 0 is this one", func(*PeerTelemetry) uint64 { return 0 }, true},
	{"bandwidth_cap", "bytes per second; always 0: not told", func(*PeerTelemetry) uint64 { return 0 }, true},
	{"timestamp", "milliseconds since 1970 by the clock of the node", func(t *PeerTelemetry) uint64 { return t.Timestamp }, false},
	{"confirmation_p50_ms", "half of the recent elections took no longer; 0: not measured", func(t *PeerTelemetry) uint64 { return uint64(t.LatencyP50) }, false},
	{"confirmation_p90_ms", "nine of ten took no longer", func(t *PeerTelemetry) uint64 { return uint64(t.LatencyP90) }, false},
	{"confirmation_p99_ms", "99 of 100 took no longer", func(t *PeerTelemetry) uint64 { return uint64(t.LatencyP99) }, false},
}

var networkActions = []*action{
	{
		name: "node_id", role: Public,
		summary: "Key by which peers know this node. It signs nothing but handshakes and telemetry, and owns no account.",
		result:  []field{has("public", formKey, "public key")},
		handle:  func(c *call) (any, error) { return obj("public", c.backend.NodeID()), nil },
	},
	{
		name: "bootstrap_status", role: Public,
		summary: "How far this node is in catching up with its peers.",
		result: []field{
			has("phase", formText, "starting, no peers, paused, pulling, scanning or resting"),
			has("peers", formCount, "peers that are asked"),
			has("accounts_behind", formCount, "accounts of which peers have more"),
			has("accounts_blocked", formCount, "of them waiting for a block of another account"),
			has("blocks_missing", formCount, "blocks that these accounts lack, as far as it is known"),
			has("scanned_percent", formNumber, "of the accounts that this round has compared"),
			has("rounds", formCount, "comparisons of all accounts since the start"),
			has("requests", formCount, "open requests"),
			has("blocks_received", formCount, "blocks that came in answers since the start"),
			has("blocks_per_second", formNumber, "blocks inserted lately, of any origin"),
			maybe("eta_seconds", formCount, "until what is missing is here; absent when it cannot be told"),
			has("unconfirmed", formCount, "blocks in the ledger that are not confirmed"),
			has("unconfirmed_allowance", formCount, "at which the node pauses until confirmations catch up"),
			maybe("pruned_accounts", formCount, "accounts that cannot be had: all peers have pruned what is next; connect one that has not"),
			maybe("pruned_account", formAccount, "one of them"),
			maybe("pruned_below", formCount, "up to this height nobody has its blocks any more"),
		},
		handle: bootstrapStatus,
	},
	{
		name: "telemetry", role: Public, cost: 2,
		summary: "What peers say of themselves, for display only: summed up without the lowest and the highest tenth, or one by one.",
		params: []param{
			may("raw", formFlag, "answer each peer, not the summary"),
			may("address", formText, "answer this peer only: its address and port, or its address if there is one of it"),
			may("port", formNumber, "of the address, when it is not in it"),
		},
		result: telemetryResult(),
		errors: []*errorKind{badCount, peerNotFound}, handle: telemetry,
	},
}

var peerNotFound = &errorKind{"peer_not_found", "Peer not found", numberRefused}

func telemetryResult() (fields []field) {
	fields = append(fields, maybe("nodes", formCount, "in the summary"), maybe("metrics", formList, "each peer, with raw"))
	for _, prefix := range []string{"", "metrics[]."} {
		for _, m := range metrics {
			fields = append(fields, maybe(prefix+m.name, formNumber, m.doc))
		}
		fields = append(fields, maybe(prefix+"genesis_block", formHash, "hash of the genesis block"),
			maybe(prefix+"active_difficulty", formWork, "threshold of send and change"))
		if prefix == "" {
			fields = append(fields, maybe("node_id", formKey, "of one peer"), maybe("signature", formSignature, "over what one peer told"))
			continue
		}
		fields = append(fields,
			maybe(prefix+"node_id", formKey, "public key of the node"), maybe(prefix+"signature", formSignature, "of the node over what it told"),
			maybe(prefix+"address", formText, "address of the peer"), maybe(prefix+"port", formNumber, "port of the peer"))
	}
	return fields
}

func bootstrapStatus(c *call) (any, error) {
	s := c.backend.Bootstrap()
	o := obj(
		"phase", s.Phase, "peers", s.Peers, "accounts_behind", s.Accounts, "accounts_blocked", s.Blocked,
		"blocks_missing", s.Missing, "scanned_percent", s.Scanned, "rounds", s.Rounds, "requests", s.InFlight,
		"blocks_received", s.Delivered, "blocks_per_second", uint64(s.Rate))
	if s.ETA > 0 {
		o.set("eta_seconds", uint64((s.ETA+time.Second-1)/time.Second))
	}
	o.set("unconfirmed", s.Unconfirmed)
	o.set("unconfirmed_allowance", s.Allowance)
	if s.PrunedAccounts > 0 {
		o.set("pruned_accounts", s.PrunedAccounts)
		o.set("pruned_account", s.PrunedAccount)
		o.set("pruned_below", s.PrunedBelow)
	}
	return o, nil
}

func telemetry(c *call) (any, error) {
	raw, address, port := c.flag("raw", false), c.word("address"), c.number("port", 0, 65535, badCount)
	if c.err != nil {
		return nil, c.err
	}
	reports := c.backend.Telemetry()
	if c.has("address") {
		for i := range reports {
			if reports[i].at(address, uint16(port)) {
				return reports[i].one(c.network), nil
			}
		}
		return nil, peerNotFound.because("address: no telemetry of %q; the action peers lists who is connected", clip(address))
	}
	if !raw {
		return summary(c.network, reports), nil
	}
	list := make([]object, 0, len(reports))
	for i := range reports[:min(len(reports), maxEntries)] {
		a := reports[i].Address
		list = append(list, append(reports[i].one(c.network), obj("address", a.Addr().String(), "port", int(a.Port()))...))
	}
	return obj("metrics", list), nil
}

// at reports whether a report is of the peer at an address.
func (t *PeerTelemetry) at(address string, port uint16) bool {
	if a, err := netip.ParseAddrPort(address); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) == t.Address
	}
	a, err := netip.ParseAddr(address)
	return err == nil && a.Unmap() == t.Address.Addr() && (port == 0 || port == t.Address.Port())
}

// one is what a single peer told.
func (t *PeerTelemetry) one(n *lattice.Network) object {
	o := object{}
	for _, m := range metrics {
		o.set(m.name, m.read(t))
	}
	return append(o, obj("genesis_block", t.Genesis, "active_difficulty", nonce(n.SendThreshold), "node_id", t.NodeID, "signature", t.Signature)...)
}

// summary puts all reports together: averages without the extremes, and what
// most say where an average makes no sense. Of nobody all is 0: the monitors of
// the field want every number to be there.
func summary(n *lattice.Network, reports []PeerTelemetry) object {
	o := obj("nodes", len(reports))
	if len(reports) == 0 {
		reports = []PeerTelemetry{{Telemetry: wire.Telemetry{Genesis: n.GenesisHash}}}
	}
	values := make([]uint64, len(reports))
	for _, m := range metrics {
		for i := range reports {
			values[i] = m.read(&reports[i])
		}
		if m.agreed {
			o.set(m.name, mode(values, cmp.Compare))
		} else {
			o.set(m.name, trimmedMean(values))
		}
	}
	genesis := make([]lattice.Hash, len(reports))
	for i := range reports {
		genesis[i] = reports[i].Genesis
	}
	o.set("genesis_block", mode(genesis, func(a, b lattice.Hash) int { return slices.Compare(a[:], b[:]) }))
	o.set("active_difficulty", nonce(n.SendThreshold))
	return o
}

// trimmedMean is the average without the lowest and the highest tenth, so that
// a few who lie or are far behind do not show. It sorts the values.
func trimmedMean(values []uint64) uint64 {
	slices.Sort(values)
	cut := len(values) / 10
	values = values[cut : len(values)-cut]
	mean, rest, n := uint64(0), uint64(0), uint64(len(values))
	for _, v := range values { // in parts, since the sum may not fit
		mean += v / n
		rest += v % n
	}
	return mean + rest/n
}

// mode is the value that occurs most often, of several the lowest. It sorts the
// values.
func mode[T comparable](values []T, compare func(a, b T) int) (best T) {
	slices.SortFunc(values, compare)
	most, run := 0, 0
	for i, v := range values {
		if i == 0 || v != values[i-1] {
			run = 0
		}
		if run++; run > most {
			most, best = run, v
		}
	}
	return best
}
