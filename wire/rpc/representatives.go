package rpc

import (
	"net/netip"
	"slices"
)

// paging of lists that are held in memory.
var pageParams = []param{
	may("count", formCount, "most entries; default and limit 1000"),
	may("offset", formCount, "cursor: entries to leave out first"),
}

var fieldNextOffset = maybe("next_offset", formCount, "offset of the next page; absent when there is no more")

var representativeActions = []*action{
	{
		name: "representatives", role: Public, cost: 2,
		summary: "Representatives and their confirmed weight, heaviest first.",
		params:  append([]param{may("sorting", formFlag, "accepted; the list is always sorted")}, pageParams...),
		result: []field{
			has("representatives", formMap, "weight by account"),
			has("representatives.*", formAmount, "confirmed weight"),
			fieldNextOffset,
		},
		errors: []*errorKind{badCount}, handle: representatives,
	},
	{
		name: "representatives_online", role: Public, cost: 2,
		summary: "Representatives that voted in the last five minutes, heaviest first.",
		params: append([]param{
			may("weight", formFlag, "answer a map with the weights instead of a list"),
			may("accounts", formAccounts, "only these, at most 100"),
		}, pageParams...),
		result: []field{
			has("representatives", formAny, "accounts, or a map by account"),
			maybe("representatives.*.weight", formAmount, "confirmed weight"),
			fieldNextOffset,
		},
		errors: []*errorKind{badAccount, otherNetwork, badCount, tooMany}, handle: representativesOnline,
	},
	{
		name: "confirmation_quorum", role: Public,
		summary: "What confirmation is reckoned with now, and when nothing can be confirmed, what is missing and who is silent.",
		params:  []param{may("peer_details", formFlag, "add the representatives behind connected peers")},
		result: []field{
			has("quorum_delta", formAmount, "weight of final votes that confirms a block"),
			has("online_weight_quorum_percent", formNumber, "of the online weight that the delta is"),
			has("online_weight_minimum", formAmount, "smallest online weight that is reckoned with"),
			has("online_stake_total", formAmount, "weight of the representatives that vote now"),
			has("trended_stake_total", formAmount, "median of the online weight over the last weeks"),
			has("peers_stake_total", formAmount, "weight of the representatives behind connected peers"),
			has("weights_from", formText, "ledger, or network: the weights that came with the network file, until enough is confirmed here"),
			maybe("weights_until", formCount, "confirmed blocks from which on the weights of the ledger count; where the network came with weights"),
			maybe("weights_confirmed", formCount, "of those, how many are confirmed here"),
			has("missing_stake_total", formAmount, "weight that a confirmation lacks: of votes while nothing is confirmed, else of representatives that are there"),
			maybe("reasons", formList, "why nothing can be confirmed; absent when nothing is missing"),
			maybe("reasons[]", formText, "one of them"),
			maybe("stalled_since", formTime, "time of the last confirmation; while blocks wait and nothing is confirmed"),
			maybe("waiting_blocks", formCount, "blocks whose elections wait then"),
			maybe("waiting_hash", formHash, "the one that waits longest"),
			maybe("waiting_stake_total", formAmount, "weight of the votes that it has"),
			maybe("silent", formList, "principal representatives that have not voted, heaviest first, at most 1000; when weight is missing"),
			maybe("silent[].account", formAccount, "the representative"),
			maybe("silent[].weight", formAmount, "confirmed weight"),
			maybe("silent[].last_vote", formTime, "when it was last seen voting; 0 when it was not since the start"),
			maybe("peers", formList, "representatives behind connected peers, heaviest first, at most 1000"),
			maybe("peers[].account", formAccount, "the representative"),
			maybe("peers[].ip", formText, "address and port of the peer"),
			maybe("peers[].weight", formAmount, "confirmed weight"),
		},
		handle: confirmationQuorum,
	},
	{
		name: "peers", role: Public, cost: 2,
		summary: "Connected peers.",
		params:  append([]param{may("peer_details", formFlag, "answer an object for each peer instead of its protocol version")}, pageParams...),
		result: []field{
			has("peers", formMap, "protocol version, or an object, by address and port"),
			maybe("peers.*.protocol_version", formNumber, "of the peer protocol"),
			maybe("peers.*.node_id", formKey, "public key of the node"),
			maybe("peers.*.type", formText, "tcp"),
			maybe("peers.*.direction", formText, "inbound or outbound"),
			maybe("peers.*.connected", formTime, "since when"),
			maybe("peers.*.received", formTime, "last sign of life"),
			maybe("peers.*.score", formNumber, "for broken rules; 0 is good, at 100 it is banned"),
			maybe("peers.*.fault", formText, "what it did wrong last; empty while the score is 0"),
			maybe("peers.*.principal", formFlag, "a principal representative speaks through it"),
			maybe("peers.*.bytes_in", formCount, "bytes that came from it"),
			maybe("peers.*.bytes_out", formCount, "bytes that went to it"),
			maybe("peers.*.dropped", formCount, "messages that were not sent: it reads too slowly, or the bandwidth is used up"),
			maybe("peers.*.ignored", formCount, "messages of it that were over its limits"),
			fieldNextOffset,
		},
		errors: []*errorKind{badCount}, handle: peers,
	},
}

// page is the part of a list that was asked for.
type page struct{ count, offset int }

func readPage(c *call) page {
	return page{c.count("count", maxEntries, maxEntries), int(c.number("offset", 0, 1<<30, badCount))}
}

// cut returns the page, and the answer's cursor when there is more.
func cut[T any](p page, list []T) (entries []T, cursor object) {
	list = list[min(p.offset, len(list)):]
	if len(list) <= p.count {
		return list, nil
	}
	return list[:p.count], obj("next_offset", p.offset+p.count)
}

func representatives(c *call) (any, error) {
	c.flag("sorting", false)
	p := readPage(c)
	if c.err != nil {
		return nil, c.err
	}
	list, cursor := cut(p, c.backend.Representatives())
	shown := object{}
	for _, r := range list {
		shown.set(r.Account.String(), r.Weight)
	}
	return append(obj("representatives", shown), cursor...), nil
}

func representativesOnline(c *call) (any, error) {
	weight, accounts, p := c.flag("weight", false), c.accounts("accounts"), readPage(c)
	if c.err != nil {
		return nil, c.err
	}
	online := c.backend.RepresentativesOnline()
	if c.has("accounts") {
		online = slices.DeleteFunc(online, func(r Representative) bool { return !slices.Contains(accounts, r.Account) })
	}
	list, cursor := cut(p, online)
	names, weights := []any{}, object{}
	for _, r := range list {
		names = append(names, r.Account)
		weights.set(r.Account.String(), obj("weight", r.Weight))
	}
	if weight {
		return append(obj("representatives", weights), cursor...), nil
	}
	return append(obj("representatives", names), cursor...), nil
}

func confirmationQuorum(c *call) (any, error) {
	details := c.flag("peer_details", false)
	if c.err != nil {
		return nil, c.err
	}
	q := c.backend.Quorum()
	answer := obj(
		"quorum_delta", q.Delta,
		"online_weight_quorum_percent", q.Percent,
		"online_weight_minimum", q.Floor,
		"online_stake_total", q.Online,
		"trended_stake_total", q.Trended,
		"peers_stake_total", q.Peers,
		"weights_from", weightsFrom(&q),
		"missing_stake_total", q.Missing)
	if q.ShippedUntil > 0 {
		answer.set("weights_until", q.ShippedUntil)
		answer.set("weights_confirmed", q.Confirmed)
	}
	if len(q.Reasons) > 0 {
		answer.set("reasons", q.Reasons)
	}
	if s := q.Stall; s != nil {
		answer.set("stalled_since", s.Since)
		answer.set("waiting_blocks", s.Waiting)
		answer.set("waiting_hash", s.Oldest)
		answer.set("waiting_stake_total", s.Have)
	}
	if !q.Missing.IsZero() {
		silent := []object{}
		for _, r := range q.Silent[:min(maxEntries, len(q.Silent))] {
			silent = append(silent, obj("account", r.Account, "weight", r.Weight, "last_vote", r.LastVote))
		}
		answer.set("silent", silent)
	}
	if details {
		shown := []object{}
		for _, d := range q.Details[:min(maxEntries, len(q.Details))] {
			shown = append(shown, obj("account", d.Account, "ip", endpoint(d.Address), "weight", d.Weight))
		}
		answer.set("peers", shown)
	}
	return answer, nil
}

// weightsFrom names where the weights come from.
func weightsFrom(q *QuorumStatus) string {
	if q.Shipped {
		return "network"
	}
	return "ledger"
}

// endpoint writes an address as the tools expect it: IPv4 within IPv6.
func endpoint(a netip.AddrPort) string {
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port()).String()
}

func peers(c *call) (any, error) {
	details, p := c.flag("peer_details", false), readPage(c)
	if c.err != nil {
		return nil, c.err
	}
	list, cursor := cut(p, c.backend.Peers())
	shown := object{}
	for _, peer := range list {
		if !details {
			shown.set(endpoint(peer.Address), peer.Protocol)
			continue
		}
		direction := "outbound"
		if peer.Inbound {
			direction = "inbound"
		}
		shown.set(endpoint(peer.Address), obj("protocol_version", peer.Protocol, "node_id", peer.NodeID, "type", "tcp",
			"direction", direction, "connected", peer.Connected, "received", peer.Received, "score", peer.Score, "fault", peer.Fault, "principal", peer.Principal,
			"bytes_in", peer.BytesIn, "bytes_out", peer.BytesOut, "dropped", peer.Dropped, "ignored", peer.Ignored))
	}
	return append(obj("peers", shown), cursor...), nil
}
