package storage

import (
	"errors"
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Verify walks through the whole ledger and checks what must hold of it
// whatever happened: every chain hangs together and hashes to what is stored,
// balances and receivable amounts are the supply, the kept weights are a
// recount of the confirmed balances and of what is on its way between them and
// the supply together, nothing is confirmed before what it stands
// on, and the counts are right. It returns the first difference.
//
// Its cost grows with the ledger: it is for tests and for an operator's check.
func Verify(n *lattice.Network, r Reader) error {
	v := &verifier{network: n, r: r, weights: make(map[lattice.Account]lattice.Amount)}
	err := pages(r.Accounts, func(e lattice.AccountEntry) error {
		if err := v.account(e); err != nil {
			return fmt.Errorf("verify account %v: %w", e.Account, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := v.totals(); err != nil {
		return fmt.Errorf("verify ledger: %w", err)
	}
	return nil
}

// verifyPage is how much Verify reads at a time.
const verifyPage = 256

// pages calls f for everything that a listing by account gives.
func pages(list func(lattice.Account, int) ([]lattice.AccountEntry, error), f func(lattice.AccountEntry) error) error {
	var start lattice.Account
	for {
		page, err := list(start, verifyPage)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := f(e); err != nil {
				return err
			}
		}
		if len(page) < verifyPage {
			return nil
		}
		start = page[len(page)-1].Account
		for i := len(start) - 1; i >= 0; i-- { // the next key
			if start[i]++; start[i] != 0 {
				break
			}
		}
	}
}

type verifier struct {
	network     *lattice.Network
	r           Reader
	weights     map[lattice.Account]lattice.Amount
	money       lattice.Amount // balances and receivables
	counts      lattice.Counts
	unconfirmed uint64
}

// account checks one account and its chain.
func (v *verifier) account(e lattice.AccountEntry) error {
	info, err := v.r.Account(e.Account)
	if err != nil {
		return err
	}
	if info != e.Info {
		return fmt.Errorf("the listing says %+v, the account %+v", e.Info, info)
	}
	if info.ConfirmedHeight > info.Height || info.PrunedHeight > max(1, info.ConfirmedHeight)-1 {
		return fmt.Errorf("height %d, confirmed %d, pruned %d", info.Height, info.ConfirmedHeight, info.PrunedHeight)
	}
	v.counts.Accounts++
	v.counts.Blocks += info.Height
	v.counts.Cemented += info.ConfirmedHeight
	v.counts.Pruned += info.PrunedHeight
	if info.Height > info.ConfirmedHeight {
		v.unconfirmed++
	}
	v.money = v.money.SatAdd(info.Balance)
	if err := v.left(e.Account, info); err != nil {
		return err
	}
	return v.chain(e.Account, info)
}

// left checks what pruning has left below the pruned height: sends and the genesis
// block.
func (v *verifier) left(account lattice.Account, info lattice.AccountInfo) error {
	for height := uint64(1); height <= info.PrunedHeight; {
		page, err := v.r.Blocks(account, height, verifyPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			b := &page[i]
			if b.Height > info.PrunedHeight {
				return nil
			}
			if b.Height < height || b.Height == info.PrunedHeight || b.Block.Account != account {
				return fmt.Errorf("block %v at height %d, pruned up to %d", b.Hash, b.Height, info.PrunedHeight)
			}
			if b.Subtype != lattice.Send && b.Hash != v.network.GenesisHash {
				return fmt.Errorf("block %v at height %d, a %v, was left when those up to %d were pruned", b.Hash, b.Height, b.Subtype, info.PrunedHeight)
			}
			if err := v.block(b, nil, info); err != nil {
				return fmt.Errorf("block %v at height %d: %w", b.Hash, b.Height, err)
			}
			v.counts.Pruned--
			height = b.Height + 1
		}
	}
	return nil
}

// chain checks the blocks of an account.
func (v *verifier) chain(account lattice.Account, info lattice.AccountInfo) error {
	var last *lattice.StoredBlock
	for height := info.PrunedHeight + 1; height <= info.Height; {
		page, err := v.r.Blocks(account, height, verifyPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return fmt.Errorf("block at height %d of %d is not there", height, info.Height)
		}
		for i := range page {
			if page[i].Height != height || page[i].Block.Account != account {
				return fmt.Errorf("block %v at height %d instead of %d", page[i].Hash, page[i].Height, height)
			}
			if err := v.block(&page[i], last, info); err != nil {
				return fmt.Errorf("block %v at height %d: %w", page[i].Hash, height, err)
			}
			last = &page[i]
			height++
		}
	}
	if last.Hash != info.Frontier || last.Block.Balance != info.Balance || last.Block.Representative != info.Representative || last.Time != info.Modified {
		return fmt.Errorf("the last block is %+v, the account says %+v", last, info)
	}
	return nil
}

// block checks one block against the one before it, nil for the first one kept.
func (v *verifier) block(b, last *lattice.StoredBlock, info lattice.AccountInfo) error {
	if got := v.network.HashOf(&b.Block); got != b.Hash {
		return fmt.Errorf("its content has the hash %v", got)
	}
	if found, ok, err := v.r.Block(b.Hash); err != nil || !ok || found != *b {
		return fmt.Errorf("found by its hash: %t, %+v instead of %+v: %w", ok, found, b, err)
	}
	if last != nil && b.Block.Previous != last.Hash {
		return fmt.Errorf("it follows %v instead of %v", b.Block.Previous, last.Hash)
	}
	if b.Confirmed != (b.Height <= info.ConfirmedHeight) {
		return fmt.Errorf("confirmed: %t, up to height %d", b.Confirmed, info.ConfirmedHeight)
	}
	if b.Height == info.ConfirmedHeight {
		if b.Hash != info.ConfirmedFrontier {
			return fmt.Errorf("the confirmed frontier is %v", info.ConfirmedFrontier)
		}
		v.weigh(b, b.Block.Balance)
	}
	if err := v.vote(b); err != nil {
		return err
	}
	if b.Subtype == lattice.Send {
		return v.send(b)
	}
	return v.source(b)
}

// vote checks that the final vote for a confirmed block is forgotten.
func (v *verifier) vote(b *lattice.StoredBlock) error {
	if !b.Confirmed {
		return nil
	}
	final, found, err := v.r.FinalVote(b.Block.QualifiedRoot())
	if err == nil && found && final == b.Hash {
		err = errors.New("it is confirmed, and the final vote for it is kept")
	}
	return err
}

// send counts what a send moved if it was not received.
func (v *verifier) send(b *lattice.StoredBlock) error {
	key := lattice.ReceivableKey{Destination: lattice.Account(b.Block.Link), Send: b.Hash}
	entry, found, err := v.r.Receivable(key)
	if err != nil || !found {
		return err
	}
	if want := (lattice.Receivable{Source: b.Block.Account, Amount: b.Amount, Confirmed: b.Confirmed}); entry != want {
		return fmt.Errorf("receivable entry %+v instead of %+v", entry, want)
	}
	v.counts.Receivables++
	v.money = v.money.SatAdd(entry.Amount)
	if b.Confirmed {
		v.weigh(b, entry.Amount)
	}
	return nil
}

// weigh counts an amount for the representative that a block names.
func (v *verifier) weigh(b *lattice.StoredBlock, amount lattice.Amount) {
	v.weights[b.Block.Representative] = v.weights[b.Block.Representative].SatAdd(amount)
}

// source checks the send of a receive, if it is still there.
func (v *verifier) source(b *lattice.StoredBlock) error {
	if !hasSource(b) {
		return nil
	}
	send, found, err := v.r.Block(lattice.Hash(b.Block.Link))
	switch {
	case err != nil || !found && b.Confirmed:
		return err
	case !found:
		return fmt.Errorf("its source %v is gone before it was confirmed", b.Block.Link)
	case send.Amount != b.Amount || send.Block.Link != lattice.Link(b.Block.Account):
		return fmt.Errorf("its source is %+v", send)
	case b.Confirmed && !send.Confirmed:
		return fmt.Errorf("it is confirmed before its source %v", send.Hash)
	case send.Confirmed && !b.Confirmed:
		v.weigh(&send, b.Amount)
	}
	return nil
}

// totals compares the sums.
func (v *verifier) totals() error {
	if v.money != v.network.Genesis.Balance {
		return fmt.Errorf("balances and receivables are %s raw, the supply is %s raw", v.money.Raw(), v.network.Genesis.Balance.Raw())
	}
	counts, err := v.r.Counts()
	if err != nil {
		return err
	}
	if v.counts.StoredBlocks = v.counts.Blocks - v.counts.Pruned; counts != v.counts {
		return fmt.Errorf("counts are %+v, there are %+v", counts, v.counts)
	}
	var wrong error
	var sum lattice.Amount
	kept := 0
	err = v.r.Weights(func(representative lattice.Account, w lattice.Amount) bool {
		sum = sum.SatAdd(w)
		if w.IsZero() || w != v.weights[representative] {
			wrong = fmt.Errorf("weight of %v is kept as %v, a recount gives %v", representative, w, v.weights[representative])
		}
		kept++
		return wrong == nil
	})
	if err = firstError(err, wrong); err != nil {
		return err
	}
	for _, w := range v.weights {
		if !w.IsZero() {
			kept--
		}
	}
	if kept != 0 {
		return fmt.Errorf("%d representatives have weight that is not kept", -kept)
	}
	if sum != v.network.Genesis.Balance {
		return fmt.Errorf("the weights together are %s raw, the supply is %s raw", sum.Raw(), v.network.Genesis.Balance.Raw())
	}
	return v.listed()
}

// listed checks the list of unconfirmed accounts and the confirmation sequence.
func (v *verifier) listed() error {
	err := pages(v.r.Unconfirmed, func(e lattice.AccountEntry) error {
		if v.unconfirmed--; e.Info.Height <= e.Info.ConfirmedHeight {
			return fmt.Errorf("account %v is among the unconfirmed: %+v", e.Account, e.Info)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if v.unconfirmed != 0 {
		return fmt.Errorf("%d unconfirmed accounts are not in their list", int64(v.unconfirmed))
	}
	next, seen := uint64(1), uint64(0)
	for {
		page, err := v.r.Confirmations(next, verifyPage)
		if err != nil {
			return err
		}
		for _, c := range page {
			b, found, err := v.r.Block(c.Hash)
			if err != nil || !found || !b.Confirmed || b.Height != c.Height || b.Block.Account != c.Account || c.Sequence < next {
				return fmt.Errorf("confirmation %+v of block %+v (there: %t): %w", c, b, found, err)
			}
			next = c.Sequence + 1
			seen++
		}
		if len(page) == 0 {
			break
		}
	}
	if want := v.counts.Cemented - v.counts.Pruned; seen != want || next > v.counts.Cemented+1 {
		return fmt.Errorf("the confirmation sequence has %d entries up to %d, want %d", seen, next-1, want)
	}
	return nil
}
