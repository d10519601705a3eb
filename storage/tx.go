package storage

import (
	"cmp"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// tx is the write transaction of a file. Its methods check first and then
// write; one that fails while it writes spoils the transaction, which then
// cannot be kept even if its owner goes on.
type tx struct {
	reader
	counts, committed counts
	options           *Options
	spoiled           error
	absent            lattice.Hash // the last one that Context found not to be there
}

func (t *tx) Counts() (lattice.Counts, error) { return t.counts.public(), nil }

// write runs the part of a method that changes something.
func (t *tx) write(f func() error) error {
	if t.spoiled != nil {
		return t.spoiled
	}
	err := t.options.Fault("write")
	if err == nil {
		err = f()
	}
	if err == nil && t.c.buffer.full() {
		err = t.c.flush()
	}
	t.spoiled = err
	return err
}

// Context remembers a hash that is not there, so that Apply need not look again.
func (t *tx) Context(b *lattice.Block, hash lattice.Hash, now time.Time) (ledger.Context, error) {
	c, err := t.reader.Context(b, hash, now)
	if err == nil && !c.Known {
		t.absent = hash
	}
	return c, err
}

func (t *tx) isKnown(hash lattice.Hash) (bool, error) {
	if hash == t.absent && !hash.IsZero() {
		return false, nil
	}
	_, known, err := t.c.find(hash)
	return known, err
}

// finish writes what was put off to the end of the transaction.
func (t *tx) finish() error {
	if t.spoiled != nil {
		return fmt.Errorf("transaction cannot be kept after a failed write: %w", t.spoiled)
	}
	if err := t.c.flush(); err != nil {
		return err
	}
	if t.counts == t.committed {
		return nil
	}
	n := t.counts
	const put = `INSERT OR REPLACE INTO counts (id, blocks, cemented, pruned, accounts, receivables, synced) VALUES (1, ?, ?, ?, ?, ?, ?)`
	_, err := t.c.exec(put, func(s *sqlite.Stmt) {
		for i, v := range []uint64{n.Blocks, n.Cemented, n.Pruned, n.Accounts, n.Receivables, n.synced} {
			s.BindInt64(i+1, int64(v))
		}
	})
	return err
}

// plant inserts and cements the genesis block.
func (t *tx) plant(network *lattice.Network) error {
	if err := t.apply(genesisEffects(network), true); err != nil {
		return err
	}
	_, err := t.Cement(network.GenesisHash)
	return err
}

// intern returns the number of a key, giving it one if it has none.
func (t *tx) intern(key lattice.Account) (accountID, error) {
	id, found, err := t.c.id(key)
	if err != nil || found {
		return id, err
	}
	if t.c.last == 0 {
		if t.c.last, err = t.c.lastKey(); err != nil {
			return 0, err
		}
	}
	t.c.last++
	id = t.c.last
	b := &t.c.buffer
	if len(b.keys) == 0 {
		b.first = id
	}
	b.keys = append(b.keys, key)
	b.ids[key] = id
	t.c.ids.put(key, id)
	t.c.keys.put(id, key)
	return id, nil
}

func (t *tx) Apply(e *ledger.Effects) error { return t.apply(e, false) }

func (t *tx) apply(e *ledger.Effects, genesis bool) error {
	head, err := t.Account(e.Block.Account)
	if err != nil {
		return err
	}
	if err := checkApply(e, head, genesis); err != nil {
		return err
	}
	if e.Height > MaxHeight {
		return fmt.Errorf("apply block %v: height %d, a chain has at most %d blocks", e.Hash, e.Height, uint64(MaxHeight))
	}
	if known, err := t.isKnown(e.Hash); err != nil || known {
		return cmp.Or(err, errTwice(e.Hash))
	}
	row := stored{
		hash: e.Hash, balance: e.Block.Balance, work: e.Block.Work, signature: e.Block.Signature, time: e.Time.Unix(),
	}
	if e.Consumed != nil {
		source, found, err := t.source(e.ConsumedKey())
		if err != nil || !found {
			return cmp.Or(err, errNoEntry("apply", e.Hash, e.ConsumedKey()))
		}
		row.link.send = source
	}
	if e.Made == nil && e.Consumed == nil {
		row.link.hash = e.Block.Link // zero, by the rules
	}
	return t.write(func() error { return t.insert(e, head, &row) })
}

// source returns where the send of a receivable entry stands.
func (t *tx) source(key lattice.ReceivableKey) (source blockID, found bool, err error) {
	id, found, err := t.c.id(key.Destination)
	if err != nil || !found {
		return 0, false, err
	}
	e, found, err := t.c.entry(entryKey{id, key.Send})
	return e.source, found, err
}

// insert writes a block that was found right.
func (t *tx) insert(e *ledger.Effects, head lattice.AccountInfo, row *stored) error {
	account, err := t.intern(e.Block.Account)
	if err != nil {
		return err
	}
	if row.representative, err = t.intern(e.Block.Representative); err != nil {
		return err
	}
	row.id = account.at(e.Height)
	if e.Consumed != nil {
		t.dropEntry(entryKey{account, lattice.Hash(e.Block.Link)})
	}
	if e.Made != nil {
		if row.link.destination, err = t.intern(lattice.Account(e.Block.Link)); err != nil {
			return err
		}
		t.putEntry(entryKey{row.link.destination, e.Hash}, row.id, e.Made.Amount)
	}
	if err := t.keep(row, head); err != nil {
		return err
	}
	t.c.buffer.rows[row.id], t.c.buffer.index[row.hash] = row, row.id
	t.absent = lattice.Hash{}
	t.counts.Blocks++
	if !head.Opened() {
		t.counts.Accounts++
	}
	t.options.Counters.Applied.Add(1)
	after := head
	after.Frontier, after.Height, after.Modified = e.Hash, e.Height, seconds(e.Time)
	after.Balance, after.Representative = e.Block.Balance, e.Block.Representative
	t.setHead(account, e.Block.Account, head, after)
	return nil
}

// keep notes an inserted block for those who will look at it soon.
func (t *tx) keep(row *stored, head lattice.AccountInfo) (err error) {
	var representative accountID
	if t.c.fresh.full() {
		return nil
	}
	if head.Opened() {
		representative, err = t.intern(head.Representative)
	}
	t.c.fresh.insert(row, head, representative)
	return err
}

func (t *tx) putEntry(key entryKey, source blockID, amount lattice.Amount) {
	t.counts.Receivables++
	t.c.buffer.entries[key] = entry{source, amount}
}

func (t *tx) dropEntry(key entryKey) {
	t.counts.Receivables--
	if _, found := t.c.buffer.entries[key]; found {
		delete(t.c.buffer.entries, key)
		return
	}
	t.c.buffer.dropped[key] = struct{}{}
}

// dropBlock deletes a block and where its hash is found.
func (t *tx) dropBlock(row *stored) error {
	t.c.fresh.remove(row.id)
	if _, found := t.c.buffer.rows[row.id]; found {
		delete(t.c.buffer.rows, row.id)
		delete(t.c.buffer.index, row.hash)
		return nil
	}
	if _, err := t.c.exec("DELETE FROM blocks WHERE id = ?", func(s *sqlite.Stmt) { s.BindInt64(1, int64(row.id)) }); err != nil {
		return err
	}
	return t.c.execPair("DELETE FROM block_index WHERE prefix = ? AND block = ?", row.hash, int64(row.id))
}

// setHead changes an account record.
func (t *tx) setHead(id accountID, key lattice.Account, before, after lattice.AccountInfo) {
	if ch := t.c.buffer.heads[id]; ch != nil {
		ch.after = after
		return
	}
	t.c.buffer.heads[id] = &change{key, before, after}
}

func (t *tx) Revert(e *ledger.Effects) error {
	head, err := t.Account(e.Block.Account)
	if err != nil {
		return err
	}
	if head.Frontier != e.Hash { // also where there is no such account
		return checkRevert(e, head, lattice.Amount{})
	}
	id, _, err := t.c.id(e.Block.Account)
	if err != nil {
		return err
	}
	row, under, found, err := t.c.pair(id.at(head.Height))
	if err != nil || !found {
		return cmp.Or(err, errUnknown("revert", e.Hash))
	}
	if head.Height == 1 {
		under = &stored{}
	} else if under == nil {
		return errUnknown("revert", e.Block.Previous)
	}
	if err := checkRevert(e, head, under.balance); err != nil {
		return err
	}
	if e.Made != nil {
		if _, found, err := t.source(e.MadeKey()); err != nil || !found {
			return cmp.Or(err, errNoEntry("revert", e.Hash, e.MadeKey()))
		}
	}
	return t.write(func() error { return t.remove(e, head, &row, under) })
}

// remove deletes a block that was found right to go.
func (t *tx) remove(e *ledger.Effects, head lattice.AccountInfo, row, under *stored) (err error) {
	if e.Made != nil {
		t.dropEntry(entryKey{row.link.destination, e.Hash})
	}
	if e.Consumed != nil {
		if row.link.send == 0 { // a send stays until its receive is confirmed
			return t.c.corrupt("send %v was pruned before its receive %v was confirmed", e.Block.Link, e.Hash)
		}
		t.putEntry(entryKey{row.id.account(), lattice.Hash(e.Block.Link)}, row.link.send, e.Consumed.Amount)
	}
	if err := t.dropBlock(row); err != nil {
		return err
	}
	t.counts.Blocks--
	if head.Height == 1 {
		t.counts.Accounts--
		t.setHead(row.id.account(), e.Block.Account, head, lattice.AccountInfo{})
		return nil
	}
	after := head
	after.Frontier, after.Height, after.Modified = under.hash, head.Height-1, timeOf(under.time)
	after.Balance = under.balance
	if after.Representative, err = t.c.key(under.representative); err != nil {
		return err
	}
	t.setHead(row.id.account(), e.Block.Account, head, after)
	return nil
}

func (t *tx) Cement(hash lattice.Hash) (ledger.Cemented, error) {
	row, under, found, err := t.c.lookUp(hash)
	if err != nil || !found {
		return ledger.Cemented{}, cmp.Or(err, errUnknown("cement", hash))
	}
	head, err := t.c.head(row.id.account())
	if err != nil {
		return ledger.Cemented{}, err
	}
	inherited, err := t.c.belowOf(row.id, under)
	if err != nil {
		return ledger.Cemented{}, err
	}
	b, err := t.c.assemble(&row, inherited, head.ConfirmedHeight)
	if err != nil {
		return ledger.Cemented{}, err
	}
	if err := checkNext(&b, head); err != nil {
		return ledger.Cemented{}, err
	}
	var source lattice.Account
	if hasSource(&b) {
		if source, err = t.sourceRep(&b, row.link.send); err != nil {
			return ledger.Cemented{}, err
		}
	}
	var before *lattice.Block
	if under != nil { // the last confirmed block; it is never pruned
		before = &lattice.Block{Balance: under.balance}
		if before.Representative, err = t.c.key(under.representative); err != nil {
			return ledger.Cemented{}, err
		}
	}
	c := cemented(&b, t.counts.Cemented+1, before, source)
	return c, t.write(func() error { return t.cement(&c, row.id, head) })
}

// sourceRep returns the representative that the send names which a block receives.
// The send must be confirmed; it is never pruned before the block is.
func (t *tx) sourceRep(b *lattice.StoredBlock, send blockID) (rep lattice.Account, err error) {
	if send == 0 {
		return rep, errNoSource(b.Hash, b.Block.Link)
	}
	confirmed, err := t.c.confirmedHeight(send.account())
	if err != nil || send.height() > confirmed {
		return rep, cmp.Or(err, errSource(b.Hash, b.Block.Link))
	}
	row, _, found, err := t.c.pair(send)
	if err != nil || !found {
		return rep, cmp.Or(err, errNoSource(b.Hash, b.Block.Link))
	}
	return t.c.key(row.representative)
}

func (t *tx) cement(c *ledger.Cemented, id blockID, head lattice.AccountInfo) error {
	if err := moveWeight(c, t.weight, t.setWeight); err != nil {
		return err
	}
	if err := t.c.confirm(c.Confirmation.Sequence, id); err != nil {
		return err
	}
	if err := t.dropVote(c.Block.QualifiedRoot(), c.Confirmation.Hash); err != nil {
		return err
	}
	t.counts.Cemented++
	t.options.Counters.Cemented.Add(1)
	after := head
	after.ConfirmedHeight, after.ConfirmedFrontier = id.height(), c.Confirmation.Hash
	t.setHead(id.account(), c.Block.Account, head, after)
	return nil
}

// dropVote forgets the final vote on a root, now that the block it was for is
// confirmed. One for another block stays: it is still the only one there may be.
func (t *tx) dropVote(root lattice.QualifiedRoot, confirmed lattice.Hash) error {
	if v, known := t.c.hotVote(root); t.counts.votes == 0 || known && (!v.found || v.hash != confirmed) {
		return nil
	}
	dropped, err := t.c.exec("DELETE FROM final_votes WHERE account = ? AND previous = ? AND hash = ?", func(s *sqlite.Stmt) {
		s.BindBytes(1, root.Account[:])
		s.BindBytes(2, root.Previous[:])
		s.BindBytes(3, confirmed[:])
	})
	if dropped > 0 {
		t.c.fresh.votes[root] = finalVote{}
		t.counts.votes -= uint64(dropped)
	}
	return err
}

func (t *tx) weight(representative lattice.Account) (w lattice.Amount, err error) {
	id, found, err := t.c.id(representative)
	if err != nil || !found {
		return w, err
	}
	if w, found := t.c.buffer.weights[id]; found {
		return w, nil
	}
	_, err = t.c.query("SELECT weight FROM weights WHERE representative = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { w = readAmount(s, 0) }))
	return w, err
}

func (t *tx) setWeight(representative lattice.Account, w lattice.Amount) error {
	id, err := t.intern(representative)
	if err == nil {
		t.c.buffer.weights[id] = w
	}
	return err
}
