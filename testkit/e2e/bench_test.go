package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestBench runs the benchmarks very small: that they work and say what they
// promise, not how fast anything is.
func TestBench(t *testing.T) {
	for name, wants := range map[string][]string{
		"ledger --blocks 300 --batch 64":                                      {"blocks_per_second", "bytes_per_block", "peak_rss_mb", "signature_share"},
		"cementing --blocks 300 --cement 50":                                  {"cemented_per_second", "cement_cpu_us"},
		"votes --votes 8 --rounds 1":                                          {"votes_of_1_per_second", "hashes_in_votes_of_255_per_second"},
		"actors --messages 1000 --rounds 2":                                   {"fifo_messages_per_second", "fair_allocations_per_message"},
		"disk --blocks 300":                                                   {"bytes_per_block"},
		"work --hashes 4096 --rounds 1":                                       {"x_crypto_hashes_per_second", "portable_ratio"},
		"idle --nodes 2 --blocks 50 --settle 100ms --duration 100ms":          {"cpu_percent", "wakeups_per_second", "rss_mb", "bytes_written"},
		"small --limited=false --blocks 200 --idle 200ms --load 2s --rate 20": {"idle_rss_mb", "load_rss_mb", "offered", "confirmed", "load_cpu_percent"},
		"pipeline --nodes 2 --accounts 4 --rates 20 --duration 500ms":         {"at_20_confirmed_per_second", "at_20_p99_ms", "at_20_wire_bytes_per_block"},
		"spam --nodes 2 --accounts 40 --time 500ms":                           {"buckets", "flood_sent"},
		"all --quick --only votes,work":                                       {"results"},
	} {
		t.Run(strings.Fields(name)[0], func(t *testing.T) {
			args := append([]string{"bench"}, strings.Fields(name)...)
			if strings.HasPrefix(name, "pipeline") {
				args = append(args, "--patience", "60s", "--base-port", strconv.Itoa(freePorts(t, 4)))
			}
			o := run(t, append(args, "--json")...)
			if o.code != 0 {
				t.Fatalf("code %d: %s", o.code, o.err)
			}
			var result map[string]any
			if err := json.Unmarshal([]byte(o.out), &result); err != nil {
				t.Fatalf("%v in %s", err, o.out)
			}
			for _, want := range append(slices.Clone(wants), "machine") {
				if _, found := result[want]; !found {
					t.Errorf("no %s in %s", want, o.out)
				}
			}
		})
	}
	if o := run(t, "bench", "votes", "--votes", "2", "--rounds", "1"); o.code != 0 || !strings.Contains(o.out, "votes_of_12_per_second") {
		t.Errorf("as a table: code %d: %s%s", o.code, o.out, o.err)
	}
	dir := t.TempDir()
	o := run(t, "bench", "all", "--quick", "--only", "votes", "--dir", dir)
	if o.code != 0 || !strings.Contains(o.out, "\nvotes_of_12_per_second ") || strings.Contains(o.out, "{") {
		t.Errorf("all as tables: code %d: %s%s", o.code, o.out, o.err)
	}
	if o := run(t, "bench", "all", "--only", "votes,nothing"); o.code != 2 || !strings.Contains(o.err, `no benchmark "nothing"`) {
		t.Errorf("an unknown benchmark: code %d: %s", o.code, o.err)
	}
	var saved map[string]any
	text, err := os.ReadFile(filepath.Join(dir, "votes.json"))
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil || saved["bench"] != "votes" {
		t.Errorf("saved %s: %v", text, err)
	}
}

// A fresh node gets the ledger of two others while blocks are made, though it is
// killed on its way: nothing that it had confirmed is lost, and what it took is told.
func TestBenchBootstrap(t *testing.T) {
	const blocks = 3000 / slowness
	o := run(t, "bench", "bootstrap", "--blocks", strconv.Itoa(blocks), "--accounts", strconv.Itoa(blocks/10), "--peers", "2", "--live", "20", "--kills", "2", "--json")
	if o.code != 0 {
		t.Fatalf("code %d: %s", o.code, o.err)
	}
	var r struct {
		Blocks    int
		Seconds   float64 `json:"confirmed_seconds"`
		Rate      float64 `json:"blocks_per_second"`
		BytesSent int     `json:"bytes_sent"`
		Live      int     `json:"live_blocks"`
		Kills     int
	}
	if err := json.Unmarshal([]byte(o.out), &r); err != nil {
		t.Fatalf("%v in %s", err, o.out)
	}
	if r.Blocks != blocks || r.Seconds <= 0 || r.Rate <= 0 || r.BytesSent <= 0 || r.Live < 1 || r.Kills < 1 {
		t.Errorf("%s", o.out)
	}
}
