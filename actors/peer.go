package actors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire"
)

// Kinds of digests in the duplicate filter.
const (
	kindBlock = 1
	kindVote  = 2
)

// peer is the actor of one connection: the handshake, then frames in and out.
// It does the cheap checks, so that what reaches the other actors is new, well
// formed and has its work; signatures are checked behind it, in batches.
type peer struct {
	env     *Env
	refs    *refs
	net     *lattice.Network
	conn    messages.ConnID
	link    messages.Link
	filter  *peering.Filter
	log     *slog.Logger
	config  wire.HandshakeConfig
	inbound bool

	limits *peering.Limits
	voters int // representatives of this node, each of which answers a request for votes
	// attestation is the frame that says which they are; nil: none.
	attestation []byte

	self      Ref[messages.Peer]
	node      [32]byte           // proved by the handshake
	allowance *peering.Allowance // what the peer may still send
	ignored   uint64             // of its messages, as far as it was told
	told      peering.Told       // blocks that the peer has
	handshake *wire.Handshaker   // nil when it is over
	last      []wire.Message     // of a dialler's handshake: sent when the supervisor admits the connection
	admitted  bool
	attested  bool        // it has said who votes there
	cancel    func() bool // the time limit of the handshake
	reported  bool        // an offence was reported: what follows does not count again
}

// Receive implements actor.Actor.
func (a *peer) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case *actor.Stopping, *actor.Restarting:
		a.link.Close()
		if a.cancel != nil { // or it keeps all that hangs on the connection in memory
			a.cancel()
		}
	case messages.Peer:
		a.handle(ctx, m)
	}
}

// start begins the handshake.
func (a *peer) start() {
	a.self = a.refs.peer(a.conn)
	a.allowance = peering.NewAllowance(a.limits, a.env.Clock.Now())
	var cookie wire.Cookie
	if _, err := io.ReadFull(a.env.Secret, cookie[:]); err != nil {
		panic("actors: no random bytes for a cookie: " + err.Error())
	}
	if a.inbound {
		a.handshake = wire.NewListener(a.config, cookie)
	} else {
		a.handshake = wire.NewDialer(a.config, cookie)
	}
	a.link.Start(
		func(f *messages.FrameArrived) { a.self.Tell(f) },
		func(err error) { a.self.Tell(&messages.LinkClosed{Err: err}) },
	)
	a.send(a.handshake.Start()...)
	a.cancel = after(a.env, wire.HandshakeTimeout, a.self, messages.Peer(&messages.Wake{}))
}

func (a *peer) handle(ctx actor.Context, m messages.Peer) {
	switch m := m.(type) {
	case *messages.FrameArrived:
		a.frame(ctx, m)
	case *messages.SendFrame:
		if a.admitted && (m.Block.IsZero() || !a.told.Has(a.filter.Digest(kindBlock, m.Block[:]))) {
			a.link.Send(m.Frame)
		}
	case *messages.PeerAdmitted:
		a.admitted = true
		a.send(a.last...)
		a.last = nil
		if a.attestation != nil {
			a.link.Send(a.attestation)
		}
	case *messages.LinkClosed:
		if wire.IsViolation(m.Err) {
			a.offend(peering.BadFrame, m.Err)
		}
		a.log.Debug("connection ended", "conn", a.conn, "remote", a.link.Remote(), "err", m.Err)
		// It passed frames that wait here; who says something and leaves is heard.
		a.self.Tell(&messages.LinkDrained{Full: func() { a.self.Tell(&messages.ClosePeer{Reason: "it has ended"}) }})
	case *messages.LinkDrained:
		ctx.Stop(ctx.Self())
	case *messages.ClosePeer:
		a.log.Debug("closing connection", "conn", a.conn, "remote", a.link.Remote(), "why", m.Reason)
		ctx.Stop(ctx.Self())
	case *messages.Wake:
		if !a.admitted {
			a.log.Debug("handshake took too long", "conn", a.conn, "remote", a.link.Remote())
			ctx.Stop(ctx.Self())
		}
	}
}

func (a *peer) send(ms ...wire.Message) {
	for _, m := range ms {
		a.link.Send(frame(a.net, m))
	}
}

// offend reports that the peer broke the protocol.
func (a *peer) offend(kind peering.Offence, err error) {
	if !a.reported {
		a.reported = true
		a.refs.peers.Tell(&messages.PeerMisbehaved{Conn: a.conn, Kind: kind, Text: err.Error(), Remote: a.link.Remote()})
	}
}

// frame decodes a frame and hands on what it says. The credit goes with it, or
// back to the link.
func (a *peer) frame(ctx actor.Context, f *messages.FrameArrived) {
	handed := false
	defer func() {
		if !handed {
			messages.Release(f.Credit)
		}
	}()
	m, err := wire.Decode(wire.Header{Type: wire.Type(f.Type), Length: len(f.Body)}, f.Body)
	if err != nil {
		a.offend(peering.BadFrame, err)
		ctx.Stop(ctx.Self())
		return
	}
	if a.handshake != nil {
		a.step(ctx, m)
		return
	}
	if !a.allowed(m) {
		return
	}
	handed = a.dispatch(ctx, m, f)
}

// kinds says what limits a message falls under. Answers are taken by whoever
// asked, who knows what was asked for.
var kinds = map[wire.Type]peering.Kind{
	wire.TypePublish: peering.KindBlock, wire.TypeVote: peering.KindVote, wire.TypeConfirmReq: peering.KindConfirm,
	wire.TypePullReq: peering.KindPull, wire.TypeFrontierReq: peering.KindPull,
	wire.TypeKeepalive: peering.KindChat, wire.TypeTelemetry: peering.KindChat, wire.TypeTelemetryReq: peering.KindChat,
	wire.TypeAttestation: peering.KindChat,
}

// allowed reports whether a message is within the limits of its peer. One that
// floods is scored for it.
func (a *peer) allowed(m wire.Message) bool {
	kind, limited := kinds[m.Type()]
	if !limited {
		return true
	}
	now := a.env.Clock.Now()
	ok := a.allowance.Message(kind, now)
	if a.allowance.Flooding(now) {
		a.refs.peers.Tell(&messages.PeerMisbehaved{Conn: a.conn, Kind: peering.Flooding, Text: "more than its limit of " + m.Type().String(), Remote: a.link.Remote()})
	}
	a.tellIgnored()
	return ok
}

// tellIgnored lets health know, now and then, what is not looked at.
func (a *peer) tellIgnored() {
	if n := a.allowance.Ignored(); n > a.ignored && (a.ignored == 0 || n-a.ignored >= 256) {
		a.ignored = n
		a.refs.peers.Tell(&messages.MessagesIgnored{Conn: a.conn, Count: n})
	}
}

// step goes on with the handshake.
func (a *peer) step(ctx actor.Context, m wire.Message) {
	reply, done, err := a.handshake.Step(m)
	if err != nil {
		if !errors.Is(err, wire.ErrOwnID) && !errors.Is(err, wire.ErrGenesis) {
			a.offend(peering.BadHandshake, err)
		}
		a.log.Debug("handshake refused", "conn", a.conn, "remote", a.link.Remote(), "err", err)
		if errors.Is(err, wire.ErrOwnID) { // so that the address is known to be ours
			a.refs.peers.Tell(&messages.HandshakeDone{Conn: a.conn, NodeID: a.config.NodeKey.Public()})
		}
		ctx.Stop(ctx.Self())
		return
	}
	if !done {
		a.send(reply...)
		return
	}
	// A dialler's last message opens the connection on the other side, so it waits
	// until the supervisor wants the connection too.
	a.last = reply
	p := a.handshake.Peer()
	a.handshake = nil
	a.node = p.NodeID
	a.refs.peers.Tell(&messages.HandshakeDone{Conn: a.conn, NodeID: p.NodeID, Port: p.PeeringPort})
}

// dispatch hands a message on to the actor it concerns. It reports whether the
// credit went with it.
func (a *peer) dispatch(ctx actor.Context, m wire.Message, f *messages.FrameArrived) bool {
	switch m := m.(type) {
	case *wire.Publish:
		return a.block(&m.Block, f.Credit)
	case *wire.Vote:
		return a.vote(&m.Vote, f)
	case *wire.ConfirmReq:
		if !a.allowance.Answer(a.answerSize(len(m.Blocks)), a.env.Clock.Now()) {
			return false
		}
		asked := make([]messages.AskedBlock, len(m.Blocks))
		for i, b := range m.Blocks {
			asked[i] = messages.AskedBlock{Account: b.Account, Hash: b.Hash}
		}
		a.refs.voting.Tell(&messages.VotesAsked{Conn: a.conn, Asked: asked, Credit: f.Credit})
		return true
	case *wire.Keepalive:
		a.refs.peers.Tell(&messages.AddressesHeard{Conn: a.conn, Addresses: m.Peers})
	case *wire.PullReq:
		a.refs.bootstrapServer.Tell(&messages.PullAsked{Conn: a.conn, ID: m.ID, Mode: uint8(m.Mode), Key: m.Key, Height: m.StartHeight, Count: int(m.Count), Credit: f.Credit})
		return true
	case *wire.FrontierReq:
		a.refs.bootstrapServer.Tell(&messages.FrontiersAsked{Conn: a.conn, ID: m.ID, Start: m.Start, Count: int(m.Count), Credit: f.Credit})
		return true
	case *wire.PullAck:
		a.refs.bootstrap.Tell(&messages.BlocksArrived{Conn: a.conn, ID: m.ID, Status: uint8(m.Status), FirstHeight: m.FirstHeight, Pruned: m.PrunedHeight, Blocks: m.Blocks, Credit: f.Credit})
		return true
	case *wire.FrontierAck:
		a.refs.bootstrap.Tell(&messages.FrontiersArrived{Conn: a.conn, ID: m.ID, Frontiers: frontiers(m), Credit: f.Credit})
		return true
	case *wire.Handshake, *wire.HandshakeAck:
		a.offend(peering.BadHandshake, errors.New("a second handshake"))
		ctx.Stop(ctx.Self())
	case *wire.Telemetry:
		a.refs.telemetry.Tell(&messages.TelemetryArrived{Conn: a.conn, NodeID: a.node, Body: f.Body, Credit: f.Credit})
		return true
	case *wire.TelemetryReq:
		a.refs.telemetry.Tell(&messages.TelemetryAsked{Conn: a.conn, Credit: f.Credit})
		return true
	case *wire.Attestation:
		if kind, err := a.attest(m); err != nil {
			a.offend(kind, err)
			ctx.Stop(ctx.Self())
		}
	}
	return false
}

// attest takes the other end's word for who votes there, once in a connection. That
// bounds what checking the signatures costs; weight comes later, perhaps.
func (a *peer) attest(m *wire.Attestation) (peering.Offence, error) {
	if a.attested {
		return peering.BadMessage, errors.New("a second attestation")
	}
	a.attested = true
	accounts := make([]lattice.Account, len(m.List))
	for i, good := range a.env.verify(m.Checks(a.net, a.node)) {
		if accounts[i] = m.List[i].Representative; !good {
			return peering.BadSignature, fmt.Errorf("attestation of %v", accounts[i])
		}
	}
	a.refs.peers.Tell(&messages.RepresentativesAttested{Conn: a.conn, Accounts: accounts})
	return 0, nil
}

// answerSize is how many bytes the votes for so many blocks take at most.
func (a *peer) answerSize(blocks int) int {
	const voteHead = wire.HeaderSize + 32 + 64 + 8 + 1
	return a.voters * (voteHead + 32*blocks)
}

func frontiers(m *wire.FrontierAck) []messages.Frontier {
	out := make([]messages.Frontier, len(m.Frontiers))
	for i, f := range m.Frontiers {
		out[i] = messages.Frontier{Account: f.Account, Hash: f.Hash, Height: f.Height, PrunedHeight: f.PrunedHeight}
	}
	return out
}

// block passes a new block with its work on to the block processor. A copy with other
// work or another signature than the last one is no repeat: one of the two is bad, and
// only the block processor can tell which.
func (a *peer) block(b *lattice.Block, credit messages.Credit) bool {
	hash := a.net.HashOf(b)
	digest := a.filter.Digest(kindBlock, hash[:])
	a.told.Add(digest)
	if !a.filter.CheckVariant(digest, a.variant(b), a.env.Clock.Now()) {
		return false
	}
	if err := ledger.Precheck(a.net, b); err != nil {
		a.filter.Remove(digest)
		if errors.Is(err, ledger.InsufficientWork) {
			a.offend(peering.BadWork, err)
		}
		return false
	}
	if !a.allowance.Signature(a.env.Clock.Now()) {
		a.filter.Remove(digest)
		return false
	}
	a.refs.blocks.Tell(&messages.ProcessBlock{
		Block: *b, Hash: hash, Conn: a.conn, Credit: credit,
		Restore: func() { a.filter.Remove(digest) },
	})
	return true
}

// variant tells blocks with the same hash apart, which covers neither work nor
// signature.
func (a *peer) variant(b *lattice.Block) uint32 {
	rest := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+len(b.Signature)), b.Work)
	return a.filter.Variant(append(rest, b.Signature[:]...))
}

// vote passes a new vote on to the vote processor.
func (a *peer) vote(v *lattice.Vote, f *messages.FrameArrived) bool {
	digest := a.filter.Digest(kindVote, f.Body)
	if !a.filter.Check(digest, a.env.Clock.Now()) {
		return false
	}
	if !a.allowance.Signature(a.env.Clock.Now()) {
		a.filter.Remove(digest)
		return false
	}
	a.refs.votes.Tell(&messages.VoteArrived{
		Vote: v, Conn: a.conn, Credit: f.Credit,
		Restore: func() { a.filter.Remove(digest) },
	})
	return true
}
