package rpc

import (
	"strings"

	"github.com/smallnano/smallnano/messages/lattice"
)

var nodeActions = []*action{
	{
		name: "version", role: Public,
		summary: "What is running.",
		result: []field{
			has("rpc_version", formNumber, "of this contract: 1"),
			has("store_version", formNumber, "of the database schema"),
			has("protocol_version", formNumber, "of the peer protocol"),
			has("node_vendor", formText, "name and version"),
			has("store_vendor", formText, "name and version of the database"),
			has("network", formText, "main, beta, dev or a private name"),
			has("network_identifier", formHash, "hash of the genesis block"),
			has("build_info", formText, "commit, compiler, target"),
		},
		handle: version,
	},
	{
		name: "uptime", role: Public,
		summary: "Seconds since the node was started.",
		result:  []field{has("seconds", formCount, "whole seconds")},
		handle:  uptime,
	},
	{
		name: "network_params", role: Public,
		summary: "All that a light wallet needs to know of the network to make a block that this node accepts.",
		result: []field{
			has("network", formText, "name"),
			has("network_id", formNumber, "byte that keeps networks apart"),
			has("block_preamble", formKey, "32 bytes that are hashed in front of a block"),
			has("vote_preamble", formKey, "32 bytes that are hashed in front of a vote"),
			has("address_prefix", formText, "what addresses start with"),
			has("decimals", formNumber, "decimal places of one smn"),
			has("supply", formAmount, "all that exists"),
			has("send_threshold", formWork, "work of send and change"),
			has("receive_threshold", formWork, "work of open and receive"),
			has("genesis_account", formAccount, "who had the whole supply first"),
			has("genesis_hash", formHash, "hash of the genesis block"),
			has("genesis_block", formBlock, "the genesis block"),
			has("quorum_percent", formNumber, "of the online weight that confirms"),
			has("quorum_floor", formAmount, "smallest online weight that is reckoned with"),
			has("peering_port", formNumber, "default TCP port of peers"),
			has("rpc_port", formNumber, "default TCP port of this interface"),
			has("account_derivation", formText, "how accounts follow from a wallet seed"),
		},
		handle: networkParams,
	},
	{
		name: "health", role: Probe,
		summary: "State of the node, of each actor in it, and what it uses of what it is meant to use.",
		params:  []param{may("actor", formText, "answer this actor only")},
		result: []field{
			maybe("state", formText, "starting, ok, degraded, read_only or stopping; of one actor: running, restarting, backing_off or stopped"),
			maybe("ready", formFlag, "whether its answers can be relied on"),
			maybe("reasons", formList, "why not"),
			maybe("reasons[]", formText, "one sentence"),
			maybe("budget", formList, "resources"),
			maybe("budget[].name", formText, "rss, heap, cpu, goroutines, disk, fds, peers or peer_bytes"),
			maybe("budget[].used", formNumber, "now"),
			maybe("budget[].target", formNumber, "what it is meant to stay below; 0: nothing"),
			maybe("budget[].unit", formText, "bytes, count or percent (of one core)"),
			maybe("network", formObject, "connections and the peer book"),
			maybe("network.book", formList, "its tables"),
			maybe("network.book[].table", formText, "fresh: heard of; tried: a node was met there; configured"),
			maybe("network.book[].used", formCount, "addresses in it"),
			maybe("network.book[].most", formCount, "that it can hold"),
			maybe("network.outbound", formCount, "connections dialled from here, those under way included"),
			maybe("network.outbound_slots", formCount, "for them"),
			maybe("network.inbound", formCount, "connections dialled by others"),
			maybe("network.inbound_slots", formCount, "for them"),
			maybe("network.turned_away", formCount, "connections of who dialled too often, since the start"),
			maybe("network.bans", formCount, "bans of who broke the rules, since the start, those that are over included"),
			maybe("network.external", formList, "where peers see this node"),
			maybe("network.external[].address", formText, "host:port"),
			maybe("network.external[].configured", formFlag, "by the operator"),
			maybe("network.external[].believed", formFlag, "others are told of it"),
			maybe("network.external[].agree", formCount, "peers of different providers that say so now"),
			maybe("network.external[].against", formCount, "those that say something else"),
			maybe("network.offenders", formList, "who broke the rules lately"),
			maybe("network.offenders[].node", formText, "its id, if it proved one"),
			maybe("network.offenders[].address", formText, "host:port"),
			maybe("network.offenders[].offence", formText, "the last one"),
			maybe("network.offenders[].text", formText, "what it was"),
			maybe("network.offenders[].times", formCount, "how often it broke one"),
			maybe("network.offenders[].time", formTime, "of the last"),
			maybe("network.offenders[].score", formCount, "100 is a ban; 0: forgiven, or banned"),
			maybe("network.offenders[].banned_until", formTime, "absent: it is not"),
			maybe("actors", formList, "parents before children"),
		},
		errors: []*errorKind{actorNotFound}, handle: health,
	},
}

func init() {
	for _, a := range nodeActions {
		if a.name == "health" {
			a.result = append(append(a.result, actorResult("actors[].")...), actorResult("")...)
		}
	}
}

// actorResult is what is told of an actor; prefix is where it stands.
func actorResult(prefix string) []field {
	fields := []field{
		maybe("name", formText, "of the actor"),
		maybe("parent", formText, "actor that started it"),
		maybe("restarts", formCount, "how often it was started again"),
		maybe("last_failure", formObject, "absent when it never failed"),
		maybe("last_failure.text", formText, "what went wrong"),
		maybe("last_failure.time", formTime, "when"),
		maybe("last_failure.message", formText, "type of the message that was handled"),
		maybe("retry_at", formTime, "when it is started again"),
		maybe("mailbox", formObject, "its queue"),
		maybe("mailbox.depth", formCount, "messages in it now"),
		maybe("mailbox.capacity", formCount, "most that fit"),
		maybe("mailbox.high_water", formCount, "most that ever were in it"),
		maybe("mailbox.posted", formCount, "messages that were put in"),
		maybe("mailbox.handled", formCount, "messages that were handled"),
		maybe("mailbox.refused", formCount, "messages that were not taken"),
		maybe("mailbox.dropped", formCount, "messages that were thrown out again"),
		maybe("mailbox.oldest_ms", formCount, "age of the oldest in it"),
		maybe("p50_us", formNumber, "median time to handle a message, in microseconds"),
		maybe("p99_us", formNumber, "99 of 100 take no longer"),
	}
	if prefix != "" {
		fields = append(fields, maybe("state", formText, "running, restarting, backing_off or stopped"))
	}
	for i := range fields {
		fields[i].name = prefix + fields[i].name
	}
	return fields
}

// contractVersion grows when an answer changes in a way that a client can
// stumble over.
const contractVersion = 1

func version(c *call) (any, error) {
	b := c.backend.Build()
	return obj(
		"rpc_version", contractVersion,
		"store_version", b.StoreVersion,
		"protocol_version", b.Protocol,
		"node_vendor", b.Vendor,
		"store_vendor", b.StoreVendor,
		"network", c.network.Name,
		"network_identifier", c.network.GenesisHash,
		"build_info", b.Info), nil
}

func uptime(c *call) (any, error) {
	return obj("seconds", uint64(max(c.backend.Uptime(), 0).Seconds())), nil
}

// Kinds of signed text, the last byte of a preamble.
const (
	kindOfBlock = 0x01
	kindOfVote  = 0x02
)

func networkParams(c *call) (any, error) {
	n := c.network
	preamble := func(kind byte) lattice.Hash { return lattice.Preamble(n.ID, kind) }
	prefix, _, _ := strings.Cut(lattice.Account{}.String(), "_")
	return obj(
		"network", n.Name,
		"network_id", int(n.ID),
		"block_preamble", preamble(kindOfBlock),
		"vote_preamble", preamble(kindOfVote),
		"address_prefix", prefix+"_",
		"decimals", lattice.Decimals,
		"supply", lattice.Supply,
		"send_threshold", nonce(n.SendThreshold),
		"receive_threshold", nonce(n.ReceiveThreshold),
		"genesis_account", n.Genesis.Account,
		"genesis_hash", n.GenesisHash,
		"genesis_block", contents(&n.Genesis),
		"quorum_percent", c.backend.Quorum().Percent,
		"quorum_floor", n.QuorumFloor(),
		"peering_port", lattice.DefaultPeeringPort,
		"rpc_port", lattice.DefaultRPCPort,
		"account_derivation", `Ed25519 seed = BLAKE2b-256("smallnano-account-v1", seed, index as 32 bits little-endian)`), nil
}

func health(c *call) (any, error) {
	name := c.word("actor")
	if c.err != nil {
		return nil, c.err
	}
	report := healthReport(c.backend)
	if !c.has("actor") {
		return report, nil
	}
	for _, a := range report.Actors {
		if a.Name == name {
			return a, nil
		}
	}
	return nil, actorNotFound.because("actor: there is no %q; call health without a name to see all", clip(name))
}

// healthReport never has a null for an empty list.
func healthReport(b Backend) HealthReport {
	r := b.Health()
	r.Reasons = append([]string{}, r.Reasons...)
	r.Actors = append([]ActorHealth{}, r.Actors...)
	r.Budget = append([]BudgetItem{}, r.Budget...)
	n := &r.Network
	n.Book, n.External, n.Offenders = append([]BookFill{}, n.Book...), append([]ExternalAddress{}, n.External...), append([]PeerOffence{}, n.Offenders...)
	return r
}
