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

func TestSpelling(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"abc", "acb", 1}} {
		if got := Spelling(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
