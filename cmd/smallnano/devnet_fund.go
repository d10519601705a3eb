package main

import (
	"flag"
	"fmt"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// runDevnetFund is the command "devnet fund": money to try things out with, from
// the genesis account of a network whose key is published.
func runDevnetFund(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, false)
	words, done, err := r.begin(args, 1, 2)
	if err != nil {
		return err
	}
	defer done()
	amount, err := parsePayment(words[0])
	if err != nil {
		return usageError{err}
	}
	var to lattice.Account
	if len(words) == 2 {
		if to, err = lattice.ParseAccount(words[1]); err != nil {
			return usageError{err}
		}
	} else {
		if err := r.choose(); err != nil {
			return err
		}
		if to, err = r.firstAccount(); err != nil {
			return err
		}
	}
	n, err := r.network()
	if err != nil {
		return err
	}
	if n.GenesisSeed == nil {
		return fmt.Errorf("the node is on the network %s, whose genesis key is not published: somebody has to send you money", n.Name)
	}
	genesis := &load.Wallet{Network: n, Key: crypto.NewPrivateKey(*n.GenesisSeed)}
	if err := genesis.Load(r.ctx, r.node); err != nil {
		return err
	}
	b, err := genesis.Send(to, amount)
	if err != nil {
		return withCode{err, errFunds}
	}
	if err := load.Process(r.ctx, r.node, b); err != nil {
		return fmt.Errorf("%w; somebody else may have used the genesis account at this moment: try again", err)
	}
	hash := n.HashOf(b)
	return r.show(map[string]any{"block": hash.String(), "account": to.String(), "amount": amount.Raw()}, func() {
		fmt.Fprintf(p.out, "%v smn are on their way to %v, block %v\n", amount, to, hash)
	})
}
