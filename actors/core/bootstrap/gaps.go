package bootstrap

import (
	"container/list"
	"fmt"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

// GapsConfig bounds a Gaps.
type GapsConfig struct {
	Max        int           // blocks in all
	PerMissing int           // blocks that wait for one hash
	PerSource  int           // blocks that one connection brought
	MaxAge     time.Duration // how long a block waits
	// KeepOld refuses new blocks when all is full, instead of dropping those that
	// waited longest.
	KeepOld bool
}

// DefaultGapsConfig returns the bounds for a node.
func DefaultGapsConfig() GapsConfig {
	return GapsConfig{Max: 4096, PerMissing: 4, PerSource: 64, MaxAge: 5 * time.Minute}
}

// PulledGapsConfig returns the bounds for blocks that were asked for. There are
// many of them: chains that depend on each other are pulled side by side, and
// what came too early is soon needed.
func PulledGapsConfig() GapsConfig {
	return GapsConfig{Max: 16_384, PerMissing: 4, PerSource: 16_384, MaxAge: 5 * time.Minute, KeepOld: true}
}

// Gap is a block that waits.
type Gap struct {
	Block
	Missing lattice.Hash
	Source  peering.ConnID // who brought it; 0: nobody but ourselves
}

// Gaps holds blocks that arrived before the block they depend on: the previous
// one, or the send that they receive. It is memory only, and bounded in every
// direction: a block with a made-up previous costs its sender nothing but work.
// What is dropped is found again by bootstrapping.
type Gaps struct {
	cfg       GapsConfig
	byMissing map[lattice.Hash][]*list.Element
	bySource  map[peering.ConnID]int
	fifo      *list.List // of *waiting, oldest first
	stats     GapsStats
}

type waiting struct {
	gap   Gap
	since time.Time
}

// GapsStats counts what happened to blocks.
type GapsStats struct {
	Len     int
	Put     uint64 // taken in
	Taken   uint64 // given back because the missing block came
	Refused uint64 // not taken in: a bound by hash or source
	Dropped uint64 // thrown out: full, or too old
}

// NewGaps returns an empty map.
func NewGaps(cfg GapsConfig) *Gaps {
	if cfg.Max < 1 || cfg.PerMissing < 1 || cfg.PerSource < 1 || cfg.MaxAge <= 0 {
		panic(fmt.Sprintf("bootstrap: gaps need bounds above 0, not %+v", cfg))
	}
	return &Gaps{cfg: cfg, byMissing: make(map[lattice.Hash][]*list.Element), bySource: make(map[peering.ConnID]int), fifo: list.New()}
}

// Put keeps a block until the missing one is taken in. It returns false when the
// block is there already, or too many wait for the same hash or came from the
// same source. When all is full the block that waited longest goes, whose hash is
// returned, or with KeepOld the answer is false. Blocks from source 0, which nobody
// else could flood, count for no source.
func (g *Gaps) Put(missing lattice.Hash, b Block, source peering.ConnID, now time.Time) (kept bool, gone lattice.Hash) {
	same := g.byMissing[missing]
	for _, e := range same {
		if e.Value.(*waiting).gap.Hash == b.Hash {
			return false, gone
		}
	}
	if len(same) >= g.cfg.PerMissing || g.cfg.KeepOld && g.fifo.Len() >= g.cfg.Max || source != 0 && g.bySource[source] >= g.cfg.PerSource {
		g.stats.Refused++
		return false, gone
	}
	if g.fifo.Len() >= g.cfg.Max {
		gone = g.fifo.Front().Value.(*waiting).gap.Hash
		g.drop(g.fifo.Front())
	}
	e := g.fifo.PushBack(&waiting{Gap{b, missing, source}, now})
	g.byMissing[missing] = append(g.byMissing[missing], e)
	if source != 0 {
		g.bySource[source]++
	}
	g.stats.Put++
	return true, gone
}

// Take removes and returns the blocks that waited for a hash, in the order in
// which they came.
func (g *Gaps) Take(missing lattice.Hash) []Gap {
	elements := g.byMissing[missing]
	if elements == nil {
		return nil
	}
	delete(g.byMissing, missing)
	out := make([]Gap, 0, len(elements))
	for _, e := range elements {
		gap := g.fifo.Remove(e).(*waiting).gap
		g.release(gap.Source)
		out = append(out, gap)
	}
	g.stats.Taken += uint64(len(out))
	return out
}

// Tick drops what waited too long.
func (g *Gaps) Tick(now time.Time) {
	for e := g.fifo.Front(); e != nil && now.Sub(e.Value.(*waiting).since) >= g.cfg.MaxAge; e = g.fifo.Front() {
		g.drop(e)
	}
}

// Find returns a block that waits, and since when. It looks at all of them.
func (g *Gaps) Find(hash lattice.Hash) (Gap, time.Time, bool) {
	for e := g.fifo.Front(); e != nil; e = e.Next() {
		if w := e.Value.(*waiting); w.gap.Hash == hash {
			return w.gap, w.since, true
		}
	}
	return Gap{}, time.Time{}, false
}

// Each calls f for the blocks that wait, oldest first, until f returns false.
func (g *Gaps) Each(f func(Gap, time.Time) bool) {
	for e := g.fifo.Front(); e != nil; e = e.Next() {
		if w := e.Value.(*waiting); !f(w.gap, w.since) {
			return
		}
	}
}

// Has reports whether anything waits for a hash.
func (g *Gaps) Has(missing lattice.Hash) bool { return len(g.byMissing[missing]) > 0 }

// Stats returns how many blocks wait, and what happened so far.
func (g *Gaps) Stats() GapsStats {
	s := g.stats
	s.Len = g.fifo.Len()
	return s
}

// String describes the blocks for transcripts, oldest first.
func (g *Gaps) String() string {
	s := ""
	for e := g.fifo.Front(); e != nil; e = e.Next() {
		gap := e.Value.(*waiting).gap
		s += fmt.Sprintf("%s waits for %s from %d\n", short(gap.Hash), short(gap.Missing), gap.Source)
	}
	return s
}

func (g *Gaps) drop(e *list.Element) {
	gap := g.fifo.Remove(e).(*waiting).gap
	same := g.byMissing[gap.Missing]
	for i := range same {
		if same[i] == e {
			same = append(same[:i], same[i+1:]...)
			break
		}
	}
	if len(same) == 0 {
		delete(g.byMissing, gap.Missing)
	} else {
		g.byMissing[gap.Missing] = same
	}
	g.release(gap.Source)
	g.stats.Dropped++
}

func (g *Gaps) release(source peering.ConnID) {
	if source == 0 {
		return
	}
	if g.bySource[source]--; g.bySource[source] == 0 {
		delete(g.bySource, source)
	}
}

// short is enough of a hash or an account to recognise it in a transcript.
func short[T ~[32]byte](h T) string { return fmt.Sprintf("%X", h[:3]) }
