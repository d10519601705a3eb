package peering

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// table is the part of the book that an address stands in.
type table uint8

const (
	fresh      table = iota // named by somebody; nobody was met there yet
	tried                   // a node answered there
	configured              // by the operator: never forgotten, always retried
)

func (t table) String() string { return [...]string{"fresh", "tried", "configured"}[t] }

// Bounds of the book. The tables of fresh and of tried addresses are cut into
// buckets, and a secret key says which bucket an address belongs to. Who names
// addresses reaches only few of the buckets of fresh ones, from however many
// addresses of one provider he does so; and the addresses of one provider reach
// only few of the buckets of tried ones. So a share of the book costs as much as
// addresses with that share of all providers.
const (
	freshBuckets, triedBuckets = 64, 32
	bucketSize                 = 8
	// freshPerSource and triedPerGroup are in how many buckets the addresses end up
	// that come from one provider, or lie there: an eighth of the table.
	freshPerSource, triedPerGroup = 8, 4
	// maxTests bounds the tried addresses that are to prove themselves.
	maxTests = 8
	// MaxBook is how many addresses the book can hold.
	MaxBook = bucketSize*(freshBuckets+triedBuckets) + MaxConfigured
	// staleAfter is how long a fresh address keeps its place against a newer one.
	staleAfter = 24 * time.Hour
)

// entry is one address of the book.
type entry struct {
	addr   netip.AddrPort
	table  table
	bucket int       // in its table
	source []byte    // the provider of the peer that named it
	anchor bool      // connected at the end of the run before, and not dialled since
	node   NodeID    // who answered there last, or said it listens there; zero: unknown
	self   bool      // it was ourselves
	seen   time.Time // when a connection dialled to it was last known to live; zero: never
	named  time.Time // when it entered the book

	fails  int       // failed dials in a row
	next   time.Time // not dialled before
	jitter float64   // 0.75 to 1.25, drawn at each dial

	dialing bool
	feeler  bool      // only to see who answers
	since   time.Time // of the dial
}

// test is a tried address that gives its place to another one unless it answers.
type test struct{ incumbent, newcomer *entry }

// book is the bounded list of known addresses.
type book struct {
	k0, k1  uint64
	group   func(netip.AddrPort) []byte // the provider of an address
	entries []*entry                    // in the order in which they came
	byAddr  map[netip.AddrPort]*entry
	buckets [configured][][]*entry // of fresh and tried
	tests   []test
}

func newBook(key [16]byte, group func(netip.AddrPort) []byte) book {
	return book{
		k0: binary.LittleEndian.Uint64(key[:8]), k1: binary.LittleEndian.Uint64(key[8:]), group: group,
		byAddr:  make(map[netip.AddrPort]*entry),
		buckets: [configured][][]*entry{fresh: make([][]*entry, freshBuckets), tried: make([][]*entry, triedBuckets)},
	}
}

func (b *book) get(a netip.AddrPort) *entry { return b.byAddr[a] }

// hash is a number that nobody without the key can foresee.
func (b *book) hash(kind uint64, parts ...[]byte) uint64 {
	var text []byte
	for _, p := range parts {
		text = append(append(text, byte(len(p))), p...)
	}
	return siphash(b.k0, b.k1^kind, text)
}

// place is the bucket of an address in a table.
func (b *book) place(t table, a netip.AddrPort, source []byte) int {
	group := b.group(a)
	if t == fresh {
		spread := b.hash(1, source, group) % freshPerSource
		return int(b.hash(2, source, []byte{byte(spread)}) % freshBuckets)
	}
	text, _ := a.MarshalBinary() // cannot fail
	spread := b.hash(3, text) % triedPerGroup
	return int(b.hash(4, group, []byte{byte(spread)}) % triedBuckets)
}

// hear puts an address into the book that somebody named, and returns its entry;
// nil when there is no room for it.
func (b *book) hear(a netip.AddrPort, source []byte, now time.Time) *entry {
	if e := b.byAddr[a]; e != nil {
		return e
	}
	e := &entry{addr: a, source: source, named: now, jitter: 1}
	if !b.seat(e, fresh, now) {
		return nil
	}
	b.insert(e)
	return e
}

// configure puts an address into the book that the operator named.
func (b *book) configure(a netip.AddrPort, now time.Time) *entry {
	e := b.byAddr[a]
	if e != nil && e.table == configured {
		return e
	}
	if b.count(configured) >= MaxConfigured && !b.demote(now) {
		return nil
	}
	if e == nil {
		e = &entry{addr: a, source: b.group(a), named: now, jitter: 1}
		b.insert(e)
	} else {
		b.unseat(e)
	}
	e.table = configured
	return e
}

func (b *book) insert(e *entry) {
	b.entries = append(b.entries, e)
	b.byAddr[e.addr] = e
}

// seat gives an entry a place in a table, in a full bucket that of one that is
// worth less, and reports whether there was one.
func (b *book) seat(e *entry, t table, now time.Time) bool {
	k := b.place(t, e.addr, e.source)
	if bucket := b.buckets[t][k]; len(bucket) >= bucketSize {
		worst := worthless(bucket, now)
		if t != fresh || worst == nil {
			return false
		}
		b.remove(worst)
	}
	e.table, e.bucket = t, k
	b.buckets[t][k] = append(b.buckets[t][k], e)
	return true
}

// worthless returns the fresh address that a new one may replace: the one that
// failed most, else one that waits for too long. Nil when all are as good as the
// new one: whoever names many must not push out what others named.
func worthless(bucket []*entry, now time.Time) (worst *entry) {
	for _, e := range bucket {
		switch {
		case e.dialing || !e.seen.IsZero() || e.fails == 0 && now.Sub(e.named) < staleAfter:
		case worst == nil || e.fails > worst.fails:
			worst = e
		}
	}
	return worst
}

// unseat takes an entry out of its bucket.
func (b *book) unseat(e *entry) {
	if e.table == configured {
		return
	}
	bucket := &b.buckets[e.table][e.bucket]
	*bucket = slices.DeleteFunc(*bucket, func(x *entry) bool { return x == e })
	b.tests = slices.DeleteFunc(b.tests, func(t test) bool { return t.incumbent == e || t.newcomer == e })
}

func (b *book) remove(e *entry) {
	b.unseat(e)
	delete(b.byAddr, e.addr)
	b.entries = slices.DeleteFunc(b.entries, func(x *entry) bool { return x == e })
}

// met reports whether a node was met at a host, or the operator named it.
func (b *book) met(h netip.Prefix) bool {
	return slices.ContainsFunc(b.entries, func(e *entry) bool { return e.table != fresh && host(e.addr.Addr()) == h })
}

func (b *book) count(t table) (n int) {
	for _, e := range b.entries {
		if e.table == t {
			n++
		}
	}
	return n
}

// demote makes room for a configured address: names are looked up again and
// again, and an old answer that failed for long shall not keep out a new one.
func (b *book) demote(now time.Time) bool {
	var worst *entry
	for _, e := range b.entries {
		if e.table == configured && e.fails >= maxTriedFails && (worst == nil || e.fails > worst.fails) {
			worst = e
		}
	}
	if worst == nil {
		return false
	}
	b.release(worst, now)
	return true
}

// release makes an ordinary address of one that is not configured any more, or
// forgets it where there is no room.
func (b *book) release(e *entry, now time.Time) {
	if e.seen.IsZero() || !b.seat(e, tried, now) {
		if !b.seat(e, fresh, now) {
			b.remove(e)
		}
	}
}

// answered notes that a node was met at an address. A fresh one becomes a tried
// one, if there is room: otherwise the tried address that was met longest ago is
// to be dialled first, and stays if it answers. Addresses that go on answering
// are never pushed out by new ones.
func (b *book) answered(e *entry, now time.Time) {
	e.seen = now
	b.tests = slices.DeleteFunc(b.tests, func(t test) bool { return t.incumbent == e })
	if e.table != fresh || slices.ContainsFunc(b.tests, func(t test) bool { return t.newcomer == e }) {
		return
	}
	bucket := b.buckets[tried][b.place(tried, e.addr, nil)]
	if len(bucket) < bucketSize {
		b.unseat(e)
		b.seat(e, tried, now)
		return
	}
	var oldest *entry
	for _, x := range bucket {
		under := slices.ContainsFunc(b.tests, func(t test) bool { return t.incumbent == x })
		if !under && (oldest == nil || x.seen.Before(oldest.seen)) {
			oldest = x
		}
	}
	if oldest != nil && len(b.tests) < maxTests {
		b.tests = append(b.tests, test{oldest, e})
	}
}

// missed notes that nobody was met at an address. If that was its test, the other
// one takes its place.
func (b *book) missed(e *entry, now time.Time) {
	i := slices.IndexFunc(b.tests, func(t test) bool { return t.incumbent == e })
	if i < 0 {
		return
	}
	newcomer := b.tests[i].newcomer
	b.unseat(e) // with the test
	if !b.seat(e, fresh, now) {
		b.remove(e)
	}
	b.unseat(newcomer)
	b.seat(newcomer, tried, now)
}

// forget drops an address that failed too often.
func (b *book) forget(e *entry) {
	most := maxFreshFails
	if !e.seen.IsZero() {
		most = maxTriedFails
	}
	if e.table != configured && e.fails >= most {
		b.remove(e)
	}
}

// draw returns the entries of a table in a random order in which all buckets
// come equally early: who fills few buckets is not first more often for it.
func (b *book) draw(t table, rng *rand.Rand) (out []*entry) {
	var rows [bucketSize][]*entry
	var full [][]*entry
	for _, bucket := range b.buckets[t] {
		if len(bucket) > 0 {
			full = append(full, bucket)
		}
	}
	for _, k := range rng.Perm(len(full)) {
		bucket := full[k]
		for i, j := range rng.Perm(len(bucket)) {
			rows[i] = append(rows[i], bucket[j])
		}
	}
	for _, row := range rows {
		out = append(out, row...)
	}
	return out
}
