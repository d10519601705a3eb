package wallet

import (
	"fmt"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Bounds of what one Tick looks at.
const (
	tickOps      = 256
	tickAccounts = 64
	tickEntries  = 32 // receivable entries of one account
	maxDirty     = 1024
)

// bucket is a token bucket.
type bucket struct {
	left int
	at   time.Time // when the last token was added
}

func (b *bucket) fill(now time.Time, every time.Duration, most int) {
	switch {
	case b.at.IsZero():
		b.left, b.at = most, now
	case now.Before(b.at): // the clock was put back
		b.at = now
	}
	if n := int(min(now.Sub(b.at)/max(every, 1), time.Duration(most))); n > 0 {
		b.left, b.at = min(b.left+n, most), now
	}
}

// due reports whether a time has come that was set at most so far ahead. One that
// is further off was set before the clock was put back.
func due(now, at time.Time, most time.Duration) bool { return !now.Before(at) || at.Sub(now) > most }

// Cemented tells which blocks became final.
func (m *Machine) Cemented(blocks []ledger.Cemented) {
	for i := range blocks {
		b := &blocks[i]
		if n, ours := m.byHash[b.Confirmation.Hash]; ours {
			m.confirmed(m.ops[n])
		}
		if b.Subtype != lattice.Send {
			continue
		}
		for _, id := range m.owners[lattice.Account(b.Block.Link)] {
			if w := m.wallets[id]; len(w.dirty) < maxDirty && !slices.Contains(w.dirty, lattice.Account(b.Block.Link)) {
				w.dirty = append(w.dirty, lattice.Account(b.Block.Link))
			}
		}
	}
}

func (m *Machine) confirmed(o *op) {
	if o.state == StateStored { // confirmed before the ledger's answer was here
		m.arrived(o)
	}
	m.end(o, StateConfirmed, nil)
}

// Tick does what time brings: wallets are locked, blocks published again,
// confirmations found that were missed, money received. Step follows from it.
func (m *Machine) Tick(now time.Time, l Ledger) error {
	for _, id := range m.order {
		if w := m.wallets[id]; w.secret != nil && !w.until.IsZero() && !now.Before(w.until) {
			if err := m.Lock(id); err != nil {
				return err
			}
		}
	}
	if err := m.checkOpen(now, l); err != nil {
		return err
	}
	if err := m.Receive(now, l); err != nil {
		return err
	}
	if err := m.rescan(now, l); err != nil {
		return err
	}
	return m.Step(now, l)
}

// checkOpen looks at the next open blocks in the ledger.
func (m *Machine) checkOpen(now time.Time, l Ledger) error {
	if m.cursor >= len(m.open) {
		m.cursor = 0
	}
	page := slices.Clone(m.open[m.cursor:min(m.cursor+tickOps, len(m.open))])
	m.cursor += len(page)
	for _, n := range page {
		if o := m.ops[n]; o != nil && o.state >= StateStored {
			if err := m.checkOp(now, l, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Machine) checkOp(now time.Time, l Ledger, o *op) error {
	b, found, err := l.Block(o.hash)
	if err != nil {
		return err
	}
	if found && b.Confirmed {
		m.confirmed(o)
		return nil
	}
	if !found {
		rival, there, err := l.BlockAt(o.intent.Account, o.height)
		if err != nil {
			return err
		}
		if there && rival.Confirmed {
			m.end(o, StateFailed, fmt.Errorf("%w: it is block %v", ErrTaken, rival.Hash))
			return nil
		}
	}
	if o.state == StatePublished && !o.asked && due(now, o.at, m.cfg.RepublishMost) {
		m.publish(o)
	}
	return nil
}

// Receive begins blocks that receive what was sent to accounts of unlocked
// wallets that are to do so by themselves: only what is confirmed, only from
// the minimum up, at most one a time for an account, and no more than the rate
// allows.
func (m *Machine) Receive(now time.Time, l Ledger) error {
	m.budget.fill(now, m.cfg.ReceiveEvery, m.cfg.ReceiveBurst)
	for _, id := range m.order {
		w := m.wallets[id]
		if w.secret == nil || !w.settings.AutoReceive {
			w.dirty = nil
			continue
		}
		if err := m.receiveFor(now, l, w); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) receiveFor(now time.Time, l Ledger, w *wallet) error {
	var later []lattice.Account
	for i, a := range w.dirty {
		if m.budget.left == 0 {
			later = append(later, w.dirty[i:]...)
			break
		}
		more, err := m.receiveNext(now, l, w, a)
		if err != nil {
			return err
		}
		if more {
			later = append(later, a)
		}
	}
	w.dirty = later
	for range min(tickAccounts, len(w.accounts)) {
		if m.budget.left == 0 {
			return nil
		}
		if w.cursor >= len(w.accounts) {
			w.cursor = 0
		}
		a := w.accounts[w.cursor].Key
		w.cursor++
		more, err := m.receiveNext(now, l, w, a)
		if err != nil {
			return err
		}
		if more && len(w.dirty) < maxDirty && !slices.Contains(w.dirty, a) {
			w.dirty = append(w.dirty, a)
		}
	}
	return nil
}

// receiveNext begins to receive one entry of an account; more says that there
// is, or may be, another one.
func (m *Machine) receiveNext(now time.Time, l Ledger, w *wallet, account lattice.Account) (more bool, err error) {
	at, known := w.index[account]
	if !known || w.accounts[at].Origin == Watched || len(m.ops) >= MaxOpen/2 { // the other half is for who asks
		return false, nil
	}
	if lane := m.lanes[account]; lane != nil && len(lane.queue) > 0 {
		return true, nil
	}
	entries, err := l.Receivables(account, w.scan[account], tickEntries)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Receivable.Confirmed && !e.Receivable.Amount.Less(m.cfg.ReceiveMinimum) {
			m.budget.left--
			m.begin(now, &Request{Wallet: w.id, Intent: Intent{
				Subtype: lattice.Receive, Account: account, Link: lattice.Link(e.Key.Send), Amount: e.Receivable.Amount,
			}}, true)
			return len(entries) > 1, nil
		}
	}
	if len(entries) < tickEntries {
		delete(w.scan, account)
		return false, nil
	}
	w.scan[account] = entries[len(entries)-1].Key.Send // go on there: dust must not hide the rest
	return true, nil
}

// Search has all accounts of a wallet looked at for what can be received, and
// the accounts after its last one.
func (m *Machine) Search(id ID) error {
	w, err := m.wallet(id)
	if err != nil {
		return err
	}
	if w.secret == nil {
		return ErrLocked
	}
	w.rescan, w.cursor = time.Time{}, 0
	return nil
}

// rescan finds accounts of unlocked wallets that were used elsewhere with the
// same words: those up to Gap after the last known one.
func (m *Machine) rescan(now time.Time, l Ledger) error {
	for _, id := range m.order {
		w := m.wallets[id]
		if w.secret == nil || !due(now, w.rescan, m.cfg.Rescan) {
			continue
		}
		w.rescan = now.Add(m.cfg.Rescan)
		found, err := Recover(l, w.secret.Seed, w.next, Gap)
		if err != nil {
			return err
		}
		if len(found) > MaxAccounts-len(w.accounts) {
			found = found[:MaxAccounts-len(w.accounts)]
		}
		if err := m.Add(id, found); err != nil {
			return err
		}
	}
	return nil
}
