package wire

import (
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Type is the byte that says what a frame holds.
type Type uint8

// The message types. 0 is none of them.
const (
	TypeHandshake    Type = 0x01
	TypeHandshakeAck Type = 0x02
	TypeKeepalive    Type = 0x03
	TypePublish      Type = 0x04
	TypeVote         Type = 0x05
	TypePullReq      Type = 0x06
	TypePullAck      Type = 0x07
	TypeTelemetry    Type = 0x08
	TypeFrontierReq  Type = 0x09
	TypeFrontierAck  Type = 0x0A
	TypeConfirmReq   Type = 0x0B
	TypeTelemetryReq Type = 0x0C
	TypeAttestation  Type = 0x0D
)

// Limits is what lengths the body of a message type can have, in bytes: Min,
// and then in steps of Step up to Max. A Step of 0 means exactly Min.
type Limits struct {
	Min, Max, Step int
}

// Allow reports whether a body can have n bytes.
func (l Limits) Allow(n int) bool {
	if l.Step == 0 {
		return n == l.Min
	}
	return n >= l.Min && n <= l.Max && (n-l.Min)%l.Step == 0
}

// String describes the lengths, for an error message.
func (l Limits) String() string {
	if l.Step == 0 {
		return fmt.Sprintf("exactly %d", l.Min)
	}
	return fmt.Sprintf("%d to %d in steps of %d", l.Min, l.Max, l.Step)
}

// exactly and listOf are the two shapes a body can have.
func exactly(n int) Limits { return Limits{Min: n, Max: n} }

func listOf(head, least, most, size int) Limits {
	return Limits{Min: head + least*size, Max: head + most*size, Step: size}
}

// kind is what the frame layer knows of a message type.
type kind struct {
	name   string
	limits Limits
	make   func() Message
}

// kinds is indexed by Type; types that do not exist have no make.
var kinds = [...]kind{
	TypeHandshake:    {"handshake", exactly(handshakeSize), func() Message { return new(Handshake) }},
	TypeHandshakeAck: {"handshake_ack", exactly(handshakeAckSize), func() Message { return new(HandshakeAck) }},
	TypeKeepalive:    {"keepalive", listOf(1, 0, MaxKeepalivePeers, endpointSize), func() Message { return new(Keepalive) }},
	TypePublish:      {"publish", exactly(lattice.BlockSize), func() Message { return new(Publish) }},
	TypeVote:         {"vote", listOf(lattice.VoteHeaderSize, 1, lattice.MaxVoteHashes, 32), func() Message { return new(Vote) }},
	TypePullReq:      {"pull_req", exactly(pullReqSize), func() Message { return new(PullReq) }},
	TypePullAck:      {"pull_ack", listOf(pullAckHead, 0, MaxPullBlocks, lattice.BlockSize), func() Message { return new(PullAck) }},
	TypeTelemetry:    {"telemetry", exactly(telemetrySize), func() Message { return new(Telemetry) }},
	TypeFrontierReq:  {"frontier_req", exactly(frontierReqSize), func() Message { return new(FrontierReq) }},
	TypeFrontierAck:  {"frontier_ack", listOf(frontierAckHead, 0, MaxFrontiers, frontierSize), func() Message { return new(FrontierAck) }},
	TypeConfirmReq:   {"confirm_req", listOf(1, 1, MaxConfirmBlocks, confirmEntrySize), func() Message { return new(ConfirmReq) }},
	TypeTelemetryReq: {"telemetry_req", exactly(0), func() Message { return new(TelemetryReq) }},
	TypeAttestation:  {"attestation", listOf(1, 1, MaxAttested, attestedSize), func() Message { return new(Attestation) }},
}

// MaxBody is the largest body that any message type can have, in bytes: that of
// a full frontier_ack.
const MaxBody = frontierAckHead + MaxFrontiers*frontierSize

// MaxFrame is the largest frame in bytes.
const MaxFrame = HeaderSize + MaxBody

// Valid reports whether t is one of the message types.
func (t Type) Valid() bool { return int(t) < len(kinds) && kinds[t].make != nil }

// Handshake reports whether t belongs to the handshake: before it is over no
// other type may come, and afterwards neither of these two.
func (t Type) Handshake() bool { return t == TypeHandshake || t == TypeHandshakeAck }

// String returns the name of the type as the protocol text spells it.
func (t Type) String() string {
	if !t.Valid() {
		return fmt.Sprintf("type(0x%02X)", uint8(t))
	}
	return kinds[t].name
}

// Limits returns what lengths the body can have. Of a type that does not exist
// it is the zero Limits, which allows only an empty body: ask Valid first.
func (t Type) Limits() Limits {
	if !t.Valid() {
		return Limits{}
	}
	return kinds[t].limits
}
