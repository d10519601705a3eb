package mailbox

import (
	"context"
	"sync/atomic"
)

// Inbox is a lasting address of an actor's mailbox, which is made anew each time the
// actor is spawned. Its owner asks it whether more is queued; edges post through
// it, because a PID says neither "full" nor "wait". The zero Inbox is ready, and
// refuses everything with ErrStopped until the actor has been spawned.
type Inbox struct{ box atomic.Pointer[Mailbox] }

// Bind points the inbox at a mailbox. The spawner calls it.
func (i *Inbox) Bind(m *Mailbox) { i.box.Store(m) }

// TryPost is Mailbox.TryPost.
func (i *Inbox) TryPost(message any) error {
	if m := i.box.Load(); m != nil {
		return m.TryPost(message)
	}
	refuse(message, ErrStopped)
	return ErrStopped
}

// PostWait is Mailbox.PostWait. Never in an actor.
func (i *Inbox) PostWait(ctx context.Context, message any) error {
	if m := i.box.Load(); m != nil {
		return m.PostWait(ctx, message)
	}
	refuse(message, ErrStopped)
	return ErrStopped
}

// Len is the number of user messages queued. To the actor that owns the box, zero means
// that nothing follows the message in hand.
func (i *Inbox) Len() int {
	if m := i.box.Load(); m != nil {
		return m.Len()
	}
	return 0
}

// Stats is Mailbox.Stats; zero before the actor was spawned.
func (i *Inbox) Stats() Stats {
	if m := i.box.Load(); m != nil {
		return m.Stats()
	}
	return Stats{}
}
