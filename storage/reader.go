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

	// The account that was looked at last, in a snapshot: questions about one come
	// together.
	last     accountID
	lastInfo lattice.AccountInfo
}

// head is conn.head.
func (r *reader) head(id accountID) (lattice.AccountInfo, error) {
	if r.snapshot == nil {
		return r.c.head(id)
	}
	if r.last != id || id == 0 {
		info, err := r.c.head(id)
		if err != nil {
			return info, err
		}
		r.last, r.lastInfo = id, info
	}
	return r.lastInfo, nil
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
	if id, found = c.buffer.ids[key]; found {
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
	if key, found := c.buffer.key(id); found {
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

// lastKey returns the greatest number that a key has.
func (c *conn) lastKey() (id accountID, err error) {
	_, err = c.query("SELECT max(id) FROM accounts", nil, one(func(s *sqlite.Stmt) { id = accountID(s.ColumnInt64(0)) }))
	return id, err
}

func (r *reader) Account(account lattice.Account) (lattice.AccountInfo, error) {
	id, found, err := r.c.id(account)
	if err != nil || !found {
		return lattice.AccountInfo{}, err
	}
	return r.head(id)
}

// head gathers what is known of an account: most of it is in its last block.
func (c *conn) head(id accountID) (info lattice.AccountInfo, err error) {
	if info, found := c.remembered(id); found {
		return info, nil
	}
	const last = `SELECT id, hash, balance, representative, time,
		(SELECT height FROM confirmation_height WHERE account = ?3),
		(SELECT height FROM pruned WHERE account = ?3 ORDER BY height DESC LIMIT 1)
		FROM blocks WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1`
	var representative accountID
	open, err := c.query(last, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id.at(0)))
		s.BindInt64(2, int64(id.at(MaxHeight)))
		s.BindInt64(3, int64(id))
	}, one(func(s *sqlite.Stmt) {
		info.Height = blockID(s.ColumnInt64(0)).height()
		info.Frontier = read32(s, 1)
		info.Balance = readAmount(s, 2)
		representative = accountID(s.ColumnInt64(3))
		info.Modified = timeOf(s.ColumnInt64(4))
		info.ConfirmedHeight = uint64(s.ColumnInt64(5)) // 0 where there is none
		info.PrunedHeight = uint64(s.ColumnInt64(6))    // likewise
	}))
	if err != nil || !open {
		return lattice.AccountInfo{}, err
	}
	if info.Representative, err = c.key(representative); err != nil {
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
	if c.heads != nil {
		c.heads.put(id, info)
	}
	return info, err
}

// remembered returns an account record that the writer changed or keeps.
func (c *conn) remembered(id accountID) (lattice.AccountInfo, bool) {
	if ch := c.buffer.heads[id]; ch != nil {
		return ch.after, true
	}
	if c.heads == nil {
		return lattice.AccountInfo{}, false
	}
	return c.heads.get(id)
}

func (c *conn) confirmedHeight(id accountID) (height uint64, err error) {
	if info, found := c.remembered(id); found {
		return info.ConfirmedHeight, nil
	}
	_, err = c.query("SELECT height FROM confirmation_height WHERE account = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { height = uint64(s.ColumnInt64(0)) }))
	return height, err
}

// hashOf returns the hash of a block that must be there.
func (c *conn) hashOf(id blockID) (lattice.Hash, error) {
	hash, found, err := c.hashAt(id)
	if err == nil && !found {
		err = c.corrupt("block %d of account %d is not there", id.height(), id.account())
	}
	return hash, err
}

// hashAt returns the hash of a block, and false when it is not there.
func (c *conn) hashAt(id blockID) (hash lattice.Hash, found bool, err error) {
	if row := c.buffer.rows[id]; row != nil {
		return row.hash, true, nil
	}
	if h := c.hotBlock(id); h != nil {
		return h.row.hash, true, nil
	}
	found, err = c.query("SELECT hash FROM blocks WHERE id = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { hash = read32(s, 0) }))
	return hash, found, err
}

// find returns where the block with a hash stands, and false when it is not
// there.
func (c *conn) find(hash lattice.Hash) (id blockID, found bool, err error) {
	if id, found := c.buffer.index[hash]; found || hash.IsZero() {
		return id, found, nil
	}
	if h := c.hotNamed(hash); h != nil {
		return h.row.id, true, nil
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
	e, found, err := r.c.entry(entryKey{destination, send})
	if err != nil || !found {
		return lattice.Receivable{}, false, err
	}
	out, err = r.c.completeReceivable(e)
	return out, err == nil, err
}

// entry returns a receivable entry, and false when there is none.
func (c *conn) entry(key entryKey) (e entry, found bool, err error) {
	if e, found := c.buffer.entries[key]; found {
		return e, true, nil
	}
	if _, dropped := c.buffer.dropped[key]; dropped {
		return entry{}, false, nil
	}
	found, err = c.query("SELECT source, amount FROM pending WHERE destination = ? AND send = ?", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(key.destination))
		s.BindBytes(2, key.send[:])
	}, one(func(s *sqlite.Stmt) { e = entry{blockID(s.ColumnInt64(0)), readAmount(s, 1)} }))
	return e, found, err
}

// completeReceivable adds what follows from where the send stands.
func (c *conn) completeReceivable(e entry) (out lattice.Receivable, err error) {
	if out.Source, err = c.key(e.source.account()); err != nil {
		return out, err
	}
	confirmed, err := c.confirmedHeight(e.source.account())
	out.Amount, out.Confirmed = e.amount, e.source.height() <= confirmed
	return out, err
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
		e.Receivable, failed = r.c.completeReceivable(entry{blockID(s.ColumnInt64(1)), readAmount(s, 2)})
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
	id, mentioned, err := r.c.id(b.Account)
	if err != nil {
		return c, err
	}
	if mentioned {
		if c.Account, err = r.c.head(id); err != nil {
			return c, err
		}
	}
	// A block that goes on where its account ends, which is what most blocks do,
	// is not there: the account would not end there. That saves the search in the
	// largest index.
	if b.Previous != c.Account.Frontier {
		if _, c.Known, err = r.c.find(hash); err != nil {
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
	if v, known := r.c.hotVote(root); known {
		return v.hash, v.found, nil
	}
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
		one(func(s *sqlite.Stmt) { value = readBlob(s, 0) }))
	return value, found, err
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
