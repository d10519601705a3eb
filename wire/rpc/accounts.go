package rpc

import (
	"github.com/smallnano/smallnano/messages/lattice"
)

var accountActions = []*action{
	{
		name: "account_info", role: Public, cost: 2,
		summary: "State of an account after its newest block: what is needed to make the next one.",
		params: []param{
			paramAccount,
			may("representative", formFlag, "add the representative"),
			may("weight", formFlag, "add the confirmed weight that the account has as a representative"),
			may("receivable", formFlag, "add the sum of what can be received"),
			may("pending", formFlag, "older name of receivable"),
			may("include_confirmed", formFlag, "add the state after the newest confirmed block"),
			may("include_only_confirmed", formFlag, "count only confirmed sends as receivable; default true"),
		},
		result: []field{
			has("frontier", formHash, "newest block, confirmed or not"),
			has("open_block", formHash, "first block; zero when it was pruned"),
			has("representative_block", formHash, "block that names the representative: the frontier"),
			has("balance", formAmount, "after the frontier, confirmed or not"),
			has("modified_timestamp", formTime, "local time at which the frontier arrived"),
			has("block_count", formCount, "number of blocks: the height of the frontier"),
			has("account_version", formNumber, "always 2"),
			has("confirmation_height", formCount, "height of the newest confirmed block"),
			has("confirmation_height_frontier", formHash, "newest confirmed block; zero when there is none"),
			maybe("pruned_height", formCount, "blocks up to this height are no longer here; absent when the chain is whole"),
			maybe("confirmed_balance", formAmount, "balance after the newest confirmed block"),
			maybe("confirmed_height", formCount, "its height"),
			maybe("confirmed_frontier", formHash, "its hash"),
			maybe("representative", formAccount, "of the frontier"),
			maybe("confirmed_representative", formAccount, "of the newest confirmed block"),
			maybe("weight", formAmount, "confirmed weight delegated to the account"),
			maybe("pending", formAmount, "same as receivable"),
			maybe("receivable", formAmount, "sum of what can be received"),
			maybe("confirmed_pending", formAmount, "same as confirmed_receivable"),
			maybe("confirmed_receivable", formAmount, "sum of confirmed sends that can be received"),
			maybe("receivable_cut", formFlag, "true when there are so many entries that the sums leave some out"),
		},
		errors: ledgerAccount, handle: accountInfo,
	},
	{
		name: "account_block_count", role: Public,
		summary: "Number of blocks of an account.",
		params:  []param{paramAccount},
		result:  []field{has("block_count", formCount, "height of the frontier")},
		errors:  ledgerAccount, handle: accountBlockCount,
	},
	{
		name: "account_representative", role: Public,
		summary: "Representative that an account's newest block names.",
		params:  []param{paramAccount},
		result:  []field{has("representative", formAccount, "of the frontier, confirmed or not")},
		errors:  ledgerAccount, handle: accountRepresentative,
	},
	{
		name: "accounts_representatives", role: Public, cost: 2,
		summary: "Representatives of several accounts.",
		params:  []param{need("accounts", formAccounts, "the accounts, at most 100")},
		result: []field{
			has("representatives", formMap, "representative by account"),
			has("representatives.*", formAccount, "of the account's frontier"),
			maybe("errors", formMap, "reason by account for which there is no answer"),
			maybe("errors.*", formText, "the text of the error"),
		},
		errors: []*errorKind{tooMany}, handle: accountsRepresentatives,
	},
	{
		name: "accounts_frontiers", role: Public, cost: 2,
		summary: "Newest blocks of several accounts.",
		params:  []param{need("accounts", formAccounts, "the accounts, at most 100")},
		result: []field{
			has("frontiers", formMap, "hash by account"),
			has("frontiers.*", formHash, "newest block, confirmed or not"),
			maybe("errors", formMap, "reason by account for which there is no answer"),
			maybe("errors.*", formText, "the text of the error"),
		},
		errors: []*errorKind{tooMany}, handle: accountsFrontiers,
	},
	{
		name: "account_weight", role: Public,
		summary: "Voting weight of a representative: the confirmed balances that are delegated to it, and what confirmed sends " +
			"that name it have put on its way, until its receive is confirmed. All weights together are the supply.",
		params: []param{paramAccount},
		result: []field{has("weight", formAmount, "confirmed weight")},
		errors: badAccounts, handle: accountWeight,
	},
}

func accountInfo(c *call) (any, error) {
	account := c.account("account")
	representative, weight := c.flag("representative", false), c.flag("weight", false)
	receivable := c.flag("receivable", false) || c.flag("pending", false)
	confirmed, onlyConfirmed := c.flag("include_confirmed", false), c.flag("include_only_confirmed", true)
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	err := c.view(func(l Ledger) error {
		info, err := openedAccount(l, account)
		if err != nil {
			return err
		}
		if answer, err = accountState(l, account, info); err != nil {
			return err
		}
		if confirmed || representative {
			if err := confirmedState(l, info, confirmed, representative, &answer); err != nil {
				return err
			}
		}
		if receivable {
			return receivableState(l, account, onlyConfirmed, confirmed, &answer)
		}
		return nil
	})
	if err == nil && weight {
		answer.set("weight", c.backend.Weight(account))
	}
	return answer, err
}

// openedAccount returns what is known of an account that has a block.
func openedAccount(l Ledger, account lattice.Account) (lattice.AccountInfo, error) {
	info, err := l.Account(account)
	if err == nil && !info.Opened() {
		err = accountNotFound.because("account %s has no block in this ledger", account)
	}
	return info, err
}

func accountState(l Ledger, account lattice.Account, info lattice.AccountInfo) (object, error) {
	first, _, err := l.BlockAt(account, 1) // zero when it was pruned
	answer := obj(
		"frontier", info.Frontier,
		"open_block", first.Hash,
		"representative_block", info.Frontier,
		"balance", info.Balance,
		"modified_timestamp", info.Modified,
		"block_count", info.Height,
		"account_version", 2,
		"confirmation_height", info.ConfirmedHeight,
		"confirmation_height_frontier", info.ConfirmedFrontier)
	if info.PrunedHeight > 0 {
		answer.set("pruned_height", info.PrunedHeight)
	}
	return answer, err
}

// confirmedState adds what the newest confirmed block says, and the
// representatives before and after it.
func confirmedState(l Ledger, info lattice.AccountInfo, confirmed, representative bool, answer *object) error {
	block, found, err := confirmedBlock(l, info)
	if err != nil {
		return err
	}
	if confirmed {
		answer.set("confirmed_balance", block.Balance)
		answer.set("confirmed_height", info.ConfirmedHeight)
		answer.set("confirmed_frontier", info.ConfirmedFrontier)
	}
	if representative {
		answer.set("representative", info.Representative)
		if confirmed && found {
			answer.set("confirmed_representative", block.Representative)
		}
	}
	return nil
}

// confirmedBlock returns the newest confirmed block of an account, which is
// never pruned; false when nothing is confirmed.
func confirmedBlock(l Ledger, info lattice.AccountInfo) (lattice.Block, bool, error) {
	if info.ConfirmedHeight == 0 {
		return lattice.Block{}, false, nil
	}
	stored, found, err := l.Block(info.ConfirmedFrontier)
	if err == nil && !found {
		err = internalError.because("confirmed frontier %s is not in the ledger; check the database", info.ConfirmedFrontier)
	}
	return stored.Block, found, err
}

func receivableState(l Ledger, account lattice.Account, onlyConfirmed, both bool, answer *object) error {
	left := maxScan
	sum, err := sumReceivable(l, account, &left)
	if err != nil {
		return err
	}
	asked := sum.all
	if onlyConfirmed {
		asked = sum.confirmed
	}
	answer.set("pending", asked)
	answer.set("receivable", asked)
	if both {
		answer.set("confirmed_pending", sum.confirmed)
		answer.set("confirmed_receivable", sum.confirmed)
	}
	if sum.cut {
		answer.set("receivable_cut", true)
	}
	return nil
}

// accountAnswer is for the actions that show one thing of an opened account.
func accountAnswer(c *call, show func(lattice.AccountInfo) object) (any, error) {
	account := c.account("account")
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	return &answer, c.view(func(l Ledger) error {
		info, err := openedAccount(l, account)
		answer = show(info)
		return err
	})
}

func accountBlockCount(c *call) (any, error) {
	return accountAnswer(c, func(i lattice.AccountInfo) object { return obj("block_count", i.Height) })
}

func accountRepresentative(c *call) (any, error) {
	return accountAnswer(c, func(i lattice.AccountInfo) object { return obj("representative", i.Representative) })
}

// accountsAnswer is for the actions that show one thing of several accounts.
// An account that is wrong or not there gets its error beside the answers.
func accountsAnswer(c *call, name string, show func(Ledger, lattice.Account) (any, error)) (any, error) {
	texts := unique(c.list("accounts"))
	if c.err != nil {
		return nil, c.err
	}
	found, wrong := object{}, object{}
	err := c.view(func(l Ledger) error {
		for _, text := range texts {
			account, refused := parseAccount("accounts", text)
			if refused != nil {
				wrong.set(text, refused.Text)
				continue
			}
			value, err := show(l, account)
			if refused, known := answerFor(err); err != nil && known {
				wrong.set(text, refused.Text)
				continue
			}
			if err != nil {
				return err
			}
			found.set(text, value)
		}
		return nil
	})
	answer := obj(name, found)
	if len(wrong) > 0 {
		answer.set("errors", wrong)
	}
	return answer, err
}

func accountsRepresentatives(c *call) (any, error) {
	return accountsAnswer(c, "representatives", func(l Ledger, a lattice.Account) (any, error) {
		info, err := openedAccount(l, a)
		return info.Representative, err
	})
}

func accountsFrontiers(c *call) (any, error) {
	return accountsAnswer(c, "frontiers", func(l Ledger, a lattice.Account) (any, error) {
		info, err := openedAccount(l, a)
		return info.Frontier, err
	})
}

func accountWeight(c *call) (any, error) {
	account := c.account("account")
	if c.err != nil {
		return nil, c.err
	}
	return obj("weight", c.backend.Weight(account)), nil
}
