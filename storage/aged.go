package storage

import (
	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Aged reads only what decides: planning to prune goes through the
// whole ledger, and what a page of the file holds that is not at hand costs more
// than all else.
func (r *reader) Aged(account lattice.Account, from, to uint64, most int, search uint64) ([]ledger.AgedBlock, error) {
	id, found, err := r.c.id(account)
	if err != nil || !found || most <= 0 || from > MaxHeight {
		return nil, err
	}
	var out []ledger.AgedBlock
	var destinations []accountID
	const list = "SELECT id, hash, link FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"
	_, err = r.c.query(list, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id.at(max(1, from))))
		s.BindInt64(2, int64(id.at(min(to, MaxHeight))))
		s.BindInt64(3, int64(most))
	}, func(s *sqlite.Stmt) bool {
		l := readLink(s, 2)
		b := ledger.AgedBlock{Height: blockID(s.ColumnInt64(0)).height(), Hash: read32(s, 1), Send: l.destination != 0}
		b.Genesis = b.Height == 1 && l == link{}
		out, destinations = append(out, b), append(destinations, l.destination)
		return true
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Send {
			if err := r.spent(id, destinations[i], &out[i], search); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// spent finds out what became of a send. Of old sends the receive is old, too, so
// the chain of the destination is searched from its beginning.
func (r *reader) spent(source, destination accountID, b *ledger.AgedBlock, search uint64) (err error) {
	if _, b.Waits, err = r.c.entry(entryKey{destination, b.Hash}); err != nil || b.Waits {
		return err
	}
	first, last, err := r.c.kept(destination)
	if err != nil || last == 0 {
		return err
	}
	if b.Searched = last - first + 1; b.Searched > search {
		b.Unsearched, b.Searched = true, 0
		return nil
	}
	var height uint64
	const find = "SELECT id, hash FROM blocks WHERE id BETWEEN ? AND ? AND link = ? ORDER BY id LIMIT 1"
	found, err := r.c.query(find, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(destination.at(first)))
		s.BindInt64(2, int64(destination.at(last)))
		s.BindInt64(3, int64(source.at(b.Height)))
	}, one(func(s *sqlite.Stmt) { height, b.Receive = blockID(s.ColumnInt64(0)).height(), read32(s, 1) }))
	if err != nil || !found {
		return err
	}
	b.Searched = height - first + 1
	confirmed, err := r.c.confirmedHeight(destination)
	b.ReceiveConfirmed = height <= confirmed
	return err
}

// kept returns the heights between which all blocks of an account stand that were
// not pruned, but for sends that stayed; 0 when there are none.
func (c *conn) kept(id accountID) (first, last uint64, err error) {
	const newest = "SELECT id FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"
	_, err = c.query(newest, func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(id.at(0)))
		s.BindInt64(2, int64(id.at(MaxHeight)))
	}, one(func(s *sqlite.Stmt) { last = blockID(s.ColumnInt64(0)).height() }))
	if err != nil || last == 0 {
		return 0, 0, err
	}
	_, err = c.query("SELECT height FROM pruned WHERE account = ? ORDER BY height DESC LIMIT 1",
		func(s *sqlite.Stmt) { s.BindInt64(1, int64(id)) },
		one(func(s *sqlite.Stmt) { first = uint64(s.ColumnInt64(0)) }))
	return first + 1, last, err
}

// blockReader is what agedOf asks.
type blockReader interface {
	ledger.Chains
	Blocks(account lattice.Account, from uint64, most int) ([]lattice.StoredBlock, error)
}

// agedOf is Aged by the questions that every reader answers.
func agedOf(r blockReader, account lattice.Account, from, to uint64, most int, search uint64) (out []ledger.AgedBlock, err error) {
	blocks, err := r.Blocks(account, from, most)
	if err != nil {
		return nil, err
	}
	for i := range blocks {
		s := &blocks[i]
		if s.Height > to {
			break
		}
		b := ledger.AgedBlock{Height: s.Height, Hash: s.Hash, Send: s.Subtype == lattice.Send}
		b.Genesis = s.Block.Previous.IsZero() && s.Block.Link.IsZero()
		if b.Send {
			if err := spentOf(r, lattice.ReceivableKey{Destination: lattice.Account(s.Block.Link), Send: s.Hash}, &b, search); err != nil {
				return nil, err
			}
		}
		out = append(out, b)
	}
	return out, nil
}

func spentOf(r blockReader, key lattice.ReceivableKey, b *ledger.AgedBlock, search uint64) (err error) {
	if _, b.Waits, err = r.Receivable(key); err != nil || b.Waits {
		return err
	}
	info, err := r.Account(key.Destination)
	if err != nil || !info.Opened() {
		return err
	}
	if b.Searched = info.Height - info.PrunedHeight; b.Searched > search {
		b.Unsearched, b.Searched = true, 0
		return nil
	}
	hash, found, err := r.ReceivedBy(key)
	if err != nil || !found {
		return err
	}
	receive, found, err := r.Block(hash)
	if err != nil || !found {
		return err
	}
	b.Receive, b.ReceiveConfirmed = hash, receive.Confirmed
	b.Searched = receive.Height - info.PrunedHeight
	return nil
}
