package rpc

import (
	"net/netip"
	"testing"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// TestNames prints what the accounts and blocks of the fake node are called,
// for whoever writes a golden: go test ./wire/rpc -run TestNames -v
func TestNames(t *testing.T) {
	node, blocks := newFakeNode()
	for name, p := range map[string]person{"genesis": genesis, "alice": alice, "bob": bob, "carol": carol, "dave": dave} {
		t.Logf("account %-8s %s", name, p.account)
		t.Logf("public  %-8s %s", name, p.account.Hex())
		t.Logf("private %-8s %X", name, p.seed[:])
	}
	for name, h := range blocks {
		t.Logf("block   %-14s %s", name, h)
		if b, ok, _ := node.ledger.Block(h); ok {
			t.Logf("json    %-14s %s", name, EncodeBlock(&b.Block))
		}
	}
}
