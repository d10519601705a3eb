package wallet

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Compact calls f for records that make a new machine know what this one knows of
// what must survive. A driver may put them in the place of its whole journal,
// when Ready was drained: the journal then grows with what there is, not with
// what there was. The ids of sends are kept, all of them. The record is f's
// during the call only; an error of f ends it.
func (m *Machine) Compact(f func(*Record) error) error {
	if !m.Idle() {
		panic("wallet: Compact before Ready was drained")
	}
	if err := f(&Record{Kind: KindMinimum, Intent: Intent{Amount: m.cfg.ReceiveMinimum}}); err != nil {
		return err
	}
	for _, id := range m.order {
		if err := m.wallets[id].compact(f); err != nil {
			return err
		}
	}
	for _, part := range []func(func(*Record) error) error{m.compactWork, m.compactOpen, m.compactSent} {
		if err := part(f); err != nil {
			return err
		}
	}
	return nil
}

func (w *wallet) compact(f func(*Record) error) error {
	err := f(&Record{Kind: KindCreated, Wallet: w.id, Flag: w.noSecret, Settings: w.settings})
	next := uint32(0)
	for _, a := range w.accounts {
		if err == nil {
			err = f(&Record{Kind: KindAdded, Wallet: w.id, Account: a})
		}
		if a.Origin == Derived {
			next = max(next, a.Index+1)
		}
	}
	if err == nil && next < w.next { // the last one was removed, and is not to be given out again
		err = f(&Record{Kind: KindRemoved, Wallet: w.id, Account: Account{Origin: Derived, Index: w.next - 1}})
	}
	return err
}

func (m *Machine) compactWork(f func(*Record) error) error {
	var accounts []lattice.Account
	for account := range m.work {
		if len(m.owners[account]) > 0 {
			accounts = append(accounts, account)
		}
	}
	slices.SortFunc(accounts, func(a, b lattice.Account) int { return bytes.Compare(a[:], b[:]) })
	for _, account := range accounts {
		w := m.work[account]
		if err := f(&Record{Kind: KindWork, Account: Account{Key: account}, Hash: lattice.Hash(w.root), Nonce: w.nonce}); err != nil {
			return err
		}
	}
	return nil
}

// compactOpen keeps the blocks that are on their way: those without a signature
// by their number, then the signed ones in the order of their chains.
func (m *Machine) compactOpen(f func(*Record) error) error {
	var signed []*op
	for _, n := range m.open {
		o := m.ops[n]
		switch {
		case o.state >= StateStored:
			signed = append(signed, o)
		case o.id != "":
			if err := f(&Record{Kind: KindReserved, Wallet: o.wallet, Op: o.number, Intent: o.intent, Text: o.id}); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(signed, func(a, b *op) int { return cmp.Compare(a.height, b.height) })
	for _, o := range signed {
		r := Record{Kind: KindStored, Wallet: o.wallet, Op: o.number, Intent: o.intent, Text: o.id, Block: o.block, Height: o.height}
		if err := f(&r); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) compactSent(f func(*Record) error) error {
	var ended []sendKey
	for key, s := range m.sends {
		if m.ops[s.op] == nil {
			ended = append(ended, key)
		}
	}
	slices.SortFunc(ended, func(a, b sendKey) int { return cmp.Compare(m.sends[a].op, m.sends[b].op) })
	for _, key := range ended {
		s := m.sends[key]
		if err := f(&Record{Kind: KindSent, Op: s.op, Key: key, Params: s.params, Hash: s.hash, State: s.state}); err != nil {
			return err
		}
	}
	return nil
}

// applySent takes over what became of a send with an id.
func (m *Machine) applySent(r *Record) error {
	if r.State != StateConfirmed && r.State != StateFailed || r.Op == math.MaxUint64 {
		return fmt.Errorf("send %d in state %v", r.Op, r.State)
	}
	m.next = max(m.next, r.Op+1)
	m.sends[r.Key] = sent{params: r.Params, op: r.Op, hash: r.Hash, state: r.State}
	return nil
}
