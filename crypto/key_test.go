package crypto

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestKeyRoundTrip(t *testing.T) {
	seed := Seed{1, 2, 3}
	key := NewPrivateKey(seed)
	if key.Seed() != seed {
		t.Error("a key does not return its seed")
	}
	again := NewPrivateKey(key.Seed())
	if again.Public() != key.Public() || again.Sign([]byte("m")) != key.Sign([]byte("m")) {
		t.Error("the same seed gives another key")
	}
	if !ValidKey(key.Public()) {
		t.Error("a public key is not valid")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	seed := Seed{}
	for i := range seed {
		seed[i] = 0xab
	}
	for _, secret := range []any{seed, &seed, NewPrivateKey(seed), []Seed{seed}, struct{ S Seed }{seed}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%08b"} {
			text := strings.ToLower(fmt.Sprintf(verb, secret))
			for _, leak := range []string{"abab", "ab, 0xab", "171", "10101011", "«"} {
				if strings.Contains(text, leak) {
					t.Errorf("%s of %T prints %s", verb, secret, text)
				}
			}
		}
		if text, err := json.Marshal(secret); err == nil && strings.Contains(string(text), "171") {
			t.Errorf("json of %T is %s", secret, text)
		}
	}
}

func TestZeroPrivateKey(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "crypto: ") {
			t.Errorf("panic is %q", text)
		}
	}()
	PrivateKey{}.Sign(nil)
}

func TestAccountSeeds(t *testing.T) {
	seen := map[Seed]bool{}
	for _, wallet := range []Seed{{}, {1}} {
		for _, index := range []uint32{0, 1, 2, 255, 256, 1 << 31, 1<<32 - 1} {
			seen[AccountSeed(wallet, index)] = true
		}
	}
	if len(seen) != 14 {
		t.Errorf("%d different account seeds, want 14", len(seen))
	}
}
