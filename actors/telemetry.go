package actors

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
	"github.com/smallnano/smallnano/wire/rpc"
)

const (
	// maxReports bounds the peers of which telemetry is kept.
	maxReports = 1024
	// telemetryPause is how often telemetry of one peer is looked at, at most: each
	// one costs a signature check.
	telemetryPause = time.Second
	// telemetryFresh is how long this node's own telemetry is given out unchanged.
	telemetryFresh = time.Second
	// tellAtRest is the least pause between two times that all peers are told while
	// there is nothing new to tell.
	tellAtRest = time.Minute
	// tellSoon is by how much sooner all are told when the number of peers, or of
	// principals among them, is another one: who hears few gets votes of others from
	// them (ADR 25).
	tellSoon = 10
)

// telemetry tells peers about this node and keeps what they tell of themselves.
// A node can claim anything, so nothing is decided by it but how many votes of
// others a peer is sent.
type telemetry struct {
	env     *Env
	refs    *refs
	net     *lattice.Network
	board   *board
	key     crypto.PrivateKey
	version [3]uint8 // of the software
	every   time.Duration
	started time.Time
	log     *slog.Logger

	reports map[messages.ConnID]*report
	own     []byte // frame
	ownAt   time.Time
	next    time.Time // when everybody is told again
	said    company   // to everybody
	saidAt  time.Time // something, to somebody
}

// company is how many peers there are, and how many principals among them.
type company struct{ peers, principals uint32 }

func (a *telemetry) company() company {
	c := company{uint32(len(*a.board.peers.Load())), wire.UnknownPrincipals}
	if n := a.board.hearing.Load(); n >= 0 {
		c.principals = uint32(n)
	}
	return c
}

// report is what one peer told last.
type report struct {
	wire.Telemetry
	received time.Time
}

// Receive implements actor.Actor.
func (a *telemetry) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.reports = map[messages.ConnID]*report{}
		a.next = a.env.Clock.Now().Add(a.every)
	case messages.Telemetry:
		a.handle(m)
	}
}

func (a *telemetry) handle(m messages.Telemetry) {
	switch m := m.(type) {
	case *messages.PeerUp:
		a.refs.peer(m.Conn).Tell(&messages.SendFrame{Frame: frame(a.net, &wire.TelemetryReq{})})
	case *messages.PeerDown:
		delete(a.reports, m.Conn)
		a.post()
	case *messages.TelemetryAsked:
		if f := a.telling(); f != nil {
			a.saidAt = a.env.Clock.Now()
			a.refs.peer(m.Conn).Tell(&messages.SendFrame{Frame: f})
		}
		messages.Release(m.Credit)
	case *messages.TelemetryArrived:
		a.arrived(m)
		messages.Release(m.Credit)
	case *messages.Tick:
		// Who was told a moment ago would not look at it.
		pause := max(a.every/tellSoon, 2*telemetryPause)
		if soon := a.said != a.company() && m.Now.Sub(a.saidAt) >= pause; m.Now.Before(a.next) && !soon {
			return
		}
		a.said, a.saidAt = a.company(), m.Now
		a.next = m.Now.Add(a.every)
		if a.board.resting.Load() {
			a.next = m.Now.Add(max(a.every, tellAtRest))
		}
		if f := a.telling(); f != nil {
			a.refs.peers.Tell(&messages.Flood{Frame: f, Reach: messages.ReachAll})
		}
	}
}

// telling returns the frame with what this node says of itself; nil when it
// cannot be known.
func (a *telemetry) telling() []byte {
	now := a.env.Clock.Now()
	if a.own != nil && now.Sub(a.ownAt) < telemetryFresh {
		return a.own
	}
	var counts lattice.Counts
	err := a.env.Store.View(func(r storage.Reader) (err error) {
		counts, err = r.Counts()
		return err
	})
	if err != nil {
		a.log.Warn("cannot count the blocks to tell peers", "err", err)
		return nil
	}
	company := a.company()
	m := &wire.Telemetry{
		Blocks: counts.Blocks, Confirmed: counts.Cemented, Accounts: counts.Accounts, Unchecked: a.board.unchecked.Load(),
		Uptime: uint64(max(0, now.Sub(a.started)) / time.Second), Peers: company.peers, Principals: company.principals,
		PruningDepth: uint32(min(a.board.pruning.Load().keep, math.MaxUint32)),
		Protocol:     wire.Version, Major: a.version[0], Minor: a.version[1], Patch: a.version[2],
		Genesis: a.net.GenesisHash, Timestamp: uint64(max(0, now.UnixMilli())),
	}
	m.Sign(a.net.ID, a.key)
	a.own, a.ownAt = frame(a.net, m), now
	return a.own
}

// arrived checks and keeps what a peer told.
func (a *telemetry) arrived(m *messages.TelemetryArrived) {
	now := a.env.Clock.Now()
	old := a.reports[m.Conn]
	if old == nil && len(a.reports) >= maxReports || old != nil && now.Sub(old.received) < telemetryPause {
		return
	}
	decoded, err := wire.Decode(wire.Header{Type: wire.TypeTelemetry, Length: len(m.Body)}, m.Body)
	told, is := decoded.(*wire.Telemetry)
	switch {
	case err != nil || !is:
		return // its length is right, so this cannot be
	case told.NodeID != crypto.PublicKey(m.NodeID):
		a.blame(m.Conn, peering.BadMessage, "telemetry of another node")
		return
	case !a.env.verifyOne(told.Check(a.net.ID)):
		a.blame(m.Conn, peering.BadSignature, "telemetry")
		return
	}
	a.reports[m.Conn] = &report{*told, now}
	a.refs.peers.Tell(&messages.PeersTold{Conn: m.Conn, Peers: told.Peers, Principals: told.Principals})
	a.post()
}

func (a *telemetry) blame(conn messages.ConnID, what peering.Offence, text string) {
	a.refs.peers.Tell(&messages.PeerMisbehaved{Conn: conn, Kind: what, Text: text})
}

// post shows the reports to the RPC.
func (a *telemetry) post() {
	view := make([]telemetryView, 0, len(a.reports))
	for conn, r := range a.reports {
		view = append(view, telemetryView{conn, *r})
	}
	slices.SortFunc(view, func(x, y telemetryView) int { return cmp.Compare(x.conn, y.conn) })
	a.board.telemetry.Store(&view)
}

// telemetryView is a report with the connection it came over.
type telemetryView struct {
	conn messages.ConnID
	report
}

// softwareVersion reads "Name V1.2.3"; zeros where there is none.
func softwareVersion(vendor string) (v [3]uint8) {
	for i := len(vendor) - 1; i >= 0; i-- {
		if vendor[i] == 'V' {
			if n, _ := fmt.Sscanf(vendor[i:], "V%d.%d.%d", &v[0], &v[1], &v[2]); n == 3 {
				return v
			}
			break
		}
	}
	return [3]uint8{}
}

// NodeID implements rpc.Backend.
func (b backend) NodeID() crypto.PublicKey { return b.cfg.NodeKey.Public() }

// Telemetry implements rpc.Backend.
func (b backend) Telemetry() []rpc.PeerTelemetry {
	var out []rpc.PeerTelemetry
	peers := *b.board.peers.Load()
	for _, v := range *b.board.telemetry.Load() {
		i := slices.IndexFunc(peers, func(p peerView) bool { return p.Conn == peering.ConnID(v.conn) })
		if i < 0 {
			continue // it has just gone
		}
		out = append(out, rpc.PeerTelemetry{Address: peerAddress(&peers[i].Status), Received: v.received, Telemetry: v.Telemetry})
	}
	return out
}

// Bootstrap implements rpc.Backend.
func (b backend) Bootstrap() rpc.BootstrapStatus {
	s := b.board.bootstrap.Load()
	out := rpc.BootstrapStatus{
		Phase: s.Phase, Peers: s.Peers, Accounts: s.Accounts + s.Blocked, Blocked: s.Blocked, Missing: s.Missing, Scanned: s.Scanned,
		Rounds: s.Rounds, InFlight: s.InFlight, Delivered: s.Delivered, Rate: s.Rate, Allowance: b.cfg.Bootstrap.MaxUnconfirmed,
		PrunedAccounts: s.PrunedAccounts, PrunedAccount: s.Pruned.Account, PrunedBelow: s.Pruned.Below,
	}
	var counts lattice.Counts
	if err := b.env.Store.View(func(r storage.Reader) (err error) {
		counts, err = r.Counts()
		return err
	}); err == nil {
		out.Unconfirmed = counts.Blocks - counts.Cemented
		out.Missing = max(out.Missing, b.lacking(counts.Blocks))
	}
	if seconds := float64(out.Missing) / max(out.Rate, 0.001); out.Missing > 0 && seconds < maxETA.Seconds() {
		out.ETA = time.Duration(seconds * float64(time.Second))
	}
	return out
}

// maxETA is the longest estimate that is given.
const maxETA = 30 * 24 * time.Hour

// lacking is how many confirmed blocks more than ours the peers claim to have:
// the middle one of them, so that one who lies does not count.
func (b backend) lacking(have uint64) uint64 {
	var claims []uint64
	for _, v := range *b.board.telemetry.Load() {
		claims = append(claims, v.Confirmed)
	}
	if len(claims) == 0 {
		return 0
	}
	slices.Sort(claims)
	if middle := claims[(len(claims)-1)/2]; middle > have {
		return middle - have
	}
	return 0
}
