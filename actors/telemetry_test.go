package actors_test

import (
	"context"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// until waits for what the actors bring about by themselves.
func until(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// Every node learns of every peer what it says of itself, under the peer's id.
func TestTelemetry(t *testing.T) {
	c := &cluster{t: t}
	n := lattice.Dev()
	c.start(testkit.GenesisKey(n))
	c.start()
	c.start()
	for i, node := range c.nodes {
		b := node.Backend()
		until(t, "telemetry of both peers", 20*time.Second, func() bool { return len(b.Telemetry()) == 2 })
		seen := map[string]bool{}
		for _, r := range b.Telemetry() {
			if !r.Verify(n.ID) || r.NodeID == b.NodeID() || r.Blocks != 1 || r.Confirmed != 1 || r.Genesis != n.GenesisHash || !r.Address.IsValid() {
				t.Errorf("node %d was told %+v", i, r)
			}
			seen[r.NodeID.String()] = true
		}
		if len(seen) != 2 {
			t.Errorf("node %d knows %d peers apart, want 2", i, len(seen))
		}
		for _, p := range b.Peers() {
			if p.Score != 0 || p.Dropped != 0 || p.Ignored != 0 {
				t.Errorf("node %d: peer %+v", i, p)
			}
		}
	}
	b := c.nodes[0].Backend()
	c.nodes[2].Stop()
	<-c.nodes[2].Done()
	until(t, "to forget who is gone", 20*time.Second, func() bool { return len(b.Telemetry()) == 1 })
}
