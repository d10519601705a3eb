package election

import (
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
)

// DefaultForkRoots is a good size for Forks: 1 MB at most.
const DefaultForkRoots = 1024

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
	byRoot map[lattice.QualifiedRoot][]Fork // at most MaxBlocks each, in the order of arrival
	order  []lattice.QualifiedRoot          // oldest first
}

// NewForks returns a memory for the forks of at most roots roots. When it is
// full the oldest root is forgotten.
func NewForks(roots int) *Forks {
	if roots < 1 {
		panic("election: NewForks without room")
	}
	return &Forks{most: roots, byRoot: make(map[lattice.QualifiedRoot][]Fork)}
}

// Put remembers a competing block, and reports whether it did: not when it is
// known, or MaxBlocks of its root are.
func (f *Forks) Put(b lattice.Block, hash lattice.Hash) bool {
	root := b.QualifiedRoot()
	known, here := f.byRoot[root]
	if len(known) >= MaxBlocks || slices.ContainsFunc(known, func(k Fork) bool { return k.Hash == hash }) {
		return false
	}
	if !here {
		if len(f.order) >= f.most {
			delete(f.byRoot, f.order[0])
			f.order = slices.Delete(f.order, 0, 1)
		}
		f.order = append(f.order, root)
	}
	f.byRoot[root] = append(known, Fork{hash, b})
	return true
}

// Of returns the competing blocks of a root in the order of their arrival. They
// stay, in case the election ends without a decision.
func (f *Forks) Of(root lattice.QualifiedRoot) []Fork { return slices.Clone(f.byRoot[root]) }

// Decided forgets a root.
func (f *Forks) Decided(root lattice.QualifiedRoot) {
	if _, here := f.byRoot[root]; here {
		delete(f.byRoot, root)
		f.order = slices.Delete(f.order, slices.Index(f.order, root), slices.Index(f.order, root)+1)
	}
}

// Len returns how many roots have remembered forks.
func (f *Forks) Len() int { return len(f.byRoot) }
