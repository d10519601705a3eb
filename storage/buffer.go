package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/messages/lattice"
)

// buffer is what a write transaction changed and has not written to its tables
// yet. Most of it is written at the end, in the order of the tables' keys, since
// writes to random places are what a commit costs; and what was made and used
// up within the transaction is never written at all. The buffers of readers and
// between transactions are empty.
type buffer struct {
	rows    map[blockID]*stored          // inserted, not in blocks
	index   map[lattice.Hash]blockID     // the same, not in block_index
	entries map[entryKey]entry           // made, not in pending
	heads   map[accountID]*change        // account records
	weights map[accountID]lattice.Amount // of representatives
	tail    tail                         // of the confirmation sequence
	most    int                          // entries of any kind that are held back
}

// maxBuffered bounds the buffer: above it, it is written early. Four times 4096
// takes a third less time for a block, since more of them share a page of the
// index, and 35 MB more while so many are inserted in one transaction.
const maxBuffered = 1 << 14

type entryKey struct {
	destination accountID
	send        lattice.Hash
}

// entry is a receivable entry: where its send stands, and how much.
type entry struct {
	source blockID
	amount lattice.Amount
}

// change is an account record before and after what is buffered.
type change struct {
	key           lattice.Account
	before, after lattice.AccountInfo
}

func newBuffer() buffer {
	return buffer{
		rows:    make(map[blockID]*stored),
		index:   make(map[lattice.Hash]blockID),
		entries: make(map[entryKey]entry),
		heads:   make(map[accountID]*change),
		weights: make(map[accountID]lattice.Amount),
		most:    maxBuffered,
	}
}

func (b *buffer) clear() {
	clear(b.rows)
	clear(b.index)
	clear(b.entries)
	clear(b.heads)
	clear(b.weights)
	b.tail = tail{}
}

func (b *buffer) full() bool {
	return max(len(b.rows), len(b.entries), len(b.heads), len(b.weights)) >= b.most
}

// flush writes everything to the tables.
func (c *conn) flush() error {
	for _, part := range []func() error{c.flushRows, c.flushIndex, c.flushEntries, c.flushHeads, c.flushWeights, c.flushTail} {
		if err := part(); err != nil {
			return err
		}
	}
	c.buffer.clear()
	return nil
}

// putPair runs a statement on (prefix of key, number).
func (c *conn) putPair(sql string, key [32]byte, id int64) error {
	_, err := c.exec(sql, func(s *sqlite.Stmt) {
		s.BindInt64(1, prefixOf(key))
		s.BindInt64(2, id)
	})
	return err
}

func (c *conn) flushRows() error {
	const put = "INSERT INTO blocks (" + blockColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	for _, id := range slices.Sorted(maps.Keys(c.buffer.rows)) {
		if _, err := c.exec(put, c.buffer.rows[id].bind); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) flushIndex() error {
	for _, h := range slices.SortedFunc(maps.Keys(c.buffer.index), compareHashes) {
		if err := c.putPair("INSERT INTO block_index (prefix, block) VALUES (?, ?)", h, int64(c.buffer.index[h])); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) flushEntries() error {
	keys := slices.SortedFunc(maps.Keys(c.buffer.entries), func(a, b entryKey) int {
		return cmp.Or(cmp.Compare(a.destination, b.destination), compareHashes(a.send, b.send))
	})
	for _, k := range keys {
		e := c.buffer.entries[k]
		_, err := c.exec("INSERT INTO pending (destination, send, source, amount) VALUES (?, ?, ?, ?)", func(s *sqlite.Stmt) {
			s.BindInt64(1, int64(k.destination))
			s.BindBytes(2, k.send[:])
			s.BindInt64(3, int64(e.source))
			bindAmount(s, 4, e.amount)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// flushHeads writes what of an account record is not in its last block.
func (c *conn) flushHeads() error {
	for _, id := range slices.Sorted(maps.Keys(c.buffer.heads)) {
		ch := c.buffer.heads[id]
		if err := c.flushHead(id, ch); err != nil {
			return err
		}
		c.heads.put(id, ch.after)
		c.fresh.heads[id] = ch.after
	}
	return nil
}

func (c *conn) flushHead(id accountID, ch *change) error {
	if ch.after.ConfirmedHeight != ch.before.ConfirmedHeight {
		_, err := c.exec("INSERT OR REPLACE INTO confirmation_height (account, height) VALUES (?, ?)", func(s *sqlite.Stmt) {
			s.BindInt64(1, int64(id))
			s.BindInt64(2, int64(ch.after.ConfirmedHeight))
		})
		if err != nil {
			return err
		}
	}
	was, is := ch.before.Height > ch.before.ConfirmedHeight, ch.after.Height > ch.after.ConfirmedHeight
	switch {
	case is && !was:
		return c.putPair("INSERT INTO unconfirmed (prefix, account) VALUES (?, ?)", ch.key, int64(id))
	case was && !is:
		return c.putPair("DELETE FROM unconfirmed WHERE prefix = ? AND account = ?", ch.key, int64(id))
	}
	return nil
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

// chunkSize is how many entries of the confirmation sequence are in one row.
// Small numbers packed together take a third of the space that rows of their
// own would.
const chunkSize = 64

// chunkOf returns the row in which an entry of the sequence is.
func chunkOf(sequence uint64) int64 { return int64((sequence - 1) / chunkSize) }

// tail is the last row of the confirmation sequence, and then what else was
// added to it: account and height of each block as varints.
type tail struct {
	chunk  int64
	blocks []byte
	loaded bool
	dirty  bool
}

// confirm adds a block to the sequence under the number after the last.
func (c *conn) confirm(sequence uint64, id blockID) error {
	t := &c.buffer.tail
	if chunk := chunkOf(sequence); !t.loaded || t.chunk != chunk {
		if err := c.flushTail(); err != nil {
			return err
		}
		blocks, err := c.chunk(chunk)
		if err != nil {
			return err
		}
		*t = tail{chunk: chunk, blocks: blocks, loaded: true}
	}
	t.blocks = appendEntry(t.blocks, id)
	t.dirty = true
	return nil
}

func (c *conn) flushTail() error {
	t := &c.buffer.tail
	if !t.dirty {
		return nil
	}
	t.dirty = false
	_, err := c.exec("INSERT OR REPLACE INTO confirmations (chunk, blocks) VALUES (?, ?)", func(s *sqlite.Stmt) {
		s.BindInt64(1, t.chunk)
		s.BindBytes(2, t.blocks)
	})
	return err
}

// chunk reads a row of the confirmation sequence, empty where there is none.
func (c *conn) chunk(chunk int64) (blocks []byte, err error) {
	_, err = c.query("SELECT blocks FROM confirmations WHERE chunk = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, chunk) },
		one(func(s *sqlite.Stmt) { blocks = readBlob(s, 0) }))
	return blocks, err
}

func readBlob(s *sqlite.Stmt, column int) []byte {
	b := make([]byte, s.ColumnLen(column))
	s.ColumnBytes(column, b)
	return b
}

// sequenced is an entry of the confirmation sequence as it is stored.
type sequenced struct {
	sequence uint64
	block    blockID
}

// unpack returns the entries of a row from a number up.
func unpack(chunk int64, blocks []byte, first uint64) (out []sequenced, ok bool) {
	r := bytes.NewReader(blocks)
	for sequence := uint64(chunk)*chunkSize + 1; r.Len() > 0; sequence++ {
		account, err1 := binary.ReadUvarint(r)
		if err1 == nil && account == 0 { // pruned, and tidied away
			continue
		}
		height, err2 := binary.ReadUvarint(r)
		if err1 != nil || err2 != nil || account >= 1<<(63-heightBits) || height > MaxHeight {
			return nil, false
		}
		if sequence >= first {
			out = append(out, sequenced{sequence, accountID(account).at(height)})
		}
	}
	return out, true
}
