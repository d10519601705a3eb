package actors

import (
	"slices"
	"sync/atomic"

	"github.com/smallnano/smallnano/actors/core/wallet"
)

// Steps of a block that a wallet makes, at which a process can be told to die, to
// try out what is left of it. They are in the order in which they are passed.
const (
	killRequested = "requested" // nothing was written
	killReserved  = "reserved"  // the id of a send is in the journal
	killSigned    = "signed"    // a signed block exists in memory only
	killTorn      = "torn"      // half of it was written
	killStored    = "stored"    // it is in the journal, nobody has seen it
	killPublished = "published" // it was handed to the ledger
	killProcessed = "processed" // the ledger has it, nobody was told
	killAnswered  = "answered"  // whoever asked for it was told
	killConfirmed = "confirmed" // it is confirmed, and that is not in the journal yet
)

var killSteps = []string{
	killRequested, killReserved, killSigned, killTorn, killStored, killPublished, killProcessed, killAnswered, killConfirmed,
}

// killPoint ends the process at once, as kill -9 would, when it comes to a step
// that was armed. Nothing arms it outside of the dev network.
type killPoint struct {
	kill  func() // does not return
	armed atomic.Pointer[string]
}

// arm waits for a step; false when there is none of that name, or when the
// process is not ours to kill.
func (k *killPoint) arm(step string) bool {
	if k.kill == nil || !slices.Contains(killSteps, step) {
		return false
	}
	k.armed.Store(&step)
	return true
}

func (k *killPoint) is(step string) bool {
	at := k.armed.Load()
	return at != nil && *at == step
}

func (k *killPoint) pass(step string) {
	if k.is(step) {
		k.kill()
	}
}

// hasKind reports whether one of the records is of a kind.
func hasKind(records []wallet.Record, kind wallet.Kind) bool {
	return slices.ContainsFunc(records, func(r wallet.Record) bool { return r.Kind == kind })
}
