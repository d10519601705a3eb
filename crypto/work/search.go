package work

import (
	"context"
	"fmt"
	"sync"
)

// threadsMost bounds the goroutines of one search.
const threadsMost = 256

// Search looks for a nonce whose value reaches the threshold: start, start+1
// and so on, wrapping around, shared out over the given number of threads (at
// least 1, at most 256). With one thread it runs on the caller's goroutine and
// returns the first such nonce from start on; with more, whichever is found
// first. Searches by several machines for one root should start at random.
//
// When ctx ends first, the error wraps ctx.Err(). All goroutines of the search
// have ended when it returns.
func Search(ctx context.Context, root [32]byte, threshold uint64, start uint64, threads int) (nonce uint64, err error) {
	return searchWith(ctx, fastest, root, threshold, start, threads)
}

func searchWith(ctx context.Context, k Kernel, root [32]byte, threshold uint64, start uint64, threads int) (nonce uint64, err error) {
	var c constants
	c.set(&root)
	var found bool
	if threads <= 1 {
		nonce, found = search(ctx, k, &c, threshold, start, 1)
	} else {
		nonce, found = searchTogether(ctx, k, &c, threshold, start, min(threads, threadsMost))
	}
	if !found {
		return 0, fmt.Errorf("search for work on root %X stopped: %w", root, ctx.Err())
	}
	return nonce, nil
}

// searchTogether runs one search per thread, each on every threads-th nonce.
func searchTogether(ctx context.Context, k Kernel, c *constants, threshold, start uint64, threads int) (nonce uint64, found bool) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		group sync.WaitGroup
		first sync.Once
	)
	for i := range uint64(threads) {
		group.Go(func() {
			if n, ok := search(ctx, k, c, threshold, start+i, uint64(threads)); ok {
				first.Do(func() { nonce, found = n, true })
				stop()
			}
		})
	}
	group.Wait()
	return nonce, found
}

// search tries every step-th nonce from start on until one reaches the
// threshold or ctx ends.
func search(ctx context.Context, k Kernel, c *constants, threshold, start, step uint64) (nonce uint64, found bool) {
	done := ctx.Done()
	tries := k.prepare(c, threshold, step)
	for {
		select {
		case <-done:
			return 0, false
		default:
		}
		if nonce, found := tries(start); found {
			return nonce, true
		}
		start += Batch * step
	}
}
