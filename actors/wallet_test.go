package actors_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire/rpc"
)

const walletToken = "0123456789abcdef0123456789abcdef"

// purse is a real node with wallets, asked over its RPC. It can be stopped and
// started again on the same ledger and folder.
type purse struct {
	t     *testing.T
	dir   string
	store storage.Store
	votes []crypto.PrivateKey
	peers []string

	node   *actors.Node
	client *rpc.Client
	pool   *supervise.Pool
}

func newPurse(t *testing.T, peers []*purse, votes ...crypto.PrivateKey) *purse {
	p := &purse{t: t, dir: filepath.Join(t.TempDir(), "wallets"), store: storage.NewMemory(lattice.Dev()), votes: votes}
	for _, other := range peers {
		p.peers = append(p.peers, other.node.PeeringAddress().String())
	}
	p.start()
	t.Cleanup(func() {
		p.stop()
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *purse) start() {
	p.t.Helper()
	n := lattice.Dev()
	p.pool = supervise.NewPool(2, 64)
	cfg := actors.DefaultConfig(n)
	cfg.NodeKey = testkit.Key(2000 + len(p.peers))
	cfg.VotingKeys = p.votes
	cfg.VoteWindow = 5 * time.Millisecond
	cfg.Listen = netip.MustParseAddrPort("127.0.0.1:0")
	cfg.Peers = p.peers
	cfg.WalletDir = p.dir
	cfg.RPCListen = "127.0.0.1:0"
	cfg.RPC = rpc.DefaultConfig()
	cfg.RPC.Token = walletToken
	node, err := actors.Start(cfg, actors.Env{
		Clock: supervise.RealClock{}, Seed: 1, Secret: rand.Reader,
		Dispatcher: p.pool, Dedicated: func() actor.Dispatcher { return supervise.NewDedicated(64) },
		Workers: actors.Cores{}, Network: actors.TCP{ID: n.ID}, Store: p.store,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	<-node.Ready()
	p.node = node
	p.client = rpc.NewClient(rpc.URL(node.RPCAddress()), walletToken)
}

func (p *purse) stop() {
	p.node.Stop()
	<-p.node.Done()
	p.pool.Close()
}

// ask asks an action and returns the members of the answer that are strings.
func (p *purse) ask(action string, params map[string]any) map[string]any {
	p.t.Helper()
	answer, err := p.try(action, params)
	if err != nil {
		p.t.Fatalf("%s: %v", action, err)
	}
	return answer
}

func (p *purse) try(action string, params map[string]any) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	var answer map[string]any
	err := p.client.Call(ctx, action, params, &answer)
	return answer, err
}

// until waits for confirmations until a condition holds.
func (p *purse) until(what string, holds func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 40*time.Second)
	defer cancel()
	for !holds() {
		c, err := p.client.ConfirmationsSince(ctx, 0, 1, 0)
		if err == nil {
			wait, stop := context.WithTimeout(ctx, time.Second) // what is waited for may be no confirmation
			err = p.node.Backend().WaitConfirmation(wait, c.Last+1)
			stop()
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			p.t.Fatalf("waiting until %s: %v", what, err)
		}
	}
}

func (p *purse) balance(account any) string {
	p.t.Helper()
	return p.ask("account_balance", map[string]any{"account": account})["balance"].(string)
}

// fund sends from the genesis account by hand.
func (p *purse) fund(g *testkit.Wallet, to any, amount lattice.Amount) {
	p.t.Helper()
	account, err := lattice.ParseAccount(to.(string))
	if err != nil {
		p.t.Fatal(err)
	}
	b := g.Send(account, amount)
	g.Advance(b)
	if _, err := p.node.Backend().Process(p.t.Context(), b); err != nil {
		p.t.Fatal(err)
	}
}

// Two wallets on two nodes pay each other; a third node brings one of them back
// from its words, with the account that only has money it did not receive.
func TestWalletsPayAndComeBack(t *testing.T) {
	n := lattice.Dev()
	g := testkit.GenesisWallet(n)
	a := newPurse(t, nil, g.Key)
	b := newPurse(t, []*purse{a})
	c := newPurse(t, []*purse{a, b})

	first := a.ask("wallet_create", map[string]any{"password": "one", "label": "first"})
	second := b.ask("wallet_create", map[string]any{"password": "two"})
	a.fund(g, first["account"], lattice.AmountFrom(10).MulDiv(1e18, 1).MulDiv(1e6, 1)) // 10 smn
	a.until("the first wallet has received", func() bool {
		return a.balance(first["account"]) == "10000000000000000000000000"
	})
	send := map[string]any{
		"wallet": first["wallet"], "source": first["account"], "destination": second["account"],
		"amount": "4000000000000000000000000", "id": "rent",
	}
	block := a.ask("send", send)["block"]
	if again := a.ask("send", send)["block"]; again != block {
		t.Errorf("the same id made block %v and %v", block, again)
	}
	b.until("the second wallet has received", func() bool {
		return b.balance(second["account"]) == "4000000000000000000000000"
	})

	// An account of the second wallet, some indices further, that gets money while
	// the wallet is locked.
	later := b.ask("account_create", map[string]any{"wallet": second["wallet"], "index": "11"})["account"]
	b.ask("wallet_lock", map[string]any{"wallet": second["wallet"]})
	send["destination"], send["amount"], send["id"] = later, "1000000000000000000000000", "gift"
	a.ask("send", send)
	for _, p := range []*purse{b, c} {
		p.until("the gift is there", func() bool {
			return p.ask("account_balance", map[string]any{"account": later})["receivable"] == "1000000000000000000000000"
		})
	}
	if _, err := b.try("send", map[string]any{
		"wallet": second["wallet"], "source": second["account"], "destination": first["account"], "amount": "1",
	}); !rpc.IsCode(err, "wallet_locked") {
		t.Errorf("a send of a locked wallet: %v", err)
	}
	if wrong := b.ask("password_enter", map[string]any{"wallet": second["wallet"], "password": "one"}); wrong["valid"] != "0" {
		t.Error("unlocked with another password")
	}

	c.until("the third node has all", func() bool { return c.balance(second["account"]) == "4000000000000000000000000" })
	back := c.ask("wallet_restore", map[string]any{"words": second["words"], "auto_receive": false})
	if back["account"] != second["account"] || back["last_restored_account"] != later || back["restored_count"] != "2" {
		t.Errorf("restored: %v, want accounts %v and %v", back, second["account"], later)
	}
	want := b.ask("wallet_balances", map[string]any{"wallet": second["wallet"]})["balances"]
	got := c.ask("wallet_balances", map[string]any{"wallet": back["wallet"]})["balances"]
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("balances of the restored wallet\n%v\nwant\n%v", got, want)
	}
	export := b.ask("wallet_export", map[string]any{"wallet": second["wallet"], "words": true, "password": "two"})
	if export["words"] != second["words"] {
		t.Error("the words that are exported are others")
	}
}

// A node that is stopped and started again has its wallets, ids and settings; a
// wallet without a password is unlocked, one with a password is not.
func TestWalletsSurvive(t *testing.T) {
	n := lattice.Dev()
	g := testkit.GenesisWallet(n)
	p := newPurse(t, nil, g.Key)
	open := p.ask("wallet_create", map[string]any{"label": "open"})
	shut := p.ask("wallet_create", map[string]any{"password": "secret"})
	p.ask("receive_minimum_set", map[string]any{"amount": "7"})
	p.fund(g, open["account"], lattice.AmountFrom(1000))
	p.until("it has received", func() bool { return p.balance(open["account"]) == "1000" })
	send := map[string]any{"wallet": open["wallet"], "source": open["account"], "destination": shut["account"], "amount": "10", "id": "x"}
	block := p.ask("send", send)["block"]
	key := testkit.Key(5).Seed()
	added := p.ask("wallet_add", map[string]any{"wallet": shut["wallet"], "password": "secret", "key": fmt.Sprintf("%X", key[:])})["account"]
	p.ask("wallet_change_password", map[string]any{"wallet": shut["wallet"], "password": "secret", "new_password": "other"})

	p.stop()
	torn := filepath.Join(p.dir, "journal") // as if power had gone while a record was written
	f, err := os.OpenFile(torn, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte{200, 0, 0, 0, 1}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p.start()

	p.until("the open wallet is unlocked", func() bool {
		return p.ask("wallet_locked", map[string]any{"wallet": open["wallet"]})["locked"] == "0"
	})
	if p.ask("wallet_locked", map[string]any{"wallet": shut["wallet"]})["locked"] != "1" {
		t.Error("a wallet with a password is unlocked after a restart")
	}
	if again := p.ask("send", send)["block"]; again != block {
		t.Errorf("the id made another block after a restart: %v, %v", block, again)
	}
	send["amount"] = "11"
	if _, err := p.try("send", send); !rpc.IsCode(err, "id_reused") {
		t.Errorf("the id with another amount: %v", err)
	}
	if got := p.ask("receive_minimum", nil)["amount"]; got != "7" {
		t.Errorf("receive minimum is %v", got)
	}
	if p.ask("wallet_unlock", map[string]any{"wallet": shut["wallet"], "password": "secret"})["valid"] != "0" {
		t.Error("the old password still opens it")
	}
	if p.ask("wallet_unlock", map[string]any{"wallet": shut["wallet"], "password": "other"})["valid"] != "1" {
		t.Error("the new password does not open it")
	}
	list := fmt.Sprint(p.ask("account_list", map[string]any{"wallet": shut["wallet"]})["accounts"])
	if !strings.Contains(list, added.(string)) {
		t.Errorf("the added key is not in %s", list)
	}
	for _, name := range []string{"journal", open["wallet"].(string) + ".json"} {
		if info, err := os.Stat(filepath.Join(p.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// One thousand sends at once with a hundred ids: a hundred blocks, and each of
// the ten that share an id is told the same one.
func TestThousandSends(t *testing.T) {
	const ids, times = 100, 10
	g := testkit.GenesisWallet(lattice.Dev())
	p := newPurse(t, nil, g.Key)
	w := p.ask("wallet_create", nil)
	p.ask("receive_minimum_set", map[string]any{"amount": "1"})
	p.fund(g, w["account"], lattice.AmountFrom(1_000_000))
	p.until("it has received", func() bool { return p.balance(w["account"]) == "1000000" })
	id, err := wallet.ParseID(w["wallet"].(string))
	if err != nil {
		t.Fatal(err)
	}
	from, err := lattice.ParseAccount(w["account"].(string))
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	blocks := map[int]lattice.Hash{}
	began := time.Now()
	for i := range ids * times {
		wait.Go(func() {
			hash, err := p.node.Backend().Wallets().Make(t.Context(), wallet.Request{Wallet: id, ID: fmt.Sprint("pay ", i%ids), Intent: wallet.Intent{
				Subtype: lattice.Send, Account: from, Link: lattice.Link(testkit.Account(i % ids)), Amount: lattice.AmountFrom(uint64(i%ids + 1)),
			}})
			mu.Lock()
			defer mu.Unlock()
			switch known, was := blocks[i%ids]; {
			case err != nil:
				t.Errorf("send %d: %v", i, err)
			case was && known != hash:
				t.Errorf("id %d made %v and %v", i%ids, known, hash)
			}
			blocks[i%ids] = hash
		})
	}
	wait.Wait()
	t.Logf("%d sends in %v", ids, time.Since(began))
	info := p.ask("account_info", map[string]any{"account": w["account"], "include_only_confirmed": "false"})
	if info["block_count"] != "101" {
		t.Errorf("%v blocks in the account, want the open and %d sends", info["block_count"], ids)
	}
}
