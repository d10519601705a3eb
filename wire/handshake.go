package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// HandshakeTimeout is how long a handshake may take in all, from the moment
// the connection stands. Whoever drives a [Handshaker] closes the connection
// when it is over; see [Conn.Handshake].
const HandshakeTimeout = 5 * time.Second

// HandshakeConfig is what a node says of itself in every handshake.
type HandshakeConfig struct {
	// Network is the node's network: its id is in every frame and every
	// signature, its genesis must be the other end's too.
	Network *lattice.Network
	// NodeKey is the key behind the node id. It signs nothing but handshakes
	// and telemetry.
	NodeKey crypto.PrivateKey
	// PeeringPort is where the node accepts connections, 0 when it does not.
	PeeringPort uint16
	// Sign signs with NodeKey, Verify checks the other end's signature; nil does it
	// as package crypto does. Others must come to the same answers.
	Sign   func(crypto.PrivateKey, []byte) crypto.Signature
	Verify func(crypto.Check) bool
}

// sign signs with the node's key.
func (c *HandshakeConfig) sign(message []byte) crypto.Signature {
	if c.Sign != nil {
		return c.Sign(c.NodeKey, message)
	}
	return c.NodeKey.Sign(message)
}

// verify checks a signature of the other end.
func (c *HandshakeConfig) verify(check crypto.Check) bool {
	if c.Verify != nil {
		return c.Verify(check)
	}
	return crypto.Verify(check.Key, check.Message, check.Signature)
}

// Peer is what a handshake proved about the other end. The address to dial it
// at is the one the connection comes from, with PeeringPort.
type Peer struct {
	NodeID      crypto.PublicKey
	PeeringPort uint16 // 0: it accepts no connections
}

// role is the end of the connection at which a signature is made. It is part
// of the signed text, so that no end can be answered with its own signature.
type role byte

const (
	roleDialer   role = 'A'
	roleListener role = 'B'
)

// stage is what a Handshaker waits for.
type stage uint8

const (
	awaitStart     stage = iota // dialer: that Start is called
	awaitHandshake              // listener: the dialer's handshake
	awaitAck                    // both: the other end's handshake_ack
	finished                    // nothing: the peer is known
	refused                     // nothing: the peer is refused
)

// Handshaker is one end of one handshake, without the connection: messages in,
// messages out. It ends with the other end's identity or an error, and is used
// once. It must not be used by two goroutines at a time.
//
// A handshake proves that the other end has the key of its node id and used it
// for these two cookies just now. It does not keep somebody in the middle from
// passing everything on, nor is what follows encrypted or tied to it.
type Handshaker struct {
	cfg       HandshakeConfig
	role      role
	stage     stage
	cookieA   Cookie // of the dialer
	cookieB   Cookie // of the listener
	announced uint16 // listener: the port in the dialer's handshake
	peer      Peer
}

// NewDialer returns the machine of the end that dialled. The cookie must be 32
// random bytes that were never used before. It panics when the configuration
// lacks the network or the cookie is zero, and at the first signature when it
// lacks the key.
func NewDialer(cfg HandshakeConfig, cookie Cookie) *Handshaker {
	mustConfigure(cfg, cookie)
	return &Handshaker{cfg: cfg, role: roleDialer, stage: awaitStart, cookieA: cookie}
}

// NewListener returns the machine of the end that was dialled; see NewDialer.
func NewListener(cfg HandshakeConfig, cookie Cookie) *Handshaker {
	mustConfigure(cfg, cookie)
	return &Handshaker{cfg: cfg, role: roleListener, stage: awaitHandshake, cookieB: cookie}
}

func mustConfigure(cfg HandshakeConfig, cookie Cookie) {
	if cfg.Network == nil {
		panic("wire: handshake without a network")
	}
	if cookie == (Cookie{}) {
		panic("wire: handshake with a zero cookie; draw 32 random bytes for each connection")
	}
}

// Start returns what is to be sent before anything is received: the handshake
// of the dialer, nothing for the listener.
func (h *Handshaker) Start() []Message {
	if h.stage != awaitStart {
		return nil
	}
	h.stage = awaitAck
	return []Message{&Handshake{Cookie: h.cookieA, Genesis: h.cfg.Network.GenesisHash, PeeringPort: h.cfg.PeeringPort}}
}

// Step takes a message of the other end. It returns what is to be sent next,
// and true when the handshake is over for this end and Peer is known; the reply
// that comes with it must still be sent. After an error nothing more is sent
// and the connection is closed; the error wraps one of [ErrUnexpected],
// [ErrOwnID], [ErrGenesis], [ErrCookie], [ErrPort] and [ErrSignature].
func (h *Handshaker) Step(m Message) (reply []Message, done bool, err error) {
	switch m := m.(type) {
	case *Handshake:
		reply, err = h.greet(m)
	case *HandshakeAck:
		reply, err = h.prove(m)
	default:
		err = h.unexpected(m)
	}
	if err != nil {
		h.stage, h.peer = refused, Peer{}
		return nil, false, fmt.Errorf("handshake: %w", err)
	}
	return reply, h.stage == finished, nil
}

// Peer returns who the other end is; the zero Peer before Step said done.
func (h *Handshaker) Peer() Peer { return h.peer }

// greet answers the dialer's handshake.
func (h *Handshaker) greet(m *Handshake) ([]Message, error) {
	if h.stage != awaitHandshake {
		return nil, h.unexpected(m)
	}
	if err := h.checkGenesis(m.Genesis); err != nil {
		return nil, err
	}
	if m.Cookie == h.cookieB {
		return nil, fmt.Errorf("%w: the peer sent back this node's own", ErrCookie)
	}
	h.cookieA, h.announced = m.Cookie, m.PeeringPort
	h.stage = awaitAck
	return []Message{h.ack()}, nil
}

// prove checks who the other end says it is, and makes the dialer answer.
func (h *Handshaker) prove(m *HandshakeAck) ([]Message, error) {
	if h.stage != awaitAck {
		return nil, h.unexpected(m)
	}
	// What costs nothing comes first; the signature is last.
	if err := h.checkGenesis(m.Genesis); err != nil {
		return nil, err
	}
	if m.NodeID == h.cfg.NodeKey.Public() {
		return nil, fmt.Errorf("%w: node id %v", ErrOwnID, m.NodeID)
	}
	if err := h.checkCookieAndPort(m); err != nil {
		return nil, err
	}
	if h.role == roleDialer {
		h.cookieB = m.Cookie
	}
	digest := h.digest(h.role.other(), m.NodeID, m.PeeringPort)
	if !h.cfg.verify(crypto.Check{Key: m.NodeID, Message: digest[:], Signature: m.Signature}) {
		return nil, fmt.Errorf("%w by node id %v", ErrSignature, m.NodeID)
	}
	h.stage = finished
	h.peer = Peer{NodeID: m.NodeID, PeeringPort: m.PeeringPort}
	if h.role == roleDialer {
		return []Message{h.ack()}, nil
	}
	return nil, nil
}

func (h *Handshaker) checkGenesis(g lattice.Hash) error {
	if want := h.cfg.Network.GenesisHash; g != want {
		return fmt.Errorf("%w: the peer's is %v, this node's %v", ErrGenesis, g, want)
	}
	return nil
}

func (h *Handshaker) checkCookieAndPort(m *HandshakeAck) error {
	switch {
	case h.role == roleDialer && m.Cookie == h.cookieA:
		return fmt.Errorf("%w: the peer sent back this node's own", ErrCookie)
	case h.role == roleListener && m.Cookie != h.cookieB:
		return fmt.Errorf("%w: not the one this connection was given", ErrCookie)
	case h.role == roleListener && m.PeeringPort != h.announced:
		return fmt.Errorf("%w: first %d, then %d", ErrPort, h.announced, m.PeeringPort)
	}
	return nil
}

func (h *Handshaker) unexpected(m Message) error {
	if m == nil {
		panic("wire: Handshaker.Step without a message")
	}
	return fmt.Errorf("%w: %v while %v", ErrUnexpected, m.Type(), h.stage)
}

// ack makes this end's proof.
func (h *Handshaker) ack() *HandshakeAck {
	id := h.cfg.NodeKey.Public()
	digest := h.digest(h.role, id, h.cfg.PeeringPort)
	return &HandshakeAck{
		Cookie:      h.cookieB,
		NodeID:      id,
		Genesis:     h.cfg.Network.GenesisHash,
		PeeringPort: h.cfg.PeeringPort,
		Signature:   h.cfg.sign(digest[:]),
	}
}

// digest is what the node with this id and port signs in a role.
func (h *Handshaker) digest(r role, id crypto.PublicKey, port uint16) [32]byte {
	preamble := lattice.Preamble(h.cfg.Network.ID, lattice.KindHandshake)
	genesis := h.cfg.Network.GenesisHash
	var le [2]byte
	binary.LittleEndian.PutUint16(le[:], port)
	return crypto.Sum256(preamble[:], []byte{byte(r)}, h.cookieA[:], h.cookieB[:], id[:], genesis[:], le[:])
}

func (r role) other() role {
	if r == roleDialer {
		return roleListener
	}
	return roleDialer
}

// String says what is waited for, for an error message.
func (s stage) String() string {
	switch s {
	case awaitStart:
		return "nothing was sent yet"
	case awaitHandshake:
		return "waiting for handshake"
	case awaitAck:
		return "waiting for handshake_ack"
	case finished:
		return "the handshake is over"
	case refused:
		return "the handshake was refused"
	}
	return fmt.Sprintf("stage(%d)", uint8(s))
}
