// Package work computes, checks and searches the proof of work of blocks: a
// nonce whose digest with the block's root reaches a threshold. It knows roots
// and thresholds as plain bytes and numbers, and no block or network.
package work

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/smallnano/smallnano/crypto"
)

// Value returns the value of a nonce for a root: the 8-byte BLAKE2b digest of
// the nonce (little-endian) and the root, read as a little-endian integer.
func Value(root [32]byte, nonce uint64) uint64 {
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], nonce)
	return crypto.Sum64(number[:], root[:])
}

// Valid reports whether the value of the nonce reaches the threshold.
func Valid(root [32]byte, nonce, threshold uint64) bool {
	return Value(root, nonce) >= threshold
}

// checkEvery is how many nonces are tried between two looks at the context:
// about 5 ms on the slowest hardware that is meant.
const checkEvery = 1024

// Search looks for a nonce whose value reaches the threshold: start, start+1
// and so on, wrapping around, shared out over the given number of threads (at
// least 1). With one thread it runs on the caller's goroutine and returns the
// first nonce from start on. It returns ctx.Err() when ctx ends first. All its
// goroutines have ended when it returns.
func Search(ctx context.Context, root [32]byte, threshold uint64, start uint64, threads int) (nonce uint64, err error) {
	if threads <= 1 {
		return searchStride(ctx, root, threshold, start, 1, nil)
	}
	var (
		group sync.WaitGroup
		done  atomic.Bool
		once  sync.Once
	)
	err = context.Canceled
	for i := range uint64(threads) {
		group.Go(func() {
			n, e := searchStride(ctx, root, threshold, start+i, uint64(threads), &done)
			if e == nil {
				once.Do(func() { nonce, err = n, nil; done.Store(true) })
			}
		})
	}
	group.Wait()
	if err != nil {
		err = ctx.Err()
	}
	return nonce, err
}

func searchStride(ctx context.Context, root [32]byte, threshold, start, stride uint64, done *atomic.Bool) (uint64, error) {
	for nonce := start; ; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if done != nil && done.Load() {
			return 0, context.Canceled
		}
		for range checkEvery {
			if Value(root, nonce) >= threshold {
				return nonce, nil
			}
			nonce += stride
		}
	}
}
