package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// checkPrune refuses to remove what would be missed: a block that is not where the
// plan says, is not confirmed below its account's confirmed frontier, or whose
// amount nobody has received.
func checkPrune(b *lattice.StoredBlock, found bool, p *ledger.PrunedBlock, head lattice.AccountInfo, waits bool) error {
	switch {
	case !found || b.Hash != p.Hash:
		return fmt.Errorf("prune block %v at height %d: it is not there", p.Hash, p.Height)
	case p.Height >= head.ConfirmedHeight:
		return fmt.Errorf("prune block %v at height %d: the account is confirmed up to height %d, which stays", p.Hash, p.Height, head.ConfirmedHeight)
	case waits:
		return fmt.Errorf("prune block %v at height %d: what it sends was not received", p.Hash, p.Height)
	}
	return nil
}

func (t *tx) Prune(plan ledger.Pruning) (int, error) {
	head, err := t.Account(plan.Account)
	if err != nil || !head.Opened() {
		return 0, cmp.Or(err, fmt.Errorf("prune account %v: it is not open", plan.Account))
	}
	id, _, err := t.c.id(plan.Account)
	if err == nil {
		err = t.flushed()
	}
	if err != nil {
		return 0, err
	}
	rows := make([]stored, 0, len(plan.Blocks))
	for i := range plan.Blocks {
		row, gone, err := t.pruned(id, head, &plan.Blocks[i])
		if err != nil {
			return 0, err
		}
		if !gone && (len(rows) == 0 || rows[len(rows)-1].id < row.id) {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return 0, nil
	}
	return len(rows), t.write(func() error { return t.prune(plan, id, head, rows) })
}

// pruned checks one block of a plan. gone: an earlier plan took it.
func (t *tx) pruned(id accountID, head lattice.AccountInfo, p *ledger.PrunedBlock) (row stored, gone bool, err error) {
	if p.Height < 1 || p.Height > MaxHeight {
		return row, false, checkPrune(nil, false, p, head, false)
	}
	row, _, found, err := t.c.pair(id.at(p.Height))
	if err != nil {
		return row, false, err
	}
	if !found && p.Height <= head.PrunedHeight {
		return row, true, nil
	}
	waits := false
	if row.link.destination != 0 {
		if _, waits, err = t.c.entry(entryKey{row.link.destination, row.hash}); err != nil {
			return row, false, err
		}
	}
	return row, false, checkPrune(&lattice.StoredBlock{Hash: row.hash}, found, p, head, waits)
}

// prune removes blocks that were found right to go, in the order of their heights.
func (t *tx) prune(plan ledger.Pruning, id accountID, head lattice.AccountInfo, rows []stored) error {
	for i := range plan.Blocks {
		if p := &plan.Blocks[i]; !p.Receive.IsZero() {
			if err := t.unlink(id.at(p.Height), p); err != nil {
				return err
			}
		}
	}
	for i := range rows {
		row := &rows[i]
		t.c.fresh.remove(row.id)
		if _, err := t.c.exec("DELETE FROM blocks WHERE id = ?", func(s *sqlite.Stmt) { s.BindInt64(1, int64(row.id)) }); err != nil {
			return err
		}
		if err := t.inherit(row, i > 0 && rows[i-1].id == row.id-1, i+1 < len(rows) && rows[i+1].id == row.id+1); err != nil {
			return err
		}
	}
	slices.SortFunc(rows, func(a, b stored) int { return compareHashes(a.hash, b.hash) })
	for i := range rows {
		if err := t.c.execPair("DELETE FROM block_index WHERE prefix = ? AND block = ?", rows[i].hash, int64(rows[i].id)); err != nil {
			return err
		}
	}
	t.counts.Pruned += uint64(len(rows))
	t.options.Counters.Pruned.Add(int64(len(rows)))
	after := head
	for i := range rows {
		after.PrunedHeight = max(after.PrunedHeight, rows[i].id.height())
	}
	t.setHead(id, plan.Account, head, after)
	return nil
}

// inherit keeps of a removed block what the block after it needs, if that stays,
// and forgets what was kept for the removed block itself. before and after tell
// that the blocks beside it go as well.
func (t *tx) inherit(row *stored, before, after bool) error {
	if !before && row.id.height() > 1 {
		_, err := t.c.exec("DELETE FROM pruned WHERE account = ? AND height = ?", func(s *sqlite.Stmt) {
			s.BindInt64(1, int64(row.id.account()))
			s.BindInt64(2, int64(row.id.height()-1))
		})
		if err != nil {
			return err
		}
	}
	if after {
		return nil
	}
	_, kept, err := t.c.hashAt(row.id + 1)
	if err != nil || !kept {
		return err
	}
	_, err = t.c.exec("INSERT INTO pruned (account, height, hash, balance) VALUES (?, ?, ?, ?)", func(s *sqlite.Stmt) {
		s.BindInt64(1, int64(row.id.account()))
		s.BindInt64(2, int64(row.id.height()))
		s.BindBytes(3, row.hash[:])
		bindAmount(s, 4, row.balance)
	})
	return err
}

// unlink writes the hash of a send into its receive, where the place of the send
// stood. A receive that is gone needs nothing.
func (t *tx) unlink(send blockID, p *ledger.PrunedBlock) error {
	receive, found, err := t.c.find(p.Receive)
	if err != nil || !found {
		return err
	}
	t.c.fresh.remove(receive)
	_, err = t.c.exec("UPDATE blocks SET link = ? WHERE id = ? AND link = ?", func(s *sqlite.Stmt) {
		s.BindBytes(1, p.Hash[:])
		s.BindInt64(2, int64(receive))
		s.BindInt64(3, int64(send))
	})
	return err
}

// TidyConfirmations writes rows of the confirmation sequence again without their
// pruned entries.
func (t *tx) TidyConfirmations(first uint64, most int) (next uint64, err error) {
	if err := t.flushed(); err != nil {
		return 0, err
	}
	last := chunkOf(max(1, t.counts.Cemented))
	if first = max(1, first); first > t.counts.Cemented || most < 1 {
		return 0, nil
	}
	chunks := make(map[int64][]byte)
	var order []int64
	const list = "SELECT chunk, blocks FROM confirmations WHERE chunk >= ? AND chunk < ? ORDER BY chunk LIMIT ?"
	_, err = t.c.query(list, func(s *sqlite.Stmt) {
		s.BindInt64(1, chunkOf(first))
		s.BindInt64(2, last)
		s.BindInt64(3, int64((most+chunkSize-1)/chunkSize))
	}, func(s *sqlite.Stmt) bool {
		order = append(order, s.ColumnInt64(0))
		chunks[s.ColumnInt64(0)] = readBlob(s, 1)
		return true
	})
	if err != nil || len(order) == 0 {
		return 0, err
	}
	return uint64(order[len(order)-1]+1)*chunkSize + 1, t.write(func() error {
		for _, chunk := range order {
			if err := t.c.tidy(chunk, chunks[chunk]); err != nil {
				return err
			}
		}
		return nil
	})
}

// tidy writes one row again, or removes it when all its entries are pruned.
func (c *conn) tidy(chunk int64, blocks []byte) error {
	entries, ok := unpack(chunk, blocks, 0)
	if !ok {
		return c.corrupt("chunk %d of the confirmation sequence cannot be read", chunk)
	}
	out := make([]byte, 0, len(blocks))
	next := uint64(chunk)*chunkSize + 1
	empty := true
	for _, e := range entries {
		_, kept, err := c.hashAt(e.block)
		if err != nil {
			return err
		}
		if !kept {
			continue
		}
		for empty = false; next < e.sequence; next++ {
			out = append(out, 0)
		}
		out = appendEntry(out, e.block)
		next++
	}
	var err error
	switch {
	case empty:
		_, err = c.exec("DELETE FROM confirmations WHERE chunk = ?", func(s *sqlite.Stmt) { s.BindInt64(1, chunk) })
	case !bytes.Equal(out, blocks):
		_, err = c.exec("UPDATE confirmations SET blocks = ?2 WHERE chunk = ?1", func(s *sqlite.Stmt) {
			s.BindInt64(1, chunk)
			s.BindBytes(2, out)
		})
	}
	return err
}

func appendEntry(to []byte, id blockID) []byte {
	to = binary.AppendUvarint(to, uint64(id.account()))
	return binary.AppendUvarint(to, id.height())
}

// vacuumPages is the least free space, in pages, that is worth being given back to
// the system: less is used again soon.
const vacuumPages = 16

// Space reads what SQLite counts anyway.
func (s *file) Space() (used, free int64, err error) {
	err = s.View(func(r Reader) error {
		pages, unused, err := r.(*reader).c.pages()
		used, free = (pages-unused)*pageSize, unused*pageSize
		return err
	})
	return used, free, err
}

// pages returns how many pages a file has and how many of them hold nothing.
func (c *conn) pages() (all, unused int64, err error) {
	for name, n := range map[string]*int64{"page_count": &all, "freelist_count": &unused} {
		if _, err := c.query("PRAGMA "+name, nil, one(func(s *sqlite.Stmt) { *n = s.ColumnInt64(0) })); err != nil {
			return 0, 0, err
		}
	}
	return all, unused, nil
}

// Shrink gives free pages back, from the end of the file, in a transaction of its
// own. When enough are gone the log is moved to the file, which cuts it off.
func (s *file) Shrink(most int64) (more bool, err error) {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.closed {
		return false, ErrClosed
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	all, unused, err := s.writer.pages()
	if err != nil || unused < max(vacuumPages, all/32) || most < pageSize {
		return false, err
	}
	n := min(unused, most/pageSize)
	err = s.transaction(func(t *tx) error {
		_, err := t.c.query(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", n), nil, func(*sqlite.Stmt) bool { return true })
		return err
	})
	if err != nil {
		return false, err
	}
	if more = unused-n >= max(vacuumPages, (all-n)/32); !more {
		if _, err := s.writer.query("PRAGMA wal_checkpoint(PASSIVE)", nil, nil); err != nil {
			return false, err
		}
		s.options.Counters.Checkpoints.Add(1)
	}
	return more, nil
}
