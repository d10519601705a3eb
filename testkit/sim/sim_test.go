package sim

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestQuietWorldConfirms runs a world in which nothing goes wrong.
func TestQuietWorldConfirms(t *testing.T) {
	r := Run(Options{
		Seed: 1, Nodes: 3, Run: 10 * time.Second, Calm: 30 * time.Second, Memory: true, Accounts: 6,
		Weather: Weather{MinDelay: time.Millisecond, MaxDelay: 30 * time.Millisecond}, TransferEvery: 200 * time.Millisecond,
	})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if r.Transfers < 20 || r.Confirmed < r.Transfers {
		t.Errorf("not much happened: %s", r.Line())
	}
}

// swarmTime is short: many seeds find more than long ones.
const swarmTime = 8 * time.Second

// foundTime is how long smallnano-sim runs a seed.
const foundTime = 9 * time.Second

// fewer is how many of so many seeds are run: all, or when the race detector watches
// a tenth.
func fewer(seeds uint64) uint64 {
	if racing {
		return seeds / 10
	}
	return seeds
}

// TestSwarm runs the first seeds.
func TestSwarm(t *testing.T) {
	for seed := uint64(1); seed <= fewer(30); seed++ {
		if r := Run(Swarm(seed, 0, swarmTime)); r.Err != nil {
			t.Error(r.Line())
		}
	}
}

// TestFoundSeeds runs the seeds that broke a law once.
func TestFoundSeeds(t *testing.T) {
	text, err := os.ReadFile("testdata/seeds")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		seed, err := strconv.ParseUint(strings.Fields(line)[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if r := Run(Swarm(seed, 0, foundTime)); r.Err != nil {
			t.Errorf("%s\nonce it was: %s", r.Line(), line)
		}
	}
}

// TestSameSeedSameTrace runs seeds twice: whatever a run reads that the seed
// does not decide shows as another hash.
func TestSameSeedSameTrace(t *testing.T) {
	hashes := map[string]uint64{}
	for seed := uint64(1); seed <= fewer(50); seed++ {
		o := Swarm(seed, 0, 2*time.Second)
		one, two := Run(o), Run(o)
		if one.Hash != two.Hash {
			t.Errorf("seed %d: %s and %s", seed, one.Hash, two.Hash)
		}
		if other, twice := hashes[one.Hash]; twice {
			t.Errorf("seeds %d and %d have the same trace", seed, other)
		}
		hashes[one.Hash] = seed
	}
}

// BenchmarkSeed measures how many seeds a second are simulated.
func BenchmarkSeed(b *testing.B) {
	seed := uint64(0)
	for b.Loop() {
		seed++
		if r := Run(Swarm(seed, 0, swarmTime)); r.Err != nil {
			b.Fatal(r.Line())
		}
	}
}
