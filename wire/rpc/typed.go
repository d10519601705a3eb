package rpc

import (
	"context"
	"encoding/json"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// AccountState is the answer of account_info.
type AccountState struct {
	Frontier       lattice.Hash
	Height         uint64
	Balance        lattice.Amount
	Representative lattice.Account
	Weight         lattice.Amount

	ConfirmedHeight   uint64
	ConfirmedFrontier lattice.Hash
	ConfirmedBalance  lattice.Amount

	Receivable, ConfirmedReceivable lattice.Amount
}

// BlockState is the answer of block_info.
type BlockState struct {
	Block     lattice.Block
	Hash      lattice.Hash
	Height    uint64
	Subtype   lattice.Subtype
	Amount    lattice.Amount
	Time      time.Time // local time of the node that answered, to the second
	Confirmed bool
	Successor lattice.Hash // zero for the frontier
}

// Confirmed is one entry of confirmations_since.
type Confirmed struct {
	Sequence    uint64
	Hash        lattice.Hash
	Account     lattice.Account
	Height      uint64
	Subtype     lattice.Subtype
	Amount      lattice.Amount
	Destination lattice.Account // of a send
}

// Confirmations is the answer of confirmations_since. Seq is to be passed next
// time; Pruned entries before it are left out.
type Confirmations struct {
	Entries           []Confirmed
	Seq, Last, Pruned uint64
	More              bool
}

// NewBlock is what block_create is told.
type NewBlock struct {
	Key            crypto.Seed
	Previous       lattice.Hash // zero for the first block
	Representative lattice.Account
	Balance        lattice.Amount // after the block
	Link           lattice.Link
	Work           *uint64 // nil: the node finds it
}

// Texts of answers.
type (
	hashText    lattice.Hash
	accountText lattice.Account
	amountText  lattice.Amount
	subtypeText lattice.Subtype
)

func (t *hashText) UnmarshalText(b []byte) error {
	h, err := lattice.ParseHash(string(b))
	*t = hashText(h)
	return err
}

func (t *accountText) UnmarshalText(b []byte) error {
	a, err := lattice.ParseAccount(string(b))
	*t = accountText(a)
	return err
}

func (t *amountText) UnmarshalText(b []byte) error {
	a, err := lattice.ParseRaw(string(b))
	*t = amountText(a)
	return err
}

func (t *subtypeText) UnmarshalText(b []byte) error {
	s, err := lattice.ParseSubtype(string(b))
	*t = subtypeText(s)
	return err
}

// AccountInfo returns the state of an account; the code of the error is
// "account_not_found" when it has no block.
func (c *Client) AccountInfo(ctx context.Context, account lattice.Account) (AccountState, error) {
	var a struct {
		Frontier            hashText
		BlockCount          uint64 `json:"block_count,string"`
		Balance             amountText
		Representative      accountText
		Weight              amountText
		ConfirmedHeight     uint64     `json:"confirmed_height,string"`
		ConfirmedFrontier   hashText   `json:"confirmed_frontier"`
		ConfirmedBalance    amountText `json:"confirmed_balance"`
		Receivable          amountText
		ConfirmedReceivable amountText `json:"confirmed_receivable"`
	}
	err := c.Call(ctx, "account_info", map[string]any{
		"account": account.String(), "representative": true, "weight": true, "receivable": true,
		"include_confirmed": true, "include_only_confirmed": false,
	}, &a)
	return AccountState{
		Frontier: lattice.Hash(a.Frontier), Height: a.BlockCount, Balance: lattice.Amount(a.Balance),
		Representative: lattice.Account(a.Representative), Weight: lattice.Amount(a.Weight),
		ConfirmedHeight: a.ConfirmedHeight, ConfirmedFrontier: lattice.Hash(a.ConfirmedFrontier),
		ConfirmedBalance: lattice.Amount(a.ConfirmedBalance),
		Receivable:       lattice.Amount(a.Receivable), ConfirmedReceivable: lattice.Amount(a.ConfirmedReceivable),
	}, err
}

// Process publishes a block. It returns after the node has stored it. subtype
// is what the block is meant to do; 0 leaves that open.
func (c *Client) Process(ctx context.Context, b *lattice.Block, subtype lattice.Subtype) (lattice.Hash, error) {
	params := map[string]any{"block": json.RawMessage(EncodeBlock(b)), "json_block": true}
	if subtype != 0 {
		params["subtype"] = subtype.String()
	}
	var a struct{ Hash hashText }
	err := c.Call(ctx, "process", params, &a)
	return lattice.Hash(a.Hash), err
}

// BlockCreate has the node make a signed block with work. The key travels to
// the node: use it on the machine of the node only.
func (c *Client) BlockCreate(ctx context.Context, n NewBlock) (lattice.Block, error) {
	params := map[string]any{
		"type": "state", "json_block": true, "key": lattice.Hash(n.Key).String(), "previous": n.Previous.String(),
		"representative": n.Representative.String(), "balance": n.Balance.Raw(), "link": n.Link.String(),
	}
	if n.Work != nil {
		params["work"] = json.RawMessage(appendJSON(nil, nonce(*n.Work)))
	}
	var a struct{ Block json.RawMessage }
	if err := c.Call(ctx, "block_create", params, &a); err != nil {
		return lattice.Block{}, err
	}
	return DecodeBlock(a.Block)
}

// BlockInfo returns a block and what the node knows of it; the code of the
// error is "block_not_found" when it is not there.
func (c *Client) BlockInfo(ctx context.Context, hash lattice.Hash) (BlockState, error) {
	var a struct {
		Height    uint64 `json:"height,string"`
		Subtype   subtypeText
		Amount    amountText
		Time      int64 `json:"local_timestamp,string"`
		Confirmed bool  `json:"confirmed,string"`
		Successor hashText
		Contents  json.RawMessage
	}
	if err := c.Call(ctx, "block_info", map[string]any{"hash": hash.String(), "json_block": true}, &a); err != nil {
		return BlockState{}, err
	}
	b, err := DecodeBlock(a.Contents)
	return BlockState{
		Block: b, Hash: hash, Height: a.Height, Subtype: lattice.Subtype(a.Subtype), Amount: lattice.Amount(a.Amount),
		Time: time.Unix(a.Time, 0), Confirmed: a.Confirmed, Successor: lattice.Hash(a.Successor),
	}, err
}

// ConfirmationsSince returns up to count confirmed blocks after a number of the
// sequence. When there is none it waits so long for one; 0 does not wait. The
// node bounds both.
func (c *Client) ConfirmationsSince(ctx context.Context, seq uint64, count int, wait time.Duration) (Confirmations, error) {
	var a struct {
		Confirmations []struct {
			Sequence    uint64 `json:"sequence,string"`
			Hash        hashText
			Account     accountText
			Height      uint64 `json:"height,string"`
			Subtype     subtypeText
			Amount      amountText
			Destination accountText
		}
		Seq    uint64 `json:"seq,string"`
		Last   uint64 `json:"last,string"`
		Pruned uint64 `json:"pruned,string"`
		More   bool   `json:"more,string"`
	}
	params := map[string]any{"seq": seq, "count": count, "wait_ms": wait.Milliseconds()}
	if err := c.Call(ctx, "confirmations_since", params, &a); err != nil {
		return Confirmations{}, err
	}
	out := Confirmations{Seq: a.Seq, Last: a.Last, Pruned: a.Pruned, More: a.More}
	for _, e := range a.Confirmations {
		out.Entries = append(out.Entries, Confirmed{
			Sequence: e.Sequence, Hash: lattice.Hash(e.Hash), Account: lattice.Account(e.Account), Height: e.Height,
			Subtype: lattice.Subtype(e.Subtype), Amount: lattice.Amount(e.Amount), Destination: lattice.Account(e.Destination),
		})
	}
	return out, nil
}

// Health returns the state of the node and of its actors.
func (c *Client) Health(ctx context.Context) (HealthReport, error) {
	var r HealthReport
	err := c.Call(ctx, "health", nil, &r)
	return r, err
}
