package lattice

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"github.com/smallnano/smallnano/crypto"
)

// vectors is the part of testdata/protocol.json that concerns this package.
// The file was made with another implementation.
type vectors struct {
	Addresses []struct{ Key, Address string }
	Bad       []struct{ Address, Why string } `json:"bad_addresses"`
	Blocks    []struct {
		Network, Private, Account, Previous, Representative, Balance, Link string
		Hash, Signature, Root, Work, Bytes                                 string
	}
	Votes []struct {
		Network, Private, Timestamp, Digest, Bytes string
		Hashes                                     []string
	}
	Genesis []struct {
		Network, Private, Account, Address, Hash, Signature string
	}
}

func loadVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Addresses) == 0 || len(v.Bad) == 0 || len(v.Blocks) == 0 || len(v.Votes) == 0 || len(v.Genesis) == 0 {
		t.Fatal("testdata/protocol.json lacks a section")
	}
	return v
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func networkID(t *testing.T, name string) NetworkID {
	t.Helper()
	id, ok := map[string]NetworkID{"main": MainID, "beta": BetaID, "dev": DevID}[name]
	if !ok {
		t.Fatalf("network %q", name)
	}
	return id
}

// must is for text of the vectors.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAddressVectors(t *testing.T) {
	v := loadVectors(t)
	for _, c := range v.Addresses {
		a, err := ParseAccountHex(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != c.Address || a.Hex() != c.Key {
			t.Errorf("key %s: address %s, hex %s, want %s", c.Key, a, a.Hex(), c.Address)
		}
		if back, err := ParseAccount(c.Address); err != nil || back != a {
			t.Errorf("ParseAccount(%s) = %v, %v", c.Address, back, err)
		}
	}
	for _, c := range v.Bad {
		if a, err := ParseAccount(c.Address); err == nil || a != (Account{}) {
			t.Errorf("%s: %q is taken as %v", c.Why, c.Address, a)
		}
	}
}

func TestBlockVectors(t *testing.T) {
	for i, c := range loadVectors(t).Blocks {
		id := networkID(t, c.Network)
		key := crypto.NewPrivateKey(crypto.Seed(unhex(t, c.Private)))
		b := Block{
			Account: must(ParseAccountHex(c.Account)), Previous: must(ParseHash(c.Previous)),
			Representative: must(ParseAccountHex(c.Representative)), Balance: must(ParseRaw(c.Balance)),
			Link: must(ParseLink(c.Link)), Work: must(strconv.ParseUint(c.Work, 16, 64)),
		}
		if b.Account != Account(key.Public()) {
			t.Errorf("block %d: account is not the key's", i)
		}
		hash := b.Sign(id, key)
		if hash.String() != c.Hash || b.Hash(id) != hash {
			t.Errorf("block %d: hash %v, want %s", i, hash, c.Hash)
		}
		if b.Signature.String() != c.Signature || !b.SignedBy(hash) {
			t.Errorf("block %d: signature %v, want %s", i, b.Signature, c.Signature)
		}
		if got := b.Root().String(); got != c.Root {
			t.Errorf("block %d: root %s, want %s", i, got, c.Root)
		}
		if !bytes.Equal(unhex(t, c.Bytes), first(b.Bytes())) {
			t.Errorf("block %d: bytes %x, want %s", i, b.Bytes(), c.Bytes)
		}
		var back Block
		if err := back.UnmarshalBinary(unhex(t, c.Bytes)); err != nil || back != b {
			t.Errorf("block %d: read back %+v, %v", i, back, err)
		}
		for _, other := range []NetworkID{MainID, BetaID, DevID} {
			if other != id && b.SignedBy(b.Hash(other)) {
				t.Errorf("block %d of %s is valid on network %d", i, c.Network, other)
			}
		}
	}
}

// first makes a slice of a block's bytes.
func first(b [BlockSize]byte) []byte { return b[:] }

func TestVoteVectors(t *testing.T) {
	for i, c := range loadVectors(t).Votes {
		id := networkID(t, c.Network)
		v := Vote{Timestamp: must(strconv.ParseUint(c.Timestamp, 10, 64))}
		for _, h := range c.Hashes {
			v.Hashes = append(v.Hashes, must(ParseHash(h)))
		}
		v.Sign(id, crypto.NewPrivateKey(crypto.Seed(unhex(t, c.Private))))
		if digest := v.Digest(id); !bytes.Equal(digest[:], unhex(t, c.Digest)) {
			t.Errorf("vote %d: digest %X, want %s", i, digest, c.Digest)
		}
		if !v.Verify(id) || v.Verify(id^1) {
			t.Errorf("vote %d: verified %t, on another network %t", i, v.Verify(id), v.Verify(id^1))
		}
		encoded, err := v.AppendBinary([]byte("x"))
		if err != nil || !bytes.Equal(encoded[1:], unhex(t, c.Bytes)) {
			t.Errorf("vote %d: bytes %X, %v", i, encoded, err)
		}
		var back Vote
		if err := back.UnmarshalBinary(unhex(t, c.Bytes)); err != nil || !back.Verify(id) || back.Final() != (c.Timestamp == "18446744073709551615") {
			t.Errorf("vote %d: read back %+v, %v", i, back, err)
		}
	}
}

func TestGenesisVectors(t *testing.T) {
	for _, c := range loadVectors(t).Genesis {
		n, err := NetworkByName(c.Network)
		if err != nil {
			t.Fatal(err)
		}
		g := &n.Genesis
		if n.GenesisHash.String() != c.Hash || n.HashOf(g) != n.GenesisHash {
			t.Errorf("%s: genesis %v, want %s", c.Network, n.GenesisHash, c.Hash)
		}
		if g.Account.Hex() != c.Account || g.Account.String() != c.Address || g.Representative != g.Account {
			t.Errorf("%s: genesis account %v, want %s", c.Network, g.Account, c.Address)
		}
		if g.Signature.String() != c.Signature || !g.SignedBy(n.GenesisHash) {
			t.Errorf("%s: genesis signature %v, want %s", c.Network, g.Signature, c.Signature)
		}
		if g.Balance != Supply || !g.Link.IsZero() || !g.Previous.IsZero() || g.Subtype(Amount{}) != Open {
			t.Errorf("%s: genesis %+v does not open with the supply", c.Network, g)
		}
		if n.GenesisSeed == nil || !bytes.Equal(n.GenesisSeed[:], unhex(t, c.Private)) {
			t.Errorf("%s: published seed is not that of the genesis account", c.Network)
		}
	}
}

// TestNetworks repeats the numbers of the protocol, since a wrong one would
// split a network.
func TestNetworks(t *testing.T) {
	for _, c := range []struct {
		n                         *Network
		id                        NetworkID
		send, receive             uint64
		floor                     string // raw
		samples                   int
		name                      string
		publishedKey, hasNoBlocks bool
	}{
		{MainParameters(), 0x01, 0xfffffc0000000000, 0xffffe00000000000, "4500000000000000000000000000000", 4032, "main", false, true},
		{Beta(), 0x02, 0xffff000000000000, 0xfffc000000000000, "4500000000000000000000000000000", 4032, "beta", true, false},
		{Dev(), 0xff, 0xff00000000000000, 0xfc00000000000000, "1000000000000000000000000000000", 288, "dev", true, false},
	} {
		n := c.n
		if n.ID != c.id || n.Name != c.name || n.WeightSamples != c.samples || n.WeightSampleEvery.Minutes() != 5 {
			t.Errorf("%s: %+v", c.name, n)
		}
		if n.QuorumFloor().Raw() != c.floor {
			t.Errorf("%s: floor %s, want %s", c.name, n.QuorumFloor().Raw(), c.floor)
		}
		for s, want := range map[Subtype]uint64{Open: c.receive, Receive: c.receive, Send: c.send, Change: c.send} {
			if n.Threshold(s) != want {
				t.Errorf("%s: %v needs %x, want %x", c.name, s, n.Threshold(s), want)
			}
		}
		if n.LowestThreshold() != c.receive {
			t.Errorf("%s: lowest threshold %x", c.name, n.LowestThreshold())
		}
		if (n.GenesisSeed != nil) != c.publishedKey || (n.Genesis == Block{}) != c.hasNoBlocks || n.GenesisHash.IsZero() != c.hasNoBlocks {
			t.Errorf("%s: genesis %v", c.name, n.GenesisHash)
		}
	}
	for _, name := range []string{"main", "", "Dev", "live", string(bytes.Repeat([]byte("x"), 1000))} {
		n, err := NetworkByName(name)
		if err == nil || n != nil || len(err.Error()) > 300 {
			t.Errorf("NetworkByName(%.10q) = %v, %v", name, n, err)
		}
	}
	if one, two := Dev(), Dev(); one == two || one.GenesisHash == Beta().GenesisHash {
		t.Error("networks share what they must not share")
	}
}
