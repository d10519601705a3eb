package storage

import (
	"bytes"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// reader reads a file through one connection, in a transaction that its owner
// began.
type reader struct {
	c        *conn
	snapshot *counts // nil in a write transaction, which has its own
}

// counts reads the one row of that table.
func (c *conn) counts() (n counts, err error) {
	found, err := c.query("SELECT blocks, cemented, pruned, accounts, receivables, synced FROM counts", nil, one(func(s *sqlite.Stmt) {
		n.Blocks, n.Cemented, n.Pruned = uint64(s.ColumnInt64(0)), uint64(s.ColumnInt64(1)), uint64(s.ColumnInt64(2))
		n.Accounts, n.Receivables, n.synced = uint64(s.ColumnInt64(3)), uint64(s.ColumnInt64(4)), uint64(s.ColumnInt64(5))
	}))
	if err == nil && !found {
		err = c.corrupt("table counts is empty")
	}
	return n, err
}

func (r *reader) Counts() (lattice.Counts, error) { return r.snapshot.public(), nil }

func (n *counts) public() lattice.Counts {
	out := n.Counts
	out.StoredBlocks = out.Blocks - out.Pruned
	return out
}

// id returns the number of a key, and false when the ledger never mentioned it.
func (c *conn) id(key lattice.Account) (id accountID, found bool, err error) {
	if id, found = c.ids.get(key); found {
		return id, true, nil
	}
	const find = `SELECT a.id FROM account_index i CROSS JOIN accounts a ON a.id = i.account WHERE i.prefix = ? AND a.key = ?`
	found, err = c.query(find, func(s *sqlite.Stmt) {
		s.BindInt64(1, prefixOf(key))
		s.BindBytes(2, key[:])
	}, one(func(s *sqlite.Stmt) { id = accountID(s.ColumnInt64(0)) }))
	if found {
		c.ids.put(key, id)
	}
	return id, found, err
}

// key returns the key of a number.
func (c *conn) key(id accountID) (key lattice.Account, err error) {
	if key, found := c.keys.get(id); found {
		return key, nil
	}
	found, err := c.query("SELECT key FROM accounts WHERE id = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { key = read32(s, 0) }))
	if err == nil && !found {
		err = c.corrupt("account %d is not there", id)
	}
	if err == nil {
		c.keys.put(id, key)
	}
	return key, err
}

func (r *reader) Account(account lattice.Account) (lattice.AccountInfo, error) {
	id, found, err := r.c.id(account)
	if err != nil || !found {
		return lattice.AccountInfo{}, err
	}
	return r.c.head(id)
}

// head gathers what is known of an account: most of it is in its last block.
func (c *conn) head(id accountID) (info lattice.AccountInfo, err error) {
	if c.heads != nil {
		if info, found := c.heads.get(id); found {
			return info, nil
		}
	}
	const last = `SELECT id, hash, balance, representative, time FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1`
	var representative accountID
	open, err := c.query(last, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id.at(0)))
		s.BindInt64(2, int64(id.at(MaxHeight)))
	}, one(func(s *sqlite.Stmt) {
		info.Height = blockID(s.ColumnInt64(0)).height()
		info.Frontier = read32(s, 1)
		info.Balance = readAmount(s, 2)
		representative = accountID(s.ColumnInt64(3))
		info.Modified = timeOf(s.ColumnInt64(4))
	}))
	if err != nil || !open {
		return lattice.AccountInfo{}, err
	}
	if info.Representative, err = c.key(representative); err != nil {
		return lattice.AccountInfo{}, err
	}
	if info.ConfirmedHeight, err = c.confirmedHeight(id); err != nil {
		return lattice.AccountInfo{}, err
	}
	switch info.ConfirmedHeight {
	case 0:
	case info.Height:
		info.ConfirmedFrontier = info.Frontier
	default:
		if info.ConfirmedFrontier, err = c.hashOf(id.at(info.ConfirmedHeight)); err != nil {
			return lattice.AccountInfo{}, err
		}
	}
	_, err = c.query("SELECT height FROM pruned WHERE account = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { info.PrunedHeight = uint64(s.ColumnInt64(0)) }))
	if err == nil && c.heads != nil {
		c.heads.put(id, info)
	}
	return info, err
}

func (c *conn) confirmedHeight(id accountID) (height uint64, err error) {
	_, err = c.query("SELECT height FROM confirmation_height WHERE account = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { height = uint64(s.ColumnInt64(0)) }))
	return height, err
}

// hashOf returns the hash of a block that must be there.
func (c *conn) hashOf(id blockID) (hash lattice.Hash, err error) {
	found, err := c.query("SELECT hash FROM blocks WHERE id = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { hash = read32(s, 0) }))
	if err == nil && !found {
		err = c.corrupt("block %d of account %d is not there", id.height(), id.account())
	}
	return hash, err
}

// find returns where the block with a hash stands, and false when it is not
// there.
func (c *conn) find(hash lattice.Hash) (id blockID, found bool, err error) {
	if hash.IsZero() {
		return 0, false, nil
	}
	const find = `SELECT b.id FROM block_index i CROSS JOIN blocks b ON b.id = i.block WHERE i.prefix = ? AND b.hash = ?`
	found, err = c.query(find, func(s *sqlite.Stmt) {
		s.BindInt64(1, prefixOf(hash))
		s.BindBytes(2, hash[:])
	}, one(func(s *sqlite.Stmt) { id = blockID(s.ColumnInt64(0)) }))
	return id, found, err
}

func (r *reader) Receivable(key lattice.ReceivableKey) (lattice.Receivable, bool, error) {
	id, found, err := r.c.id(key.Destination)
	if err != nil || !found {
		return lattice.Receivable{}, false, err
	}
	return r.receivable(id, key.Send)
}

func (r *reader) receivable(destination accountID, send lattice.Hash) (out lattice.Receivable, found bool, err error) {
	var source blockID
	found, err = r.c.query("SELECT source, amount FROM pending WHERE destination = ? AND send = ?", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(destination))
		s.BindBytes(2, send[:])
	}, one(func(s *sqlite.Stmt) {
		source, out.Amount = blockID(s.ColumnInt64(0)), readAmount(s, 1)
	}))
	if err != nil || !found {
		return lattice.Receivable{}, false, err
	}
	if err := r.completeReceivable(source, &out); err != nil {
		return lattice.Receivable{}, false, err
	}
	return out, true, nil
}

// completeReceivable adds what follows from where the send stands.
func (r *reader) completeReceivable(source blockID, out *lattice.Receivable) (err error) {
	if out.Source, err = r.c.key(source.account()); err != nil {
		return err
	}
	confirmed, err := r.confirmedHeight(source.account())
	out.Confirmed = source.height() <= confirmed
	return err
}

// confirmedHeight prefers the writer's cache.
func (r *reader) confirmedHeight(id accountID) (uint64, error) {
	if r.c.heads != nil {
		if info, found := r.c.heads.get(id); found {
			return info.ConfirmedHeight, nil
		}
	}
	return r.c.confirmedHeight(id)
}

func (r *reader) Receivables(destination lattice.Account, start lattice.Hash, most int) ([]lattice.ReceivableEntry, error) {
	id, found, err := r.c.id(destination)
	if err != nil || !found {
		return nil, err
	}
	var out []lattice.ReceivableEntry
	var failed error
	const list = `SELECT send, source, amount FROM pending WHERE destination = ? AND send >= ? ORDER BY send LIMIT ?`
	_, err = r.c.query(list, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id))
		s.BindBytes(2, start[:])
		s.BindInt64(3, int64(max(0, most)))
	}, func(s *sqlite.Stmt) bool {
		e := lattice.ReceivableEntry{Key: lattice.ReceivableKey{Destination: destination, Send: read32(s, 0)}}
		e.Receivable.Amount = readAmount(s, 2)
		failed = r.completeReceivable(blockID(s.ColumnInt64(1)), &e.Receivable)
		out = append(out, e)
		return failed == nil
	})
	if err = firstError(err, failed); err != nil {
		return nil, err
	}
	return out, nil
}

func (r *reader) Context(b *lattice.Block, hash lattice.Hash, now time.Time) (ledger.Context, error) {
	c := ledger.Context{Hash: hash, Now: now}
	_, known, err := r.c.find(hash)
	if err != nil {
		return c, err
	}
	c.Known = known
	id, mentioned, err := r.c.id(b.Account)
	if err != nil {
		return c, err
	}
	if mentioned {
		if c.Account, err = r.c.head(id); err != nil {
			return c, err
		}
	}
	if c.PreviousKnown, err = r.isKnown(b.Previous, c.Account); err != nil {
		return c, err
	}
	if !needsSource(b, c.Account) {
		return c, nil
	}
	if mentioned {
		entry, found, err := r.receivable(id, lattice.Hash(b.Link))
		if err != nil {
			return c, err
		}
		if found {
			c.Receivable, c.SourceKnown = &entry, true
			return c, nil
		}
	}
	_, c.SourceKnown, err = r.c.find(lattice.Hash(b.Link))
	return c, err
}

// isKnown reports whether a previous block is there; mostly it is the frontier.
func (r *reader) isKnown(previous lattice.Hash, head lattice.AccountInfo) (bool, error) {
	if !previous.IsZero() && previous == head.Frontier {
		return true, nil
	}
	_, known, err := r.c.find(previous)
	return known, err
}

func (r *reader) Accounts(start lattice.Account, most int) ([]lattice.AccountEntry, error) {
	return r.entries(`SELECT a.id, a.key FROM account_index i CROSS JOIN accounts a ON a.id = i.account
		WHERE i.prefix >= ? ORDER BY i.prefix, a.key`, start, most)
}

func (r *reader) Unconfirmed(start lattice.Account, most int) ([]lattice.AccountEntry, error) {
	return r.entries(`SELECT a.id, a.key FROM unconfirmed u CROSS JOIN accounts a ON a.id = u.account
		WHERE u.prefix >= ? ORDER BY u.prefix, a.key`, start, most)
}

// entries lists the open accounts among those that a query gives in the order
// of their keys.
func (r *reader) entries(list string, start lattice.Account, most int) ([]lattice.AccountEntry, error) {
	if most <= 0 {
		return nil, nil
	}
	var out []lattice.AccountEntry
	var failed error
	_, err := r.c.query(list, func(s *sqlite.Stmt) { s.BindInt64(1, prefixOf(start)) }, func(s *sqlite.Stmt) bool {
		e := lattice.AccountEntry{Account: read32(s, 1)}
		if bytes.Compare(e.Account[:], start[:]) < 0 {
			return true
		}
		e.Info, failed = r.c.head(accountID(s.ColumnInt64(0)))
		if e.Info.Opened() {
			out = append(out, e)
		}
		return failed == nil && len(out) < most
	})
	if err = firstError(err, failed); err != nil {
		return nil, err
	}
	return out, nil
}

func (r *reader) Weights(f func(lattice.Account, lattice.Amount) bool) error {
	const list = `SELECT a.key, w.weight FROM weights w JOIN accounts a ON a.id = w.representative ORDER BY a.key`
	_, err := r.c.query(list, nil, func(s *sqlite.Stmt) bool { return f(read32(s, 0), readAmount(s, 1)) })
	return err
}

func (r *reader) FinalVote(root lattice.QualifiedRoot) (hash lattice.Hash, found bool, err error) {
	found, err = r.c.query("SELECT hash FROM final_votes WHERE account = ? AND previous = ?", func(s *sqlite.Stmt) {
		s.BindBytes(1, root.Account[:])
		s.BindBytes(2, root.Previous[:])
	}, one(func(s *sqlite.Stmt) { hash = read32(s, 0) }))
	return hash, found, err
}

func (r *reader) WeightSamples() (out []lattice.WeightSample, err error) {
	_, err = r.c.query("SELECT time, weight FROM online_weight ORDER BY id", nil, func(s *sqlite.Stmt) bool {
		out = append(out, lattice.WeightSample{Time: timeOf(s.ColumnInt64(0)), Weight: readAmount(s, 1)})
		return true
	})
	return out, err
}

func (r *reader) Value(name string) (value []byte, found bool, err error) {
	found, err = r.c.query("SELECT value FROM settings WHERE name = ?",
		func(s *sqlite.Stmt) { s.BindText(1, name) },
		one(func(s *sqlite.Stmt) {
			value = make([]byte, s.ColumnLen(0))
			s.ColumnBytes(0, value)
		}))
	return value, found, err
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
