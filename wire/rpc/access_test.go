package rpc

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// codeOf asks by action, with no parameters, and returns the error code.
func codeOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	return golden{Answer: json.RawMessage(w.Body.Bytes())}.code()
}

// callers are the ways to come to the server, and the roles they reach.
var callers = []struct {
	name   string
	config func(*Config)
	from   func(*http.Request)
	may    map[Role]bool
}{
	{"anybody", nil, nil, map[Role]bool{Public: true, Probe: true}},
	{"with the token", nil, asOperator, map[Role]bool{Public: true, Probe: true, Operator: true}},
	{"with the token in other words", nil, func(r *http.Request) { r.Header.Set("Authorization", "bearer  "+testToken) },
		map[Role]bool{Public: true, Probe: true, Operator: true}},
	{"with a wrong token", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+testToken[1:]+"0") },
		map[Role]bool{Public: true, Probe: true}},
	{"with the token as a password", nil, func(r *http.Request) { r.SetBasicAuth("", testToken) },
		map[Role]bool{Public: true, Probe: true}},
	{"with a token where there is none", func(c *Config) { c.Token = "" }, func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		map[Role]bool{Public: true, Probe: true}},
	{"where operators are not served", func(c *Config) { c.Operator = false }, asOperator, map[Role]bool{Public: true, Probe: true}},
	{"where only probes are served", func(c *Config) { c.Public, c.Operator = false, false }, asOperator, map[Role]bool{Probe: true}},
	{"an operator where nobody else is served", func(c *Config) { c.Public, c.Probe = false, false }, asOperator,
		map[Role]bool{Public: true, Probe: true, Operator: true}},
	{"a page of another site, with the token", func(c *Config) { c.CORS = true },
		func(r *http.Request) { asOperator(r); r.Header.Set("Sec-Fetch-Site", "cross-site") }, map[Role]bool{Public: true, Probe: true}},
	{"a page of the same site on another port, with the token", func(c *Config) { c.CORS = true },
		func(r *http.Request) { asOperator(r); r.Header.Set("Sec-Fetch-Site", "same-site") }, map[Role]bool{Public: true, Probe: true}},
	{"a page of this server, with the token", nil,
		func(r *http.Request) { asOperator(r); r.Header.Set("Sec-Fetch-Site", "same-origin") },
		map[Role]bool{Public: true, Probe: true, Operator: true}},
	{"a page of another site, without CORS", nil, func(r *http.Request) { asOperator(r); r.Header.Set("Origin", "http://evil.example") },
		map[Role]bool{}},
}

// Who may call what: every action, for every kind of caller, in both dialects.
func TestAccess(t *testing.T) {
	refusals := map[string]bool{controlDisabled.code: true, notServed.code: true, crossOrigin.code: true}
	for _, from := range callers {
		b := newBench(t, func(c *Config) {
			c.Rate = 0
			if from.config != nil {
				from.config(c)
			}
		})
		for _, a := range actions {
			for _, name := range append([]string{a.name}, a.aliases...) {
				for _, body := range []string{
					`{"action":"` + name + `"}`,
					`{"jsonrpc":"2.0","id":1,"method":"` + name + `"}`,
				} {
					code := codeOf(t, b.post(body, from.from))
					if allowed := !refusals[code]; allowed != from.may[a.role] {
						t.Errorf("%s: %s answers %q", from.name, body, code)
					}
					if a.role == Operator && !from.may[Operator] && code != controlDisabled.code && code != crossOrigin.code {
						t.Errorf("%s: %s answers %q, which tells more than it should", from.name, body, code)
					}
				}
			}
		}
	}
}

// Without the right token an action answers the same whatever its parameters.
func TestControlTellsNothing(t *testing.T) {
	b := newBench(t, nil)
	want := b.post(`{"action":"stop"}`, nil).Body.String()
	for _, body := range []string{
		`{"action":"key_expand","key":"x"}`, `{"action":"block_create"}`, `{"action":"debug_fail_actor","actor":"nobody"}`,
		`{"action":"stop","token":"` + testToken + `"}`,
	} {
		if got := b.post(body, nil).Body.String(); got != want {
			t.Errorf("%s answers %s", body, got)
		}
	}
	if b.node.stopped || len(b.node.failed) > 0 {
		t.Error("something was done")
	}
}

func TestHosts(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Hosts = []string{"Node.Example"} })
	every := newBench(t, func(c *Config) { c.Hosts = []string{"*"} })
	for host, allowed := range map[string]bool{
		"localhost": true, "localhost:7177": true, "LocalHost.": true, "127.0.0.1:7177": true, "[::1]:7177": true, "[::1]": true,
		"192.168.1.5:7177": true, "node.example": true, "NODE.example.:80": true, "": true,
		"evil.example": false, "127.0.0.1.evil.example": false, "localhost.evil.example:7177": false, "node.example.evil": false,
	} {
		call := func(r *http.Request) { r.Host = host }
		if got := b.post(`{"action":"uptime"}`, call).Code == http.StatusOK; got != allowed {
			t.Errorf("host %q: allowed is %v", host, got)
		}
		if every.post(`{"action":"uptime"}`, call).Code != http.StatusOK {
			t.Errorf("host %q is refused where all are allowed", host)
		}
		r := httptest.NewRequest(http.MethodGet, "/health/live", nil)
		r.Host = host
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		if got := w.Code == http.StatusOK; got != allowed {
			t.Errorf("GET with host %q: allowed is %v", host, got)
		}
	}
}

func TestCORS(t *testing.T) {
	for _, cors := range []bool{false, true} {
		b := newBench(t, func(c *Config) { c.CORS = cors })
		r := httptest.NewRequest(http.MethodOptions, "http://127.0.0.1/", nil)
		r.Header.Set("Origin", "http://wallet.example")
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, r)
		if got := w.Code == http.StatusNoContent && w.Header().Get("Access-Control-Allow-Origin") == "*"; got != cors {
			t.Errorf("preflight with CORS %v answers %d %v", cors, w.Code, w.Header())
		}
		if strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Error("pages of other sites may send the token")
		}
		w = b.post(`{"action":"uptime"}`, func(r *http.Request) {
			r.Header.Set("Origin", "http://wallet.example")
			r.Header.Set("Content-Type", "text/plain")
		})
		if got := w.Code == http.StatusOK && w.Header().Get("Access-Control-Allow-Origin") == "*"; got != cors {
			t.Errorf("a page of another site with CORS %v gets %d %v", cors, w.Code, w.Header())
		}
	}
}

func TestProbes(t *testing.T) {
	get := func(b *bench, path string) int {
		w := httptest.NewRecorder()
		b.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil))
		return w.Code
	}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) })
	on := newBench(t, func(c *Config) { c.Metrics = metrics })
	on.fill(on.server.working) // probes are answered when nothing else is
	off := newBench(t, func(c *Config) { c.Metrics, c.Probe = metrics, false })
	bare := newBench(t, nil)
	for path, want := range map[string]int{"/health/live": 200, "/health/ready": 200, "/metrics": 200, "/": 405} {
		if got := get(on, path); got != want {
			t.Errorf("%s answers %d", path, got)
		}
		if got := get(off, path); got != http.StatusMethodNotAllowed {
			t.Errorf("%s answers %d where probes are not served", path, got)
		}
	}
	if got := get(bare, "/metrics"); got != http.StatusMethodNotAllowed {
		t.Errorf("/metrics answers %d without metrics", got)
	}
}
