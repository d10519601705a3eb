package rpc

import (
	"github.com/smallnano/smallnano/messages/lattice"
)

var delegatorActions = []*action{
	{
		name: "delegators", role: Public, cost: 20,
		summary: "Accounts that delegate to a representative, with their confirmed balances, in the order of their keys. What is on " +
			"its way by sends that name the representative counts for its weight and is not among them. One answer looks at 10,000 accounts at most, so it may hold few entries, or none, and still have a cursor.",
		params: []param{
			need("account", formAccount, "the representative"),
			may("threshold", formAmount, "leave out balances below it"),
			may("count", formCount, "most entries; default and limit 1000"),
			may("start", formAccount, "cursor: the first account to look at"),
		},
		result: []field{
			has("delegators", formMap, "confirmed balance by account"),
			has("delegators.*", formAmount, "confirmed balance"),
			maybe("next", formAccount, "start of the next page; absent when there is no more"),
		},
		errors: append([]*errorKind{badCount, badAmount}, badAccounts...), handle: delegators,
	},
	{
		name: "delegators_count", role: Public, cost: 20,
		summary: "Number of accounts that delegate to a representative with a confirmed block. One answer looks at 10,000 " +
			"accounts at most; add up the counts of the pages.",
		params: []param{
			need("account", formAccount, "the representative"),
			may("start", formAccount, "cursor: the first account to look at"),
			may("scan", formCount, "accounts to look at; default and limit 10000"),
		},
		result: []field{
			has("count", formCount, "in this page"),
			maybe("next", formAccount, "start of the next page; absent when there is no more"),
		},
		errors: append([]*errorKind{badCount}, badAccounts...), handle: delegatorsCount,
	},
	{
		name: "representatives_liveness", role: Public, cost: 2,
		summary: "How well the principal representatives vote, as this node sees it, heaviest first: a sample of one block in eight.",
		params:  pageParams,
		result: []field{
			has("representatives", formMap, "by account"),
			has("representatives.*.weight", formAmount, "confirmed weight"),
			has("representatives.*.online", formFlag, "seen voting in the last five minutes"),
			has("representatives.*.last_vote", formTime, "when it was last seen voting; 0 when it was not since the start"),
			has("representatives.*.elections", formCount, "of the last elections of the sample, at most 64"),
			has("representatives.*.voted", formCount, "of those, on how many it voted in time"),
			has("representatives.*.latency_ms", formNumber, "median from the start of the election here to its vote; 0 when not known"),
			fieldNextOffset,
		},
		errors: []*errorKind{badCount}, handle: representativesLiveness,
	},
}

// scanPage is how many accounts are read at a time.
const scanPage = 500

// eachDelegator calls f for the accounts that delegate to a representative with
// a confirmed block, from start on, until f says no or most accounts were looked
// at. It returns where to go on, and false when there is no more.
func eachDelegator(c *call, representative, start lattice.Account, most int, f func(lattice.Account, lattice.Amount) bool) (next lattice.Account, more bool, err error) {
	next = start
	err = c.view(func(l Ledger) error {
		for seen := 0; ; {
			page, err := l.Accounts(next, scanPage+1)
			if err != nil {
				return err
			}
			for i := range page {
				e := &page[i]
				if next, more = e.Account, true; i == scanPage || seen == most {
					break
				}
				seen++
				to, balance, err := delegation(l, &e.Info)
				if err != nil {
					return err
				}
				if to == representative && e.Info.ConfirmedHeight > 0 && !f(e.Account, balance) {
					return nil
				}
				more = false
			}
			if !more || seen == most {
				return nil
			}
		}
	})
	return next, more, err
}

// delegation returns to whom an account delegates which confirmed balance.
func delegation(l Ledger, info *lattice.AccountInfo) (lattice.Account, lattice.Amount, error) {
	if info.Height == info.ConfirmedHeight {
		return info.Representative, info.Balance, nil
	}
	b, _, err := confirmedBlock(l, *info)
	return b.Representative, b.Balance, err
}

func delegators(c *call) (any, error) {
	representative, start := c.account("account"), c.accountIfGiven("start")
	threshold, count := c.amount("threshold"), c.count("count", maxEntries, maxEntries)
	if c.err != nil {
		return nil, c.err
	}
	shown := object{}
	next, more, err := eachDelegator(c, representative, start, maxScan, func(a lattice.Account, balance lattice.Amount) bool {
		if len(shown) == count {
			return false
		}
		if !balance.Less(threshold) {
			shown.set(a.String(), balance)
		}
		return true
	})
	answer := obj("delegators", shown)
	if more {
		answer.set("next", next)
	}
	return answer, err
}

func delegatorsCount(c *call) (any, error) {
	representative, start := c.account("account"), c.accountIfGiven("start")
	scan := max(1, int(c.number("scan", maxScan, maxScan, badCount)))
	if c.err != nil {
		return nil, c.err
	}
	count := 0
	next, more, err := eachDelegator(c, representative, start, scan, func(lattice.Account, lattice.Amount) bool {
		count++
		return true
	})
	answer := obj("count", count)
	if more {
		answer.set("next", next)
	}
	return answer, err
}

// accountIfGiven returns an account that may be left out.
func (c *call) accountIfGiven(name string) lattice.Account {
	if !c.has(name) {
		return lattice.Account{}
	}
	return c.account(name)
}

func representativesLiveness(c *call) (any, error) {
	p := readPage(c)
	if c.err != nil {
		return nil, c.err
	}
	online := map[lattice.Account]bool{}
	for _, r := range c.backend.RepresentativesOnline() {
		online[r.Account] = true
	}
	list, cursor := cut(p, c.backend.Liveness())
	shown := object{}
	for _, r := range list {
		shown.set(r.Representative.String(), obj("weight", c.backend.Weight(r.Representative), "online", online[r.Representative],
			"last_vote", r.Last, "elections", r.Of, "voted", r.Voted, "latency_ms", millis(r.Latency)))
	}
	return append(obj("representatives", shown), cursor...), nil
}
