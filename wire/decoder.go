package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

var errShort = errors.New("body ends inside a field")

// decoder reads fields from a body, one after the other. After the first error
// it reads zeros, so that a message is read without a check at each field; the
// error is asked for once, by finish.
type decoder struct {
	rest []byte // what is not read yet; only ever read
	err  error
}

// take returns the next n bytes, or nil after an error.
func (d *decoder) take(n int) []byte {
	if d.err == nil && len(d.rest) < n {
		d.fail(errShort)
	}
	if d.err != nil {
		return nil
	}
	head := d.rest[:n]
	d.rest = d.rest[n:]
	return head
}

// fail keeps the first error.
func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// finish returns the first error. Bytes left over are one.
func (d *decoder) finish() error {
	if d.err == nil && len(d.rest) > 0 {
		d.fail(fmt.Errorf("%d bytes too many", len(d.rest)))
	}
	return d.err
}

func (d *decoder) u8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u16() uint16 {
	if b := d.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// bytes fills a fixed-size field.
func (d *decoder) bytes(into []byte) { copy(into, d.take(len(into))) }

// all returns everything that is left.
func (d *decoder) all() []byte { return d.take(len(d.rest)) }

// list says that n entries of size bytes follow and nothing else. It returns n,
// or 0 when the bytes that are left say otherwise: nothing is ever allocated
// for entries that are not there.
func (d *decoder) list(n, size int) int {
	if d.err == nil && len(d.rest) != n*size {
		d.fail(fmt.Errorf("count says %d entries of %d bytes, %d bytes follow", n, size, len(d.rest)))
	}
	if d.err != nil {
		return 0
	}
	return n
}

// entries returns a slice for n entries, nil when there are none, so that a
// message has one form in memory too.
func entries[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, n)
}

// distinct returns an error that names the first entry of a list that stands
// in it twice. Lists are short (at most 255): comparing all pairs needs no
// memory and costs less than checking one signature.
func distinct[T comparable](what string, list []T) error {
	for i := range list {
		if j := slices.Index(list[:i], list[i]); j >= 0 {
			return fmt.Errorf("%s %d is the same as %s %d", what, i, what, j)
		}
	}
	return nil
}

// countWithin returns an error unless low <= n <= high.
func countWithin(what string, n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%d %s, want %d to %d", n, what, low, high)
	}
	return nil
}
