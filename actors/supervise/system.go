package supervise

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

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
	// right for a simulator. Production gives NewDedicatedDispatcher.
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
	Reason        func(err error) string
	OnCommonCause func(reason string)
	CommonCause   int
	CommonWindow  time.Duration

	// OnDeadLetter hears of every user message to an actor that does not exist, on the sender's
	// goroutine, after its Refused(mailbox.ErrStopped). Nil ignores.
	OnDeadLetter func(to *actor.PID, message any)
}

// System is one node's actor runtime.
type System struct{}

// NewSystem makes a system. It starts nothing.
func NewSystem(c Config) *System { panic("supervise: todo") }

// Actors is the library's system underneath: its Root context sends and spawns.
func (s *System) Actors() *actor.ActorSystem { panic("supervise: todo") }

// Clock is the system's clock.
func (s *System) Clock() Clock { panic("supervise: todo") }

// Health is the registry of all actors' states.
func (s *System) Health() *Health { panic("supervise: todo") }

// PID is the address of the actor at that path ("node/blocks"), spawned or not. Keep it rather
// than make it per message.
func (s *System) PID(path string) *actor.PID { panic("supervise: todo") }

// Props describes an actor to the library, with everything set that children do not inherit.
// The name of the spawned actor is up to the caller (ctx.SpawnNamed(props, spec.Name)). It
// panics on an invalid spec.
func (s *System) Props(spec Spec) *actor.Props { panic("supervise: todo") }

// Spawn spawns spec as a child of the actor whose context is given (or of the system's
// root context), under spec.Name.
func (s *System) Spawn(parent actor.SpawnerContext, spec Spec) (*actor.PID, error) {
	panic("supervise: todo")
}

// Spec describes one actor.
type Spec struct {
	// Name is the last part of its path: letters, digits, '-', '_', '.'.
	Name string

	// New makes an instance. It is called on the actor's own turn, at the start and after each
	// failure. It should only allocate; resources are acquired in Started.
	New func() actor.Actor

	// Mailbox configures its queue. Now defaults to the system's clock. A message that came
	// by Request and is refused is answered with *mailbox.Nack.
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
}

// Validate says what is wrong with a spec.
func (s Spec) Validate() error { panic("supervise: todo") }
