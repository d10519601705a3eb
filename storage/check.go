package storage

import (
	"fmt"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// MaxValue is the largest value that SetValue stores, in bytes.
const MaxValue = 4096

// genesisTime is the insertion time of the genesis block: the store reads no
// clock.
var genesisTime = time.Unix(0, 0).UTC()

// timeOf returns the time that was stored as seconds since 1970.
func timeOf(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// seconds cuts a time to what is stored of it.
func seconds(t time.Time) time.Time { return timeOf(t.Unix()) }

// genesisEffects describes the insertion of a network's genesis block, the
// only block that opens an account without consuming anything.
func genesisEffects(n *lattice.Network) *ledger.Effects {
	return &ledger.Effects{
		Block: n.Genesis, Hash: n.GenesisHash, Height: 1,
		Subtype: lattice.Open, Amount: n.Genesis.Balance, Time: genesisTime,
	}
}

// checkApply refuses effects that do not continue the account as the
// transaction finds it, or that would make or lose money. Validate never makes
// such effects for the state it was shown; this catches effects that were kept
// too long.
func checkApply(e *ledger.Effects, head lattice.AccountInfo, genesis bool) error {
	if e.Height != head.Height+1 || e.Block.Previous != head.Frontier {
		return fmt.Errorf("apply block %v: it does not follow the frontier %v at height %d; judge it again in this transaction",
			e.Hash, head.Frontier, head.Height)
	}
	if err := checkMoney(e, head.Balance, genesis); err != nil {
		return fmt.Errorf("apply block %v: %w", e.Hash, err)
	}
	return nil
}

// checkRevert refuses to take back what is not the account's unconfirmed
// frontier. before is the balance below the frontier.
func checkRevert(e *ledger.Effects, head lattice.AccountInfo, before lattice.Amount) error {
	switch {
	case head.Frontier != e.Hash:
		return fmt.Errorf("revert block %v: it is not the frontier of %v, which is %v; revert that first", e.Hash, e.Block.Account, head.Frontier)
	case head.ConfirmedHeight >= head.Height:
		return fmt.Errorf("revert block %v: it is confirmed", e.Hash)
	}
	if err := checkMoney(e, before, false); err != nil {
		return fmt.Errorf("revert block %v: %w", e.Hash, err)
	}
	return nil
}

// checkMoney holds the effects of a block against the balance before it: what
// leaves the balance is in the entry made, what enters it in the one consumed.
func checkMoney(e *ledger.Effects, before lattice.Amount, genesis bool) error {
	subtype := e.Block.Subtype(before)
	amount, entry := lattice.Amount{}, (*lattice.Receivable)(nil)
	switch subtype {
	case lattice.Send:
		amount, entry = before.SatSub(e.Block.Balance), e.Made
	case lattice.Open, lattice.Receive:
		amount, entry = e.Block.Balance.SatSub(before), e.Consumed
	}
	switch {
	case e.Subtype != subtype || e.Amount != amount:
		return fmt.Errorf("effects say %v of %v, the balances say %v of %v", e.Subtype, e.Amount, subtype, amount)
	case (e.Made != nil) != (subtype == lattice.Send):
		return fmt.Errorf("effects of a %v with an entry made: %v", subtype, e.Made != nil)
	case (e.Consumed != nil) != (subtype == lattice.Receive || subtype == lattice.Open && !genesis):
		return fmt.Errorf("effects of a %v with an entry consumed: %v", subtype, e.Consumed != nil)
	case entry != nil && entry.Amount != amount:
		return fmt.Errorf("receivable entry of %v for a block that moves %v", entry.Amount, amount)
	case e.Made != nil && e.Made.Source != e.Block.Account:
		return fmt.Errorf("receivable entry made by %v in the name of %v", e.Block.Account, e.Made.Source)
	}
	return nil
}

// needsSource reports whether the rules will ask if the link of b is a known
// block: not for a send or a change of an open account.
func needsSource(b *lattice.Block, head lattice.AccountInfo) bool {
	return !head.Opened() || head.Balance.Less(b.Balance)
}

// cemented describes the cementing of a block. confirmed is the account's last
// confirmed block if there is one, source the representative that the send names
// which the block receives.
func cemented(b *lattice.StoredBlock, sequence uint64, confirmed *lattice.Block, source lattice.Account) ledger.Cemented {
	c := ledger.Cemented{
		Confirmation: lattice.Confirmation{Sequence: sequence, Hash: b.Hash, Account: b.Block.Account, Height: b.Height},
		Block:        b.Block, Subtype: b.Subtype, Amount: b.Amount, Time: b.Time,
		NewWeight: b.Block.Balance, NewRep: b.Block.Representative,
	}
	if confirmed != nil {
		c.OldWeight, c.OldRep = confirmed.Balance, confirmed.Representative
	}
	switch {
	case b.Subtype == lattice.Send:
		c.NewWeight = c.OldWeight // the amount goes on its way with it
	case hasSource(b):
		c.SourceWeight, c.SourceRep = b.Amount, source
	}
	return c
}

// hasSource reports whether a block receives a send: the genesis block does not.
func hasSource(b *lattice.StoredBlock) bool { return receives(b) && !b.Block.Link.IsZero() }

// moveWeight carries out what a cemented block does to the weights: get and
// put read and write the weight of a representative. A weight that would fall
// below zero or rise above 128 bits means a corrupt ledger.
func moveWeight(c *ledger.Cemented, get func(lattice.Account) (lattice.Amount, error), put func(lattice.Account, lattice.Amount) error) error {
	if c.OldRep == c.NewRep && c.OldWeight == c.NewWeight && c.SourceWeight.IsZero() {
		return nil // most sends
	}
	take := func(rep lattice.Account, amount lattice.Amount) error {
		w, err := get(rep)
		if err != nil || amount.IsZero() {
			return err
		}
		less, ok := w.Sub(amount)
		if !ok {
			return fmt.Errorf("%w: weight %v of %v is less than %v that it holds", ErrCorrupt, w, rep, amount)
		}
		return put(rep, less)
	}
	if err := take(c.OldRep, c.OldWeight); err != nil {
		return err
	}
	if err := take(c.SourceRep, c.SourceWeight); err != nil {
		return err
	}
	if c.NewWeight.IsZero() {
		return nil
	}
	w, err := get(c.NewRep)
	if err != nil {
		return err
	}
	more, ok := w.Add(c.NewWeight)
	if !ok {
		return fmt.Errorf("%w: weight of %v does not fit 128 bits", ErrCorrupt, c.NewRep)
	}
	return put(c.NewRep, more)
}

// checkNext refuses to cement what is not the next block of its account.
func checkNext(b *lattice.StoredBlock, head lattice.AccountInfo) error {
	if b.Height != head.ConfirmedHeight+1 {
		return fmt.Errorf("cement block %v: its height is %d, the next to confirm of %v is %d", b.Hash, b.Height, b.Block.Account, head.ConfirmedHeight+1)
	}
	return nil
}

func errUnknown(verb string, hash lattice.Hash) error {
	return fmt.Errorf("%s block %v: it is not in the ledger", verb, hash)
}

func errTwice(hash lattice.Hash) error {
	return fmt.Errorf("apply block %v: it is in the ledger already", hash)
}

func errNoEntry(verb string, hash lattice.Hash, key lattice.ReceivableKey) error {
	return fmt.Errorf("%s block %v: no receivable entry of %v for send %v", verb, hash, key.Destination, key.Send)
}

// errNoSource says that a send is gone which its unconfirmed receive needs:
// nothing removes it before.
func errNoSource(hash lattice.Hash, send lattice.Link) error {
	return fmt.Errorf("%w: the send %v that block %v receives is gone before that was confirmed", ErrCorrupt, send, hash)
}

func errSource(hash lattice.Hash, send lattice.Link) error {
	return fmt.Errorf("cement block %v: the send %v that it receives is not confirmed; cement that first", hash, send)
}

// checkPeers refuses addresses that cannot be kept.
func checkPeers(peers []Peer) error {
	for _, p := range peers {
		if !p.Address.IsValid() {
			return fmt.Errorf("put peers: invalid address %v", p.Address)
		}
	}
	return nil
}

func checkKeep(samples int) error {
	if samples < 1 {
		return fmt.Errorf("put weight sample: cannot keep %d samples, at least 1", samples)
	}
	return nil
}

func checkValue(name string, value []byte) error {
	if len(value) > MaxValue {
		return fmt.Errorf("set value %q: %d bytes, at most %d", name, len(value), MaxValue)
	}
	return nil
}
