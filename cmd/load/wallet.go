package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// Node is asked over its RPC, as by rpc.Client.
type Node interface {
	Call(ctx context.Context, action string, params, result any) error
}

// Wallet is one account: its key, and its newest block. It makes blocks without
// asking anybody.
type Wallet struct {
	Network        *lattice.Network
	Key            crypto.PrivateKey
	Frontier       lattice.Hash // zero: not opened
	Balance        lattice.Amount
	Representative lattice.Account // that the next block names
}

// Account returns the account of the key.
func (w *Wallet) Account() lattice.Account { return lattice.Account(w.Key.Public()) }

// Load asks a node for the state of the account.
func (w *Wallet) Load(ctx context.Context, n Node) error {
	var info struct{ Frontier, Balance, Representative string }
	err := n.Call(ctx, "account_info", map[string]any{"account": w.Account().String(), "representative": true}, &info)
	if rpc.IsCode(err, "account_not_found") {
		w.Frontier, w.Balance = lattice.Hash{}, lattice.Amount{}
		return nil
	}
	if err != nil {
		return err
	}
	var all [3]error
	w.Frontier, all[0] = lattice.ParseHash(info.Frontier)
	w.Balance, all[1] = lattice.ParseRaw(info.Balance)
	w.Representative, all[2] = lattice.ParseAccount(info.Representative)
	return errors.Join(all[:]...)
}

// Receivable returns one amount that can be received, and the send; a zero hash
// when there is none.
func (w *Wallet) Receivable(ctx context.Context, n Node) (send lattice.Hash, amount lattice.Amount, err error) {
	var found struct {
		Blocks map[string]struct{ Amount string }
	}
	err = n.Call(ctx, "receivable", map[string]any{"account": w.Account().String(), "source": true, "count": 1}, &found)
	if err != nil {
		return send, amount, err
	}
	for hash, entry := range found.Blocks {
		if send, err = lattice.ParseHash(hash); err == nil {
			amount, err = lattice.ParseRaw(entry.Amount)
		}
	}
	return send, amount, err
}

// Send makes the block that sends an amount.
func (w *Wallet) Send(to lattice.Account, amount lattice.Amount) (*lattice.Block, error) {
	rest, ok := w.Balance.Sub(amount)
	if !ok {
		return nil, fmt.Errorf("account %v has %v smn and cannot send %v", w.Account(), w.Balance, amount)
	}
	return w.next(lattice.Send, rest, lattice.Link(to))
}

// Receive makes the block that receives what a send brought; it opens the
// account if need be.
func (w *Wallet) Receive(send lattice.Hash, amount lattice.Amount) (*lattice.Block, error) {
	sum, ok := w.Balance.Add(amount)
	if !ok {
		return nil, fmt.Errorf("account %v cannot receive %v smn: the balance would be too large", w.Account(), amount)
	}
	return w.next(lattice.Receive, sum, lattice.Link(send))
}

// next makes the account's next block, with work and signature.
func (w *Wallet) next(s lattice.Subtype, balance lattice.Amount, link lattice.Link) (*lattice.Block, error) {
	b := &lattice.Block{Account: w.Account(), Previous: w.Frontier, Representative: w.Representative, Balance: balance, Link: link}
	var err error
	if b.Work, err = work.Search(context.Background(), b.Root(), w.Network.Threshold(s), 0, 1); err != nil {
		return nil, err
	}
	b.Sign(w.Network.ID, w.Key)
	return b, nil
}

// Advance takes a block as the account's newest.
func (w *Wallet) Advance(b *lattice.Block) {
	w.Frontier, w.Balance = w.Network.HashOf(b), b.Balance
}

// Process hands a block to a node.
func Process(ctx context.Context, n Node, b *lattice.Block) error {
	var answer struct{ Hash string }
	return n.Call(ctx, "process", map[string]any{"json_block": true, "block": json.RawMessage(rpc.EncodeBlock(b))}, &answer)
}
