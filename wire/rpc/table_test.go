package rpc

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every entry of the table is complete, so that the reference is.
func TestTableIsComplete(t *testing.T) {
	for _, a := range actions {
		if a.summary == "" || !strings.HasSuffix(a.summary, ".") || len(a.result) == 0 || a.role == "" || a.handle == nil {
			t.Errorf("%s: entry is not complete", a.name)
		}
		optional := false
		seen := map[string]bool{}
		for _, p := range a.params {
			if p.doc == "" || seen[p.name] || forms[p.form] == nil {
				t.Errorf("%s: parameter %s", a.name, p.name)
			}
			seen[p.name] = true
			optional = optional || !p.required
		}
		for _, f := range a.result {
			if f.doc == "" || seen["answer "+f.name] || forms[f.form] == nil {
				t.Errorf("%s: field %s", a.name, f.name)
			}
			seen["answer "+f.name] = true
		}
		for _, e := range a.errors {
			if !slices.Contains(allErrors, e) || slices.Contains(commonErrors, e) && e != missing {
				t.Errorf("%s: error %s", a.name, e.code)
			}
		}
	}
	codes := map[string]bool{}
	for _, e := range allErrors {
		if codes[e.code] || e.text == "" || e.number == 0 {
			t.Errorf("error %s", e.code)
		}
		codes[e.code] = true
	}
}

func TestDiscoverTellsTheTable(t *testing.T) {
	b := newBench(t, nil)
	var doc struct {
		OpenRPC string
		Methods []struct {
			Name   string
			Params []struct {
				Name     string
				Required bool
				Schema   map[string]any
			}
			Result struct{ Schema map[string]any }
		}
	}
	if err := json.Unmarshal(b.post(`{"action":"rpc.discover"}`, nil).Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Methods) != len(actions) {
		t.Errorf("%d methods, want %d", len(doc.Methods), len(actions))
	}
	for i, m := range doc.Methods {
		a := actions[i]
		if m.Name != a.name || len(m.Params) != len(a.params) || m.Result.Schema["type"] != "object" {
			t.Errorf("%s: %+v", a.name, m)
		}
	}
	text := b.post(`{"action":"rpc.discover"}`, nil).Body.String()
	var whole struct{ Components map[string]map[string]any }
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	for _, at := range regexp.MustCompile(`#/components/(\w+)/(\w+)`).FindAllStringSubmatch(text, -1) {
		if whole.Components[at[1]][at[2]] == nil {
			t.Errorf("%s leads nowhere", at[0])
		}
	}
	main := newBench(t, nil)
	setups["main network"](main)
	if strings.Contains(main.post(`{"action":"rpc.discover"}`, nil).Body.String(), "debug_fail_actor") {
		t.Error("what is for the dev network only is told on main")
	}
}

// Reading a parameter that the table does not have is a fault of ours.
func TestUndeclaredParameter(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	(&call{action: byName["uptime"]}).flag("nothing", false)
}

func TestLenientInput(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Rate = 0 })
	ask := func(body string) string { return b.post(body, nil).Body.String() }
	base := `{"action":"account_info","account":"` + alice.account.String() + `","weight":`
	for _, same := range [][]string{
		{base + `true}`, base + `"true"}`, base + `1}`, base + `"1"}`, base + "1,\"unknown\":[{}]}", " \n" + base + "true}\r\n"},
		{base + `false}`, base + `"false"}`, base + `0}`, base + `"0"}`, base + `null}`},
		{`{"action":"representatives","count":1}`, `{"action":"representatives","count":"1"}`},
		{`{"action":"chain","block":"` + b.blocks["to_bob"].String() + `","count":-1}`, `{"action":"chain","block":"` + b.blocks["to_bob"].String() + `","count":"-1"}`,
			`{"action":"chain","block":"` + strings.ToLower(b.blocks["to_bob"].String()) + `","count":18446744073709551615}`},
	} {
		for _, body := range same[1:] {
			if ask(body) != ask(same[0]) {
				t.Errorf("%s answers otherwise than %s:\n%s%s", body, same[0], ask(body), ask(same[0]))
			}
		}
	}
	for _, body := range []string{base + `2}`, base + `"TRUE"}`, base + `""}`, base + `[]}`, base + `1.0}`} {
		if !strings.Contains(ask(body), badParameter.code) {
			t.Errorf("%s answers %s", body, ask(body))
		}
	}
}

func TestConfigValidate(t *testing.T) {
	good := DefaultConfig()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"body limit":      func(c *Config) { c.BodyLimit = 0 },
		"max batch":       func(c *Config) { c.MaxBatch = 0 },
		"max concurrent":  func(c *Config) { c.MaxConcurrent = -1 },
		"max waiting":     func(c *Config) { c.MaxWaiting = 1 << 20 },
		"max connections": func(c *Config) { c.MaxConnections = 0 },
		"clients":         func(c *Config) { c.Clients = 0 },
		"request timeout": func(c *Config) { c.RequestTimeout = 0 },
		"max wait":        func(c *Config) { c.MaxWait = time.Hour },
		"rate":            func(c *Config) { c.Rate = -1 },
		"burst":           func(c *Config) { c.Burst = 0 },
		"token":           func(c *Config) { c.Token = "short" },
		"clock":           func(c *Config) { c.Now = nil },
	} {
		bad := DefaultConfig()
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMultiplierRoundTrip(t *testing.T) {
	base := uint64(0xfffffc0000000000)
	for _, c := range []struct {
		m    float64
		want uint64
	}{{1, base}, {8, 0xffffff8000000000}, {0.125, 0xffffe00000000000}, {1e-30, 0}, {1e30, ^uint64(0)}} {
		if got := fromMultiplier(c.m, base); got != c.want {
			t.Errorf("multiplier %g is %016x, want %016x", c.m, got, c.want)
		}
	}
	for _, d := range []uint64{1 << 63, base, 0xffffffff00000000} {
		if got := fromMultiplier(multiplier(d, base), base); got != d {
			t.Errorf("%016x becomes %016x", d, got)
		}
	}
}
