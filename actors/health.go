package actors

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// health measures the node against its budget and watches what surrounds it:
// the disk and the clock. The states of the actors are not its business: the
// supervisor knows them.
type health struct {
	env   *Env
	board *board
	probe func() Usage
	log   *slog.Logger
	next  time.Time
	over  bool
	last  Usage     // of the measurement before
	at    time.Time // when that was
	clock clockWatch
}

// Receive implements actor.Actor.
func (a *health) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*messages.Tick); ok && !m.Now.Before(a.next) {
		a.next = m.Now.Add(measureEvery)
		a.measure(m.Now)
	}
}

func (a *health) measure(now time.Time) {
	u := a.probe()
	disk, err := a.env.Store.Size()
	if err != nil {
		a.log.Warn("cannot measure the database", "err", err)
	}
	items := append(budget(u, a.percent(u, now), disk, a.board.pruning.Load().budget), peerBudget(*a.board.peers.Load())...)
	a.board.budget.Store(&items)
	if over := u.RSS > targetRSS; over != a.over {
		a.over = over
		a.log.Info("memory against its budget", "over", over, "rss", u.RSS, "target", targetRSS)
	}
	a.watch(u, now)
}

// percent is the processor time since the measurement before, in per cent of
// one core.
func (a *health) percent(u Usage, now time.Time) int64 {
	before, at := a.last, a.at
	a.last, a.at = u, now
	if at.IsZero() || !now.After(at) {
		return 0
	}
	return int64(100 * (u.CPU - before.CPU) / now.Sub(at))
}

// watch posts what is found around the node.
func (a *health) watch(u Usage, now time.Time) {
	before := a.board.watch.found()
	f := findings{stop: diskStop(u, before.stop)}
	if f.stop == "" {
		f.add(diskWarning(u))
	}
	f.add(a.clock.look(now))
	if f.stop != "" && before.stop == "" {
		a.log.Error("the node is read-only", "reason", f.stop)
	} else if f.stop == "" && before.stop != "" {
		a.log.Info("there is space on the disk again, the node writes")
	}
	a.board.watch.post(f)
}

// Health implements rpc.Backend.
func (b backend) Health() rpc.HealthReport {
	r := reasons{state: rpc.NodeOK, ready: true, all: []string{}}
	report := rpc.HealthReport{Budget: *b.board.budget.Load(), Network: *b.board.network.Load()}
	report.Network.TurnedAway, report.Network.Bans = b.board.turnedAway.Load(), b.board.bans.Load()
	starting := false
	actors := b.system.Health().Snapshot()
	report.Actors = make([]rpc.ActorHealth, 0, len(actors))
	for i := range actors {
		a := &actors[i]
		h := actorHealth(a)
		starting = starting || a.State == supervise.Starting && a.Restarts == 0
		report.Actors = append(report.Actors, h)
		if h.State != rpc.ActorRunning && !strings.Contains(a.Path, "/"+namePeers+"/") {
			r.unready("%s is %s%s", h.Name, strings.ReplaceAll(string(h.State), "_", " "), failureText(a))
		}
	}
	b.network(&r)
	b.twin(&r)
	for _, reason := range b.board.watch.found().reasons {
		r.wrong("%s", reason)
	}
	if p := b.board.pruning.Load(); p.short {
		r.wrong("the ledger has %d MB, more than max_ledger_bytes, though only the newest block of each account is kept: raise it", p.used>>20)
	}
	if starting && b.Uptime() < startingFor {
		r.state = rpc.NodeStarting
	}
	if damage := b.board.damage.Load(); damage != nil {
		r.unready("the database is damaged, restore it from a backup: %s", *damage)
	}
	if reason := b.board.readOnly(); reason != "" {
		r.unready("nothing is written: %s", reason)
		r.state = rpc.NodeReadOnly
	}
	if b.board.stopping.Load() {
		r.unready("the node is stopping")
		r.state = rpc.NodeStopping
	}
	report.State, report.Ready, report.Reasons = r.state, r.ready, r.all
	return report
}

// maxFailureText bounds what is told of a failure, in bytes.
const maxFailureText = 600

// failureText is why an actor waits to be started again, in one line; "" for others.
func failureText(a *supervise.ActorHealth) string {
	if a.State != supervise.BackingOff || a.LastFailure == nil {
		return ""
	}
	text, _, _ := strings.Cut(a.LastFailure.Err.Error(), "\n")
	for _, prefix := range []string{"panic: ", "actors: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return ": " + strings.ToValidUTF8(text[:min(len(text), maxFailureText)], "")
}

// network adds what keeps the node from following the network.
func (b backend) network(r *reasons) {
	known := b.knowsPeers()
	alone := len(*b.board.peers.Load()) == 0
	if known && alone && b.Uptime() >= peersGrace {
		r.unready("no peer is connected, though addresses of peers are set: check the network, and that they run")
	}
	q := b.Quorum()
	for _, reason := range q.Reasons {
		r.unready("%s", reason)
	}
	if q.Shipped {
		r.behind("weights are those that came with the network until %d blocks are confirmed here; %d are", q.ShippedUntil, q.Confirmed)
	}
	if b.hold.holds(b.env.Clock.Now()) {
		r.wrong("votes are held back until %s and until the node has caught up: its ledger was restored", b.hold.until.UTC().Format(time.TimeOnly))
	}
	if s := b.board.bootstrap.Load(); s.PrunedAccounts > 0 {
		r.unready("catching up cannot end: all peers that were asked have pruned the blocks of account %v up to height %d, and those of %d more accounts; name a peer that keeps everything with --peer HOST:PORT", s.Pruned.Account, s.Pruned.Below, s.PrunedAccounts-1)
	}
	if missing := b.board.bootstrap.Load().Missing; missing >= behindBlocks {
		r.behind("catching up: %d blocks are known to be missing", missing)
	}
}

// knowsPeers reports whether there is an address to dial.
func (b backend) knowsPeers() bool { return len(b.cfg.Peers)+len(b.cfg.Network.PresetPeers) > 0 }

// remedy says what somebody can do whose node sees too few representatives.
func (b backend) remedy(known, alone bool) string {
	switch {
	case !alone:
		return "wait until more of them are connected, or name nodes of representatives with --peer HOST:PORT"
	case known:
		return "connect the node to others first"
	case b.cfg.Network.ID == lattice.DevID:
		return "no address of a peer is known; name one with --peer HOST:PORT, or have this node confirm alone with --enable-voting --voting-key dev-genesis"
	}
	return "no address of a peer is known; name one with --peer HOST:PORT"
}

// reachable is the weight of the representatives behind connected peers and of
// those that vote here. Where nothing happens nobody is seen voting, and still
// all is well.
func (b backend) reachable(q *rpc.QuorumStatus) lattice.Amount {
	sum := q.Peers
	for _, key := range b.cfg.VotingKeys {
		account := lattice.Account(key.Public())
		if !slices.ContainsFunc(q.Details, func(p rpc.PeerWeight) bool { return p.Account == account }) {
			sum = sum.SatAdd(b.Weight(account))
		}
	}
	return sum
}

func actorHealth(a *supervise.ActorHealth) rpc.ActorHealth {
	m := &a.Mailbox
	out := rpc.ActorHealth{
		Name: a.Path, State: actorState(a.State), Restarts: a.Restarts,
		Mailbox: rpc.MailboxStats{
			Depth: int64(m.Depth), Capacity: int64(m.Capacity), HighWater: int64(m.HighWater),
			Posted: m.Posted - m.Refused, Handled: m.Handled, Refused: m.Refused, Dropped: m.Dropped, Oldest: m.Oldest.Milliseconds(),
		},
		P50: m.P50.Microseconds(), P99: m.P99.Microseconds(),
	}
	if i := strings.LastIndexByte(a.Path, '/'); i > 0 {
		out.Name, out.Parent = a.Path[i+1:], a.Path[:i]
	}
	if a.State == supervise.BackingOff {
		out.RetryAt = a.RetryAt.Unix()
	}
	if f := a.LastFailure; f != nil {
		out.Failure = &rpc.Failure{Text: f.Err.Error(), Time: f.At.Unix(), Message: f.MessageType}
	}
	return out
}

func actorState(s supervise.State) rpc.ActorState {
	switch s {
	case supervise.Running:
		return rpc.ActorRunning
	case supervise.BackingOff:
		return rpc.ActorBackingOff
	case supervise.Stopping, supervise.Stopped:
		return rpc.ActorStopped
	case supervise.Starting, supervise.Restarting:
	}
	return rpc.ActorRestarting
}

// reasons gathers what is wrong with a node.
type reasons struct {
	state rpc.NodeState
	ready bool
	all   []string
}

// wrong is for what somebody should look at; the node's answers are good.
func (r *reasons) wrong(format string, args ...any) {
	r.state = rpc.NodeDegraded
	r.all = append(r.all, fmt.Sprintf(format, args...))
}

// unready is for what makes the node's answers useless.
func (r *reasons) unready(format string, args ...any) {
	r.wrong(format, args...)
	r.ready = false
}

// behind is for what is to be expected and goes away by itself.
func (r *reasons) behind(format string, args ...any) {
	r.ready = false
	r.all = append(r.all, fmt.Sprintf(format, args...))
}
