package rpc

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// served returns a client of a bench that listens on the loopback.
func served(t *testing.T, b *bench, token string) *Client {
	t.Helper()
	s := httptest.NewUnstartedServer(b.server)
	s.Config = b.server.HTTP()
	s.Start()
	t.Cleanup(s.Close)
	return NewClient(s.URL, token)
}

func TestClientHelpers(t *testing.T) {
	b := newBench(t, nil)
	c, ctx := served(t, b, testToken), t.Context()
	info, err := c.AccountInfo(ctx, bob.account)
	if err != nil || info != (AccountState{
		Frontier: b.blocks["bob_receive"], Height: 2, Balance: smn("500.5"), Representative: alice.account,
		ConfirmedHeight: 2, ConfirmedFrontier: b.blocks["bob_receive"], ConfirmedBalance: smn("500.5"),
		Receivable: smn("32"), ConfirmedReceivable: smn("25"),
	}) {
		t.Errorf("account_info: %+v, %v", info, err)
	}
	stored, _, _ := b.node.ledger.Block(b.blocks["alice_to_bob"])
	block, err := c.BlockInfo(ctx, stored.Hash)
	if err != nil || block != (BlockState{
		Block: stored.Block, Hash: stored.Hash, Height: 2, Subtype: lattice.Send, Amount: smn("25"), Time: stored.Time, Confirmed: true,
		Successor: b.blocks["burn"],
	}) {
		t.Errorf("block_info: %+v, %v", block, err)
	}
	made, err := c.BlockCreate(ctx, NewBlock{
		Key: bob.seed, Previous: info.Frontier, Representative: alice.account, Balance: smn("500"), Link: lattice.Link(dave.account),
	})
	if err != nil || !made.SignedBy(made.Hash(lattice.DevID)) || made.Balance != smn("500") {
		t.Errorf("block_create: %+v, %v", made, err)
	}
	hash, err := c.Process(ctx, &made, lattice.Send)
	if err != nil || hash != made.Hash(lattice.DevID) {
		t.Errorf("process: %s, %v", hash, err)
	}
	if _, err := c.Process(ctx, &made, lattice.Receive); !IsCode(err, "subtype_balance") {
		t.Errorf("process with the wrong subtype: %v", err)
	}
	report, err := c.Health(ctx)
	if want := healthReport(b.node); err != nil || !reflect.DeepEqual(report, want) {
		t.Errorf("health: %+v, %v", report, err)
	}
}

// A caller that always passes on seq sees every confirmation once, in order,
// in pages of any size, with more of them coming meanwhile.
func TestClientFollowsConfirmations(t *testing.T) {
	for count := 1; count <= 5; count++ {
		b := newBench(t, nil)
		c, ctx := served(t, b, ""), t.Context()
		var seen []lattice.Hash
		for seq, turn := uint64(0), 0; ; turn++ {
			page, err := c.ConfirmationsSince(ctx, seq, count, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				seen = append(seen, e.Hash)
			}
			seq = page.Seq
			if turn == 1 {
				b.node.confirm(b.blocks["alice_change"])
			}
			if turn > 1 && !page.More {
				break
			}
		}
		var want []lattice.Hash
		for _, e := range b.node.ledger.confirmations {
			want = append(want, e.Hash)
		}
		if !reflect.DeepEqual(seen, want) {
			t.Errorf("pages of %d: saw %d confirmations, want %d", count, len(seen), len(want))
		}
	}
}

func TestClientErrors(t *testing.T) {
	b := newBench(t, nil)
	c, ctx := served(t, b, ""), t.Context()
	var e *Error
	if _, err := c.AccountInfo(ctx, dave.account); !errors.As(err, &e) || e.Code != "account_not_found" || e.Text != "Account not found" || e.Detail == "" {
		t.Errorf("account_info: %v", err)
	}
	if err := c.Call(ctx, "stop", nil, nil); !IsCode(err, "control_disabled") || b.node.stopped {
		t.Errorf("stop: %v", err)
	}
	b.node.processError = ledger.Fork
	stored, _, _ := b.node.ledger.Block(b.blocks["alice_open"])
	if _, err := c.Process(ctx, &stored.Block, 0); !IsCode(err, "fork") {
		t.Errorf("process: %v", err)
	}
	b.node.processError = ErrOverloaded
	if _, err := c.Process(ctx, &stored.Block, 0); !IsCode(err, "overloaded") {
		t.Errorf("process: %v", err)
	}
	if err := c.Call(ctx, "account_info", map[string]string{"account": strings.Repeat("x", 70_000)}, nil); !IsCode(err, "body_too_large") {
		t.Errorf("large request: %v", err)
	}
	if err := c.Call(ctx, "account_info", func() {}, nil); err == nil {
		t.Error("parameters that are no JSON")
	}
	b.fill(b.server.working)
	if err := c.Call(ctx, "uptime", nil, nil); !IsCode(err, "overloaded") {
		t.Errorf("overload: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Nanosecond)
	defer cancel()
	if err := c.Call(ctx, "uptime", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
}

// What is not a node is told, and never gets the token by a redirect.
func TestClientAtTheWrongPlace(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++ }))
	defer other.Close()
	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer wrong.Close()
	if err := NewClient(wrong.URL, testToken).Call(t.Context(), "uptime", nil, nil); err == nil || asked > 0 {
		t.Errorf("%v, redirect followed %d times", err, asked)
	}
	if URL("127.0.0.1:7177") != "http://127.0.0.1:7177" || URL("https://node.example") != "https://node.example" {
		t.Error("URL")
	}
}
