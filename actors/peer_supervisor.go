package actors

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
	"github.com/smallnano/smallnano/wire/rpc"
)

const (
	// peerMailbox holds what a link delivers, which its credits bound, and what is
	// sent to the peer.
	peerMailbox = 512
	// keepPeers is how often the same peers are stored again.
	keepPeers = time.Hour
	// solicited is how many connections are asked for votes at once.
	solicited = 12
	// askAnyway: one in so many requests goes to a connection that seems to have
	// nothing more to say.
	askAnyway = 4
	// resolveMin is the pause before a configured name that was not found is looked
	// up again; it doubles up to resolveMax, at which names are looked up anew in any
	// case: their addresses change. While nobody is connected all are after
	// resolveAlone.
	resolveMin, resolveMax, resolveAlone = 2 * time.Second, 10 * time.Minute, 30 * time.Second
)

// A node that starts has few peers for a moment. How many principals are among them is
// told when none has been added for settleTime, or after settleMost, however it goes on.
const settleTime, settleMost = 3 * time.Second, 15 * time.Second

// peerSupervisor drives the peer book and owns one actor for each connection.
type peerSupervisor struct {
	env       *Env
	refs      *refs
	net       *lattice.Network
	board     *board
	cfg       peering.Config
	handshake wire.HandshakeConfig
	names     []string          // configured peers, host:port
	own       []lattice.Account // representatives of this node
	// attestation is the frame that says so; nil: nobody votes here.
	attestation []byte
	filter      *peering.Filter
	conns       *atomic.Uint64 // the last ConnID; outlives the actor, so that none is used twice
	log         *slog.Logger
	kept        []peering.Peer // as stored, in the order of the addresses, without times
	keptAt      time.Time
	external    []netip.AddrPort // where peers are told that this node is

	machine  *peering.Peers
	rng      *rand.Rand
	open     map[messages.ConnID]Ref[messages.Peer] // passed the handshake
	children map[messages.ConnID]*child             // have an actor; bounded by the machine's slots
	lookups  map[string]*lookup                     // by name
	accused  []accusation                           // at most maxAccused, oldest offence first
	bans     uint64                                 // of the machine, as told to the board
	talk     *peering.TokenBucket                   // lines of the log that strangers may cause
	unsaid   uint64                                 // lines that were too many
	settling settling
}

// settling is how long a node that starts has peers, and when there was last one
// principal more among them.
type settling struct {
	most        int
	since, more time.Time
	over        bool
}

// settled reports whether the number of principals that attest may be told.
func (s *settling) settled(peers, principals int, now time.Time) bool {
	if s.since.IsZero() && peers > 0 {
		s.since = now
	}
	if principals > s.most || s.since.IsZero() {
		s.most, s.more = principals, now
	}
	s.over = s.over || !s.since.IsZero() && (now.Sub(s.since) >= settleMost || now.Sub(s.since) >= settleTime && now.Sub(s.more) >= settleTime)
	return s.over
}

// maxAccused is how many offenders health names.
const maxAccused = 16

// Strangers can make connections and break rules as often as they like, so what
// the log says of it is limited.
const talkPerSecond, talkBurst = 2, 200

// accusation is who broke the rules lately.
type accusation struct {
	who     peering.Offender
	address string
	last    messages.PeerMisbehaved
	at      time.Time
	times   uint64
}

// lookup is when a configured name is looked up again.
type lookup struct {
	last, next time.Time
	pause      time.Duration // after the next failure
	under      bool          // way
}

// child is a connection that has an actor.
type child struct {
	link    messages.Link
	ignored uint64 // messages over its limits
	fault   string // what it did wrong last
}

// Receive implements actor.Actor.
func (a *peerSupervisor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case *actor.Restarting: // the connections end with this instance
		for _, conn := range slices.Sorted(maps.Keys(a.open)) {
			a.tellDown(conn)
		}
		return
	case *actor.Terminated:
		a.ended(m.Who)
	case messages.PeerSupervisor:
		a.handle(ctx, m)
	}
	if a.machine != nil {
		a.carryOut()
	}
}

func (a *peerSupervisor) start() {
	a.machine = peering.New(a.cfg)
	a.accused, a.unsaid, a.bans = nil, 0, 0
	a.settling = settling{}
	a.talk = peering.NewTokenBucket(talkPerSecond, talkBurst, a.env.Clock.Now())
	a.rng = a.env.rand(namePeers)
	a.open = map[messages.ConnID]Ref[messages.Peer]{}
	a.children = map[messages.ConnID]*child{}
	var stored []storage.Peer
	err := a.env.Store.View(func(r storage.Reader) (err error) {
		stored, err = r.Peers()
		return err
	})
	if err != nil {
		a.log.Warn("cannot read the stored peers", "err", err)
	}
	saved := make([]peering.Peer, len(stored))
	for i, p := range stored {
		saved[i] = peering.Peer{Address: p.Address, LastSeen: p.LastSeen}
	}
	a.machine.Load(saved, a.env.Clock.Now())
	a.external = a.machine.External()
	a.lookups = make(map[string]*lookup, len(a.names))
	for _, name := range a.names {
		a.lookups[name] = &lookup{pause: resolveMin}
	}
	a.resolve(a.env.Clock.Now())
}

// resolve looks up the configured names whose time has come.
func (a *peerSupervisor) resolve(now time.Time) {
	for _, name := range a.names {
		l := a.lookups[name]
		alone := len(a.open) == 0 && now.Sub(l.last) >= resolveAlone && l.pause == resolveMin
		if l.under || now.Before(l.next) && !alone {
			continue
		}
		l.under, l.last = true, now
		a.env.Network.Resolve(name, func(addresses []netip.AddrPort, err error) {
			a.refs.peers.Tell(&messages.Resolved{Name: name, Addresses: addresses, Err: err})
		})
	}
}

func (a *peerSupervisor) handle(ctx actor.Context, m messages.PeerSupervisor) {
	now := a.env.Clock.Now()
	switch m := m.(type) {
	case *messages.Tick:
		a.machine.Tick(m.Now, a.rng)
		a.machine.SetVoting(a.own, a.heard(), m.Now)
		a.machine.Widen(a.board.short.Load() || a.board.stall.Load() != nil)
		a.resolve(m.Now)
		a.post(m.Now)
	case *messages.Resolved:
		a.resolved(m, now)
	case *messages.LinkAccepted:
		a.accepted(ctx, m, now)
	case *messages.DialEnded:
		a.dialed(ctx, m, now)
	case *messages.HandshakeDone:
		a.admit(m, now)
	case *messages.AddressesHeard:
		a.machine.Received(peering.ConnID(m.Conn), now)
		a.machine.Heard(peering.ConnID(m.Conn), m.Addresses, now)
		if at := a.machine.External(); !slices.Equal(at, a.external) {
			a.external = at
			a.log.Info("peers agree where this node is", "address", at)
		}
	case *messages.PeerMisbehaved:
		if c := a.children[m.Conn]; c != nil {
			c.fault = m.Kind.String() + ": " + m.Text
		}
		score := a.machine.Misbehaved(peering.ConnID(m.Conn), m.Kind, now)
		a.accuse(m, now)
		a.say(slog.LevelWarn, "a peer broke the rules", "conn", m.Conn, "remote", a.remote(m), "offence", m.Kind, "score", score, "what", m.Text)
	case *messages.RepresentativesAttested:
		a.machine.Attested(peering.ConnID(m.Conn), m.Accounts)
	case *messages.VotesBrought:
		a.machine.Useful(peering.ConnID(m.Conn), now)
	case *messages.PeersTold:
		a.machine.Told(peering.ConnID(m.Conn), m.Peers, m.Principals)
	case *messages.PeersWanted:
		for _, conn := range slices.Sorted(maps.Keys(a.open)) {
			a.refs.bootstrap.Tell(&messages.PeerUp{Conn: conn})
		}
	case *messages.MessagesIgnored:
		if c := a.children[m.Conn]; c != nil {
			c.ignored = m.Count
		}
	case *messages.BlocksInserted:
		for i := range m.Blocks {
			a.machine.Useful(peering.ConnID(m.Blocks[i].Conn), now)
		}
	case *messages.PrincipalsChanged:
		a.machine.SetPrincipals(m.Accounts)
	case *messages.Flood:
		a.flood(m)
	case *messages.Solicit:
		a.solicit(m)
	}
}

// say logs what strangers can bring about again and again.
func (a *peerSupervisor) say(level slog.Level, text string, args ...any) {
	if !a.talk.Take(1, a.env.Clock.Now()) {
		a.unsaid++
		return
	}
	if a.unsaid > 0 {
		args = append(args, "unsaid", a.unsaid)
		a.unsaid = 0
	}
	a.log.Log(context.Background(), level, text, args...)
}

// accuse remembers an offence for health.
func (a *peerSupervisor) accuse(m *messages.PeerMisbehaved, now time.Time) {
	x := accusation{who: a.machine.Who(peering.ConnID(m.Conn)), address: a.remote(m)}
	same := func(y accusation) bool {
		return y.who == x.who && (x.who != (peering.Offender{}) || y.address == x.address)
	}
	if i := slices.IndexFunc(a.accused, same); i >= 0 {
		x.times = a.accused[i].times
		if x.address == "" {
			x.address = a.accused[i].address
		}
		a.accused = slices.Delete(a.accused, i, i+1)
	} else if len(a.accused) == maxAccused {
		a.accused = slices.Delete(a.accused, 0, 1)
	}
	x.last, x.at, x.times = *m, now, x.times+1
	a.accused = append(a.accused, x)
}

// remote says who misbehaved; nothing when the connection has ended and who told
// did not know.
func (a *peerSupervisor) remote(m *messages.PeerMisbehaved) string {
	switch c := a.children[m.Conn]; {
	case m.Remote.IsValid():
		return m.Remote.String()
	case c != nil:
		return c.link.Remote().String()
	}
	return ""
}

func (a *peerSupervisor) resolved(m *messages.Resolved, now time.Time) {
	l := a.lookups[m.Name]
	if l == nil {
		return
	}
	l.under = false
	if m.Err != nil {
		a.log.Warn("cannot look up a configured peer; will try again", "peer", m.Name, "in", l.pause, "err", m.Err)
		l.next, l.pause = now.Add(l.pause), min(2*l.pause, resolveMax)
		return
	}
	l.next, l.pause = now.Add(resolveMax), resolveMin
	a.machine.Resolved(m.Name, m.Addresses, now)
}

// accepted takes in a connection if there is room for it.
func (a *peerSupervisor) accepted(ctx actor.Context, m *messages.LinkAccepted, now time.Time) {
	a.board.stir()
	conn := messages.ConnID(a.conns.Add(1))
	if err := a.machine.Accept(peering.ConnID(conn), m.Link.Remote(), now); err != nil {
		a.log.Debug("connection refused", "remote", m.Link.Remote(), "why", err)
		m.Link.Close()
		return
	}
	a.spawn(ctx, conn, m.Link, true)
}

func (a *peerSupervisor) dialed(ctx actor.Context, m *messages.DialEnded, now time.Time) {
	if m.Err != nil {
		a.log.Debug("cannot connect", "to", m.To, "err", m.Err)
		a.machine.DialFailed(m.To, now)
		return
	}
	conn := messages.ConnID(a.conns.Add(1))
	if err := a.machine.Dialed(m.To, peering.ConnID(conn), now); err != nil {
		a.log.Debug("connection given up", "to", m.To, "why", err)
		m.Link.Close()
		return
	}
	a.spawn(ctx, conn, m.Link, false)
}

// spawn makes the actor of a connection.
func (a *peerSupervisor) spawn(ctx actor.Context, conn messages.ConnID, link messages.Link, inbound bool) {
	_, err := a.refs.system.Spawn(ctx, supervise.Spec{
		Name: peerName(conn),
		New: func() actor.Actor {
			return &peer{
				env: a.env, refs: a.refs, net: a.net, conn: conn, link: link, filter: a.filter,
				log: a.log, config: a.handshake, inbound: inbound, limits: &a.cfg.Limits, voters: len(a.own), attestation: a.attestation,
			}
		},
		Mailbox:       mailbox.Config{Capacity: peerMailbox},
		StopOnFailure: true,
		Transient:     true,
	})
	if err != nil {
		a.log.Error("cannot start the actor of a connection", "conn", conn, "err", err)
		link.Close()
		a.machine.Closed(peering.ConnID(conn), a.env.Clock.Now())
		return
	}
	a.children[conn] = &child{link: link}
}

// admit opens a connection whose other end has proved its identity.
func (a *peerSupervisor) admit(m *messages.HandshakeDone, now time.Time) {
	if err := a.machine.Opened(peering.ConnID(m.Conn), peering.NodeID(m.NodeID), m.Port, now); err != nil {
		a.log.Debug("connection not wanted", "conn", m.Conn, "why", err)
		a.refs.peer(m.Conn).Tell(&messages.ClosePeer{Reason: err.Error()})
		return
	}
	r := a.refs.peer(m.Conn)
	a.open[m.Conn] = r
	r.Tell(&messages.PeerAdmitted{})
	a.refs.bootstrap.Tell(&messages.PeerUp{Conn: m.Conn})
	a.refs.telemetry.Tell(&messages.PeerUp{Conn: m.Conn})
	a.say(slog.LevelInfo, "peer connected", "conn", m.Conn, "node", peering.NodeID(m.NodeID), "peers", len(a.open))
}

// ended forgets a connection whose actor has stopped.
func (a *peerSupervisor) ended(who *actor.PID) {
	id, err := strconv.ParseUint(who.Id[strings.LastIndexByte(who.Id, '/')+1:], 10, 64)
	conn := messages.ConnID(id)
	if _, ours := a.children[conn]; err != nil || !ours {
		return // a child of the instance before this one
	}
	delete(a.children, conn)
	a.machine.Closed(peering.ConnID(conn), a.env.Clock.Now())
	if _, was := a.open[conn]; was {
		delete(a.open, conn)
		a.tellDown(conn)
		a.say(slog.LevelInfo, "peer gone", "conn", conn, "peers", len(a.open))
	}
}

func (a *peerSupervisor) tellDown(conn messages.ConnID) {
	a.refs.bootstrap.Tell(&messages.PeerDown{Conn: conn})
	a.refs.telemetry.Tell(&messages.PeerDown{Conn: conn})
}

// post shows the connections to the RPC and to health.
func (a *peerSupervisor) post(now time.Time) {
	status := a.machine.Status(now)
	view := make([]peerView, len(status))
	needy := false
	for i, s := range status {
		view[i].Status = s
		needy = needy || s.Needy
		if c := a.children[messages.ConnID(s.Conn)]; c != nil {
			view[i].traffic, view[i].ignored = c.link.Traffic(), c.ignored
			if s.Score > 0 {
				view[i].fault = c.fault
			}
		}
	}
	a.board.peers.Store(&view)
	a.board.needy.Store(needy)
	hearing := a.machine.Hearing()
	switch settled := a.settling.settled(len(status), hearing, now); {
	case !settled:
		hearing = -1
	case a.board.short.Load(): // whatever there is would help
		hearing = 0
	}
	a.board.hearing.Store(int64(hearing))
	a.postNetwork(now)
}

// postNetwork shows how full the peer book is, where this node is seen, and who
// broke the rules lately.
func (a *peerSupervisor) postNetwork(now time.Time) {
	n := a.machine.Counts()
	a.board.bans.Add(n.Bans - a.bans)
	a.bans = n.Bans
	h := &rpc.NetworkHealth{
		Book: []rpc.BookFill{
			{Table: "fresh", Used: n.Fresh, Most: peering.MaxFresh},
			{Table: "tried", Used: n.Tried, Most: peering.MaxTried},
			{Table: "configured", Used: n.Configured, Most: peering.MaxConfigured},
		},
		Outbound: n.Outbound, MaxOutbound: a.cfg.MaxOutbound, Inbound: n.Inbound, MaxInbound: a.cfg.MaxInbound,
	}
	for _, s := range a.machine.Sightings() {
		h.External = append(h.External, rpc.ExternalAddress{
			Address: s.Address.String(), Configured: s.Configured, Believed: s.Believed, Agree: s.Agree, Against: s.Against,
		})
	}
	for _, x := range slices.Backward(a.accused) {
		o := rpc.PeerOffence{
			Address: x.address, Offence: x.last.Kind.String(), Text: x.last.Text, Times: x.times, Time: x.at.Unix(),
		}
		if node := x.who.Node; node != (peering.NodeID{}) {
			o.Node = hex.EncodeToString(node[:])
		}
		if x.who != (peering.Offender{}) {
			var until time.Time
			if o.Score, until = a.machine.Standing(x.who, now); !until.IsZero() {
				o.Until = until.Unix()
			}
		}
		h.Offenders = append(h.Offenders, o)
	}
	a.board.network.Store(h)
}

// flood sends a frame as far as it should go.
func (a *peerSupervisor) flood(m *messages.Flood) {
	except := peering.ConnID(m.Except)
	var to []peering.ConnID
	switch m.Reach {
	case messages.ReachOwnBlock:
		to = a.machine.FanoutOwnBlock(a.rng)
	case messages.ReachBlock:
		to = a.machine.FanoutBlock(a.rng, except)
	case messages.ReachOwnVote:
		to = a.machine.FanoutOwnVote(a.rng)
	case messages.ReachVote:
		to = a.machine.FanoutVote(a.rng, except, m.Of)
	case messages.ReachNeedyVote:
		to = a.machine.FanoutNeedy(a.rng, except, m.Of)
	case messages.ReachAll:
		to = a.machine.All()
	}
	send := &messages.SendFrame{Frame: m.Frame, Block: m.Block}
	for _, conn := range to {
		if r, ok := a.open[messages.ConnID(conn)]; ok {
			r.Tell(send)
		}
	}
}

// heard tells when principals were heard last, directly or through others.
func (a *peerSupervisor) heard() []peering.Heard {
	live := *a.board.liveness.Load()
	out := make([]peering.Heard, len(live))
	for i := range live {
		out[i] = peering.Heard{Account: live[i].Representative, Last: live[i].Last}
	}
	return out
}

// solicit asks for votes. A connection through which nobody speaks but those who
// have said all is asked only now and then: it may pass on what others said.
func (a *peerSupervisor) solicit(m *messages.Solicit) {
	for _, conn := range a.machine.Solicit(a.rng, solicited) {
		r, ok := a.open[messages.ConnID(conn)]
		if !ok {
			continue
		}
		known := a.machine.Representatives(conn)
		q := &wire.ConfirmReq{Blocks: make([]wire.ConfirmEntry, 0, len(m.Blocks))}
		ask := false
		for i := range m.Blocks {
			b := &m.Blocks[i]
			if i == 0 || b.Account != m.Blocks[i-1].Account { // about all blocks of a root, or none
				ask = !contained(known, b.Said) || a.rng.IntN(askAnyway) == 0
			}
			if ask {
				q.Blocks = append(q.Blocks, wire.ConfirmEntry{Account: b.Account, Hash: b.Hash})
			}
		}
		if len(q.Blocks) > 0 {
			r.Tell(&messages.SendFrame{Frame: frame(a.net, q)})
		}
	}
}

// contained reports whether there are some, and all are among others.
func contained(some, others []lattice.Account) bool {
	if len(some) == 0 || len(some) > len(others) {
		return false
	}
	return !slices.ContainsFunc(some, func(a lattice.Account) bool { return !slices.Contains(others, a) })
}

// carryOut does what the machine says.
func (a *peerSupervisor) carryOut() {
	r := a.machine.Ready()
	for _, c := range r.Close {
		a.refs.peer(messages.ConnID(c.Conn)).Tell(&messages.ClosePeer{Reason: c.Reason.Error()})
	}
	for _, to := range r.Dial {
		a.env.Network.Dial(to, a.cfg.DialTimeout, func(link messages.Link, err error) {
			a.refs.peers.Tell(&messages.DialEnded{To: to, Link: link, Err: err})
		})
	}
	for _, k := range r.Keepalives {
		if p, ok := a.open[messages.ConnID(k.Conn)]; ok {
			p.Tell(&messages.SendFrame{Frame: frame(a.net, &wire.Keepalive{Peers: k.Addresses})})
		}
	}
	if r.Store != nil {
		a.store(r.Store)
	}
}

// store keeps the peers, when there are others than last time or others of them
// are connected, and now and then to keep the times: nodes that rest write nothing.
func (a *peerSupervisor) store(peers []peering.Peer) {
	kept := make([]peering.Peer, len(peers))
	for i, p := range peers {
		kept[i] = peering.Peer{Address: p.Address, Connected: p.Connected}
	}
	slices.SortFunc(kept, func(x, y peering.Peer) int { return x.Address.Compare(y.Address) })
	now := a.env.Clock.Now()
	if slices.Equal(kept, a.kept) && now.Sub(a.keptAt) < keepPeers {
		return
	}
	a.kept, a.keptAt = kept, now
	out := make([]lattice.Peer, len(peers))
	for i, p := range peers {
		out[i] = lattice.Peer{Address: p.Address, LastSeen: p.LastSeen}
	}
	a.refs.blocks.Tell(&messages.StorePeers{Peers: out})
}

// blame counts a failure against the peer whose message caused it. It is called
// on whatever goroutine supervises the failed actor.
func (r *refs) blame(f supervise.Failure) {
	var planted *supervise.PlantedFailure
	if errors.As(f.Err, &planted) {
		return
	}
	conn := messages.ConnID(0)
	if f.Source.Kind == messages.KindPeer {
		conn = messages.ConnID(f.Source.ID)
	} else if name, is := strings.CutPrefix(f.Path, rootName+"/"+namePeers+"/"); is {
		id, _ := strconv.ParseUint(name, 10, 64) // 0, no connection, when it is no number
		conn = messages.ConnID(id)
	}
	if conn != 0 {
		r.peers.Tell(&messages.PeerMisbehaved{Conn: conn, Kind: peering.Crashed, Text: f.MessageType + ": " + f.Err.Error()})
	}
}
