package peering

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"time"
)

// FilterAge is how long a filter remembers: what was seen longer ago counts as
// fresh.
const FilterAge = time.Minute

// FilterSize is a good number of entries for a node: 16 bytes each, 512 KB.
const FilterSize = 1 << 15

// Digest stands for a message in a Filter.
type Digest uint64

// Filter finds messages that were seen in the last minute, before they cost
// anything more. It is a table in which a newer message overwrites the older
// one of its slot, so it may forget, and then a repeat passes; it mistakes a new
// message for a repeat with a chance of 2^-64 each. The hash is keyed, so nobody
// can aim at a slot or at a digest.
//
// What was let in and is then refused, dropped from a full queue or found to
// have a bad signature must be taken out with Remove: else the good copy that
// comes next would be taken for a repeat.
//
// A Filter may be used from several goroutines.
type Filter struct {
	k0, k1 uint64

	mu    sync.Mutex
	start time.Time // of the first Check; times are stored relative to it
	slots []slot
}

type slot struct {
	digest  Digest
	seen    uint32 // seconds since start, plus 1; 0: empty
	variant uint32
}

// NewFilter returns an empty filter of size entries, a power of two. The key is
// random and secret, and new at each start.
func NewFilter(key [16]byte, size int) *Filter {
	if size < 1 || size&(size-1) != 0 {
		panic("peering: size of a filter must be a power of two")
	}
	return &Filter{
		k0:    binary.LittleEndian.Uint64(key[:8]),
		k1:    binary.LittleEndian.Uint64(key[8:]),
		slots: make([]slot, size),
	}
}

// Digest returns the digest of a kind of message and its identity. For a block
// that is its hash, by which it is taken out again; its work and its signature, which
// anybody can vary, make a variant of it.
func (f *Filter) Digest(kind byte, identity []byte) Digest {
	return Digest(siphash(f.k0, f.k1^uint64(kind), identity))
}

// Check reports whether a digest was not seen in the last minute, and remembers
// it. A repeat does not prolong the memory of the first.
func (f *Filter) Check(d Digest, now time.Time) (fresh bool) { return f.CheckVariant(d, 0, now) }

// Variant returns what tells variants of a message apart that have the same digest.
func (f *Filter) Variant(rest []byte) uint32 { return uint32(siphash(f.k0, ^f.k1, rest)) }

// CheckVariant is Check for a message of which there are variants: another one than
// that which was seen last is fresh. So a good copy is not taken for a repeat of a bad
// one that still waits to be refused.
func (f *Filter) CheckVariant(d Digest, variant uint32, now time.Time) (fresh bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.start.IsZero() {
		f.start = now
	}
	s, t := &f.slots[int(uint64(d)&uint64(len(f.slots)-1))], f.seconds(now)
	if s.seen != 0 && s.digest == d && s.variant == variant && t-s.seen < uint32(FilterAge/time.Second) {
		return false
	}
	*s = slot{d, t, variant}
	return true
}

// Remove forgets a digest, if it is still there.
func (f *Filter) Remove(d Digest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := &f.slots[int(uint64(d)&uint64(len(f.slots)-1))]; s.digest == d {
		*s = slot{}
	}
}

// Clear forgets everything: what came from the messages that were seen is lost,
// and their repeats are welcome.
func (f *Filter) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.slots)
}

// seconds is the time of a slot. The clock may be set back; then what was seen
// "later" is a difference that wraps to far more than the age, and is fresh.
func (f *Filter) seconds(now time.Time) uint32 {
	return uint32(max(0, now.Sub(f.start)/time.Second)) + 1
}

// siphash is SipHash-2-4 by Aumasson and Bernstein: a keyed hash that is short,
// fast for short inputs, and gives away nothing of its key.
func siphash(k0, k1 uint64, p []byte) uint64 {
	v0, v1 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d
	v2, v3 := k0^0x6c7967656e657261, k1^0x7465646279746573
	round := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	last := uint64(len(p)) << 56
	for ; len(p) >= 8; p = p[8:] {
		m := binary.LittleEndian.Uint64(p)
		v3 ^= m
		round()
		round()
		v0 ^= m
	}
	for i, b := range p {
		last |= uint64(b) << (8 * i)
	}
	v3 ^= last
	round()
	round()
	v0 ^= last
	v2 ^= 0xff
	for range 4 {
		round()
	}
	return v0 ^ v1 ^ v2 ^ v3
}
