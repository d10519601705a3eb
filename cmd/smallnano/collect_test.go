package main

import (
	"testing"
	"time"
)

// TestCollector: a node at rest keeps its heap small, a busy one lets it grow by a
// little more than it uses, and at rest it is small again.
func TestCollector(t *testing.T) {
	var sets []int
	c := &collector{set: func(percent int) { sets = append(sets, percent) }}
	c.change(restPercent)
	now, cpu := time.Unix(1_700_000_000, 0), time.Duration(0)
	for _, step := range []struct {
		what string
		used time.Duration
		live uint64
		want int
	}{
		{"the first measurement", time.Hour, 8 << 20, 50},
		{"rest", 10 * time.Millisecond, 8 << 20, 50},
		{"load", time.Second, 8 << 20, 200},
		{"a little more memory", time.Second, 17 << 19, 200},
		{"more memory", time.Second, 16 << 20, 100},
		{"much memory", time.Second, 200 << 20, 50},
		{"hardly any memory", time.Second, 0, 300},
		{"rest again", 0, 8 << 20, 50},
	} {
		now, cpu = now.Add(5*time.Second), cpu+step.used
		c.steer(cpu, step.live, now)
		if c.percent != step.want {
			t.Errorf("%s: %d %%, want %d", step.what, c.percent, step.want)
		}
	}
	c.steer(cpu+time.Hour, 1, now) // no time has passed
	if want := 6; len(sets) != want {
		t.Errorf("set %d times: %v, want %d", len(sets), sets, want)
	}
	(*collector)(nil).steer(cpu, 1, now)
}

// TestLiveBytes: the runtime knows the figure by this name.
func TestLiveBytes(t *testing.T) {
	_ = liveBytes() // panics otherwise
}
