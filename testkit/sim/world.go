package sim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// start is when every simulated world begins.
var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// World runs everything that is simulated, on the caller's goroutine: the turns
// of all actors of all nodes, and what is to happen at a time. One random
// generator, seeded once, makes all choices, so a seed decides everything.
type World struct {
	now    time.Time
	rng    *rand.Rand
	ready  []turn
	timers timers
	seq    uint64
	steps  uint64
	trace  *Trace
}

// turn is something that can run now. Which of several goes first is drawn.
type turn struct {
	owner *owner
	run   func()
}

// owner is whose turns and timers something is: a node for as long as it lives.
// What belongs to a dead owner does not happen.
type owner struct {
	id   int
	dead bool
}

// newWorld returns a world in which nothing happens yet.
func newWorld(seed uint64, trace *Trace) *World {
	return &World{now: start, rng: rand.New(rand.NewPCG(seed, 0x736d616c6c6e616e)), trace: trace}
}

// Now is the time in the world.
func (w *World) Now() time.Time { return w.now }

// do adds a turn.
func (w *World) do(o *owner, run func()) { w.ready = append(w.ready, turn{o, run}) }

// after has run happen in d from now, unless stop is called or its owner dies
// before.
func (w *World) after(o *owner, d time.Duration, run func()) (stop func() bool) {
	t := w.set(o, d, run)
	return func() bool {
		was := t.run != nil
		t.run = nil
		return was
	}
}

// set has run happen in d from now, unless its owner dies before.
func (w *World) set(o *owner, d time.Duration, run func()) *timer {
	w.seq++
	at := w.now.Add(max(0, d))
	t := &timer{at: at, order: at.Sub(start), seq: w.seq, owner: o, run: run}
	heap.Push(&w.timers, t)
	return t
}

// Step lets one thing happen: a turn that is ready, else the next thing in time.
// It reports false when nothing is left to happen before until.
func (w *World) Step(until time.Time) bool {
	w.steps++
	for len(w.ready) > 0 {
		i := w.rng.IntN(len(w.ready))
		t := w.ready[i]
		last := len(w.ready) - 1
		w.ready[i] = w.ready[last]
		w.ready[last] = turn{}
		w.ready = w.ready[:last]
		if !t.owner.dead {
			w.trace.turn(t.owner.id)
			t.run()
			return true
		}
	}
	for len(w.timers) > 0 {
		t := w.timers[0]
		if t.run == nil || t.owner.dead {
			heap.Pop(&w.timers)
			continue
		}
		if t.at.After(until) {
			break
		}
		heap.Pop(&w.timers)
		w.now = maxTime(w.now, t.at)
		run := t.run
		t.run = nil
		w.trace.timer(t.owner.id, w.now)
		run()
		return true
	}
	w.now = maxTime(w.now, until)
	return false
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// timer is something that happens at a time; of several at the same time, the
// one that was set first.
type timer struct {
	at    time.Time
	order time.Duration // at, since the start
	seq   uint64
	owner *owner
	run   func() // nil: stopped or done
}

type timers []*timer

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	if t[i].order == t[j].order {
		return t[i].seq < t[j].seq
	}
	return t[i].order < t[j].order
}

func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

func (t *timers) Push(x any) { *t = append(*t, x.(*timer)) }

func (t *timers) Pop() any {
	old := *t
	last := len(old) - 1
	x := old[last]
	old[last] = nil
	*t = old[:last]
	return x
}

// dispatcher runs the turns of one node's actors, one message each.
type dispatcher struct {
	world *World
	owner *owner
}

// Schedule implements actor.Dispatcher.
func (d dispatcher) Schedule(run func()) { d.world.do(d.owner, run) }

// Throughput implements actor.Dispatcher.
func (dispatcher) Throughput() int { return 1 }

// slowDispatcher runs the turns of an actor that uses the disk.
type slowDispatcher struct {
	dispatcher
	node *Node
}

// Schedule implements actor.Dispatcher.
func (d slowDispatcher) Schedule(run func()) {
	slow := d.node.disk.slow
	if slow == 0 {
		d.world.do(d.owner, run)
		return
	}
	d.node.slowAt = d.world.now.Add(slow)
	d.world.after(d.owner, slow, run)
}

// clock is a node's clock: the world's, but for what it is wrong by.
type clock struct {
	world *World
	owner *owner
	skew  *time.Duration

	at, shows time.Time // what it showed when it was looked at last, and when
	wrong     time.Duration
}

// Now implements supervise.Clock. It is asked several times for each message, between
// which no time passes.
func (c *clock) Now() time.Time {
	if c.at != c.world.now || c.wrong != *c.skew {
		c.at, c.wrong, c.shows = c.world.now, *c.skew, c.world.now.Add(*c.skew)
	}
	return c.shows
}

// AfterFunc implements supervise.Clock.
func (c *clock) AfterFunc(d time.Duration, f func()) func() bool {
	return c.world.after(c.owner, d, f)
}

// workers runs what real nodes run beside their actors.
type workers struct {
	world *World
	owner *owner
}

// Split implements actors.Workers.
func (workers) Split(n int, f func(from, to int)) { f(0, n) }

// Go implements actors.Workers.
func (w workers) Go(f func()) { w.world.do(w.owner, f) }

// secrets are random bytes that nobody in the world can guess and a seed decides.
type secrets struct{ rng *rand.Rand }

// Read implements io.Reader.
func (s secrets) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.rng.Uint32())
	}
	return len(p), nil
}
