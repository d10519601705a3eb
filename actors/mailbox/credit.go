package mailbox

import "context"

// Credits bounds what one edge reader has in flight: messages and their bytes. The
// reader takes a Credit before it reads a frame; the message carries it and
// releases it when it has been handled or refused. Without a credit the reader
// does not read, and TCP slows the sender. Safe for concurrent use.
type Credits struct{}

// NewCredits makes a pool of count credits worth bytes in all, both at least 1.
// onAvailable, if not nil, is called after a failed TryAcquire, once, when enough
// has been released for it to succeed; without a lock, on the releasing
// goroutine. It is for users that must not block.
func NewCredits(count int, bytes int64, onAvailable func()) *Credits { panic("mailbox: todo") }

// Acquire waits its turn, first come first served, for one credit of that many bytes.
// It fails at once if bytes is negative or more than the pool can ever give, and
// when ctx ends.
func (c *Credits) Acquire(ctx context.Context, bytes int64) (*Credit, error) {
	panic("mailbox: todo")
}

// TryAcquire takes a credit if it is there and nobody waits in front. False for an
// amount the pool can never give.
func (c *Credits) TryAcquire(bytes int64) (*Credit, bool) { panic("mailbox: todo") }

// InUse says how many credits and bytes are taken.
func (c *Credits) InUse() (count int, bytes int64) { panic("mailbox: todo") }

// Credit is one taken credit.
type Credit struct{}

// Release gives the credit back. Only the first call counts, from whatever
// goroutine, and a nil Credit may be released: messages from inside the node have none.
func (t *Credit) Release() { panic("mailbox: todo") }
