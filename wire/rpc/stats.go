package rpc

import (
	"strings"

	"github.com/smallnano/smallnano/actors/core/election"
)

// statKinds are what stats can tell, by the names of the field.
const (
	statCounters = "counters"
	statObjects  = "objects"
)

var statActions = []*action{
	{
		name: "stats", role: Public, cost: 3,
		summary: "Counters since the start of the node, or how much is held where, in the shapes that the monitors of the field read. " +
			"GET /metrics and the action health tell the same and more.",
		params: []param{need("type", formText, "counters or objects")},
		result: []field{
			maybe("type", formText, "counters"),
			maybe("created", formTime, "when it was counted"),
			maybe("stat_duration_seconds", formCount, "for how long it was counted"),
			maybe("entries", formList, "counters"),
			maybe("entries[].time", formTime, "when it was counted"),
			maybe("entries[].type", formText, "an actor, election, ledger or work"),
			maybe("entries[].detail", formText, "what was counted"),
			maybe("entries[].dir", formText, "in: it came; out: it was done or sent"),
			maybe("entries[].value", formCount, "how often"),
			maybe("node", formMap, "objects: what holds something"),
			maybe("node.*", formMap, "by name"),
			maybe("node.*.*.count", formCount, "how many there are"),
			maybe("node.*.*.size", formCount, "bytes of one; 0: not told"),
		},
		errors: []*errorKind{badStats}, handle: stats,
	},
}

var badStats = &errorKind{"bad_stats_type", "Invalid or missing type argument", numberParams}

func stats(c *call) (any, error) {
	kind := c.word("type")
	if c.err != nil {
		return nil, c.err
	}
	switch kind {
	case statCounters:
		return c.statCounters()
	case statObjects:
		return c.statObjects()
	}
	return nil, badStats.because("type: %q is neither counters nor objects", clip(kind))
}

func (c *call) statCounters() (any, error) {
	state, err := c.backend.Elections(c.ctx)
	if err != nil {
		return nil, err
	}
	counts, err := readCounts(c)
	if err != nil {
		return nil, err
	}
	now, entries := c.server.config.Now(), []object{}
	add := func(kind, detail, dir string, value uint64) {
		entries = append(entries, obj("time", now, "type", kind, "detail", detail, "dir", dir, "value", value))
	}
	for _, a := range c.lastingActors() {
		add(a.Name, "posted", "in", a.Mailbox.Posted)
		add(a.Name, "handled", "in", a.Mailbox.Handled)
		add(a.Name, "refused", "in", a.Mailbox.Refused)
		add(a.Name, "dropped", "in", a.Mailbox.Dropped)
		add(a.Name, "restarted", "out", a.Restarts)
	}
	s := &state.Stats
	add("election", "confirmed", "out", s.Ended[election.Confirmed])
	add("election", "expired", "out", s.Ended[election.Expired])
	add("election", "cancelled", "out", s.Ended[election.Cancelled])
	add("election", "fork", "in", s.Forks)
	add("election", "switch", "out", s.Switches)
	add("ledger", "block", "in", counts.Blocks)
	add("ledger", "cemented", "out", counts.Cemented)
	add("ledger", "pruned", "out", counts.Pruned)
	return obj("type", statCounters, "created", now, "stat_duration_seconds", uint64(max(c.backend.Uptime(), 0).Seconds()), "entries", entries), nil
}

func (c *call) statObjects() (any, error) {
	state, err := c.backend.Elections(c.ctx)
	if err != nil {
		return nil, err
	}
	counts, err := readCounts(c)
	if err != nil {
		return nil, err
	}
	leaf := func(count, size uint64) object { return obj("count", count, "size", size) }
	mailboxes := object{}
	for _, a := range c.lastingActors() {
		mailboxes.set(a.Name, leaf(uint64(max(a.Mailbox.Depth, 0)), 0))
	}
	const accountSize, receivableSize = 40, 80 // bytes in the ledger, about
	return obj("node", obj(
		"mailboxes", mailboxes,
		"ledger", obj("accounts", leaf(counts.Accounts, accountSize), "receivables", leaf(counts.Receivables, receivableSize)),
		"active", obj("elections", leaf(uint64(len(state.Running)), 0)),
		"unchecked", obj("blocks", leaf(c.backend.Unchecked(), 0)),
		"network", obj("peers", leaf(uint64(len(c.backend.Peers())), 0)))), nil
}

// lastingActors are the actors without those of connections, which come and go:
// a counter must not fall.
func (c *call) lastingActors() (list []ActorHealth) {
	all := c.backend.Health().Actors
	for i := range all {
		if !strings.HasSuffix(all[i].Parent, "/peers") {
			list = append(list, all[i])
		}
	}
	return list
}
