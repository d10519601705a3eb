package rpc

import (
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
)

// maxHistoryScan is how many blocks one page of history looks at. With a
// filter, a page may hold less than was asked for and still have a next one.
const maxHistoryScan = 2000

var historyActions = []*action{
	{
		name: "account_history", role: Public, cost: 3,
		summary: "Blocks of an account, newest first, as what they moved. Confirmed and unconfirmed ones; each says which it is.",
		params: []param{
			may("account", formAccount, "the account; not needed when head is given"),
			need("count", formCount, "most entries, at most 1000; -1 stands for 1000"),
			may("head", formHash, "cursor: the block to begin with"),
			may("offset", formCount, "entries to leave out first, at most 10000"),
			may("reverse", formFlag, "oldest first, from the oldest block that is here"),
			may("raw", formFlag, "all blocks with all their fields; otherwise blocks that moved nothing are left out"),
			may("account_filter", formAccounts, "only entries with one of these as the other account"),
			may("include_linked_account", formFlag, "add linked_account to raw entries"),
		},
		result: []field{
			has("account", formAccount, "whose history it is"),
			has("history", formList, "the entries"),
			has("history[].type", formText, "send or receive; state in raw history"),
			maybe("history[].subtype", formText, "open, send, receive or change; in raw history"),
			maybe("history[].account", formAccount, "the other account; 0 when the send is no longer here; absent in a raw change"),
			has("history[].amount", formAmount, "moved by the block"),
			has("history[].local_timestamp", formTime, "local time at which the block arrived"),
			has("history[].height", formCount, "place in the chain, from 1"),
			has("history[].hash", formHash, "of the block"),
			has("history[].confirmed", formFlag, "whether the block is confirmed"),
			maybe("history[].representative", formAccount, "in raw history"),
			maybe("history[].previous", formHash, "in raw history"),
			maybe("history[].balance", formAmount, "after the block; in raw history"),
			maybe("history[].link", formHash, "in raw history"),
			maybe("history[].work", formWork, "in raw history"),
			maybe("history[].signature", formSignature, "in raw history"),
			maybe("history[].linked_account", formAccount, "the other account, or 0; in raw history, when asked for"),
			maybe("previous", formHash, "head of the next page; absent when there is no more"),
			maybe("next", formHash, "head of the next page when reverse"),
			maybe("pruned_height", formCount, "the page ends because blocks up to this height were pruned"),
		},
		errors: append([]*errorKind{badHash, badCount, tooMany, blockNotFound, blockPruned}, ledgerAccount...), handle: accountHistory,
	},
}

// historyQuery is what is asked about the history of an account.
type historyQuery struct {
	account       lattice.Account
	head          lattice.Hash // zero: the end of the chain
	count, offset int
	reverse, raw  bool
	filter        []lattice.Account
	linked        bool
}

func accountHistory(c *call) (any, error) {
	q := historyQuery{
		count:   c.count("count", maxEntries, maxEntries),
		offset:  int(c.number("offset", 0, maxScan, badCount)),
		reverse: c.flag("reverse", false),
		raw:     c.flag("raw", false),
		filter:  c.accounts("account_filter"),
		linked:  c.flag("include_linked_account", false),
	}
	if c.has("head") {
		q.head = c.hash("head")
	}
	if q.head.IsZero() && !c.has("account") {
		c.fail(missing.because("account: give the account or the head"))
	}
	if c.has("account") {
		q.account = c.account("account")
	}
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	return &answer, c.view(func(l Ledger) (err error) {
		answer, err = q.answer(l)
		return err
	})
}

func (q historyQuery) answer(l Ledger) (object, error) {
	walk := chainWalk{ledger: l, forward: q.reverse, left: maxHistoryScan + q.offset}
	if err := q.begin(l, &walk); err != nil {
		return nil, err
	}
	entries := []object{}
	var next lattice.Hash
	for {
		b, ok, err := walk.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			next = walk.rest
			break
		}
		other, shown, err := q.wants(l, &b)
		if err != nil {
			return nil, err
		}
		if !shown {
			continue
		}
		if len(entries) == q.count {
			next = b.Hash
			break
		}
		if q.offset > 0 {
			q.offset--
			continue
		}
		entries = append(entries, q.entry(&b, other))
	}
	return q.close(entries, next, &walk), nil
}

func (q historyQuery) close(entries []object, next lattice.Hash, walk *chainWalk) object {
	answer := obj("account", walk.account, "history", entries)
	switch {
	case !next.IsZero() && q.reverse:
		answer.set("next", next)
	case !next.IsZero():
		answer.set("previous", next)
	case !q.reverse && walk.info.PrunedHeight > 0:
		answer.set("pruned_height", walk.info.PrunedHeight)
	}
	return answer
}

// begin sets the walk to the head, or to the end of the account's chain.
func (q historyQuery) begin(l Ledger, walk *chainWalk) error {
	if q.head.IsZero() {
		info, err := openedAccount(l, q.account)
		walk.account, walk.info, walk.height = q.account, info, info.Height
		if q.reverse {
			walk.height = info.PrunedHeight + 1
		}
		return err
	}
	b, err := knownBlock(l, q.head)
	if err != nil {
		return err
	}
	if !q.account.IsZero() && b.Block.Account != q.account {
		return blockNotFound.because("head: block %s is not in the chain of %s", q.head, q.account)
	}
	walk.account, walk.height = b.Block.Account, b.Height
	walk.info, err = l.Account(b.Block.Account)
	return err
}

// wants reports whether a block is to be shown, and the account on its other
// side.
func (q historyQuery) wants(l Ledger, b *lattice.StoredBlock) (other any, shown bool, err error) {
	if b.Subtype == lattice.Change {
		return nil, q.raw && len(q.filter) == 0, nil
	}
	account, known, err := linkedAccount(l, b)
	if !known {
		return unknownAccount, len(q.filter) == 0, err
	}
	return account, len(q.filter) == 0 || slices.Contains(q.filter, account), err
}

func (q historyQuery) entry(b *lattice.StoredBlock, other any) object {
	kind := b.Subtype
	if kind == lattice.Open {
		kind = lattice.Receive
	}
	o := obj("type", kind.String())
	if q.raw {
		o = obj("type", "state", "subtype", b.Subtype.String())
	}
	if other != nil {
		o.set("account", other)
	}
	o = append(o, obj("amount", b.Amount, "local_timestamp", b.Time, "height", b.Height, "hash", b.Hash, "confirmed", b.Confirmed)...)
	if q.raw {
		o = append(o, obj("representative", b.Block.Representative, "previous", b.Block.Previous, "balance", b.Block.Balance,
			"link", b.Block.Link, "work", nonce(b.Block.Work), "signature", b.Block.Signature)...)
	}
	if q.raw && q.linked {
		if other == nil {
			other = unknownAccount
		}
		o.set("linked_account", other)
	}
	return o
}

// chainWalk visits the blocks of one account, newest first or, going forward,
// oldest first. It reads a page at a time and looks at no more than left.
type chainWalk struct {
	ledger  Ledger
	account lattice.Account
	info    lattice.AccountInfo
	forward bool
	height  uint64 // of the block to visit next
	left    int
	page    []lattice.StoredBlock // in the order of the visit
	rest    lattice.Hash          // where to go on when left was used up; zero at the end of the chain
}

func (w *chainWalk) next() (b lattice.StoredBlock, ok bool, err error) {
	if len(w.page) == 0 {
		if w.page, err = w.read(); err != nil || len(w.page) == 0 {
			return b, false, err
		}
	}
	b = w.page[0]
	if w.left == 0 {
		w.rest = b.Hash
		return b, false, nil
	}
	w.page, w.left = w.page[1:], w.left-1
	return b, true, nil
}

func (w *chainWalk) read() ([]lattice.StoredBlock, error) {
	const page = 128
	if w.height <= w.info.PrunedHeight || w.height > w.info.Height {
		return nil, nil
	}
	if w.forward {
		blocks, err := w.ledger.Blocks(w.account, w.height, page)
		w.height += uint64(len(blocks))
		return blocks, err
	}
	n := min(page, w.height-w.info.PrunedHeight)
	blocks, err := w.ledger.Blocks(w.account, w.height-n+1, int(n))
	slices.Reverse(blocks)
	w.height -= n
	return blocks, err
}
