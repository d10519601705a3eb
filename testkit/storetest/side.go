package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

func address(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// testFinalVotes holds the law that a root has one final vote for ever, also
// when its row is gone because the block it was for is confirmed.
func testFinalVotes(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	a := testkit.NewWallet(network, testkit.Key(1))
	update(t, s, owner, func(sc *scene) {
		send, open := sc.fund(a, 100)
		vote := func(root lattice.QualifiedRoot, hash, want lattice.Hash, kept bool) {
			t.Helper()
			got, err := sc.tx.PutFinalVote(root, hash)
			if err != nil || got != want {
				t.Errorf("final vote %v for %v: %v, %v, want %v", hash, root, got, err, want)
			}
			if got, found, err := sc.tx.FinalVote(root); err != nil || found != kept || found && got != want {
				t.Errorf("final vote kept for %v: %v, %t, %v", root, got, found, err)
			}
		}
		none := func(root lattice.QualifiedRoot) {
			t.Helper()
			if got, found, err := sc.tx.FinalVote(root); found || err != nil {
				t.Errorf("final vote for %v: %v, %v", root, got, err)
			}
		}
		sends, opens := send.Block.QualifiedRoot(), open.Block.QualifiedRoot()
		none(sends)
		vote(sends, send.Hash, send.Hash, true)
		vote(sends, testkit.Hash(1), send.Hash, true)
		vote(sends, send.Hash, send.Hash, true)
		none(opens)
		vote(opens, testkit.Hash(2), testkit.Hash(2), true) // for another block than ours
		vote(opens, open.Hash, testkit.Hash(2), true)
		stranger := lattice.QualifiedRoot{Account: testkit.Account(9), Previous: testkit.Hash(3)}
		vote(stranger, testkit.Hash(4), testkit.Hash(4), true)
		cross := lattice.QualifiedRoot{Account: a.Account(), Previous: network.GenesisHash} // a previous of another chain
		vote(cross, testkit.Hash(5), testkit.Hash(5), true)

		sc.cement(send.Hash, open.Hash)
		none(sends)
		vote(sends, testkit.Hash(1), send.Hash, false)
		vote(opens, testkit.Hash(2), testkit.Hash(2), true) // others decided; this node stays with what it said
		vote(opens, open.Hash, testkit.Hash(2), true)
		vote(lattice.QualifiedRoot{Account: owner.Account()}, testkit.Hash(1), network.GenesisHash, false)
		vote(stranger, testkit.Hash(6), testkit.Hash(4), true)
		vote(cross, testkit.Hash(6), testkit.Hash(5), true)
	})
}

func testSamples(t *testing.T, s storage.Store) {
	var want []lattice.WeightSample
	for i := range 10 {
		sample := lattice.WeightSample{Time: start.Add(time.Duration(i%4) * time.Minute), Weight: lattice.Amount{Hi: uint64(i), Lo: uint64(i) << 60}}
		keep := 5
		if i == 9 {
			keep = 2
		}
		update(t, s, nil, func(sc *scene) {
			if err := sc.tx.PutWeightSample(sample, keep); err != nil {
				t.Fatal(err)
			}
		})
		want = append(want, sample)
		want = want[max(0, len(want)-keep):]
		view(t, s, func(r storage.Reader) {
			if got, err := r.WeightSamples(); err != nil || !slices.Equal(got, want) {
				t.Fatalf("step %d: samples %v, %v, want %v", i, got, err, want)
			}
		})
	}
	update(t, s, nil, func(sc *scene) {
		sc.refused("keep nothing", func() error { return sc.tx.PutWeightSample(want[0], 0) })
	})
	view(t, s, func(r storage.Reader) {
		got, _ := r.WeightSamples()
		got[0].Weight = lattice.MaxAmount
		if again, _ := r.WeightSamples(); !slices.Equal(again, want) {
			t.Error("the samples are not the caller's own")
		}
	})
}

func testPeers(t *testing.T, s storage.Store) {
	later := start.Add(time.Hour)
	in := []storage.Peer{
		{Address: address("10.0.0.1:7176"), LastSeen: start},
		{Address: address("[2001:db8::1]:7176"), LastSeen: later},
		{Address: address("10.0.0.1:7176"), LastSeen: later.Add(time.Second + time.Millisecond)},
		{Address: address("[fe80::1%eth0]:1"), LastSeen: start},
		{Address: address("9.0.0.1:65535"), LastSeen: start},
	}
	want := []storage.Peer{
		{Address: in[2].Address, LastSeen: later.Add(time.Second)},
		in[1],
		in[4],
		in[3],
	}
	for _, c := range []struct{ in, want []storage.Peer }{{in, want}, {in[:1], in[:1]}, {nil, nil}, {in, want}} {
		update(t, s, nil, func(sc *scene) {
			if err := sc.tx.PutPeers(c.in); err != nil {
				t.Fatal(err)
			}
		})
		view(t, s, func(r storage.Reader) {
			if got, err := r.Peers(); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("peers %v, %v, want %v", got, err, c.want)
			}
		})
	}
	update(t, s, nil, func(sc *scene) {
		sc.refused("no address", func() error { return sc.tx.PutPeers([]storage.Peer{in[0], {}}) })
	})
}

func testValues(t *testing.T, s storage.Store) {
	long := bytes.Repeat([]byte{7}, storage.MaxValue)
	for _, value := range [][]byte{[]byte("one"), {}, long, {0}, nil, []byte("two")} {
		update(t, s, nil, func(sc *scene) {
			given := slices.Clone(value)
			if err := sc.tx.SetValue("a", given); err != nil {
				t.Fatal(err)
			}
			clear(given) // is ours again
		})
		view(t, s, func(r storage.Reader) {
			got, found, err := r.Value("a")
			if err != nil || found != (value != nil) || !bytes.Equal(got, value) {
				t.Errorf("value %x, %t, %v, want %x", got, found, err, value)
			}
			clear(got)
			if again, _, _ := r.Value("a"); !bytes.Equal(again, value) {
				t.Error("the value is not the caller's own")
			}
			if got, found, err := r.Value("A"); found || err != nil {
				t.Errorf("another name has the value %x, %v", got, err)
			}
		})
	}
	update(t, s, nil, func(sc *scene) {
		sc.refused("too long", func() error { return sc.tx.SetValue("a", append(long, 7)) })
	})
}

// testSnapshot looks at the ledger while another goroutine changes it: a view
// sees one commit from its beginning to its end, and nothing that is not
// committed.
func testSnapshot(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	step := func(i int) error {
		return s.Update(func(tx storage.Tx) error {
			sc := &scene{t, tx, owner}
			sc.fund(testkit.NewWallet(network, testkit.Key(i)), uint64(i))
			return tx.SetValue("a", []byte{byte(i)})
		})
	}
	if err := step(1); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	view(t, s, func(r storage.Reader) {
		// Nothing was read yet: the snapshot is that of the beginning all the same.
		go func() { done <- step(2) }()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if v, _, err := r.Value("a"); err != nil || !bytes.Equal(v, []byte{1}) {
			t.Errorf("the view sees %x, %v", v, err)
		}
		before := dump(t, r)
		go func() { done <- step(3) }()
		if err := <-done; err != nil {
			t.Error(err)
		}
		same(t, "in the same view", dump(t, r), before)
		if err := storage.Verify(network, r); err != nil {
			t.Error(err)
		}
	})
	var before string
	view(t, s, func(r storage.Reader) { before = dump(t, r) })
	inside, leave := make(chan bool), make(chan bool)
	go func() {
		done <- s.Update(func(tx storage.Tx) error {
			(&scene{t, tx, owner}).fund(testkit.NewWallet(network, testkit.Key(4)), 4)
			close(inside)
			<-leave
			return nil
		})
	}()
	<-inside
	view(t, s, func(r storage.Reader) { same(t, "during an update", dump(t, r), before) })
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	view(t, s, func(r storage.Reader) {
		if dump(t, r) == before {
			t.Error("a new view does not see the last commit")
		}
	})
}

// testConcurrent runs more views than a store may have connections, and looks,
// while blocks are inserted and confirmed.
func testConcurrent(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	var all sync.WaitGroup
	var failed sync.Map
	stop := make(chan bool)
	for i := range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.View(func(r storage.Reader) error { return storage.Verify(network, r) }); err != nil {
					failed.Store(i, err)
					return
				}
			}
		})
	}
	for i := range 2 {
		all.Go(func() {
			for height := uint64(0); height < 31; { // of the account that sends
				if err := s.Look(func(r storage.Lookup) error { return lookAt(r, owner.Account(), &height) }); err != nil {
					failed.Store(8+i, err)
					return
				}
			}
		})
	}
	for i := range 30 {
		update(t, s, owner, func(sc *scene) {
			send, open := sc.fund(testkit.NewWallet(network, testkit.Key(i+1)), 1)
			sc.cement(send.Hash, open.Hash)
		})
	}
	close(stop)
	all.Wait()
	failed.Range(func(_, err any) bool { t.Error(err); return true })
}

// lookAt checks that an account, its last block and the next are of one moment,
// and never of one before an earlier look.
func lookAt(r storage.Lookup, account lattice.Account, height *uint64) error {
	info, err := r.Account(account)
	if err != nil {
		return err
	}
	last, found, err := r.Block(info.Frontier)
	if err != nil || !found || last.Height != info.Height || !last.Confirmed || info.Height < *height {
		return fmt.Errorf("looked at height %d after %d: %+v %t %w", info.Height, *height, last, found, err)
	}
	*height = info.Height
	if _, found, err = r.BlockAt(account, info.Height+1); err != nil || found {
		return fmt.Errorf("a block above the last: %t %w", found, err)
	}
	return nil
}

func testDurable(t *testing.T, s storage.Store) {
	owner := testkit.GenesisWallet(network)
	err := s.UpdateDurable(func(tx storage.Tx) error {
		(&scene{t, tx, owner}).fund(testkit.NewWallet(network, testkit.Key(1)), 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var before string
	view(t, s, func(r storage.Reader) { before = dump(t, r) })
	broken := errors.New("broken")
	err = s.UpdateDurable(func(tx storage.Tx) error {
		(&scene{t, tx, testkit.GenesisWallet(network)}).refused("old", func() error { return fmt.Errorf("nothing") })
		return errors.Join(tx.SetValue("a", []byte{1}), broken)
	})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := s.UpdateDurable(func(storage.Tx) error { return nil }); err != nil {
		t.Error(err)
	}
	view(t, s, func(r storage.Reader) { same(t, "after a failure and nothing", dump(t, r), before) })
	if _, err := s.Size(); err != nil {
		t.Error(err)
	}
}
