package actors

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
)

// maxRefusals bounds the refused blocks that are remembered, for people who ask
// why.
const maxRefusals = 1024

// refusals remembers which blocks were refused lately, and by which rule.
type refusals struct {
	known *votes.Recent[lattice.Hash]
	of    map[lattice.Hash]messages.BlockFate // of what is in known, and of a little more
}

func newRefusals() *refusals {
	return &refusals{known: votes.NewRecent[lattice.Hash](maxRefusals), of: map[lattice.Hash]messages.BlockFate{}}
}

// note remembers the outcome of a block, if it is a refusal for good. A block
// that was refused and is inserted later is in the ledger: nobody asks here.
func (r *refusals) note(j *job, now time.Time) {
	if outcome, judged := ledger.OutcomeOf(j.err); !judged || outcome == ledger.Progress || outcome == ledger.Old || j.waits && j.conn != 0 {
		return
	}
	r.known.Add(j.hash)
	r.of[j.hash] = messages.BlockFate{Account: j.block.Account, Time: now, Err: j.err}
	if len(r.of) <= 2*maxRefusals {
		return
	}
	for hash := range r.of { // the order does not matter: all go that are forgotten
		if !r.known.Has(hash) {
			delete(r.of, hash)
		}
	}
}

// waiting returns a page of the blocks that wait for another one: those that
// peers sent, then those that were asked for.
func (a *blockProcessor) waiting(offset, most int) (out messages.WaitingBlocks) {
	for _, gaps := range []*bootstrap.Gaps{a.gaps, a.pulled} {
		gaps.Each(func(g bootstrap.Gap, since time.Time) bool {
			switch {
			case offset > 0:
				offset--
			case len(out.Blocks) == most:
				out.More = true
			default:
				out.Blocks = append(out.Blocks, messages.WaitingBlock{Block: *g.Block.Block, Hash: g.Hash, Missing: g.Missing, Since: since})
			}
			return !out.More
		})
	}
	return out
}

// fate tells what is known of a block that is not in the ledger.
func (a *blockProcessor) fate(hash lattice.Hash) messages.BlockFate {
	for _, gaps := range []*bootstrap.Gaps{a.gaps, a.pulled} {
		if gap, since, waits := gaps.Find(hash); waits {
			return messages.BlockFate{Account: gap.Block.Account, Time: since, Missing: gap.Missing}
		}
	}
	if !a.refusals.known.Has(hash) {
		return messages.BlockFate{}
	}
	return a.refusals.of[hash]
}
