package work

import (
	"context"
	"fmt"
	"sync"
)

// checkEvery is how many nonces are tried between two looks at the context:
// about 5 ms on a slow 32-bit processor.
const checkEvery = 1024

// Search looks for a nonce whose value reaches the threshold: start, start+1
// and so on, wrapping around, shared out over the given number of threads (at
// least 1). With one thread it runs on the caller's goroutine and returns the
// first such nonce from start on; with more, whichever is found first.
//
// When ctx ends first, the error wraps its cause. All goroutines of the search
// have ended when it returns.
func Search(ctx context.Context, root [32]byte, threshold uint64, start uint64, threads int) (nonce uint64, err error) {
	var c constants
	c.set(&root)
	if threads <= 1 {
		nonce, found := search(ctx, &c, threshold, start, 1)
		return result(ctx, root, nonce, found)
	}
	ours, stop := context.WithCancel(ctx)
	defer stop()
	var (
		group sync.WaitGroup
		once  sync.Once
		any   bool
	)
	for i := range threads {
		group.Go(func() {
			n, found := search(ours, &c, threshold, start+uint64(i), uint64(threads))
			if found {
				once.Do(func() { nonce, any = n, true })
				stop()
			}
		})
	}
	group.Wait()
	return result(ctx, root, nonce, any)
}

// search tries every step-th nonce from start on until one reaches the
// threshold or ctx ends.
func search(ctx context.Context, c *constants, threshold, start, step uint64) (nonce uint64, found bool) {
	done := ctx.Done()
	for nonce = start; ; {
		select {
		case <-done:
			return 0, false
		default:
		}
		for range checkEvery {
			if compress(c, nonce) >= threshold {
				return nonce, true
			}
			nonce += step
		}
	}
}

func result(ctx context.Context, root [32]byte, nonce uint64, found bool) (uint64, error) {
	if !found {
		return 0, fmt.Errorf("search for work on root %X stopped: %w", root, context.Cause(ctx))
	}
	return nonce, nil
}
