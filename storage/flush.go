package storage

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/messages/lattice"
)

// insertion puts rows into a table, many with one statement: what a statement
// costs by itself is as much as a row.
type insertion struct {
	columns   int
	one, many string
}

const rowsAtOnce = 32

// Rows that are there already mean a broken file. Then the whole transaction is
// undone, since to be able to undo the statement alone SQLite would keep a copy of
// every page that it changes.
func newInsertion(table string, columns int) insertion {
	row := ", (?" + strings.Repeat(", ?", columns-1) + ")"
	into := "INSERT OR ROLLBACK INTO " + table + " VALUES "
	return insertion{columns, into + row[2:], into + row[2:] + strings.Repeat(row, rowsAtOnce-1)}
}

var (
	putKeys        = newInsertion("accounts (id, key)", 2)
	putKeyIndex    = newInsertion("account_index (prefix, account)", 2)
	putRows        = newInsertion("blocks ("+blockColumns+")", 8)
	putIndex       = newInsertion("block_index (prefix, block)", 2)
	putEntries     = newInsertion("pending (destination, send, source, amount)", 4)
	putUnconfirmed = newInsertion("unconfirmed (prefix, account)", 2)
)

// insert puts so many rows into a table. bind gives row i to the parameters from
// the given one up.
func (c *conn) insert(into *insertion, count int, bind func(s *sqlite.Stmt, param, i int)) error {
	for i := 0; i < count; {
		sql, rows := into.one, 1
		if count-i >= rowsAtOnce {
			sql, rows = into.many, rowsAtOnce
		}
		_, err := c.query(sql, func(s *sqlite.Stmt) {
			for row := range rows {
				bind(s, 1+row*into.columns, i+row)
			}
		}, nil)
		if err != nil {
			return err
		}
		i += rows
	}
	return nil
}

// insertPairs puts (prefix of key, number) into a table.
func (c *conn) insertPairs(into *insertion, count int, pair func(i int) ([32]byte, int64)) error {
	return c.insert(into, count, func(s *sqlite.Stmt, param, i int) {
		key, number := pair(i)
		s.BindInt64(param, prefixOf(key))
		s.BindInt64(param+1, number)
	})
}

// execPair runs a statement on (prefix of key, number).
func (c *conn) execPair(sql string, key [32]byte, id int64) error {
	_, err := c.exec(sql, func(s *sqlite.Stmt) {
		s.BindInt64(1, prefixOf(key))
		s.BindInt64(2, id)
	})
	return err
}

// flush writes everything to the tables. It goes through each tree once and in
// the order of its keys: when a page that had to leave the page cache is changed
// again in the same transaction, SQLite reads the log from there to its end once
// more.
func (c *conn) flush() error {
	for _, part := range []func() error{
		c.flushKeys, c.flushRows, c.flushIndex, c.flushEntries, c.flushHeads, c.flushUnconfirmed, c.flushWeights, c.flushTail,
	} {
		if err := part(); err != nil {
			return err
		}
	}
	c.buffer.clear()
	return nil
}

// flushKeys writes the keys that got a number.
func (c *conn) flushKeys() error {
	b := &c.buffer
	err := c.insert(&putKeys, len(b.keys), func(s *sqlite.Stmt, param, i int) {
		s.BindInt64(param, int64(b.first)+int64(i))
		s.BindBytes(param+1, b.keys[i][:])
	})
	if err != nil {
		return err
	}
	sorted := slices.SortedFunc(maps.Keys(b.ids), compareKeys)
	return c.insertPairs(&putKeyIndex, len(sorted), func(i int) ([32]byte, int64) { return sorted[i], int64(b.ids[sorted[i]]) })
}

func compareKeys(a, b lattice.Account) int { return bytes.Compare(a[:], b[:]) }

func (c *conn) flushRows() error {
	ids := slices.Sorted(maps.Keys(c.buffer.rows))
	return c.insert(&putRows, len(ids), func(s *sqlite.Stmt, param, i int) { c.buffer.rows[ids[i]].bind(s, param) })
}

func (c *conn) flushIndex() error {
	b := &c.buffer
	sorted := slices.SortedFunc(maps.Keys(b.index), compareHashes)
	return c.insertPairs(&putIndex, len(sorted), func(i int) ([32]byte, int64) { return sorted[i], int64(b.index[sorted[i]]) })
}

// flushEntries removes receivable entries that were used up, and writes new ones.
func (c *conn) flushEntries() error {
	b := &c.buffer
	for _, k := range slices.SortedFunc(maps.Keys(b.dropped), compareEntries) {
		_, err := c.exec("DELETE FROM pending WHERE destination = ? AND send = ?", func(s *sqlite.Stmt) {
			s.BindInt64(1, int64(k.destination))
			s.BindBytes(2, k.send[:])
		})
		if err != nil {
			return err
		}
	}
	sorted := slices.SortedFunc(maps.Keys(b.entries), compareEntries)
	return c.insert(&putEntries, len(sorted), func(s *sqlite.Stmt, param, i int) {
		k, e := &sorted[i], b.entries[sorted[i]]
		s.BindInt64(param, int64(k.destination))
		s.BindBytes(param+1, k.send[:])
		s.BindInt64(param+2, int64(e.source))
		bindAmount(s, param+3, e.amount)
	})
}

func compareEntries(a, b entryKey) int {
	return cmp.Or(cmp.Compare(a.destination, b.destination), compareHashes(a.send, b.send))
}

// flushHeads writes how far accounts are confirmed: the rest of an account record
// is in its last block.
func (c *conn) flushHeads() error {
	for _, id := range slices.Sorted(maps.Keys(c.buffer.heads)) {
		ch := c.buffer.heads[id]
		if ch.after.ConfirmedHeight != ch.before.ConfirmedHeight {
			_, err := c.exec("INSERT OR REPLACE INTO confirmation_height (account, height) VALUES (?, ?)", func(s *sqlite.Stmt) {
				s.BindInt64(1, int64(id))
				s.BindInt64(2, int64(ch.after.ConfirmedHeight))
			})
			if err != nil {
				return err
			}
		}
		c.heads.put(id, ch.after)
		c.fresh.heads[id] = ch.after
	}
	return nil
}

// flushUnconfirmed writes which accounts have got, or no longer have, blocks that
// are not confirmed.
func (c *conn) flushUnconfirmed() error {
	heads := c.buffer.heads
	var on, off []accountID
	for id, ch := range heads {
		was, is := ch.before.Height > ch.before.ConfirmedHeight, ch.after.Height > ch.after.ConfirmedHeight
		switch {
		case is && !was:
			on = append(on, id)
		case was && !is:
			off = append(off, id)
		}
	}
	byKey := func(a, b accountID) int { return compareKeys(heads[a].key, heads[b].key) }
	slices.SortFunc(on, byKey)
	slices.SortFunc(off, byKey)
	for _, id := range off {
		if err := c.execPair("DELETE FROM unconfirmed WHERE prefix = ? AND account = ?", heads[id].key, int64(id)); err != nil {
			return err
		}
	}
	return c.insertPairs(&putUnconfirmed, len(on), func(i int) ([32]byte, int64) { return heads[on[i]].key, int64(on[i]) })
}

func (c *conn) flushWeights() error {
	for _, id := range slices.Sorted(maps.Keys(c.buffer.weights)) {
		w := c.buffer.weights[id]
		var err error
		if w.IsZero() {
			_, err = c.exec("DELETE FROM weights WHERE representative = ?", func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) })
		} else {
			_, err = c.exec("INSERT OR REPLACE INTO weights (representative, weight) VALUES (?, ?)", func(s *sqlite.Stmt) {
				s.BindInt64(1, int64(id))
				bindAmount(s, 2, w)
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
