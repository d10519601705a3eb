package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	if !json.Valid(text) {
		return value{}, badJSON.because("%s", fault(text))
	}
	p := parser{text: text}
	return p.value(0)
}

// fault says what is wrong with a text that is no JSON.
func fault(text []byte) string {
	var whole json.RawMessage
	err := json.Unmarshal(text, &whole)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%s at byte %d", syntax.Error(), syntax.Offset)
	}
	return fmt.Sprint(err)
}

// parser reads a text that is known to be one valid JSON text. So each piece ends
// where the first byte says what it is; nothing need be checked twice.
type parser struct {
	text []byte
	at   int
}

// next skips what stands between two pieces, and returns the first byte of the
// second.
func (p *parser) next() byte {
	for {
		switch c := p.text[p.at]; c {
		case ' ', '\t', '\n', '\r', ',', ':':
			p.at++
		default:
			return c
		}
	}
}

func (p *parser) value(depth int) (value, *Error) {
	switch c := p.next(); c {
	case '"':
		return value{kind: kindText, text: p.string()}, nil
	case 't':
		p.at += len("true")
		return value{kind: kindBool, text: "true"}, nil
	case 'f':
		p.at += len("false")
		return value{kind: kindBool, text: "false"}, nil
	case 'n':
		p.at += len("null")
		return value{kind: kindNull}, nil
	case '[', '{':
		p.at++
		if depth == maxDepth {
			return value{}, tooDeep.because("more than %d levels at byte %d", maxDepth, p.at)
		}
		if c == '[' {
			return p.list(depth + 1)
		}
		return p.object(depth + 1)
	}
	from := p.at
	for p.at < len(p.text) && strings.IndexByte("+-.0123456789Ee", p.text[p.at]) >= 0 {
		p.at++
	}
	return value{kind: kindNumber, text: string(p.text[from:p.at])}, nil
}

// string reads a string from its first quotation mark on.
func (p *parser) string() string {
	from, plain := p.at, true
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			plain = false
			p.at++
		}
	}
	p.at++
	if plain {
		return string(p.text[from+1 : p.at-1])
	}
	var s string
	if err := json.Unmarshal(p.text[from:p.at], &s); err != nil {
		panic("rpc: a valid JSON text holds a string that is none: " + err.Error())
	}
	return s
}

func (p *parser) list(depth int) (value, *Error) {
	v := value{kind: kindList}
	for p.next() != ']' {
		item, err := p.value(depth)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	p.at++
	return v, nil
}

// manyMembers is how many members are looked through for one with the same name;
// of more an index is made.
const manyMembers = 16

func (p *parser) object(depth int) (value, *Error) {
	v := value{kind: kindObject}
	var seen map[string]bool
	for p.next() != '}' {
		name := p.string()
		twice := seen[name]
		if seen == nil {
			_, twice = v.get(name)
		}
		if twice {
			return value{}, duplicateKey.because("%q stands for the second time in one object at byte %d", clip(name), p.at)
		}
		item, refused := p.value(depth)
		if refused != nil {
			return value{}, refused
		}
		v.members = append(v.members, member{name, item})
		if len(v.members) == manyMembers {
			seen = make(map[string]bool, 2*manyMembers)
			for _, m := range v.members {
				seen[m.name] = true
			}
		} else if seen != nil {
			seen[name] = true
		}
	}
	p.at++
	return v, nil
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
