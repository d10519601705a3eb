package lattice

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smallnano/smallnano/crypto"
)

var testKey = crypto.NewPrivateKey(crypto.Sum256([]byte("lattice test key")))

func TestSubtype(t *testing.T) {
	ten := AmountFrom(10)
	for _, c := range []struct {
		previous Hash
		after    uint64
		want     Subtype
	}{
		{Hash{}, 0, Open}, {Hash{}, 9, Open}, {Hash{}, 10, Open}, {Hash{}, 11, Open},
		{Hash{1}, 0, Send}, {Hash{1}, 9, Send}, {Hash{1}, 10, Change}, {Hash{1}, 11, Receive},
	} {
		b := Block{Previous: c.previous, Balance: AmountFrom(c.after)}
		if got := b.Subtype(ten); got != c.want {
			t.Errorf("from 10 to %d after %v: %v, want %v", c.after, c.previous, got, c.want)
		}
		if back, err := ParseSubtype(c.want.String()); err != nil || back != c.want {
			t.Errorf("ParseSubtype(%v) = %v, %v", c.want, back, err)
		}
	}
	for _, bad := range []string{"", "Open", "epoch", "subtype(0)", "subtype(9)"} {
		if s, err := ParseSubtype(bad); err == nil {
			t.Errorf("ParseSubtype(%q) = %v", bad, s)
		}
	}
	if Subtype(0).String() != "subtype(0)" {
		t.Errorf("zero subtype is %v", Subtype(0))
	}
}

func TestRoots(t *testing.T) {
	b := Block{Account: Account{1}, Previous: Hash{2}}
	if b.Root() != (Root{2}) || b.QualifiedRoot() != (QualifiedRoot{Account{1}, Hash{2}}) {
		t.Errorf("root %v, qualified %v", b.Root(), b.QualifiedRoot())
	}
	b.Previous = Hash{}
	if b.Root() != (Root{1}) || b.QualifiedRoot().Root() != (Root{1}) {
		t.Errorf("root of a first block %v", b.Root())
	}
	if got := b.QualifiedRoot().String(); got != "01"+strings.Repeat("0", 126) {
		t.Errorf("qualified root %s", got)
	}
}

// TestHashCovers flips every bit of a block: those of work and signature do not
// count for the hash, all others do.
func TestHashCovers(t *testing.T) {
	b := Block{Account: Account(testKey.Public()), Balance: Supply, Work: 7}
	h := b.Sign(DevID, testKey)
	plain := b.Bytes()
	for i := range 8 * BlockSize {
		changed := plain
		changed[i/8] ^= 1 << (i % 8)
		var c Block
		if err := c.UnmarshalBinary(changed[:]); err != nil {
			t.Fatal(err)
		}
		if got, want := c.Hash(DevID) != h, i < 8*144; got != want {
			t.Errorf("bit %d changes the hash: %t, want %t", i, got, want)
		}
		if valid := c.SignedBy(c.Hash(DevID)); valid != (i >= 8*144 && i < 8*152) {
			t.Errorf("bit %d: signature valid %t", i, valid)
		}
	}
}

func TestHexText(t *testing.T) {
	upper := strings.Repeat("0A", 32)
	for what, parse := range map[string]func(string) (string, error){
		"block hash": func(s string) (string, error) { h, err := ParseHash(s); return h.String(), err },
		"link":       func(s string) (string, error) { l, err := ParseLink(s); return l.String(), err },
		"public key": func(s string) (string, error) { a, err := ParseAccountHex(s); return a.Hex(), err },
	} {
		for _, good := range []string{upper, strings.ToLower(upper)} {
			if got, err := parse(good); err != nil || got != upper {
				t.Errorf("%s %s: %s, %v", what, good, got, err)
			}
		}
		for _, bad := range []string{"", upper[1:], upper + "0", upper[1:] + "g", "0x" + upper[2:], strings.Repeat("é", 32), strings.Repeat("0", 1<<16)} {
			got, err := parse(bad)
			if err == nil || !strings.Contains(err.Error(), what) || got != strings.Repeat("0", 64) || len(err.Error()) > 300 {
				t.Errorf("%s %.80q: %s, %v", what, bad, got, err)
			}
		}
	}
}

func TestBlockLength(t *testing.T) {
	for _, n := range []int{0, 1, BlockSize - 1, BlockSize + 1, 2 * BlockSize} {
		b := Block{Work: 5}
		if err := b.UnmarshalBinary(make([]byte, n)); err == nil || b != (Block{Work: 5}) {
			t.Errorf("%d bytes are a block: %+v, %v", n, b, err)
		}
	}
}

func FuzzBlock(f *testing.F) {
	genesis := Dev().Genesis.Bytes()
	f.Add(genesis[:])
	f.Add(bytes.Repeat([]byte{0xff}, BlockSize))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Block
		err := b.UnmarshalBinary(data)
		if (err == nil) != (len(data) == BlockSize) {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
		if err != nil {
			return
		}
		again, err := b.AppendBinary(nil)
		if out := b.Bytes(); err != nil || !bytes.Equal(again, data) || !bytes.Equal(out[:], data) {
			t.Fatalf("%x is written as %x, %v", data, again, err)
		}
	})
}

func testVote(n int) *Vote {
	v := &Vote{Timestamp: 1}
	for i := range n {
		v.Hashes = append(v.Hashes, Hash{byte(i), byte(i >> 8), 1})
	}
	v.Sign(DevID, testKey)
	return v
}

func TestVoteBounds(t *testing.T) {
	for _, n := range []int{1, 2, 254, 255} {
		data, err := testVote(n).AppendBinary(nil)
		if err != nil || len(data) != VoteHeaderSize+32*n || len(data) > MaxVoteSize {
			t.Errorf("%d hashes: %d bytes, %v", n, len(data), err)
		}
	}
	for _, n := range []int{0, 256, 257, 512} {
		if data, err := testVote(n).AppendBinary([]byte("kept")); err == nil || string(data) != "kept" {
			t.Errorf("vote with %d hashes is written as %d bytes", n, len(data))
		}
	}
	good, _ := testVote(3).AppendBinary(nil)
	twice := slices.Clone(good)
	copy(twice[len(twice)-32:], twice[VoteHeaderSize:])
	none := slices.Clone(good[:VoteHeaderSize])
	none[VoteHeaderSize-1] = 0
	for name, c := range map[string]struct {
		data []byte
		why  string
	}{
		"empty":       {nil, "0 bytes"},
		"header cut":  {good[:VoteHeaderSize-1], "at least 105"},
		"hash cut":    {good[:len(good)-1], "want 201"},
		"a byte more": {append(slices.Clone(good), 0), "want 201"},
		"a hash more": {append(slices.Clone(good), make([]byte, 32)...), "want 201"},
		"no hash":     {none, "without hashes"},
		"hash twice":  {twice, "twice"},
	} {
		v := Vote{Timestamp: 77}
		if err := v.UnmarshalBinary(c.data); err == nil || !strings.Contains(err.Error(), c.why) || v.Timestamp != 77 {
			t.Errorf("%s: %v, vote %+v", name, err, v)
		}
	}
}

// TestVoteCovers changes each part of a vote; none keeps the signature valid.
func TestVoteCovers(t *testing.T) {
	for name, change := range map[string]func(*Vote){
		"representative": func(v *Vote) { v.Representative[0] ^= 1 },
		"timestamp":      func(v *Vote) { v.Timestamp++ },
		"final":          func(v *Vote) { v.Timestamp = FinalTimestamp },
		"hash":           func(v *Vote) { v.Hashes[1][31] ^= 1 },
		"order":          func(v *Vote) { v.Hashes[0], v.Hashes[1] = v.Hashes[1], v.Hashes[0] },
		"one less":       func(v *Vote) { v.Hashes = v.Hashes[:2] },
		"one more":       func(v *Vote) { v.Hashes = append(v.Hashes, Hash{9}) },
	} {
		v := testVote(3)
		if !v.Verify(DevID) {
			t.Fatal("vote is not valid before the change")
		}
		if change(v); v.Verify(DevID) {
			t.Errorf("vote is valid after a change of %s", name)
		}
	}
	if v := testVote(3); v.Verify(BetaID) || v.Final() {
		t.Errorf("valid on beta: %t; final: %t", v.Verify(BetaID), v.Final())
	}
	// A signature over a block must not be one over a vote.
	b := Block{Account: Account(testKey.Public())}
	h := b.Sign(DevID, testKey)
	v := Vote{Representative: b.Account, Signature: b.Signature, Hashes: []Hash{h}}
	if v.Verify(DevID) {
		t.Error("the signature of a block is valid for a vote")
	}
}

func TestVoteTimestamp(t *testing.T) {
	for at, want := range map[time.Time]uint64{
		time.UnixMilli(1234):             1234,
		time.Unix(0, 0):                  0,
		time.Unix(-5, 0):                 0,
		time.Unix(1_700_000_000, 999999): 1_700_000_000_000,
	} {
		if got := VoteTimestamp(at); got != want {
			t.Errorf("timestamp of %v is %d, want %d", at, got, want)
		}
	}
	if v := (&Vote{Timestamp: FinalTimestamp}); !v.Final() {
		t.Error("final vote is not final")
	}
}

func FuzzVote(f *testing.F) {
	for _, n := range []int{1, 2, 255} {
		data, err := testVote(n).AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var v Vote
		if err := v.UnmarshalBinary(data); err != nil {
			if v.Hashes != nil {
				t.Fatal("a refused vote left something behind")
			}
			return
		}
		again, err := v.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x is written as %x, %v", data, again, err)
		}
		if n := len(v.Hashes); n < 1 || n > MaxVoteHashes {
			t.Fatalf("vote of %d hashes", n)
		}
	})
}

// TestRecords checks what the zero values mean.
func TestRecords(t *testing.T) {
	if (AccountInfo{}).Opened() || !(AccountInfo{Height: 1}).Opened() {
		t.Error("an account is open when it has a block")
	}
	if !(Account{}).IsZero() || (Account{31: 1}).IsZero() || !(Hash{}).IsZero() || (Hash{31: 1}).IsZero() || (Link{31: 1}).IsZero() {
		t.Error("zero is all zeros")
	}
}
