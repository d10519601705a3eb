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

// row reads the row of a block, and false when it is not there.
func (c *conn) row(id blockID) (b stored, found bool, err error) {
	found, err = c.query("SELECT "+blockColumns+" FROM blocks WHERE id = ?",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { b = readStored(s) }))
	return b, found, err
}

// belowOf reads what is needed of the block before one: from its row, or where
// that was pruned from what is kept of it.
func (c *conn) belowOf(id blockID) (b below, err error) {
	if id.height() == 1 {
		return below{}, nil
	}
	read := one(func(s *sqlite.Stmt) { b.hash, b.balance = read32(s, 0), readAmount(s, 1) })
	found, err := c.query("SELECT hash, balance FROM blocks WHERE id = ?", func(s *sqlite.Stmt) { s.BindInt64(1, int64(id-1)) }, read)
	if err != nil || found {
		return b, err
	}
	found, err = c.query("SELECT hash, balance FROM pruned WHERE account = ? AND height = ?", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id.account()))
		s.BindInt64(2, int64(id.height()-1))
	}, read)
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
		hash, err := c.hashOf(l.send)
		return lattice.Link(hash), err
	case l.destination != 0:
		key, err := c.key(l.destination)
		return lattice.Link(key), err
	}
	return l.hash, nil
}

func (r *reader) Block(hash lattice.Hash) (lattice.StoredBlock, bool, error) {
	id, found, err := r.c.find(hash)
	if err != nil || !found {
		return lattice.StoredBlock{}, false, err
	}
	return r.block(id)
}

func (r *reader) BlockAt(account lattice.Account, height uint64) (lattice.StoredBlock, bool, error) {
	id, found, err := r.c.id(account)
	if err != nil || !found || height < 1 || height > MaxHeight {
		return lattice.StoredBlock{}, false, err
	}
	return r.block(id.at(height))
}

func (r *reader) block(id blockID) (out lattice.StoredBlock, found bool, err error) {
	row, found, err := r.c.row(id)
	if err != nil || !found {
		return out, false, err
	}
	under, err := r.c.belowOf(id)
	if err != nil {
		return out, false, err
	}
	confirmed, err := r.confirmedHeight(id.account())
	if err != nil {
		return out, false, err
	}
	out, err = r.c.assemble(&row, under, confirmed)
	return out, err == nil, err
}

func (r *reader) Blocks(account lattice.Account, from uint64, most int) ([]lattice.StoredBlock, error) {
	id, found, err := r.c.id(account)
	if err != nil || !found || most <= 0 || from > MaxHeight {
		return nil, err
	}
	confirmed, err := r.confirmedHeight(id)
	if err != nil {
		return nil, err
	}
	var out []lattice.StoredBlock
	var under *below
	var failed error
	const list = "SELECT " + blockColumns + " FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"
	_, err = r.c.query(list, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id.at(max(1, from))))
		s.BindInt64(2, int64(id.at(MaxHeight)))
		s.BindInt64(3, int64(most))
	}, func(s *sqlite.Stmt) bool {
		row := readStored(s)
		if under == nil {
			first, err := r.c.belowOf(row.id)
			if failed = err; err != nil {
				return false
			}
			under = &first
		}
		b, err := r.c.assemble(&row, *under, confirmed)
		out, failed = append(out, b), err
		*under = below{row.hash, row.balance}
		return failed == nil
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
	found, err = r.c.query("SELECT hash FROM blocks WHERE id BETWEEN ? AND ? AND link = ? ORDER BY id DESC LIMIT 1", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(destination.at(0)))
		s.BindInt64(2, int64(destination.at(MaxHeight)))
		l.bind(s, 3)
	}, one(func(s *sqlite.Stmt) { hash = read32(s, 0) }))
	return hash, found, err
}

func (r *reader) Confirmations(first uint64, most int) ([]lattice.Confirmation, error) {
	if first > 1<<62 || most <= 0 {
		return nil, nil
	}
	var out []lattice.Confirmation
	var failed error
	const list = `SELECT c.sequence, b.id, b.hash FROM confirmations c CROSS JOIN blocks b ON b.id = c.block
		WHERE c.sequence >= ? ORDER BY c.sequence LIMIT ?`
	_, err := r.c.query(list, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(first))
		s.BindInt64(2, int64(most))
	}, func(s *sqlite.Stmt) bool {
		id := blockID(s.ColumnInt64(1))
		e := lattice.Confirmation{Sequence: uint64(s.ColumnInt64(0)), Hash: read32(s, 2), Height: id.height()}
		e.Account, failed = r.c.key(id.account())
		out = append(out, e)
		return failed == nil
	})
	if err = firstError(err, failed); err != nil {
		return nil, err
	}
	return out, nil
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
