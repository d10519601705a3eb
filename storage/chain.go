package storage

import (
	"net/netip"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/messages/lattice"
)

// stored is a row of the table blocks.
type stored struct {
	id             blockID
	hash           lattice.Hash
	representative accountID
	balance        lattice.Amount
	link           link
	work           uint64
	signature      [64]byte
	time           int64
}

// link is what stands for the link of a block: the send it received, its
// destination, or the hash itself. All zero is the zero link.
type link struct {
	send        blockID
	destination accountID
	hash        lattice.Link
}

const blockColumns = "id, hash, representative, balance, link, work, signature, time"

func readStored(s *sqlite.Stmt) (b stored) {
	b.id = blockID(s.ColumnInt64(0))
	b.hash = read32(s, 1)
	b.representative = accountID(s.ColumnInt64(2))
	b.balance = readAmount(s, 3)
	b.link = readLink(s, 4)
	b.work = uint64(s.ColumnInt64(5))
	s.ColumnBytes(6, b.signature[:])
	b.time = s.ColumnInt64(7)
	return b
}

// bind binds the columns to the parameters from a given one up.
func (b *stored) bind(s *sqlite.Stmt, param int) {
	s.BindInt64(param, int64(b.id))
	s.BindBytes(param+1, b.hash[:])
	s.BindInt64(param+2, int64(b.representative))
	bindAmount(s, param+3, b.balance)
	b.link.bind(s, param+4)
	s.BindInt64(param+5, int64(b.work))
	s.BindBytes(param+6, b.signature[:])
	s.BindInt64(param+7, b.time)
}

func readLink(s *sqlite.Stmt, column int) (l link) {
	switch s.ColumnType(column) {
	case sqlite.TypeBlob:
		l.hash = read32(s, column)
	case sqlite.TypeInteger:
		if n := s.ColumnInt64(column); n > 0 {
			l.send = blockID(n)
		} else {
			l.destination = accountID(-n)
		}
	}
	return l
}

func (l link) bind(s *sqlite.Stmt, param int) {
	switch {
	case l.send != 0:
		s.BindInt64(param, int64(l.send))
	case l.destination != 0:
		s.BindInt64(param, -int64(l.destination))
	case l.hash.IsZero():
		s.BindNull(param)
	default:
		s.BindBytes(param, l.hash[:])
	}
}

// below is what a block inherits from the one before it.
type below struct {
	hash    lattice.Hash
	balance lattice.Amount
}

func (b *stored) below() below { return below{b.hash, b.balance} }

// pair reads the row of a block and the one before it. found is for the block;
// the one before it is nil where there is none, or it was pruned.
func (c *conn) pair(id blockID) (row stored, under *stored, found bool, err error) {
	if buffered := c.buffer.rows[id]; buffered != nil {
		if under = c.buffer.rows[id-1]; under == nil && id.height() > 1 {
			if h := c.hotBlock(id - 1); h != nil {
				return *buffered, &h.row, true, nil
			}
			_, under, _, err = c.readPair(id)
		}
		return *buffered, under, true, err
	}
	if h := c.hotBlock(id); h != nil {
		return h.row, h.under, true, nil
	}
	return c.readPair(id)
}

// readPair is pair without a look at what is buffered.
func (c *conn) readPair(id blockID) (row stored, under *stored, found bool, err error) {
	// Not the text of the listing in Blocks, which may be running: a text is one
	// statement.
	const read = "SELECT " + blockColumns + " FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 2"
	_, err = c.query(read, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id-1))
		s.BindInt64(2, int64(id))
	}, func(s *sqlite.Stmt) bool {
		next := readStored(s)
		if found = next.id == id; found {
			row = next
		} else {
			under = &next
		}
		return true
	})
	if err == nil && found {
		c.fresh.remember(&row, under)
	}
	return row, under, found, err
}

// lookUp is pair for the block with a hash.
func (c *conn) lookUp(hash lattice.Hash) (row stored, under *stored, found bool, err error) {
	if id, found := c.buffer.index[hash]; found {
		return c.pair(id)
	}
	if hash.IsZero() {
		return stored{}, nil, false, nil
	}
	if h := c.hotNamed(hash); h != nil {
		return h.row, h.under, true, nil
	}
	const read = `SELECT b.id, b.hash, b.representative, b.balance, b.link, b.work, b.signature, b.time
		FROM block_index i CROSS JOIN blocks b ON b.id BETWEEN i.block - 1 AND i.block WHERE i.prefix = ?`
	_, err = c.query(read, func(s *sqlite.Stmt) { s.BindInt64(1, prefixOf(hash)) }, func(s *sqlite.Stmt) bool {
		next := readStored(s)
		if found = next.hash == hash; found {
			row = next
			return false
		}
		under = &next
		return true
	})
	if under != nil && under.id != row.id-1 {
		under = nil
	}
	if err == nil && found {
		c.fresh.remember(&row, under)
	}
	return row, under, found, err
}

// belowOf returns what a block inherits, given the row before it: from there,
// or where that was pruned from what is kept of it.
func (c *conn) belowOf(id blockID, under *stored) (b below, err error) {
	if under != nil {
		return under.below(), nil
	}
	if id.height() == 1 {
		return below{}, nil
	}
	found, err := c.query("SELECT hash, balance FROM pruned WHERE account = ? AND height = ?", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id.account()))
		s.BindInt64(2, int64(id.height()-1))
	}, one(func(s *sqlite.Stmt) { b = below{read32(s, 0), readAmount(s, 1)} }))
	if err == nil && !found {
		err = c.corrupt("block %d of account %d has no block before it", id.height(), id.account())
	}
	return b, err
}

// assemble makes the whole block from its row and what follows from others.
func (c *conn) assemble(row *stored, under below, confirmed uint64) (out lattice.StoredBlock, err error) {
	b := &out.Block
	if b.Account, err = c.key(row.id.account()); err != nil {
		return out, err
	}
	if b.Representative, err = c.key(row.representative); err != nil {
		return out, err
	}
	if b.Link, err = c.link(row.link); err != nil {
		return out, err
	}
	b.Previous, b.Balance, b.Work, b.Signature = under.hash, row.balance, row.work, row.signature
	out.Hash, out.Height, out.Time = row.hash, row.id.height(), timeOf(row.time)
	out.Subtype = b.Subtype(under.balance)
	if out.Amount = row.balance.SatSub(under.balance); out.Subtype == lattice.Send {
		out.Amount = under.balance.SatSub(row.balance)
	}
	out.Confirmed = out.Height <= confirmed
	return out, nil
}

// link returns the link that a row's stands for.
func (c *conn) link(l link) (lattice.Link, error) {
	switch {
	case l.send != 0:
		if c.fresh.read != nil { // whoever asks the writer wants to see the send next
			if row, _, found, err := c.pair(l.send); err != nil || found {
				return lattice.Link(row.hash), err
			}
		}
		hash, err := c.hashOf(l.send)
		return lattice.Link(hash), err
	case l.destination != 0:
		key, err := c.key(l.destination)
		return lattice.Link(key), err
	}
	return l.hash, nil
}

func (r *reader) Block(hash lattice.Hash) (lattice.StoredBlock, bool, error) {
	row, under, found, err := r.c.lookUp(hash)
	return r.whole(&row, under, found, err)
}

func (r *reader) BlockAt(account lattice.Account, height uint64) (lattice.StoredBlock, bool, error) {
	id, found, err := r.c.id(account)
	if err != nil || !found || height < 1 || height > MaxHeight {
		return lattice.StoredBlock{}, false, err
	}
	row, under, found, err := r.c.pair(id.at(height))
	return r.whole(&row, under, found, err)
}

// whole makes a block of what pair or lookUp returned.
func (r *reader) whole(row, under *stored, found bool, err error) (lattice.StoredBlock, bool, error) {
	if err != nil || !found {
		return lattice.StoredBlock{}, false, err
	}
	inherited, err := r.c.belowOf(row.id, under)
	if err != nil {
		return lattice.StoredBlock{}, false, err
	}
	confirmed, err := r.c.confirmedHeight(row.id.account())
	if err != nil {
		return lattice.StoredBlock{}, false, err
	}
	out, err := r.c.assemble(row, inherited, confirmed)
	return out, err == nil, err
}

func (r *reader) Blocks(account lattice.Account, from uint64, most int) ([]lattice.StoredBlock, error) {
	id, found, err := r.c.id(account)
	if err != nil || !found || most <= 0 || from > MaxHeight {
		return nil, err
	}
	confirmed, err := r.c.confirmedHeight(id)
	if err != nil {
		return nil, err
	}
	first := id.at(max(1, from))
	var out []lattice.StoredBlock
	var under *stored
	var failed error
	const list = "SELECT " + blockColumns + " FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id"
	_, err = r.c.query(list, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(first-1))
		s.BindInt64(2, int64(id.at(MaxHeight)))
	}, func(s *sqlite.Stmt) bool {
		row := readStored(s)
		if row.id >= first {
			if under != nil && under.id != row.id-1 {
				under = nil // blocks between them were pruned
			}
			var b lattice.StoredBlock
			inherited, err := r.c.belowOf(row.id, under)
			if err == nil {
				b, err = r.c.assemble(&row, inherited, confirmed)
			}
			out, failed = append(out, b), err
		}
		under = &row
		return failed == nil && len(out) < most
	})
	if err = firstError(err, failed); err != nil {
		return nil, err
	}
	return out, nil
}

// ReceivedBy looks through the destination's chain from its end, since nobody
// asks except to take back a send whose receive must then be near the end. An
// index would cost every block.
func (r *reader) ReceivedBy(key lattice.ReceivableKey) (hash lattice.Hash, found bool, err error) {
	destination, found, err := r.c.id(key.Destination)
	if err != nil || !found || key.Send.IsZero() {
		return lattice.Hash{}, false, err
	}
	send, kept, err := r.c.find(key.Send)
	if err != nil {
		return lattice.Hash{}, false, err
	}
	l := link{send: send}
	if !kept {
		l = link{hash: lattice.Link(key.Send)}
	}
	head, err := r.head(destination)
	if err != nil {
		return lattice.Hash{}, false, err
	}
	found, err = r.c.query("SELECT hash FROM blocks WHERE id BETWEEN ? AND ? AND link = ? ORDER BY id DESC LIMIT 1", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(destination.at(head.PrunedHeight))) // below that only sends are left
		s.BindInt64(2, int64(destination.at(MaxHeight)))
		l.bind(s, 3)
	}, one(func(s *sqlite.Stmt) { hash = read32(s, 0) }))
	return hash, found, err
}

func (r *reader) Confirmations(first uint64, most int) ([]lattice.Confirmation, error) {
	first = max(1, first)
	if first > 1<<62 || most <= 0 {
		return nil, nil
	}
	var out []lattice.Confirmation
	var failed error
	const list = "SELECT chunk, blocks FROM confirmations WHERE chunk >= ? ORDER BY chunk"
	_, err := r.c.query(list, func(s *sqlite.Stmt) { s.BindInt64(1, chunkOf(first)) }, func(s *sqlite.Stmt) bool {
		entries, ok := unpack(s.ColumnInt64(0), readBlob(s, 1), first)
		if !ok {
			failed = r.c.corrupt("chunk %d of the confirmation sequence cannot be read", s.ColumnInt64(0))
			return false
		}
		for _, e := range entries {
			if failed != nil || len(out) == most {
				return false
			}
			out, failed = r.c.appendConfirmation(out, e)
		}
		return failed == nil
	})
	if err = firstError(err, failed); err != nil {
		return nil, err
	}
	return out, nil
}

// appendConfirmation adds an entry unless its block was pruned.
func (c *conn) appendConfirmation(out []lattice.Confirmation, e sequenced) ([]lattice.Confirmation, error) {
	hash, found, err := c.hashAt(e.block)
	if err != nil || !found {
		return out, err
	}
	account, err := c.key(e.block.account())
	return append(out, lattice.Confirmation{Sequence: e.sequence, Hash: hash, Account: account, Height: e.block.height()}), err
}

func (r *reader) Peers() (out []Peer, err error) {
	var failed error
	_, err = r.c.query("SELECT address, last_seen FROM peers", nil, func(s *sqlite.Stmt) bool {
		p := Peer{LastSeen: timeOf(s.ColumnInt64(1))}
		if p.Address, failed = netip.ParseAddrPort(s.ColumnText(0)); failed != nil {
			failed = r.c.corrupt("peer %q: %v", s.ColumnText(0), failed)
		}
		out = append(out, p)
		return failed == nil
	})
	if err = firstError(err, failed); err != nil {
		return nil, err
	}
	return sortPeers(out), nil
}
