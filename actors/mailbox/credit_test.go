package mailbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

func wantInUse(t testing.TB, c *Credits, count int, bytes int64) {
	t.Helper()
	if n, b := c.InUse(); n != count || b != bytes {
		t.Errorf("in use: %d credits, %d bytes; want %d, %d", n, b, count, bytes)
	}
}

func TestCreditsBoundCountAndBytes(t *testing.T) {
	c := NewCredits(2, 100, nil)
	a, ok := c.TryAcquire(60)
	if !ok {
		t.Fatal("first refused")
	}
	if _, ok := c.TryAcquire(41); ok {
		t.Error("101 of 100 bytes")
	}
	b, ok := c.TryAcquire(0)
	if !ok {
		t.Error("0 bytes refused")
	}
	if _, ok := c.TryAcquire(1); ok {
		t.Error("3 of 2 credits")
	}
	for range 3 {
		a.Release() // only the first counts
	}
	wantInUse(t, c, 1, 0)
	b.Release()
	wantInUse(t, c, 0, 0)
	(*Credit)(nil).Release()
	for _, bytes := range []int64{-1, 101} {
		if _, err := c.Acquire(t.Context(), bytes); err == nil {
			t.Errorf("%d bytes accepted", bytes)
		}
		if _, ok := c.TryAcquire(bytes); ok {
			t.Errorf("%d bytes accepted", bytes)
		}
	}
	wantInUse(t, c, 0, 0)
}

func TestCreditsPanicOnNonsense(t *testing.T) {
	for _, f := range []func(){func() { NewCredits(0, 1, nil) }, func() { NewCredits(1, 0, nil) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			f()
		}()
	}
}

// A large request is not overtaken by small ones.
func TestCreditsAreFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCredits(10, 100, nil)
		first, _ := c.TryAcquire(50)
		order := make(chan int64, 3)
		for _, bytes := range []int64{90, 15, 16} {
			go func() {
				credit, err := c.Acquire(t.Context(), bytes)
				if err != nil {
					t.Error(err)
				}
				order <- bytes
				credit.Release()
			}()
			synctest.Wait()
		}
		if _, ok := c.TryAcquire(1); ok {
			t.Error("TryAcquire overtook those who wait")
		}
		if len(order) != 0 {
			t.Fatal("somebody overtook the first in line")
		}
		first.Release()
		synctest.Wait()
		if len(order) != 3 || <-order != 90 {
			t.Error("not served in order")
		}
		wantInUse(t, c, 0, 0)
	})
}

func TestCreditsCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCredits(10, 100, nil)
		held, _ := c.TryAcquire(50)
		cause := errors.New("peer closed")
		ctx, cancel := context.WithCancelCause(t.Context())
		large, small := make(chan error, 1), make(chan error, 1)
		go func() { _, err := c.Acquire(ctx, 90); large <- err }()
		synctest.Wait()
		go func() {
			credit, err := c.Acquire(t.Context(), 5)
			credit.Release()
			small <- err
		}()
		synctest.Wait()
		cancel(cause) // the large one leaves: the small one behind it fits
		if err := <-large; !errors.Is(err, cause) {
			t.Error(err)
		}
		if err := <-small; err != nil {
			t.Error(err)
		}
		if _, err := c.Acquire(ctx, 1); !errors.Is(err, cause) {
			t.Error(err)
		}
		held.Release()
		wantInUse(t, c, 0, 0)
	})
}

// onAvailable is called once per failure, and only when the failed amount fits.
func TestCreditsOnAvailable(t *testing.T) {
	calls := 0
	c := NewCredits(3, 100, func() { calls++ })
	a, _ := c.TryAcquire(50)
	b, _ := c.TryAcquire(30)
	c.TryAcquire(60)
	c.TryAcquire(90)
	b.Release() // 50 free: not yet
	if calls != 0 {
		t.Fatalf("%d calls too early", calls)
	}
	a.Release()
	if calls != 1 {
		t.Fatalf("%d calls", calls)
	}
	d, _ := c.TryAcquire(100)
	d.Release()
	if calls != 1 {
		t.Fatalf("%d calls without a failure before", calls)
	}
	// The callback may use the pool.
	var got *Credit
	c = NewCredits(1, 1, func() { got, _ = c.TryAcquire(1) })
	x, _ := c.TryAcquire(1)
	c.TryAcquire(1)
	x.Release()
	if got == nil {
		t.Error("the callback could not acquire")
	}
}

// Whatever the order of calls, what is in use is the sum of what is held.
func TestCreditsAgainstSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		maxCount, maxBytes := rapid.IntRange(1, 6).Draw(t, "count"), rapid.Int64Range(1, 50).Draw(t, "bytes")
		available := true
		c := NewCredits(maxCount, maxBytes, func() { available = true })
		type held struct {
			*Credit
			bytes int64
		}
		var all []held
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			var sum int64
			for _, h := range all {
				sum += h.bytes
			}
			if len(all) > 0 && rapid.Bool().Draw(t, "release") {
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				all[i].Release()
				all[i].Release()
				all = append(all[:i], all[i+1:]...)
			} else {
				bytes := rapid.Int64Range(0, maxBytes+1).Draw(t, "bytes")
				credit, ok := c.TryAcquire(bytes)
				if want := len(all) < maxCount && sum+bytes <= maxBytes; ok != want {
					t.Fatalf("TryAcquire(%d) = %v with %d credits, %d bytes held", bytes, ok, len(all), sum)
				}
				if ok {
					all = append(all, held{credit, bytes})
				} else if bytes <= maxBytes {
					available = false
				}
			}
			var now int64
			for _, h := range all {
				now += h.bytes
			}
			if n, b := c.InUse(); n != len(all) || b != now {
				t.Fatalf("in use %d, %d; held %d, %d", n, b, len(all), now)
			}
			if len(all) == 0 && !available {
				t.Fatal("everything is free and nobody was told")
			}
		}
	})
}

func TestCreditsDoNotLeak(t *testing.T) {
	c := NewCredits(8, 1000, func() {})
	var work sync.WaitGroup
	for seed := range uint64(8) {
		work.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 0))
			for range 2000 {
				var credit *Credit
				switch rng.IntN(3) {
				case 0:
					credit, _ = c.TryAcquire(rng.Int64N(400))
				case 1:
					ctx, cancel := context.WithCancel(t.Context())
					done := make(chan struct{})
					go func() { cancel(); close(done) }() // races with the grant
					credit, _ = c.Acquire(ctx, rng.Int64N(400))
					<-done
				case 2:
					credit, _ = c.Acquire(t.Context(), rng.Int64N(400))
				}
				if n, b := c.InUse(); n > 8 || b > 1000 {
					t.Errorf("bound broken: %d, %d", n, b)
				}
				if rng.IntN(2) == 0 {
					go credit.Release()
				}
				credit.Release()
			}
		})
	}
	work.Wait()
	wantInUse(t, c, 0, 0)
	if c.waiting.Len() != 0 {
		t.Errorf("%d waiters left", c.waiting.Len())
	}
}
