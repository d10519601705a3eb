package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// killSteps are the steps of a send at which the process is made to die.
var killSteps = []string{"requested", "reserved", "signed", "torn", "stored", "published", "processed", "answered", "confirmed"}

// killRoundsVariable names the number of rounds of TestSendKilled; 200 is in
// full.
const killRoundsVariable = "SMALLNANO_KILL_ROUNDS"

func killRounds(t *testing.T) int {
	text := os.Getenv(killRoundsVariable)
	if text == "" {
		return len(killSteps)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a number of rounds", killRoundsVariable, text)
	}
	return n
}

// TestSendKilled kills the process at each step of a send, starts it again, and
// asks for the send with the same id: there must be exactly one block for each
// id, the one that was told if one was, whatever step it was cut short at.
func TestSendKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	rounds := killRounds(t)
	n := newNode(t, voting...)
	n.start()
	made := n.must("wallet_create", object{"auto_receive": "true"})
	wallet, account := made["wallet"], made["account"].(string)
	g := testkit.GenesisWallet(lattice.Dev())
	fundFrom(n, g, account, smn(1000))
	n.waitConfirmed(3)

	told, done := map[string]any{}, map[string]any{}
	send := func(id string) (object, error) {
		return n.call("send", object{
			"wallet": wallet, "source": account, "destination": testkit.Account(7).String(), "amount": "1", "id": id,
		})
	}
	for round := range rounds {
		id, step := fmt.Sprint("round ", round), killSteps[round%len(killSteps)]
		n.must("debug_kill_at", object{"step": step})
		var wait sync.WaitGroup
		var mu sync.Mutex
		for range 1 + rand.IntN(3) { // several may ask for the same at once
			wait.Go(func() {
				answer, err := send(id)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					told[id] = answer["block"]
				} else if answer != nil {
					t.Errorf("%s at %s: %v", id, step, err)
				}
			})
		}
		select {
		case <-n.ended:
		case <-time.After(waitLimit):
			t.Fatalf("%s: after %v not killed at %s", id, waitLimit, step)
		}
		wait.Wait()
		n.start()
		eventually(t, waitLimit, "the wallet is open again", func() (bool, string) {
			o := n.must("wallet_locked", object{"wallet": wallet})
			return o["locked"] == "0", fmt.Sprint(o)
		})
		answer, err := send(id)
		if err != nil {
			t.Fatalf("%s at %s, asked again: %v", id, step, err)
		}
		done[id] = answer["block"]
		if was, is := told[id]; is && was != done[id] {
			t.Fatalf("%s at %s made %v and %v", id, step, was, done[id])
		}
	}
	n.waitConfirmed(3 + uint64(rounds))
	o := n.must("account_info", object{"account": account, "include_confirmed": true})
	if want := fmt.Sprint(1 + rounds); o["block_count"] != want || o["confirmed_height"] != want {
		t.Errorf("%v blocks, %v confirmed, want the open and %d sends", o["block_count"], o["confirmed_height"], rounds)
	}
	seen := map[any]bool{}
	for id, block := range done {
		if seen[block] {
			t.Errorf("%s has the block of another id", id)
		}
		seen[block] = true
		if again, err := send(id); err != nil || again["block"] != block {
			t.Errorf("%s is %v, asked once more %v, %v", id, block, again["block"], err)
		}
	}
	t.Logf("%d rounds, %d told before the end", rounds, len(told))
	n.stop()
	n.verifyLedger()
}

// TestSendsAtOnce asks a thousand times at once over the RPC for a hundred sends:
// there must be a hundred blocks, and all who ask for the same are told the same.
// Who is turned away for being one too many asks again.
func TestSendsAtOnce(t *testing.T) {
	const ids, times = 100, 10
	n := newNode(t, voting...)
	n.start()
	made := n.must("wallet_create", nil)
	account := made["account"].(string)
	fundFrom(n, testkit.GenesisWallet(lattice.Dev()), account, smn(1))
	n.waitConfirmed(3)
	var mu sync.Mutex
	told, refused := map[int]any{}, 0
	var wait sync.WaitGroup
	places := make(chan struct{}, 70) // a few more than the node lets wait
	for i := range ids * times {
		wait.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			params := object{
				"wallet": made["wallet"], "source": account, "destination": testkit.Account(i % ids).String(),
				"amount": strconv.Itoa(i%ids + 1), "id": fmt.Sprint("payment ", i%ids),
			}
			for {
				answer, err := n.call("send", params)
				if answer["code"] == "overloaded" || answer["code"] == "rate_limited" || answer == nil && err != nil {
					mu.Lock()
					refused++
					mu.Unlock()
					continue
				}
				mu.Lock()
				defer mu.Unlock()
				if was, is := told[i%ids]; err != nil || is && was != answer["block"] {
					t.Errorf("id %d: %v and %v, %v", i%ids, was, answer["block"], err)
				}
				told[i%ids] = answer["block"]
				return
			}
		})
	}
	wait.Wait()
	n.waitConfirmed(3 + ids)
	if o := n.must("account_info", object{"account": account}); o["block_count"] != strconv.Itoa(ids+1) {
		t.Errorf("%v blocks, want the open and %d sends", o["block_count"], ids)
	}
	t.Logf("%d requests were turned away and asked again", refused)
	n.stop()
	n.verifyLedger()
}
