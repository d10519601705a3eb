package bucket

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/messages/lattice"
)

// TestTableAgainstFiles compares the limits to the raw with the two tables: the
// origin's, and this network's.
func TestTableAgainstFiles(t *testing.T) {
	for _, c := range []struct {
		file  string
		shift uint
	}{{"testdata/buckets_nano_v24.csv", 0}, {"testdata/buckets_smallnano.csv", Shift}} {
		f, err := os.Open(c.file)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		table := NewTable(c.shift)
		if len(rows) != Count+1 {
			t.Fatalf("%s has %d rows", c.file, len(rows))
		}
		for i, row := range rows[1:] {
			if row[0] != strconv.Itoa(i) || row[1] != table[i].Raw() {
				t.Errorf("%s: bucket %s starts at %s; the generator says %d at %s", c.file, row[0], row[1], i, table[i].Raw())
			}
			if c.shift == Shift {
				smn, err := lattice.ParseAmount(row[2])
				if err != nil || smn != table[i] {
					t.Errorf("%s: bucket %d starts at %s smn (%v); the generator says %v", c.file, i, row[2], err, table[i])
				}
			}
		}
	}
}

// TestTableDigest holds the unshifted limits against a digest and a sum that
// were computed by others.
func TestTableDigest(t *testing.T) {
	var text strings.Builder
	sum := lattice.Amount{}
	for _, limit := range NewTable(0) {
		text.WriteString(limit.Raw() + "\n")
		sum = sum.SatAdd(limit)
	}
	digest := sha256.Sum256([]byte(text.String()))
	if got := hex.EncodeToString(digest[:]); got != "063932733e93fbc8a88551a5ba3ce444bc887f6a45c35bfb1d4f3681673bd996" {
		t.Errorf("digest %s", got)
	}
	if sum.Raw() != "2278460467731499859239962844044722176" {
		t.Errorf("sum %s", sum.Raw())
	}
}

// TestShiftIsExact: no limit loses a bit, for any shift that is allowed.
func TestShiftIsExact(t *testing.T) {
	whole := NewTable(0)
	for _, shift := range []uint{0, 1, 20, 25, 80} {
		for i, limit := range NewTable(shift) {
			n, _ := new(big.Int).SetString(limit.Raw(), 10)
			if n.Lsh(n, shift).String() != whole[i].Raw() {
				t.Errorf("shift %d, bucket %d: %v is not exact", shift, i, limit.Raw())
			}
		}
	}
}

func TestIndex(t *testing.T) {
	table := NewTable(Shift)
	one := lattice.AmountFrom(1)
	for i, limit := range table {
		if got := table.Index(limit); got != i {
			t.Errorf("the smallest balance of bucket %d is in %d", i, got)
		}
		if i > 0 {
			if got := table.Index(limit.SatSub(one)); got != i-1 {
				t.Errorf("one raw below bucket %d is in %d", i, got)
			}
		}
	}
	for _, c := range []struct {
		smn  string
		want int
	}{{"0", 0}, {"0.0001", 0}, {"1", 13}, {"10000000", 61}} {
		amount, err := lattice.ParseAmount(c.smn)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.Index(amount); got != c.want {
			t.Errorf("%s smn is in bucket %d, want %d", c.smn, got, c.want)
		}
	}
	if got := table.Index(lattice.MaxAmount); got != Count-1 {
		t.Errorf("the largest amount is in bucket %d", got)
	}
}

// TestIndexAgainstScan compares with looking at every limit.
func TestIndexAgainstScan(t *testing.T) {
	table := NewTable(Shift)
	rapid.Check(t, func(t *rapid.T) {
		a := lattice.Amount{Hi: rapid.Uint64().Draw(t, "hi") >> rapid.UintRange(0, 64).Draw(t, "by"), Lo: rapid.Uint64().Draw(t, "lo")}
		want := 0
		for i, limit := range table {
			if !a.Less(limit) {
				want = i
			}
		}
		if got := table.Index(a); got != want {
			t.Fatalf("%v is in bucket %d, want %d", a, got, want)
		}
	})
}

func TestBalance(t *testing.T) {
	low, high := lattice.AmountFrom(1), lattice.Amount{Hi: 1}
	if Balance(low, high) != high || Balance(high, low) != high {
		t.Error("not the larger one")
	}
}
