package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// workServer answers as a work server of the field does.
func workServer(t *testing.T, answer func(root lattice.Root, threshold uint64) string) netip.AddrPort {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Action, Hash, Difficulty string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Action != "work_generate" {
			t.Errorf("asked %+v, %v", asked, err)
		}
		root, err := lattice.ParseHash(asked.Hash)
		var threshold uint64
		_, err2 := fmt.Sscanf(asked.Difficulty, "%x", &threshold)
		if err != nil || err2 != nil {
			t.Errorf("asked %+v: %v, %v", asked, err, err2)
		}
		fmt.Fprint(w, answer(lattice.Root(root), threshold))
	}))
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

// A node that does not search itself gets work from whichever peer has some, and
// believes none that only says so.
func TestWorkPeers(t *testing.T) {
	root, threshold := lattice.Root{1, 2, 3}, lattice.Dev().SendThreshold
	honest := workServer(t, func(root lattice.Root, threshold uint64) string {
		nonce, err := work.Search(t.Context(), root, threshold, 0, 1)
		if err != nil {
			return `{"error":"interrupted"}`
		}
		return fmt.Sprintf(`{"work":"%016x"}`, nonce)
	})
	liar := workServer(t, func(lattice.Root, uint64) string { return `{"work":"0000000000000001"}` })
	broken := workServer(t, func(lattice.Root, uint64) string { return `{"error":"no graphics card"}` })
	var p workPeers
	for _, a := range []netip.AddrPort{liar, broken} {
		if !p.add(a) {
			t.Fatal("no room")
		}
	}
	if nonce, err := p.search(t.Context(), root, threshold, 0, 0, Cores{}.Go); !errors.Is(err, rpc.ErrWorkFailed) {
		t.Errorf("of a liar and a broken one: %016x, %v", nonce, err)
	}
	if nonce, err := p.search(t.Context(), root, threshold, 0, 1, Cores{}.Go); err != nil || !work.Valid(root, nonce, threshold) {
		t.Errorf("beside its own search: %016x, %v", nonce, err)
	}
	p.add(honest)
	if nonce, err := p.search(t.Context(), root, threshold, 0, 0, Cores{}.Go); err != nil || !work.Valid(root, nonce, threshold) {
		t.Errorf("of an honest one among them: %016x, %v", nonce, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.search(ctx, root, threshold, 0, 0, Cores{}.Go); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	p.add(honest)
	if n := len(p.list()); n != 3 {
		t.Errorf("%d peers, want 3: one was added twice", n)
	}
	for i := range 2 * maxWorkPeers {
		p.add(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 1))
	}
	if n := len(p.list()); n != maxWorkPeers {
		t.Errorf("%d peers, want %d", n, maxWorkPeers)
	}
	p.clear()
	if n := len(p.list()); n != 0 {
		t.Errorf("%d peers, want none", n)
	}
}
