package rpc

import (
	"math"
	"slices"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

var walletAccountActions = []*action{
	{
		name: "account_create", role: Operator,
		summary: "Add the next account of the seed of a wallet, or the one with an index.",
		params:  []param{paramWallet, may("index", formNumber, "number of the account, from 0")},
		result:  []field{has("account", formAccount, "the account")},
		errors:  ofWallet(badIndex, walletLocked, watchOnly, walletFull), handle: accountCreate,
	},
	{
		name: "accounts_create", role: Operator, cost: 5,
		summary: "Add the next accounts of the seed of a wallet.",
		params:  []param{paramWallet, need("count", formCount, "how many, at most 1000")},
		result:  []field{has("accounts", formList, "the accounts"), has("accounts[]", formAccount, "an account")},
		errors:  ofWallet(badCount, walletLocked, watchOnly, walletFull), handle: accountsCreate,
	},
	{
		name: "account_list", role: Operator,
		summary: "Accounts of a wallet, in the order in which they were added.",
		params: []param{
			paramWallet,
			may("offset", formCount, "cursor: accounts to leave out first"),
			may("count", formCount, "most accounts; default and limit 1000"),
			may("details", formFlag, "tell where each key comes from; default false"),
		},
		result: []field{
			has("accounts", formList, "the accounts"),
			has("accounts[]", formAccount, "an account"),
			maybe("details", formMap, "by account"),
			maybe("details.*.origin", formText, "derived, ad_hoc or watched"),
			maybe("details.*.index", formNumber, "number of a derived account"),
			maybe("next", formCount, "offset of the next page; absent when there is no more"),
		},
		errors: ofWallet(badCount), handle: accountList,
	},
	{
		name: "account_remove", role: Operator,
		summary: "Take an account out of a wallet. Its money stays where it is; a derived one can be added again by its index.",
		params:  []param{paramWallet, paramAccount},
		result:  []field{has("removed", formOne, "1")},
		errors:  ofWallet(badAccount, otherNetwork, notInWallet), handle: accountRemove,
	},
	{
		name: "wallet_info", role: Operator, cost: 10,
		summary: "Sums over the accounts of a wallet; confirmed money only.",
		params:  []param{paramWallet},
		result: []field{
			has("wallet", formKey, "the wallet"),
			has("label", formText, "its name; may be empty"),
			has("balance", formAmount, "sum of the confirmed balances"),
			has("pending", formAmount, "same as receivable"),
			has("receivable", formAmount, "confirmed, and not received yet"),
			maybe("receivable_cut", formFlag, "true when there are so many entries that the sum leaves some out"),
			has("accounts_count", formCount, "accounts"),
			has("adhoc_count", formCount, "of these, with a key that was added"),
			has("deterministic_count", formCount, "of these, derived from the seed"),
			has("watched_count", formCount, "of these, only watched"),
			has("deterministic_index", formNumber, "index of the next account"),
			has("accounts_block_count", formCount, "blocks of all accounts"),
			has("locked", formFlag, "whether the keys cannot be used now"),
			has("auto_receive", formFlag, "whether it receives by itself"),
			maybe("representative", formAccount, "for accounts that are opened"),
		},
		errors: anyWallet, handle: walletInfo,
	},
	{
		name: "wallet_balances", role: Operator, cost: 10,
		summary: "Balance of every account of a wallet; confirmed money only, unless asked otherwise.",
		params: []param{
			paramWallet,
			may("threshold", formAmount, "leave out accounts with a smaller balance"),
			may("offset", formCount, "cursor: accounts to leave out first"),
			may("count", formCount, "most accounts that are looked at; default and limit 1000"),
			may("include_only_confirmed", formFlag, "count only what is confirmed; default true"),
		},
		result: []field{
			has("balances", formMap, "by account"),
			has("balances.*.balance", formAmount, "zero for an account without blocks"),
			has("balances.*.pending", formAmount, "same as receivable"),
			has("balances.*.receivable", formAmount, "sum of what can be received"),
			maybe("balances.*.receivable_cut", formFlag, "true when the sum leaves some entries out"),
			maybe("balances.*.includes_unconfirmed", formFlag, "true when unconfirmed money was asked for"),
			maybe("next", formCount, "offset of the next page; absent when there is no more"),
		},
		errors: ofWallet(badAmount, badCount), handle: walletBalances,
	},
	{
		name: "wallet_receivable", aliases: []string{"wallet_pending"}, role: Operator, cost: 10,
		summary: "Amounts that the accounts of a wallet can receive, in the same shapes as receivable.",
		params:  append([]param{paramWallet, may("offset", formCount, "cursor: accounts to leave out first")}, receivableParams...),
		result: []field{
			maybe("deprecated", formOne, "1 when it was asked for by its older name"),
			has("blocks", formMap, "hashes, or a map by hash, by account; accounts with nothing are left out"),
			maybe("blocks.*", formAny, "as in receivable"),
			maybe("blocks.*.*.amount", formAmount, "of the send"),
			maybe("blocks.*.*.source", formAccount, "account that sent it"),
			maybe("blocks.*.*.confirmed", formFlag, "whether the send is confirmed"),
			maybe("next", formCount, "offset of the next page; absent when there is no more"),
			maybe("cut", formFlag, "true when an account has more than is shown: ask receivable about it"),
		},
		errors: ofWallet(badAmount, badCount), handle: walletReceivable,
	},
	{
		name: "wallet_history", role: Operator, cost: 10,
		summary: "Newest blocks of all accounts of a wallet as what they moved, newest first. Of each account at most 100 blocks are looked " +
			"at; account_history goes on from there.",
		params: []param{
			paramWallet,
			may("count", formCount, "most entries; default 100, at most 1000"),
			may("modified_since", formTime, "only blocks that arrived at this time or later"),
		},
		result: []field{
			has("history", formList, "the entries"),
			has("history[].type", formText, "send or receive"),
			has("history[].account", formAccount, "the other account; 0 when the send is no longer here"),
			has("history[].amount", formAmount, "moved by the block"),
			has("history[].block_account", formAccount, "account of the wallet"),
			has("history[].hash", formHash, "of the block"),
			has("history[].height", formCount, "place in the chain, from 1"),
			has("history[].local_timestamp", formTime, "local time at which the block arrived"),
			has("history[].confirmed", formFlag, "whether the block is confirmed"),
			maybe("cut", formFlag, "true when there are more"),
		},
		errors: ofWallet(badCount), handle: walletHistory,
	},
}

func accountCreate(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	var index *uint32
	if c.has("index") {
		i := uint32(c.number("index", 0, math.MaxUint32-1, badIndex))
		index = &i
	}
	if c.err != nil {
		return nil, c.err
	}
	added, err := w.Derive(c.ctx, v.ID, index, 1)
	if err != nil {
		return nil, err
	}
	return obj("account", added[0].Key), nil
}

func keysOf(accounts []wallet.Account) []lattice.Account {
	keys := make([]lattice.Account, len(accounts))
	for i, a := range accounts {
		keys[i] = a.Key
	}
	return keys
}

func accountsCreate(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	count := int(c.number("count", 1, maxEntries, badCount))
	if c.err != nil {
		return nil, c.err
	}
	added, err := w.Derive(c.ctx, v.ID, nil, count)
	return obj("accounts", keysOf(added)), err
}

// accountPage cuts the page that is asked for out of the accounts of a wallet;
// next is 0 when it is the last.
func (c *call) accountPage(v *wallet.View) (page []wallet.Account, next int) {
	offset := int(c.number("offset", 0, wallet.MaxAccounts, badCount))
	count := c.count("count", maxEntries, maxEntries)
	offset = min(offset, len(v.Accounts))
	end := min(offset+count, len(v.Accounts))
	if end < len(v.Accounts) && end > offset {
		next = end
	}
	return v.Accounts[offset:end], next
}

func accountList(c *call) (any, error) {
	_, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	page, next := c.accountPage(&v)
	details := c.flag("details", false)
	if c.err != nil {
		return nil, c.err
	}
	answer := obj("accounts", keysOf(page))
	if details {
		all := object{}
		for _, a := range page {
			o := obj("origin", a.Origin.String())
			if a.Origin == wallet.Derived {
				o.set("index", uint64(a.Index))
			}
			all.set(a.Key.String(), o)
		}
		answer.set("details", all)
	}
	if next > 0 {
		answer.set("next", next)
	}
	return answer, nil
}

func accountRemove(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	account := c.account("account")
	if c.err != nil {
		return nil, c.err
	}
	return obj("removed", one(true)), w.Remove(c.ctx, v.ID, account)
}

// walletSums is what wallet_info adds up.
type walletSums struct {
	balance, receivable lattice.Amount
	blocks              uint64
	cut                 bool
}

func (s *walletSums) add(l Ledger, account lattice.Account, left *int) error {
	info, err := l.Account(account)
	if err != nil {
		return err
	}
	s.blocks += info.Height
	if info.ConfirmedHeight > 0 {
		b, _, err := confirmedBlock(l, info)
		if err != nil {
			return err
		}
		s.balance = s.balance.SatAdd(b.Balance)
	}
	sum, err := sumReceivable(l, account, left)
	s.receivable, s.cut = s.receivable.SatAdd(sum.confirmed), s.cut || sum.cut
	return err
}

func walletInfo(c *call) (any, error) {
	_, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	c.charge(len(v.Accounts) / entriesPerToken)
	var sums walletSums
	left := 2 * maxScan
	err = c.view(func(l Ledger) error {
		for _, a := range v.Accounts {
			if err := sums.add(l, a.Key, &left); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	count := map[wallet.Origin]int{}
	for _, a := range v.Accounts {
		count[a.Origin]++
	}
	answer := obj("wallet", crypto.PublicKey(v.ID), "label", v.Settings.Label,
		"balance", sums.balance, "pending", sums.receivable, "receivable", sums.receivable,
		"accounts_count", len(v.Accounts), "adhoc_count", count[wallet.AdHoc], "deterministic_count", count[wallet.Derived],
		"watched_count", count[wallet.Watched], "deterministic_index", uint64(v.Next), "accounts_block_count", sums.blocks,
		"locked", v.Locked, "auto_receive", v.Settings.AutoReceive)
	if sums.cut {
		answer.set("receivable_cut", true)
	}
	if !v.Settings.Representative.IsZero() {
		answer.set("representative", v.Settings.Representative)
	}
	return answer, nil
}

func walletBalances(c *call) (any, error) {
	_, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	page, next := c.accountPage(&v)
	threshold, onlyConfirmed := c.amount("threshold"), c.flag("include_only_confirmed", true)
	if c.err != nil {
		return nil, c.err
	}
	balances, left := object{}, 2*maxScan
	err = c.view(func(l Ledger) error {
		for _, a := range page {
			o, err := balanceOf(l, a.Key, onlyConfirmed, &left)
			if err != nil {
				return err
			}
			if balance, ok := o[0].value.(lattice.Amount); !ok || !balance.Less(threshold) {
				balances.set(a.Key.String(), o)
			}
		}
		return nil
	})
	answer := obj("balances", balances)
	if next > 0 {
		answer.set("next", next)
	}
	return answer, err
}

func walletReceivable(c *call) (any, error) {
	_, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	q := readReceivableQuery(c)
	offset := int(c.number("offset", 0, wallet.MaxAccounts, badCount))
	if c.err != nil {
		return nil, c.err
	}
	blocks, next, cut, left, entries := object{}, 0, false, 2*maxScan, maxEntries
	accounts := v.Accounts[min(offset, len(v.Accounts)):]
	err = c.view(func(l Ledger) error {
		for i, a := range accounts {
			if i == maxEntries || entries == 0 || left == 0 {
				next = offset + i
				return nil
			}
			one := q
			one.count = min(q.count, entries)
			page, err := one.page(l, a.Key, lattice.Hash{}, 0, &left)
			if err != nil {
				return err
			}
			entries -= len(page.entries)
			if len(page.entries) > 0 {
				blocks.set(a.Key.String(), one.show(page.entries))
			}
			cut = cut || page.cut || !page.next.IsZero()
		}
		return nil
	})
	answer := obj("blocks", blocks)
	if next > 0 {
		answer.set("next", next)
	}
	if cut {
		answer.set("cut", true)
	}
	return answer, err
}

// walletHistoryDepth is how many blocks of one account wallet_history looks at.
const walletHistoryDepth = 100

func walletHistory(c *call) (any, error) {
	_, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	count := c.count("count", 100, maxEntries)
	since := c.number("modified_since", 0, math.MaxInt64, badCount)
	if c.err != nil {
		return nil, c.err
	}
	var blocks []lattice.StoredBlock
	cut := false
	left := 2 * maxScan
	var entries []object
	err = c.view(func(l Ledger) error {
		for _, a := range v.Accounts {
			more, err := newest(l, a.Key, int64(since), &left, &blocks)
			if err != nil {
				return err
			}
			cut = cut || more
		}
		slices.SortStableFunc(blocks, func(a, b lattice.StoredBlock) int { return b.Time.Compare(a.Time) })
		if len(blocks) > count {
			blocks, cut = blocks[:count], true
		}
		for i := range blocks {
			e, err := walletEntry(l, &blocks[i])
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		return nil
	})
	if entries == nil {
		entries = []object{}
	}
	answer := obj("history", entries)
	if cut {
		answer.set("cut", true)
	}
	return answer, err
}

// newest collects the newest blocks of an account that moved something; more
// says that there may be older ones.
func newest(l Ledger, account lattice.Account, since int64, left *int, to *[]lattice.StoredBlock) (more bool, err error) {
	info, err := l.Account(account)
	if err != nil {
		return false, err
	}
	walk := chainWalk{ledger: l, account: account, info: info, height: info.Height, left: min(walletHistoryDepth, *left)}
	for {
		b, ok, err := walk.next()
		if err != nil || !ok {
			return !walk.rest.IsZero(), err
		}
		*left--
		if unixSeconds(b.Time) < since {
			return false, nil
		}
		if b.Subtype != lattice.Change {
			*to = append(*to, b)
		}
	}
}

func walletEntry(l Ledger, b *lattice.StoredBlock) (object, error) {
	kind, other := lattice.Receive, any(unknownAccount)
	if b.Subtype == lattice.Send {
		kind = lattice.Send
	}
	account, known, err := linkedAccount(l, b)
	if known {
		other = account
	}
	return obj("type", kind.String(), "account", other, "amount", b.Amount, "block_account", b.Block.Account, "hash", b.Hash,
		"height", b.Height, "local_timestamp", b.Time, "confirmed", b.Confirmed), err
}
