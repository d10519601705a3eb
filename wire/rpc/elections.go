package rpc

import (
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/messages/lattice"
)

var electionActions = []*action{
	{
		name: "confirmation_active", role: Public, cost: 2,
		summary: "Roots of the elections that run.",
		params:  []param{may("announcements", formCount, "only those for which votes were asked for at least so often"), pageParams[0], pageParams[1]},
		result: []field{
			has("confirmations", formList, "in the order in which they started"),
			has("confirmations[]", formRoot, "to be passed to confirmation_info"),
			has("unconfirmed", formCount, "elections without a decision, of all"),
			has("confirmed", formCount, "elections that are decided and wait to be cemented, of all"),
			fieldNextOffset,
		},
		errors: []*errorKind{badCount}, handle: confirmationActive,
	},
	{
		name: "confirmation_info", role: Public, cost: 2,
		summary: "One election that runs: its blocks, and who voted for which.",
		params: []param{
			need("root", formRoot, "128 digits: account and previous block as confirmation_active tells them; or twice the previous block, or 64 zeros and the account"),
			may("contents", formFlag, "add the blocks; default true"),
			paramJSON,
			may("representatives", formFlag, "add who voted"),
		},
		result: []field{
			has("announcements", formCount, "how often this node has asked for votes"),
			has("voters", formCount, "representatives whose votes count"),
			has("last_winner", formHash, "block that leads"),
			has("total_tally", formAmount, "weight of all votes"),
			has("final_tally", formAmount, "weight of the final votes for the winner"),
			has("quorum_delta", formAmount, "what final_tally has to reach"),
			has("state", formText, "passive, active or confirmed"),
			has("behavior", formText, "why it was started: priority, hinted, optimistic, manual or fork"),
			has("started", formTime, "when"),
			has("blocks", formMap, "by hash, most votes first"),
			has("blocks.*.tally", formAmount, "weight of the votes for it"),
			has("blocks.*.final_tally", formAmount, "weight of the final ones"),
			has("blocks.*.in_ledger", formFlag, "the one in this node's ledger"),
			maybe("blocks.*.contents", formBlock, "the block"),
			maybe("blocks.*.representatives", formMap, "weight by account of who voted for it, heaviest first"),
			maybe("blocks.*.representatives_final", formMap, "of them, who did so finally"),
		},
		errors: []*errorKind{badRoot, electionNotFound}, handle: confirmationInfo,
	},
	{
		name: "confirmation_history", role: Public, cost: 2,
		summary: "Elections that ended with a confirmation lately, newest first. Nothing may rely on it being complete: see " +
			"confirmations_since.",
		params: []param{may("hash", formHash, "only this block"), pageParams[0], pageParams[1]},
		result: []field{
			has("confirmation_stats", formObject, "of those that are remembered"),
			has("confirmation_stats.count", formCount, "how many"),
			has("confirmation_stats.average", formNumber, "duration in milliseconds"),
			has("confirmations", formList, "newest first"),
			has("confirmations[].hash", formHash, "the block"),
			has("confirmations[].duration", formNumber, "milliseconds from the start of the election"),
			has("confirmations[].time", formNumber, "when, in milliseconds since 1970"),
			has("confirmations[].tally", formAmount, "weight of the votes for it at the end"),
			has("confirmations[].final", formAmount, "weight of the final ones"),
			has("confirmations[].blocks", formCount, "blocks that competed"),
			has("confirmations[].voters", formCount, "representatives that voted"),
			has("confirmations[].request_count", formCount, "how often this node has asked for votes"),
			has("confirmations[].by_quorum", formFlag, "false when it was confirmed as what another block depends on"),
			fieldNextOffset,
		},
		errors: []*errorKind{badHash, badCount}, handle: confirmationHistory,
	},
	{
		name: "election_statistics", role: Public,
		summary: "How many elections run, of each kind, and how long they take.",
		result: []field{
			has("normal", formCount, "started by hand or by a fork"),
			has("manual", formCount, "of them, by hand"),
			has("fork", formCount, "of them, by a fork"),
			has("priority", formCount, "in turn, out of the buckets"),
			has("hinted", formCount, "because others vote"),
			has("optimistic", formCount, "for accounts with much that is unconfirmed"),
			has("confirmed", formCount, "decided, waiting to be cemented"),
			has("total", formCount, "all"),
			has("most", formCount, "priority elections that may run"),
			has("aec_utilization_percentage", formFactor, "of most that the priority elections are"),
			has("max_election_age", formNumber, "milliseconds since the oldest one without a decision was started"),
			has("average_election_age", formNumber, "likewise, on average"),
			has("confirmation_p50_ms", formNumber, "half of the last confirmations took no longer"),
			has("confirmation_p90_ms", formNumber, "90 of 100"),
			has("confirmation_p99_ms", formNumber, "99 of 100"),
			has("ended_confirmed", formCount, "elections since the start that ended with a confirmation"),
			has("ended_expired", formCount, "that ran out of time"),
			has("ended_cancelled", formCount, "that made room or lost their block"),
			has("forks", formCount, "competing blocks taken in since the start"),
			has("switches", formCount, "times that another block took the lead"),
		},
		handle: electionStatistics,
	},
	{
		name: "block_confirm", role: Operator, cost: 2,
		summary: "Have a block of the ledger elected at once, out of turn.",
		params:  []param{paramHash},
		result: []field{
			has("started", formOne, "always 1"),
			has("confirmed", formFlag, "true when it is confirmed already, and nothing had to be done"),
		},
		errors: []*errorKind{badHash, blockNotFound}, handle: blockConfirm,
	},
}

func confirmationActive(c *call) (any, error) {
	least := int(c.number("announcements", 0, 1<<30, badCount))
	p := readPage(c)
	if c.err != nil {
		return nil, c.err
	}
	state, err := c.backend.Elections(c.ctx)
	if err != nil {
		return nil, err
	}
	running := state.Running
	if least > 0 {
		running = slices.DeleteFunc(slices.Clone(running), func(e election.Info) bool { return e.Requests < least })
	}
	list, cursor := cut(p, running)
	roots := make([]string, len(list))
	for i := range list {
		roots[i] = list[i].Root.String()
	}
	decided := state.Stats.Confirmed
	return append(obj("confirmations", roots, "unconfirmed", len(state.Running)-decided, "confirmed", decided), cursor...), nil
}

// qualifiedRoot reads a root: account and previous block, or one of the forms of
// the field, which name the previous block twice or the account after zeros.
func (c *call) qualifiedRoot(name string) (root lattice.QualifiedRoot) {
	text, ok := c.scalar(name)
	if !ok {
		return root
	}
	if len(text) != 128 {
		c.fail(badRoot.because("%s: %d characters, want 128 hexadecimal digits", name, len(text)))
		return root
	}
	first, err := lattice.ParseHash(text[:64])
	second, err2 := lattice.ParseHash(text[64:])
	switch {
	case err != nil || err2 != nil:
		c.fail(badRoot.because("%s: 128 hexadecimal digits are expected", name))
	case first.IsZero():
		root.Account = lattice.Account(second)
	case first == second:
		root = c.rootAfter(name, first)
	default:
		root = lattice.QualifiedRoot{Account: lattice.Account(first), Previous: second}
	}
	return root
}

// rootAfter returns the root of the block that follows another one.
func (c *call) rootAfter(name string, previous lattice.Hash) (root lattice.QualifiedRoot) {
	err := c.view(func(l Ledger) error {
		b, found, err := l.Block(previous)
		if err == nil && !found {
			err = electionNotFound.because("%s: block %s is not in the ledger", name, previous)
		}
		root = lattice.QualifiedRoot{Account: b.Block.Account, Previous: previous}
		return err
	})
	if err != nil && c.err == nil {
		c.err = err
	}
	return root
}

func confirmationInfo(c *call) (any, error) {
	root := c.qualifiedRoot("root")
	contents, asObject, voters := c.flag("contents", true), c.flag("json_block", false), c.flag("representatives", false)
	if c.err != nil {
		return nil, c.err
	}
	e, found, err := c.backend.Election(c.ctx, root)
	if err == nil && !found {
		err = electionNotFound.because("root: no election of it runs; the action explain tells more")
	}
	if err != nil {
		return nil, err
	}
	blocks := object{}
	for i := range e.Blocks {
		b := &e.Blocks[i]
		shown := obj("tally", b.Tally, "final_tally", b.Final, "in_ledger", b.Hash == e.InLedger)
		if contents {
			shown.set("contents", blockValue(&b.Block, asObject))
		}
		if voters {
			shown.set("representatives", votersFor(&e, b.Hash, false))
			shown.set("representatives_final", votersFor(&e, b.Hash, true))
		}
		blocks.set(b.Hash.String(), shown)
	}
	return obj("announcements", e.Requests, "voters", len(e.Votes), "last_winner", e.Winner, "total_tally", e.Total, "final_tally", e.Final,
		"quorum_delta", e.Delta, "state", e.State.String(), "behavior", e.Behavior.String(), "started", e.Started, "blocks", blocks), nil
}

// votersFor returns who voted for a block, with the weight, heaviest first.
func votersFor(e *election.Info, hash lattice.Hash, final bool) object {
	shown := object{}
	for _, v := range e.Votes {
		if v.Hash == hash && (v.Final || !final) {
			shown.set(v.Representative.String(), v.Weight)
		}
	}
	return shown
}

func confirmationHistory(c *call) (any, error) {
	hash, p := c.hashIfGiven("hash"), readPage(c)
	if c.err != nil {
		return nil, c.err
	}
	state, err := c.backend.Elections(c.ctx)
	if err != nil {
		return nil, err
	}
	var sum time.Duration
	wanted := state.Ended[:0:0]
	for _, e := range state.Ended {
		sum += e.Duration
		if !c.has("hash") || e.Hash == hash {
			wanted = append(wanted, e)
		}
	}
	list, cursor := cut(p, wanted)
	shown := []object{}
	for i := range list {
		e := &list[i]
		shown = append(shown, obj("hash", e.Hash, "duration", millis(e.Duration), "time", uint64(max(0, e.Time.UnixMilli())),
			"tally", e.Tally, "final", e.Final, "blocks", e.Blocks, "voters", e.Voters, "request_count", e.Requests, "by_quorum", e.ByQuorum))
	}
	count := len(state.Ended)
	average := sum / time.Duration(max(1, count))
	return append(obj("confirmation_stats", obj("count", count, "average", millis(average)), "confirmations", shown), cursor...), nil
}

// hashIfGiven returns a hash that may be left out.
func (c *call) hashIfGiven(name string) lattice.Hash {
	if !c.has(name) {
		return lattice.Hash{}
	}
	return c.hash(name)
}

func millis(d time.Duration) uint64 { return uint64(max(0, d.Milliseconds())) }

func electionStatistics(c *call) (any, error) {
	state, err := c.backend.Elections(c.ctx)
	if err != nil {
		return nil, err
	}
	s := &state.Stats
	var oldest, sum time.Duration
	open := 0
	for i := range state.Running {
		if e := &state.Running[i]; e.State != election.Confirmed {
			age := max(0, state.Now.Sub(e.Started))
			oldest, sum = max(oldest, age), sum+age
			open++
		}
	}
	running := func(b election.Behavior) int { return s.Running[b] }
	return obj(
		"normal", running(election.Manual)+running(election.Forked),
		"manual", running(election.Manual),
		"fork", running(election.Forked),
		"priority", running(election.Priority),
		"hinted", running(election.Hinted),
		"optimistic", running(election.Optimistic),
		"confirmed", s.Confirmed,
		"total", len(state.Running),
		"most", s.Most,
		"aec_utilization_percentage", factor(100*float64(running(election.Priority))/float64(max(1, s.Most))),
		"max_election_age", millis(oldest),
		"average_election_age", millis(sum/time.Duration(max(1, open))),
		"confirmation_p50_ms", millis(state.Latency.P50),
		"confirmation_p90_ms", millis(state.Latency.P90),
		"confirmation_p99_ms", millis(state.Latency.P99),
		"ended_confirmed", s.Ended[election.Confirmed],
		"ended_expired", s.Ended[election.Expired],
		"ended_cancelled", s.Ended[election.Cancelled],
		"forks", s.Forks,
		"switches", s.Switches), nil
}

func blockConfirm(c *call) (any, error) {
	hash := c.hash("hash")
	if c.err != nil {
		return nil, c.err
	}
	var block lattice.StoredBlock
	err := c.view(func(l Ledger) (err error) {
		var found bool
		block, found, err = l.Block(hash)
		if err == nil && !found {
			err = blockNotFound.because("hash: %s is not in the ledger", hash)
		}
		return err
	})
	if err == nil && !block.Confirmed {
		err = c.backend.Elect(c.ctx, &block.Block, hash)
	}
	return obj("started", one(true), "confirmed", block.Confirmed), err
}
