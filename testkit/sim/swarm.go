package sim

import (
	"math/rand/v2"
	"time"
)

// MaxNodes bounds the nodes of a world.
const MaxNodes = 64

// maxLiarPercent is how much weight may lie: with more than what quorum leaves,
// the honest could not decide without them.
const maxLiarPercent = 32

// Swarm draws the options of a seed: each seed switches some features on and
// others off, so that none hides behind another, and draws its limits small.
// Without a number of nodes it draws 3 to 5.
func Swarm(seed uint64, nodes int, run time.Duration) Options {
	rng := rand.New(rand.NewPCG(seed, 0x737761726d))
	if drawn := 3 + rng.IntN(3); nodes == 0 {
		nodes = drawn
	}
	maybe := func(odds int, low, high time.Duration) time.Duration {
		if rng.IntN(100) >= odds {
			return 0
		}
		return low + time.Duration(rng.Int64N(int64(high-low)))
	}
	o := Options{
		Seed: seed, Nodes: nodes, Run: run, Calm: 2 * time.Minute,
		Accounts:      2 + rng.IntN(12),
		Weather:       Weather{MinDelay: time.Millisecond, MaxDelay: time.Duration(2+rng.IntN(120)) * time.Millisecond},
		TransferEvery: 50*time.Millisecond + time.Duration(rng.Int64N(int64(500*time.Millisecond))),
		ForkEvery:     maybe(50, 500*time.Millisecond, 5*time.Second),
		CrashEvery:    maybe(50, 2*time.Second, 20*time.Second),
		CutEvery:      maybe(40, 5*time.Second, 30*time.Second),
		PanicEvery:    maybe(50, 500*time.Millisecond, 10*time.Second),
		DiskEvery:     maybe(30, 3*time.Second, 20*time.Second),
		Memory:        rng.IntN(4) != 0,
		SmallLimits:   rng.IntN(2) == 0,
		PowerLoss:     rng.IntN(2) * 50,
		MaxSkew:       maybe(50, time.Millisecond, 5*time.Second),
	}
	if rng.IntN(2) == 0 {
		o.Weather.Lose, o.Weather.Double, o.Weather.Overtake = rng.IntN(50), rng.IntN(20), rng.IntN(20)
	}
	if rng.IntN(2) == 0 {
		o.Weather.Break = rng.IntN(5)
	}
	if rng.IntN(4) == 0 {
		o.Joiners = 1 + rng.IntN(2)
	}
	if rng.IntN(4) == 0 {
		o.Spammers, o.SpamEvery = 1+rng.IntN(2), 30*time.Millisecond+time.Duration(rng.Int64N(int64(400*time.Millisecond)))
	}
	if rng.IntN(4) == 0 {
		o.Naives = 2 + rng.IntN(4)
	}
	if rng.IntN(3) == 0 {
		o.Liars = 1 + rng.IntN(3)
		if rng.IntN(2) == 0 {
			o.LiarPercent = 1 + rng.IntN(maxLiarPercent)
		}
	}
	if rng.IntN(4) == 0 {
		o.Keep = 1 + rng.Uint64N(12)
	}
	return o
}
