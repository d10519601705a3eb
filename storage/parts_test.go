package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// TestTree compares the tree with a map, and copies of it taken on the way with
// copies of the map.
func TestTree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	tr, m := tree[int, int]{compare: cmp.Compare[int]}, map[int]int{}
	type copied struct {
		tree tree[int, int]
		m    map[int]int
	}
	var copies []copied
	for i := range 4000 {
		k := rng.IntN(300)
		if rng.IntN(5) < 3 {
			tr.set(k, i)
			m[k] = i
		} else {
			_, had := m[k]
			if tr.drop(k) != had {
				t.Fatalf("drop %d: had %t", k, had)
			}
			delete(m, k)
		}
		if i%400 == 0 {
			copies = append(copies, copied{tr, maps.Clone(m)})
		}
	}
	for _, c := range append(copies, copied{tr, m}) {
		for from := -1; from < 302; from += 7 {
			var got []int
			c.tree.ascend(from, func(k, v int) bool {
				if v != c.m[k] {
					t.Errorf("%d is %d, want %d", k, v, c.m[k])
				}
				got = append(got, k)
				return len(got) < 20
			})
			want := slices.DeleteFunc(slices.Sorted(maps.Keys(c.m)), func(k int) bool { return k < from })
			if want = want[:min(20, len(want))]; !slices.Equal(got, want) {
				t.Fatalf("from %d: %v, want %v", from, got, want)
			}
		}
		for k := range 300 {
			v, found := c.tree.get(k)
			if want, there := c.m[k]; v != want || found != there {
				t.Fatalf("get %d: %d, %t", k, v, found)
			}
		}
	}
	depth := 0
	var walk func(n *treeNode[int, int], d int)
	walk = func(n *treeNode[int, int], d int) {
		if n != nil {
			depth = max(depth, d)
			walk(n.left, d+1)
			walk(n.right, d+1)
		}
	}
	big := tree[int, int]{compare: cmp.Compare[int]}
	for i := range 10_000 {
		big.set(i, i)
	}
	if walk(big.root, 1); depth > 50 {
		t.Errorf("10,000 ascending keys make a tree of depth %d", depth)
	}
}

func TestCache(t *testing.T) {
	c := newCache[int, int](10)
	for i := range 1000 {
		c.put(i, i)
		if v, found := c.get(i); !found || v != i {
			t.Fatalf("%d is lost at once", i)
		}
		if v, found := c.get(0); !found || v != 0 {
			t.Fatalf("what is asked for all the time is lost after %d", i)
		}
		if n := len(c.young) + len(c.old); n > 10 {
			t.Fatalf("%d entries", n)
		}
	}
	c.clear()
	if _, found := c.get(0); found {
		t.Error("not empty after clear")
	}
}

func TestAmountBlob(t *testing.T) {
	for _, a := range []lattice.Amount{{}, {Lo: 1}, {Lo: 255}, {Lo: 256}, {Lo: 1 << 63}, {Hi: 1}, {Hi: 1 << 56, Lo: 7}, lattice.Supply, lattice.MaxAmount} {
		var space [16]byte
		b := amountBlob(a, &space)
		if len(b) > 0 && b[0] == 0 {
			t.Errorf("%s: blob %x begins with zero", a.Raw(), b)
		}
		var full [16]byte
		copy(full[16-len(b):], b)
		if got := (lattice.Amount{Hi: binary.BigEndian.Uint64(full[:8]), Lo: binary.BigEndian.Uint64(full[8:])}); got != a {
			t.Errorf("%s: blob %x", a.Raw(), b)
		}
	}
}

func TestPrefix(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var last [32]byte
	for range 1000 {
		var k [32]byte
		binary.BigEndian.PutUint64(k[:], rng.Uint64()>>rng.IntN(60))
		if p := prefixOf(k); p < -1<<47 || p >= 1<<47 {
			t.Errorf("prefix %d does not fit six bytes", p)
		}
		if c := cmp.Compare(prefixOf(k), prefixOf(last)); c != 0 && c != bytes.Compare(k[:], last[:]) {
			t.Errorf("prefixes of %x and %x do not sort like them", k[:8], last[:8])
		}
		last = k
	}
	for _, height := range []uint64{0, 1, MaxHeight} {
		if id := accountID(1<<34 + 3).at(height); id.account() != 1<<34+3 || id.height() != height {
			t.Errorf("height %d: block %d", height, id)
		}
	}
}

// FuzzUnpack reads rows of the confirmation sequence: what can be read is what
// would have been written.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{1, 1, 2, 0xff, 0xff, 0x3f}, uint64(1))
	f.Add([]byte{1}, uint64(0))
	f.Add(bytes.Repeat([]byte{0xff}, 11), uint64(70))
	f.Fuzz(func(t *testing.T, blocks []byte, first uint64) {
		all, ok := unpack(2, blocks, 0)
		if !ok {
			return
		}
		var again []byte
		for i, e := range all {
			if e.sequence != 2*chunkSize+1+uint64(i) || chunkOf(2*chunkSize+1) != 2 {
				t.Errorf("entry %d has number %d", i, e.sequence)
			}
			again = binary.AppendUvarint(again, uint64(e.block.account()))
			again = binary.AppendUvarint(again, e.block.height())
		}
		if len(again) > len(blocks) {
			t.Errorf("%x is read as %v", blocks, all)
		}
		from, _ := unpack(2, blocks, first)
		if want := slices.DeleteFunc(slices.Clone(all), func(e sequenced) bool { return e.sequence < first }); !slices.Equal(from, want) {
			t.Errorf("from %d: %v, want %v", first, from, want)
		}
	})
}

// play inserts and confirms blocks of traffic.
func play(tx Tx, tr *traffic, n int, confirm bool) error {
	for range n {
		if err := playBlock(tx, tr.network, tr.next(), confirm); err != nil {
			return err
		}
	}
	return nil
}

func playBlock(tx Tx, network *lattice.Network, b *lattice.Block, confirm bool) error {
	hash := network.HashOf(b)
	c, err := tx.Context(b, hash, time.Unix(1_700_000_000, 0))
	if err != nil {
		return err
	}
	c.SignatureVerified = true
	e, err := ledger.Validate(network, b, c)
	if err == nil {
		err = tx.Apply(&e)
	}
	if err == nil && confirm {
		_, err = tx.Cement(hash)
	}
	return err
}

// TestPruned removes the oldest blocks of an account of which nobody waits for any,
// and expects everything else to be as before.
func TestPruned(t *testing.T) {
	tr := newTraffic(6)
	s := mustOpen(t, filepath.Join(t.TempDir(), "ledger.db"), Options{Network: tr.network})
	defer s.Close()
	if err := s.Update(func(tx Tx) error { return play(tx, tr, 300, true) }); err != nil {
		t.Fatal(err)
	}
	view := func(f func(*reader) error) {
		t.Helper()
		if err := s.View(func(r Reader) error { return f(r.(*reader)) }); err != nil {
			t.Fatal(err)
		}
	}
	var account lattice.Account
	var height uint64 // of the last block below the first send that is not received; that stays
	view(func(r *reader) error {
		for _, a := range tr.accounts {
			all, err := r.Blocks(a, 1, 1000)
			if err != nil {
				return err
			}
			free := slices.IndexFunc(all, func(b lattice.StoredBlock) bool {
				_, waits, _ := r.Receivable(lattice.ReceivableKey{Destination: lattice.Account(b.Block.Link), Send: b.Hash})
				return waits
			})
			if free > int(height) {
				account, height = a, uint64(free)
			}
		}
		return nil
	})
	var kept []lattice.StoredBlock
	var info lattice.AccountInfo
	var confirmations []lattice.Confirmation
	view(func(r *reader) (err error) {
		info, err = r.Account(account)
		all, err2 := r.Blocks(account, 1, 1000)
		kept = all[height:]
		var err3 error
		confirmations, err3 = r.Confirmations(1, 1000)
		return errors.Join(err, err2, err3)
	})
	if height < 5 || len(kept) < 5 {
		t.Fatalf("%d of %d blocks can be pruned", height, info.Height)
	}
	prune(t, s, account, height)
	view(func(r *reader) error {
		want := info
		want.PrunedHeight = height
		if got, err := r.Account(account); err != nil || got != want {
			t.Errorf("account %+v, %v, want %+v", got, err, want)
		}
		for _, from := range []uint64{1, height, height + 1} {
			if got, err := r.Blocks(account, from, 1000); err != nil || !slices.Equal(got, kept) {
				t.Errorf("blocks from %d: %d, %v, want %d", from, len(got), err, len(kept))
			}
		}
		if _, found, err := r.BlockAt(account, height); found || err != nil {
			t.Errorf("a pruned block is there: %v", err)
		}
		for _, b := range kept {
			if got, found, err := r.Block(b.Hash); err != nil || !found || got != b {
				t.Errorf("block %+v, %v, want %+v", got, err, b)
			}
		}
		want2 := slices.DeleteFunc(confirmations, func(c lattice.Confirmation) bool { return c.Account == account && c.Height <= height })
		if got, err := r.Confirmations(1, 1000); err != nil || !slices.Equal(got, want2) {
			t.Errorf("%d confirmations, %v, want %d", len(got), err, len(want2))
		}
		return Verify(tr.network, r)
	})
	// The ledger lives on.
	if err := s.Update(func(tx Tx) error { return play(tx, tr, 100, true) }); err != nil {
		t.Fatal(err)
	}
	view(func(r *reader) error { return Verify(tr.network, r) })
}

// TestShrink prunes most of a ledger: the file gets smaller, rows of the
// confirmation sequence go, and a copy has the same.
func TestShrink(t *testing.T) {
	path, tr := filepath.Join(t.TempDir(), "ledger.db"), newTraffic(40)
	s := mustOpen(t, path, Options{Network: tr.network, WALBytes: 64 << 10})
	if err := s.Update(func(tx Tx) error { return play(tx, tr, 2900, true) }); err != nil {
		t.Fatal(err)
	}
	if err := s.truncateLog(); err != nil {
		t.Fatal(err)
	}
	before := fileSize(path)
	removed := 0
	err := s.Update(func(tx Tx) error {
		for range 2 { // what was not settled before is now
			err := pages(tx.Accounts, func(e lattice.AccountEntry) error {
				plan, _, err := ledger.PlanPrune(tx, e.Account, 2, 1, 1<<20)
				if err != nil {
					return err
				}
				n, err := tx.Prune(plan)
				removed += n
				return err
			})
			if err != nil {
				return err
			}
		}
		for first := uint64(1); first > 0; {
			var err error
			if first, err = tx.TidyConfirmations(first, 100); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || removed < 1000 {
		t.Fatalf("%d blocks removed: %v", removed, err)
	}
	steps := 0
	for more := true; more; steps++ {
		if more, err = s.Shrink(32 << 10); err != nil {
			t.Fatal(err)
		}
	}
	used, free, err := s.Space()
	if after := fileSize(path); err != nil || after > before*3/4 || used+free != after || free > 64<<10 || steps < 2 {
		t.Errorf("%d bytes were %d before %d blocks were removed, %d used, %d free, in %d steps: %v", after, before, removed, used, free, steps, err)
	}
	if err := s.View(func(r Reader) error { return Verify(tr.network, r) }); err != nil {
		t.Error(err)
	}
	var rows int64
	_, err = s.writer.query("SELECT count(*) FROM confirmations", nil, one(func(q *sqlite.Stmt) { rows = q.ColumnInt64(0) }))
	if err != nil || rows > 40 {
		t.Errorf("%d rows of the confirmation sequence: %v", rows, err)
	}
	mustClose(t, s)
	to := filepath.Join(t.TempDir(), "copy.db")
	if err := Backup(path, to, Options{Network: tr.network}); err != nil {
		t.Fatal(err)
	}
	unsigned := func(checks []crypto.Check) []bool { // the made-up blocks are
		return slices.Repeat([]bool{true}, len(checks))
	}
	for _, p := range []string{path, to} {
		if findings, err := Audit(p, Options{Network: tr.network}, unsigned); err != nil || len(findings) > 0 {
			t.Errorf("%s: %q, %v", p, findings, err)
		}
	}
}

// prune removes the blocks of an account up to a height, none of which anybody
// waits for.
func prune(t *testing.T, s *file, account lattice.Account, height uint64) {
	t.Helper()
	err := s.Update(func(x Tx) error {
		plan := ledger.Pruning{Account: account}
		blocks, err := x.Blocks(account, 1, int(height))
		for i := range blocks {
			p := ledger.PrunedBlock{Height: blocks[i].Height, Hash: blocks[i].Hash}
			if blocks[i].Subtype == lattice.Send {
				p.Receive, _, err = x.ReceivedBy(lattice.ReceivableKey{Destination: lattice.Account(blocks[i].Block.Link), Send: p.Hash})
			}
			plan.Blocks = append(plan.Blocks, p)
		}
		n, err2 := x.Prune(plan)
		if n != int(height) {
			t.Errorf("%d blocks removed, want %d", n, height)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLongView keeps a view open while much is written: the log grows, and
// shrinks when the view is over.
func TestLongView(t *testing.T) {
	const limit = 100 << 10
	s := mustOpen(t, filepath.Join(t.TempDir(), "ledger.db"), Options{WALBytes: limit})
	defer s.Close()
	log := s.path + "-wal"
	write := func(n int) {
		t.Helper()
		for range n {
			if err := setValue(s, string(bytes.Repeat([]byte("x"), 3000))); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(100)
	if size := fileSize(log); size > 2*limit {
		t.Errorf("log of %d bytes without a view", size)
	}
	err := s.View(func(Reader) error {
		write(100)
		if size := fileSize(log); size < 2*limit {
			t.Errorf("log of %d bytes with a view: it was thrown away under it", size)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	write(50)
	if size := fileSize(log); size > 2*limit {
		t.Errorf("log of %d bytes after the view", size)
	}
}
