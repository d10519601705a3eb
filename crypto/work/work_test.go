package work

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

// counting is the root 00 01 .. 1f.
func counting() (root [32]byte) {
	for i := range root {
		root[i] = byte(i)
	}
	return root
}

func TestKnownValues(t *testing.T) {
	if got := Value(counting(), 0x0123456789abcdef); got != 0x8b21cd1903b9d44b {
		t.Errorf("value is %x", got)
	}
	for _, v := range []struct {
		bits  int
		nonce uint64
	}{{6, 5}, {8, 0xc5}, {14, 0x8e5}, {16, 0x8f08}, {19, 0x10996}, {22, 0x10996}} {
		threshold := ^uint64(0) << (64 - v.bits)
		got, err := Search(t.Context(), counting(), threshold, 0, 1)
		if err != nil || got != v.nonce {
			t.Errorf("first nonce of %d bits is %x, %v; want %x", v.bits, got, err, v.nonce)
		}
		if !Valid(counting(), v.nonce, threshold) || Valid(counting(), v.nonce-1, threshold) {
			t.Errorf("threshold of %d bits is not exact", v.bits)
		}
	}
	if got := Value(counting(), 0x10996); got != 0xffffffa59cfb71a6 {
		t.Errorf("value is %x", got)
	}
}

func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../testdata/protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Work []struct {
			Root, Threshold, Value string
			First                  string `json:"first_nonce_from_zero"`
		}
		Blocks []struct{ Root, Work string }
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Work) == 0 || len(vectors.Blocks) == 0 {
		t.Fatal("no vectors")
	}
	number := func(text string) uint64 {
		n, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := func(rootText string, threshold uint64) (root [32]byte, nonce uint64) {
		data, err := hex.DecodeString(rootText)
		if err != nil {
			t.Fatal(err)
		}
		root = [32]byte(data)
		nonce, err = Search(t.Context(), root, threshold, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		return root, nonce
	}
	for _, v := range vectors.Work {
		root, nonce := first(v.Root, number(v.Threshold))
		if nonce != number(v.First) || Value(root, nonce) != number(v.Value) {
			t.Errorf("root %s: nonce %x, value %x", v.Root, nonce, Value(root, nonce))
		}
	}
	// The blocks' work is the first of 8 bits, whatever their network asks.
	for _, v := range vectors.Blocks {
		if _, nonce := first(v.Root, 0xff<<56); nonce != number(v.Work) {
			t.Errorf("root %s: nonce %x, want %s", v.Root, nonce, v.Work)
		}
	}
}
