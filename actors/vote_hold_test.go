package actors_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

// TestVotesAreHeldBack gives a node that votes with everything a restored
// ledger: nothing is confirmed before the hold is over, then all is.
func TestVotesAreHeldBack(t *testing.T) {
	t.Parallel() // mostly waits
	c := &cluster{t: t}
	n := lattice.Dev()
	over := make(chan struct{})
	var times atomic.Int32
	node := c.startWith(storage.NewMemory(n), func(cfg *actors.Config) {
		cfg.HoldVotes = 500 * time.Millisecond
		cfg.OnVotesReleased = func() {
			if times.Add(1) == 1 {
				close(over)
			}
		}
	}, testkit.GenesisKey(n)).Backend()
	genesis := testkit.GenesisWallet(n)
	send := genesis.Send(testkit.Account(1), lattice.AmountFrom(1))
	if !says(node, "votes are held back") {
		t.Errorf("health does not say that votes are held back: %q", node.Health().Reasons)
	}
	c.process(node, send)
	c.cemented(2)
	select {
	case <-over:
	default:
		t.Error("confirmed before votes were let go")
	}
	c.until("health still says that votes are held back", func() bool { return !says(node, "votes are held back") })
	if times.Load() != 1 {
		t.Errorf("told %d times that it is over", times.Load())
	}
}
