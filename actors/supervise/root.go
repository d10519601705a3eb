package supervise

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// RootConfig describes the top of a tree.
type RootConfig struct {
	// Name is the first part of all paths: "node".
	Name string
	// Children are spawned in this order and stopped in reverse. No child runs before all have
	// been spawned, so that each may message any other from Started.
	Children []Spec
	// Drain is how long each child may go on handling what is queued; then it is stopped.
	// Zero is DefaultDrain.
	Drain time.Duration
	// Kill is how long a stopped child may take to end; then it is left behind and
	// reported. Zero is DefaultKill.
	Kill time.Duration
}

// Defaults of RootConfig.
const (
	DefaultDrain = 5 * time.Second
	DefaultKill  = 2 * time.Second
)

// Report says how a shutdown went, in the order of stopping. A child that had ended before is in
// no list.
type Report struct {
	Drained []string // handled all that was queued, in time
	Cut     []string // were stopped with messages still queued (those were refused), or after a failure
	Stuck   []string // have not ended
}

// Root is a running tree. Its methods are safe for concurrent use.
type Root struct {
	system *System
	config RootConfig
	inbox  mailbox.Inbox
	pids   map[string]*actor.PID // fixed
	ready  chan struct{}
	done   chan struct{}

	mu     sync.Mutex
	over   bool
	report Report
	tell   []func(Report)
}

// StartRoot spawns the tree. It returns before the children have started: see Ready. The
// error says what is wrong with the config, or that the name is taken.
func (s *System) StartRoot(c RootConfig) (*Root, error) {
	if c.Drain == 0 {
		c.Drain = DefaultDrain
	}
	if c.Kill == 0 {
		c.Kill = DefaultKill
	}
	if c.Drain < 0 || c.Kill < 0 {
		return nil, fmt.Errorf("start %s: drain limit %v, kill limit %v: must not be negative", c.Name, c.Drain, c.Kill)
	}
	c.Children = slices.Clone(c.Children)
	r := &Root{system: s, config: c, pids: make(map[string]*actor.PID), ready: make(chan struct{}), done: make(chan struct{})}
	for i := range c.Children {
		child := &c.Children[i]
		if err := child.Validate(); err != nil {
			return nil, fmt.Errorf("start %s: %w", c.Name, err)
		}
		if r.pids[child.Name] != nil {
			return nil, fmt.Errorf("start %s: two children are named %q", c.Name, child.Name)
		}
		r.pids[child.Name] = s.PID(c.Name + "/" + child.Name)
		child.held = true
	}
	_, err := s.Spawn(s.actors.Root, Spec{
		Name: c.Name, New: func() actor.Actor { return &rootActor{root: r} },
		Mailbox: mailbox.Config{Capacity: 1}, Inbox: &r.inbox,
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// PID is the address of a direct child; nil if the config names none such.
func (r *Root) PID(child string) *actor.PID { return r.pids[child] }

// Ready is closed when all children have been spawned and released.
func (r *Root) Ready() <-chan struct{} { return r.ready }

// Stop begins the shutdown and returns at once. Each child, last one first, is let to drain
// its queue, then stopped, then left behind. done, if not nil, is called with the
// result: on the root actor's turn or, if the shutdown is over already, at once. More
// calls only add their done.
func (r *Root) Stop(done func(Report)) {
	r.mu.Lock()
	over, report := r.over, r.report
	if !over && done != nil {
		r.tell = append(r.tell, done)
	}
	r.mu.Unlock()
	if !over {
		_ = r.inbox.TryPost(&stopRoot{}) // refused only if the root is already ending
	} else if done != nil {
		done(report)
	}
}

// Done is closed when the shutdown is over.
func (r *Root) Done() <-chan struct{} { return r.done }

// Report is the result, after Done.
func (r *Root) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.report
}

// finish publishes the result, once.
func (r *Root) finish(report Report) {
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return
	}
	r.over, r.report = true, report
	tell := r.tell
	r.tell = nil
	r.mu.Unlock()
	for _, done := range tell {
		r.system.guarded("Root.Stop", func() { done(report) })
	}
	close(r.done)
}

type stopRoot struct{}

func (*stopRoot) MailboxControl() {}

// rootTimeout says that a limit of the shutdown is over.
type rootTimeout struct{ step int }

func (*rootTimeout) MailboxControl() {}

// rootActor does nothing but spawn and stop: it must have no reason to fail, because its children
// would be restarted with it.
type rootActor struct {
	root     *Root
	ended    map[string]bool // by path
	stopping bool
	index    int  // of the child that is being stopped
	killed   bool // it has been sent Stop
	step     int  // counts limits, so that a late timer is known as such
	cancel   func() bool
	report   Report
}

// Receive implements actor.Actor.
func (a *rootActor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.start(ctx)
	case *actor.Terminated:
		a.childEnded(ctx, m.Who)
	case *stopRoot:
		if !a.stopping {
			a.stopping, a.index = true, len(a.root.config.Children)
			a.stopNext(ctx)
		}
	case *rootTimeout:
		if m.step == a.step && a.stopping {
			a.limitOver(ctx)
		}
	case *actor.Stopped:
		a.root.finish(a.report)
	}
}

func (a *rootActor) start(ctx actor.Context) {
	a.ended = make(map[string]bool)
	var held []*mailbox.Mailbox
	defer func() { // also after a panic: a held child could not even be stopped
		for _, box := range held {
			box.Release()
		}
	}()
	for _, spec := range a.root.config.Children {
		pid, err := a.root.system.Spawn(ctx, spec)
		if err != nil {
			panic(err) // the name is taken by an actor that is still ending: tried again after back-off
		}
		held = append(held, a.root.system.health.Mailbox(pid.Id))
	}
	select {
	case <-a.root.ready:
	default:
		close(a.root.ready)
	}
}

// child is the path of the child that is being stopped.
func (a *rootActor) child() *actor.PID {
	return a.root.pids[a.root.config.Children[a.index].Name]
}

// stopNext turns to the child before, or ends.
func (a *rootActor) stopNext(ctx actor.Context) {
	for a.index--; a.index >= 0; a.index-- {
		if pid := a.child(); !a.ended[pid.Id] {
			a.stopChild(ctx, pid)
			return
		}
	}
	a.step++
	if len(a.report.Stuck) > 0 {
		a.root.finish(a.report) // our own end would wait for them
	}
	ctx.Stop(ctx.Self())
}

func (a *rootActor) stopChild(ctx actor.Context, pid *actor.PID) {
	if a.root.system.health.drain(pid.Id) {
		a.killed = false
		ctx.Poison(pid)
		a.limit(a.root.config.Drain)
		return
	}
	a.kill(ctx, pid) // it has failed: it would not drain before its restart
}

func (a *rootActor) kill(ctx actor.Context, pid *actor.PID) {
	a.killed = true
	ctx.Stop(pid)
	a.limit(a.root.config.Kill)
}

func (a *rootActor) limit(d time.Duration) {
	a.step++
	step := a.step
	a.cancel = a.root.system.config.Clock.AfterFunc(d, func() { _ = a.root.inbox.TryPost(&rootTimeout{step}) })
}

func (a *rootActor) limitOver(ctx actor.Context) {
	pid := a.child()
	if !a.killed {
		a.root.system.log.Warn("actor did not drain in time and is stopped", "actor", pid.Id, "limit", a.root.config.Drain)
		a.kill(ctx, pid)
		return
	}
	a.root.system.log.Warn("actor did not stop and is left behind", "actor", pid.Id, "limit", a.root.config.Kill)
	a.report.Stuck = append(a.report.Stuck, pid.Id)
	a.stopNext(ctx)
}

func (a *rootActor) childEnded(ctx actor.Context, who *actor.PID) {
	a.ended[who.Id] = true
	if !a.stopping || a.index < 0 || who.Id != a.child().Id {
		return
	}
	a.cancel()
	if a.killed || a.root.system.health.wasCut(who.Id) {
		a.report.Cut = append(a.report.Cut, who.Id)
	} else {
		a.report.Drained = append(a.report.Drained, who.Id)
	}
	a.stopNext(ctx)
}

// drain marks an actor as being shut down, so that a failure ends it. False if it has failed
// already and waits for its restart.
func (h *Health) drain(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.cells[path]
	if c == nil {
		return true
	}
	c.draining = true
	return c.state != BackingOff
}

func (h *Health) wasCut(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.cells[path]
	return c != nil && c.cut
}
