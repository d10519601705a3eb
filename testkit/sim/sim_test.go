package sim

import (
	"os"
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
