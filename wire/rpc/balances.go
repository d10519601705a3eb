package rpc

import (
	"github.com/smallnano/smallnano/messages/lattice"
)

var balanceActions = []*action{
	{
		name: "account_balance", role: Public, cost: 2,
		summary: "Balance of an account and what it can receive; confirmed money only, unless asked otherwise.",
		params: []param{
			paramAccount,
			may("include_only_confirmed", formFlag, "count only what is confirmed; default true"),
		},
		result: []field{
			has("balance", formAmount, "zero for an account without blocks"),
			has("pending", formAmount, "same as receivable"),
			has("receivable", formAmount, "sum of what can be received"),
			maybe("receivable_cut", formFlag, "true when there are so many entries that the sum leaves some out"),
			maybe("includes_unconfirmed", formFlag, "true when unconfirmed money was asked for"),
		},
		errors: badAccounts, handle: accountBalance,
	},
	{
		name: "accounts_balances", role: Public, cost: 5,
		summary: "Balances of several accounts; confirmed money only, unless asked otherwise.",
		params: []param{
			need("accounts", formAccounts, "the accounts, at most 100"),
			may("include_only_confirmed", formFlag, "count only what is confirmed; default true"),
		},
		result: []field{
			has("balances", formMap, "balance by account"),
			has("balances.*.balance", formAmount, "zero for an account without blocks"),
			has("balances.*.pending", formAmount, "same as receivable"),
			has("balances.*.receivable", formAmount, "sum of what can be received"),
			maybe("balances.*.receivable_cut", formFlag, "true when the sum leaves some entries out"),
			maybe("balances.*.includes_unconfirmed", formFlag, "true when unconfirmed money was asked for"),
			maybe("errors", formMap, "reason by account for which there is no answer"),
			maybe("errors.*", formText, "the text of the error"),
		},
		errors: []*errorKind{tooMany}, handle: accountsBalances,
	},
	{
		name: "available_supply", role: Public, cost: 5,
		summary: "Money in circulation: the supply without what the genesis account holds and what was sent to the burn account.",
		result: []field{
			has("available", formAmount, "in circulation; confirmed money only"),
			has("supply", formAmount, "all that exists"),
			has("genesis", formAmount, "confirmed balance of the genesis account"),
			has("burned", formAmount, "confirmed sends to the burn account"),
			maybe("burned_cut", formFlag, "true when there are so many burns that the sum leaves some out"),
		},
		handle: availableSupply,
	},
}

// receivableSum is what an account can receive.
type receivableSum struct {
	all, confirmed lattice.Amount
	cut            bool // there are more entries than were looked at
}

// sumReceivable adds up at most left entries, and lowers it.
func sumReceivable(l Ledger, account lattice.Account, left *int) (sum receivableSum, err error) {
	scan := receivables{ledger: l, account: account, left: left}
	for {
		e, ok, err := scan.next()
		if err != nil || !ok {
			sum.cut = scan.cut
			return sum, err
		}
		sum.all = sum.all.SatAdd(e.Receivable.Amount)
		if e.Receivable.Confirmed {
			sum.confirmed = sum.confirmed.SatAdd(e.Receivable.Amount)
		}
	}
}

func balanceOf(l Ledger, account lattice.Account, onlyConfirmed bool, left *int) (object, error) {
	info, err := l.Account(account)
	if err != nil {
		return nil, err
	}
	sum, err := sumReceivable(l, account, left)
	if err != nil {
		return nil, err
	}
	balance, receivable := info.Balance, sum.all
	if onlyConfirmed {
		block, _, err := confirmedBlock(l, info)
		if err != nil {
			return nil, err
		}
		balance, receivable = block.Balance, sum.confirmed
	}
	answer := obj("balance", balance, "pending", receivable, "receivable", receivable)
	if sum.cut {
		answer.set("receivable_cut", true)
	}
	if !onlyConfirmed {
		answer.set("includes_unconfirmed", true)
	}
	return answer, nil
}

func accountBalance(c *call) (any, error) {
	account, onlyConfirmed := c.account("account"), c.flag("include_only_confirmed", true)
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	left := maxScan
	return &answer, c.view(func(l Ledger) (err error) {
		answer, err = balanceOf(l, account, onlyConfirmed, &left)
		return err
	})
}

func accountsBalances(c *call) (any, error) {
	onlyConfirmed := c.flag("include_only_confirmed", true)
	left := 2 * maxScan
	return accountsAnswer(c, "balances", func(l Ledger, a lattice.Account) (any, error) {
		return balanceOf(l, a, onlyConfirmed, &left)
	})
}

func availableSupply(c *call) (any, error) {
	var answer object
	return &answer, c.view(func(l Ledger) error {
		info, err := l.Account(c.network.Genesis.Account)
		if err != nil {
			return err
		}
		genesis, _, err := confirmedBlock(l, info)
		if err != nil {
			return err
		}
		left := maxScan
		burned, err := sumReceivable(l, lattice.Account{}, &left)
		if err != nil {
			return err
		}
		answer = obj(
			"available", lattice.Supply.SatSub(genesis.Balance).SatSub(burned.confirmed),
			"supply", lattice.Supply,
			"genesis", genesis.Balance,
			"burned", burned.confirmed)
		if burned.cut {
			answer.set("burned_cut", true)
		}
		return nil
	})
}
