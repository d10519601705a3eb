package main

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

const (
	// usersAccounts is how many accounts each honest user has.
	usersAccounts = 20
	// oldAccounts is how many accounts there are in the flood's bucket that were not
	// used for long.
	oldAccounts = 300
)

// spamLedger is the ledger with which all nodes start: the weight shared out,
// accounts with much, and accounts with next to nothing.
type spamLedger struct {
	seeds  []crypto.Seed // of the representatives; the first is that of the genesis
	users  []spamUser
	flood  []*load.Wallet
	blocks []oldBlock
}

// oldBlock is a block of the ledger with the time when it came.
type oldBlock struct {
	block lattice.Block
	time  time.Time
}

// spamUser is somebody who does not flood, and has all his accounts in one
// bucket.
type spamUser struct {
	who      string
	bucket   int
	accounts []*load.Wallet
	once     bool // use each account once: after that it is not old any more
}

func (u *spamUser) pause(long time.Duration, accounts int) time.Duration {
	if u.once {
		return max(honestPause, long/time.Duration(max(1, accounts)))
	}
	return honestPause
}

// all returns the accounts of all users.
func (l *spamLedger) all() (all []*load.Wallet) {
	for _, u := range l.users {
		all = append(all, u.accounts...)
	}
	return all
}

// newLedger composes the ledger.
func (b *spamBench) newLedger() (*spamLedger, error) {
	n := b.network
	genesis := load.Genesis(n)
	l := &spamLedger{seeds: []crypto.Seed{*n.GenesisSeed}}
	now := time.Now()
	old, recent := now.Add(-24*time.Hour), now.Add(-time.Hour)
	for i := 1; i < b.nodes; i++ {
		l.seeds = append(l.seeds, load.Seed("representative", i))
		w := &load.Wallet{Network: n, Key: crypto.NewPrivateKey(l.seeds[i])}
		w.Representative = w.Account()
		if err := l.open(genesis, w, lattice.Supply.MulDiv(percentOf(i, b.nodes), 100), old); err != nil {
			return nil, err
		}
	}
	opened := 0
	open := func(count int, balance lattice.Amount, at time.Time) ([]*load.Wallet, error) {
		wallets := make([]*load.Wallet, count)
		for i := range wallets {
			wallets[i] = &load.Wallet{Network: n, Key: crypto.NewPrivateKey(load.Seed("account", opened)), Representative: n.Genesis.Representative}
			opened++
			if err := l.open(genesis, wallets[i], balance, at); err != nil {
				return nil, err
			}
		}
		return wallets, nil
	}
	dust := lattice.AmountFrom(dustBalance)
	accounts, err := open(oldAccounts, dust, old)
	if err != nil {
		return nil, err
	}
	l.users = append(l.users, spamUser{who: "old, with as little", bucket: bucketOf(dust), accounts: accounts, once: true})
	for _, text := range honestBalances {
		balance, err := lattice.ParseAmount(text)
		if err != nil {
			return nil, err
		}
		if accounts, err = open(usersAccounts, balance, recent); err != nil {
			return nil, err
		}
		l.users = append(l.users, spamUser{who: "with " + text + " smn", bucket: bucketOf(balance), accounts: accounts})
	}
	l.flood, err = open(b.accounts, dust, recent)
	return l, err
}

// open adds the two blocks that open an account.
func (l *spamLedger) open(genesis, w *load.Wallet, amount lattice.Amount, at time.Time) error {
	send, receive, err := load.Open(genesis, w, amount)
	if err != nil {
		return err
	}
	l.blocks = append(l.blocks, oldBlock{*send, at}, oldBlock{*receive, at})
	return nil
}

// fill makes a data folder with the ledger, all of it confirmed.
func (l *spamLedger) fill(n *lattice.Network, dir string) error {
	if err := makeFolder(dir); err != nil {
		return err
	}
	store, err := storage.Open(filepath.Join(dir, ledgerFile), storage.Options{Network: n})
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(l.blocks, makeBatch) {
		if err = store.Update(func(tx storage.Tx) error { return l.fillBatch(n, tx, batch) }); err != nil {
			break
		}
	}
	if closed := store.Close(); err == nil {
		err = closed
	}
	return err
}

func (l *spamLedger) fillBatch(n *lattice.Network, tx storage.Tx, batch []oldBlock) error {
	for i := range batch {
		o := &batch[i]
		hash := n.HashOf(&o.block)
		c, err := tx.Context(&o.block, hash, o.time)
		if err != nil {
			return err
		}
		c.SignatureVerified = true
		e, err := ledger.Validate(n, &o.block, c)
		if err != nil {
			return fmt.Errorf("a made-up block is refused: %w", err)
		}
		if err := tx.Apply(&e); err != nil {
			return err
		}
		if _, err := tx.Cement(hash); err != nil {
			return err
		}
	}
	return nil
}

func seedText(s crypto.Seed) string { return hex.EncodeToString(s[:]) + "\n" }
