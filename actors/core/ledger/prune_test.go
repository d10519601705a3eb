package ledger

import (
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

func TestPruneLimit(t *testing.T) {
	for _, c := range []struct{ height, confirmed, keep, want uint64 }{
		{0, 0, 5, 0},
		{10, 10, 0, 0},                 // everything is kept
		{10, 10, 10, 0}, {9, 9, 10, 0}, // there are no more than that
		{10, 10, 4, 6}, {10, 10, 1, 9},
		{10, 10, 1 << 60, 0},
		{10, 7, 4, 6}, {10, 6, 4, 5}, {10, 1, 4, 0}, // the confirmed frontier stays
		{10, 0, 4, 0},
	} {
		info := lattice.AccountInfo{Height: c.height, ConfirmedHeight: c.confirmed}
		if got := PruneLimit(info, c.keep); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestDepth lets a depth follow a ledger whose size is in proportion to it.
func TestDepth(t *testing.T) {
	const longest = 1000
	for _, c := range []struct {
		most      uint64
		perBlock  int64 // bytes of a ledger for each block that is kept of an account
		budget    int64
		low, high uint64 // where it settles
	}{
		{100, 10, 0, 100, 100},    // no budget
		{100, 10, 1000, 100, 100}, // just enough
		{100, 10, 500, 30, 50},    // half
		{0, 10, 20_000, 0, 0},     // no depth, and room
		{0, 10, 5000, 375, 500},   // no depth, and no room
		{100, 10, 1, 1, 1},        // never enough
	} {
		d := NewDepth(c.most, c.budget)
		size := func() int64 {
			keep := d.Keep()
			if keep == 0 {
				keep = longest
			}
			return int64(min(keep, longest)) * c.perBlock
		}
		for range 100 {
			was := longest
			if d.Keep() != 0 {
				was = int(min(d.Keep(), longest))
			}
			d.Adjust(size(), uint64(was))
		}
		if got := d.Keep(); got < c.low || got > c.high {
			t.Errorf("%+v: %d", c, got)
		}
		if short := d.Short(size()); short != (c.budget == 1) {
			t.Errorf("%+v: short: %t", c, short)
		}
	}
	d := NewDepth(100, 1000)
	d.Adjust(2000, 100)
	for i := 0; d.Keep() < 100; i++ {
		if before := d.Keep(); !d.Adjust(500, before) || d.Keep() <= before || i > 100 {
			t.Fatalf("from %d to %d, though there is room", before, d.Keep())
		}
	}
	if d.Adjust(500, 100) {
		t.Errorf("%d, more than wanted", d.Keep())
	}
}
