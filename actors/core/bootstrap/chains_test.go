package bootstrap

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// chains is a ledger as small as can be: chains of blocks, of which all or the
// lower ones are confirmed. Its blocks carry no signatures; a block that the
// universe does not know stands for a badly signed one.
type chains struct {
	accounts map[lattice.Account]*chain
	blocks   map[lattice.Hash]lattice.StoredBlock
	order    []lattice.Account // in the order of the keys
	fail     error             // every read fails
	reads    int
}

type chain struct {
	hashes    []lattice.Hash
	confirmed int
	pruned    int
}

func newChains() *chains {
	return &chains{accounts: map[lattice.Account]*chain{}, blocks: map[lattice.Hash]lattice.StoredBlock{}}
}

// Account implements Ledger.
func (c *chains) Account(a lattice.Account) (info lattice.AccountInfo, err error) {
	c.reads++
	ch := c.accounts[a]
	if ch == nil || c.fail != nil {
		return info, c.fail
	}
	info.Height, info.ConfirmedHeight, info.PrunedHeight = uint64(len(ch.hashes)), uint64(ch.confirmed), uint64(ch.pruned)
	info.Frontier = ch.hashes[len(ch.hashes)-1]
	if ch.confirmed > 0 {
		info.ConfirmedFrontier = ch.hashes[ch.confirmed-1]
	}
	return info, nil
}

// Block implements Ledger.
func (c *chains) Block(h lattice.Hash) (lattice.StoredBlock, bool, error) {
	c.reads++
	b, here := c.blocks[h]
	if here {
		b.Confirmed = b.Height <= uint64(c.accounts[b.Block.Account].confirmed)
	}
	return b, here && c.fail == nil, c.fail
}

// Blocks implements Reads.
func (c *chains) Blocks(a lattice.Account, from uint64, most int) (out []lattice.StoredBlock, err error) {
	ch := c.accounts[a]
	if ch == nil {
		return nil, c.fail
	}
	for h := max(from, uint64(ch.pruned)+1); h <= uint64(len(ch.hashes)) && len(out) < most; h++ {
		b, _, _ := c.Block(ch.hashes[h-1])
		out = append(out, b)
	}
	return out, c.fail
}

// Accounts implements Reads.
func (c *chains) Accounts(start lattice.Account, most int) (out []lattice.AccountEntry, err error) {
	if len(c.order) != len(c.accounts) {
		c.order = c.order[:0]
		for a := range c.accounts {
			c.order = append(c.order, a)
		}
		slices.SortFunc(c.order, func(a, b lattice.Account) int { return slices.Compare(a[:], b[:]) })
	}
	i := sort.Search(len(c.order), func(i int) bool { return !less(c.order[i], start) })
	for ; i < len(c.order) && len(out) < most; i++ {
		info, _ := c.Account(c.order[i])
		out = append(out, lattice.AccountEntry{Account: c.order[i], Info: info})
	}
	return out, c.fail
}

var (
	errOld         = errors.New("old")
	errFork        = errors.New("fork")
	errGapPrevious = errors.New("gap previous")
	errGapSource   = errors.New("gap source")
	errBad         = errors.New("bad signature")
)

// insert applies the rules of the protocol that matter here.
func (c *chains) insert(b *lattice.Block, h lattice.Hash, receives bool) error {
	if _, known := c.blocks[h]; known {
		return errOld
	}
	ch := c.accounts[b.Account]
	switch {
	case ch == nil && !b.Previous.IsZero():
		return errGapPrevious
	case ch != nil && b.Previous != ch.hashes[len(ch.hashes)-1]:
		if _, known := c.blocks[b.Previous]; known || b.Previous.IsZero() {
			return errFork
		}
		return errGapPrevious
	}
	if _, known := c.blocks[lattice.Hash(b.Link)]; receives && !known {
		return errGapSource
	}
	if ch == nil {
		ch = &chain{}
		c.accounts[b.Account] = ch
	}
	ch.hashes = append(ch.hashes, h)
	c.blocks[h] = lattice.StoredBlock{Block: *b, Hash: h, Height: uint64(len(ch.hashes))}
	return nil
}

func (c *chains) confirmAll() {
	for _, ch := range c.accounts {
		ch.confirmed = len(ch.hashes)
	}
}

// prune removes the lowest blocks of each chain.
func (c *chains) prune(keep int) {
	for _, ch := range c.accounts {
		for ; ch.pruned < len(ch.hashes)-keep; ch.pruned++ {
			delete(c.blocks, ch.hashes[ch.pruned])
		}
	}
}

// rollBack removes the unconfirmed blocks of an account.
func (c *chains) rollBack(a lattice.Account) {
	ch := c.accounts[a]
	for _, h := range ch.hashes[ch.confirmed:] {
		delete(c.blocks, h)
	}
	if ch.hashes = ch.hashes[:ch.confirmed]; len(ch.hashes) == 0 {
		delete(c.accounts, a)
		c.order = nil
	}
}

// universe is all blocks that were ever made, in an order in which they can be
// inserted.
type universe struct {
	rng      *rand.Rand
	blocks   []Block
	receives map[lattice.Hash]bool
	heads    []lattice.Account // open accounts
	frontier map[lattice.Account]lattice.Hash
	unspent  []Block // sends nobody received
	serial   uint64
}

func newUniverse(rng *rand.Rand) *universe {
	u := &universe{rng: rng, receives: map[lattice.Hash]bool{}, frontier: map[lattice.Account]lattice.Hash{}}
	u.make(u.account(), lattice.Link{}, false)
	return u
}

func (u *universe) account() lattice.Account {
	u.serial++
	a := lattice.Account(crypto.Sum256(binary.LittleEndian.AppendUint64([]byte("account"), u.serial)))
	return a
}

func (u *universe) make(a lattice.Account, link lattice.Link, receives bool) Block {
	u.serial++
	b := &lattice.Block{Account: a, Previous: u.frontier[a], Link: link, Balance: lattice.AmountFrom(u.serial)}
	blk := Block{b, b.Hash(lattice.DevID)}
	if b.Previous.IsZero() {
		u.heads = append(u.heads, a)
	}
	u.frontier[a] = blk.Hash
	u.receives[blk.Hash] = receives
	u.blocks = append(u.blocks, blk)
	return blk
}

// grow makes n more blocks; one in opens of the sends goes to a new account, so
// that a small number makes many short chains and a large one few long ones.
func (u *universe) grow(n, opens int) {
	for range n {
		a := u.heads[u.rng.IntN(len(u.heads))]
		if len(u.unspent) > 0 && u.rng.IntN(2) == 0 {
			i := u.rng.IntN(len(u.unspent))
			send := u.unspent[i]
			u.unspent = slices.Delete(u.unspent, i, i+1)
			u.make(lattice.Account(send.Link), lattice.Link(send.Hash), true)
			continue
		}
		to := u.heads[u.rng.IntN(len(u.heads))]
		if u.rng.IntN(opens) == 0 {
			to = u.account()
		}
		u.unspent = append(u.unspent, u.make(a, lattice.Link(to), false))
	}
}

// ledger returns a ledger with the first n blocks, all confirmed.
func (u *universe) ledger(n int) *chains {
	c := newChains()
	for _, b := range u.blocks[:n] {
		if err := c.insert(b.Block, b.Hash, u.receives[b.Hash]); err != nil {
			panic("universe is not in order: " + err.Error())
		}
	}
	c.confirmAll()
	return c
}
