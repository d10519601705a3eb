package mailbox

import (
	"context"

	"github.com/asynkron/protoactor-go/actor"
)

// Mailbox is one actor's queue. Make it with New. All methods are safe for concurrent use.
type Mailbox struct{}

var _ actor.Mailbox = (*Mailbox)(nil)

// New makes a mailbox, or says what is wrong with the config.
func New(c Config) (*Mailbox, error) { panic("mailbox: todo") }

// TryPost offers a message and says what became of it: nil when queued, ErrFull,
// ErrStopped or ErrNil when refused. It never waits.
func (m *Mailbox) TryPost(message any) error { panic("mailbox: todo") }

// PostWait offers a message and parks, first come first served, until there is room for
// it (whatever the policy), the actor stops, or ctx ends. Only for goroutines at the
// edge: sockets, HTTP. An actor that waits can wait for itself.
func (m *Mailbox) PostWait(ctx context.Context, message any) error { panic("mailbox: todo") }

// PostUserMessage is TryPost for the library.
func (m *Mailbox) PostUserMessage(message any) { _ = m.TryPost(message) }

// PostSystemMessage queues a lifecycle message, for the library.
func (m *Mailbox) PostSystemMessage(message any) { panic("mailbox: todo") }

// RegisterHandlers is called once by the library before Start.
func (m *Mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	panic("mailbox: todo")
}

// Start lets turns begin. What was posted before waits for it, so that Started comes first.
func (m *Mailbox) Start() { panic("mailbox: todo") }

// Hold keeps a mailbox that is not yet started from running turns until Release: for
// a root that wants all its children to be addressable before any of them runs.
func (m *Mailbox) Hold() { panic("mailbox: todo") }

// Release undoes Hold.
func (m *Mailbox) Release() { panic("mailbox: todo") }

// Close refuses what is queued and everything posted later with ErrStopped, and wakes all
// waiters. System messages still pass, except Restart: a stopped actor stays stopped.
// The spawner calls it when the actor begins to stop.
func (m *Mailbox) Close() { panic("mailbox: todo") }

// Len is the number of user messages queued.
func (m *Mailbox) Len() int { panic("mailbox: todo") }

// UserMessageCount is Len, for the library.
func (m *Mailbox) UserMessageCount() int { return m.Len() }

// Stats takes a snapshot. It holds the mailbox's lock for less than a microsecond.
func (m *Mailbox) Stats() Stats { panic("mailbox: todo") }

func refuse(message any, err error) {
	if r, ok := actor.UnwrapEnvelopeMessage(message).(Refusable); ok {
		r.Refused(err)
	}
}
