package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// pureImports is all that actors/core may take from the standard library: what
// computes. No clock, file, socket, log, lock or goroutine can hide in it.
var pureImports = []string{
	"bytes", "cmp", "container/heap", "container/list", "encoding/binary", "encoding/hex", "errors", "fmt", "hash/maphash", "iter",
	"maps", "math", "math/big", "math/bits", "math/rand/v2", "net/netip", "slices", "sort", "strconv", "strings", "time",
}

// shared is the one part of the core that several goroutines use at once.
const shared = "actors/core/peering/filter.go"

// Functions that read the clock or wait for it.
var clockFunctions = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

// The names of math/rand/v2 that use no generator of the process.
var seeded = []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"}

// Methods of the actor library that use real time, wait, or keep messages
// without a bound.
var kernelMethods = []string{"SetReceiveTimeout", "RequestFuture", "ReenterAfter", "Stash", "UnstashAll", "StopFuture", "PoisonFuture"}

// Packages of the actor library that do the same.
var kernelPackages = []string{"scheduler", "router", "remote", "cluster", "stream", "mailbox"}

// edgeFiles of package actors stand between the actors and the machine: sockets,
// the HTTP server, the scheduler of the process.
var edgeFiles = []string{"actors/tcp.go", "actors/bandwidth.go", "actors/env.go", "actors/rpc_gateway.go", "actors/backend.go"}

// purity checks that the core computes and nothing else.
func purity(t tree) (findings []string) {
	for _, s := range t.parse() {
		if s.test || !under(s.dir, "actors/core/...") {
			continue
		}
		for _, spec := range s.file.Imports {
			p := strings.Trim(spec.Path.Value, `"`)
			first, _, _ := strings.Cut(p, "/")
			if strings.Contains(first, ".") || slices.Contains(pureImports, p) || p == "sync" && s.path == shared {
				continue
			}
			findings = append(findings, s.at(spec.Pos(), "the core is pure: it must not import %s", p))
		}
		findings = append(findings, impure(s, s.file, "the core is pure")...)
	}
	return findings
}

// determinism checks that actors get time, randomness and goroutines from
// their Env only.
func determinism(t tree) (findings []string) {
	for _, s := range t.parse() {
		if s.test || s.dir != "actors" || slices.Contains(edgeFiles, s.path) {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "NewSeed" {
				continue
			}
			findings = append(findings, impure(s, d, "actors are deterministic: take it from Env")...)
		}
	}
	return findings
}

// impure finds what is not a function of the arguments.
func impure(s source, node ast.Node, why string) (findings []string) {
	s.uses(node, func(pos token.Pos, pkg, name string) {
		switch {
		case pkg == "time" && slices.Contains(clockFunctions, name),
			pkg == "math/rand",
			pkg == "math/rand/v2" && !slices.Contains(seeded, name),
			pkg == "crypto/rand":
			findings = append(findings, s.at(pos, "%s; not %s.%s", why, path.Base(strings.TrimSuffix(pkg, "/v2")), name))
		}
	})
	ast.Inspect(node, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			findings = append(findings, s.at(g.Pos(), "%s; not a goroutine", why))
		}
		return true
	})
	return findings
}

// kernelOnly checks that of the actor library only the kernel is used: what
// waits, uses real time or grows without a bound has a part of our own.
func kernelOnly(t tree) (findings []string) {
	for _, s := range t.parse() {
		if s.test || !under(s.dir, "actors/...") && !under(s.dir, "cmd/...") {
			continue
		}
		for _, spec := range s.file.Imports {
			p := strings.Trim(spec.Path.Value, `"`)
			if rest, is := strings.CutPrefix(p, strings.TrimSuffix(kernel, "...")); is && slices.Contains(kernelPackages, rest) {
				findings = append(findings, s.at(spec.Pos(), "the actor library is used as a kernel: not its package %s", rest))
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains(kernelMethods, sel.Sel.Name) {
				findings = append(findings, s.at(sel.Pos(), "the actor library is used as a kernel: not %s", sel.Sel.Name))
			}
			return true
		})
	}
	return findings
}

// sleepless checks that no test waits by the clock: it waits for what it wants
// to see.
func sleepless(t tree) (findings []string) {
	for _, s := range t.parse() {
		if !s.test {
			continue
		}
		s.uses(s.file, func(pos token.Pos, pkg, name string) {
			if pkg == "time" && name == "Sleep" {
				findings = append(findings, s.at(pos, "a test must not sleep: wait for the condition"))
			}
		})
	}
	return findings
}
