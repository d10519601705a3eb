package storage

import (
	"cmp"
	"fmt"

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
	t.spoiled = err
	return err
}

// finish writes what was put off to the end of the transaction.
func (t *tx) finish() error {
	if t.spoiled != nil {
		return fmt.Errorf("transaction cannot be kept after a failed write: %w", t.spoiled)
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
	if _, err := t.c.exec("INSERT INTO accounts (key) VALUES (?)", func(s *sqlite.Stmt) { s.BindBytes(1, key[:]) }); err != nil {
		return 0, err
	}
	id = accountID(t.c.db.LastInsertRowID())
	if err := t.putPair("INSERT INTO account_index (prefix, account) VALUES (?, ?)", key, int64(id)); err != nil {
		return 0, err
	}
	t.c.ids.put(key, id)
	t.c.keys.put(id, key)
	return id, nil
}

// putPair runs a statement on (prefix of key, number).
func (t *tx) putPair(sql string, key [32]byte, id int64) error {
	_, err := t.c.exec(sql, func(s *sqlite.Stmt) {
		s.BindInt64(1, prefixOf(key))
		s.BindInt64(2, id)
	})
	return err
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
	if _, known, err := t.c.find(e.Hash); err != nil || known {
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
	return t.write(func() error { return t.insert(e, head, &row) })
}

// source returns where the send of a receivable entry stands.
func (t *tx) source(key lattice.ReceivableKey) (source blockID, found bool, err error) {
	id, found, err := t.c.id(key.Destination)
	if err != nil || !found {
		return 0, false, err
	}
	found, err = t.c.query("SELECT source FROM pending WHERE destination = ? AND send = ?", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id))
		s.BindBytes(2, key.Send[:])
	}, one(func(s *sqlite.Stmt) { source = blockID(s.ColumnInt64(0)) }))
	return source, found, err
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
		if err := t.dropEntry(account, lattice.Hash(e.Block.Link)); err != nil {
			return err
		}
	}
	if e.Made != nil {
		if row.link.destination, err = t.intern(lattice.Account(e.Block.Link)); err != nil {
			return err
		}
		if err := t.putEntry(row.link.destination, e.Hash, row.id, e.Made.Amount); err != nil {
			return err
		}
	}
	if err := t.putRow(row); err != nil {
		return err
	}
	t.counts.Blocks++
	if !head.Opened() {
		t.counts.Accounts++
	}
	t.options.Counters.Applied.Add(1)
	after := head
	after.Frontier, after.Height, after.Modified = e.Hash, e.Height, seconds(e.Time)
	after.Balance, after.Representative = e.Block.Balance, e.Block.Representative
	return t.setHead(account, e.Block.Account, head, after)
}

func (t *tx) putRow(row *stored) error {
	const put = "INSERT INTO blocks (" + blockColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	_, err := t.c.exec(put, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(row.id))
		s.BindBytes(2, row.hash[:])
		s.BindInt64(3, int64(row.representative))
		bindAmount(s, 4, row.balance)
		row.link.bind(s, 5)
		s.BindInt64(6, int64(row.work))
		s.BindBytes(7, row.signature[:])
		s.BindInt64(8, row.time)
	})
	if err != nil {
		return err
	}
	return t.putPair("INSERT INTO block_index (prefix, block) VALUES (?, ?)", row.hash, int64(row.id))
}

func (t *tx) putEntry(destination accountID, send lattice.Hash, source blockID, amount lattice.Amount) error {
	t.counts.Receivables++
	_, err := t.c.exec("INSERT INTO pending (destination, send, source, amount) VALUES (?, ?, ?, ?)", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(destination))
		s.BindBytes(2, send[:])
		s.BindInt64(3, int64(source))
		bindAmount(s, 4, amount)
	})
	return err
}

func (t *tx) dropEntry(destination accountID, send lattice.Hash) error {
	t.counts.Receivables--
	_, err := t.c.exec("DELETE FROM pending WHERE destination = ? AND send = ?", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(destination))
		s.BindBytes(2, send[:])
	})
	return err
}

// setHead remembers an account record and keeps the list of unconfirmed
// accounts in step with it.
func (t *tx) setHead(id accountID, key lattice.Account, before, after lattice.AccountInfo) error {
	t.c.heads.put(id, after)
	was, is := before.Height > before.ConfirmedHeight, after.Height > after.ConfirmedHeight
	switch {
	case is && !was:
		return t.putPair("INSERT INTO unconfirmed (prefix, account) VALUES (?, ?)", key, int64(id))
	case was && !is:
		return t.putPair("DELETE FROM unconfirmed WHERE prefix = ? AND account = ?", key, int64(id))
	}
	return nil
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
	row, found, err := t.c.row(id.at(head.Height))
	if err != nil || !found {
		return cmp.Or(err, errUnknown("revert", e.Hash))
	}
	var under stored
	if head.Height > 1 {
		if under, found, err = t.c.row(row.id - 1); err != nil || !found {
			return cmp.Or(err, errUnknown("revert", e.Block.Previous))
		}
	}
	if err := checkRevert(e, head, under.balance); err != nil {
		return err
	}
	if e.Made != nil {
		if _, found, err := t.source(e.MadeKey()); err != nil || !found {
			return cmp.Or(err, errNoEntry("revert", e.Hash, e.MadeKey()))
		}
	}
	return t.write(func() error { return t.remove(e, head, &row, &under) })
}

// remove deletes a block that was found right to go.
func (t *tx) remove(e *ledger.Effects, head lattice.AccountInfo, row, under *stored) (err error) {
	if e.Made != nil {
		if err := t.dropEntry(row.link.destination, e.Hash); err != nil {
			return err
		}
	}
	if e.Consumed != nil {
		if row.link.send == 0 { // a send stays until its receive is confirmed
			return t.c.corrupt("send %v was pruned before its receive %v was confirmed", e.Block.Link, e.Hash)
		}
		if err := t.putEntry(row.id.account(), lattice.Hash(e.Block.Link), row.link.send, e.Consumed.Amount); err != nil {
			return err
		}
	}
	if _, err := t.c.exec("DELETE FROM blocks WHERE id = ?", func(s *sqlite.Stmt) { s.BindInt64(1, int64(row.id)) }); err != nil {
		return err
	}
	if err := t.putPair("DELETE FROM block_index WHERE prefix = ? AND block = ?", e.Hash, int64(row.id)); err != nil {
		return err
	}
	t.counts.Blocks--
	if head.Height == 1 {
		t.counts.Accounts--
		return t.setHead(row.id.account(), e.Block.Account, head, lattice.AccountInfo{})
	}
	after := head
	after.Frontier, after.Height, after.Modified = under.hash, head.Height-1, timeOf(under.time)
	after.Balance = under.balance
	if after.Representative, err = t.c.key(under.representative); err != nil {
		return err
	}
	return t.setHead(row.id.account(), e.Block.Account, head, after)
}

func (t *tx) Cement(hash lattice.Hash) (ledger.Cemented, error) {
	id, found, err := t.c.find(hash)
	if err != nil || !found {
		return ledger.Cemented{}, cmp.Or(err, errUnknown("cement", hash))
	}
	head, err := t.c.head(id.account())
	if err != nil {
		return ledger.Cemented{}, err
	}
	row, _, err := t.c.row(id)
	if err != nil {
		return ledger.Cemented{}, err
	}
	under, err := t.c.belowOf(id)
	if err != nil {
		return ledger.Cemented{}, err
	}
	b, err := t.c.assemble(&row, under, head.ConfirmedHeight)
	if err != nil {
		return ledger.Cemented{}, err
	}
	if err := checkNext(&b, head); err != nil {
		return ledger.Cemented{}, err
	}
	if row.link.send != 0 {
		confirmed, err := t.confirmedHeight(row.link.send.account())
		if err != nil || row.link.send.height() > confirmed {
			return ledger.Cemented{}, cmp.Or(err, errSource(hash, b.Block.Link))
		}
	}
	c, err := t.cemented(&b, id)
	if err != nil {
		return ledger.Cemented{}, err
	}
	return c, t.write(func() error { return t.cement(&c, id, head) })
}

// cemented describes what cementing does to the weights.
func (t *tx) cemented(b *lattice.StoredBlock, id blockID) (ledger.Cemented, error) {
	if id.height() == 1 {
		return cemented(b, t.counts.Cemented+1, nil), nil
	}
	row, found, err := t.c.row(id - 1)
	if err != nil || !found {
		return ledger.Cemented{}, cmp.Or(err, errUnknown("cement", b.Block.Previous))
	}
	before := lattice.Block{Balance: row.balance}
	before.Representative, err = t.c.key(row.representative)
	return cemented(b, t.counts.Cemented+1, &before), err
}

func (t *tx) cement(c *ledger.Cemented, id blockID, head lattice.AccountInfo) error {
	if err := moveWeight(c, t.weight, t.setWeight); err != nil {
		return err
	}
	t.counts.Cemented++
	t.options.Counters.Cemented.Add(1)
	_, err := t.c.exec("INSERT INTO confirmations (sequence, block) VALUES (?, ?)", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(c.Confirmation.Sequence))
		s.BindInt64(2, int64(id))
	})
	if err != nil {
		return err
	}
	_, err = t.c.exec("INSERT OR REPLACE INTO confirmation_height (account, height) VALUES (?, ?)", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id.account()))
		s.BindInt64(2, int64(id.height()))
	})
	if err != nil {
		return err
	}
	root := c.Block.QualifiedRoot()
	_, err = t.c.exec("DELETE FROM final_votes WHERE account = ? AND previous = ?", func(s *sqlite.Stmt) {
		s.BindBytes(1, root.Account[:])
		s.BindBytes(2, root.Previous[:])
	})
	if err != nil {
		return err
	}
	after := head
	after.ConfirmedHeight, after.ConfirmedFrontier = id.height(), c.Confirmation.Hash
	return t.setHead(id.account(), c.Block.Account, head, after)
}

func (t *tx) weight(representative lattice.Account) (w lattice.Amount, err error) {
	id, found, err := t.c.id(representative)
	if err != nil || !found {
		return w, err
	}
	_, err = t.c.query("SELECT weight FROM weights WHERE representative = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { w = readAmount(s, 0) }))
	return w, err
}

func (t *tx) setWeight(representative lattice.Account, w lattice.Amount) error {
	id, err := t.intern(representative)
	if err != nil {
		return err
	}
	if w.IsZero() {
		_, err = t.c.exec("DELETE FROM weights WHERE representative = ?", func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) })
		return err
	}
	_, err = t.c.exec("INSERT OR REPLACE INTO weights (representative, weight) VALUES (?, ?)", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id))
		bindAmount(s, 2, w)
	})
	return err
}

func (t *tx) PutFinalVote(root lattice.QualifiedRoot, hash lattice.Hash) (lattice.Hash, error) {
	final, found, err := confirmedAt(t, root)
	if err != nil || found {
		return final, err
	}
	final, found, err = t.FinalVote(root)
	if err != nil || found {
		return final, err
	}
	return hash, t.write(func() error {
		_, err := t.c.exec("INSERT INTO final_votes (account, previous, hash) VALUES (?, ?, ?)", func(s *sqlite.Stmt) {
			s.BindBytes(1, root.Account[:])
			s.BindBytes(2, root.Previous[:])
			s.BindBytes(3, hash[:])
		})
		return err
	})
}

func (t *tx) PutWeightSample(sample lattice.WeightSample, keep int) error {
	if err := checkKeep(keep); err != nil {
		return err
	}
	return t.write(func() error {
		_, err := t.c.exec("INSERT INTO online_weight (time, weight) VALUES (?, ?)", func(s *sqlite.Stmt) {
			s.BindInt64(1, sample.Time.Unix())
			bindAmount(s, 2, sample.Weight)
		})
		if err != nil {
			return err
		}
		_, err = t.c.exec("DELETE FROM online_weight WHERE id <= (SELECT max(id) FROM online_weight) - ?",
			func(s *sqlite.Stmt) { s.BindInt64(1, int64(keep)) })
		return err
	})
}

func (t *tx) PutPeers(peers []Peer) error {
	if err := checkPeers(peers); err != nil {
		return err
	}
	return t.write(func() error {
		if _, err := t.c.exec("DELETE FROM peers", nil); err != nil {
			return err
		}
		for _, p := range sortPeers(peers) {
			_, err := t.c.exec("INSERT INTO peers (address, last_seen) VALUES (?, ?)", func(s *sqlite.Stmt) {
				s.BindText(1, p.Address.String())
				s.BindInt64(2, p.LastSeen.Unix())
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) SetValue(name string, value []byte) error {
	if err := checkValue(name, value); err != nil {
		return err
	}
	return t.write(func() error {
		if value == nil {
			_, err := t.c.exec("DELETE FROM settings WHERE name = ?", func(s *sqlite.Stmt) { s.BindText(1, name) })
			return err
		}
		_, err := t.c.exec("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", func(s *sqlite.Stmt) {
			s.BindText(1, name)
			if len(value) == 0 {
				s.BindZeroBlob(2, 0) // an empty slice would be bound as NULL
				return
			}
			s.BindBytes(2, value)
		})
		return err
	})
}
