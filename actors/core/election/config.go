package election

import (
	"fmt"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// MaxBlocks bounds the competing blocks of one election.
	MaxBlocks = 4
	// MaxVoters bounds the votes that one election counts. When there are more,
	// the heavier representatives stay.
	MaxVoters = 256
	// MaxManual bounds the elections that were asked for by hand.
	MaxManual = 64
	// MaxForked bounds the elections that were started out of turn because of a
	// fork. Forks cost little to make, so they have a bound of their own.
	MaxForked = 64
	// maxPublish and maxSolicit bound what one Tick adds to Ready; the rest is due
	// at the next.
	maxPublish = 32
	maxSolicit = 128
)

// Config is how many elections run, and at which pace. A field that is 0 takes
// its default, which depends on the network.
type Config struct {
	// MaxElections bounds the priority elections that run at a time, and in the
	// same number all that are confirmed and wait to be cemented. Default 500.
	MaxElections int
	// HintedPercent and OptimisticPercent bound the elections of these kinds, as
	// shares of MaxElections, on top of it. Default 20 and 10.
	HintedPercent, OptimisticPercent int

	// TimeToLive is how long an election runs without a decision, HintedTimeToLive
	// how long a hinted or optimistic one does. Default 5 min and 30 s.
	TimeToLive, HintedTimeToLive time.Duration

	// VoteInterval is the pause between own votes in an election, and how long a
	// contested winner must lead before it gets a final vote. Default: the
	// network's vote spacing. The pauses that follow are in proportion to it; the
	// defaults are given for the 15 s of the main network.
	VoteInterval time.Duration
	// PassiveFor is how long an election waits for votes to come by themselves
	// before it asks for them. Default 5 s.
	PassiveFor time.Duration
	// SolicitInterval is the pause between two requests for votes. Default 5 s.
	SolicitInterval time.Duration
	// PublishInterval is the pause between two broadcasts of the winner. Default
	// 150 s.
	PublishInterval time.Duration
	// LocalPublishInterval is by how much the pause between two broadcasts of a
	// block that was made here grows each time, up to twenty times. Default 3 s.
	LocalPublishInterval time.Duration
	// RepeatInterval is the pause after which Confirmed and Switch are said again
	// when no answer came. Default 2 s.
	RepeatInterval time.Duration

	// RecentlyConfirmed bounds the cemented blocks that are remembered, so that
	// they start no election again. Default 8192.
	RecentlyConfirmed int
	// History bounds the ended elections that are remembered for people to see,
	// LatencyWindow the durations that the percentiles are taken of. Default 512
	// and 1024.
	History, LatencyWindow int
}

// maxConfigured bounds every number of a Config, so that sums of them cannot
// overflow an int of 32 bits.
const maxConfigured = 1 << 20

// DefaultConfig returns the defaults for a network.
func DefaultConfig(n *lattice.Network) Config {
	return Config{}.withDefaults(n)
}

// withDefaults fills in what is 0.
func (c Config) withDefaults(n *lattice.Network) Config {
	number := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	pause := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	number(&c.MaxElections, 500)
	number(&c.HintedPercent, 20)
	number(&c.OptimisticPercent, 10)
	number(&c.RecentlyConfirmed, 8192)
	number(&c.History, 512)
	number(&c.LatencyWindow, 1024)
	pause(&c.TimeToLive, 5*time.Minute)
	pause(&c.HintedTimeToLive, 30*time.Second)
	pause(&c.VoteInterval, n.VoteSpacing)
	second := c.VoteInterval / 15
	pause(&c.PassiveFor, 5*second)
	pause(&c.SolicitInterval, 5*second)
	pause(&c.PublishInterval, 150*second)
	pause(&c.LocalPublishInterval, 3*second)
	pause(&c.RepeatInterval, 2*second)
	return c
}

// Validate reports the first field that cannot be used, and what it may be.
// Zero fields are fine.
func (c Config) Validate() error {
	for _, f := range []struct {
		name  string
		value int
		most  int
	}{
		{"max elections", c.MaxElections, maxConfigured},
		{"hinted percent", c.HintedPercent, 100},
		{"optimistic percent", c.OptimisticPercent, 100},
		{"recently confirmed", c.RecentlyConfirmed, maxConfigured},
		{"history", c.History, maxConfigured},
		{"latency window", c.LatencyWindow, maxConfigured},
	} {
		if f.value < 0 || f.value > f.most {
			return fmt.Errorf("election config: %s is %d; use 1 to %d, or 0 for the default", f.name, f.value, f.most)
		}
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"time to live", c.TimeToLive},
		{"hinted time to live", c.HintedTimeToLive},
		{"vote interval", c.VoteInterval},
		{"passive time", c.PassiveFor},
		{"solicit interval", c.SolicitInterval},
		{"publish interval", c.PublishInterval},
		{"local publish interval", c.LocalPublishInterval},
		{"repeat interval", c.RepeatInterval},
	} {
		if f.value < 0 || f.value > 24*time.Hour {
			return fmt.Errorf("election config: %s is %v; use a time up to 24h, or 0 for the default", f.name, f.value)
		}
	}
	return nil
}
