package rpc

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

var discoverActions = []*action{{
	name: "rpc.discover", role: Public, cost: 10,
	summary: "This contract, as an OpenRPC document.",
	result:  []field{has("openrpc", formText, "version of OpenRPC; the rest is as written there")},
	handle:  discover,
}}

// forms is the JSON schema of each form, in answers. In requests more is
// accepted: numbers and booleans also as such, blocks also as strings.
var forms = map[form]object{
	formAccount:   text("^(smn_[13][13456789abcdefghijkmnopqrstuwxyz]{59}|0)$"),
	formAccounts:  listOf(text("^smn_")),
	formHash:      text("^[0-9A-F]{64}$"),
	formHashes:    listOf(text("^[0-9A-Fa-f]{64}$")),
	formKey:       text("^[0-9A-F]{64}$"),
	formAmount:    text("^[0-9]{1,39}$"),
	formRoot:      text("^[0-9A-Fa-f]{128}$"),
	formUnits:     text("^[0-9]+(\\.[0-9]{1,24})?$"),
	formCount:     text("^[0-9]+$"),
	formNumber:    text("^[0-9]+$"),
	formFactor:    text("^[0-9]+(\\.[0-9]+)?$"),
	formFlag:      obj("type", "string", "enum", []string{"true", "false"}),
	formOne:       obj("type", "string", "enum", []string{"1", "0"}),
	formText:      obj("type", "string"),
	formBlock:     obj("type", []string{"string", "object"}),
	formWork:      text("^[0-9a-f]{16}$"),
	formTime:      text("^[0-9]+$"),
	formSignature: text("^[0-9A-F]{128}$"),
	formList:      obj("type", "array"),
	formMap:       obj("type", "object"),
	formObject:    obj("type", "object"),
	formAny:       {},
}

// lenient is the JSON schema of the forms that requests may write otherwise.
var lenient = map[form]object{
	formHash:   text("^[0-9A-Fa-f]{64}$"),
	formKey:    text("^[0-9A-Fa-f]{64}$"),
	formAmount: obj("type", []string{"string", "integer"}),
	formCount:  obj("type", []string{"string", "integer"}),
	formNumber: obj("type", []string{"string", "integer"}),
	formFactor: obj("type", []string{"string", "number"}),
	formFlag:   obj("enum", []any{plain(true), plain(false), "true", "false", bare(1), bare(0), "1", "0"}),
	formWork:   text("^[0-9A-Fa-f]{1,16}$"),
}

func text(pattern string) object { return obj("type", "string", "pattern", pattern) }
func listOf(item object) object  { return obj("type", "array", "items", item) }

// ref points to a component of the document.
func ref(part, name string) object { return obj("$ref", "#/components/"+part+"/"+name) }

// withDoc returns a schema with a description in front.
func withDoc(doc string, schema object) object { return append(obj("description", doc), schema...) }

func discover(c *call) (any, error) {
	methods := []object{}
	for _, a := range actions {
		if c.server.find(a.name) != nil {
			methods = append(methods, methodDoc(a))
		}
	}
	errs, schemas := object{}, object{}
	for _, e := range allErrors {
		errs.set(e.code, errorDoc(e))
	}
	for _, f := range slices.Sorted(maps.Keys(forms)) {
		schemas.set(string(f), forms[f])
		if schema, ok := lenient[f]; ok {
			schemas.set("given_"+string(f), schema)
		}
	}
	common := []string{}
	for _, e := range commonErrors {
		common = append(common, e.code)
	}
	return obj(
		"openrpc", "1.3.2",
		"info", obj("title", "smallnano node", "version", strconv.Itoa(contractVersion),
			"description", "Every method can also be called as an action: {\"action\":\"<method>\", <params>}. Numbers and booleans "+
				"in answers are strings. The errors named in x-common-errors can answer every method."),
		"methods", methods,
		"x-common-errors", common,
		"components", obj("errors", errs, "schemas", schemas)), nil
}

func methodDoc(a *action) object {
	params := []object{}
	for _, p := range a.params {
		schema := string(p.form)
		if _, ok := lenient[p.form]; ok {
			schema = "given_" + schema
		}
		params = append(params, obj("name", p.name, "description", p.doc, "required", plain(p.required), "schema", ref("schemas", schema)))
	}
	errs := []object{}
	for _, e := range a.errors {
		errs = append(errs, ref("errors", e.code))
	}
	doc := obj("name", a.name, "summary", a.summary, "paramStructure", "either", "params", params,
		"result", obj("name", "answer", "schema", resultSchema(a.result, "")),
		"errors", errs, "x-role", string(a.role), "x-cost", bare(max(a.cost, 1)))
	if len(a.aliases) > 0 {
		doc.set("x-aliases", a.aliases)
	}
	return doc
}

func errorDoc(e *errorKind) object {
	return obj("code", bare(e.number), "message", e.text, "data", obj("code", e.code))
}

// resultSchema builds the nested schema of the fields below a path.
func resultSchema(fields []field, prefix string) object {
	properties, required := object{}, []string{}
	for _, f := range fields {
		name, below := strings.CutPrefix(f.name, prefix)
		if !below || name == "" || strings.ContainsAny(name, ".[*") {
			continue
		}
		properties.set(name, withDoc(f.doc, fieldSchema(fields, f)))
		if !f.optional {
			required = append(required, name)
		}
	}
	schema := obj("type", "object", "properties", properties)
	if len(required) > 0 {
		schema.set("required", required)
	}
	return schema
}

// fieldSchema is the schema of one field with all that stands below it.
func fieldSchema(fields []field, f field) object {
	item := func(path string) object {
		for _, g := range fields {
			if g.name == path {
				return withDoc(g.doc, fieldSchema(fields, g))
			}
		}
		return resultSchema(fields, path+".")
	}
	switch f.form {
	case formList:
		return listOf(item(f.name + "[]"))
	case formMap:
		return obj("type", "object", "additionalProperties", item(f.name+".*"))
	case formObject:
		return resultSchema(fields, f.name+".")
	}
	return ref("schemas", string(f.form))
}
