package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// makeBatch is how many blocks one commit of a made-up ledger has.
const makeBatch = 4096

// ledgerMaker fills a ledger with valid, confirmed blocks: accounts that are
// opened from the genesis account and then send to each other. The same numbers
// give the same blocks.
type ledgerMaker struct {
	network *lattice.Network
	rng     *rand.Rand
	keys    []crypto.PrivateKey
	heads   []lattice.AccountInfo
	waiting []sent
	aside   []sent // that next leaves alone, the first ones made
	reserve int    // how many are put aside
	opened  int
	every   int        // one in so many sends opens an account, while there are any to open
	popular *rand.Zipf // a few accounts send and receive most; nil: all the same
	later   bool       // work and signatures are added by finish; until then work is the threshold
	last    int        // account of the last block
}

// sent is an amount that an account can receive.
type sent struct {
	to     int
	hash   lattice.Hash
	amount lattice.Amount
}

func newLedgerMaker(n *lattice.Network, accounts int) *ledgerMaker {
	m := &ledgerMaker{network: n, rng: rand.New(rand.NewPCG(1, 2)), opened: 1, every: 4}
	m.keys = append(m.keys, crypto.NewPrivateKey(*n.GenesisSeed))
	m.heads = append(m.heads, lattice.AccountInfo{Frontier: n.GenesisHash, Height: 1, Balance: n.Genesis.Balance})
	for i := range accounts {
		seed := crypto.Sum256([]byte("smallnano bench account"), binary.LittleEndian.AppendUint64(nil, uint64(i)))
		m.keys = append(m.keys, crypto.NewPrivateKey(seed))
		m.heads = append(m.heads, lattice.AccountInfo{})
	}
	return m
}

// plan sees that all accounts are opened by so many blocks, half of which are
// sends.
func (m *ledgerMaker) plan(count int) { m.every = min(4, max(1, count/2/len(m.keys))) }

// fill makes a ledger in a data folder that has count blocks, that of the
// genesis included.
func (m *ledgerMaker) fill(ctx context.Context, dir string, count int) error {
	if err := makeFolder(dir); err != nil {
		return err
	}
	m.plan(count)
	store, err := storage.Open(filepath.Join(dir, ledgerFile), storage.Options{Network: m.network})
	if err != nil {
		return err
	}
	return errors.Join(m.insert(ctx, store, count-1), store.Close())
}

// insert makes blocks and puts them into a ledger, while the next are made.
func (m *ledgerMaker) insert(ctx context.Context, store storage.Store, count int) error {
	ctx, cancel := context.WithCancel(ctx)
	made := make(chan []checkedBlock, 1)
	go func() {
		defer close(made)
		for ; count > 0 && ctx.Err() == nil; count -= makeBatch {
			blocks := make([]checkedBlock, min(makeBatch, count))
			for i := range blocks {
				blocks[i].block, blocks[i].hash = m.next()
			}
			select {
			case made <- blocks:
			case <-ctx.Done():
			}
		}
	}()
	var err error
	for blocks := range made {
		if err == nil {
			err = store.Update(func(tx storage.Tx) error { return insertMade(tx, m.network, blocks) })
		}
		if err != nil {
			cancel()
		}
	}
	err = cmp.Or(err, ctx.Err())
	cancel()
	return err
}

func insertMade(tx storage.Tx, n *lattice.Network, blocks []checkedBlock) error {
	for i := range blocks {
		b := &blocks[i]
		c, err := tx.Context(&b.block, b.hash, time.Now())
		if err != nil {
			return err
		}
		c.SignatureVerified = true
		e, err := ledger.Validate(n, &b.block, c)
		if err != nil {
			return fmt.Errorf("a made-up block is refused: %w", err)
		}
		if err := tx.Apply(&e); err != nil {
			return err
		}
		if _, err := tx.Cement(b.hash); err != nil {
			return err
		}
	}
	return nil
}

// next makes the next block: a receive as often as a send. While there are
// accounts to open, a part of the sends opens one, so that chains and new accounts
// come mixed, and each chain depends on others.
func (m *ledgerMaker) next() (lattice.Block, lattice.Hash) {
	if len(m.waiting) > 64 || len(m.waiting) > 0 && m.rng.IntN(2) == 0 {
		i := m.rng.IntN(len(m.waiting))
		r := m.waiting[i]
		m.waiting[i] = m.waiting[len(m.waiting)-1]
		m.waiting = m.waiting[:len(m.waiting)-1]
		balance, _ := m.heads[r.to].Balance.Add(r.amount)
		m.last = r.to
		return m.seal(r.to, balance, lattice.Link(r.hash), m.network.ReceiveThreshold)
	}
	from, to := 0, m.opened
	if to == len(m.keys) || m.rng.IntN(m.every) > 0 && m.opened > 1 {
		from, to = m.pick(), m.pick()
	} else {
		m.opened++
	}
	if m.heads[from].Balance.Less(lattice.AmountFrom(2)) {
		from = 0
	}
	// The genesis account opens the others: it must not run dry before the last.
	amount := m.heads[from].Balance.MulDiv(1, uint64(max(1000, 4*len(m.keys))))
	if from != 0 {
		amount = m.heads[from].Balance.MulDiv(1, 3)
	}
	if amount.IsZero() {
		amount = lattice.AmountFrom(1)
	}
	rest, _ := m.heads[from].Balance.Sub(amount)
	m.last = from
	b, hash := m.seal(from, rest, lattice.Link(m.keys[to].Public()), m.network.SendThreshold)
	if s := (sent{to, hash, amount}); len(m.aside) < m.reserve && from != 0 {
		m.aside = append(m.aside, s)
	} else {
		m.waiting = append(m.waiting, s)
	}
	return b, hash
}

// popularAccounts makes a few accounts have most of the blocks, as in real
// ledgers.
func (m *ledgerMaker) popularAccounts() {
	m.popular = rand.NewZipf(m.rng, 1.2, 20, uint64(len(m.keys)-1))
}

// pick returns an account that is open or about to be.
func (m *ledgerMaker) pick() int {
	if m.popular == nil || m.rng.IntN(3) == 0 {
		return m.rng.IntN(m.opened)
	}
	return int(m.popular.Uint64()) % m.opened
}

// seal makes a block that all accounts' representative, that of the genesis, is
// named in, with work and signature. It may be called for different accounts at once.
func (m *ledgerMaker) seal(i int, balance lattice.Amount, link lattice.Link, threshold uint64) (lattice.Block, lattice.Hash) {
	head := &m.heads[i]
	b := lattice.Block{
		Account: lattice.Account(m.keys[i].Public()), Previous: head.Frontier,
		Representative: m.network.Genesis.Representative, Balance: balance, Link: link,
	}
	hash := m.network.HashOf(&b)
	if m.later {
		b.Work = threshold
	} else {
		m.finish(&b, i, threshold)
	}
	head.Frontier, head.Balance = hash, balance
	head.Height++
	return b, hash
}

// finish adds work and signature to a block of an account. It may be called from
// several goroutines at once.
func (m *ledgerMaker) finish(b *lattice.Block, i int, threshold uint64) {
	var err error
	if b.Work, err = work.Search(context.Background(), b.Root(), threshold, 0, 1); err != nil {
		panic("smallnano: no work for a made-up block: " + err.Error()) // without a deadline there is no error
	}
	b.Sign(m.network.ID, m.keys[i])
}
