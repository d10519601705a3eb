package election

import (
	"slices"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// DefaultForkRoots is a good size for Forks: 1 MB at most.
const DefaultForkRoots = 1024

// WayInterval is the pause after which another fork of a root may take the place
// of the block in the ledger without having won.
const WayInterval = 10 * time.Second

// Fork is a block that competes with the one in the ledger.
type Fork struct {
	Hash  lattice.Hash
	Block lattice.Block
}

// Forks remembers competing blocks until their root is decided: a fork may be
// seen long before its root has its election, or between two. Make it with
// NewForks.
type Forks struct {
	most   int
	byRoot map[lattice.QualifiedRoot]*rootForks
	order  []lattice.QualifiedRoot // oldest first
}

// rootForks is what is remembered of one root.
type rootForks struct {
	blocks []Fork    // at most MaxBlocks, in the order of arrival
	made   time.Time // when one of them was given way
}

// NewForks returns a memory for the forks of at most roots roots. When it is
// full the oldest root is forgotten.
func NewForks(roots int) *Forks {
	if roots < 1 {
		panic("election: NewForks without room")
	}
	return &Forks{most: roots, byRoot: make(map[lattice.QualifiedRoot]*rootForks)}
}

// Put remembers a competing block, and reports whether it did: not when it is
// known, or MaxBlocks of its root are.
func (f *Forks) Put(b lattice.Block, hash lattice.Hash) bool {
	root := b.QualifiedRoot()
	known := f.byRoot[root]
	if known == nil {
		if len(f.order) >= f.most {
			delete(f.byRoot, f.order[0])
			f.order = slices.Delete(f.order, 0, 1)
		}
		f.order = append(f.order, root)
		known = &rootForks{}
		f.byRoot[root] = known
	}
	if len(known.blocks) >= MaxBlocks || slices.ContainsFunc(known.blocks, func(k Fork) bool { return k.Hash == hash }) {
		return false
	}
	known.blocks = append(known.blocks, Fork{hash, b})
	return true
}

// MakeWay reports whether a fork of a root may take the place of the block in the
// ledger though it has not won: forks of the root are remembered, and none was let
// in for a WayInterval. Two of them, when liars have voted finally for what stands on
// each, must not push each other out again and again.
func (f *Forks) MakeWay(root lattice.QualifiedRoot, now time.Time) bool {
	known := f.byRoot[root]
	if known == nil || !known.made.IsZero() && now.Sub(known.made) < WayInterval {
		return false
	}
	known.made = now
	return true
}

// Of returns the competing blocks of a root in the order of their arrival. They
// stay, in case the election ends without a decision.
func (f *Forks) Of(root lattice.QualifiedRoot) []Fork {
	if known := f.byRoot[root]; known != nil {
		return slices.Clone(known.blocks)
	}
	return nil
}

// Decided forgets a root.
func (f *Forks) Decided(root lattice.QualifiedRoot) {
	if _, here := f.byRoot[root]; here {
		delete(f.byRoot, root)
		f.order = slices.Delete(f.order, slices.Index(f.order, root), slices.Index(f.order, root)+1)
	}
}

// Len returns how many roots have remembered forks.
func (f *Forks) Len() int { return len(f.byRoot) }
