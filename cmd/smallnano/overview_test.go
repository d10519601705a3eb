package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// answers is what a node in some trouble says.
var answers = map[string]string{
	"version":     `{"node_vendor":"Smallnano V1.2.3","network":"dev"}`,
	"uptime":      `{"seconds":"3700"}`,
	"block_count": `{"count":"200","unchecked":"3","cemented":"150"}`,
	"confirmation_quorum": `{"quorum_delta":"670000000000000000000000000000","online_stake_total":"0","peers_stake_total":"1",
		"missing_stake_total":"670000000000000000000000000000","weights_from":"network","weights_until":"900","weights_confirmed":"150",
		"silent":[{"account":"smn_a","weight":"500000000000000000000000000000","last_vote":"1700009800"},{"account":"smn_b","weight":"1000000000000000000000000","last_vote":"0"}]}`,
	"election_statistics": `{"total":"12","most":"500","confirmation_p50_ms":"5","confirmation_p90_ms":"6","confirmation_p99_ms":"8"}`,
	"bootstrap_status":    `{"phase":"pulling","blocks_missing":"70","scanned_percent":"12","blocks_per_second":"7","eta_seconds":"10"}`,
	"peers": `{"peers":{"[::1]:1":{"direction":"outbound","principal":"true","bytes_in":"1","bytes_out":"2"},
		"[::1]:2":{"direction":"inbound","principal":"false","bytes_in":"1","bytes_out":"2"}}}`,
	"health": `{"state":"degraded","ready":"false","reasons":["no peer is connected","and more"],
		"network":{"book":[],"outbound":"1","outbound_slots":"8","inbound":"1","inbound_slots":"24","turned_away":"0","bans":"1","external":[],"offenders":[
			{"address":"[::1]:3","offence":"bad frame","text":"x","times":"3","time":"1700000000","score":"0","banned_until":"1700003600"},
			{"address":"[::1]:4\u001b[2J","offence":"flooding","text":"x","times":"2","time":"1700000000","score":"10"}]},
		"budget":[{"name":"rss","used":"134217728","target":"67108864","unit":"bytes"},{"name":"cpu","used":"50","target":"100","unit":"percent"},
			{"name":"disk","used":"1024","target":"2147483648","unit":"bytes"},{"name":"fds","used":"23","target":"0","unit":"count"}],
		"actors":[{"name":"node","state":"running","restarts":"0","mailbox":{"depth":"0","capacity":"1","high_water":"0","posted":"0","handled":"0","refused":"0","dropped":"0","oldest_ms":"0"},"p50_us":"0","p99_us":"0"},
			{"name":"clock","parent":"node","state":"backing_off","restarts":"4","last_failure":{"text":"it broke\u001b[2J\nstack","time":"1","message":"x"},"mailbox":{"depth":"5","capacity":"8","high_water":"0","posted":"0","handled":"100","refused":"2","dropped":"1","oldest_ms":"0"},"p50_us":"0","p99_us":"0"},
			{"name":"c1","parent":"node/peers","state":"running","restarts":"0","mailbox":{"depth":"1","capacity":"8","high_water":"0","posted":"0","handled":"10","refused":"0","dropped":"0","oldest_ms":"0"},"p50_us":"0","p99_us":"0"},
			{"name":"c2","parent":"node/peers","state":"running","restarts":"0","mailbox":{"depth":"2","capacity":"8","high_water":"0","posted":"0","handled":"10","refused":"0","dropped":"0","oldest_ms":"0"},"p50_us":"0","p99_us":"0"}]}`,
}

// fakeNode answers as a node would.
func fakeNode(t *testing.T) *client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct{ Method string }
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &ask) != nil {
			t.Errorf("asked %q: %v", body, err)
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"result":%s}`, answers[ask.Method])
	}))
	t.Cleanup(s.Close)
	return &client{url: s.URL}
}

func TestStatus(t *testing.T) {
	node := fakeNode(t)
	run := func(args ...string) (int, string, string) {
		var out, err bytes.Buffer
		p := &program{out: &out, err: &err}
		code := p.run(append([]string{"status", "--data-dir", t.TempDir(), "--url", node.url}, args...))
		return code, out.String(), err.String()
	}
	code, text, said := run()
	if code != exitFailed || !strings.Contains(said, "not ready: no peer is connected; and more") {
		t.Errorf("code %d, said %q", code, said)
	}
	for _, want := range []string{
		"Smallnano V1.2.3, network dev, up 1h1m40s", "degraded, not ready", "- no peer is connected",
		"200 blocks, 150 confirmed (75.0 %), 3 wait", "pulling, 74.1 %, 70 missing, 7 blocks/s, 10s left, 12 % compared", "12 of 500 run; confirmed in 5 ms (p50), 8 ms (p99)", "2 (1 dialled, 1 came), 1 with",
		"670000 smn confirm", "128 MB of 64 MB  [####################]!", "1 of 2 run, 4 restarts", "clock failed last with: it broke",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, want := range []string{"confirmed here 150 of 900 blocks", "missing 670000; silent:", "- smn_a  500000 smn, last vote 2023-11-15 00:56:40", "- smn_b  1 smn, no vote since",
		"- broke the rules: [::1]:3, bad frame, 3 in all, banned until 2023-11-14 23:13:20"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	code, text, _ = run("--json")
	var o overview
	if err := json.Unmarshal([]byte(text), &o); err != nil || code != exitFailed {
		t.Fatalf("code %d: %v: %s", code, err, text)
	}
	if o.Schema != 1 || o.Ready || o.Blocks != 200 || len(o.Peers) != 2 || o.Bans != 1 || len(o.Offenders) != 2 || o.Offenders[1].Score != 10 || len(o.Actors) != 2 || o.Actors[1].Name != "connections" || o.Actors[1].Depth != 3 ||
		o.Elections != (electionLine{12, 500, 5, 6, 8}) || o.Bootstrap.Rate != 7 || o.Bootstrap.Left == nil || *o.Bootstrap.Left != 10 {
		t.Errorf("read back as %+v", o)
	}
	if code, _, said := run("--url", "http://127.0.0.1:1"); code != exitNoNode || !strings.Contains(said, "cannot reach a node at") {
		t.Errorf("without a node: code %d, %q", code, said)
	}
}

// TestScreen draws a node on terminals of several sizes: nothing sticks out, and
// nothing that a node says moves the cursor.
func TestScreen(t *testing.T) {
	node := fakeNode(t)
	o, err := node.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := *o
	before.at, before.Blocks, before.Confirmed = o.at.Add(-2*time.Second), 100, 150
	for _, size := range [][2]int{{80, 24}, {40, 5}, {200, 100}, {1, 1}} {
		rows := o.screen(&before, size[0], size[1])
		if len(rows) > size[1] {
			t.Errorf("%v: %d lines", size, len(rows))
		}
		for _, row := range rows {
			if utf8.RuneCountInString(row) > size[0] || strings.ContainsAny(row, "\x1b\r\n") {
				t.Errorf("%v: line %q", size, row)
			}
		}
	}
	text := strings.Join(o.screen(&before, 80, 24), "\n")
	for _, want := range []string{"blocks 200  50.0/s", "confirmed 150  0.0/s", "confirmed in 5 ms (p50), 8 ms (p99)", "sync pulling, 74.1 %, 70 missing, 7 blocks/s, 10s left", "NOT READY", "! broke the rules: [::1]:4?[2J, flooding, 2 in all, score 10", "! no peer", "connections (2)   running          3", "clock             backing off      5", "it broke?[2J"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if got := o.line(&before); strings.Contains(got, "\n") || !strings.Contains(got, "blocks/s=50.0") || !strings.Contains(got, "p50=5ms p99=8ms sync=pulling:74.1%:10s") {
		t.Errorf("line %q", got)
	}
}

// TestScreenTooSmall leaves out actors that are all right before one that is not.
func TestScreenTooSmall(t *testing.T) {
	o := &overview{}
	for i := range 20 {
		o.Actors = append(o.Actors, actorLine{Name: fmt.Sprint("actor", i), State: "running", count: 1})
	}
	o.Actors[19].State = "backing_off"
	o.Actors[18].Restarts = 1
	rows := o.screen(nil, 80, 24)
	text := strings.Join(rows, "\n")
	if len(rows) != 24 || !strings.Contains(text, "actor18 ") || !strings.Contains(text, "actor19 ") || !strings.Contains(rows[23], "and 4 more that run") {
		t.Errorf("%d lines:\n%s", len(rows), text)
	}
	if rows := o.screen(nil, 80, 60); len(rows) != 28 || strings.Contains(strings.Join(rows, "\n"), "more") {
		t.Errorf("%d lines with room for all:\n%s", len(rows), strings.Join(rows, "\n"))
	}
}

func TestTopPlain(t *testing.T) {
	var out, failed bytes.Buffer
	p := &program{out: &out, err: &failed}
	if code := p.run([]string{"top", "--data-dir", t.TempDir(), "--url", fakeNode(t).url, "--count", "2", "--every", "100ms"}); code != exitOK {
		t.Fatalf("code %d: %s", code, failed.String())
	}
	if got := strings.Count(out.String(), "\n"); got != 2 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("printed %q", out.String())
	}
}

// TestHelpOfGroups shows that what most people want comes first, and that a word
// that begins several commands has a help of its own.
func TestHelpOfGroups(t *testing.T) {
	help := func(args ...string) string {
		t.Helper()
		var out, said bytes.Buffer
		if code := (&program{out: &out, err: &said}).run(args); code != exitOK {
			t.Fatalf("%v: code %d, %s", args, code, said.String())
		}
		return out.String()
	}
	all := help("help")
	if strings.Count(all, "  bench ") != 1 || strings.Index(all, "wallet send") > strings.Index(all, "  bench ") {
		t.Errorf("the benchmarks are not one line at the end:\n%s", all)
	}
	names := map[string]bool{}
	for _, c := range commands() {
		if names[c.name] {
			t.Errorf("%s is in the table twice", c.name)
		}
		names[c.name] = true
		if !strings.HasPrefix(c.name, "bench ") && !strings.Contains(all, "\n  "+c.name+" ") && !strings.Contains(all, "\n  "+c.name+"\n") {
			t.Errorf("help does not list %s", c.name)
		}
	}
	if help("help", "wallet send") != help("help", "wallet", "send") {
		t.Error("help of a command as one word is another")
	}
	for _, word := range []string{"wallet", "bench", "config"} {
		of := help("help", word)
		if of != help(word, "--help") || strings.Count(of, "\n  "+word+" ")+1 != len(group(word)) || !strings.HasPrefix(of, "  "+word+" ") {
			t.Errorf("help %s:\n%s", word, of)
		}
	}
	for row := range strings.Lines(all) {
		if utf8.RuneCountInString(row) > 140 {
			t.Errorf("too long: %q", row)
		}
	}
}

func TestConfigCommands(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"config", "check"}, exitOK, "the settings are good: network dev"},
		{[]string{"config", "check", "--network", "main"}, exitUsage, "no genesis block yet"},
		{[]string{"config", "check", "--log-level", "loud"}, exitUsage, "log_level"},
		{[]string{"config", "check", "--log-level", "info,foo=debug"}, exitUsage, "there is no subsystem \"foo\""},
		{[]string{"config", "check", "x"}, exitUsage, "smallnano config check: unexpected argument"},
		{[]string{"config", "check", "--enable-voting", "--voting-key", "no-such-file"}, exitUsage, "voting key"},
		{[]string{"config", "show"}, exitOK, "flag --data-dir"},
		{[]string{"config", "show", "--effective=false"}, exitOK, "variable SMALLNANO_RPC_PORT"},
	} {
		var said bytes.Buffer
		p := &program{out: &said, err: &said, environ: []string{"SMALLNANO_RPC_PORT=1234"}}
		if code := p.run(slices.Insert(slices.Clone(c.args), 2, "--data-dir", t.TempDir())); code != c.code || !strings.Contains(said.String(), c.want) {
			t.Errorf("%v: code %d, %q", c.args, code, said.String())
		}
	}
}
