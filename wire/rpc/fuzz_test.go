package rpc

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
)

// Whatever is sent, the answer is JSON, or nothing at all for notifications,
// and the same every time.
func FuzzRequest(f *testing.F) {
	for _, g := range loadGoldens(f) {
		f.Add([]byte(g.body()))
	}
	for _, a := range actions {
		if a.name != "work_generate" && a.name != "block_create" {
			f.Add([]byte(`{"jsonrpc":"2.0","method":"` + a.name + `","params":["` + alice.account.String() + `",1,true,[],{}],"id":1}`))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := newBench(t, func(c *Config) { c.Rate, c.MaxWait = 0, 0 })
		w := b.post(string(body), asOperator)
		switch {
		case w.Code == http.StatusNoContent:
			if w.Body.Len() > 0 {
				t.Errorf("a body with status 204: %s", w.Body)
			}
		case !json.Valid(w.Body.Bytes()):
			t.Errorf("status %d, and no JSON: %q", w.Code, w.Body)
		case !slices.Contains([]int{200, 413, 429}, w.Code):
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if len(b.server.working) != 0 || len(b.server.waiting) != 0 {
			t.Error("a place was not given back")
		}
	})
}

// What parseJSON takes, encoding/json takes too, and reads the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`{}`, `[1,"a",null,true,{"b":[]}]`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `1 2`, `NaN`, `-0.5e+3`, `"\ud800"`, `{"a"`, `[1,]`, "\xff", "\ufeff{}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := parseJSON(text)
		if err != nil {
			if err.Detail == "" {
				t.Errorf("%q: the error does not say what and where", text)
			}
			return
		}
		var want any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q was taken: %v", text, err)
		}
		if !sameValue(v, want) {
			t.Errorf("%q: %+v, want %v", text, v, want)
		}
	})
}

func sameValue(v value, want any) bool {
	switch want := want.(type) {
	case nil:
		return v.kind == kindNull
	case bool:
		return v.kind == kindBool && (v.text == "true") == want
	case string:
		return v.kind == kindText && v.text == want
	case float64:
		var f float64
		return v.kind == kindNumber && json.Unmarshal([]byte(v.text), &f) == nil && f == want
	case []any:
		return v.kind == kindList && slices.EqualFunc(v.items, want, sameValue)
	case map[string]any:
		if v.kind != kindObject || len(v.members) != len(want) {
			return false
		}
		for _, m := range v.members {
			item, ok := want[m.name]
			if !ok || !sameValue(m.value, item) {
				return false
			}
		}
		return true
	}
	return false
}

// A block survives the way through JSON, as an object and as a string.
func FuzzBlock(f *testing.F) {
	n, _ := newFakeNode()
	for _, b := range n.ledger.blocks {
		bytes := b.Block.Bytes()
		f.Add(bytes[:])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := n.network.Genesis
		if len(raw) != len(b.Bytes()) || b.UnmarshalBinary(raw) != nil {
			return
		}
		got, err := DecodeBlock(EncodeBlock(&b))
		if err != nil || got != b {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
