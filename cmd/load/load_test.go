package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/messages/lattice"
)

// fake is a node that takes one block in three at the first try and confirms what
// it takes. Like a node it wants the blocks of an account in their order.
type fake struct {
	network *lattice.Network
	follow  *Follower

	mu        sync.Mutex
	frontiers map[string]string
	tries     int
	refuses   bool // all
}

func (f *fake) Call(_ context.Context, action string, params, result any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch action {
	case "account_info":
		account := params.(map[string]any)["account"].(string)
		answer := fmt.Sprintf(`{"frontier": %q, "balance": "1000000", "representative": %q}`, f.frontiers[account], account)
		return json.Unmarshal([]byte(answer), result)
	case "process":
		var b struct{ Account, Previous, Hash string }
		if err := json.Unmarshal(params.(map[string]any)["block"].(json.RawMessage), &b); err != nil {
			return err
		}
		if f.tries++; f.refuses || f.tries%3 > 0 {
			return errors.New("too much to do")
		}
		if f.frontiers[b.Account] != b.Previous {
			return fmt.Errorf("a block before its previous one")
		}
		hash, err := f.hash(params.(map[string]any)["block"].(json.RawMessage))
		if err == nil {
			f.frontiers[b.Account] = hash.String()
			f.follow.confirmed(0, hash, time.Now())
		}
		return err
	}
	return fmt.Errorf("asked for %s", action)
}

// hash finds the block among those that are awaited: its fields do not matter here.
func (f *fake) hash(block json.RawMessage) (lattice.Hash, error) {
	var b struct{ Previous, Account, Representative, Balance, Link string }
	if err := json.Unmarshal(block, &b); err != nil {
		return lattice.Hash{}, err
	}
	account, err1 := lattice.ParseAccount(b.Account)
	previous, err2 := lattice.ParseHash(b.Previous)
	representative, err3 := lattice.ParseAccount(b.Representative)
	balance, err4 := lattice.ParseRaw(b.Balance)
	link, err5 := lattice.ParseHash(b.Link)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return lattice.Hash{}, err
	}
	return f.network.HashOf(&lattice.Block{Account: account, Previous: previous, Representative: representative, Balance: balance, Link: lattice.Link(link)}), nil
}

func newFake(wallets []*Wallet) *fake {
	f := &fake{network: lattice.Dev(), follow: NewFollower(1), frontiers: map[string]string{}}
	for _, w := range wallets {
		f.frontiers[w.Account().String()] = f.network.GenesisHash.String() // anything
	}
	return f
}

func newLoad(f *fake) *Load {
	return &Load{
		Connect: func(int) Node { return f }, Follow: f.follow, Nodes: 1, Senders: 3,
		Rate: 200, Duration: 200 * time.Millisecond, Patience: time.Minute,
	}
}

// TestLoad: what a node refuses is handed over again, in the order of each
// account, and all is counted.
func TestLoad(t *testing.T) {
	wallets, _ := Accounts(lattice.Dev(), 5, 3)
	f := newFake(wallets)
	l := newLoad(f)
	if err := l.Prepare(t.Context(), f, wallets); err != nil {
		t.Fatal(err)
	}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l.Confirmed() != 40 || l.Refusal() == "" {
		t.Errorf("%d of 40 confirmed; the last refusal was %q", l.Confirmed(), l.Refusal())
	}
	var r Report
	l.Report(&r)
	if o := r.Object(); o["at_200_unconfirmed"] != 0.0 || o["at_200_refused"].(float64) < 40 || o["at_200_not_taken"] != 0.0 {
		t.Errorf("the report says %v", o)
	}
	if len(f.follow.awaited) > 0 {
		t.Errorf("%d blocks are still awaited", len(f.follow.awaited))
	}
	var table bytes.Buffer
	if err := r.Table(&table); err != nil || !strings.Contains(table.String(), "at_200_p99_ms") {
		t.Errorf("%v in the table:\n%s", err, table.String())
	}
}

// TestLoadRefused ends, and counts what was not taken.
func TestLoadRefused(t *testing.T) {
	wallets, _ := Accounts(lattice.Dev(), 5, 3)
	f := newFake(wallets)
	f.refuses = true
	l := newLoad(f)
	l.Patience = time.Millisecond
	if err := errors.Join(l.Prepare(t.Context(), f, wallets), l.Run(t.Context())); err != nil {
		t.Fatal(err)
	}
	if l.Confirmed() != 0 || l.lost.Load() != 40 {
		t.Errorf("%d confirmed, %d not taken, want 0 and 40", l.Confirmed(), l.lost.Load())
	}
}

// TestAccounts: each account has a balance of the bucket that it should be in, and
// sending the least amount does not change that.
func TestAccounts(t *testing.T) {
	wallets, balances := Accounts(lattice.Dev(), 2*MaxBuckets, MaxBuckets)
	table := bucket.NewTable(bucket.Shift)
	var sum lattice.Amount
	seen := map[int]int{}
	for i, w := range wallets {
		b := table.Index(balances[i])
		if b != firstBucket+i%MaxBuckets || table.Index(balances[i].SatSub(lattice.AmountFrom(100_000))) != b {
			t.Errorf("account %d of %v has %v, which is in bucket %d", i, w.Account(), balances[i], b)
		}
		seen[b]++
		sum = sum.SatAdd(balances[i])
	}
	if len(seen) != MaxBuckets {
		t.Errorf("%d buckets, want %d", len(seen), MaxBuckets)
	}
	if most := sum.MulDiv(MaxAccounts, uint64(len(wallets))); lattice.Supply.MulDiv(40, 100).Less(most) {
		t.Errorf("%d accounts need %v", MaxAccounts, most)
	}
}

func TestParseRates(t *testing.T) {
	if got, err := ParseRates("50, 200"); err != nil || len(got) != 2 || got[0] != 50 || got[1] != 200 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "0", "1,", "x", "-5", "100001"} {
		if got, err := ParseRates(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, got)
		}
	}
}
