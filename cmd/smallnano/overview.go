package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// overview is how a node is at one moment. Its JSON form is that of the command
// "status --json": names are added and never change their meaning; Schema grows
// when that cannot be kept.
type overview struct {
	Schema    int            `json:"schema"`
	URL       string         `json:"url"`
	Vendor    string         `json:"vendor"`
	Network   string         `json:"network"`
	Uptime    int64          `json:"uptime_seconds"`
	State     rpc.NodeState  `json:"state"`
	Ready     bool           `json:"ready"`
	Reasons   []string       `json:"reasons"`
	Blocks    uint64         `json:"blocks"`
	Confirmed uint64         `json:"confirmed"`
	Unchecked uint64         `json:"unchecked"`
	Peers     []peerLine     `json:"peers"`
	Quorum    quorumLine     `json:"quorum"`
	Elections electionLine   `json:"elections"`
	Bootstrap bootstrapLine  `json:"bootstrap"`
	Offenders []offenderLine `json:"offenders,omitempty"` // last seen first
	Bans      uint64         `json:"bans"`                // since the start
	Budget    []budgetLine   `json:"budget"`
	Actors    []actorLine    `json:"actors"`
	at        time.Time
}

type peerLine struct {
	Address   string `json:"address"`
	Inbound   bool   `json:"inbound"`
	Principal bool   `json:"principal"`
	Received  uint64 `json:"bytes_in"`
	Sent      uint64 `json:"bytes_out"`
}

// offenderLine is a peer that broke the rules lately.
type offenderLine struct {
	Address string `json:"address"`
	Offence string `json:"offence"` // the last
	Times   uint64 `json:"times"`
	Score   int    `json:"score"` // 100 is a ban
	Until   int64  `json:"banned_until,omitempty"`
}

func (l *offenderLine) text() string {
	standing := fmt.Sprintf("score %d", l.Score)
	if l.Until != 0 {
		standing = "banned until " + time.Unix(l.Until, 0).UTC().Format(time.DateTime)
	}
	return fmt.Sprintf("broke the rules: %s, %s, %d in all, %s", l.Address, l.Offence, l.Times, standing)
}

// quorumLine is amounts in smn.
type quorumLine struct {
	Needed string `json:"needed_smn"`
	Online string `json:"online_smn"`
	Peers  string `json:"peers_smn"`
	// Missing is what a confirmation lacks, Silent who could give it.
	Missing string       `json:"missing_smn,omitempty"`
	Silent  []silentLine `json:"silent,omitempty"`
	// Shipped is how far the node is on the way to reckon with its own ledger; empty:
	// it does.
	Shipped string `json:"weights_of_network,omitempty"`
}

// silentLine is a principal representative that does not vote.
type silentLine struct {
	Account string `json:"account"`
	Weight  string `json:"weight_smn"`
	Last    int64  `json:"last_vote"` // 0: not since the node was started
}

// maxSilent is how many silent representatives are shown.
const maxSilent = 10

// texts are the lines about what keeps the node from confirming.
func (q *quorumLine) texts() (out []string) {
	if q.Shipped != "" {
		out = append(out, "weights are those of the network file: confirmed here "+q.Shipped)
	}
	if len(q.Silent) == 0 {
		return out
	}
	out = append(out, fmt.Sprintf("missing %s; silent:", q.Missing))
	for _, s := range q.Silent[:min(maxSilent, len(q.Silent))] {
		last := "no vote since the node was started"
		if s.Last != 0 {
			last = "last vote " + time.Unix(s.Last, 0).UTC().Format(time.DateTime)
		}
		out = append(out, fmt.Sprintf("- %s  %s smn, %s", s.Account, s.Weight, last))
	}
	if more := len(q.Silent) - maxSilent; more > 0 {
		out = append(out, fmt.Sprintf("- and %d more", more))
	}
	return out
}

// electionLine has how long the last confirmations took, in milliseconds; all 0
// when there were none.
type electionLine struct {
	Running int   `json:"running"`
	Most    int   `json:"most"`
	P50     int64 `json:"p50_ms"`
	P90     int64 `json:"p90_ms"`
	P99     int64 `json:"p99_ms"`
}

type bootstrapLine struct {
	Phase   string  `json:"phase"`
	Missing uint64  `json:"missing"`
	Percent int     `json:"scanned_percent"` // of the accounts
	Have    float64 `json:"blocks_percent"`  // of the blocks that are known to be
	Rate    uint64  `json:"blocks_per_second"`
	Left    *int64  `json:"eta_seconds,omitempty"` // nil: it cannot be told
}

type budgetLine struct {
	Name   string `json:"name"`
	Used   int64  `json:"used"`
	Target int64  `json:"target"` // 0: none
	Unit   string `json:"unit"`
}

type actorLine struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	Depth    int64  `json:"depth"`
	Capacity int64  `json:"capacity"`
	Handled  uint64 `json:"handled"`
	Refused  uint64 `json:"refused"`
	Restarts uint64 `json:"restarts"`
	Failure  string `json:"last_failure,omitempty"`
	count    int    // how many actors this line adds up
}

// look asks a node how it is.
func (c *client) look(ctx context.Context) (*overview, error) {
	o := &overview{Schema: 1, URL: c.url, at: time.Now(), Reasons: []string{}, Peers: []peerLine{}}
	for _, ask := range []struct {
		action string
		params map[string]any
		take   func(json.RawMessage) error
	}{
		{"version", nil, o.takeVersion},
		{"uptime", nil, o.takeUptime},
		{"health", nil, o.takeHealth},
		{"block_count", nil, o.takeCounts},
		{"peers", map[string]any{"peer_details": "true"}, o.takePeers},
		{"confirmation_quorum", nil, o.takeQuorum},
		{"election_statistics", nil, o.takeElections},
		{"bootstrap_status", nil, o.takeBootstrap},
	} {
		answer, err := c.call(ctx, ask.action, ask.params)
		if err != nil {
			return nil, err
		}
		if err := ask.take(answer); err != nil {
			return nil, fmt.Errorf("the answer to %s cannot be read: %w", ask.action, err)
		}
	}
	return o, nil
}

func (o *overview) takeVersion(answer json.RawMessage) error {
	var v struct {
		Vendor  string `json:"node_vendor"`
		Network string `json:"network"`
	}
	err := json.Unmarshal(answer, &v)
	o.Vendor, o.Network = v.Vendor, v.Network
	return err
}

func (o *overview) takeUptime(answer json.RawMessage) error {
	var v struct {
		Seconds int64 `json:"seconds,string"`
	}
	err := json.Unmarshal(answer, &v)
	o.Uptime = v.Seconds
	return err
}

func (o *overview) takeHealth(answer json.RawMessage) error {
	var v rpc.HealthReport
	if err := json.Unmarshal(answer, &v); err != nil {
		return err
	}
	o.State, o.Ready = v.State, v.Ready
	o.Reasons = append(o.Reasons, v.Reasons...)
	for _, b := range v.Budget {
		o.Budget = append(o.Budget, budgetLine{b.Name, b.Used, b.Target, b.Unit})
	}
	o.Bans = v.Network.Bans
	for _, x := range v.Network.Offenders {
		o.Offenders = append(o.Offenders, offenderLine{x.Address, x.Offence, x.Times, x.Score, x.Until})
	}
	o.Actors = actorLines(v.Actors)
	return nil
}

// actorLines is a line for each actor, and one for all connections.
func actorLines(actors []rpc.ActorHealth) []actorLine {
	var out []actorLine
	peers := -1
	for i := range actors {
		a := &actors[i]
		if a.Parent == "" {
			continue // the supervisor itself
		}
		line := actorLine{
			Name: a.Name, State: string(a.State), Depth: a.Mailbox.Depth, Capacity: a.Mailbox.Capacity,
			Handled: a.Mailbox.Handled, Refused: a.Mailbox.Refused + a.Mailbox.Dropped, Restarts: a.Restarts, count: 1,
		}
		if a.Failure != nil {
			line.Failure = a.Failure.Text
		}
		if !strings.Contains(a.Parent, "/") {
			out = append(out, line)
			continue
		}
		if peers < 0 {
			peers = len(out)
			line.Name = "connections"
			out = append(out, line)
			continue
		}
		out[peers].add(&line)
	}
	return out
}

func (a *actorLine) add(b *actorLine) {
	a.Depth, a.Capacity, a.Handled = a.Depth+b.Depth, a.Capacity+b.Capacity, a.Handled+b.Handled
	a.Refused, a.Restarts, a.count = a.Refused+b.Refused, a.Restarts+b.Restarts, a.count+1
	if b.Failure != "" {
		a.Failure = b.Failure
	}
	if b.State != string(rpc.ActorRunning) {
		a.State = b.State
	}
}

func (o *overview) takeCounts(answer json.RawMessage) error {
	var v struct {
		Count     uint64 `json:"count,string"`
		Unchecked uint64 `json:"unchecked,string"`
		Cemented  uint64 `json:"cemented,string"`
	}
	err := json.Unmarshal(answer, &v)
	o.Blocks, o.Confirmed, o.Unchecked = v.Count, v.Cemented, v.Unchecked
	return err
}

func (o *overview) takeQuorum(answer json.RawMessage) error {
	var v struct {
		Delta  string `json:"quorum_delta"`
		Online string `json:"online_stake_total"`
		Peers  string `json:"peers_stake_total"`

		Missing   string `json:"missing_stake_total"`
		From      string `json:"weights_from"`
		Until     uint64 `json:"weights_until,string"`
		Confirmed uint64 `json:"weights_confirmed,string"`
		Silent    []struct {
			Account string `json:"account"`
			Weight  string `json:"weight"`
			Last    int64  `json:"last_vote,string"`
		} `json:"silent"`
	}
	err := json.Unmarshal(answer, &v)
	o.Quorum = quorumLine{Needed: coinsOf(v.Delta), Online: coinsOf(v.Online), Peers: coinsOf(v.Peers), Missing: coinsOf(v.Missing)}
	if v.From == "network" {
		o.Quorum.Shipped = fmt.Sprintf("%d of %d blocks", v.Confirmed, v.Until)
	}
	for _, s := range v.Silent {
		o.Quorum.Silent = append(o.Quorum.Silent, silentLine{s.Account, coinsOf(s.Weight), s.Last})
	}
	return err
}

// coinsOf is an amount in raw as coins; what is none stays as it is.
func coinsOf(raw string) string {
	a, err := lattice.ParseRaw(raw)
	if err != nil {
		return raw
	}
	return a.String()
}

func (o *overview) takeElections(answer json.RawMessage) error {
	var v struct {
		Total int   `json:"total,string"`
		Most  int   `json:"most,string"`
		P50   int64 `json:"confirmation_p50_ms,string"`
		P90   int64 `json:"confirmation_p90_ms,string"`
		P99   int64 `json:"confirmation_p99_ms,string"`
	}
	err := json.Unmarshal(answer, &v)
	o.Elections = electionLine{v.Total, v.Most, v.P50, v.P90, v.P99}
	return err
}

// takeBootstrap comes after takeCounts, whose blocks it needs.
func (o *overview) takeBootstrap(answer json.RawMessage) error {
	var v struct {
		Phase   string  `json:"phase"`
		Missing uint64  `json:"blocks_missing,string"`
		Scanned int     `json:"scanned_percent,string"`
		Rate    uint64  `json:"blocks_per_second,string"`
		Left    *string `json:"eta_seconds"`
	}
	if err := json.Unmarshal(answer, &v); err != nil {
		return err
	}
	o.Bootstrap = bootstrapLine{Phase: v.Phase, Missing: v.Missing, Percent: v.Scanned, Have: 100, Rate: v.Rate}
	if known := o.Blocks + v.Missing; known > 0 {
		o.Bootstrap.Have = 100 * float64(o.Blocks) / float64(known)
	}
	if v.Left != nil {
		seconds, err := strconv.ParseInt(*v.Left, 10, 64)
		if err != nil {
			return err
		}
		o.Bootstrap.Left = &seconds
	}
	return nil
}

// nodeFlags are the flags of commands that ask a running node.
func nodeFlags(flags *flag.FlagSet) *rpcFlags {
	f := &rpcFlags{}
	flags.StringVar(&f.dataDir, "data-dir", "", "data folder of the node: address and token are found in it")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the token for operators, instead of the one in the data folder")
	flags.StringVar(&f.url, "url", "", "address of the RPC, for example http://127.0.0.1:7177")
	flags.IntVar(&f.port, "rpc-port", 0, "port of the RPC on this machine, instead of --url")
	return f
}

func (o *overview) takePeers(answer json.RawMessage) error {
	var v struct {
		Peers map[string]struct {
			Direction string `json:"direction"`
			Principal bool   `json:"principal,string"`
			BytesIn   uint64 `json:"bytes_in,string"`
			BytesOut  uint64 `json:"bytes_out,string"`
		} `json:"peers"`
	}
	if err := json.Unmarshal(answer, &v); err != nil {
		return err
	}
	for _, address := range slices.Sorted(maps.Keys(v.Peers)) {
		p := v.Peers[address]
		o.Peers = append(o.Peers, peerLine{address, p.Direction == "inbound", p.Principal, p.BytesIn, p.BytesOut})
	}
	return nil
}
