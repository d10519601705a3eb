package bootstrap

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
)

// Two clients that ask without end get the same, together what there is; one
// alone gets half.
func TestBudgetIsShared(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	const rate, answer = 1 << 20, 16 << 10
	for _, clients := range []int{1, 2, 5} {
		b := NewBudget(rate, now)
		rng := rand.New(rand.NewPCG(1, uint64(clients)))
		got := make([]int, clients)
		for i := range 10_000 { // 10 s; who comes first is chance
			for _, c := range rng.Perm(clients) {
				if b.Spend(peering.ConnID(c+1), answer, now.Add(time.Duration(i)*time.Millisecond)) {
					got[c] += answer
				}
			}
		}
		sum := 0
		for c, n := range got {
			sum += n
			if fair := 11 * rate / max(2, clients); n < fair*8/10 || n > fair*12/10 {
				t.Errorf("client %d of %d got %d bytes, its share is %d", c, clients, n, fair)
			}
		}
		if sum > 11*rate {
			t.Errorf("%d clients got %d bytes, more than there is", clients, sum)
		}
	}
}

func TestBudgetIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := NewBudget(1<<30, now)
	for i := range 3 * maxBudgets {
		b.Spend(peering.ConnID(i+1), 1, now.Add(time.Duration(i)))
		if len(b.peers) > maxBudgets {
			t.Fatalf("%d peers remembered, want at most %d", len(b.peers), maxBudgets)
		}
	}
}
