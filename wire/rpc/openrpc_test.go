package rpc

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shape is what OpenRPC 1.3 says of an object: the members that must be there,
// and those that may, each with what it has to be. Members that begin with "x-"
// are always allowed, others never.
type shape struct {
	must, may map[string]func(path string, v any)
}

// openRPC checks a document against the specification, rule by rule.
type openRPC struct {
	t   *testing.T
	doc map[string]any
}

func (o *openRPC) bad(path, format string, args ...any) {
	o.t.Helper()
	o.t.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
}

func (o *openRPC) object(path string, v any, s shape) map[string]any {
	m, is := v.(map[string]any)
	if !is {
		o.bad(path, "an object is expected, not %T", v)
		return nil
	}
	for name := range s.must {
		if _, there := m[name]; !there {
			o.bad(path, "%s is missing", name)
		}
	}
	for name, member := range m {
		check := s.must[name]
		if check == nil {
			check = s.may[name]
		}
		switch {
		case check != nil:
			check(path+"."+name, member)
		case !strings.HasPrefix(name, "x-"):
			o.bad(path, "there is no %q in OpenRPC", name)
		}
	}
	return m
}

func (o *openRPC) text(path string, v any) {
	if s, is := v.(string); !is || s == "" {
		o.bad(path, "a text is expected, not %v", v)
	}
}

func (o *openRPC) any(string, any) {}

func (o *openRPC) flag(path string, v any) {
	if _, is := v.(bool); !is {
		o.bad(path, "true or false is expected, not %v", v)
	}
}

func (o *openRPC) number(path string, v any) {
	if n, is := v.(float64); !is || n != float64(int64(n)) {
		o.bad(path, "a whole number is expected, not %v", v)
	}
}

func (o *openRPC) oneOf(words ...string) func(string, any) {
	return func(path string, v any) {
		if s, _ := v.(string); !slices.Contains(words, s) {
			o.bad(path, "%v is none of %v", v, words)
		}
	}
}

// list checks each item, after references were followed.
func (o *openRPC) list(check func(string, any)) func(string, any) {
	return func(path string, v any) {
		items, is := v.([]any)
		if !is {
			o.bad(path, "a list is expected, not %T", v)
		}
		for i, item := range items {
			at := fmt.Sprintf("%s[%d]", path, i)
			check(at, o.follow(at, item))
		}
	}
}

// follow returns what a reference points to; what is none it returns as it is.
func (o *openRPC) follow(path string, v any) any {
	m, is := v.(map[string]any)
	ref, refers := m["$ref"].(string)
	if !is || !refers {
		return v
	}
	for name := range m {
		if name != "$ref" && name != "description" { // others would count for nothing
			o.bad(path, "a reference has the member %s", name)
		}
	}
	var at any = o.doc
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		below, _ := at.(map[string]any)
		if at, is = below[part]; !is {
			o.bad(path, "%s points to nothing", ref)
			return nil
		}
	}
	return at
}

// schema checks a JSON schema of draft 7, as far as it is used here.
func (o *openRPC) schema(path string, v any) {
	if b, is := o.follow(path, v).(bool); is && b {
		return
	}
	types := func(path string, v any) {
		names, is := v.([]any)
		if !is {
			names = []any{v}
		}
		for _, name := range names {
			o.oneOf("string", "object", "array", "integer", "number", "boolean", "null")(path, name)
		}
	}
	each := func(path string, v any) {
		m, is := v.(map[string]any)
		if !is {
			o.bad(path, "an object is expected")
		}
		for name, s := range m {
			o.schema(path+"."+name, s)
		}
	}
	m := o.object(path, o.follow(path, v), shape{may: map[string]func(string, any){
		"type": types, "description": o.text, "pattern": o.text, "enum": o.list(o.any), "items": o.schema,
		"properties": each, "additionalProperties": o.schema, "required": o.list(o.text),
	}})
	if pattern, is := m["pattern"].(string); is {
		if _, err := regexp.Compile(pattern); err != nil {
			o.bad(path, "%v", err)
		}
	}
	properties, _ := m["properties"].(map[string]any)
	required, _ := m["required"].([]any)
	for _, name := range required {
		if _, there := properties[fmt.Sprint(name)]; !there {
			o.bad(path, "%v is required and not described", name)
		}
	}
}

func (o *openRPC) descriptor(path string, v any) {
	o.object(path, v, shape{
		must: map[string]func(string, any){"name": o.text, "schema": o.schema},
		may:  map[string]func(string, any){"summary": o.text, "description": o.text, "required": o.flag, "deprecated": o.flag},
	})
}

func (o *openRPC) fault(path string, v any) {
	o.object(path, v, shape{must: map[string]func(string, any){"code": o.number, "message": o.text}, may: map[string]func(string, any){"data": o.any}})
}

// params are in an order in which they can be given by position.
func (o *openRPC) params(path string, v any) {
	o.list(o.descriptor)(path, v)
	list, _ := v.([]any)
	seen, optional := map[any]bool{}, ""
	for _, item := range list {
		p, _ := o.follow(path, item).(map[string]any)
		name := fmt.Sprint(p["name"])
		if seen[name] {
			o.bad(path, "%s is there twice", name)
		}
		seen[name] = true
		if p["required"] != true {
			optional = name
		} else if optional != "" {
			o.bad(path, "%s is required and stands behind %s, which is not", name, optional)
		}
	}
}

func (o *openRPC) method(path string, v any) {
	o.object(path, v, shape{
		must: map[string]func(string, any){"name": o.text, "params": o.params},
		may: map[string]func(string, any){
			"summary": o.text, "description": o.text, "deprecated": o.flag, "errors": o.list(o.fault),
			"result":         func(path string, v any) { o.descriptor(path, o.follow(path, v)) },
			"paramStructure": o.oneOf("by-name", "by-position", "either"),
		},
	})
}

func (o *openRPC) named(check func(string, any)) func(string, any) {
	return func(path string, v any) {
		m, is := v.(map[string]any)
		if !is {
			o.bad(path, "an object is expected")
		}
		for name, item := range m {
			if !regexp.MustCompile(`^[0-9a-zA-Z_.-]+$`).MatchString(name) {
				o.bad(path, "%q is no name of a component", name)
			}
			check(path+"."+name, item)
		}
	}
}

// The document is OpenRPC: what generators and inspectors of others read.
func TestDiscoverIsOpenRPC(t *testing.T) {
	b := newBench(t, nil)
	w := b.post(`{"action":"rpc.discover"}`, nil)
	o := &openRPC{t: t}
	if err := json.Unmarshal(w.Body.Bytes(), &o.doc); err != nil {
		t.Fatal(err)
	}
	info := func(path string, v any) {
		o.object(path, v, shape{
			must: map[string]func(string, any){"title": o.text, "version": o.text},
			may:  map[string]func(string, any){"description": o.text},
		})
	}
	version := func(path string, v any) {
		if s, _ := v.(string); !regexp.MustCompile(`^1\.3\.\d+$`).MatchString(s) {
			o.bad(path, "%v is not a version of OpenRPC 1.3", v)
		}
	}
	o.object("document", o.doc, shape{
		must: map[string]func(string, any){"openrpc": version, "info": info, "methods": o.list(o.method)},
		may: map[string]func(string, any){"components": func(path string, v any) {
			o.object(path, v, shape{may: map[string]func(string, any){"errors": o.named(o.fault), "schemas": o.named(o.schema)}})
		}},
	})
	names := map[string]bool{}
	methods, _ := o.doc["methods"].([]any)
	for _, m := range methods {
		name := fmt.Sprint(m.(map[string]any)["name"])
		if names[name] {
			t.Errorf("method %s is there twice", name)
		}
		names[name] = true
	}
	if len(names) != len(actions) {
		t.Errorf("%d methods, the table has %d actions", len(names), len(actions))
	}
}
