package rpc

import (
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
)

// receivableParams are shared by receivable and accounts_receivable.
var receivableParams = []param{
	may("count", formCount, "most entries; default and limit 1000"),
	may("threshold", formAmount, "leave out smaller amounts, and answer amounts"),
	may("source", formFlag, "answer amount and source account of each"),
	may("sorting", formFlag, "largest amount first, instead of in the order of hashes; then there is no cursor"),
	may("include_only_confirmed", formFlag, "leave out sends that are not confirmed; default true"),
}

var receivableActions = []*action{
	{
		name: "receivable", aliases: []string{"pending"}, role: Public, cost: 2,
		summary: "Amounts that were sent to an account and not received yet. The shape follows what is asked for: a list of hashes; " +
			"with a threshold above zero, amount by hash; with source, an object by hash.",
		params: append([]param{
			paramAccount,
			may("start", formHash, "cursor: the least hash to answer"),
			may("offset", formCount, "entries to leave out first, at most 10000"),
		}, receivableParams...),
		result: []field{
			maybe("deprecated", formOne, "1 when it was asked for by its older name"),
			has("blocks", formAny, "hashes, or a map by hash"),
			maybe("blocks.*.amount", formAmount, "of the send"),
			maybe("blocks.*.source", formAccount, "account that sent it"),
			maybe("blocks.*.confirmed", formFlag, "whether the send is confirmed; when unconfirmed ones were asked for"),
			maybe("next", formHash, "start of the next page; absent when there is no more"),
			maybe("cut", formFlag, "true when there are so many entries that sorting left some out"),
		},
		errors: []*errorKind{badAccount, otherNetwork, badHash, badAmount, badCount}, handle: receivableOfAccount,
	},
	{
		name: "accounts_receivable", aliases: []string{"accounts_pending"}, role: Public, cost: 5,
		summary: "Amounts that several accounts can receive, in the same shapes as receivable.",
		params:  append([]param{need("accounts", formAccounts, "the accounts, at most 100")}, receivableParams...),
		result: []field{
			maybe("deprecated", formOne, "1 when it was asked for by its older name"),
			has("blocks", formMap, "hashes, or a map by hash, by account"),
			has("blocks.*", formAny, "as in receivable"),
			maybe("blocks.*.*.amount", formAmount, "of the send"),
			maybe("blocks.*.*.source", formAccount, "account that sent it"),
			maybe("blocks.*.*.confirmed", formFlag, "whether the send is confirmed"),
			maybe("next", formMap, "start of the next page by account, to be asked of receivable; absent when there is no more"),
			maybe("next.*", formHash, "the least hash that was left out"),
			maybe("cut", formFlag, "true when sorting left some out"),
		},
		errors: []*errorKind{badAccount, otherNetwork, badAmount, badCount, tooMany}, handle: accountsReceivable,
	},
	{
		name: "receivable_exists", aliases: []string{"pending_exists"}, role: Public,
		summary: "Whether what a block sent is still there to be received.",
		params: []param{
			paramHash,
			may("include_only_confirmed", formFlag, "only when the send is confirmed; default true"),
		},
		result: []field{
			maybe("deprecated", formOne, "1 when it was asked for by its older name"),
			has("exists", formOne, "1 or 0"),
		},
		errors: []*errorKind{badHash, blockNotFound}, handle: receivableExists,
	},
}

// receivables walks over the entries of an account, reading a page at a time
// and looking at no more than it is allowed to.
type receivables struct {
	ledger  Ledger
	account lattice.Account
	start   lattice.Hash
	page    []lattice.ReceivableEntry
	done    bool
	left    *int // how many more entries may be looked at
	cut     bool // ended by that: start is where to go on
}

func (r *receivables) next() (e lattice.ReceivableEntry, ok bool, err error) {
	if len(r.page) == 0 && !r.done {
		const page = 256
		if r.page, err = r.ledger.Receivables(r.account, r.start, page); err != nil {
			return e, false, err
		}
		r.done = len(r.page) < page
	}
	if len(r.page) == 0 {
		return e, false, nil
	}
	e = r.page[0]
	if *r.left == 0 {
		r.start, r.cut = e.Key.Send, true
		return e, false, nil
	}
	r.page = r.page[1:]
	*r.left--
	if r.start, ok = hashAfter(e.Key.Send); !ok {
		r.done = true
	}
	return e, true, nil
}

// hashAfter returns the next hash in order; false after the last.
func hashAfter(h lattice.Hash) (lattice.Hash, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		h[i]++
		if h[i] != 0 {
			return h, true
		}
	}
	return h, false
}

// receivableQuery is what is asked about receivable entries.
type receivableQuery struct {
	count         int
	threshold     lattice.Amount
	source        bool
	sorting       bool
	onlyConfirmed bool
}

func readReceivableQuery(c *call) receivableQuery {
	q := receivableQuery{
		count:         c.count("count", maxEntries, maxEntries),
		threshold:     c.amount("threshold"),
		source:        c.flag("source", false),
		sorting:       c.flag("sorting", false),
		onlyConfirmed: c.flag("include_only_confirmed", true),
	}
	return q
}

// receivablePage is one answer: the entries and where to go on.
type receivablePage struct {
	entries []lattice.ReceivableEntry
	next    lattice.Hash // zero: no more
	cut     bool
}

func (q receivableQuery) wants(e lattice.ReceivableEntry) bool {
	return (e.Receivable.Confirmed || !q.onlyConfirmed) && !e.Receivable.Amount.Less(q.threshold)
}

// page collects entries from start up, without the first offset, looking at
// no more than left.
func (q receivableQuery) page(l Ledger, account lattice.Account, start lattice.Hash, offset int, left *int) (p receivablePage, err error) {
	scan := receivables{ledger: l, account: account, start: start, left: left}
	for {
		e, ok, err := scan.next()
		if err != nil {
			return p, err
		}
		if !ok {
			if scan.cut {
				p.next, p.cut = scan.start, true
			}
			break
		}
		if !q.wants(e) {
			continue
		}
		if !q.sorting && offset > 0 {
			offset--
			continue
		}
		if !q.sorting && len(p.entries) == q.count {
			p.next = e.Key.Send
			break
		}
		p.entries = append(p.entries, e)
	}
	if q.sorting {
		q.sort(&p, offset)
	}
	return p, nil
}

// sort puts the largest amount first and keeps what was asked for. There is no
// cursor in this order, so next is dropped and cut says that some are left out.
func (q receivableQuery) sort(p *receivablePage, offset int) {
	slices.SortStableFunc(p.entries, func(a, b lattice.ReceivableEntry) int {
		return b.Receivable.Amount.Cmp(a.Receivable.Amount)
	})
	p.entries = p.entries[min(offset, len(p.entries)):]
	if len(p.entries) > q.count {
		p.entries, p.cut = p.entries[:q.count], true
	}
	p.next = lattice.Hash{}
}

// show gives the entries one of the three shapes.
func (q receivableQuery) show(entries []lattice.ReceivableEntry) any {
	if !q.source && q.threshold.IsZero() {
		hashes := make([]lattice.Hash, len(entries))
		for i, e := range entries {
			hashes[i] = e.Key.Send
		}
		return hashes
	}
	shown := object{}
	for _, e := range entries {
		var value any = e.Receivable.Amount
		if q.source {
			o := obj("amount", e.Receivable.Amount, "source", e.Receivable.Source)
			if !q.onlyConfirmed {
				o.set("confirmed", e.Receivable.Confirmed)
			}
			value = o
		}
		shown.set(e.Key.Send.String(), value)
	}
	return shown
}

func receivableOfAccount(c *call) (any, error) {
	account, q := c.account("account"), readReceivableQuery(c)
	var start lattice.Hash
	if c.has("start") {
		start = c.hash("start")
	}
	offset := int(c.number("offset", 0, maxScan, badCount))
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	return &answer, c.view(func(l Ledger) error {
		left := maxScan
		page, err := q.page(l, account, start, offset, &left)
		answer = obj("blocks", q.show(page.entries))
		if !page.next.IsZero() {
			answer.set("next", page.next)
		} else if page.cut {
			answer.set("cut", true)
		}
		return err
	})
}

func accountsReceivable(c *call) (any, error) {
	accounts, q := c.accounts("accounts"), readReceivableQuery(c)
	if c.err != nil {
		return nil, c.err
	}
	blocks, next, cut, left, entries := object{}, object{}, false, 2*maxScan, maxEntries
	err := c.view(func(l Ledger) error {
		for _, account := range accounts {
			one := q
			one.count = min(q.count, entries)
			page, err := one.page(l, account, lattice.Hash{}, 0, &left)
			if err != nil {
				return err
			}
			entries -= len(page.entries)
			blocks.set(account.String(), one.show(page.entries))
			if !page.next.IsZero() {
				next.set(account.String(), page.next)
			}
			cut = cut || page.cut
		}
		return nil
	})
	answer := obj("blocks", blocks)
	if len(next) > 0 {
		answer.set("next", next)
	}
	if cut {
		answer.set("cut", true)
	}
	return answer, err
}

func receivableExists(c *call) (any, error) {
	hash, onlyConfirmed := c.hash("hash"), c.flag("include_only_confirmed", true)
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	return &answer, c.view(func(l Ledger) error {
		block, err := knownBlock(l, hash)
		if err != nil {
			return err
		}
		key := lattice.ReceivableKey{Destination: lattice.Account(block.Block.Link), Send: hash}
		entry, found, err := l.Receivable(key)
		answer = obj("exists", one(found && (entry.Confirmed || !onlyConfirmed)))
		return err
	})
}
