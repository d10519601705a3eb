package messages

import "github.com/smallnano/smallnano/actors/core/ledger"

// Pruner is every message that the pruner accepts.
//
//sumtype:decl
type Pruner interface{ toPruner() }

// SetPruning changes what is kept: of each account at most so many blocks, 0 for
// all, in a ledger of at most so many bytes, 0 for any size.
type SetPruning struct {
	Blocks uint64
	Bytes  int64
}

// MailboxControl lets a change of the settings pass a full queue.
func (*SetPruning) MailboxControl() {}

// BlocksPruned answers PruneBlocks.
type BlocksPruned struct {
	Removed int
	Tidied  uint64 // where to go on with the confirmation sequence; 0 at its end
	More    bool   // there is more space to give back
}

// MailboxControl lets the answer pass a full queue.
func (*BlocksPruned) MailboxControl() {}

// PruneBlocks asks for blocks to be removed as planned, and for space to be given
// back. The answer is BlocksPruned to the pruner; without one it asks again later.
type PruneBlocks struct {
	Plans  []ledger.Pruning
	Tidy   uint64 // the confirmation sequence from this number up; 0: not now
	Most   int    // of its entries
	Shrink int64  // bytes of the file to give back at most; 0: not now
}

// MailboxSource queues it with what is made here.
func (*PruneBlocks) MailboxSource() Source { return fromLocal }

func (*PruneBlocks) toBlockProcessor() {}
func (*BlocksPruned) toPruner()        {}
func (*BlocksCemented) toPruner()      {}
func (*SetPruning) toPruner()          {}
func (*Tick) toPruner()                {}
func (*Wake) toPruner()                {}
