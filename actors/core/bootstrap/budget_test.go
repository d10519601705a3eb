package bootstrap

import (
	"math/rand/v2"
	"slices"
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

// Three clients that fetch the same ledger from one server at once get about the
// same at all times, also one that asks more often than the others: a fair queue
// serves them in turn, and the budget gives none more than its share while others
// want something.
func TestEqualService(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	const rate, answer, clients, perMillisecond = 4 << 20, 16 << 10, 3, 2
	b := NewBudget(rate, now)
	asked := [clients]int{1, 1, 4} // questions under way, of which all are always asked again
	var waiting [clients]int
	got := [clients]int{}
	turn := 0
	for i := range 20_000 {
		now = now.Add(time.Millisecond)
		for c := range clients {
			waiting[c] = asked[c]
		}
		for range perMillisecond { // what the server has time for
			for waiting[turn%clients] == 0 {
				turn++
			}
			c := turn % clients
			turn++
			waiting[c]--
			if b.Spend(peering.ConnID(c+1), answer, now) {
				got[c] += answer
			}
		}
		if i%5000 == 4999 {
			least, most := slices.Min(got[:]), slices.Max(got[:])
			if least == 0 || float64(most) > 1.25*float64(least) {
				t.Errorf("after %d ms the clients have %v bytes", i+1, got)
			}
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
