package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// TestCrash kills one of three nodes while 500 transfers (fewer where the program
// is slow) go on through all of them, and starts it again. Everything that was acknowledged must be confirmed
// everywhere, and all ledgers be the same.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	const streams, each, victim = 10, 50 / slowness, 1
	c := newCluster(t)
	all := make([]*stream, streams)
	for i := range all {
		all[i] = &stream{node: c.nodes[i%3], wallet: c.fund(testkit.Key(100+i), lattice.AmountFrom(1000)), first: 1000 * (i + 1)}
	}
	before := c.blocks
	restarted := make(chan struct{})
	up := func() error {
		select {
		case <-restarted:
			return nil
		case <-time.After(waitLimit):
			return fmt.Errorf("the node was not back after %v", waitLimit)
		}
	}
	var wait sync.WaitGroup
	for i, s := range all {
		wait.Go(func() {
			if err := s.run(each, up); err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	acked := func() (n int) {
		for _, s := range all {
			n += s.count()
		}
		return n
	}
	awaitCount := func(n int) {
		eventually(t, waitLimit, fmt.Sprintf("%d blocks acknowledged", n), func() (bool, string) {
			return acked() >= n, fmt.Sprint(acked(), " are")
		})
	}
	awaitCount(streams * each * 2 / 5)
	c.nodes[victim].kill()
	awaitCount(streams * each * 4 / 5) // the others go on without it
	c.nodes[victim].start()
	close(restarted)
	wait.Wait()
	if t.Failed() {
		return
	}
	c.blocks = before + streams*each*2
	c.waitConfirmed()
	c.wantEqual()
	for _, s := range all {
		for _, hash := range s.acked {
			for i, n := range c.nodes {
				if got := n.must("block_info", object{"hash": hash.String()})["confirmed"]; got != "true" {
					t.Errorf("node %d: block %v was acknowledged and is not confirmed: %v", i, hash, got)
				}
			}
		}
	}
	c.stopAndVerify()
}
