package main

import (
	"flag"
	"fmt"
	"slices"

	"github.com/smallnano/smallnano/wire/rpc"
)

// accountsPerQuestion is how many accounts the RPC is asked about at once.
const accountsPerQuestion = 100

// votesRow tells who votes with the balance of an account.
type votesRow struct {
	Account        string `json:"account"`
	Representative string `json:"representative"`
	Votes          bool   `json:"votes"` // it was seen voting in the last minutes
}

// voters tells who votes for the open accounts of the wallet. sure is false when
// the node has not seen anybody vote yet: then nobody can be called absent.
func (r *walletRun) voters() (rows []votesRow, sure bool, err error) {
	var online struct{ Representatives []string }
	if err := r.node.ask(r.ctx, "representatives_online", nil, &online); err != nil {
		return nil, false, err
	}
	balances, err := r.balances()
	if err != nil {
		return nil, false, err
	}
	rows = []votesRow{}
	for page := range slices.Chunk(balances, accountsPerQuestion) {
		accounts := make([]string, len(page))
		for i := range page {
			accounts[i] = page[i].Account
		}
		var a struct{ Representatives map[string]string }
		if err := r.node.ask(r.ctx, "accounts_representatives", map[string]any{"accounts": accounts}, &a); err != nil {
			return nil, false, err
		}
		for _, account := range accounts {
			if rep := a.Representatives[account]; rep != "" {
				rows = append(rows, votesRow{account, rep, slices.Contains(online.Representatives, rep)})
			}
		}
	}
	return rows, len(online.Representatives) > 0, nil
}

// warnOfAbsence says which representatives do not vote, in the errors' place.
func (r *walletRun) warnOfAbsence() {
	rows, sure, err := r.voters()
	if err != nil || !sure {
		return // the balance was asked for, and is told
	}
	absent := map[string]int{}
	for _, row := range rows {
		if !row.Votes {
			absent[row.Representative]++
		}
	}
	for _, row := range rows {
		if n := absent[row.Representative]; n > 0 {
			fmt.Fprintf(r.p.err, "the representative %s of %d of these accounts does not vote: choose another with \"smallnano wallet representative ADDRESS\"\n", row.Representative, n)
			delete(absent, row.Representative)
		}
	}
}

// showRepresentatives is "wallet representative" without an address.
func (r *walletRun) showRepresentatives() error {
	rows, sure, err := r.voters()
	if err != nil {
		return err
	}
	return r.show(map[string]any{"accounts": rows}, func() {
		for _, row := range rows {
			state := "votes"
			switch {
			case row.Votes:
			case sure:
				state = "DOES NOT VOTE"
			default:
				state = "not seen voting yet"
			}
			fmt.Fprintf(r.p.out, "%s  %s  %s\n", row.Account, row.Representative, state)
		}
	})
}

func runWalletRepresentative(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	only := flags.String("account", "", "only this account; default all accounts of the wallet, and those that it opens later")
	words, done, err := r.begin(args, 0, 1)
	if err != nil {
		return err
	}
	defer done()
	if len(words) == 0 {
		return r.showRepresentatives()
	}
	accounts := []string{*only}
	if *only == "" {
		var a struct{ Accounts []string }
		if err := r.ask("account_list", nil, &a); err != nil {
			return err
		}
		accounts = a.Accounts
		if err := r.ask("wallet_configure", map[string]any{"representative": words[0]}, nil); err != nil {
			return err
		}
	}
	blocks := map[string]string{}
	for _, account := range accounts {
		var a struct{ Block string }
		err := r.askUnlocked("account_representative_set", map[string]any{"account": account, "representative": words[0]}, &a)
		skip := slices.ContainsFunc([]string{"no_change", "account_not_found", "watch_only"}, func(code string) bool { return rpc.IsCode(err, code) })
		switch {
		case *only == "" && skip:
		case err != nil:
			return fmt.Errorf("%s: %w", account, err)
		default:
			blocks[account] = a.Block
		}
	}
	return r.show(map[string]any{"blocks": blocks}, func() {
		fmt.Fprintf(p.out, "%d accounts changed\n", len(blocks))
	})
}
