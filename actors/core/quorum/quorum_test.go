package quorum

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

var start = time.Unix(1_700_000_000, 0)

func smn(text string) lattice.Amount {
	a, err := lattice.ParseAmount(text)
	if err != nil {
		panic(err)
	}
	return a
}

func rep(n int) lattice.Account { return lattice.Account{byte(n), byte(n >> 8), byte(n >> 16), 1} }

func number(a lattice.Amount) *big.Int {
	n, _ := new(big.Int).SetString(a.Raw(), 10)
	return n
}

func drawAmount(t *rapid.T, name string) lattice.Amount {
	a := lattice.Amount{Hi: rapid.Uint64().Draw(t, name+" hi"), Lo: rapid.Uint64().Draw(t, name+" lo")}
	return a.Rsh(rapid.UintRange(0, 128).Draw(t, name+" by"))
}

// TestReckoningAgainstBig compares the arithmetic with numbers that cannot
// overflow.
func TestReckoningAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Reckoning{drawAmount(t, "online"), drawAmount(t, "trended"), drawAmount(t, "floor")}
		base := number(r.Online)
		for _, a := range []lattice.Amount{r.Trended, r.Floor} {
			if number(a).Cmp(base) > 0 {
				base = number(a)
			}
		}
		want := new(big.Int).Mul(base, big.NewInt(67))
		want.Div(want, big.NewInt(100))
		if want.Sign() == 0 {
			want.SetInt64(1)
		}
		if number(r.Base()).Cmp(base) != 0 || number(r.Delta()).Cmp(want) != 0 {
			t.Fatalf("%v: base %v, delta %v, want %v and %v", r, r.Base().Raw(), r.Delta().Raw(), base, want)
		}
		// Two deltas overlap in more than a third of the base, up to rounding.
		if overlap := new(big.Int).Sub(new(big.Int).Lsh(want, 1), base); base.BitLen() > 10 &&
			overlap.Mul(overlap, big.NewInt(3)).Cmp(base) <= 0 {
			t.Fatalf("%v: two decisions overlap in a third or less", r)
		}
		above := new(big.Int).Div(number(r.Trended), big.NewInt(1000))
		if number(r.PrincipalAbove()).Cmp(above) != 0 {
			t.Fatalf("principal above %v, want %v", r.PrincipalAbove().Raw(), above)
		}
	})
}

func TestReckoningShowsItself(t *testing.T) {
	r := Reckoning{Online: smn("6000000"), Trended: smn("4500000.5"), Floor: smn("4500000")}
	want := "delta 4020000 = 67% of max(online 6000000, trended 4500000.5, floor 4500000)"
	if r.String() != want {
		t.Errorf("%v\nwant %s", r, want)
	}
	if got := (Reckoning{}).Delta(); got != lattice.AmountFrom(1) {
		t.Errorf("delta of nothing is %v raw", got.Raw())
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		samples []uint64
		floor   uint64
		want    uint64
	}{
		{nil, 5, 5},
		{[]uint64{1}, 5, 5}, // the upper of two
		{[]uint64{9}, 5, 9},
		{[]uint64{9, 1}, 5, 5},
		{[]uint64{7, 9, 8}, 5, 8},
		{[]uint64{0, 0, 0, 0, 100}, 5, 0}, // 0 0 0 0 5 100: the fourth
	} {
		var samples []lattice.WeightSample
		for _, s := range c.samples {
			samples = append(samples, lattice.WeightSample{Weight: lattice.AmountFrom(s)})
		}
		before := slices.Clone(samples)
		if got := Median(samples, lattice.AmountFrom(c.floor)); got != lattice.AmountFrom(c.want) {
			t.Errorf("%v with floor %d: %v raw, want %d", c.samples, c.floor, got.Raw(), c.want)
		}
		if !slices.Equal(samples, before) {
			t.Errorf("%v was changed", c.samples)
		}
	}
}

// TestWeightsAgainstRecount moves confirmed balances about, some of them by way of
// sends that wait, and compares with adding them all up.
func TestWeightsAgainstRecount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type delegation struct {
			balance lattice.Amount
			rep     lattice.Account
		}
		accounts := map[int]delegation{}
		var onTheirWay []delegation
		w := NewWeights()
		view := w.View()
		t.Repeat(map[string]func(*rapid.T){
			"cement": func(t *rapid.T) {
				n := rapid.IntRange(0, 5).Draw(t, "account")
				now := delegation{lattice.AmountFrom(uint64(rapid.IntRange(0, 100).Draw(t, "balance"))), rep(rapid.IntRange(0, 3).Draw(t, "rep"))}
				old := accounts[n]
				w.Apply(&ledger.Cemented{OldWeight: old.balance, OldRep: old.rep, NewWeight: now.balance, NewRep: now.rep})
				accounts[n] = now
			},
			"send": func(t *rapid.T) {
				n := rapid.IntRange(0, 5).Draw(t, "account")
				old := accounts[n]
				amount := lattice.AmountFrom(rapid.Uint64Range(0, old.balance.Lo).Draw(t, "amount"))
				sent := delegation{amount, rep(rapid.IntRange(0, 3).Draw(t, "rep"))}
				w.Apply(&ledger.Cemented{OldWeight: old.balance, OldRep: old.rep, NewWeight: old.balance, NewRep: sent.rep})
				accounts[n] = delegation{old.balance.SatSub(amount), sent.rep}
				onTheirWay = append(onTheirWay, sent)
			},
			"receive": func(t *rapid.T) {
				if len(onTheirWay) == 0 {
					return
				}
				sent := onTheirWay[0]
				onTheirWay = onTheirWay[1:]
				n := rapid.IntRange(0, 5).Draw(t, "account")
				old := accounts[n]
				now := delegation{old.balance.SatAdd(sent.balance), rep(rapid.IntRange(0, 3).Draw(t, "rep"))}
				w.Apply(&ledger.Cemented{OldWeight: old.balance, OldRep: old.rep, SourceWeight: sent.balance, SourceRep: sent.rep, NewWeight: now.balance, NewRep: now.rep})
				accounts[n] = now
			},
			"view": func(t *rapid.T) { view = w.View() },
			"load": func(t *rapid.T) { // what a restart does
				top := view.Top(100)
				w.Reset()
				sums := map[lattice.Account]lattice.Amount{}
				for _, d := range slices.AppendSeq(slices.Clone(onTheirWay), maps.Values(accounts)) {
					sums[d.rep] = sums[d.rep].SatAdd(d.balance)
				}
				for r, sum := range sums {
					w.Set(r, sum)
				}
				if !slices.Equal(top, view.Top(100)) {
					t.Fatal("a view changed")
				}
			},
			"": func(t *rapid.T) {
				sums := map[lattice.Account]uint64{}
				total := uint64(0)
				for _, d := range slices.AppendSeq(slices.Clone(onTheirWay), maps.Values(accounts)) {
					sums[d.rep] += d.balance.Lo
					total += d.balance.Lo
				}
				with := 0
				for n := range 4 {
					if got := w.Weight(rep(n)); got != lattice.AmountFrom(sums[rep(n)]) {
						t.Fatalf("weight of %d is %v, want %d", n, got.Raw(), sums[rep(n)])
					}
					if sums[rep(n)] > 0 {
						with++
					}
				}
				if w.Total() != lattice.AmountFrom(total) || w.Len() != with || w.View().Total() != w.Total() {
					t.Fatalf("total %v of %d, want %d of %d", w.Total().Raw(), w.Len(), total, with)
				}
				top := w.Top(2)
				if len(top) != min(2, with) || len(top) == 2 && top[0].Weight.Less(top[1].Weight) {
					t.Fatalf("top %v", top)
				}
			},
		})
	})
}

// TestWeightsAreBounded: with too many representatives the lightest go, the
// total stays.
func TestWeightsAreBounded(t *testing.T) {
	w := NewWeights()
	sum := lattice.Amount{}
	for n := range MaxRepresentatives + 1 {
		weight := lattice.AmountFrom(uint64(n + 1))
		w.Set(rep(n), weight)
		sum = sum.SatAdd(weight)
	}
	if w.Len() != keptAfterPruning || w.Forgotten() != MaxRepresentatives+1-keptAfterPruning || w.Total() != sum {
		t.Fatalf("%d kept, %d forgotten, total %v, want %v", w.Len(), w.Forgotten(), w.Total().Raw(), sum.Raw())
	}
	if !w.Weight(rep(0)).IsZero() || w.Weight(rep(MaxRepresentatives)) != lattice.AmountFrom(MaxRepresentatives+1) {
		t.Error("not the lightest were forgotten")
	}
	w.Apply(&ledger.Cemented{OldWeight: lattice.AmountFrom(1), OldRep: rep(0), NewWeight: lattice.AmountFrom(3), NewRep: rep(0)})
	if want := sum.SatAdd(lattice.AmountFrom(2)); w.Total() != want {
		t.Errorf("total %v, want %v", w.Total().Raw(), want.Raw())
	}
	v := w.View()
	if v != w.View() {
		t.Error("a new view without a change")
	}
}

func TestOnline(t *testing.T) {
	q := New(lattice.Beta(), NewWeights())
	q.Set(rep(1), smn("1000000"))
	q.Set(rep(2), smn("5000000"))
	q.Seen(rep(1), start)
	q.Seen(rep(3), start) // without weight
	if got := q.Online(start); got != smn("1000000") {
		t.Errorf("online %v", got)
	}
	if got, want := q.Delta(), smn("3015000"); got != want { // 67 % of the floor
		t.Errorf("delta %v, want %v", got, want)
	}
	q.Seen(rep(2), start.Add(time.Minute))
	if got, want := q.Delta(), smn("4020000"); got != want { // 67 % of what is online
		t.Errorf("delta %v, want %v", got, want)
	}
	q.Apply(&ledger.Cemented{OldRep: rep(2), OldWeight: smn("1000000"), NewRep: rep(4), NewWeight: smn("1000000")})
	if got := q.Online(start.Add(2 * time.Minute)); got != smn("5000000") {
		t.Errorf("online %v after weight moved away", got)
	}
	if s := q.Status(start.Add(2 * time.Minute)); !s.Reached || s.OnlineCount != 2 || s.Representatives != 3 || s.Base != s.Online {
		t.Errorf("status %+v", s)
	}
	if got := q.OnlineRepresentatives(); len(got) != 2 || got[0].Representative != rep(2) {
		t.Errorf("online: %v", got)
	}
	if got := q.Online(start.Add(OnlineFor)); got != smn("4000000") {
		t.Errorf("online %v after one fell silent", got)
	}
	if q.IsOnline(rep(1)) || !q.IsOnline(rep(2)) {
		t.Error("not who was seen lately")
	}
	if s := q.String(); !strings.HasSuffix(s, "; 1 online, 0 samples") {
		t.Error(s)
	}
}

// TestHonest: those who lie can be all that a quorum does without, and not a raw more.
func TestHonest(t *testing.T) {
	q := New(lattice.Beta(), NewWeights()) // nobody is online: the floor counts
	liars := q.Base().SatSub(q.Delta())
	raw := lattice.AmountFrom(1)
	for weight, want := range map[lattice.Amount]bool{
		{}: false, liars.SatSub(raw): false, liars: false, liars.SatAdd(raw): true, q.Delta(): true, q.Base(): true,
	} {
		if got := q.Honest(weight); got != want {
			t.Errorf("%v raw of %v: honest %v, want %v", weight.Raw(), q.Base().Raw(), got, want)
		}
	}
}

func TestPrincipals(t *testing.T) {
	q := New(lattice.Beta(), NewWeights())
	q.Set(rep(1), smn("4500"))                    // exactly a thousandth of the floor
	q.Set(rep(2), smn("4500.000000000000000001")) // more
	q.Set(rep(3), smn("100000"))
	for n, want := range map[int]bool{1: false, 2: true, 3: true, 4: false} {
		if got := q.IsPrincipal(rep(n)); got != want {
			t.Errorf("representative %d is principal: %v", n, got)
		}
	}
	got := q.Principals()
	if len(got) != 2 || got[0].Representative != rep(3) || got[1].Representative != rep(2) {
		t.Errorf("principals %v", got)
	}
}

// TestSamples: a sample each interval, the first one an interval after the
// start, because nobody has been seen then.
func TestSamples(t *testing.T) {
	q := New(lattice.Beta(), NewWeights())
	q.Set(rep(1), smn("9000000"))
	now := start
	var times []time.Duration
	for range 16 * 60 {
		q.Seen(rep(1), now)
		if s, due := q.Sample(now); due {
			if s.Weight != smn("9000000") || !s.Time.Equal(now) {
				t.Errorf("sample %+v at %v", s, now)
			}
			times = append(times, now.Sub(start))
		}
		now = now.Add(time.Second)
	}
	if want := []time.Duration{5 * time.Minute, 10 * time.Minute, 15 * time.Minute}; !slices.Equal(times, want) {
		t.Errorf("samples at %v, want %v", times, want)
	}
	if q.Trended() != smn("9000000") {
		t.Errorf("trended %v", q.Trended())
	}
	// The clock is set back by an hour: the next sample is not an hour late, and
	// what lies in the future no longer counts.
	now = now.Add(-time.Hour)
	q.Tick(now)
	if _, due := q.Sample(now.Add(5 * time.Minute)); !due {
		t.Error("no sample after the clock was set back")
	}
	if got := q.Status(now).Samples; got != 1 {
		t.Errorf("%d samples", got)
	}
}

func TestLoadSamples(t *testing.T) {
	n := lattice.Beta()
	sample := func(ago time.Duration, weight lattice.Amount) lattice.WeightSample {
		return lattice.WeightSample{Time: start.Add(-ago), Weight: weight}
	}
	var many []lattice.WeightSample
	for i := range n.WeightSamples + 10 {
		many = append(many, sample(24*time.Hour-time.Duration(i)*time.Second, smn("5000000")))
	}
	for _, c := range []struct {
		name   string
		stored []lattice.WeightSample
		left   int
		want   lattice.Amount
	}{
		{"none", nil, 0, smn("4500000")},
		{"good", []lattice.WeightSample{sample(2*time.Hour, smn("6000000")), sample(time.Hour, smn("7000000"))}, 0, smn("6000000")},
		{"above the supply", []lattice.WeightSample{sample(time.Hour, lattice.MaxAmount)}, 1, smn("4500000")},
		{"the supply", []lattice.WeightSample{sample(time.Hour, lattice.Supply)}, 0, lattice.Supply},
		{"future", []lattice.WeightSample{sample(-time.Hour, smn("6000000"))}, 1, smn("4500000")},
		{"out of order", []lattice.WeightSample{sample(time.Hour, smn("6000000")), sample(2*time.Hour, smn("7000000"))}, 1, smn("6000000")},
		{"twice", []lattice.WeightSample{sample(time.Hour, smn("6000000")), sample(time.Hour, smn("7000000"))}, 1, smn("6000000")},
		{"too old", []lattice.WeightSample{sample(15*24*time.Hour, smn("9000000"))}, 1, smn("4500000")},
		{"too many", many, 10, smn("5000000")},
	} {
		q := New(n, NewWeights())
		if left := q.LoadSamples(c.stored, start); left != c.left || q.Trended() != c.want {
			t.Errorf("%s: %d left out, trended %v, want %d and %v", c.name, left, q.Trended(), c.left, c.want)
		}
		if got := q.Status(start).Samples; got > n.WeightSamples {
			t.Errorf("%s: %d samples", c.name, got)
		}
	}
}

// TestSeenIsBounded: however many representatives vote, no more are remembered
// than may have weight.
func TestSeenIsBounded(t *testing.T) {
	q := New(lattice.Dev(), NewWeights())
	for n := range 2 * MaxRepresentatives {
		q.Set(rep(n), lattice.AmountFrom(1_000_000+uint64(n)))
		q.Seen(rep(n), start)
	}
	if got := q.Status(start).OnlineCount; got > maxSeen {
		t.Errorf("%d remembered", got)
	}
}

func TestNetworkWithoutSamples(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "quorum:") {
			t.Errorf("panic %q", got)
		}
	}()
	New(&lattice.Network{}, NewWeights())
}

func BenchmarkDeltaAfterCement(b *testing.B) {
	q := New(lattice.Beta(), NewWeights())
	for n := range 200 {
		q.Set(rep(n), smn("1000"))
		q.Seen(rep(n), start)
	}
	c := &ledger.Cemented{OldRep: rep(1), OldWeight: smn("1"), NewRep: rep(1), NewWeight: smn("2")}
	for b.Loop() {
		q.Apply(c)
		_ = q.Delta()
	}
}
