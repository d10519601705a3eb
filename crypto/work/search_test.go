package work

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// impossible is a threshold that no search in a test reaches.
const impossible = math.MaxUint64

const bits10 = uint64(1<<10-1) << 54

func TestSearchFindsFirst(t *testing.T) {
	for i := range uint64(50) {
		root := counting()
		root[0] = byte(i)
		start := -i // wraps around
		want := start
		for Value(root, want) < bits10 {
			want++
		}
		for _, threads := range []int{-1, 0, 1} {
			got, err := Search(t.Context(), root, bits10, start, threads)
			if err != nil || got != want {
				t.Fatalf("%d threads from %d: nonce %d, %v; want %d", threads, start, got, err, want)
			}
		}
		// The value of the find itself is the last threshold that it reaches.
		for _, k := range Kernels() {
			for _, threshold := range []uint64{bits10, Value(root, want)} {
				if got, err := k.Search(t.Context(), root, threshold, start, 1); err != nil || got != want {
					t.Fatalf("%s from %d: nonce %d, %v; want %d", k.Name, start, got, err, want)
				}
				if got, found := k.Try(root, threshold, start, int(want-start)+1); !found || got != want {
					t.Fatalf("%s from %d: nonce %d, %t; want %d", k.Name, start, got, found, want)
				}
			}
			if got, err := k.Search(t.Context(), root, Value(root, want)+1, want, 1); err != nil || got == want {
				t.Fatalf("%s accepts nonce %d one below the threshold, %v", k.Name, got, err)
			}
		}
	}
	if got, err := Search(t.Context(), counting(), 0, 7, 1); err != nil || got != 7 {
		t.Errorf("threshold 0: nonce %d, %v", got, err)
	}
}

// TestStrides checks that threads share the nonces out without a gap: the
// earliest of their finds is the find of a single thread.
func TestStrides(t *testing.T) {
	for _, k := range Kernels() {
		testStrides(t, k)
	}
}

func testStrides(t *testing.T, k Kernel) {
	for threads := uint64(2); threads <= 9; threads++ {
		root := counting()
		root[1] = byte(threads)
		var c constants
		c.set(&root)
		want, err := Search(t.Context(), root, bits10, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := uint64(math.MaxUint64)
		for i := range threads {
			nonce, found := search(t.Context(), k, &c, bits10, i, threads)
			if !found || nonce%threads != i {
				t.Fatalf("thread %d of %d: nonce %d, %t", i, threads, nonce, found)
			}
			got = min(got, nonce)
		}
		if got != want {
			t.Errorf("%d threads: earliest nonce is %d, want %d", threads, got, want)
		}
	}
}

// TestSearchTogether runs in a bubble, which fails when a goroutine is left.
func TestSearchTogether(t *testing.T) {
	for _, threads := range []int{2, 3, 8, threadsMost + 1} {
		synctest.Test(t, func(t *testing.T) {
			nonce, err := Search(t.Context(), counting(), bits10, 1<<40, threads)
			if err != nil || !Valid(counting(), nonce, bits10) {
				t.Errorf("%d threads: nonce %d, %v", threads, nonce, err)
			}
		})
	}
}

func TestSearchStops(t *testing.T) {
	for _, k := range Kernels() {
		if _, err := k.Search(t.Context(), counting(), 0, 7, 1); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	for _, threads := range []int{1, 4} {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Search(ended, counting(), impossible, 0, threads); !errors.Is(err, context.Canceled) {
			t.Errorf("%d threads, ended context: %v", threads, err)
		}
		short, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
		if _, err := Search(short, counting(), impossible, 0, threads); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d threads, short context: %v", threads, err)
		}
		cancel()
	}
}
