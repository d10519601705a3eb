// Package rpc answers questions about a node, and orders to it, as JSON over
// HTTP. One endpoint speaks two dialects: objects with an "action", as the
// tools of block-lattice currencies do, and JSON-RPC 2.0. Both lead to the
// same handlers.
//
// Every action stands once in a table, with its names, role, parameters,
// answer and errors: the table is what is served, what "rpc.discover" tells
// and what the tests hold against the recorded answers in testdata/golden.
//
// What the actions need of a node is the interface Backend, declared here. The
// package opens no port and starts no goroutine: New gives a handler, and
// whoever owns the listener owns its life.
//
// The answers are for programs outside the node. Parts of the node talk to
// each other by messages, not by this package.
package rpc
