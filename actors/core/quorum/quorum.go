package quorum

import (
	"fmt"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// OnlineFor is how long a representative counts as online after it was seen
	// voting.
	OnlineFor = 5 * time.Minute
	// maxSeen bounds who is remembered as online. Only who has weight is.
	maxSeen = MaxRepresentatives
	// clockSlack is how far in the future a stored sample may lie: clocks are set
	// back a little now and then.
	clockSlack = time.Minute
)

// Quorum follows which weight is online and what a decision needs. Methods that
// take the time bring it up to that time; the others answer for the latest time
// that it was told. Make it with New.
type Quorum struct {
	*Weights

	every time.Duration // between samples
	keep  int           // samples
	floor lattice.Amount

	now        time.Time // latest time told
	seen       map[lattice.Account]time.Time
	samples    []lattice.WeightSample // oldest first, at most keep
	nextSample time.Time              // zero: no time was told yet

	reckoning Reckoning
	reckoned  uint64 // Weights.changes that reckoning was made from
	stale     bool   // seen changed since reckoning was made
}

// New returns a quorum over weights, which it goes on to read, for a network.
func New(n *lattice.Network, w *Weights) *Quorum {
	q := &Quorum{
		Weights: w,
		every:   n.WeightSampleEvery,
		keep:    n.WeightSamples,
		floor:   n.QuorumFloor(),
		seen:    make(map[lattice.Account]time.Time),
		stale:   true,
	}
	if q.every <= 0 || q.keep <= 0 {
		panic("quorum: network without weight samples")
	}
	q.reckoning = Reckoning{Floor: q.floor, Trended: Median(nil, q.floor)}
	return q
}

// Seen notes that a representative's own valid vote arrived. Who has no weight
// is not remembered.
func (q *Quorum) Seen(rep lattice.Account, now time.Time) {
	q.advance(now)
	if q.Weight(rep).IsZero() {
		return
	}
	if _, known := q.seen[rep]; !known {
		if len(q.seen) >= maxSeen {
			return
		}
		q.stale = true
	}
	q.seen[rep] = now
}

// SeenAt returns when a representative that is online was last seen voting, the
// zero time for another one.
func (q *Quorum) SeenAt(rep lattice.Account) time.Time { return q.seen[rep] }

// IsOnline reports whether a representative was seen voting lately.
func (q *Quorum) IsOnline(rep lattice.Account) bool {
	at, known := q.seen[rep]
	return known && q.now.Sub(at) < OnlineFor
}

// Tick forgets who was not seen for OnlineFor. Once a second is plenty; it looks
// at everybody who is online.
func (q *Quorum) Tick(now time.Time) {
	q.advance(now)
	for rep, at := range q.seen {
		if now.Sub(at) >= OnlineFor {
			delete(q.seen, rep)
			q.stale = true
		}
	}
}

// Online returns the weight that was seen voting in the last OnlineFor.
func (q *Quorum) Online(now time.Time) lattice.Amount {
	q.Tick(now)
	return q.reckon().Online
}

// advance notes the time; the first time told starts the wait for the first
// sample, because right after the start nobody has been seen yet.
func (q *Quorum) advance(now time.Time) {
	q.now = now
	if q.nextSample.IsZero() || q.nextSample.Sub(now) > q.every { // or the clock was set back
		q.nextSample = now.Add(q.every)
	}
}

// Sample returns a sample of the online weight when one is due, which is then
// part of the trend and must be stored.
func (q *Quorum) Sample(now time.Time) (sample lattice.WeightSample, due bool) {
	q.Tick(now)
	if now.Before(q.nextSample) {
		return sample, false
	}
	q.nextSample = now.Add(q.every)
	sample = lattice.WeightSample{Time: now, Weight: q.reckon().Online}
	q.setSamples(append(q.samples, sample), now)
	return sample, true
}

// LoadSamples takes the samples that were stored, oldest first, in place of
// those that are held. It leaves out what cannot be true or is of no more use:
// samples from the future or not after the one before, above the supply, older
// than the window, or more than the window holds. It returns how many those
// were.
func (q *Quorum) LoadSamples(stored []lattice.WeightSample, now time.Time) (left int) {
	q.advance(now)
	return len(stored) - q.setSamples(stored, now)
}

// setSamples holds those samples that pass, and returns how many did.
func (q *Quorum) setSamples(from []lattice.WeightSample, now time.Time) int {
	kept := make([]lattice.WeightSample, 0, len(from))
	oldest := now.Add(-time.Duration(q.keep) * q.every)
	for _, s := range from {
		switch {
		case s.Time.Before(oldest), s.Time.After(now.Add(clockSlack)), lattice.Supply.Less(s.Weight):
			continue
		case len(kept) > 0 && !s.Time.After(kept[len(kept)-1].Time):
			continue
		}
		kept = append(kept, s)
	}
	kept = kept[max(0, len(kept)-q.keep):]
	q.samples = kept
	q.reckoning.Trended = Median(kept, q.floor)
	return len(kept)
}

// reckon brings the reckoning up to date.
func (q *Quorum) reckon() Reckoning {
	if q.stale || q.reckoned != q.changes {
		var online lattice.Amount
		for rep := range q.seen {
			online = online.SatAdd(q.Weight(rep)) // the order does not matter to a sum
		}
		q.reckoning.Online = online
		q.stale, q.reckoned = false, q.changes
	}
	return q.reckoning
}

// Reckoning returns what delta is computed from, as of the latest time told.
func (q *Quorum) Reckoning() Reckoning { return q.reckon() }

// Delta returns the weight that a decision needs; never 0.
func (q *Quorum) Delta() lattice.Amount { return q.reckon().Delta() }

// Honest reports whether somebody honest is among who has so much weight, as long as
// who lies has no more than a quorum can do without: what Base leaves above Delta.
func (q *Quorum) Honest(weight lattice.Amount) bool { return q.Base().SatSub(q.Delta()).Less(weight) }

// Base returns the weight of which Delta is a part.
func (q *Quorum) Base() lattice.Amount { return q.reckon().Base() }

// Trended returns the median of the samples and the floor.
func (q *Quorum) Trended() lattice.Amount { return q.reckoning.Trended }

// Floor returns the smallest online weight that is reckoned with.
func (q *Quorum) Floor() lattice.Amount { return q.floor }

// IsPrincipal reports whether a representative has more than a thousandth of
// the trended weight.
func (q *Quorum) IsPrincipal(rep lattice.Account) bool {
	return q.reckoning.PrincipalAbove().Less(q.Weight(rep))
}

// Principals returns all principal representatives, heaviest first.
func (q *Quorum) Principals() []RepWeight {
	above := q.reckoning.PrincipalAbove()
	ranked := q.Top(q.Len())
	for i := range ranked {
		if !above.Less(ranked[i].Weight) {
			return ranked[:i:i]
		}
	}
	return ranked
}

// OnlineRepresentatives returns who was seen voting lately, heaviest first.
func (q *Quorum) OnlineRepresentatives() []RepWeight {
	of := make(map[lattice.Account]lattice.Amount, len(q.seen))
	for rep := range q.seen {
		if q.IsOnline(rep) {
			of[rep] = q.Weight(rep)
		}
	}
	return rank(of)
}

// Status is the state of a quorum for people and programs to read.
type Status struct {
	Delta           lattice.Amount
	Percent         int
	Online          lattice.Amount
	Trended         lattice.Amount
	Floor           lattice.Amount
	Base            lattice.Amount
	PrincipalAbove  lattice.Amount
	Total           lattice.Amount // all confirmed weight
	Representatives int            // with weight
	OnlineCount     int
	Samples         int
	Reached         bool // the weight online is enough for decisions
}

// Status returns the state as of a time.
func (q *Quorum) Status(now time.Time) Status {
	q.Tick(now)
	r := q.reckon()
	return Status{
		Delta: r.Delta(), Percent: Percent, Online: r.Online, Trended: r.Trended, Floor: r.Floor,
		Base: r.Base(), PrincipalAbove: r.PrincipalAbove(), Total: q.Total(),
		Representatives: q.Len(), OnlineCount: len(q.seen), Samples: len(q.samples),
		Reached: !r.Online.Less(r.Delta()),
	}
}

// String shows the reckoning and how much it rests on.
func (q *Quorum) String() string {
	return fmt.Sprintf("%v; %d online, %d samples", q.reckon(), len(q.seen), len(q.samples))
}
