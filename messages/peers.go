package messages

import (
	"net/netip"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Link is one connection to another node, below the protocol: it carries
// frames. Its methods may be called from any goroutine and never block.
type Link interface {
	// Remote is the address at the other end.
	Remote() netip.AddrPort
	// Start begins to deliver what arrives. Each frame costs a credit, which
	// comes with it; without credit the link does not read. receive and closed
	// must not block; closed is called once, after the last receive.
	Start(receive func(*FrameArrived), closed func(error))
	// Send queues a frame, which nobody may change any more. It answers false,
	// and drops the frame, when the queue is full or the link closed.
	Send(frame []byte) bool
	// Close ends the link, after what is queued was sent or a short time has
	// passed. It may be called more than once.
	Close()
	// Traffic returns what went through since the start.
	Traffic() Traffic
}

// Traffic counts what went over a link.
type Traffic struct {
	BytesIn, BytesOut   uint64
	FramesIn, FramesOut uint64
	Dropped             uint64 // frames that the outgoing queue had no room for
	Queued              uint64 // bytes that wait here now, to be handled or to be sent
}

// PeerSupervisor is every message that the peer supervisor accepts.
//
//sumtype:decl
type PeerSupervisor interface{ toPeerSupervisor() }

// LinkAccepted says that another node has connected.
type LinkAccepted struct{ Link Link }

// Refused closes the link.
func (m *LinkAccepted) Refused(error) { m.Link.Close() }

// DialEnded says how an attempt to connect ended.
type DialEnded struct {
	To   netip.AddrPort
	Link Link // nil when Err is set
	Err  error
}

// MailboxControl lets the supervisor know what is still under way.
func (*DialEnded) MailboxControl() {}

// Refused closes the link.
func (m *DialEnded) Refused(error) {
	if m.Link != nil {
		m.Link.Close()
	}
}

// Resolved says which addresses a configured name has.
type Resolved struct {
	Name      string
	Addresses []netip.AddrPort
	Err       error
}

// MailboxControl lets the answer pass a full queue.
func (*Resolved) MailboxControl() {}

// HandshakeDone says that the node at the other end has proved its identity.
type HandshakeDone struct {
	Conn   ConnID
	NodeID [32]byte
	Port   uint16 // at which it listens; 0: it does not
}

// MailboxControl lets the fact pass a full queue.
func (*HandshakeDone) MailboxControl() {}

// AddressesHeard carries the addresses of a peer's keepalive.
type AddressesHeard struct {
	Conn      ConnID
	Addresses []netip.AddrPort
}

// MailboxSource puts each peer's addresses in a queue of their own.
func (m *AddressesHeard) MailboxSource() Source { return m.Conn.source() }

// PeerMisbehaved says that a peer broke a rule.
type PeerMisbehaved struct {
	Conn ConnID
	Kind peering.Offence
	Text string // for the log and the operator
	// Remote is the address of the peer where the one who tells knows it: the
	// connection may have ended when this arrives.
	Remote netip.AddrPort
}

// MailboxControl lets the fact pass a full queue.
func (*PeerMisbehaved) MailboxControl() {}

// Flood asks for a frame to be sent to several peers.
type Flood struct {
	Frame  []byte
	Reach  Reach
	Except ConnID // where it came from; 0: from here
	// Block, if not zero, is the block in the frame: who has told it lately is passed
	// over.
	Block lattice.Hash
	// Of is the representative of somebody else's vote.
	Of lattice.Account
}

// MailboxSource lets what this node has to say go before what it hears.
func (*Flood) MailboxSource() Source { return fromConsensus }

// Reach is how far something is told.
type Reach uint8

// The reaches, by the propagation rules.
const (
	ReachOwnBlock  Reach = iota + 1 // all principals and ceil(sqrt(peers)) others
	ReachBlock                      // ceil(sqrt(peers)) peers
	ReachOwnVote                    // all principals and 2 ceil(sqrt(peers)) others
	ReachVote                       // ceil(sqrt(peers)) peers, and needy ones
	ReachNeedyVote                  // peers that cannot hear all principals
	ReachAll                        // every peer
)

// Solicit asks for votes: of connections through which representatives speak,
// and of some others, which may have heard some.
type Solicit struct{ Blocks []SolicitedBlock }

// SolicitedBlock is a block on which votes are wanted.
type SolicitedBlock struct {
	Account lattice.Account
	Hash    lattice.Hash
	Said    []lattice.Account // representatives that have said all that is wanted
}

// MailboxSource lets what this node has to say go before what it hears.
func (*Solicit) MailboxSource() Source { return fromConsensus }

// RepresentativesAttested says that representatives have proved to vote at the other
// end of a connection. It comes once in a connection at most.
type RepresentativesAttested struct {
	Conn     ConnID
	Accounts []lattice.Account
}

// MailboxControl lets the fact pass a full queue: it does not come again.
func (*RepresentativesAttested) MailboxControl() {}

// VotesBrought says that a connection brought a fresh vote.
type VotesBrought struct{ Conn ConnID }

// MailboxSource queues it with the peer's other facts.
func (m *VotesBrought) MailboxSource() Source { return m.Conn.source() }

// PeersTold says how many peers the other end of a connection says it has, and how
// many principals have attested to be among them.
type PeersTold struct {
	Conn              ConnID
	Peers, Principals uint32
}

// MailboxSource queues it with the peer's other facts.
func (m *PeersTold) MailboxSource() Source { return m.Conn.source() }

// MessagesIgnored says how many messages of a peer were over its limits since
// its connection began.
type MessagesIgnored struct {
	Conn  ConnID
	Count uint64
}

// MailboxSource queues it with the peer's other facts.
func (m *MessagesIgnored) MailboxSource() Source { return m.Conn.source() }

func (*MessagesIgnored) toPeerSupervisor() {}
func (*BlocksInserted) toPeerSupervisor()  {}

// PeersWanted asks for a PeerUp for every connection that is open, to the
// bootstrap client and to telemetry.
type PeersWanted struct{}

// MailboxControl lets the restarted client be heard.
func (*PeersWanted) MailboxControl() {}

func (*PeersWanted) toPeerSupervisor() {}

// PrincipalsChanged names the principal representatives.
type PrincipalsChanged struct{ Accounts []lattice.Account }

// MailboxControl lets the fact pass a full queue.
func (*PrincipalsChanged) MailboxControl() {}

func (*PrincipalsChanged) toPeerSupervisor()       {}
func (*LinkAccepted) toPeerSupervisor()            {}
func (*DialEnded) toPeerSupervisor()               {}
func (*Resolved) toPeerSupervisor()                {}
func (*HandshakeDone) toPeerSupervisor()           {}
func (*AddressesHeard) toPeerSupervisor()          {}
func (*PeerMisbehaved) toPeerSupervisor()          {}
func (*Flood) toPeerSupervisor()                   {}
func (*Solicit) toPeerSupervisor()                 {}
func (*RepresentativesAttested) toPeerSupervisor() {}
func (*VotesBrought) toPeerSupervisor()            {}
func (*PeersTold) toPeerSupervisor()               {}
func (*Tick) toPeerSupervisor()                    {}

// Peer is every message that the actor of one connection accepts.
//
//sumtype:decl
type Peer interface{ toPeer() }

// FrameArrived carries one frame whose header is good.
type FrameArrived struct {
	Type   uint8
	Body   []byte // the receiver's own
	Credit Credit
}

// Refused gives the credit back.
func (m *FrameArrived) Refused(error) { Release(m.Credit) }

// LinkClosed says that the connection has ended, and why.
type LinkClosed struct{ Err error }

// MailboxControl lets the end be known under load.
func (*LinkClosed) MailboxControl() {}

// LinkDrained follows LinkClosed in the queue: what came before the end of the
// connection has been handled when it arrives.
type LinkDrained struct {
	Full func() // called when the queue has no place for it
}

// Refused lets the end be known all the same.
func (m *LinkDrained) Refused(error) { m.Full() }

// SendFrame asks for a whole frame to be sent. Nobody may change it any more. Block
// is as in Flood.
type SendFrame struct {
	Frame []byte
	Block lattice.Hash
}

// ClosePeer asks for the connection to be closed.
type ClosePeer struct{ Reason string }

// MailboxControl lets the order pass a full queue.
func (*ClosePeer) MailboxControl() {}

// PeerAdmitted says that the connection may now be used.
type PeerAdmitted struct{}

// MailboxControl lets the order pass a full queue.
func (*PeerAdmitted) MailboxControl() {}

func (*FrameArrived) toPeer() {}
func (*LinkClosed) toPeer()   {}
func (*LinkDrained) toPeer()  {}
func (*SendFrame) toPeer()    {}
func (*ClosePeer) toPeer()    {}
func (*PeerAdmitted) toPeer() {}
func (*Wake) toPeer()         {}
