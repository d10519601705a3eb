package rpc

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

var confirmationActions = []*action{
	{
		name: "confirmations_since", role: Public, cost: 2,
		summary: "Confirmed blocks in the order in which this node confirmed them, after a number of its gap-free sequence. A " +
			"caller that passes the answered seq next time misses nothing, however long it was away.",
		params: []param{
			need("seq", formCount, "last number that was seen; 0 to begin"),
			may("count", formCount, "most entries; default 100, at most 1000"),
			may("wait_ms", formCount, "when there is nothing new, wait so long for it; at most 30000; not in a batch"),
			may("include_block", formFlag, "add the blocks"),
			paramJSON,
		},
		result: []field{
			has("confirmations", formList, "in the order of the sequence"),
			has("confirmations[].sequence", formCount, "number of the confirmation, from 1"),
			has("confirmations[].hash", formHash, "confirmed block"),
			has("confirmations[].account", formAccount, "whose chain it is in"),
			has("confirmations[].height", formCount, "its place in the chain"),
			has("confirmations[].subtype", formText, "open, send, receive or change"),
			has("confirmations[].amount", formAmount, "moved by the block"),
			has("confirmations[].balance", formAmount, "after the block"),
			has("confirmations[].local_timestamp", formTime, "local time at which the block arrived"),
			maybe("confirmations[].destination", formAccount, "who is paid; of a send"),
			maybe("confirmations[].contents", formBlock, "when asked for"),
			has("seq", formCount, "to be passed next time"),
			has("last", formCount, "newest number of the sequence"),
			has("pruned", formCount, "how many numbers between the two seq are left out because their blocks were pruned"),
			has("more", formFlag, "true when there are further ones already"),
		},
		errors: []*errorKind{badCount, sequenceAhead}, handle: confirmationsSince,
	},
}

// confirmationQuery is what is asked of the confirmation sequence.
type confirmationQuery struct {
	seq             uint64
	count           int
	block, asObject bool
}

func confirmationsSince(c *call) (any, error) {
	q := confirmationQuery{
		seq:      c.number("seq", 0, math.MaxInt64, badCount),
		count:    max(c.count("count", 100, maxEntries), 1),
		block:    c.flag("include_block", false),
		asObject: c.flag("json_block", false),
	}
	wait := time.Duration(min(c.number("wait_ms", 0, math.MaxUint64, badCount), uint64(c.server.config.MaxWait.Milliseconds()))) * time.Millisecond
	if c.batched && wait > 0 {
		c.fail(badParameter.because("wait_ms: one call of a batch cannot wait; send it on its own"))
	}
	if c.err != nil {
		return nil, c.err
	}
	answer, found, err := q.read(c)
	if err != nil || found > 0 || wait == 0 {
		return answer, err
	}
	if err := c.wait(func() error { return awaitConfirmation(c, q.seq+1, wait) }); err != nil {
		return nil, err
	}
	answer, _, err = q.read(c)
	return answer, err
}

// awaitConfirmation returns nil when the number was reached and also when the
// time is over: then there is nothing to tell, which is no failure.
func awaitConfirmation(c *call, seq uint64, most time.Duration) error {
	ctx, cancel := context.WithTimeout(c.ctx, most)
	defer cancel()
	err := c.backend.WaitConfirmation(ctx, seq)
	if errors.Is(err, context.DeadlineExceeded) && c.ctx.Err() == nil {
		return nil
	}
	return err
}

// read answers from memory what was confirmed lately: most of those who ask follow
// the sequence.
func (q confirmationQuery) read(c *call) (answer object, found int, err error) {
	if list, last, known := c.backend.Confirmed(q.seq+1, q.count); known {
		return q.answer(list, last), len(list), nil
	}
	err = c.view(func(l Ledger) error {
		counts, err := l.Counts()
		if err != nil {
			return err
		}
		if q.seq > counts.Cemented {
			return sequenceAhead.because("seq: %d is past the last number %d: this is another ledger than the one it came from", q.seq, counts.Cemented)
		}
		list, err := q.stored(l)
		if err != nil {
			return err
		}
		answer, found = q.answer(list, counts.Cemented), len(list)
		return nil
	})
	return answer, found, err
}

// stored reads the confirmations from the ledger.
func (q confirmationQuery) stored(l Ledger) ([]Cemented, error) {
	list, err := l.Confirmations(q.seq+1, q.count)
	if err != nil {
		return nil, err
	}
	out := make([]Cemented, len(list))
	for i, e := range list {
		b, found, err := l.Block(e.Hash)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, internalError.because("confirmed block %s is not in the ledger; check the database", e.Hash)
		}
		out[i] = Cemented{e.Sequence, b}
	}
	return out, nil
}

func (q confirmationQuery) answer(list []Cemented, last uint64) object {
	end := last
	if len(list) == q.count {
		end = list[len(list)-1].Sequence
	}
	shown := make([]object, len(list))
	for i := range list {
		shown[i] = q.show(&list[i])
	}
	return obj("confirmations", shown, "seq", end, "last", last,
		"pruned", end-q.seq-uint64(len(list)), "more", end < last)
}

func (q confirmationQuery) show(b *Cemented) object {
	o := obj("sequence", b.Sequence, "hash", b.Hash, "account", b.Block.Account, "height", b.Height, "subtype", b.Subtype.String(),
		"amount", b.Amount, "balance", b.Block.Balance, "local_timestamp", b.Time)
	if b.Subtype == lattice.Send {
		o.set("destination", lattice.Account(b.Block.Link))
	}
	if q.block {
		o.set("contents", blockValue(&b.Block, q.asObject))
	}
	return o
}
