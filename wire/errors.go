package wire

import "errors"

// What can be wrong with a frame header, in the order in which it is checked.
// Errors of [ParseHeader] wrap exactly one of them and say what was found and
// what was expected.
var (
	ErrMagic   = errors.New("not a frame of this protocol")
	ErrNetwork = errors.New("frame of another network")
	ErrVersion = errors.New("frame of another protocol version")
	ErrType    = errors.New("unknown message type")
	ErrFlags   = errors.New("unknown flags")
	ErrLength  = errors.New("length out of bounds")
)

// ErrBody is wrapped by the errors of [Decode] and [Append] when a message is
// not in its one legal form; the text says which field and why.
var ErrBody = errors.New("malformed message")

// Why a handshake was refused. Errors of [Handshaker.Step] wrap one of them.
var (
	// ErrUnexpected: a message that has no place at this point.
	ErrUnexpected = errors.New("unexpected message")
	// ErrOwnID: the other end is this very node, or has its key.
	ErrOwnID = errors.New("connected to itself")
	// ErrGenesis: the other end follows another ledger.
	ErrGenesis = errors.New("other genesis block")
	// ErrCookie: the cookie is not the one this connection was given.
	ErrCookie = errors.New("wrong cookie")
	// ErrPort: two messages of one handshake name different peering ports.
	ErrPort = errors.New("peering port changed")
	// ErrSignature: the node id did not sign this handshake.
	ErrSignature = errors.New("wrong handshake signature")
)

// violations are the errors that no honest peer of this network causes. A
// node that dials itself or a peer of another ledger is no attacker.
var violations = []error{
	ErrMagic, ErrNetwork, ErrVersion, ErrType, ErrFlags, ErrLength, ErrBody,
	ErrUnexpected, ErrCookie, ErrPort, ErrSignature,
}

// IsViolation reports whether err shows that the other end broke the protocol,
// so that the peer is to be scored, as opposed to a connection that was lost or
// a peer that is merely not wanted. It is meant for errors of reading: on an
// error of [Append] it would blame the peer for a mistake of this node.
func IsViolation(err error) bool {
	for _, v := range violations {
		if errors.Is(err, v) {
			return true
		}
	}
	return false
}
