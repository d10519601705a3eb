package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/messages"
)

const (
	// pulse is how often the clock actor tells the time. Nothing in the node is
	// paced finer than this but by a Wake, which is only set while there is
	// something to wait for.
	pulse = 250 * time.Millisecond
	// slow is the pulse of a node that has had nothing to do for as long as
	// quietAfter: one that rests is woken less than twenty times a second. A block, a
	// vote or a connection ends it at once; anything else, a beat later.
	slow       = 4 * time.Second
	quietAfter = time.Minute
)

// clock is the only actor that owns a periodic timer. It tells the time to the
// others, each at its own pace.
type clock struct {
	env  *Env
	self *actor.PID
	root *actor.RootContext
	beat uint64
	set  uint64 // how often the timer was set: an earlier one is void
	// board shows whether there is anything to do.
	board  *board
	last   activity
	active time.Time // when there was
	// listeners hear every n-th pulse.
	listeners []listener
}

type listener struct {
	every uint64
	tell  func(*messages.Tick)
}

// ticks makes a listener of an actor.
func ticks[M any](r Ref[M], every uint64, wrap func(*messages.Tick) M) listener {
	return listener{every, func(t *messages.Tick) { r.Tell(wrap(t)) }}
}

// beatNow is the clock's own timer, the set-th.
type beatNow struct {
	clock *clock
	set   uint64
}

// MailboxControl lets time go by.
func (*beatNow) MailboxControl() {}

// stirred tells a clock that beats slowly that something happens.
type stirred struct{}

// MailboxControl brings it before what waits.
func (*stirred) MailboxControl() {}

// newClock makes a clock that tells the time to everybody in refs, and to the
// health actor if the node is measured.
func newClock(env *Env, r *refs, b *board, measured bool) *clock {
	const second = uint64(time.Second / pulse)
	c := &clock{env: env, root: r.system.Actors().Root, board: b, listeners: []listener{
		ticks(r.elections, 1, func(t *messages.Tick) messages.Elections { return t }),
		ticks(r.blocks, second, func(t *messages.Tick) messages.BlockProcessor { return t }),
		ticks(r.votes, second, func(t *messages.Tick) messages.Votes { return t }),
		ticks(r.voting, second, func(t *messages.Tick) messages.Voting { return t }),
		ticks(r.scheduler, second, func(t *messages.Tick) messages.Scheduler { return t }),
		ticks(r.work, second, func(t *messages.Tick) messages.Work { return t }),
		ticks(r.bootstrap, 1, func(t *messages.Tick) messages.Bootstrap { return t }),
		ticks(r.telemetry, second, func(t *messages.Tick) messages.Telemetry { return t }),
		ticks(r.pruner, second, func(t *messages.Tick) messages.Pruner { return t }),
		ticks(r.peers, 1, func(t *messages.Tick) messages.PeerSupervisor { return t }),
	}}
	if r.wallet != nil {
		c.listeners = append(c.listeners, ticks(*r.wallet, second, func(t *messages.Tick) messages.Wallet { return t }))
	}
	if measured {
		health := r.system.PID(rootName + "/" + nameHealth)
		c.listeners = append(c.listeners, listener{second, func(t *messages.Tick) { c.root.Send(health, t) }})
	}
	return c
}

// Receive implements actor.Actor.
func (a *clock) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.self, a.active = ctx.Self(), a.env.Clock.Now()
		a.board.onStir(func() { a.root.Send(ctx.Self(), &stirred{}) })
		a.next(pulse)
	case *beatNow:
		if m.clock == a && m.set == a.set { // not of an instance that failed
			a.tell()
		}
	case *stirred:
		a.active = a.env.Clock.Now()
		a.tell()
	}
}

// tell tells the time to those whose turn it is.
func (a *clock) tell() {
	t := &messages.Tick{Now: a.env.Clock.Now()}
	for _, l := range a.listeners {
		if a.beat%l.every == 0 {
			l.tell(t)
		}
	}
	next := a.pace(t.Now)
	a.board.resting.Store(next == slow)
	a.next(next)
}

// pace returns when the next beat is due, and counts this one. It changes only
// on a beat that everybody hears.
func (a *clock) pace(now time.Time) time.Duration {
	const all = uint64(slow / pulse)
	if a.beat%all == 0 {
		if does := a.board.activity(); does.busy || does != a.last {
			a.last, a.active = does, now
		}
		if now.Sub(a.active) >= quietAfter {
			a.beat += all
			return slow
		}
	}
	a.beat++
	return pulse
}

func (a *clock) next(in time.Duration) {
	a.set++
	b := &beatNow{a, a.set}
	a.env.Clock.AfterFunc(in, func() { a.root.Send(a.self, b) })
}
