package messages

import "github.com/smallnano/smallnano/messages/lattice"

// Work is every message that the work actor accepts.
//
//sumtype:decl
type Work interface{ toWork() }

// GenerateWork asks for a nonce. Reply is called once and must not block; it is
// not called when Abandoned answers true before the search begins.
type GenerateWork struct {
	Root      lattice.Root
	Threshold uint64
	Abandoned func() bool // nobody waits any more; may be nil
	Reply     func(nonce uint64, err error)
}

// Refused tells who waits that the queue is full.
func (m *GenerateWork) Refused(err error) { m.Reply(0, err) }

// CancelWork gives up the searches for a root.
type CancelWork struct{ Root lattice.Root }

// MailboxControl lets a cancellation pass a full queue.
func (*CancelWork) MailboxControl() {}

// WorkFound is a search's end, told by the searching goroutine.
type WorkFound struct {
	Search uint64
	Nonce  uint64
	Err    error
}

// MailboxControl lets the result pass a full queue.
func (*WorkFound) MailboxControl() {}

func (*GenerateWork) toWork() {}
func (*CancelWork) toWork()   {}
func (*WorkFound) toWork()    {}
func (*Tick) toWork()         {}
