package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// object is a JSON object whose members keep their order.
type object []pair

type pair struct {
	name  string
	value any
}

// obj makes an object of names and values in turn.
func obj(namesAndValues ...any) object {
	o := make(object, 0, len(namesAndValues)/2)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		o = append(o, pair{namesAndValues[i].(string), namesAndValues[i+1]})
	}
	return o
}

// set appends a member. Names are not checked for being new.
func (o *object) set(name string, value any) { *o = append(*o, pair{name, value}) }

// Values that are not written as their Go type would be.
type (
	one    bool   // "1" or "0", where the tools expect that for a boolean
	nonce  uint64 // work and difficulty: 16 lower-case hexadecimal digits
	bare   int64  // a JSON number; in the JSON-RPC envelope and OpenRPC only
	plain  bool   // a JSON boolean; in OpenRPC only
	factor float64
)

// appendJSON appends v by the conventions of all answers, which hold here and
// nowhere else: numbers and booleans are strings, keys and hashes upper-case
// hexadecimal, accounts addresses, amounts raw, times seconds since 1970.
func appendJSON(to []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendText(to, v)
	case lattice.Account:
		return appendText(to, v.String())
	case lattice.Amount:
		return appendText(to, v.Raw())
	case lattice.Hash, lattice.Root, lattice.Link, lattice.Subtype, crypto.PublicKey, crypto.Signature:
		return appendText(to, v.(fmt.Stringer).String())
	case bool:
		return appendText(to, strconv.FormatBool(v))
	case one:
		if v {
			return append(to, `"1"`...)
		}
		return append(to, `"0"`...)
	case int:
		return appendText(to, strconv.Itoa(v))
	case uint64:
		return appendText(to, strconv.FormatUint(v, 10))
	case nonce:
		return appendText(to, fmt.Sprintf("%016x", uint64(v)))
	case factor:
		return appendText(to, strconv.FormatFloat(float64(v), 'f', 15, 64))
	case time.Time:
		return appendText(to, strconv.FormatInt(unixSeconds(v), 10))
	}
	return appendCompound(to, v)
}

func appendCompound(to []byte, v any) []byte {
	switch v := v.(type) {
	case *object:
		return appendCompound(to, *v)
	case object:
		to = append(to, '{')
		for i, p := range v {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(appendText(to, p.name), ':')
			to = appendJSON(to, p.value)
		}
		return append(to, '}')
	case []any:
		return appendList(to, v)
	case []object:
		return appendList(to, v)
	case []string:
		return appendList(to, v)
	case []lattice.Account:
		return appendList(to, v)
	case []lattice.Hash:
		return appendList(to, v)
	case value:
		return appendValue(to, v)
	case bare:
		return strconv.AppendInt(to, int64(v), 10)
	case plain:
		return strconv.AppendBool(to, bool(v))
	case json.RawMessage:
		return append(to, v...)
	case HealthReport, ActorHealth:
		text, err := json.Marshal(v)
		if err != nil {
			panic("rpc: a health report cannot be encoded: " + err.Error())
		}
		return append(to, text...)
	}
	panic(fmt.Sprintf("rpc: an answer holds a %T, which has no agreed form", v))
}

func appendList[T any](to []byte, list []T) []byte {
	to = append(to, '[')
	for i, v := range list {
		if i > 0 {
			to = append(to, ',')
		}
		to = appendJSON(to, v)
	}
	return append(to, ']')
}

// appendValue appends the id of a JSON-RPC call as it was written.
func appendValue(to []byte, v value) []byte {
	switch v.kind {
	case kindText:
		return appendText(to, v.text)
	case kindNumber:
		return append(to, v.text...)
	}
	return append(to, "null"...)
}

// appendText appends a JSON string. Nearly all strings need no escape.
func appendText(to []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(to, escaped(s)...)
		}
	}
	to = append(to, '"')
	to = append(to, s...)
	return append(to, '"')
}

func escaped(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("rpc: a string cannot be encoded: " + err.Error())
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// unixSeconds returns 0 for the zero time, which is no time.
func unixSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
