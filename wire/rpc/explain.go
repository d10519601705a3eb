package rpc

import (
	"fmt"

	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// maxSequenceScan is how many of the last confirmations are searched for a block.
const maxSequenceScan = 2000

var explainActions = []*action{{
	name: "explain", role: Public, cost: 5,
	summary: "Why a block is not confirmed, or was refused: what this node knows of it, in one answer.",
	params: []param{
		may("hash", formHash, "the block; or:"),
		may("root", formRoot, "a root as confirmation_info takes it: the block of the ledger there is explained"),
	},
	result: []field{
		has("state", formText, "unknown, waiting, refused, pruned, blocked, queued, unscheduled, election or confirmed"),
		has("reason", formText, "the same in a sentence"),
		has("hash", formHash, "the block; zero when none of this root is here"),
		maybe("account", formAccount, "whose chain it is in"),
		maybe("root", formRoot, "the place it competes for"),
		maybe("height", formCount, "its place in the chain"),
		maybe("subtype", formText, "open, send, receive or change"),
		maybe("local_timestamp", formTime, "when it came"),
		maybe("sequence", formCount, "number of its confirmation, if that is one of the last 2000"),
		maybe("missing", formHash, "waiting: the block that is not here"),
		maybe("since", formTime, "waiting or refused: since when, or when"),
		maybe("rule", formText, "refused: the code of the rule, as process answers it"),
		maybe("dependencies", formMap, "by hash: what must be confirmed before it can be"),
		maybe("dependencies.*.kind", formText, "previous or source"),
		maybe("dependencies.*.confirmed", formFlag, "whether it is"),
		maybe("bucket", formNumber, "queued or election: bucket of its account's balance"),
		maybe("ahead", formCount, "queued: blocks of the bucket that are served before it"),
		maybe("used", formTime, "queued: when its account was used before"),
		maybe("election", formObject, "the election of its root"),
		maybe("election.state", formText, "passive, active or confirmed"),
		maybe("election.behavior", formText, "why it was started"),
		maybe("election.started", formTime, "when"),
		maybe("election.winner", formHash, "block that leads"),
		maybe("election.tally", formAmount, "weight of all votes for this block"),
		maybe("election.final_tally", formAmount, "weight of the final ones"),
		maybe("election.quorum_delta", formAmount, "what final_tally has to reach"),
		maybe("election.missing_weight", formAmount, "what it lacks"),
		maybe("election.rivals", formList, "other blocks of the root"),
		maybe("election.rivals[].hash", formHash, "the block"),
		maybe("election.rivals[].tally", formAmount, "weight of all votes for it"),
		maybe("election.voted", formMap, "by account: who voted for this block, heaviest first"),
		maybe("election.voted.*.weight", formAmount, "confirmed weight"),
		maybe("election.voted.*.final", formFlag, "whether the vote is final"),
		maybe("election.silent", formMap, "weight by account: principal representatives without a vote here, heaviest first, at most 100"),
	},
	errors: []*errorKind{badHash, badRoot, electionNotFound}, handle: explain,
}}

// explained is what explain gathers.
type explained struct {
	hash      lattice.Hash
	root      lattice.QualifiedRoot
	block     lattice.StoredBlock // of the ledger, if found
	found     bool
	pruned    bool
	sequence  uint64
	previous  lattice.Hash
	source    lattice.Hash
	sourceOK  bool
	votable   bool
	confirmed uint64 // height of the account
}

func explain(c *call) (any, error) {
	if c.has("hash") == c.has("root") {
		return nil, missing.because("hash or root: name the block, or the place in a chain; one of the two")
	}
	e := &explained{}
	if c.has("hash") {
		e.hash = c.hash("hash")
	} else {
		e.root = c.qualifiedRoot("root")
	}
	if c.err != nil {
		return nil, c.err
	}
	if err := c.view(e.look); err != nil {
		return nil, err
	}
	answer, err := e.tell(c)
	return answer, err
}

// look reads what the ledger knows.
func (e *explained) look(l Ledger) (err error) {
	if e.hash.IsZero() {
		if err = e.find(l); err != nil {
			return err
		}
	}
	if e.block, e.found, err = l.Block(e.hash); err != nil || !e.found {
		return err
	}
	e.root = e.block.Block.QualifiedRoot()
	info, err := l.Account(e.root.Account)
	if err != nil {
		return err
	}
	e.confirmed = info.ConfirmedHeight
	if e.block.Confirmed {
		e.sequence, err = sequenceOf(l, e.hash)
		return err
	}
	if e.previous, e.source, e.votable, err = ledger.Dependencies(l, &e.block); err != nil || e.source.IsZero() {
		return err
	}
	send, found, err := l.Block(e.source)
	e.sourceOK = !found || send.Confirmed
	return err
}

// find looks for the block of a root in the ledger.
func (e *explained) find(l Ledger) error {
	height := uint64(1)
	if !e.root.Previous.IsZero() {
		previous, found, err := l.Block(e.root.Previous)
		if err != nil || !found || previous.Block.Account != e.root.Account {
			return err
		}
		height = previous.Height + 1
	}
	info, err := l.Account(e.root.Account)
	if err != nil {
		return err
	}
	b, found, err := l.BlockAt(e.root.Account, height)
	if found { // also below the pruned height: a send that nobody has received stays
		e.hash = b.Hash
	}
	e.pruned = err == nil && !found && height <= info.PrunedHeight
	return err
}

// sequenceOf returns the number of a confirmation, 0 when it is too long ago.
func sequenceOf(l Ledger, hash lattice.Hash) (uint64, error) {
	counts, err := l.Counts()
	if err != nil {
		return 0, err
	}
	const page = 200
	for end := counts.Cemented; end > 0 && counts.Cemented-end < maxSequenceScan; {
		first := end - min(end, page) + 1
		list, err := l.Confirmations(first, int(end-first+1))
		if err != nil {
			return 0, err
		}
		for i := range list {
			if list[i].Hash == hash {
				return list[i].Sequence, nil
			}
		}
		end = first - 1
	}
	return 0, nil
}

// tell asks the actors for the rest.
func (e *explained) tell(c *call) (object, error) {
	switch {
	case e.pruned:
		return e.answer("pruned", "the block was confirmed and is no longer kept here"), nil
	case !e.found:
		return e.absent(c)
	case e.block.Confirmed:
		return e.answer("confirmed", "the block is confirmed and stays for ever"), nil
	}
	info, runs, err := c.backend.Election(c.ctx, e.root)
	if err != nil {
		return nil, err
	}
	if runs {
		return e.elected(c, &info), nil
	}
	if !e.votable {
		reason := fmt.Sprintf("the block at height %d of its account, and %d before it, wait for a confirmation", e.block.Height, e.block.Height-e.confirmed-1)
		if !e.source.IsZero() && !e.sourceOK {
			reason = "the send that the block receives is not confirmed"
		}
		return e.answer("blocked", reason), nil
	}
	at, queued, err := c.backend.Position(c.ctx, e.root)
	if err != nil {
		return nil, err
	}
	if !queued {
		return e.answer("unscheduled", "the block waits for a place in the queue of its bucket, which is full of accounts that were used "+
			"longer ago, or for the next scan of unconfirmed accounts"), nil
	}
	reason := fmt.Sprintf("the block waits for its election: %d blocks of bucket %d are served before it", at.Ahead, at.Bucket)
	if at.Running {
		reason = "an election was asked for and starts in a moment"
	}
	answer := e.answer("queued", reason)
	answer.set("bucket", at.Bucket)
	answer.set("ahead", at.Ahead)
	answer.set("used", at.Used)
	return answer, nil
}

// absent explains a block that is not in the ledger.
func (e *explained) absent(c *call) (object, error) {
	if e.hash.IsZero() {
		return e.answer("unknown", "no block with this root is in the ledger"), nil
	}
	info, runs, err := c.backend.ElectionOf(c.ctx, e.hash)
	if err != nil {
		return nil, err
	}
	if runs {
		e.root = info.Root
		return e.elected(c, &info), nil
	}
	fate, err := c.backend.Fate(c.ctx, e.hash)
	switch {
	case err != nil:
		return nil, err
	case fate.Waiting != nil:
		w := fate.Waiting
		answer := e.answer("waiting", fmt.Sprintf("the block waits for block %s, which is not here and is asked for", w.Missing))
		answer.set("account", w.Account)
		answer.set("missing", w.Missing)
		answer.set("since", w.Since)
		return answer, nil
	case fate.Refused != nil:
		r := fate.Refused
		rule := "internal"
		if known, ok := answerFor(r.Why); ok {
			rule = known.Code
		}
		answer := e.answer("refused", r.Why.Error())
		answer.set("account", r.Account)
		answer.set("rule", rule)
		answer.set("since", r.Time)
		return answer, nil
	}
	return e.answer("unknown", "this node has never seen the block, or not lately; one that was pruned has no hash any more"), nil
}

// answer says the state and what the ledger knows.
func (e *explained) answer(state, reason string) object {
	o := obj("state", state, "reason", reason, "hash", e.hash)
	if e.root.Account.IsZero() {
		return o
	}
	o.set("account", e.root.Account)
	o.set("root", e.root.String())
	if !e.found {
		return o
	}
	o.set("height", e.block.Height)
	o.set("subtype", e.block.Subtype.String())
	o.set("local_timestamp", e.block.Time)
	if e.sequence > 0 {
		o.set("sequence", e.sequence)
	}
	if e.block.Confirmed {
		return o
	}
	dependencies := object{}
	if !e.previous.IsZero() {
		dependencies.set(e.previous.String(), obj("kind", "previous", "confirmed", e.block.Height <= e.confirmed+1))
	}
	if !e.source.IsZero() {
		dependencies.set(e.source.String(), obj("kind", "source", "confirmed", e.sourceOK))
	}
	o.set("dependencies", dependencies)
	return o
}

// elected explains a block that has an election.
func (e *explained) elected(c *call, info *election.Info) object {
	tally, final, against, rivals := lattice.Amount{}, lattice.Amount{}, lattice.Amount{}, []object{}
	for i := range info.Blocks {
		if b := &info.Blocks[i]; b.Hash == e.hash {
			tally, final = b.Tally, b.Final
		} else {
			against = against.SatAdd(b.Tally)
			rivals = append(rivals, obj("hash", b.Hash, "tally", b.Tally))
		}
	}
	voted, silent := object{}, object{}
	for _, v := range info.Votes {
		if v.Hash == e.hash {
			voted.set(v.Representative.String(), obj("weight", v.Weight, "final", v.Final))
		}
	}
	for _, r := range e.silent(c, info) {
		silent.set(r.Account.String(), r.Weight)
	}
	lacks := info.Delta.SatSub(final)
	answer := e.answer("election", reasonOf(info, e.hash, tally, against, lacks, len(silent)))
	if info.Behavior == election.Priority {
		answer.set("bucket", info.Bucket)
	}
	answer.set("election", obj("state", info.State.String(), "behavior", info.Behavior.String(), "started", info.Started,
		"winner", info.Winner, "tally", tally, "final_tally", final, "quorum_delta", info.Delta, "missing_weight", lacks,
		"rivals", rivals, "voted", voted, "silent", silent))
	return answer
}

// reasonOf says in a sentence why an election has not ended.
func reasonOf(info *election.Info, hash lattice.Hash, tally, against, lacks lattice.Amount, silent int) string {
	switch {
	case info.State == election.Confirmed && info.Winner == hash:
		return "the block is decided and is about to become final"
	case info.Winner != hash:
		return fmt.Sprintf("another block of this root, %s, leads", info.Winner)
	case !against.IsZero() && tally.Less(info.Delta):
		return fmt.Sprintf("the votes are divided between %d blocks of this root: this one has %v smn of weight, the others %v; %d principal representatives are silent",
			len(info.Blocks), tally, against, silent)
	case tally.Less(info.Delta):
		return fmt.Sprintf("votes with %v smn of weight are missing; %d principal representatives are silent", info.Delta.SatSub(tally), silent)
	}
	return fmt.Sprintf("enough votes are here, final ones with %v smn of weight are missing", lacks)
}

// maxSilent is how many silent representatives are named.
const maxSilent = 100

// silent returns the principal representatives that have no vote in an election.
func (e *explained) silent(c *call, info *election.Info) []Representative {
	above := c.backend.Quorum().Trended.MulDiv(1, 1000)
	var principals []lattice.Account
	weights := map[lattice.Account]lattice.Amount{}
	for _, r := range c.backend.Representatives() {
		if above.Less(r.Weight) {
			principals = append(principals, r.Account)
			weights[r.Account] = r.Weight
		}
	}
	out := []Representative{}
	for _, a := range info.Missing(principals) {
		if len(out) < maxSilent {
			out = append(out, Representative{a, weights[a]})
		}
	}
	return out
}
