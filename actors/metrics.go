package actors

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// metrics writes the state of the node in the text format of Prometheus. Labels
// have few values: the actors of connections are added up, and nothing is
// labelled by account, hash or address.
func (b backend) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	out := bufio.NewWriter(w)
	b.writeMetrics(out)
	_ = out.Flush() // the client went away; nobody is left to tell
}

// metric is one family: a name, its type, what it is, and its values.
type metric struct {
	name, kind, help string
	values           []sample
}

type sample struct {
	labels string // `{actor="x"}` or ""
	value  float64
}

func (m *metric) write(w io.Writer) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
	for _, v := range m.values {
		fmt.Fprintf(w, "%s%s %v\n", m.name, v.labels, v.value)
	}
}

func one(name, kind, help string, value float64) metric {
	return metric{name, kind, help, []sample{{"", value}}}
}

func (b backend) writeMetrics(w io.Writer) {
	var counts lattice.Counts
	_ = b.View(func(l rpc.Ledger) (err error) { // a node that cannot read says 0 blocks, and why in its health
		counts, err = l.Counts()
		return err
	})
	report, quorum, bootstrap, pruning := b.Health(), b.Quorum(), b.board.bootstrap.Load(), b.board.pruning.Load()
	families := []metric{
		one("smallnano_uptime_seconds", "gauge", "Time since the node was started.", b.Uptime().Seconds()),
		one("smallnano_ready", "gauge", "1 when answers of this node can be relied on.", truth(report.Ready)),
		one("smallnano_degraded", "gauge", "1 while something is wrong; the action health tells what.", truth(report.State != rpc.NodeOK)),
		one("smallnano_read_only", "gauge", "1 while nothing can be written.", truth(report.State == rpc.NodeReadOnly)),
		one("smallnano_blocks", "gauge", "Blocks in the ledger, pruned ones included.", float64(counts.Blocks)),
		one("smallnano_blocks_confirmed_total", "counter", "Blocks that are final, since the ledger was begun.", float64(counts.Cemented)),
		one("smallnano_blocks_pruned_total", "counter", "Blocks removed by pruning, since the ledger was begun.", float64(counts.Pruned)),
		one("smallnano_blocks_kept_per_account", "gauge", "Blocks of an account that are not pruned, at most; 0 is all of them.", float64(pruning.keep)),
		one("smallnano_ledger_used_bytes", "gauge", "Bytes of the ledger's file that hold something.", float64(pruning.used)),
		one("smallnano_ledger_free_bytes", "gauge", "Bytes of the ledger's file that are free to be used again.", float64(pruning.free)),
		one("smallnano_blocks_unchecked", "gauge", "Blocks that wait for a block that is not here.", float64(b.Unchecked())),
		one("smallnano_blocks_missing", "gauge", "Blocks that peers are known to have and this node has not.", float64(bootstrap.Missing)),
		one("smallnano_accounts", "gauge", "Open accounts.", float64(counts.Accounts)),
		one("smallnano_receivables", "gauge", "Amounts sent and not received.", float64(counts.Receivables)),
		one("smallnano_peers", "gauge", "Connected peers.", float64(len(b.Peers()))),
		one("smallnano_connections_turned_away_total", "counter", "Connections of who dialled too often, before anything was made for them.", float64(report.Network.TurnedAway)),
		one("smallnano_bans_total", "counter", "Bans of peers that broke the rules, those that are over included.", float64(report.Network.Bans)),
		one("smallnano_quorum_delta_smn", "gauge", "Weight of final votes that confirms.", coins(quorum.Delta)),
		one("smallnano_weight_online_smn", "gauge", "Weight of the representatives seen voting.", coins(quorum.Online)),
		one("smallnano_weight_trended_smn", "gauge", "Median of the samples of the online weight.", coins(quorum.Trended)),
		one("smallnano_weight_peers_smn", "gauge", "Weight of the representatives behind connected peers.", coins(quorum.Peers)),
	}
	families = append(families, budgetMetrics(report.Budget)...)
	for _, m := range append(families, actorMetrics(report.Actors)...) {
		m.write(w)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// coins is an amount in smn, as near as a float comes.
func coins(a lattice.Amount) float64 {
	const raw = 1e24
	return (float64(a.Hi)*(1<<64) + float64(a.Lo)) / raw
}

// budgetMetrics tells what is used of what is meant to be used: used over target
// above 1 is worth an alert, whatever the resource.
func budgetMetrics(items []rpc.BudgetItem) []metric {
	used := metric{"smallnano_budget_used", "gauge", "Use of a resource, in its unit.", nil}
	target := metric{"smallnano_budget_target", "gauge", "What the use of a resource is meant to stay below.", nil}
	for _, item := range items {
		labels := fmt.Sprintf("{resource=%q,unit=%q}", item.Name, item.Unit)
		used.values = append(used.values, sample{labels, float64(item.Used)})
		if item.Target > 0 {
			target.values = append(target.values, sample{labels, float64(item.Target)})
		}
	}
	if len(items) == 0 {
		return nil
	}
	return []metric{used, target}
}

// actorMetrics adds up the actors by name; those of connections are one, and
// only their present state is told. Of times it tells the longest.
func actorMetrics(actors []rpc.ActorHealth) []metric {
	families := []struct {
		metric
		longest bool // instead of the sum
		value   func(*rpc.ActorHealth) float64
	}{
		{metric{"smallnano_actor_running", "gauge", "Actors that run.", nil}, false, func(a *rpc.ActorHealth) float64 { return truth(a.State == rpc.ActorRunning) }},
		{metric{"smallnano_actor_restarts_total", "counter", "Restarts after a failure.", nil}, false, func(a *rpc.ActorHealth) float64 { return float64(a.Restarts) }},
		{metric{"smallnano_mailbox_depth", "gauge", "Messages that wait.", nil}, false, func(a *rpc.ActorHealth) float64 { return float64(a.Mailbox.Depth) }},
		{metric{"smallnano_mailbox_capacity", "gauge", "Messages that may wait.", nil}, false, func(a *rpc.ActorHealth) float64 { return float64(a.Mailbox.Capacity) }},
		{metric{"smallnano_mailbox_handled_total", "counter", "Messages handled.", nil}, false, func(a *rpc.ActorHealth) float64 { return float64(a.Mailbox.Handled) }},
		{metric{"smallnano_mailbox_refused_total", "counter", "Messages refused.", nil}, false, func(a *rpc.ActorHealth) float64 { return float64(a.Mailbox.Refused) }},
		{metric{"smallnano_mailbox_dropped_total", "counter", "Messages pushed out.", nil}, false, func(a *rpc.ActorHealth) float64 { return float64(a.Mailbox.Dropped) }},
		{metric{"smallnano_mailbox_oldest_seconds", "gauge", "Age of the oldest message that waits.", nil}, true, func(a *rpc.ActorHealth) float64 { return float64(a.Mailbox.Oldest) / 1e3 }},
		{metric{"smallnano_handling_p99_seconds", "gauge", "Time in which 99 of 100 messages are handled.", nil}, true, func(a *rpc.ActorHealth) float64 { return float64(a.P99) / 1e6 }},
	}
	out := make([]metric, len(families))
	for i := range families {
		f := &families[i]
		place := map[string]int{} // in values
		for j := range actors {
			a := &actors[j]
			name := metricName(a)
			if name == labelPeer && f.kind == "counter" {
				continue // what a closed connection had counted is gone: a sum would fall
			}
			at, known := place[name]
			if !known {
				at = len(f.values)
				place[name] = at
				f.values = append(f.values, sample{labels: fmt.Sprintf("{actor=%q}", name)})
			}
			if v := &f.values[at].value; f.longest {
				*v = max(*v, f.value(a))
			} else {
				*v += f.value(a)
			}
		}
		out[i] = f.metric
	}
	return out
}

// labelPeer stands for all actors of connections.
const labelPeer = "peer"

// metricName is the label of an actor: one for all connections.
func metricName(a *rpc.ActorHealth) string {
	if strings.HasSuffix(a.Parent, "/"+namePeers) {
		return labelPeer
	}
	return a.Name
}
