package storage

import (
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Bounds of what is kept in memory of the ledger for Look.
const (
	// hotBlocks is how many of the blocks that were inserted last are kept: at a
	// thousand blocks a second those of two seconds, which is longer than a
	// confirmation takes.
	hotBlocks = 2048
	// hotHeads is how many account records are kept beside them.
	hotHeads = 2048
	// hotVotes is how many final votes are kept. They are only of use when they are
	// all there are: with more, none are.
	hotVotes = 8192
	// hotBatch is how many blocks of one transaction are kept. One that inserts more
	// is bootstrapping, and nobody votes about these soon.
	hotBatch = 512
)

// hot is the part of the ledger that was written lately, as of the last commit:
// what elections and votes ask for again and again. It is changed only between
// the end of one write transaction and the begin of the next, under file.looking,
// so the writer may read it without.
type hot struct {
	blocks map[blockID]*hotBlock
	index  map[lattice.Hash]*hotBlock
	order  []*hotBlock // a ring of hotBlocks, in the order of insertion
	oldest int
	votes  map[lattice.QualifiedRoot]lattice.Hash // all that are stored; nil: they are too many
}

// hotBlock is a block with the one before it, of which only what account records
// hold is known. It is never changed.
type hotBlock struct {
	row   stored
	under *stored // nil for the first of an account
}

// fresh is what a write transaction will do to hot.
type fresh struct {
	blocks []*hotBlock // nil where one was removed again
	gone   map[blockID]struct{}
	heads  map[accountID]lattice.AccountInfo
	votes  map[lattice.QualifiedRoot]finalVote
	// What the transaction has read lately: whoever confirms blocks asks for the same
	// several times.
	read  map[blockID]*hotBlock
	named map[lattice.Hash]*hotBlock
}

// readBlocks is how many blocks that it has read a write transaction remembers.
const readBlocks = 2048

// finalVote is a final vote, or that there is none.
type finalVote struct {
	hash  lattice.Hash
	found bool
}

func newHot() *hot {
	return &hot{
		blocks: make(map[blockID]*hotBlock), index: make(map[lattice.Hash]*hotBlock),
		votes: make(map[lattice.QualifiedRoot]lattice.Hash),
	}
}

func newFresh() fresh {
	return fresh{
		gone: make(map[blockID]struct{}), heads: make(map[accountID]lattice.AccountInfo),
		votes: make(map[lattice.QualifiedRoot]finalVote),
		read:  make(map[blockID]*hotBlock), named: make(map[lattice.Hash]*hotBlock),
	}
}

func (f *fresh) clear() {
	clear(f.blocks)
	f.blocks = f.blocks[:0]
	clear(f.gone)
	clear(f.heads)
	clear(f.votes)
	clear(f.read)
	clear(f.named)
}

// remember keeps a block that the write transaction has read from its table; a
// reader remembers nothing.
func (f *fresh) remember(row, under *stored) {
	if f.read == nil {
		return
	}
	if len(f.read) >= readBlocks {
		clear(f.read)
		clear(f.named)
	}
	h := &hotBlock{row: *row, under: under}
	f.read[row.id], f.named[row.hash] = h, h
}

// full reports whether enough blocks were noted.
func (f *fresh) full() bool { return len(f.blocks) >= hotBatch }

// insert notes a block that was inserted above head, whose representative has a
// number.
func (f *fresh) insert(row *stored, head lattice.AccountInfo, representative accountID) {
	h := &hotBlock{row: *row}
	if row.id.height() > 1 {
		h.under = &stored{
			id: row.id - 1, hash: head.Frontier, balance: head.Balance,
			representative: representative, time: head.Modified.Unix(),
		}
	}
	f.blocks = append(f.blocks, h)
}

// remove notes that a block is no more what it was.
func (f *fresh) remove(id blockID) {
	f.gone[id] = struct{}{}
	for i, h := range f.blocks {
		if h != nil && h.row.id == id {
			f.blocks[i] = nil
		}
	}
}

// hotBlock returns a block that was written or read lately and that this
// transaction has not touched since.
func (c *conn) hotBlock(id blockID) *hotBlock {
	if c.hot == nil {
		return nil
	}
	if _, gone := c.fresh.gone[id]; gone {
		return nil
	}
	if h := c.hot.blocks[id]; h != nil {
		return h
	}
	return c.fresh.read[id]
}

// hotNamed is hotBlock for the block with a hash.
func (c *conn) hotNamed(hash lattice.Hash) *hotBlock {
	if c.hot == nil {
		return nil
	}
	h := c.hot.index[hash]
	if h == nil {
		if h = c.fresh.named[hash]; h == nil {
			return nil
		}
	}
	return c.hotBlock(h.row.id)
}

// hotVote returns what is known of the final vote on a root without the table.
func (c *conn) hotVote(root lattice.QualifiedRoot) (v finalVote, known bool) {
	if c.hot == nil {
		return v, false
	}
	if v, known = c.fresh.votes[root]; known {
		return v, true
	}
	if c.hot.votes == nil {
		return v, false
	}
	v.hash, v.found = c.hot.votes[root]
	return v, true
}

// publish makes hot what the ledger is after a commit.
func (h *hot) publish(f *fresh, votes uint64) {
	for id := range f.gone {
		if old := h.blocks[id]; old != nil {
			delete(h.blocks, id)
			delete(h.index, old.row.hash)
		}
	}
	for _, b := range f.blocks {
		if b != nil {
			h.put(b)
		}
	}
	switch {
	case votes > hotVotes:
		h.votes = nil
	case h.votes == nil && votes > 0:
	case h.votes == nil:
		h.votes = make(map[lattice.QualifiedRoot]lattice.Hash)
	default:
		for root, v := range f.votes {
			if v.found {
				h.votes[root] = v.hash
			} else {
				delete(h.votes, root)
			}
		}
	}
}

// put keeps a block, and forgets the oldest if there is no room.
func (h *hot) put(b *hotBlock) {
	if len(h.order) < hotBlocks {
		h.order = append(h.order, b)
	} else {
		old := h.order[h.oldest]
		if h.blocks[old.row.id] == old {
			delete(h.blocks, old.row.id)
			delete(h.index, old.row.hash)
		}
		h.order[h.oldest] = b
		h.oldest = (h.oldest + 1) % hotBlocks
	}
	h.blocks[b.row.id], h.index[b.row.hash] = b, b
}

// commit ends the write transaction and makes what it did visible, to views and
// to looks at once.
func (s *file) commit(votes uint64) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	c := s.writer
	if _, err := c.exec("COMMIT", nil); err != nil {
		return err
	}
	s.hot.publish(&c.fresh, votes)
	if l := s.looker; l != nil {
		for id, head := range c.fresh.heads {
			l.heads.put(id, head)
		}
		for _, h := range c.fresh.blocks {
			if h != nil {
				l.learn(c, h.row.id.account())
				l.learn(c, h.row.representative)
				l.learn(c, h.row.link.destination)
			}
		}
	}
	c.fresh.clear()
	return nil
}

// learn takes over the key of a number that another connection knows.
func (c *conn) learn(from *conn, id accountID) {
	if _, known := c.keys.get(id); known || id == 0 {
		return
	}
	if key, known := from.keys.get(id); known {
		c.keys.put(id, key)
		c.ids.put(key, id)
	}
}

// Look implements Store.
func (s *file) Look(f func(Lookup) error) error {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.closed {
		return ErrClosed
	}
	s.looking.Lock()
	defer s.looking.Unlock()
	if s.looker == nil {
		c, err := s.openReader(hotHeads)
		if err != nil {
			return err
		}
		c.hot, c.heads, c.lazy = s.hot, newCache[accountID, lattice.AccountInfo](hotHeads), true
		s.looker = c
	}
	defer s.looker.rollback()
	r := &reader{c: s.looker}
	defer func() { r.c = nil }()
	return f(r)
}

// loadVotes reads all final votes, if they are not too many.
func (s *file) loadVotes() error {
	if s.counts.votes > hotVotes {
		s.hot.votes = nil
		return nil
	}
	_, err := s.writer.query("SELECT account, previous, hash FROM final_votes", nil, func(q *sqlite.Stmt) bool {
		s.hot.votes[lattice.QualifiedRoot{Account: read32(q, 0), Previous: read32(q, 1)}] = read32(q, 2)
		return true
	})
	if err != nil {
		return fmt.Errorf("read the final votes: %w", err)
	}
	return nil
}
