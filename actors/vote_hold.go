package actors

import (
	"sync/atomic"
	"time"
)

// voteHold keeps the representatives of a node from voting on what is open, for
// some time and until the node has caught up. A ledger that was restored from a
// backup has lost the final votes that were stored after it: by then what they
// were for is confirmed, which the node hears from others.
type voteHold struct {
	until time.Time   // zero: nothing is held back
	over  atomic.Bool // it never comes back
	told  func()      // called once, when it is over
	board *board
}

// holds reports whether votes are held back still.
func (h *voteHold) holds(now time.Time) bool {
	if h.until.IsZero() || h.over.Load() {
		return false
	}
	if now.Before(h.until) || h.board.bootstrap.Load().Missing >= behindBlocks {
		return true
	}
	if !h.over.Swap(true) && h.told != nil {
		h.told()
	}
	return false
}
