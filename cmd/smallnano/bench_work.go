package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/crypto/work"
)

// defineBenchWork is the command "bench work". It counts processor time, not
// time, so other programs on the machine disturb it less; kernels and reference
// take turns, and a ratio is of one round.
func defineBenchWork(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	rounds := flags.Int("rounds", 9, "how often each kernel is measured")
	hashes := flags.Int("hashes", 1<<20, "hashes in a round, rounded up to whole batches of a search")
	return func(b *benchRun) (*load.Report, error) {
		if *rounds < 1 || *hashes < 1 {
			return nil, misused("--rounds is %d and --hashes %d, want at least 1", *rounds, *hashes)
		}
		batches := (*hashes + work.Batch - 1) / work.Batch
		return benchWork(b, *rounds, batches*work.Batch)
	}
}

func benchWork(b *benchRun, rounds, hashes int) (*load.Report, error) {
	kernels := work.Kernels()
	rates, ratios := make([][]float64, len(kernels)), make([][]float64, len(kernels))
	var reference []float64
	rate := func(f func() (int, error)) (float64, error) {
		done := 0
		_, used, err := timed(func() (err error) {
			done, err = f()
			return err
		})
		return float64(done) / max(used, time.Microsecond).Seconds(), err
	}
	for i := range rounds {
		r, err := rate(func() (int, error) { return hashes, hashWithReference(uint64(i), hashes) })
		if err != nil {
			return nil, err
		}
		reference = append(reference, r)
		for k := range kernels {
			r, err := rate(func() (int, error) {
				_, _ = kernels[k].Try([32]byte{byte(i)}, math.MaxUint64, 0, hashes)
				return hashes, b.Err()
			})
			if err != nil {
				return nil, err
			}
			rates[k], ratios[k] = append(rates[k], r), append(ratios[k], r/reference[i])
		}
	}
	out := &load.Report{}
	out.Add("x_crypto_hashes_per_second", "1/s of one core", reference...)
	for k := range kernels {
		out.Add(kernels[k].Name+"_hashes_per_second", "1/s of one core", rates[k]...)
		out.Add(kernels[k].Name+"_ratio", "times x/crypto", ratios[k]...)
	}
	return out, nil
}

// hashWithReference hashes as a search with x/crypto would: one hasher for all.
func hashWithReference(from uint64, hashes int) error {
	h, err := blake2b.New(8, nil)
	if err != nil {
		return fmt.Errorf("no reference: %w", err)
	}
	var input [40]byte
	var digest [8]byte
	for i := range uint64(hashes) {
		binary.LittleEndian.PutUint64(input[:], from<<32+i)
		h.Reset()
		h.Write(input[:])
		if binary.LittleEndian.Uint64(h.Sum(digest[:0])) == math.MaxUint64 {
			return errors.New("found what does not exist")
		}
	}
	return nil
}
