package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// roundsOfKills is how often TestKills kills a node; SMALLNANO_KILL_ROUNDS says otherwise.
func roundsOfKills(t *testing.T) int {
	text := os.Getenv(killRoundsVariable)
	if text == "" {
		return 3
	}
	rounds, err := strconv.Atoi(text)
	if err != nil || rounds < 1 {
		t.Fatalf("%s is %q, want a number", killRoundsVariable, text)
	}
	return rounds
}

// TestKills kills a node again and again while blocks are handed to it from
// several sides, each time after another number of them. After each time the
// audit finds nothing, and every block that was acknowledged is there.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	const streams = 4
	rounds := roundsOfKills(t)
	n := newNode(t, voting...)
	n.start()
	genesis := testkit.GenesisWallet(lattice.Dev())
	all := make([]*stream, streams)
	for i := range all {
		w := testkit.NewWallet(genesis.Network, testkit.Key(100+i))
		send := genesis.Send(w.Account(), lattice.AmountFrom(1_000_000))
		if err := n.process(send); err != nil {
			t.Fatal(err)
		}
		open := w.Open(genesis.Advance(send), lattice.AmountFrom(1_000_000), w.Account())
		if err := n.process(open); err != nil {
			t.Fatal(err)
		}
		w.Advance(open)
		all[i] = &stream{node: n, wallet: w, first: 1_000_000 * (i + 1)}
	}
	total := uint64(1 + 2*streams)
	for round := range rounds {
		killed := make(chan struct{})
		var wait sync.WaitGroup
		before := make([]int, streams)
		for i, s := range all {
			before[i] = s.count()
			wait.Go(func() {
				// Each round pays other accounts: a block that nobody acknowledged is
				// offered first in the next.
				if err := s.until(killed); err != nil {
					t.Errorf("stream %d: %v", i, err)
				}
			})
		}
		want := 20 + 7*(round%13)
		eventually(t, waitLimit, "enough blocks", func() (bool, string) {
			sum := 0
			for i, s := range all {
				sum += s.count() - before[i]
			}
			return sum >= want || t.Failed(), strconv.Itoa(sum)
		})
		close(killed)
		n.kill()
		wait.Wait()
		run(t, "ledger", "check", "--data-dir", n.dir).want(t, 0)
		n.start()
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
		for i, s := range all {
			for _, hash := range s.acked[before[i]:] {
				if _, err := n.call("block_info", object{"hash": hash.String()}); err != nil {
					t.Fatalf("round %d: block %v was acknowledged and is lost: %v", round, hash, err)
				}
			}
		}
	}
	for _, s := range all {
		if err := s.settle(); err != nil {
			t.Fatal(err)
		}
		total += uint64(s.count())
	}
	n.waitConfirmed(total)
	n.stop()
	n.verifyLedger()
	run(t, "ledger", "check", "--file", filepath.Join(n.dir, "ledger.db")).want(t, 0)
	t.Logf("%d kills, %d blocks acknowledged", rounds, total)
}

// until sends to new accounts until told to stop, or until the node does not
// answer. The block that was not acknowledged is offered again by the next call.
func (s *stream) until(stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := s.settle(); err != nil {
			return err
		}
		if s.open != nil {
			return nil // no answer: the node is gone
		}
		to := testkit.Account(s.first + len(s.acked))
		s.open = s.wallet.Send(to, lattice.AmountFrom(1))
	}
}

// settle offers the open block, if there is one. Without an answer it stays open.
func (s *stream) settle() error {
	if s.open == nil {
		return nil
	}
	answer, err := s.node.processAnswer(s.open)
	if err != nil && answer == nil {
		return nil
	}
	if err != nil && answer["error"] != oldBlock {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = append(s.acked, s.wallet.Advance(s.open))
	s.open = nil
	return nil
}
