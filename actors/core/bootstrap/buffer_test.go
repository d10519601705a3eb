package bootstrap

import (
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// The client pauses at its allowance, and goes on when a tenth of it is free.
func TestAllowance(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxUnconfirmed = 1000
	c := New(cfg)
	for _, step := range []struct {
		unconfirmed uint64
		paused      bool
	}{{0, false}, {999, false}, {1000, true}, {950, true}, {901, true}, {900, false}, {999, false}, {5000, true}, {0, false}} {
		if c.Unconfirmed(step.unconfirmed); c.paused != step.paused {
			t.Errorf("%d unconfirmed: paused %v", step.unconfirmed, c.paused)
		}
	}
	cfg.MaxUnconfirmed = MaxPullBlocks - 1
	if cfg.Validate() == nil {
		t.Error("an allowance below one answer was accepted")
	}
}

// While the buffer is nearly full only what others wait for is asked for.
func TestNearlyFullBuffer(t *testing.T) {
	c := New(DefaultConfig())
	c.Buffer(0, 100)
	if !c.roomy() {
		t.Error("an empty buffer has no room")
	}
	if c.Buffer(75, 100); c.roomy() {
		t.Error("a buffer that is three quarters full has room")
	}
}

// What was asked for is kept in the order in which it came; what is too much is
// refused, and nothing that waits is thrown out for it.
func TestGapsKeepOld(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	cfg := PulledGapsConfig()
	cfg.Max = 3
	g := NewGaps(cfg)
	for i := range 5 {
		b := Block{&lattice.Block{}, lattice.Hash{byte(i), 1}}
		if kept, _ := g.Put(lattice.Hash{byte(i), 2}, b, 7, now); kept != (i < 3) {
			t.Errorf("block %d: kept %v", i, kept)
		}
	}
	if s := g.Stats(); s.Len != 3 || s.Refused != 2 || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	if got := g.Take(lattice.Hash{0, 2}); len(got) != 1 {
		t.Errorf("the first block is gone: %v", got)
	}
}
