package crypto

import (
	stdlib "crypto/ed25519"
	"math/rand/v2"
	"strconv"
	"testing"
)

func BenchmarkSign(b *testing.B) {
	key, message := NewPrivateKey(Seed{1}), make([]byte, 32)
	for b.Loop() {
		key.Sign(message)
	}
}

func BenchmarkVerify(b *testing.B) {
	b.ReportAllocs()
	c := honest(1)[0]
	for b.Loop() {
		Verify(c.Key, c.Message, c.Signature)
	}
}

// BenchmarkVerifyStandard is the standard library's check, which is not the rule.
func BenchmarkVerifyStandard(b *testing.B) {
	c := honest(1)[0]
	for b.Loop() {
		stdlib.Verify(c.Key[:], c.Message, c.Signature[:])
	}
}

// BenchmarkVerifyBatch reports the time per signature: by different keys, by
// one key, and by different keys with one bad signature per batch.
func BenchmarkVerifyBatch(b *testing.B) {
	for _, n := range []int{2, 4, 8, 16, 32, 64} {
		checks := make([]Check, n)
		for i := range checks {
			key := NewPrivateKey(Seed{byte(i)})
			message := Sum256([]byte{byte(i)})
			checks[i] = Check{key.Public(), message[:], key.Sign(message[:])}
		}
		benchmarkBatch(b, "keys="+strconv.Itoa(n), checks)
		checks[n/2].Signature[33] ^= 1
		benchmarkBatch(b, "bad="+strconv.Itoa(n), checks)
		key := NewPrivateKey(Seed{1})
		for i := range checks {
			checks[i].Key, checks[i].Signature = key.Public(), key.Sign(checks[i].Message)
		}
		benchmarkBatch(b, "same="+strconv.Itoa(n), checks)
	}
}

func benchmarkBatch(b *testing.B, name string, checks []Check) {
	random := rand.NewChaCha8([32]byte{})
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			VerifyBatch(checks, random)
		}
		b.ReportMetric(float64(b.N*len(checks))/b.Elapsed().Seconds(), "sig/s")
	})
}

func BenchmarkSum256(b *testing.B) {
	b.ReportAllocs()
	preamble, body := make([]byte, 32), make([]byte, 144)
	for b.Loop() {
		Sum256(preamble, body)
	}
}
