package main

import (
	"flag"
	"fmt"
	"strconv"

	"github.com/smallnano/smallnano/messages/lattice"
)

// accountCommands are the commands about single accounts.
func accountCommands() []command {
	return []command{
		{"account list", "[flags]", "list the accounts of a wallet and where their keys come from", runAccountList},
		{"account new", "[flags]", "add the next accounts to a wallet", runAccountNew},
		{"account info", "[flags] ADDRESS", "show what the ledger knows of an account", runAccountInfo},
		{"account add", "[flags]", "add a single private key to a wallet", runAccountAdd},
		{"account remove", "[flags] ADDRESS", "take an account out of a wallet; its money stays where it is", runAccountRemove},
		{"account check", "[flags] ADDRESS", "check the spelling of an address; needs no node", runAccountCheck},
	}
}

func runAccountList(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	type row struct {
		Account string `json:"account"`
		Origin  string `json:"origin"`
		Index   string `json:"index,omitempty"`
	}
	rows := []row{}
	for offset := "0"; offset != ""; {
		var page struct {
			Accounts []string
			Details  map[string]row
			Next     string
		}
		if err := r.ask("account_list", map[string]any{"offset": offset, "details": true}, &page); err != nil {
			return err
		}
		for _, account := range page.Accounts {
			line := page.Details[account]
			line.Account = account
			rows = append(rows, line)
		}
		offset = page.Next
	}
	return r.show(map[string]any{"wallet": r.wallet.Wallet, "accounts": rows}, func() {
		for _, line := range rows {
			fmt.Fprintf(p.out, "%s  %s %s\n", line.Account, line.Origin, line.Index)
		}
	})
}

func runAccountNew(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	count := flags.Int("count", 1, "how many, at most 1000")
	index := flags.String("index", "", "the one with this number, instead of the next")
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	var made struct {
		Accounts []string `json:"accounts"`
	}
	if *index == "" {
		err = r.askUnlocked("accounts_create", map[string]any{"count": *count}, &made)
	} else {
		if _, err := strconv.ParseUint(*index, 10, 32); err != nil || *count != 1 {
			return misused("--index is %q, want one number of an account, from 0, and no --count", *index)
		}
		var one struct{ Account string }
		err = r.askUnlocked("account_create", map[string]any{"index": *index}, &one)
		made.Accounts = []string{one.Account}
	}
	if err != nil {
		return err
	}
	return r.show(made, func() {
		for _, account := range made.Accounts {
			fmt.Fprintln(p.out, account)
		}
	})
}

func runAccountAdd(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	keyFD := flags.Int("key-fd", -1, "read the private key, 64 hexadecimal digits, from this file descriptor instead of asking")
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	key, err := r.secret("private key", *keyFD)
	if err != nil {
		return err
	}
	password := ""
	if r.passwordFD >= 0 || r.interactive() {
		if password, err = r.password("password of the wallet (empty for none)"); err != nil {
			return err
		}
	}
	var added struct {
		Account string `json:"account"`
	}
	if r.wallet.Locked == "true" && password != "" {
		if err := r.unlockWith(password, unlockSeconds); err != nil {
			return err
		}
	}
	if err := r.ask("wallet_add", map[string]any{"key": key, "password": password}, &added); err != nil {
		return err
	}
	return r.show(added, func() {
		fmt.Fprintf(p.out, "%s\nThe words of the wallet do not bring this key back: make a new backup of the wallet.\n", added.Account)
	})
}

func runAccountRemove(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	words, done, err := r.begin(args, 1, 1)
	if err != nil {
		return err
	}
	defer done()
	if err := r.ask("account_remove", map[string]any{"account": words[0]}, nil); err != nil {
		return err
	}
	return r.show(map[string]any{"removed": words[0]}, func() { fmt.Fprintln(p.out, "removed") })
}

// accountState is account_info, as far as it is shown.
type accountState struct {
	Account        string `json:"account"`
	Balance        string `json:"balance"`
	Confirmed      string `json:"confirmed_balance"`
	Receivable     string `json:"receivable"`
	Representative string `json:"representative"`
	Weight         string `json:"weight"`
	Frontier       string `json:"frontier"`
	Blocks         string `json:"block_count"`
}

func runAccountInfo(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, false)
	words, done, err := r.begin(args, 1, 1)
	if err != nil {
		return err
	}
	defer done()
	a := accountState{Account: words[0]}
	err = r.node.ask(r.ctx, "account_info", map[string]any{
		"account": words[0], "representative": true, "weight": true, "receivable": true, "include_confirmed": true,
	}, &a)
	if err != nil {
		return err
	}
	return r.show(a, func() {
		fmt.Fprintf(p.out, "account         %s\nbalance         %s smn, confirmed %s smn%s\nrepresentative  %s\nblocks          %s, newest %s\n",
			a.Account, inSMN(a.Balance), inSMN(a.Confirmed), waiting(rawAmount(a.Receivable)), a.Representative, a.Blocks, a.Frontier)
		if weight := rawAmount(a.Weight); !weight.IsZero() {
			fmt.Fprintf(p.out, "votes with      %s smn\n", weight)
		}
	})
}

func runAccountCheck(p *program, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "print the result as JSON")
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return misused("%d arguments, want 1", len(words))
	}
	account, err := lattice.ParseAccount(words[0])
	if err != nil {
		return err
	}
	return p.show(*asJSON, map[string]any{"account": account.String(), "public_key": account.Hex()}, func() {
		fmt.Fprintf(p.out, "%s is spelled right\n", account)
	})
}
