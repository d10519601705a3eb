package actors

import (
	"testing"
	"time"
)

// TestSettling: a node that starts says how many principals it hears when no more of them
// come, or after a while; from then on always.
func TestSettling(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	type step struct {
		after             time.Duration
		peers, principals int
		want              bool
	}
	for name, steps := range map[string][]step{
		"alone":        {{0, 0, 0, false}, {time.Hour, 0, 0, false}},
		"at once":      {{0, 3, 3, false}, {settleTime - 1, 3, 3, false}, {settleTime, 3, 3, true}, {settleTime + 1, 9, 9, true}, {time.Hour, 0, 0, true}},
		"one by one":   {{0, 1, 0, false}, {settleTime, 2, 1, false}, {2*settleTime - 1, 2, 1, false}, {2 * settleTime, 2, 1, true}},
		"late":         {{0, 0, 0, false}, {time.Hour, 1, 1, false}, {time.Hour + settleTime, 1, 1, true}},
		"hears nobody": {{0, 1, 0, false}, {settleTime, 1, 0, true}},
		"come and go":  {{0, 1, 2, false}, {settleTime - 1, 1, 1, false}, {settleTime, 1, 2, true}},
		"never ends":   {{0, 1, 1, false}, {settleTime, 2, 2, false}, {2 * settleTime, 3, 3, false}, {4 * settleTime, 4, 4, false}, {settleMost, 5, 5, true}},
	} {
		s := settling{}
		for i, x := range steps {
			if got := s.settled(x.peers, x.principals, start.Add(x.after)); got != x.want {
				t.Errorf("%s, step %d: %v, want %v", name, i, got, x.want)
			}
		}
	}
}
