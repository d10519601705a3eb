package sim

import (
	"os"
	"strconv"
	"testing"
	"time"
)

func TestQuietWorldConfirms(t *testing.T) {
	o := Options{Seed: 1, Nodes: 3, Run: 20 * time.Second, Calm: 30 * time.Second, Memory: true, Accounts: 6,
		Weather: Weather{MinDelay: time.Millisecond, MaxDelay: 30 * time.Millisecond}, TransferEvery: 200 * time.Millisecond}
	if os.Getenv("SIM_TRACE") != "" {
		o.Trace = os.Stdout
	}
	r := Run(o)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	t.Logf("%+v", r)
	again := Run(o)
	if again.Hash != r.Hash {
		t.Fatalf("two runs of one seed: %s and %s", r.Hash, again.Hash)
	}
}

func TestSwarm(t *testing.T) {
	first, count := uint64(1), uint64(20)
	if s := os.Getenv("SIM_COUNT"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		count = n
	}
	if s := os.Getenv("SIM_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, count = n, 1
	}
	for seed := first; seed < first+count; seed++ {
		o := Swarm(seed, 3+int(seed%3), 30*time.Second)
		if os.Getenv("SIM_TRACE") != "" {
			o.Trace = os.Stdout
		}
		r := Run(o)
		t.Logf("%+v", r)
		if r.Err != nil {
			t.Errorf("seed %d: %v", seed, r.Err)
		}
	}
}

// BenchmarkSeed measures how many seeds a second are simulated.
func BenchmarkSeed(b *testing.B) {
	seed := uint64(0)
	for b.Loop() {
		seed++
		if r := Run(Swarm(seed, 3+int(seed%3), 10*time.Second)); r.Err != nil {
			b.Fatal(seed, r.Err)
		}
	}
}
