package rpc

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// API.md is written from the table; -rewrite does it.
func TestReferenceIsUpToDate(t *testing.T) {
	text := reference()
	if *rewrite {
		if err := os.WriteFile("API.md", text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile("API.md"); err != nil || !bytes.Equal(have, text) {
		t.Errorf("API.md is not what the table says (%v): run go test ./wire/rpc -run TestReference -rewrite", err)
	}
}

const referenceHead = `# RPC reference

Written from the table of actions by ` + "`go test ./wire/rpc -run TestReference -rewrite`" + `; do not edit. The same as an OpenRPC
document: the action ` + "`rpc.discover`" + `. One recorded request and answer of each action and each error: ` + "`testdata/golden`" + `.

## How to ask

POST to any path of the RPC port, with any content type, in one of two dialects. Both lead to the same handlers.

` + "```" + `
{"action": "account_info", "account": "smn_..."}
{"jsonrpc": "2.0", "method": "account_info", "params": {"account": "smn_..."}, "id": 1}
` + "```" + `

JSON-RPC may send a batch of up to 50 calls, parameters by position in the order below, and notifications.

In answers every number is a decimal string, every boolean ` + "`\"true\"` or `\"false\"` (`\"1\"` or `\"0\"`" + ` where it says *one*), hashes and keys are
upper-case hexadecimal, work is 16 lower-case hexadecimal digits, amounts are raw (1 smn = 10^24 raw), times are seconds since 1970.
In requests numbers and booleans may also be written as such, a block as an object or as a string that holds JSON. Members that an
action does not know are ignored. A request that can be read in two ways is refused: the same name twice in one object, two links of
a block that differ, an action and a method.

Errors come with HTTP status 200 as ` + "`{\"error\": text, \"code\": code, \"detail\": what and where}`" + `, in JSON-RPC as an error object with code
and detail in its data. Programs should look at the code: it never changes its meaning. Only what is not about the question itself has
another status: 403 host or site not allowed, 405 not a POST, 408 too slow, 413 too large, 429 overloaded or too many requests (with Retry-After),
500 a fault of the node.

Roles: *public*; *operator*, which needs ` + "`Authorization: Bearer <token>`" + `; *probe*. Each can be switched off. Without the right token an
operator's action answers "RPC control is disabled". Callers from other machines have a bucket of tokens, out of which each action
takes its cost, and one more for every 50 entries asked for.

Lists have a limit. An answer that was cut says so: it has a cursor (` + "`next`, `next_offset`, `previous` or `seq`" + `) with which the next
request goes on, or ` + "`cut`" + ` where there can be none.

` + "`GET /health/live`, `GET /health/ready` (200 or 503, with reasons) and `GET /metrics`" + ` belong to the role *probe*.
`

func reference() []byte {
	var b bytes.Buffer
	b.WriteString(referenceHead)
	b.WriteString("\n## Errors of all actions\n\n| code | text |\n|---|---|\n")
	for _, e := range commonErrors {
		fmt.Fprintf(&b, "| %s | %s |\n", e.code, e.text)
	}
	b.WriteString("\n## Actions\n")
	for _, a := range actions {
		fmt.Fprintf(&b, "\n### %s\n%s\n\n", a.name, a.summary)
		fmt.Fprintf(&b, "Role %s, cost %d.", a.role, max(a.cost, 1))
		if len(a.aliases) > 0 {
			fmt.Fprintf(&b, " Also called %s.", strings.Join(a.aliases, ", "))
		}
		if a.devOnly {
			b.WriteString(" On the dev network only.")
		}
		b.WriteString("\n")
		referenceParams(&b, a)
		b.WriteString("\n| answer | form | |\n|---|---|---|\n")
		for _, f := range a.result {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, f.form, f.doc)
		}
		referenceErrors(&b, a)
	}
	return b.Bytes()
}

func referenceParams(b *bytes.Buffer, a *action) {
	if len(a.params) == 0 {
		return
	}
	b.WriteString("\n| parameter | form | |\n|---|---|---|\n")
	for _, p := range a.params {
		required := ""
		if p.required {
			required = "required; "
		}
		fmt.Fprintf(b, "| `%s` | %s | %s%s |\n", p.name, p.form, required, p.doc)
	}
}

func referenceErrors(b *bytes.Buffer, a *action) {
	if len(a.errors) == 0 {
		return
	}
	var texts []string
	for _, e := range a.errors {
		texts = append(texts, fmt.Sprintf("%s (%s)", e.code, e.text))
	}
	fmt.Fprintf(b, "\nErrors: %s.\n", strings.Join(texts, ", "))
}
