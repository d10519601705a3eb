package peering

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// origin is how an address came into the book; the later ones are trusted more.
type origin uint8

const (
	heard      origin = iota // named by a peer
	stored                   // saved by an earlier run
	configured               // by the operator: never forgotten, always retried
)

func (o origin) String() string { return [...]string{"heard", "stored", "configured"}[o] }

// entry is one address of the book.
type entry struct {
	addr   netip.AddrPort
	origin origin
	source netip.Prefix // subnet of the peer that named it; heard only
	node   NodeID       // who answered there last, or said it listens there; zero: unknown
	self   bool         // it was ourselves
	seen   time.Time    // when a connection dialled to it was last known to live; zero: never
	named  time.Time    // when it entered the book

	fails  int       // failed dials in a row
	next   time.Time // not dialled before
	jitter float64   // 0.75 to 1.25, drawn at each dial

	dialing bool
	since   time.Time // of the dial
}

// book is the bounded list of known addresses, in the order in which they came.
type book struct {
	size, perSource int
	entries         []*entry
	byAddr          map[netip.AddrPort]*entry
}

func newBook(size, perSource int) book {
	return book{size: size, perSource: perSource, byAddr: make(map[netip.AddrPort]*entry)}
}

func (b *book) get(a netip.AddrPort) *entry { return b.byAddr[a] }

// add puts an address into the book, or raises the origin of one that is there.
// It returns nil when there is no room for it.
func (b *book) add(a netip.AddrPort, from origin, source netip.Prefix, now time.Time) *entry {
	e := b.byAddr[a]
	if from == configured && (e == nil || e.origin != configured) && b.count(configured) >= MaxConfigured && !b.demote() {
		return nil
	}
	if e != nil {
		e.origin = max(e.origin, from)
		return e
	}
	if from == heard && b.fromSource(source) >= b.perSource {
		return nil
	}
	if len(b.entries) >= b.size && !b.evict(from) {
		return nil
	}
	e = &entry{addr: a, origin: from, source: source, named: now, jitter: 1}
	b.entries = append(b.entries, e)
	b.byAddr[a] = e
	return e
}

func (b *book) remove(e *entry) {
	delete(b.byAddr, e.addr)
	b.entries = slices.DeleteFunc(b.entries, func(x *entry) bool { return x == e })
}

func (b *book) count(o origin) (n int) {
	for _, e := range b.entries {
		if e.origin == o {
			n++
		}
	}
	return n
}

// demote makes room for a configured address: names are looked up again and
// again, and an old answer that failed for long shall not keep out a new one.
func (b *book) demote() bool {
	var worst *entry
	for _, e := range b.entries {
		if e.origin == configured && e.fails >= maxTriedFails && (worst == nil || e.fails > worst.fails) {
			worst = e
		}
	}
	if worst == nil {
		return false
	}
	worst.origin = stored
	return true
}

// fromSource counts the addresses that one subnet named and that never answered.
func (b *book) fromSource(source netip.Prefix) (n int) {
	for _, e := range b.entries {
		if e.origin == heard && e.source == source && e.seen.IsZero() {
			n++
		}
	}
	return n
}

// evict makes room for an address of the given origin: the learnt address that
// never answered, failed most and came first goes. For an address that matters
// more than hearsay, the one that answered longest ago may go too.
func (b *book) evict(from origin) bool {
	var worst *entry
	for _, e := range b.entries {
		if e.dialing || e.origin == configured || from == heard && !e.seen.IsZero() {
			continue
		}
		if worst == nil || worse(e, worst) {
			worst = e
		}
	}
	if worst == nil {
		return false
	}
	b.remove(worst)
	return true
}

func worse(a, b *entry) bool {
	if c := a.seen.Compare(b.seen); c != 0 {
		return c < 0
	}
	if a.origin != b.origin {
		return a.origin < b.origin
	}
	return a.fails > b.fails
}

// forget drops an address that failed too often.
func (b *book) forget(e *entry) {
	most := maxHeardFails
	if e.origin == stored || !e.seen.IsZero() {
		most = maxTriedFails
	}
	if e.origin != configured && e.fails >= most {
		b.remove(e)
	}
}

// saved returns the addresses worth saving: those that answered, last seen
// first, then those of the given extra ones that are in the book.
func (b *book) saved(extra []netip.AddrPort) []Peer {
	var out []Peer
	for _, e := range b.entries {
		if !e.seen.IsZero() && !e.self {
			out = append(out, Peer{e.addr, e.seen})
		}
	}
	slices.SortStableFunc(out, func(x, y Peer) int {
		return cmp.Or(y.LastSeen.Compare(x.LastSeen), x.Address.Compare(y.Address))
	})
	for _, a := range extra {
		if e := b.get(a); e != nil && e.seen.IsZero() && !e.self {
			out = append(out, Peer{Address: a, LastSeen: e.named})
		}
	}
	return out[:min(len(out), MaxStored)]
}
