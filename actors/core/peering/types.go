package peering

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// ConnID names one connection for as long as the node runs. The driver gives
// each a number of its own, dialled or accepted; 0 is no connection.
type ConnID uint64

// NodeID is the public key by which a node proves who it is. It says nothing
// about weight: anyone can make as many as he likes.
type NodeID [32]byte

// String returns the first four bytes in hexadecimal, enough for a log.
func (n NodeID) String() string { return fmt.Sprintf("%x", n[:4]) }

// less orders node ids, for the tie-break.
func (n NodeID) less(o NodeID) bool { return slices.Compare(n[:], o[:]) < 0 }

// Refusal is why a connection is not wanted, or not wanted any more. It is an
// error.
type Refusal uint8

// The refusals.
const (
	NotWanted     Refusal = iota + 1 // never asked for, or given up in the meantime
	Self                             // it is this node
	Duplicate                        // there is another connection to the same node
	Banned                           // it misbehaved
	Full                             // no free slot
	AddressFull                      // too many connections with this address
	SubnetFull                       // too many connections with this subnet
	HandshakeLate                    // did not become open in time
	Idle                             // nothing was received for too long
	Misbehaving                      // broke a rule, not yet often enough for a ban
	Tested                           // it was only to be seen whether a node is there
	TooSoon                          // more strangers than may shake hands at once
)

// String returns the refusal in words.
func (r Refusal) String() string {
	names := [...]string{NotWanted: "not wanted", Self: "it is this node", Duplicate: "another connection to the same node",
		Banned: "banned", Full: "no free slot", AddressFull: "too many connections with this address",
		SubnetFull: "too many connections with this subnet", HandshakeLate: "handshake took too long", Idle: "silent for too long", Misbehaving: "broke a rule",
		Tested: "it was only to be seen who answers", TooSoon: "too many strangers at once"}
	if r == 0 || int(r) >= len(names) {
		return fmt.Sprintf("refusal(%d)", uint8(r))
	}
	return names[r]
}

// Error returns the refusal as an error's text.
func (r Refusal) Error() string { return "connection refused: " + r.String() }

// Peer is an address at which a node of the network was seen.
type Peer struct {
	Address   netip.AddrPort
	LastSeen  time.Time // zero: it was only heard of
	Connected bool      // now, and dialled from here
}

// Close tells the driver to close a connection. The machine has forgotten it
// already; reporting it as Closed does no harm.
type Close struct {
	Conn   ConnID
	Reason Refusal
}

// Keepalive is a keepalive to send: it shows that we live, and names up to
// MaxKeepaliveAddresses other nodes.
type Keepalive struct {
	Conn      ConnID
	Addresses []netip.AddrPort
}

// Ready is what the driver has to do, in this order.
type Ready struct {
	Close      []Close
	Dial       []netip.AddrPort // answer each with Dialed or DialFailed
	Keepalives []Keepalive
	Store      []Peer // nil: nothing to save; else the whole list, last seen first
}
