package actors

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/wire/rpc"
)

// measureEvery is how often the node measures what it uses.
const measureEvery = 5 * time.Second

// Usage is what the process uses of the machine; 0 where it is not known.
type Usage struct {
	RSS, Heap       int64 // bytes
	Goroutines, FDs int64
}

// The budget that the node is meant to keep.
const (
	targetRSS  = 64 << 20
	targetHeap = 48 << 20
	targetDisk = 2 << 30
)

// health measures the node against its budget and says when it leaves it. The
// states of the actors are not its business: the supervisor knows them.
type health struct {
	env   *Env
	board *board
	probe func() Usage
	log   *slog.Logger
	next  time.Time
	over  bool
}

// Receive implements actor.Actor.
func (a *health) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*messages.Tick); ok && !m.Now.Before(a.next) {
		a.next = m.Now.Add(measureEvery)
		a.measure()
	}
}

func (a *health) measure() {
	u := a.probe()
	disk, err := a.env.Store.Size()
	if err != nil {
		a.log.Warn("cannot measure the database", "err", err)
	}
	peers := *a.board.peers.Load()
	var queued int64
	for i := range peers {
		queued += int64(peers[i].traffic.Queued)
	}
	a.board.budget.Store(&[]rpc.BudgetItem{
		{Name: "rss", Used: u.RSS, Target: targetRSS, Unit: "bytes"},
		{Name: "heap", Used: u.Heap, Target: targetHeap, Unit: "bytes"},
		{Name: "goroutines", Used: u.Goroutines, Unit: "count"},
		{Name: "disk", Used: disk, Target: targetDisk, Unit: "bytes"},
		{Name: "fds", Used: u.FDs, Unit: "count"},
		{Name: "peers", Used: int64(len(peers)), Unit: "count"},
		{Name: "peer_bytes", Used: queued, Target: int64(len(peers)) * linkMemory, Unit: "bytes"},
	})
	if over := u.RSS > targetRSS; over != a.over {
		a.over = over
		a.log.Info("memory against its budget", "over", over, "rss", u.RSS, "target", targetRSS)
	}
}

// Health implements rpc.Backend.
func (b backend) Health() rpc.HealthReport {
	report := rpc.HealthReport{State: rpc.NodeOK, Ready: true, Reasons: []string{}, Budget: *b.board.budget.Load()}
	for _, a := range b.system.Health().Snapshot() {
		h := actorHealth(&a)
		report.Actors = append(report.Actors, h)
		if h.State != rpc.ActorRunning && !strings.Contains(a.Path, "/"+namePeers+"/") {
			degrade(&report, fmt.Sprintf("%s is %s", h.Name, strings.ReplaceAll(string(h.State), "_", " ")))
		}
	}
	q := b.board.quorum.Load()
	if q.status.Online.Less(q.status.Delta) {
		report.Ready = false
		report.Reasons = append(report.Reasons, fmt.Sprintf("representatives online have %v smn, a confirmation needs %v", q.status.Online, q.status.Delta))
	}
	if reason := b.board.readOnly(); reason != "" {
		degrade(&report, "nothing is written: "+reason)
		report.State = rpc.NodeReadOnly
	}
	if b.board.stopping.Load() {
		report.State, report.Ready = rpc.NodeStopping, false
	}
	return report
}

func degrade(r *rpc.HealthReport, reason string) {
	r.State, r.Ready = rpc.NodeDegraded, false
	r.Reasons = append(r.Reasons, reason)
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
