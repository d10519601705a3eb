package election

import (
	"slices"
	"time"
)

// Latency is how long confirmations took lately, from the start of the election.
// All zero when there were none.
type Latency struct {
	P50, P90, P99 time.Duration
	Count         int // durations that the percentiles are taken of
}

// window is the newest durations, at most most of them.
type window struct {
	most int
	ring []time.Duration
	next int
}

func (w *window) add(d time.Duration) {
	d = max(0, d) // the clock was set back
	if len(w.ring) < w.most {
		w.ring = append(w.ring, d)
		return
	}
	w.ring[w.next] = d
	w.next = (w.next + 1) % w.most
}

// latency returns the percentiles: the smallest duration that at least so many
// of a hundred do not exceed.
func (w *window) latency() Latency {
	n := len(w.ring)
	if n == 0 {
		return Latency{}
	}
	sorted := slices.Sorted(slices.Values(w.ring))
	at := func(percent int) time.Duration { return sorted[(n*percent+99)/100-1] }
	return Latency{P50: at(50), P90: at(90), P99: at(99), Count: n}
}
