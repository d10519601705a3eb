package rpc

import (
	"github.com/smallnano/smallnano/messages/lattice"
)

var frontierActions = []*action{
	{
		name: "frontiers", role: Public, cost: 2,
		summary: "Newest blocks of the accounts from one on, in the order of their keys.",
		params: []param{
			need("account", formAccount, "cursor: the first account"),
			need("count", formCount, "most entries, at most 1000"),
		},
		result: []field{
			has("frontiers", formMap, "hash by account"),
			has("frontiers.*", formHash, "newest block, confirmed or not"),
			maybe("next", formAccount, "account of the next page; absent when there is no more"),
		},
		errors: append([]*errorKind{badCount}, badAccounts...), handle: frontiers,
	},
	{
		name: "frontier_count", role: Public,
		summary: "Number of accounts that have a block.",
		result:  []field{has("count", formCount, "of accounts")},
		handle:  frontierCount,
	},
}

func frontiers(c *call) (any, error) {
	account, count := c.account("account"), c.count("count", maxEntries, maxEntries)
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	return &answer, c.view(func(l Ledger) error {
		entries, err := l.Accounts(account, count+1)
		shown := object{}
		for _, e := range entries[:min(count, len(entries))] {
			shown.set(e.Account.String(), e.Info.Frontier)
		}
		answer = obj("frontiers", shown)
		if len(entries) > count {
			answer.set("next", entries[count].Account)
		}
		return err
	})
}

func frontierCount(c *call) (any, error) {
	counts, err := readCounts(c)
	return obj("count", counts.Accounts), err
}

func readCounts(c *call) (counts lattice.Counts, err error) {
	err = c.view(func(l Ledger) (err error) {
		counts, err = l.Counts()
		return err
	})
	return counts, err
}
