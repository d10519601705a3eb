package rpc

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// odd are values that somebody sends where another one is expected.
var odd = []string{
	`null`, `true`, `false`, `0`, `1`, `-1`, `1e3`, `0.5`, `1e400`, `-0`, `"-1"`, `"1e3"`, `"0x10"`, `" 1"`, `"1 "`, `"+1"`, `"١"`,
	`18446744073709551615`, `18446744073709551616`, `"18446744073709551616"`, `"340282366920938463463374607431768211455"`,
	`"340282366920938463463374607431768211456"`, `99999999999999999999999999999999999999999999999999`, `""`, `" "`, `"\u0000"`, `"\ud800"`, `"\u202e"`,
	`[]`, `[null]`, `[[]]`, `[1,2,3]`, `["a","a"]`, `{}`, `{"a":1}`, `{"type":"state"}`, `"{}"`, `"{\"type\":\"state\"}"`, `"[1]"`, `"nan"`, `"true"`, `"yes"`,
	`"nano_16brc13bakgt86saj5am5ykwyr6zz7cid7xd9o4eocgbmznzcy9oo8madf3e"`, `"xrb_16brc13bakgt86saj5am5ykwyr6zz7cid7xd9o4eocgbmznzcy9oo8madf3e"`,
	`"smn_16brc13bakgt86saj5am5ykwyr6zz7cid7xd9o4eocgbmznzcy9oo8madf31"`, `"SMN_16brc13bakgt86saj5am5ykwyr6zz7cid7xd9o4eocgbmznzcy9oo8madf3e"`,
	`"smn_1111111111111111111111111111111111111111111111111111hifc8npp"`,
	`"0000000000000000000000000000000000000000000000000000000000000000"`, `"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"`,
	`"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"`, `"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"`,
	`"` + strings.Repeat("A", 128) + `"`, `"` + strings.Repeat("é", 5000) + `"`, `[` + strings.Repeat(`"smn_1",`, 200) + `"x"]`, `"../../etc/passwd"`, `"'; DROP TABLE blocks; --"`,
}

// Every action, asked rightly but for one parameter that has an odd value or is
// missing, gives one clear error that its table has, or an answer; never a fault
// of ours, never a secret, and never a place that is not given back.
func TestOddValues(t *testing.T) {
	asked := map[string]bool{}
	for name, g := range loadGoldens(t) {
		a := g.action()
		if a == nil || g.code() != "" || asked[a.name] || a.name == "work_generate" || a.name == "stop" {
			continue
		}
		asked[a.name] = true
		var request map[string]json.RawMessage
		if err := json.Unmarshal([]byte(g.body()), &request); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b := newBench(t, func(c *Config) { c.Rate, c.MaxWait = 0, 0 })
		setups[g.Setup](b)
		for _, p := range a.params {
			for _, value := range append(odd, "") {
				changed := map[string]json.RawMessage{}
				for k, v := range request {
					changed[k] = v
				}
				if changed[p.name] = json.RawMessage(value); value == "" {
					delete(changed, p.name)
				}
				body := "{"
				for k, v := range changed { // by hand: some of them are no JSON that Marshal takes
					body += `"` + k + `":` + string(v) + ","
				}
				b.askOdd(t, a, strings.TrimSuffix(body, ",")+"}")
			}
		}
	}
	for _, a := range actions {
		if !asked[a.name] && len(a.params) > 0 && a.name != "work_generate" {
			t.Errorf("%s was not asked", a.name)
		}
	}
}

// askOdd sends a body and checks what comes back.
func (b *bench) askOdd(t *testing.T, a *action, body string) {
	t.Helper()
	b.config.Random = strings.NewReader(strings.Repeat("r", 320))
	b.server.config.Random = b.config.Random
	w := b.post(body, asOperator)
	var answer struct{ Error, Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%.300s: %q: %v", body, w.Body, err)
	}
	known := answer.Error == "" && w.Code == http.StatusOK || slices.ContainsFunc(append(slices.Clone(a.errors), commonErrors...), func(e *errorKind) bool { return e.code == answer.Code })
	if !known || answer.Code == internalError.code || w.Code != http.StatusOK && w.Code != http.StatusTooManyRequests {
		t.Errorf("%.300s: status %d: %.300s", body, w.Code, w.Body)
	}
	if len(b.server.working) != 0 || len(b.server.waiting) != 0 {
		t.Fatalf("%.300s: a place was not given back", body)
	}
}

// A clock that jumps does not lock anybody out, and opens nothing.
func TestClockJumps(t *testing.T) {
	b := newBench(t, nil)
	w := withWallets(b)
	id := w.Views()[0].ID.String()
	for _, jump := range []time.Duration{0, -24 * 365 * time.Hour, 24 * 365 * 40 * time.Hour, -24 * 365 * 40 * time.Hour, -time.Nanosecond} {
		b.now = b.now.Add(jump)
		for range 300 {
			b.post(`{"action":"uptime"}`, from("198.51.100.9"))
		}
		if b.post(`{"action":"uptime"}`, from("198.51.100.9")).Code != http.StatusTooManyRequests {
			t.Errorf("after a jump of %v nobody is limited", jump)
		}
		b.now = b.now.Add(10 * time.Second)
		if code := b.post(`{"action":"uptime"}`, from("198.51.100.9")).Code; code != http.StatusOK {
			t.Errorf("after a jump of %v and ten seconds: status %d", jump, code)
		}
		answer := b.post(`{"action":"wallet_unlock","wallet":"`+id+`","password":"`+walletPassword+`","timeout":"60"}`, asOperator).Body.String()
		if !strings.Contains(answer, `"valid":"1"`) {
			t.Errorf("after a jump of %v: %s", jump, answer)
		}
	}
}
