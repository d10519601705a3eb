package rpc

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// tools is what programs of the field ask for and what they read in the answers;
// a program that misses one of these fails or leaves something out. A path has
// "*" for any member and "[]" for the items of a list.
var tools = []struct {
	tool, request string
	fields        []string
}{
	{"exporter", `{"action":"version"}`, []string{"rpc_version", "store_version", "protocol_version", "node_vendor", "store_vendor", "network", "network_identifier", "build_info"}},
	{"exporter", `{"action":"block_count"}`, []string{"count", "unchecked", "cemented"}},
	{"exporter", `{"action":"peers"}`, []string{"peers.*"}},
	{"exporter", `{"action":"stats","type":"counters"}`, []string{"entries[].type", "entries[].detail", "entries[].dir", "entries[].value"}},
	{"exporter", `{"action":"stats","type":"objects"}`, []string{"node.*.*.count", "node.*.*.size"}},
	{"exporter", `{"action":"confirmation_history"}`, []string{"confirmation_stats.count", "confirmation_stats.average"}},
	{"exporter", `{"action":"uptime"}`, []string{"seconds"}},
	{"exporter", `{"action":"active_difficulty"}`, []string{"multiplier", "network_receive_current", "network_receive_minimum", "deprecated"}},
	{"exporter", `{"action":"frontier_count"}`, []string{"count"}},
	{"exporter", `{"action":"confirmation_quorum"}`, []string{"online_stake_total", "quorum_delta", "peers_stake_total", "trended_stake_total"}},
	{"exporter", `{"action":"telemetry"}`, telemetryOf("")},
	{"exporter", `{"action":"telemetry","raw":"true"}`, append(telemetryOf("metrics[]."), "metrics[].address", "metrics[].port", "metrics[].node_id")},

	{"monitor", `{"action":"block_count","include_cemented":"true"}`, []string{"count", "unchecked", "cemented"}},
	{"monitor", `{"action":"confirmation_history"}`, []string{"confirmations[].hash", "confirmations[].duration", "confirmations[].time", "confirmations[].tally"}},
	{"monitor", `{"action":"account_balance","account":"ALICE"}`, []string{"balance", "pending", "receivable"}},
	{"monitor", `{"action":"account_info","account":"ALICE","representative":"true","weight":"true"}`, []string{"representative", "weight", "frontier", "balance"}},
	{"monitor", `{"action":"account_weight","account":"ALICE"}`, []string{"weight"}},

	{"explorer", `{"action":"account_history","account":"BOB","count":"10","raw":true}`, []string{"history[].account", "history[].amount", "history[].local_timestamp", "history[].height", "history[].hash"}},
	{"explorer", `{"action":"account_history","account":"BOB","count":"10"}`, []string{"history[].type", "history[].account", "history[].amount", "history[].local_timestamp", "history[].height", "history[].hash", "history[].confirmed"}},
	{"explorer", `{"action":"blocks_info","json_block":"true","hashes":["SEND"],"pending":true,"source":true,"jsonrpc":"2.0"}`, []string{"blocks.*.block_account", "blocks.*.amount", "blocks.*.balance", "blocks.*.height", "blocks.*.local_timestamp", "blocks.*.confirmed", "blocks.*.contents", "blocks.*.subtype"}},
	{"explorer", `{"action":"block_info","json_block":"true","hash":"SEND"}`, []string{"block_account", "amount", "balance", "height", "local_timestamp", "confirmed", "contents", "subtype"}},
	{"explorer", `{"action":"delegators","account":"ALICE"}`, []string{"delegators.*"}},
	{"explorer", `{"action":"delegators_count","account":"ALICE"}`, []string{"count"}},
	{"explorer", `{"action":"representatives"}`, []string{"representatives.*"}},
	{"explorer", `{"action":"representatives_online","weight":"true"}`, []string{"representatives.*.weight"}},
	{"explorer", `{"action":"available_supply"}`, []string{"available"}},
	{"explorer", `{"action":"accounts_balances","accounts":["ALICE","BOB"]}`, []string{"balances.*.balance", "balances.*.pending", "balances.*.receivable"}},
	{"explorer", `{"action":"chain","block":"SEND","count":"2"}`, []string{"blocks[]"}},

	{"library", `{"action":"account_info","account":"ALICE","representative":"true","receivable":"true","include_confirmed":"true"}`,
		[]string{"frontier", "balance", "representative", "block_count", "confirmation_height", "confirmed_balance", "receivable", "pending"}},
	{"library", `{"action":"receivable","account":"BOB","source":"true","threshold":"1","include_only_confirmed":"false"}`, []string{"blocks.*.amount", "blocks.*.source"}},
	{"library", `{"action":"accounts_frontiers","accounts":["ALICE"]}`, []string{"frontiers.*"}},
	{"library", `{"action":"accounts_pending","accounts":["BOB"],"count":"5","include_only_confirmed":"false"}`, []string{"deprecated", "blocks.*"}},
	{"library", `{"action":"nano_to_raw","amount":"1"}`, []string{"amount"}},
	{"library", `{"action":"raw_to_nano","amount":"1000000000000000000000000"}`, []string{"amount"}},
	{"library", `{"action":"work_generate","hash":"SEND"}`, []string{"work", "difficulty", "multiplier", "hash"}},
}

func telemetryOf(prefix string) (fields []string) {
	for _, name := range []string{
		"block_count", "cemented_count", "unchecked_count", "account_count", "bandwidth_cap", "peer_count", "protocol_version", "major_version",
		"minor_version", "patch_version", "pre_release_version", "uptime", "genesis_block", "maker", "timestamp", "active_difficulty",
	} {
		fields = append(fields, prefix+name)
	}
	return fields
}

// at returns all values at a path.
func at(v any, path string) (found []any) {
	if path == "" {
		return []any{v}
	}
	part, rest, _ := strings.Cut(path, ".")
	name, isList := strings.CutSuffix(part, "[]")
	m, _ := v.(map[string]any)
	members := []any{m[name]}
	if name == "*" {
		members = nil
		for _, member := range m {
			members = append(members, member)
		}
	}
	for _, member := range members {
		if isList {
			items, _ := member.([]any)
			for _, item := range items {
				found = append(found, at(item, rest)...)
			}
		} else if member != nil {
			found = append(found, at(member, rest)...)
		}
	}
	return found
}

// Tools that were written for another node of the field find what they read, by
// changing host and port.
func TestToolsFindTheirFields(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Rate = 0 })
	names := strings.NewReplacer("ALICE", alice.account.String(), "BOB", bob.account.String(), "SEND", b.blocks["alice_to_bob"].String())
	for _, c := range tools {
		w := b.post(names.Replace(c.request), nil)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer["error"] != nil {
			t.Errorf("%s: %s: %v, %v", c.tool, c.request, answer, err)
			continue
		}
		for _, path := range c.fields {
			values := at(answer, path)
			if len(values) == 0 {
				t.Errorf("%s: %s: the answer lacks %s", c.tool, c.request, path)
			}
			for _, v := range values {
				if n, is := v.(float64); is {
					t.Errorf("%s: %s: %s is the number %v, a string is expected", c.tool, c.request, path, n)
				}
			}
		}
	}
	w := b.post(`{"action":"version"}`, nil)
	vendor := regexp.MustCompile(`"node_vendor":"(\S+) V(\d+\.\d+\.\d+)"`)
	if !vendor.MatchString(w.Body.String()) {
		t.Errorf("monitors read the version behind the V: %s", w.Body)
	}
	b.node.alone = true
	w = b.post(`{"action":"telemetry"}`, nil)
	for _, name := range telemetryOf("") {
		if !strings.Contains(w.Body.String(), fmt.Sprintf("%q:", name)) {
			t.Errorf("without peers the telemetry lacks %s", name)
		}
	}
}
