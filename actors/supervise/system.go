package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// Config is what a System is made of. Dispatcher is required.
type Config struct {
	// Logger gets failures at ERROR, late shutdowns at WARN, and what the library itself says at
	// DEBUG. Nil discards.
	Logger *slog.Logger

	// Clock times back-off, drain limits, ages and handling times. Nil is RealClock.
	Clock Clock

	// Rand is the jitter of back-off; the system takes it over and guards it. Nil means no jitter.
	Rand *rand.Rand

	// Dispatcher runs all actors but those with Spec.Blocking: a Pool, or a simulator.
	Dispatcher actor.Dispatcher

	// Dedicated makes the dispatcher of one Blocking actor, which is closed after the actor
	// stopped if it has a Close method. Nil means that they run on Dispatcher too:
	// right for a simulator. Production returns a NewDedicated.
	Dedicated func() actor.Dispatcher

	// Backoff is used by specs that have none of their own. Zero is DefaultBackoff.
	Backoff Backoff

	// OnFail hears of every failure, on the supervisor's goroutine, without a lock. It must not
	// block; a panic in it is logged and ignored.
	OnFail func(Failure)

	// Reason classifies a failure: "disk full", "database corrupt", or "" for one that is
	// the actor's own. When CommonCause different subsystems (default 3) have failed for
	// the same reason within CommonWindow (default 1 minute), OnCommonCause is called
	// with it; not again until the reason has been absent for CommonWindow. The children
	// of one parent with Spec.Transient count as one subsystem, their parent.
	// Both are called like OnFail. At most 32 reasons are told apart.
	Reason        func(err error) string
	OnCommonCause func(reason string)
	CommonCause   int
	CommonWindow  time.Duration

	// OnDeadLetter hears of every user message to an actor that does not exist, on the sender's
	// goroutine, after its Refused(mailbox.ErrStopped). It must not block or panic. Nil ignores.
	OnDeadLetter func(to *actor.PID, message any)
}

// System is one node's actor runtime.
type System struct {
	config   Config
	log      *slog.Logger
	actors   *actor.ActorSystem
	health   *Health
	strategy *strategy
	elapsed  func() time.Duration // since the system was made, for the mailboxes
}

// NewSystem makes a system. It starts nothing. It panics without a Dispatcher or with a
// Backoff that is invalid.
func NewSystem(c Config) *System {
	if c.Dispatcher == nil {
		panic("supervise: NewSystem without a Dispatcher")
	}
	if c.Backoff == (Backoff{}) {
		c.Backoff = DefaultBackoff
	}
	if err := c.Backoff.Validate(); err != nil {
		panic("supervise: " + err.Error())
	}
	if c.Clock == nil {
		c.Clock = RealClock{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &System{config: c, log: c.Logger, health: newHealth(), elapsed: elapsed(c.Clock)}
	s.actors = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(quieter{c.Logger.Handler()})
	}))
	repairRegistry(s.actors)
	// A stream of our own instead of the library's, whose dead letter logging starts a
	// goroutine with a real timer.
	s.actors.EventStream = eventstream.NewEventStream()
	s.actors.EventStream.Subscribe(s.onEvent)
	s.strategy = newStrategy(s)
	s.actors.Root.WithGuardian(s.strategy).Self() // Self makes the guardian process, once
	return s
}

// repairRegistry makes the registry work where int has 32 bits. The library picks one of 1024
// maps by int(hash) % 1024, which is negative for half of all names there. With one map the
// index is 0 for any hash; the map has locks of its own per shard.
func repairRegistry(s *actor.ActorSystem) {
	registry := s.ProcessRegistry
	registry.LocalPIDs = &actor.SliceMap{LocalPIDs: slices.Clone(registry.LocalPIDs.LocalPIDs[:1])}
	registry.Add(s.DeadLetter, "deadletter")
	registry.Add(actor.NewEventStreamProcess(s), "eventstream")
}

// Actors is the library's system underneath: its Root context sends and spawns.
func (s *System) Actors() *actor.ActorSystem { return s.actors }

// Clock is the system's clock.
func (s *System) Clock() Clock { return s.config.Clock }

// Health is the registry of all actors' states.
func (s *System) Health() *Health { return s.health }

// PID is the address of the actor at that path ("node/blocks"), spawned or not. Keep it rather
// than make it per message.
func (s *System) PID(path string) *actor.PID { return s.actors.NewLocalPID(path) }

// onEvent settles dead letters: messages to actors that do not exist.
func (s *System) onEvent(event any) {
	letter, ok := event.(*actor.DeadLetterEvent)
	if !ok {
		return
	}
	switch m := letter.Message.(type) {
	case *actor.Watch: // whoever watches too late is told at once
		if watcher, ok := s.actors.ProcessRegistry.Get(m.Watcher); ok {
			watcher.SendSystemMessage(m.Watcher, &actor.Terminated{Who: letter.PID, Why: actor.TerminatedReason_NotFound})
		}
		return
	case actor.SystemMessage, actor.MailboxMessage, *actor.PoisonPill:
		return
	}
	if m, ok := letter.Message.(mailbox.Refusable); ok {
		m.Refused(mailbox.ErrStopped)
	}
	s.nack(letter.Sender, letter.PID, letter.Message, mailbox.ErrStopped)
	if s.config.OnDeadLetter != nil {
		s.config.OnDeadLetter(letter.PID, letter.Message)
	}
}

// nack answers a request that was refused. Nacks themselves carry no sender.
func (s *System) nack(sender, to *actor.PID, message any, err error) {
	if sender != nil {
		s.actors.Root.Send(sender, &mailbox.Nack{Message: message, To: to, Err: err})
	}
}

// quieter passes the library's INFO on as DEBUG: it reports every recovered panic there, which
// the supervisor reports better.
type quieter struct{ slog.Handler }

func quiet(l slog.Level) slog.Level {
	if l == slog.LevelInfo {
		return slog.LevelDebug
	}
	return l
}

func (q quieter) Enabled(ctx context.Context, l slog.Level) bool {
	return q.Handler.Enabled(ctx, quiet(l))
}

func (q quieter) Handle(ctx context.Context, r slog.Record) error {
	r.Level = quiet(r.Level)
	return q.Handler.Handle(ctx, r)
}

func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs)}
}
func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.Handler.WithGroup(name)} }

// guarded calls a hook of the system's owner; its panic is logged and goes no further.
func (s *System) guarded(what string, hook func()) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("supervision hook panicked", "hook", what, "panic", fmt.Sprint(v))
		}
	}()
	hook()
}
