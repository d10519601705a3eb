package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may be nested in a request.
const maxDepth = 20

type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindText
	kindList
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// value is a piece of a request as it was written: numbers keep their digits.
type value struct {
	kind    kind
	text    string // of a string; digits of a number; "true" or "false"
	items   []value
	members []member
}

type member struct {
	name  string
	value value
}

// get returns a member of an object.
func (v value) get(name string) (value, bool) {
	for _, m := range v.members {
		if m.name == name {
			return m.value, true
		}
	}
	return value{}, false
}

// parseJSON reads one JSON text, and nothing after it. It refuses what
// programs read differently: an object with the same name twice, text that is
// not UTF-8, and nesting that is deeper than maxDepth.
func parseJSON(text []byte) (value, *Error) {
	if !utf8.Valid(text) {
		return value{}, badJSON.because("the text is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return value{}, badJSON.because("%s at byte %d", syntax.Error(), syntax.Offset)
		}
		return value{}, badJSON.because("%s", err.Error())
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return parseNext(d, 0)
}

func parseNext(d *json.Decoder, depth int) (value, *Error) {
	token, err := d.Token()
	if err != nil {
		return value{}, badJSON.because("%s at byte %d", err.Error(), d.InputOffset())
	}
	switch t := token.(type) {
	case bool:
		return value{kind: kindBool, text: fmt.Sprint(t)}, nil
	case json.Number:
		return value{kind: kindNumber, text: t.String()}, nil
	case string:
		return value{kind: kindText, text: t}, nil
	case json.Delim:
		if depth == maxDepth {
			return value{}, tooDeep.because("more than %d levels at byte %d", maxDepth, d.InputOffset())
		}
		if t == '[' {
			return parseList(d, depth+1)
		}
		return parseObject(d, depth+1)
	}
	return value{kind: kindNull}, nil
}

func parseList(d *json.Decoder, depth int) (value, *Error) {
	v := value{kind: kindList}
	for d.More() {
		item, err := parseNext(d, depth)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	return v, closing(d)
}

func parseObject(d *json.Decoder, depth int) (value, *Error) {
	v := value{kind: kindObject}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, isText := token.(string)
		if err != nil || !isText {
			return value{}, badJSON.because("a name is expected at byte %d", d.InputOffset())
		}
		if seen[name] {
			return value{}, duplicateKey.because("%q stands for the second time in one object at byte %d", clip(name), d.InputOffset())
		}
		seen[name] = true
		item, refused := parseNext(d, depth)
		if refused != nil {
			return value{}, refused
		}
		v.members = append(v.members, member{name, item})
	}
	return v, closing(d)
}

func closing(d *json.Decoder) *Error {
	if _, err := d.Token(); err != nil {
		return badJSON.because("%s at byte %d", err.Error(), d.InputOffset())
	}
	return nil
}

// clip shortens untrusted text for an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
