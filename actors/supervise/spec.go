package supervise

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// Spec describes one actor.
type Spec struct {
	// Name is the last part of its path: letters, digits, '-', '_', '.'.
	Name string

	// New makes an instance. It is called on the actor's own turn, at the start and after each
	// failure. It should only allocate; resources are acquired in Started.
	New func() actor.Actor

	// Mailbox configures its queue. Elapsed defaults to the system's clock. A message that came
	// by Request and is refused, or fails its handler, is answered with *mailbox.Nack.
	Mailbox mailbox.Config

	// Inbox, if not nil, is bound to the mailbox at each spawn.
	Inbox *mailbox.Inbox

	// Blocking gives the actor a dispatcher of its own, see Config.Dedicated.
	Blocking bool

	// Throughput, if not zero, lowers the number of messages per turn.
	Throughput int

	// StopOnFailure stops the actor instead of restarting it: for one connection, one request.
	StopOnFailure bool

	// Backoff replaces the system's.
	Backoff *Backoff

	// Transient actors come and go (one per peer): Health forgets them when they stop.
	Transient bool

	held bool // spawned without being let run, see Root
}

const maxNameBytes = 64

// Validate says what is wrong with a spec.
func (s Spec) Validate() error {
	if err := validName(s.Name); err != nil {
		return err
	}
	if s.New == nil {
		return fmt.Errorf("actor %s: no New", s.Name)
	}
	if s.Throughput < 0 {
		return fmt.Errorf("actor %s: throughput %d: must not be negative", s.Name, s.Throughput)
	}
	if err := s.Mailbox.Validate(); err != nil {
		return fmt.Errorf("actor %s: %w", s.Name, err)
	}
	if s.Backoff != nil {
		if err := s.Backoff.Validate(); err != nil {
			return fmt.Errorf("actor %s: %w", s.Name, err)
		}
	}
	return nil
}

func validName(name string) error {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}
	if name == "" || len(name) > maxNameBytes || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("actor name %.80q: must be 1 to %d letters, digits, '-', '_' or '.'", name, maxNameBytes)
	}
	return nil
}

// Props describes an actor to the library, with everything set that children do not inherit.
// The name of the spawned actor is up to the caller (ctx.SpawnNamed(props, spec.Name)). It
// panics on an invalid spec.
func (s *System) Props(spec Spec) *actor.Props {
	if err := spec.Validate(); err != nil {
		panic("supervise: " + err.Error())
	}
	// Each spawn gets a cell of its own, which ties together what the library makes apart:
	// instance, mailbox and dispatcher. So one Props can be spawned again and again.
	spawn := func(_ *actor.ActorSystem, path string, _ *actor.Props, parent actor.SpawnerContext) (*actor.PID, error) {
		return s.spawn(spec, path, parent)
	}
	return actor.PropsFromProducer(func() actor.Actor { return nil }, actor.WithSpawnFunc(spawn))
}

// Spawn spawns spec under spec.Name, as a child of the actor whose context is given or, with
// the Root context of Actors, at the top. The error is actor.ErrNameExists, or says what
// is wrong with the spec.
func (s *System) Spawn(parent actor.SpawnerContext, spec Spec) (*actor.PID, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	pid, err := parent.SpawnNamed(s.Props(spec), spec.Name)
	if err != nil {
		return nil, fmt.Errorf("spawn %s: %w", spec.Name, err)
	}
	return pid, nil
}

func (s *System) spawn(spec Spec, path string, parent actor.SpawnerContext) (*actor.PID, error) {
	c := &cell{system: s, spec: spec, path: path, pid: s.PID(path), backoff: s.config.Backoff}
	if spec.Backoff != nil {
		c.backoff = *spec.Backoff
	}
	config := spec.Mailbox
	if config.Elapsed == nil {
		config.Elapsed = s.elapsed
	}
	config.OnReject = c.rejected
	box, err := mailbox.New(config)
	if err != nil {
		return nil, fmt.Errorf("spawn %s: %w", path, err)
	}
	if spec.held {
		box.Hold()
	}
	c.box = box
	c.dispatcher = s.config.Dispatcher
	if spec.Blocking && s.config.Dedicated != nil {
		c.dispatcher = s.config.Dedicated()
		c.closer, _ = c.dispatcher.(interface{ Close() })
	}
	if t := spec.Throughput; t > 0 && t < c.dispatcher.Throughput() {
		c.dispatcher = slower{c.dispatcher, t}
	}
	props := actor.PropsFromProducer(func() actor.Actor { return &shell{cell: c} },
		actor.WithMailbox(func() actor.Mailbox { return box }),
		actor.WithDispatcher(c.dispatcher),
		actor.WithSupervisor(s.strategy),
		// The first moment when the name is known to be ours.
		actor.WithOnInit(func(actor.Context) { c.appear() }))
	pid, err := actor.DefaultSpawner(s.actors, path, props, parent)
	if err != nil && c.closer != nil {
		c.closer.Close()
	}
	return pid, err
}

// cell is one spawned actor, from its spawn to its end, through all its instances.
type cell struct {
	system     *System
	spec       Spec
	path       string
	pid        *actor.PID
	box        *mailbox.Mailbox
	dispatcher actor.Dispatcher
	closer     interface{ Close() } // of a dispatcher of its own
	backoff    Backoff
	planted    atomic.Bool // fail on the next user message
	record                 // guarded by Health's lock
}

// appear makes the actor known.
func (c *cell) appear() {
	c.system.health.add(c, c.system.config.Clock.Now())
	if c.spec.Inbox != nil {
		c.spec.Inbox.Bind(c.box)
	}
}

// rejected answers requests that were refused, then calls the spec's own hook.
func (c *cell) rejected(r mailbox.Rejected) {
	c.system.nack(r.Sender, c.pid, r.Message, r.Err)
	if c.spec.Mailbox.OnReject != nil {
		c.spec.Mailbox.OnReject(r)
	}
}

// enter records a state.
func (c *cell) enter(state State) { c.system.health.enter(c, state, c.system.config.Clock.Now()) }

// shell is what the library sees of an actor: one instance, with the lifecycle made safe.
type shell struct {
	cell  *cell
	inner actor.Actor // nil until Started
}

// Receive implements actor.Actor.
func (s *shell) Receive(ctx actor.Context) {
	c := s.cell
	switch ctx.Message().(type) {
	case *actor.Started:
		if s.inner = c.spec.New(); s.inner == nil {
			panic("supervise: New of actor " + c.path + " returned nil")
		}
		s.inner.Receive(ctx)
		c.enter(Running)
	case *actor.Restarting:
		c.enter(Restarting)
		s.cleanUp(ctx, "Restarting")
	case *actor.Stopping:
		c.enter(Stopping)
		c.box.Close()
		s.cleanUp(ctx, "Stopping")
	case *actor.Stopped:
		s.cleanUp(ctx, "Stopped")
		c.system.health.end(c, c.system.config.Clock.Now())
		if c.closer != nil {
			c.closer.Close()
		}
	case *plantedNow:
		panic(&PlantedFailure{c.path})
	case *actor.Terminated: // not a message of its users, and it may come before New
		if s.inner != nil {
			s.inner.Receive(ctx)
		}
	default:
		if c.planted.CompareAndSwap(true, false) {
			panic(&PlantedFailure{c.path})
		}
		s.inner.Receive(ctx)
	}
}

// cleanUp delivers the end of an instance. The library turns a panic there into a zombie, or an
// actor that comes back to life, and its parent waits for ever; so it ends here.
func (s *shell) cleanUp(ctx actor.Context, phase string) {
	if s.inner == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			s.cell.system.health.cleanupFailed(s.cell, fmt.Sprintf("panic in %s: %v", phase, v))
			s.cell.system.log.Error("actor failed while releasing", "actor", s.cell.path, "phase", phase, "panic", fmt.Sprint(v))
		}
	}()
	s.inner.Receive(ctx)
}

// plantedNow makes an actor fail as soon as its control lane is served.
type plantedNow struct{}

func (*plantedNow) MailboxControl() {}

// PlantedFailure is the value of a panic asked for by FailNext or FailNow.
type PlantedFailure struct{ Path string }

// Error says that the failure was asked for.
func (p *PlantedFailure) Error() string { return "planted failure of " + p.Path }

var errNoActor = errors.New("no such actor")
