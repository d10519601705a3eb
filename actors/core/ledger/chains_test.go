package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

var errDisk = errors.New("disk is on fire")

// chains is a ledger of maps. It does what Effects say and checks nothing.
type chains struct {
	accounts    map[lattice.Account]lattice.AccountInfo
	blocks      map[lattice.Hash]lattice.StoredBlock
	heights     map[lattice.Account]map[uint64]lattice.Hash
	receivables map[lattice.ReceivableKey]lattice.Receivable
	receivedBy  map[lattice.ReceivableKey]lattice.Hash
	sequence    uint64

	reads  int
	failAt int // the read that fails, from 1; 0: none
}

func newChains(t testing.TB, n *lattice.Network) *chains {
	t.Helper()
	c := &chains{
		accounts:    make(map[lattice.Account]lattice.AccountInfo),
		blocks:      make(map[lattice.Hash]lattice.StoredBlock),
		heights:     make(map[lattice.Account]map[uint64]lattice.Hash),
		receivables: make(map[lattice.ReceivableKey]lattice.Receivable),
		receivedBy:  make(map[lattice.ReceivableKey]lattice.Hash),
	}
	e, err := ledger.Validate(n, &n.Genesis, ledger.Context{Hash: n.GenesisHash, Now: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(&e); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cement(n.GenesisHash); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *chains) read() error {
	if c.reads++; c.reads == c.failAt {
		return errDisk
	}
	return nil
}

func (c *chains) Account(a lattice.Account) (lattice.AccountInfo, error) {
	return c.accounts[a], c.read()
}

func (c *chains) Block(h lattice.Hash) (lattice.StoredBlock, bool, error) {
	s, ok := c.blocks[h]
	s.Confirmed = ok && s.Height <= c.accounts[s.Block.Account].ConfirmedHeight
	return s, ok, c.read()
}

func (c *chains) BlockAt(a lattice.Account, height uint64) (lattice.StoredBlock, bool, error) {
	return c.Block(c.heights[a][height])
}

func (c *chains) ReceivedBy(key lattice.ReceivableKey) (lattice.Hash, bool, error) {
	h, ok := c.receivedBy[key]
	return h, ok, c.read()
}

func (c *chains) Receivable(key lattice.ReceivableKey) (lattice.Receivable, bool, error) {
	r, ok := c.receivables[key]
	if s, here := c.blocks[key.Send]; here {
		r.Confirmed = s.Height <= c.accounts[s.Block.Account].ConfirmedHeight
	}
	return r, ok, c.read()
}

func (c *chains) Context(b *lattice.Block, hash lattice.Hash, now time.Time) (ledger.Context, error) {
	return ledger.Gather(c, b, hash, now)
}

func (c *chains) Apply(e *ledger.Effects) error {
	a := e.Block.Account
	c.accounts[a] = e.After
	c.blocks[e.Hash] = lattice.StoredBlock{Block: e.Block, Hash: e.Hash, Height: e.Height, Subtype: e.Subtype, Amount: e.Amount, Time: e.Time}
	if c.heights[a] == nil {
		c.heights[a] = make(map[uint64]lattice.Hash)
	}
	c.heights[a][e.Height] = e.Hash
	if e.Made != nil {
		c.receivables[e.MadeKey()] = *e.Made
	}
	if e.Consumed != nil {
		delete(c.receivables, e.ConsumedKey())
		c.receivedBy[e.ConsumedKey()] = e.Hash
	}
	return nil
}

func (c *chains) Revert(e *ledger.Effects) error {
	a := e.Block.Account
	if now := c.accounts[a]; now != e.After {
		return fmt.Errorf("account is %+v, the effects end in %+v", now, e.After)
	}
	c.accounts[a] = e.Before
	if !e.Before.Opened() {
		delete(c.accounts, a)
	}
	delete(c.blocks, e.Hash)
	delete(c.heights[a], e.Height)
	if e.Made != nil {
		delete(c.receivables, e.MadeKey())
	}
	if e.Consumed != nil {
		c.receivables[e.ConsumedKey()] = *e.Consumed
		delete(c.receivedBy, e.ConsumedKey())
	}
	return nil
}

func (c *chains) Cement(h lattice.Hash) (ledger.Cemented, error) {
	s := c.blocks[h]
	info := c.accounts[s.Block.Account]
	if info.ConfirmedHeight+1 != s.Height {
		return ledger.Cemented{}, fmt.Errorf("cement height %d after %d", s.Height, info.ConfirmedHeight)
	}
	info.ConfirmedHeight, info.ConfirmedFrontier = s.Height, h
	c.accounts[s.Block.Account] = info
	c.sequence++
	return ledger.Cemented{
		Confirmation: lattice.Confirmation{Sequence: c.sequence, Hash: h, Account: s.Block.Account, Height: s.Height},
	}, nil
}

// prune forgets a block, as pruning does.
func (c *chains) prune(h lattice.Hash) {
	s := c.blocks[h]
	delete(c.blocks, h)
	delete(c.heights[s.Block.Account], s.Height)
}

// insert takes a block that must be valid.
func (c *chains) insert(t testing.TB, n *lattice.Network, b *lattice.Block) lattice.Hash {
	t.Helper()
	context, err := c.Context(b, n.HashOf(b), time.Unix(2, 0))
	if err != nil {
		t.Fatal(err)
	}
	e, err := ledger.Validate(n, b, context)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(&e); err != nil {
		t.Fatal(err)
	}
	return e.Hash
}
