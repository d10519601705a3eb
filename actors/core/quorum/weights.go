package quorum

import (
	"bytes"
	"maps"
	"slices"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

const (
	// MaxRepresentatives bounds how many representatives have their weight in
	// memory. Anyone can make representatives, for the price of an account each.
	// When there are more, the lightest quarter is forgotten and counts as zero
	// until the weights are loaded again. A forgotten one had at most 1/15,000
	// of the supply: less than any principal representative has.
	MaxRepresentatives = 20_000
	keptAfterPruning   = MaxRepresentatives * 3 / 4
)

// RepWeight is a representative and its confirmed weight.
type RepWeight struct {
	Representative lattice.Account
	Weight         lattice.Amount
}

// Weights is the confirmed weight of every representative: the sum of the
// confirmed balances that are delegated to it, and of what is on its way by
// confirmed sends that name it. Together they are the supply. It is filled from the store with
// Set, once for each representative, and then follows what is cemented with
// Apply. Make it with NewWeights.
type Weights struct {
	of      map[lattice.Account]lattice.Amount // no zero amounts
	total   lattice.Amount                     // the forgotten ones included
	forgot  int                                // representatives forgotten since made
	changes uint64                             // counts changes, so that others know when to look again
	view    *View                              // nil when out of date
}

// NewWeights returns weights of nobody.
func NewWeights() *Weights {
	return &Weights{of: make(map[lattice.Account]lattice.Amount)}
}

// Reset forgets everything, so that the weights can be loaded anew.
func (w *Weights) Reset() {
	*w = Weights{of: make(map[lattice.Account]lattice.Amount), changes: w.changes + 1}
}

// Set gives a representative this weight, whatever it had.
func (w *Weights) Set(rep lattice.Account, weight lattice.Amount) {
	w.total = w.total.SatSub(w.of[rep]).SatAdd(weight)
	w.put(rep, weight)
}

// Apply moves weight as a cemented block does: the account's confirmed balance
// leaves the old representative, what it receives leaves the one that the send
// named, and the new one gets both.
func (w *Weights) Apply(c *ledger.Cemented) {
	if c.OldRep == c.NewRep && c.OldWeight == c.NewWeight && c.SourceWeight.IsZero() {
		return
	}
	// The total follows the blocks and not the table, which may have forgotten
	// somebody.
	w.total = w.total.SatSub(c.OldWeight).SatSub(c.SourceWeight).SatAdd(c.NewWeight)
	if !c.OldWeight.IsZero() {
		w.put(c.OldRep, w.of[c.OldRep].SatSub(c.OldWeight))
	}
	if !c.SourceWeight.IsZero() {
		w.put(c.SourceRep, w.of[c.SourceRep].SatSub(c.SourceWeight))
	}
	if !c.NewWeight.IsZero() {
		w.put(c.NewRep, w.of[c.NewRep].SatAdd(c.NewWeight))
	}
}

// put stores a weight and keeps the table within its bound.
func (w *Weights) put(rep lattice.Account, weight lattice.Amount) {
	w.changes++
	w.view = nil
	if weight.IsZero() {
		delete(w.of, rep)
		return
	}
	w.of[rep] = weight
	if len(w.of) <= MaxRepresentatives {
		return
	}
	ranked := rank(w.of)
	for _, light := range ranked[keptAfterPruning:] {
		delete(w.of, light.Representative)
		w.forgot++
	}
}

// Weight returns the confirmed weight of a representative.
func (w *Weights) Weight(rep lattice.Account) lattice.Amount { return w.of[rep] }

// Total returns all confirmed weight.
func (w *Weights) Total() lattice.Amount { return w.total }

// Len returns the number of representatives with weight.
func (w *Weights) Len() int { return len(w.of) }

// Forgotten returns how many representatives were forgotten for want of room.
// When it is not 0, Reset and loading the weights anew makes them exact again.
func (w *Weights) Forgotten() int { return w.forgot }

// Top returns the n heaviest representatives, heaviest first, ties by account.
func (w *Weights) Top(n int) []RepWeight { return w.View().Top(n) }

// View returns the weights as they are now. It never changes and may be given
// to other goroutines. Views made without a change between them are the same.
func (w *Weights) View() *View {
	if w.view == nil {
		w.view = &View{of: maps.Clone(w.of), total: w.total}
	}
	return w.view
}

// View is the weights as they were at one moment. It is safe for concurrent use.
type View struct {
	of    map[lattice.Account]lattice.Amount
	total lattice.Amount
}

// Weight returns the confirmed weight of a representative.
func (v *View) Weight(rep lattice.Account) lattice.Amount { return v.of[rep] }

// Total returns all confirmed weight.
func (v *View) Total() lattice.Amount { return v.total }

// Len returns the number of representatives with weight.
func (v *View) Len() int { return len(v.of) }

// Top returns the n heaviest representatives, heaviest first, ties by account.
// It sorts them all each time.
func (v *View) Top(n int) []RepWeight {
	ranked := rank(v.of)
	return ranked[:max(0, min(n, len(ranked)))]
}

// rank returns all representatives, heaviest first, ties by account.
func rank(of map[lattice.Account]lattice.Amount) []RepWeight {
	all := make([]RepWeight, 0, len(of))
	for rep, weight := range of {
		all = append(all, RepWeight{rep, weight})
	}
	slices.SortFunc(all, func(a, b RepWeight) int {
		if c := b.Weight.Cmp(a.Weight); c != 0 {
			return c
		}
		return bytes.Compare(a.Representative[:], b.Representative[:])
	})
	return all
}
