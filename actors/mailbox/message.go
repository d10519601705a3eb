package mailbox

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/messages"
)

// Why a message was not handled. They reach the sender through Refused, the
// hook Config.OnReject, and the error of TryPost and PostWait; test with errors.Is.
var (
	// ErrFull: the queue, the source's share of it, or the control reserve is full.
	ErrFull = errors.New("mailbox full")
	// ErrDropped: the message was queued, then pushed out by a newer one.
	ErrDropped = errors.New("dropped from the mailbox by a newer message")
	// ErrStopped: the actor is stopping, stopped, or was never started.
	ErrStopped = errors.New("actor stopped")
	// ErrFailed: the handler of this very message panicked. The error wraps *Panic.
	ErrFailed = errors.New("actor failed on the message")
	// ErrNil: the message was nil.
	ErrNil = errors.New("nil message")
)

// Control marks a message that travels in the control lane: few, small, needed
// to get out of trouble. Refusals, ticks and credits are; work is not.
type Control interface{ MailboxControl() }

// Refusable is a message that wants to know that it will not be handled.
//
// Refused is called exactly once, without a lock held, on the goroutine that
// refused it: the sender's, or that of the actor that stopped or panicked. It
// must not block and must not panic. After ErrFailed the handler may already
// have done part of its work.
type Refusable interface{ Refused(err error) }

// Sourced is a message that says whom it comes from. Messages without a source
// share the zero Source.
type Sourced interface{ MailboxSource() Source }

// Digester is a message with a short, harmless description of its content (a
// hash, not a payload), logged when the message makes an actor fail.
type Digester interface{ MailboxDigest() string }

// Source is whom a message comes from: the key of the fair queue, and the
// culprit named when a message makes an actor fail. It is declared with the
// messages, which say it of themselves.
type Source = messages.Source

// SourceOf is the source of a message or of the message in an envelope; the
// zero Source if it has none.
func SourceOf(message any) Source {
	if m, ok := actor.UnwrapEnvelopeMessage(message).(Sourced); ok {
		return m.MailboxSource()
	}
	return Source{}
}

// Rejected describes one refusal to Config.OnReject.
type Rejected struct {
	Message any        // without its envelope
	Sender  *actor.PID // nil unless the message came by Request
	Source  Source
	Err     error // wraps one of the errors above
}

// Nack answers a Request whose message was refused or made its handler panic. It is a control message,
// and is itself never answered.
type Nack struct {
	Message any        // the refused message
	To      *actor.PID // whom it was sent to
	Err     error
}

// MailboxControl puts a Nack in the control lane.
func (*Nack) MailboxControl() {}

// Panic is the reason a mailbox escalates when a handler panics: the library
// would pass the bare value and lose the stack.
type Panic struct {
	Value any    // what was passed to panic; nil when the handler called runtime.Goexit
	Stack []byte // of the goroutine that panicked
}

// Error names the value, without the stack.
func (p *Panic) Error() string {
	if p.Value == nil {
		return "handler called runtime.Goexit"
	}
	return fmt.Sprintf("panic: %v", p.Value)
}

// Unwrap gives the value if it is an error, so that errors.Is sees through a panic(err).
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// LogValue keeps the stack out of one-line logs.
func (p *Panic) LogValue() slog.Value { return slog.StringValue(p.Error()) }
