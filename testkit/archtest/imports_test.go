package archtest

import (
	"slices"
	"strings"
)

// rule says what the packages of a folder may import. Patterns are as those of
// the go command.
type rule struct {
	folders string
	may     []string // of this module
	outside []string // of others
}

// What stands at the bottom, ring by ring.
var (
	vocabulary = []string{"crypto/...", "messages/lattice"}
	core       = append(slices.Clone(vocabulary), "actors/core/...")
	edges      = append(slices.Clone(core), "messages", "storage", "wire", "wire/rpc")
	node       = append(slices.Clone(edges), "actors", "actors/mailbox", "actors/supervise")
)

const kernel = "github.com/asynkron/protoactor-go/..."

// rules is the import rule, low to high. Nothing imports upward; storage, wire
// and messages never import each other; testkit is for tests.
var rules = []rule{
	{"crypto/...", []string{"crypto/..."}, []string{"filippo.io/edwards25519", "golang.org/x/crypto/...", "golang.org/x/sys/cpu"}},
	{"messages/lattice", []string{"crypto"}, nil},
	{"actors/core/...", core, nil},
	{"messages", core, nil},
	{"storage", core, []string{"zombiezen.com/go/sqlite/..."}},
	{"wire", core, nil},
	{"wire/rpc", append(slices.Clone(core), "wire"), nil},
	{"actors/mailbox", []string{"messages"}, []string{kernel}},
	{"actors/supervise", []string{"messages", "actors/mailbox"}, []string{kernel}},
	{"actors", node, []string{kernel}},
	{"config", append(slices.Clone(node), "config"), []string{"github.com/pelletier/go-toml/v2"}},
	{"cmd/smallnano-sim", []string{"testkit/sim"}, nil}, // a tool for developers: no part of a node
	{"cmd/packaging/slim/...", nil, []string{"go.opentelemetry.io/otel/metric/...", "google.golang.org/protobuf/reflect/protoreflect"}}, // stubs, each a module of its own
	{"cmd/...", append(slices.Clone(node), "config", "cmd/..."), []string{kernel, "zombiezen.com/go/sqlite/...", "golang.org/x/crypto/...", "golang.org/x/term", "rsc.io/qr"}},
	{"testkit/e2e", append(slices.Clone(node), "config", "testkit/..."), []string{"golang.org/x/sys/unix"}}, // namespaces
	{"testkit/...", append(slices.Clone(node), "config", "testkit/..."), []string{kernel, "zombiezen.com/go/sqlite/...", "github.com/orcaman/concurrent-map"}},
}

// forTests is what tests may import beside what their package may: fixtures, a
// property tester, and a second Ed25519 to compare ours with.
var forTests = rule{
	may: []string{"testkit/..."},
	outside: []string{
		"pgregory.net/rapid", "golang.org/x/crypto/...",
		"github.com/oasisprotocol/curve25519-voi/...",
	},
}

// importRule checks every import against the rules.
func importRule(t tree) (findings []string) {
	for _, s := range t.parse() {
		i := slices.IndexFunc(rules, func(r rule) bool { return under(s.dir, r.folders) })
		if i < 0 {
			findings = append(findings, s.path+":1: no import rule for folder "+s.dir+"; give it a place in the table of rules")
			continue
		}
		for _, spec := range s.file.Imports {
			if p := strings.Trim(spec.Path.Value, `"`); !mayImport(s, rules[i], p) {
				findings = append(findings, s.at(spec.Pos(), "%s must not import %s", s.dir, p))
			}
		}
	}
	return findings
}

func mayImport(s source, r rule, p string) bool {
	may, outside := r.may, r.outside
	if s.test {
		may, outside = append(slices.Clone(may), forTests.may...), append(slices.Clone(outside), forTests.outside...)
	}
	if dir, ours := strings.CutPrefix(p, module+"/"); ours {
		return underAny(dir, may) || s.test && dir == s.dir
	}
	if first, _, _ := strings.Cut(p, "/"); !strings.Contains(first, ".") {
		return p != "C" // the standard library; a static binary has no cgo
	}
	return underAny(p, outside)
}
