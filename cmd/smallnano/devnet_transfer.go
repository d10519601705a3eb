package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// confirmLimit is how long all nodes may take to confirm a block.
const confirmLimit = 30 * time.Second

// Amounts of the demonstration.
var (
	fund = smn(10)
	coin = smn(1)
)

func smn(n uint64) lattice.Amount {
	a, err := lattice.ParseAmount(fmt.Sprint(n))
	if err != nil {
		panic("smallnano: " + err.Error())
	}
	return a
}

// percentOf is the share of the supply that a node votes with: the first has
// 40 %, the others the rest in equal parts. Of three nodes any one but the
// first may be down: the others have 70 %, and 67 confirm.
func percentOf(node, nodes int) uint64 {
	switch {
	case nodes == 1:
		return 100
	case node == 0:
		return 40
	}
	return 60 / uint64(nodes-1)
}

// transfer is a block that was published and how it fared.
type transfer struct {
	hash    lattice.Hash
	subtype lattice.Subtype
	amount  lattice.Amount
	after   []time.Duration // until each node had confirmed it
}

// genesis returns the account that owns what is not shared out.
func (d *devnet) genesis(ctx context.Context) (*load.Wallet, error) {
	w := &load.Wallet{Network: d.network, Key: crypto.NewPrivateKey(*d.network.GenesisSeed)}
	return w, w.Load(ctx, d.children[0].client)
}

// share gives every node's representative its part of the supply, unless it has
// it from an earlier run.
func (d *devnet) share(ctx context.Context) error {
	genesis, err := d.genesis(ctx)
	if err != nil {
		return err
	}
	for _, c := range d.children[1:] {
		rep := &load.Wallet{Network: d.network, Key: c.key}
		if err := rep.Load(ctx, d.children[0].client); err != nil {
			return err
		}
		if !rep.Frontier.IsZero() {
			continue
		}
		rep.Representative = rep.Account()
		if err := d.fund(ctx, genesis, rep, lattice.Supply.MulDiv(percentOf(c.number, d.flags.nodes), 100)); err != nil {
			return err
		}
	}
	return nil
}

// fund has an account that is not open receive an amount of the genesis
// account.
func (d *devnet) fund(ctx context.Context, genesis, to *load.Wallet, amount lattice.Amount) error {
	send, there, err := to.Receivable(ctx, d.children[0].client)
	if err != nil {
		return err
	}
	if send.IsZero() {
		if genesis.Balance.Less(amount) {
			return fmt.Errorf("%s was made with another number of nodes: remove it, or give another folder with --dir", d.flags.dir)
		}
		t, err := d.publish(ctx, 0, genesis, func() (*lattice.Block, error) { return genesis.Send(to.Account(), amount) })
		if err != nil {
			return err
		}
		send, there = t.hash, amount
	}
	_, err = d.publish(ctx, 0, to, func() (*lattice.Block, error) { return to.Receive(send, there) })
	return err
}

// publish makes a block, hands it to a node and waits until all have confirmed
// it.
func (d *devnet) publish(ctx context.Context, node int, w *load.Wallet, compose func() (*lattice.Block, error)) (*transfer, error) {
	b, err := compose()
	if err != nil {
		return nil, err
	}
	t := &transfer{hash: d.network.HashOf(b), subtype: b.Subtype(w.Balance)}
	t.amount = w.Balance.SatSub(b.Balance).SatAdd(b.Balance.SatSub(w.Balance))
	a := d.follow.Expect(t.hash)
	defer d.follow.Forget(t.hash)
	if err := load.Process(ctx, d.children[node].client, b); err != nil {
		return nil, err
	}
	w.Advance(b)
	select {
	case <-a.Done():
		t.after = d.follow.Progress(a)
		d.showTransfer(t)
		return t, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(confirmLimit):
		return nil, d.unconfirmed(t, d.follow.Progress(a))
	}
}

func (d *devnet) unconfirmed(t *transfer, after []time.Duration) error {
	var missing []int
	for i, at := range after {
		if at == 0 {
			missing = append(missing, i)
		}
	}
	return fmt.Errorf("after %v the %v %v is confirmed on %d of %d nodes, not on %v",
		confirmLimit, t.subtype, t.hash, len(after)-len(missing), len(after), missing)
}

// demonstrate makes two accounts and has them pay each other, each block
// through another node.
func (d *devnet) demonstrate(ctx context.Context) ([]*transfer, error) {
	genesis, err := d.genesis(ctx)
	if err != nil {
		return nil, err
	}
	payer, err1 := d.newWallet()
	payee, err2 := d.newWallet()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	fmt.Fprintf(d.say, "payer %v\n", payer.Account())
	if err := d.fund(ctx, genesis, payer, fund); err != nil {
		return nil, err
	}
	fmt.Fprintf(d.say, "payee %v\n", payee.Account())
	var all []*transfer
	for len(all) < d.flags.transfers {
		w, compose := payer, func() (*lattice.Block, error) { return payer.Send(payee.Account(), coin) }
		if len(all)%2 == 1 {
			w = payee
			last := all[len(all)-1].hash
			compose = func() (*lattice.Block, error) { return w.Receive(last, coin) }
		}
		t, err := d.publish(ctx, len(all)%d.flags.nodes, w, compose)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
		if len(all)%2 == 0 {
			payer, payee = payee, payer // and back
		}
	}
	return all, nil
}

// newWallet makes an account that is represented by the genesis account.
func (d *devnet) newWallet() (*load.Wallet, error) {
	var seed crypto.Seed
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("cannot make an account: %w", err)
	}
	return &load.Wallet{Network: d.network, Key: crypto.NewPrivateKey(seed), Representative: d.network.Genesis.Account}, nil
}
