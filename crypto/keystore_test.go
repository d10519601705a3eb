package crypto

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
)

// quick is the cheapest that is allowed: tests check the file, not the cost.
var quick = Stretch{MemoryKiB: minStretchKiB, Time: 1, Threads: 1}

var testHeader = KeystoreHeader{Kind: "seed", Wallet: "AB", Network: "dev", Protected: true}

func sealed(t testing.TB, password, secret string) []byte {
	t.Helper()
	file, err := SealKeystore(rand.Reader, []byte(password), []byte(secret), testHeader, quick)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestKeystoreOpens(t *testing.T) {
	for _, password := range []string{"", "correct horse", strings.Repeat("long", 256)} {
		file := sealed(t, password, "the secret")
		got, err := OpenKeystore([]byte(password), file)
		if err != nil || string(got) != "the secret" {
			t.Errorf("password of %d bytes: %q, %v", len(password), got, err)
		}
		h, err := ReadKeystoreHeader(file)
		want := testHeader
		want.Protected = password != ""
		if err != nil || h != want {
			t.Errorf("header %+v, %v", h, err)
		}
		if bytes.Contains(file, []byte("the secret")) {
			t.Error("the secret stands in the file")
		}
	}
	if bytes.Equal(sealed(t, "p", "s"), sealed(t, "p", "s")) {
		t.Error("the same file twice: salt or nonce is not random")
	}
}

func TestKeystoreWrongPassword(t *testing.T) {
	file := sealed(t, "right", "secret")
	for _, password := range []string{"", "Right", "right ", "rightx"} {
		if got, err := OpenKeystore([]byte(password), file); !errors.Is(err, ErrWrongPassword) || got != nil {
			t.Errorf("%q: %q, %v", password, got, err)
		}
	}
}

// Every byte of the file matters: changed to another digit or letter it does
// not open. A few positions stand for all: each open takes milliseconds.
func TestKeystoreTampered(t *testing.T) {
	file := sealed(t, "p", "secret")
	for _, c := range []struct{ from, to string }{
		{`"kind": "seed"`, `"kind": "keys"`},
		{`"wallet": "AB"`, `"wallet": "AC"`},
		{`"network": "dev"`, `"network": "main"`},
		{`"protected": true`, `"protected": false`},
		{`"memory_kib": 8192`, `"memory_kib": 8193`},
		{`"time": 1`, `"time": 2`},
		{`"threads": 1`, `"threads": 2`},
	} {
		changed := bytes.Replace(file, []byte(c.from), []byte(c.to), 1)
		if bytes.Equal(changed, file) {
			t.Fatalf("the file has no %s", c.from)
		}
		if _, err := OpenKeystore([]byte("p"), changed); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("%s: %v", c.to, err)
		}
	}
	for _, field := range []string{`"salt": "`, `"nonce": "`, `"sealed": "`} {
		at := bytes.Index(file, []byte(field)) + len(field)
		changed := bytes.Clone(file)
		changed[at] = "10"[(changed[at]-'0')&1]
		if _, err := OpenKeystore([]byte("p"), changed); !errors.Is(err, ErrWrongPassword) && !errors.Is(err, ErrBadKeystore) {
			t.Errorf("%s changed: %v", field, err)
		}
	}
}

func TestKeystoreRefuses(t *testing.T) {
	file := string(sealed(t, "p", "secret"))
	cases := map[string]string{
		"empty":             "",
		"not json":          "seed",
		"null":              "null",
		"list":              "[]",
		"other version":     strings.Replace(file, `"smallnano_keystore": 1`, `"smallnano_keystore": 2`, 1),
		"other kdf":         strings.Replace(file, "argon2id", "argon2i", 1),
		"other cipher":      strings.Replace(file, "xchacha20", "aes256", 1),
		"no memory":         strings.Replace(file, "8192", "8", 1),
		"all memory":        strings.Replace(file, "8192", "1073741824", 1),
		"more than 32 bits": strings.Replace(file, "8192", "8589934592", 1),
		"no time":           strings.Replace(file, `"time": 1`, `"time": 0`, 1),
		"too long":          strings.Replace(file, `"time": 1`, `"time": 17`, 1),
		"no threads":        strings.Replace(file, `"threads": 1`, `"threads": 0`, 1),
		"many threads":      strings.Replace(file, `"threads": 1`, `"threads": 17`, 1),
		"unknown field":     strings.Replace(file, `"kind"`, `"hint": "x", "kind"`, 1),
		"field twice":       strings.Replace(file, `"time": 1`, `"time": 2, "time": 1`, 1),
		"other case":        strings.Replace(file, `"kind"`, `"Kind"`, 1),
		"short salt":        strings.Replace(file, `"salt": "`, `"salt": "zz`, 1),
		"trailing":          file + "{}",
		"large":             file + strings.Repeat(" ", MaxKeystoreFile),
	}
	for i := 1; i < len(file)-2; i += 37 {
		cases["cut at "+file[max(0, i-10):i]] = file[:i]
	}
	for name, text := range cases {
		if _, err := OpenKeystore([]byte("p"), []byte(text)); !errors.Is(err, ErrBadKeystore) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ReadKeystoreHeader([]byte(text)); !errors.Is(err, ErrBadKeystore) {
			t.Errorf("header, %s: %v", name, err)
		}
	}
	for _, secret := range []int{0, MaxKeystoreSecret + 1} {
		if _, err := SealKeystore(rand.Reader, nil, make([]byte, secret), testHeader, quick); err == nil {
			t.Errorf("a secret of %d bytes is sealed", secret)
		}
	}
	if _, err := SealKeystore(rand.Reader, make([]byte, MaxPassword+1), []byte("s"), testHeader, quick); err == nil {
		t.Error("a password without end is taken")
	}
	if _, err := SealKeystore(bytes.NewReader(nil), nil, []byte("s"), testHeader, quick); err == nil {
		t.Error("sealed without randomness")
	}
	if _, err := SealKeystore(rand.Reader, nil, []byte("s"), testHeader, Stretch{}); err == nil {
		t.Error("sealed without stretching")
	}
}

func FuzzKeystore(f *testing.F) {
	f.Add(sealed(f, "p", "secret"))
	f.Add([]byte(`{"smallnano_keystore":1}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		k, err := parseKeystore(file)
		if err != nil {
			return
		}
		if err := (Stretch{k.Stretch.MemoryKiB, k.Stretch.Time, k.Stretch.Threads}).Validate(); err != nil {
			t.Errorf("absurd parameters pass: %v", err)
		}
		mustHex(k.Stretch.Salt)
		mustHex(k.Nonce)
		mustHex(k.Sealed)
	})
}

func BenchmarkKeystoreLow(b *testing.B)     { benchmarkStretch(b, StretchLow) }
func BenchmarkKeystoreDesktop(b *testing.B) { benchmarkStretch(b, StretchDesktop) }

func benchmarkStretch(b *testing.B, s Stretch) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := SealKeystore(rand.Reader, []byte("p"), []byte("secret"), testHeader, s); err != nil {
			b.Fatal(err)
		}
	}
}
