package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
)

var rewrite = flag.Bool("rewrite", false, "write the answers into testdata/golden instead of comparing them")

const testToken = "0123456789abcdef0123456789abcdef"

// golden is one recorded request with its answer in both dialects. To record
// another, write a file with the part above the line and run
//
//	go test ./wire/rpc -run TestGolden -rewrite
type golden struct {
	About    string            `json:"about"`
	Setup    string            `json:"setup,omitempty"` // see setups
	Operator bool              `json:"operator,omitempty"`
	HTTP     string            `json:"http,omitempty"` // method and path, when not "POST /"
	Headers  map[string]string `json:"headers,omitempty"`
	Body     string            `json:"body,omitempty"` // text as it is, instead of a request
	Request  json.RawMessage   `json:"request,omitempty"`
	// ---
	Status     int             `json:"status"`
	RetryAfter string          `json:"retry_after,omitempty"`
	Answer     json.RawMessage `json:"answer,omitempty"`
	RPCStatus  int             `json:"rpc_status,omitempty"`
	RPCAnswer  json.RawMessage `json:"rpc_answer,omitempty"` // to the same as a JSON-RPC call with id 1
}

// bench is a Server over a fake node, for one test.
type bench struct {
	node   *fakeNode
	blocks fakeBlocks
	config Config
	server *Server
	now    time.Time
}

// newBench makes a bench whose clock stands still. change may alter the
// configuration first.
func newBench(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	b := &bench{now: time.Unix(1_700_010_000, 0)}
	b.node, b.blocks = newFakeNode()
	b.config = DefaultConfig()
	b.config.Token = testToken
	b.config.Now = func() time.Time { return b.now }
	b.config.LogLevel = fakeLevels
	b.config.Settings = func() []Setting {
		return []Setting{{"network", "dev", "flag --network"}, {"log_level", "warn", "smallnano.toml line 3"}}
	}
	b.config.Random = bytes.NewReader(bytes.Repeat([]byte{7}, 320))
	if change != nil {
		change(&b.config)
	}
	b.server = New(b.config, b.node, slog.New(slog.DiscardHandler))
	return b
}

// fakeLevels takes what begins like a level.
func fakeLevels(levels string) (string, error) {
	if levels == "loud" {
		return "", fmt.Errorf("log_level is %q: want debug, info, warn or error", levels)
	}
	return levels, nil
}

// post sends a body and returns the answer.
func (b *bench) post(body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:7177/", strings.NewReader(body))
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	b.server.ServeHTTP(w, r)
	return w
}

func asOperator(r *http.Request) { r.Header.Set("Authorization", "Bearer "+testToken) }

// setups are the states of the node that goldens ask for.
var setups = map[string]func(*bench){
	"":                 func(*bench) {},
	"process overload": func(b *bench) { b.node.processError = ErrOverloaded },
	"process timeout":  func(b *bench) { b.node.processError = ErrTimeout },
	"process read-only": func(b *bench) {
		b.node.processError = fmt.Errorf("%w: disk is full", ErrReadOnly)
	},
	"process stopping": func(b *bench) { b.node.processError = ErrStopping },
	"work disabled":    func(b *bench) { b.node.workError = ErrWorkDisabled },
	"work failed": func(b *bench) {
		b.node.workError = fmt.Errorf("%w: work peer 192.0.2.30:7000: no route", ErrWorkFailed)
	},
	"work cancelled": func(b *bench) { b.node.workError = ErrWorkCancelled },
	"store fails":    func(b *bench) { b.node.viewError = errors.New("disk I/O error in a secret place") },
	"store panics":   func(b *bench) { b.node.panics = true },
	"not ready": func(b *bench) {
		b.node.report.Ready = false
		b.node.report.State = NodeStarting
		b.node.report.Reasons = []string{"3 of 8 peers"}
	},
	"stalled":           func(b *bench) { b.node.stalled = true },
	"main network":      func(b *bench) { n := *b.node.network; n.Name = "main"; b.server.network = &n },
	"small body limit":  func(b *bench) { b.server.config.BodyLimit = 10 },
	"many receivables":  func(b *bench) { b.node.ledger.bulk = 10_001 },
	"public off":        func(b *bench) { b.server.config.Public = false },
	"all places taken":  func(b *bench) { b.fill(b.server.working) },
	"all waiters taken": func(b *bench) { b.fill(b.server.waiting) },
	"bucket empty":      func(b *bench) { (&caller{b.server.clients, testClient}).charge(250) },
}

var testClient = clientOf(mustAddr("192.0.2.1")) // httptest's remote address

func (b *bench) fill(p places) {
	for p.take() {
	}
}

func init() {
	for _, o := range []ledger.Outcome{
		ledger.InsufficientWork, ledger.OpenedBurnAccount, ledger.Old, ledger.BadSignature, ledger.Fork, ledger.GapPrevious,
		ledger.GapSource, ledger.Unreceivable, ledger.BalanceMismatch, ledger.NoChange,
	} {
		setups["process "+o.String()] = func(b *bench) { b.node.processError = fmt.Errorf("block refused: %w", o) }
	}
}

func TestGolden(t *testing.T) {
	for name, g := range loadGoldens(t) {
		t.Run(name, func(t *testing.T) {
			got := g
			got.Status, got.RetryAfter, got.Answer = g.ask(t, g.body())
			got.RPCStatus, got.RPCAnswer = 0, nil
			if body, ok := g.asMethod(t); ok {
				got.RPCStatus, _, got.RPCAnswer = g.ask(t, body)
			}
			text := got.text(t)
			if *rewrite {
				if err := os.WriteFile(goldenPath(name), text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := g.text(t); !bytes.Equal(text, want) {
				t.Errorf("answers changed; go test -run TestGolden -rewrite records them.\ngot:\n%s\nwant:\n%s", text, want)
			}
		})
	}
}

func goldenPath(name string) string { return filepath.Join("testdata", "golden", name+".json") }

func loadGoldens(t testing.TB) map[string]golden {
	t.Helper()
	paths, err := filepath.Glob(goldenPath("*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	goldens := map[string]golden{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&g); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		goldens[strings.TrimSuffix(filepath.Base(path), ".json")] = g
	}
	return goldens
}

func (g golden) body() string {
	if g.Body != "" {
		return g.Body
	}
	return string(g.Request)
}

// ask sends one body to a fresh bench.
func (g golden) ask(t *testing.T, body string) (status int, retryAfter string, answer json.RawMessage) {
	t.Helper()
	b := newBench(t, nil)
	setup, ok := setups[g.Setup]
	if !ok {
		t.Fatalf("setup %q is not known", g.Setup)
	}
	setup(b)
	w := b.post(body, func(r *http.Request) {
		if g.Operator {
			asOperator(r)
		}
		if method, path, ok := strings.Cut(g.HTTP, " "); ok {
			r.Method, r.URL.Path = method, path
		}
		for name, value := range g.Headers {
			r.Header.Set(name, value)
		}
		if host := g.Headers["Host"]; host != "" {
			r.Host = host
		}
	})
	if w.Code == http.StatusNoContent && w.Body.Len() == 0 {
		return w.Code, "", nil
	}
	if !json.Valid(w.Body.Bytes()) {
		t.Fatalf("answer is not JSON: %q", w.Body)
	}
	return w.Code, w.Header().Get("Retry-After"), w.Body.Bytes()
}

// asMethod turns a request by action into the same JSON-RPC call.
func (g golden) asMethod(t *testing.T) (string, bool) {
	t.Helper()
	var members map[string]json.RawMessage
	if g.Body != "" || g.HTTP != "" || json.Unmarshal(g.Request, &members) != nil || members["action"] == nil || members["method"] != nil {
		return "", false
	}
	method := members["action"]
	delete(members, "action")
	params, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":%s,"params":%s,"id":1}`, method, params), true
}

func (g golden) text(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// action returns the table's entry for what a golden asks, if it asks one.
func (g golden) action() *action {
	var r struct{ Action string }
	_ = json.Unmarshal([]byte(g.body()), &r)
	return byName[r.Action]
}

// code returns the error code of the answer.
func (g golden) code() string {
	var byAction struct{ Code, Error string }
	var byMethod struct {
		Error struct{ Data struct{ Code string } }
	}
	if json.Unmarshal(g.Answer, &byAction) == nil && byAction.Error != "" {
		return byAction.Code
	}
	_ = json.Unmarshal(g.Answer, &byMethod)
	return byMethod.Error.Data.Code
}

// Every action has a golden of its answer, and every error one, so that any
// change of shape shows.
func TestGoldensCoverTheTable(t *testing.T) {
	answered, refused, perAction := map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}
	for name, g := range loadGoldens(t) {
		code, a := g.code(), g.action()
		refused[code] = true
		if a == nil {
			continue
		}
		if code == "" {
			answered[a.name] = true
			continue
		}
		if perAction[a.name] == nil {
			perAction[a.name] = map[string]bool{}
		}
		perAction[a.name][code] = true
		known := slices.ContainsFunc(append(slices.Clone(a.errors), commonErrors...), func(e *errorKind) bool { return e.code == code })
		if !known {
			t.Errorf("%s: the table of %s does not have the error %s", name, a.name, code)
		}
	}
	for _, a := range actions {
		if !answered[a.name] {
			t.Errorf("%s has no golden with an answer", a.name)
		}
		if len(a.errors) > 0 && len(perAction[a.name]) == 0 {
			t.Errorf("%s has no golden with an error", a.name)
		}
	}
	for _, e := range allErrors {
		if !refused[e.code] && e != tooSlow { // it takes a connection: see TestHalfRequestsAreAnswered
			t.Errorf("error %s has no golden", e.code)
		}
	}
}

// Answers hold what the table says: no field without a description, none
// missing that is promised, and each in its form.
func TestAnswersFitTheTable(t *testing.T) {
	seen := map[string]map[string]bool{}
	for name, g := range loadGoldens(t) {
		a := g.action()
		if a == nil || g.code() != "" || a.name == "rpc.discover" {
			continue
		}
		if seen[a.name] == nil {
			seen[a.name] = map[string]bool{}
		}
		var answer any
		if err := json.Unmarshal(g.Answer, &answer); err != nil {
			t.Fatal(err)
		}
		checkFields(t, name, a, seen[a.name], "", answer)
	}
	for _, a := range actions {
		for _, f := range a.result {
			if !seen[a.name][f.name] && a.name != "rpc.discover" {
				t.Errorf("%s: no golden has the field %s", a.name, f.name)
			}
		}
	}
}

// checkFields walks an answer. Below a map the path goes on with "*".
func checkFields(t *testing.T, name string, a *action, seen map[string]bool, path string, v any) {
	t.Helper()
	i := slices.IndexFunc(a.result, func(f field) bool { return f.name == path })
	var f field
	if i >= 0 {
		f = a.result[i]
		seen[path] = true
	}
	switch v := v.(type) {
	case map[string]any:
		if f.form == formBlock {
			return
		}
		for key, item := range v {
			below := path + ".*"
			if f.form != formMap && f.form != formAny && !(f.form == "" && strings.HasSuffix(path, "*") && !hasBelow(a, path)) {
				below = strings.TrimPrefix(path+"."+key, ".")
			}
			checkFields(t, name, a, seen, below, item)
		}
		for _, f := range a.result {
			rest, ok := strings.CutPrefix(f.name, path+".")
			if path == "" {
				rest, ok = f.name, true
			}
			if ok && !f.optional && !strings.ContainsAny(rest, ".[*") && v[rest] == nil {
				t.Errorf("%s: the answer lacks %s", name, f.name)
			}
		}
	case []any:
		for _, item := range v {
			checkFields(t, name, a, seen, path+"[]", item)
		}
	case string:
		if i < 0 {
			if !insideAny(a, path) {
				t.Errorf("%s: the table of %s does not have the field %s", name, a.name, path)
			}
			return
		}
		checkForm(t, name, f, v)
	default:
		t.Errorf("%s: %s is a %T; every value is a string", name, path, v)
	}
}

func hasBelow(a *action, path string) bool {
	return slices.ContainsFunc(a.result, func(f field) bool { return strings.HasPrefix(f.name, path+".") })
}

// insideAny reports whether a path lies in a field whose shape is free.
func insideAny(a *action, path string) bool {
	return slices.ContainsFunc(a.result, func(f field) bool {
		return (f.form == formAny || f.form == formMap) && (strings.HasPrefix(path, f.name+".") || strings.HasPrefix(path, f.name+"["))
	})
}

func checkForm(t *testing.T, name string, f field, text string) {
	t.Helper()
	for _, p := range forms[f.form] {
		switch p.name {
		case "pattern":
			if !regexp.MustCompile(p.value.(string)).MatchString(text) {
				t.Errorf("%s: %s is %q, which is no %s", name, f.name, text, f.form)
			}
		case "enum":
			if !slices.Contains(p.value.([]string), text) {
				t.Errorf("%s: %s is %q, which is no %s", name, f.name, text, f.form)
			}
		}
	}
}

// Both dialects say the same.
func TestDialectsAgree(t *testing.T) {
	for name, g := range loadGoldens(t) {
		if g.RPCAnswer == nil {
			continue
		}
		if g.Status != g.RPCStatus {
			t.Errorf("%s: status %d by action, %d by method", name, g.Status, g.RPCStatus)
		}
		if !bytes.Contains(g.RPCAnswer, []byte(`"jsonrpc"`)) { // refused before it was read
			if !bytes.Equal(g.RPCAnswer, g.Answer) {
				t.Errorf("%s: by action %s\nby method %s", name, g.Answer, g.RPCAnswer)
			}
			continue
		}
		var call struct {
			Version string `json:"jsonrpc"`
			Result  any
			ID      int
			Error   *struct {
				Code    int
				Message string
				Data    map[string]any
			}
		}
		var action any
		if json.Unmarshal(g.RPCAnswer, &call) != nil || json.Unmarshal(g.Answer, &action) != nil {
			t.Fatalf("%s: not JSON", name)
		}
		if call.Error != nil {
			m := map[string]any{"error": call.Error.Message}
			for k, v := range call.Error.Data {
				m[k] = v
			}
			call.Result = m
		}
		if fmt.Sprint(call.Result) != fmt.Sprint(action) {
			t.Errorf("%s: by action %v\nby method %v", name, action, call.Result)
		}
	}
}
