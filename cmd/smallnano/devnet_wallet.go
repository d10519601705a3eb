package main

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

// wallet is one account: its key, and its newest block.
type wallet struct {
	network  *lattice.Network
	key      crypto.PrivateKey
	frontier lattice.Hash // zero: not opened
	balance  lattice.Amount
	rep      lattice.Account
}

func (w *wallet) account() lattice.Account { return lattice.Account(w.key.Public()) }

// load asks a node for the state of the account.
func (w *wallet) load(ctx context.Context, c *client) error {
	var info struct{ Frontier, Balance, Representative string }
	err := c.ask(ctx, "account_info", map[string]any{"account": w.account().String(), "representative": true}, &info)
	if rpc.IsCode(err, "account_not_found") {
		w.frontier, w.balance = lattice.Hash{}, lattice.Amount{}
		return nil
	}
	if err != nil {
		return err
	}
	var all [3]error
	w.frontier, all[0] = lattice.ParseHash(info.Frontier)
	w.balance, all[1] = lattice.ParseRaw(info.Balance)
	w.rep, all[2] = lattice.ParseAccount(info.Representative)
	return errors.Join(all[:]...)
}

// receivable returns one amount that can be received, and the send; a zero hash
// when there is none.
func (w *wallet) receivable(ctx context.Context, c *client) (send lattice.Hash, amount lattice.Amount, err error) {
	var found struct {
		Blocks map[string]struct{ Amount string }
	}
	err = c.ask(ctx, "receivable", map[string]any{"account": w.account().String(), "source": true, "count": 1}, &found)
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

// send makes the block that sends an amount.
func (w *wallet) send(to lattice.Account, amount lattice.Amount) (*lattice.Block, error) {
	rest, ok := w.balance.Sub(amount)
	if !ok {
		return nil, fmt.Errorf("account %v has %v smn and cannot send %v", w.account(), w.balance, amount)
	}
	return w.next(lattice.Send, rest, lattice.Link(to))
}

// receive makes the block that receives what a send brought; it opens the
// account if need be.
func (w *wallet) receive(send lattice.Hash, amount lattice.Amount) (*lattice.Block, error) {
	sum, ok := w.balance.Add(amount)
	if !ok {
		return nil, fmt.Errorf("account %v cannot receive %v smn: the balance would be too large", w.account(), amount)
	}
	return w.next(lattice.Receive, sum, lattice.Link(send))
}

// next makes the account's next block, with work and signature.
func (w *wallet) next(s lattice.Subtype, balance lattice.Amount, link lattice.Link) (*lattice.Block, error) {
	b := &lattice.Block{Account: w.account(), Previous: w.frontier, Representative: w.rep, Balance: balance, Link: link}
	var err error
	if b.Work, err = work.Search(context.Background(), b.Root(), w.network.Threshold(s), 0, 1); err != nil {
		return nil, err
	}
	b.Sign(w.network.ID, w.key)
	return b, nil
}

// advance takes a block as the account's newest.
func (w *wallet) advance(b *lattice.Block) {
	w.frontier, w.balance = w.network.HashOf(b), b.Balance
}

// process hands a block to a node.
func process(ctx context.Context, c *client, b *lattice.Block) error {
	var answer struct{ Hash string }
	return c.ask(ctx, "process", map[string]any{"json_block": true, "block": json.RawMessage(rpc.EncodeBlock(b))}, &answer)
}
