package archtest

import (
	"maps"
	"strings"
)

// imported is a file of package p with one import.
func imported(p string) string { return "package x\n\nimport _ \"" + p + "\"\n" }

// body is a file with one function.
func body(imports, statements string) string {
	return "package x\n\nimport (\n" + imports + "\n)\n\nfunc f() {\n" + statements + "\n}\n"
}

// readme is a README with all commands of the table.
func readme(more string) string {
	text := "Run `" + testCommand + "`.\n\n```sh\n"
	for line := range commands {
		text += line + "\n"
	}
	return text + more + "```\n"
}

// world is a tree in which all commands are run by somebody.
func world(readme string) tree {
	t := tree{"README.md": readme}
	for line, r := range commands {
		if r.script != "" {
			t[r.script] += "step x " + line + "\n"
		} else {
			t[r.folder+"/"+r.test+"_test.go"] = "package x\n\nfunc " + r.test + "() {}\n"
		}
	}
	return t
}

// without returns a tree that lacks a file.
func without(t tree, path string) tree {
	t = maps.Clone(t)
	delete(t, path)
	return t
}

var faults = []struct {
	check, name string
	files       tree
	want        string
}{
	{"imports", "the core reads the store", tree{"actors/core/votes/a.go": imported(module + "/storage")}, "actors/core/votes must not import " + module + "/storage"},
	{"imports", "siblings meet", tree{"wire/a.go": imported(module + "/storage")}, "wire must not import"},
	{"imports", "the wire knows the RPC", tree{"wire/a.go": imported(module + "/wire/rpc")}, "wire must not import"},
	{"imports", "upward", tree{"crypto/a.go": imported(module + "/messages/lattice")}, "crypto must not import"},
	{"imports", "the RPC asks the actors", tree{"wire/rpc/a.go": imported(module + "/actors")}, "wire/rpc must not import"},
	{"imports", "production uses testkit", tree{"cmd/smallnano/a.go": imported(module + "/testkit")}, "cmd/smallnano must not import"},
	{"imports", "a new library", tree{"storage/a.go": imported("example.com/sql")}, "storage must not import example.com/sql"},
	{"imports", "a library in the wrong place", tree{"wire/a.go": imported("zombiezen.com/go/sqlite")}, "wire must not import"},
	{"imports", "a test library in production", tree{"wire/a.go": imported("pgregory.net/rapid")}, "wire must not import"},
	{"imports", "cgo", tree{"crypto/work/a.go": imported("C")}, "must not import C"},
	{"imports", "a folder without a rule", tree{"util/a.go": "package util\n"}, "no import rule for folder util"},
	{"imports", "a test reaches up", tree{"actors/core/votes/a_test.go": imported(module + "/storage")}, "must not import"},
	{"imports", "the node uses the simulator", tree{"cmd/smallnano/a.go": imported(module + "/testkit/sim")}, "must not import"},
	{"imports", "the simulator's own program", tree{"cmd/smallnano-sim/a.go": imported(module + "/testkit/sim")}, ""},
	{"imports", "downward", tree{
		"actors/core/votes/a.go": imported(module + "/messages/lattice"), "storage/a.go": imported(module + "/actors/core/ledger"),
		"actors/a.go": imported(module + "/wire/rpc"), "cmd/smallnano/a.go": imported(module + "/config"),
	}, ""},
	{"imports", "tests", tree{"storage/a_test.go": imported(module + "/testkit/storetest"), "wire/b_test.go": imported("pgregory.net/rapid"), "wire/c_test.go": imported(module + "/wire")}, ""},

	{"purity", "a file", tree{"actors/core/votes/a.go": imported("os")}, "must not import os"},
	{"purity", "a socket", tree{"actors/core/votes/a.go": imported("net")}, "must not import net"},
	{"purity", "a log", tree{"actors/core/votes/a.go": imported("log/slog")}, "must not import log/slog"},
	{"purity", "a lock", tree{"actors/core/votes/a.go": imported("sync")}, "must not import sync"},
	{"purity", "old randomness", tree{"actors/core/votes/a.go": imported("math/rand")}, "must not import math/rand"},
	{"purity", "the clock", tree{"actors/core/votes/a.go": body(`"time"`, "_ = time.Now()")}, "not time.Now"},
	{"purity", "the clock by another name", tree{"actors/core/votes/a.go": body(`t "time"`, "_ = t.Since")}, "not time.Since"},
	{"purity", "randomness of the process", tree{"actors/core/votes/a.go": body(`"math/rand/v2"`, "_ = rand.IntN(3)")}, "not rand.IntN"},
	{"purity", "a goroutine", tree{"actors/core/votes/a.go": body("", "go f()")}, "not a goroutine"},
	{"purity", "what computes", tree{
		"actors/core/votes/a.go":        body("\"math/rand/v2\"\n\"time\"", "_ = rand.New(rand.NewPCG(1, 2)); _ = time.Second; _ = time.Time{}.Add(1)"),
		"actors/core/peering/b.go":      imported("net/netip"),
		"actors/core/peering/filter.go": imported("sync"),
		"actors/core/votes/c.go":        body(`"time"`, "time := clock{}; _ = time.Now()"),
		"actors/core/votes/c_test.go":   imported("os"),
	}, ""},

	{"determinism", "the clock", tree{"actors/a.go": body(`"time"`, "_ = time.Now()")}, "not time.Now"},
	{"determinism", "a timer", tree{"actors/a.go": body(`"time"`, "time.AfterFunc(1, f)")}, "not time.AfterFunc"},
	{"determinism", "a goroutine", tree{"actors/a.go": body("", "go f()")}, "not a goroutine"},
	{"determinism", "randomness of the process", tree{"actors/a.go": body(`"math/rand/v2"`, "rand.Uint64()")}, "not rand.Uint64"},
	{"determinism", "secret randomness", tree{"actors/a.go": body(`"crypto/rand"`, "_ = rand.Reader")}, "not rand.Reader"},
	{"determinism", "edges", tree{
		"actors/tcp.go":           body(`"time"`, "go f(); _ = time.Now()"),
		"actors/node.go":          "package x\n\nimport \"math/rand/v2\"\n\nfunc NewSeed() uint64 { return rand.Uint64() }\n",
		"actors/supervise/c.go":   body(`"time"`, "_ = time.Now()"),
		"actors/node_test.go":     body(`"time"`, "go f(); _ = time.Now()"),
		"actors/block_process.go": body(`"time"`, "_ = time.Second"),
	}, ""},

	{"kernel", "a receive timeout", tree{"actors/a.go": body("", "ctx.SetReceiveTimeout(1)")}, "not SetReceiveTimeout"},
	{"kernel", "a future", tree{"actors/tcp.go": body("", "ctx.RequestFuture(1)")}, "not RequestFuture"},
	{"kernel", "the stash", tree{"actors/supervise/a.go": body("", "ctx.Stash()")}, "not Stash"},
	{"kernel", "the scheduler", tree{"actors/a.go": imported("github.com/asynkron/protoactor-go/scheduler")}, "not its package scheduler"},
	{"kernel", "the kernel", tree{"actors/a.go": body(`"github.com/asynkron/protoactor-go/actor"`, "ctx.Stop(ctx.Self())")}, ""},

	{"sleepless", "a test sleeps", tree{"wire/a_test.go": body(`"time"`, "time.Sleep(1)")}, "must not sleep"},
	{"sleepless", "production sleeps", tree{"wire/a.go": body(`"time"`, "time.Sleep(1)")}, ""},

	{"comments", "none", tree{"wire/a.go": "package wire\n", "wire/a_test.go": "// Package wire is tested.\npackage wire\n"}, "no package comment"},
	{"comments", "two", tree{"wire/a.go": "// Package wire is one.\npackage wire\n", "wire/b.go": "// Package wire is two.\npackage wire\n"}, "more than one package comment"},
	{"comments", "one", tree{
		"wire/a.go": "// Package wire is one.\npackage wire\n", "wire/b.go": "//go:build linux\n\npackage wire\n",
		"e2e/a_test.go": "// Package e2e tests.\npackage e2e\n",
	}, ""},

	{"documented", "a function", tree{"wire/a.go": "package wire\n\nfunc F() {}\n"}, "exported F"},
	{"documented", "a method", tree{"wire/a.go": "package wire\n\nfunc (t *T[K]) M() {}\n"}, "exported M"},
	{"documented", "a type", tree{"wire/a.go": "package wire\n\ntype T struct{}\n"}, "exported T"},
	{"documented", "a constant", tree{"wire/a.go": "package wire\n\nconst (\n\tC = 1\n\n\t// D is 2.\n\tD = 2\n)\n"}, "exported C"},
	{"documented", "what need not be", tree{
		"wire/a.go":      "package wire\n\n// T is a type.\ntype T struct{}\n\n// Limits.\nconst (\n\tA = 1\n\tB = 2\n)\n\ntype u int\n\nfunc (u) String() string { return \"\" }\n\nvar V int // V is a variable.\n",
		"wire/a_test.go": "package wire\n\nfunc F() {}\n",
	}, ""},

	{"finished", "a note", tree{"wire/PROTOCOL.md": "TODO: say more\n"}, "TODO"},
	{"finished", "a note in code", tree{"wire/a.go": "package wire // FIXME\n"}, "FIXME"},
	{"finished", "words", tree{"wire/a.go": "package wire // todos los dias\n"}, ""},

	{"portable", "a work folder", tree{"a.md": "see /work/main\n"}, "/work/main"},
	{"portable", "a folder beside", tree{"a.md": "see ../shared/design\n"}, "../shared"},
	{"portable", "a home", tree{"a.go": "const p = \"/home/me/x\"\n"}, "/home/me/x"},
	{"portable", "a mirror", tree{"a.yml": "url: https://mirror.internal/x\n"}, "mirror.internal"},
	{"portable", "a registry", tree{"a.mk": "GOPROXY=proxy.golang.org\n"}, "registry"},
	{"portable", "paths of ours", tree{"a.md": "crypto/work/search.go, https://github.com/x, ./work, host/home/x\n"}, ""},

	{"links", "to nowhere", tree{"README.md": "[a](b.md)\n"}, "leads nowhere"},
	{"links", "to no heading", tree{"README.md": "[a](b/c.md#two)\n", "b/c.md": "# One\n"}, "no heading #two"},
	{"links", "a document apart", tree{"README.md": "x\n", "b/c.md": "# One\n"}, "does not link here"},
	{"links", "good ones", tree{
		"README.md": "[a](b/c.md#one-two-3) [f](b) [w](https://github.com/x)\n```\n[x](y)\n```\n",
		"b/c.md":    "## One, two: 3\n[up](../README.md)\n",
	}, ""},

	{"readme", "a command that nobody runs", world(readme("make coffee\n")), "make coffee"},
	{"readme", "a command that is not shown", world(strings.Replace(readme(""), "make build\n", "", 1)), "not in the README"},
	{"readme", "a test that is gone", without(world(readme("")), e2e+"/TestRPCCommand_test.go"), "TestRPCCommand any more"},
	{"readme", "as it should be", world(readme("")), ""},

	{"ci", "another test command", tree{ci: strings.Replace(world("")[ci], testCommand+"\n", "go test\n", 1)}, testCommand},
	{"ci", "as it should be", world(readme("")), ""},
}
