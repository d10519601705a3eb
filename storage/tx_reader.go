package storage

import (
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// What asks for one account, block or entry looks into the buffer first. The
// listings read tables only, so the transaction writes before it lists.

// flushed makes what is buffered visible to a listing.
func (t *tx) flushed() error {
	if t.spoiled == nil {
		t.spoiled = t.c.flush()
	}
	return t.spoiled
}

func (t *tx) Accounts(start lattice.Account, most int) ([]lattice.AccountEntry, error) {
	if err := t.flushed(); err != nil {
		return nil, err
	}
	return t.reader.Accounts(start, most)
}

func (t *tx) Unconfirmed(start lattice.Account, most int) ([]lattice.AccountEntry, error) {
	if err := t.flushed(); err != nil {
		return nil, err
	}
	return t.reader.Unconfirmed(start, most)
}

func (t *tx) Receivables(destination lattice.Account, start lattice.Hash, most int) ([]lattice.ReceivableEntry, error) {
	if err := t.flushed(); err != nil {
		return nil, err
	}
	return t.reader.Receivables(destination, start, most)
}

func (t *tx) Blocks(account lattice.Account, from uint64, most int) ([]lattice.StoredBlock, error) {
	if err := t.flushed(); err != nil {
		return nil, err
	}
	return t.reader.Blocks(account, from, most)
}

func (t *tx) ReceivedBy(key lattice.ReceivableKey) (lattice.Hash, bool, error) {
	if err := t.flushed(); err != nil {
		return lattice.Hash{}, false, err
	}
	return t.reader.ReceivedBy(key)
}

func (t *tx) Aged(account lattice.Account, from, to uint64, most int, search uint64) ([]ledger.AgedBlock, error) {
	if err := t.flushed(); err != nil {
		return nil, err
	}
	return t.reader.Aged(account, from, to, most, search)
}

func (t *tx) Confirmations(first uint64, most int) ([]lattice.Confirmation, error) {
	if err := t.flushed(); err != nil {
		return nil, err
	}
	return t.reader.Confirmations(first, most)
}

func (t *tx) Weights(f func(lattice.Account, lattice.Amount) bool) error {
	if err := t.flushed(); err != nil {
		return err
	}
	return t.reader.Weights(f)
}
