package ledger

import (
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Gather fills the context of a block from what any store can answer. A store
// may have a faster way; it must come to the same.
func Gather(c Chains, b *lattice.Block, hash lattice.Hash, now time.Time) (Context, error) {
	out := Context{Hash: hash, Now: now}
	var err error
	if _, out.Known, err = c.Block(hash); err != nil {
		return Context{}, err
	}
	if out.Account, err = c.Account(b.Account); err != nil {
		return Context{}, err
	}
	if _, out.PreviousKnown, err = c.Block(b.Previous); err != nil {
		return Context{}, err
	}
	if _, out.SourceKnown, err = c.Block(lattice.Hash(b.Link)); err != nil {
		return Context{}, err
	}
	entry, ok, err := c.Receivable(lattice.ReceivableKey{Destination: b.Account, Send: lattice.Hash(b.Link)})
	if err != nil {
		return Context{}, err
	}
	if ok {
		out.Receivable = &entry
	}
	return out, nil
}
