package crypto

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

// vectors is the part of testdata/protocol.json that concerns this package.
// The file was made with another implementation.
type vectors struct {
	Addresses []struct{ Key, Address string }
	Bad       []struct{ Address, Why string } `json:"bad_addresses"`
	Derive    []struct {
		Seed, Private, Public, Address string
		Index                          uint32
	} `json:"derivation"`
	Blocks []struct {
		Network, Private, Account, Hash, Signature, Bytes string
	}
	Votes []struct {
		Network, Private, Digest, Bytes string
		Hashes                          []string
	}
	Handshake []struct {
		Private   string
		NodeID    string `json:"node_id"`
		Digest    string
		Signature string
	}
	Genesis []struct {
		Network, Private, Account, Address, Hash, Signature string
	}
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func hex32(t testing.TB, text string) [32]byte { return [32]byte(unhex(t, text)) }

var networkIDs = map[string]byte{"main": 0x01, "beta": 0x02, "dev": 0xff}

func preamble(t testing.TB, network string, kind byte) []byte {
	t.Helper()
	id, known := networkIDs[network]
	if !known {
		t.Fatalf("vector names network %q", network)
	}
	return append(make([]byte, 30), id, kind)
}

func TestAddressVectors(t *testing.T) {
	for _, v := range loadVectors(t).Addresses {
		key := PublicKey(hex32(t, v.Key))
		if got := FormatAddress(key); got != v.Address {
			t.Errorf("address of %s is %s, want %s", key, got, v.Address)
		}
		if got, err := ParseAddress(v.Address); err != nil || got != key {
			t.Errorf("parse %s: %s, %v", v.Address, got, err)
		}
	}
}

func TestBadAddressVectors(t *testing.T) {
	for _, v := range loadVectors(t).Bad {
		key, err := ParseAddress(v.Address)
		if err == nil || key != (PublicKey{}) {
			t.Errorf("%s (%q) gives %s, %v", v.Why, v.Address, key, err)
			continue
		}
		if other := strings.Contains(v.Why, "another network"); other != errors.Is(err, ErrOtherNetwork) {
			t.Errorf("%s: %v", v.Why, err)
		}
	}
}

func TestDerivationVectors(t *testing.T) {
	for _, v := range loadVectors(t).Derive {
		seed := AccountSeed(hex32(t, v.Seed), v.Index)
		if seed != hex32(t, v.Private) {
			t.Errorf("account %d of %s is wrong", v.Index, v.Seed)
		}
		key := NewPrivateKey(seed).Public()
		if key.String() != v.Public || FormatAddress(key) != v.Address {
			t.Errorf("public key is %s, %s; want %s, %s", key, FormatAddress(key), v.Public, v.Address)
		}
	}
}

// signed checks that the private key has the public key and makes this
// signature over the digest, and that the signature verifies.
func signed(t *testing.T, private, public, digest, signature string) {
	t.Helper()
	key := NewPrivateKey(hex32(t, private))
	if key.Public().String() != public {
		t.Errorf("public key is %s, want %s", key.Public(), public)
	}
	sig := key.Sign(unhex(t, digest))
	if sig.String() != signature {
		t.Errorf("signature is %s, want %s", sig, signature)
	}
	if !Verify(key.Public(), unhex(t, digest), sig) {
		t.Errorf("signature %s does not verify", sig)
	}
}

func TestBlockVectors(t *testing.T) {
	for _, v := range loadVectors(t).Blocks {
		raw := unhex(t, v.Bytes)
		hash := Sum256(preamble(t, v.Network, 0x01), raw[:144])
		if hash != hex32(t, v.Hash) {
			t.Errorf("hash is %X, want %s", hash, v.Hash)
		}
		signed(t, v.Private, v.Account, v.Hash, v.Signature)
	}
	for _, v := range loadVectors(t).Genesis {
		if v.Network != "main" {
			seed := Sum256([]byte("smallnano " + v.Network + " genesis"))
			if seed != hex32(t, v.Private) {
				t.Errorf("genesis seed of %s is wrong", v.Network)
			}
		}
		signed(t, v.Private, v.Account, v.Hash, v.Signature)
		if got := FormatAddress(hex32(t, v.Account)); got != v.Address {
			t.Errorf("genesis address is %s, want %s", got, v.Address)
		}
	}
}

func TestVoteVectors(t *testing.T) {
	for i, v := range loadVectors(t).Votes {
		raw := unhex(t, v.Bytes)
		parts := [][]byte{preamble(t, v.Network, 0x02), raw[96:104]}
		for _, hash := range v.Hashes {
			parts = append(parts, unhex(t, hash))
		}
		if got := Sum256(parts...); got != hex32(t, v.Digest) {
			t.Errorf("vote %s: digest is %X, want %s", strconv.Itoa(i), got, v.Digest)
		}
		public := strings.ToUpper(hex.EncodeToString(raw[:32]))
		signed(t, v.Private, public, v.Digest, strings.ToUpper(hex.EncodeToString(raw[32:96])))
	}
}

func TestHandshakeVectors(t *testing.T) {
	for _, v := range loadVectors(t).Handshake {
		signed(t, v.Private, v.NodeID, v.Digest, v.Signature)
	}
}
