package rpc

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"strings"
)

// exchange is one HTTP request: a call, or a batch of them.
type exchange struct {
	server   *Server
	ctx      context.Context
	caller   *caller
	operator bool
	place    *place

	busy   bool // the only call was refused for overload
	broken bool // the only call failed by a fault of ours
}

// maxBatchAnswer is how many bytes a batch is answered with, about: calls that
// come after are refused.
const maxBatchAnswer = 1 << 20

// answer answers a body in its own dialect; nil when nothing is to be said,
// because all calls were notifications.
func (x *exchange) answer(body []byte) []byte {
	v, err := parseJSON(body)
	if err != nil {
		x.caller.charge(1)
		if looksLikeRPC(body) {
			return appendJSON(nil, rpcError(nil, err))
		}
		return appendJSON(nil, actionError(err))
	}
	_, action := v.get("action")
	_, method := v.get("method")
	_, version := v.get("jsonrpc")
	switch {
	case v.kind == kindList:
		return x.batch(v.items)
	case action && method:
		x.caller.charge(1)
		return appendJSON(nil, actionError(ambiguous.because("it has an action and a method: leave one of them out")))
	case action || !method && !version:
		return appendJSON(nil, x.action(v))
	}
	answer, quiet := x.method(v, false)
	if quiet {
		return nil
	}
	return appendJSON(nil, answer)
}

// looksLikeRPC guesses the dialect of a text that cannot be read.
func looksLikeRPC(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return bytes.HasPrefix(body, []byte("[")) ||
		bytes.Contains(body, []byte(`"jsonrpc"`)) && !bytes.Contains(body, []byte(`"action"`))
}

// action answers an object with an action.
func (x *exchange) action(v value) any {
	name, ok := v.get("action")
	if !ok || name.kind != kindText {
		x.caller.charge(1)
		return actionError(badRequest.because(`an object with an "action" is expected, or one of JSON-RPC 2.0`))
	}
	answer, err := x.run(name.text, v, false)
	if err != nil {
		x.note(err)
		return actionError(err)
	}
	return answer
}

// actionError is how an error is told to those who ask by action.
func actionError(e *Error) object {
	o := obj("error", e.Text, "code", e.Code)
	if e.Detail != "" {
		o.set("detail", e.Detail)
	}
	return append(o, e.more...)
}

// note has the HTTP status tell of overload and of faults.
func (x *exchange) note(e *Error) {
	x.busy = e.Code == overloaded.code || e.Code == rateLimited.code
	x.broken = e.Code == internalError.code
}

// batch answers a JSON-RPC batch, one call after the other.
func (x *exchange) batch(items []value) []byte {
	if most := x.server.config.MaxBatch; len(items) == 0 || len(items) > most {
		x.caller.charge(1)
		err := badRequest.because("the batch is empty")
		if len(items) > 0 {
			err = batchTooLarge.because("%d calls, at most %d in one request", len(items), most)
		}
		return appendJSON(nil, rpcError(nil, err))
	}
	out := []byte{'['}
	for _, item := range items {
		answer, quiet := x.method(item, true)
		if quiet {
			continue
		}
		if len(out) > maxBatchAnswer {
			id, _ := item.get("id")
			answer = rpcError(&id, batchTooLarge.because("the answers to the calls before take %d bytes already: send this call again", len(out)))
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = appendJSON(out, answer)
	}
	if len(out) == 1 {
		return nil
	}
	return append(out, ']')
}

// method answers a JSON-RPC call. quiet means that it was a notification, to
// which there is no answer.
func (x *exchange) method(v value, batched bool) (answer any, quiet bool) {
	id, hasID := v.get("id")
	name, params, err := readMethod(v, id)
	if err != nil {
		x.caller.charge(1)
		if id.kind > kindText || id.kind == kindBool {
			id = value{}
		}
		return rpcError(&id, err), false
	}
	if a := x.server.find(name); a != nil && params.kind == kindList {
		if params, err = byPosition(a, params); err != nil {
			return rpcError(&id, err), !hasID
		}
	}
	result, err := x.run(name, params, batched)
	if err != nil {
		if !batched {
			x.note(err)
		}
		return rpcError(&id, err), !hasID
	}
	return obj("jsonrpc", "2.0", "result", result, "id", id), !hasID
}

// readMethod checks the form of a JSON-RPC call.
func readMethod(v, id value) (name string, params value, err *Error) {
	version, _ := v.get("jsonrpc")
	method, _ := v.get("method")
	params, hasParams := v.get("params")
	switch {
	case v.kind != kindObject:
		err = badRequest.because("an object is expected, not %s", v.kind)
	case version.kind != kindText || version.text != "2.0":
		err = badRequest.because(`jsonrpc: "2.0" is expected`)
	case method.kind != kindText:
		err = badRequest.because("method: a string is expected")
	case id.kind == kindBool || id.kind > kindText:
		err = badRequest.because("id: a string or a number is expected")
	case hasParams && params.kind != kindObject && params.kind != kindList && params.kind != kindNull:
		err = badRequest.because("params: an object or an array is expected, not %s", params.kind)
	}
	return method.text, params, err
}

// byPosition gives parameters their names in the order of the table.
func byPosition(a *action, list value) (value, *Error) {
	if len(list.items) > len(a.params) {
		return value{}, badParameter.because("params: %d parameters, %s has %d", len(list.items), a.name, len(a.params))
	}
	v := value{kind: kindObject}
	for i, item := range list.items {
		v.members = append(v.members, member{a.params[i].name, item})
	}
	return v, nil
}

// rpcError is how an error is told in JSON-RPC.
func rpcError(id *value, e *Error) object {
	data := obj("code", e.Code)
	if e.Detail != "" {
		data.set("detail", e.Detail)
	}
	data = append(data, e.more...)
	if id == nil {
		id = &value{}
	}
	return obj("jsonrpc", "2.0", "error", obj("code", bare(numbers[e.Code]), "message", e.Text, "data", data), "id", *id)
}

// labelled marks an answer that was asked for by a name that newer tools do not
// use any more.
func labelled(name string, answer any) any {
	if !strings.Contains(name, "pending") {
		return answer
	}
	mark := obj("deprecated", one(true))
	switch o := answer.(type) {
	case object:
		return append(mark, o...)
	case *object:
		return append(mark, *o...)
	}
	return answer
}

// run finds an action and has it answer.
func (x *exchange) run(name string, params value, batched bool) (answer any, refused *Error) {
	s := x.server
	a := s.find(name)
	if a == nil {
		x.caller.charge(1)
		return nil, unknownCommand.because("%q is none%s; rpc.discover tells all there are", clip(name), s.suggestion(name))
	}
	if err := x.admit(a); err != nil {
		x.caller.charge(1)
		return nil, err
	}
	if wait := x.caller.refused(); wait > 0 {
		return nil, rateLimited.because("ask again in %d s", retryAfter(wait))
	}
	x.caller.charge(max(a.cost, 1))
	defer func() {
		if fault := recover(); fault != nil {
			s.log.Error("rpc: panic in an action", "action", a.name, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			answer, refused = nil, internalError.because("the log of the node tells more")
		}
	}()
	c := &call{
		ctx: x.ctx, server: s, backend: s.backend, network: s.network, action: a,
		params: params, caller: x.caller, place: x.place, batched: batched,
	}
	answer, err := a.handle(c)
	if err == nil {
		return labelled(name, answer), nil
	}
	refused, known := answerFor(err)
	if !known {
		s.log.Error("rpc: action failed", "action", a.name, "error", err)
	}
	return nil, refused
}
