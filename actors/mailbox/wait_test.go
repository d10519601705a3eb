package mailbox

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
)

// In a bubble synctest.Wait returns when all others are parked: PostWait must not spin.

func TestPostWaitIsFirstComeFirstServed(t *testing.T) {
	for _, fair := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := Config{Capacity: 2, Policy: DropOldest} // waits whatever the policy
			if fair {
				c.PerSource = 2
			}
			r := newRig(t, c)
			r.PostUserMessage(&note{name: "a"})
			r.PostUserMessage(&note{name: "b"})
			results := make(chan error, 8)
			for i := range 8 {
				go func() { results <- r.PostWait(t.Context(), &note{name: fmt.Sprint(i)}) }()
				synctest.Wait() // parked, so the next one is behind it
			}
			if s := r.Stats(); s.Waiters != 8 || s.Depth != 2 {
				t.Fatalf("stats %+v", s)
			}
			for range 3 {
				r.step()
			}
			synctest.Wait()
			if len(results) != 3 || r.Len() != 2 {
				t.Fatalf("after 3 handled: %d waiters let in, %d queued", len(results), r.Len())
			}
			r.run()
			r.want("order", r.handled(), "[a b 0 1 2 3 4 5 6 7]")
			for range 8 {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			r.check()
		})
	}
}

func TestPostWaitCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Capacity: 1})
		r.PostUserMessage(&note{name: "a"})
		cause := errors.New("peer closed")
		var all []*note
		var cancels []context.CancelCauseFunc
		results := make([]error, 5)
		done := make(chan struct{}, 5)
		for i := range 5 {
			n := &note{name: fmt.Sprint(i)}
			ctx, cancel := context.WithCancelCause(t.Context())
			all, cancels = append(all, n), append(cancels, cancel)
			go func() { results[i] = r.PostWait(ctx, n); done <- struct{}{} }()
			synctest.Wait()
		}
		for _, i := range []int{2, 0, 4} { // middle, first, last
			cancels[i](cause)
			synctest.Wait()
			if !errors.Is(results[i], cause) {
				t.Errorf("%d: got %v, want %v", i, results[i], cause)
			}
			all[i].wantRefused(t, cause)
		}
		if s := r.Stats(); s.Waiters != 2 {
			t.Fatalf("%d waiters left", s.Waiters)
		}
		r.run()
		for range 5 {
			<-done
		}
		r.want("order", r.handled(), "[a 1 3]")
		r.check()

		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		n := &note{}
		if err := r.PostWait(ctx, n); !errors.Is(err, cause) || r.Len() != 0 {
			t.Errorf("with a context that has ended: %v, %d queued", err, r.Len())
		}
		n.wantRefused(t, cause)
	})
}

func TestPostWaitEndsWithTheActor(t *testing.T) {
	ends := map[string]func(*Mailbox){
		"close": (*Mailbox).Close,
		"pill":  func(m *Mailbox) { m.PostUserMessage(&actor.PoisonPill{}) },
	}
	for name, end := range ends {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Config{Capacity: 1, Control: 1})
			r.PostUserMessage(&note{})
			r.PostUserMessage(signal("c"))
			n := &note{}
			results := make(chan error, 2)
			go func() { results <- r.PostWait(t.Context(), n) }()
			go func() { results <- r.PostWait(t.Context(), signal("d")) }()
			synctest.Wait()
			end(r.Mailbox)
			for range 2 {
				if err := <-results; !errors.Is(err, ErrStopped) {
					t.Errorf("%s: %v", name, err)
				}
			}
			n.wantRefused(t, ErrStopped)
			r.run()
			r.check()
		})
	}
}

func TestPostWaitNilAndPill(t *testing.T) {
	r := newRig(t, Config{Capacity: 1})
	r.PostUserMessage(&note{})
	if err := r.PostWait(t.Context(), nil); !errors.Is(err, ErrNil) {
		t.Errorf("nil: %v", err)
	}
	if err := r.PostWait(t.Context(), &actor.PoisonPill{}); err != nil {
		t.Errorf("pill: %v", err)
	}
}

// A waiter whose source is full does not hold up one whose source is not.
func TestPostWaitFairDoesNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Capacity: 4, PerSource: 2})
		post := func(from uint64, results chan<- error) {
			go func() {
				results <- r.PostWait(t.Context(), &note{name: fmt.Sprint(from), from: Source{Kind: "peer", ID: from}})
			}()
			synctest.Wait()
		}
		flood, other := make(chan error, 5), make(chan error, 1)
		for range 5 {
			post(1, flood)
		}
		post(2, other)
		if len(flood) != 2 || len(other) != 1 {
			t.Fatalf("let in: %d of the flood, %d of the other", len(flood), len(other))
		}
		r.run()
		r.want("order", r.handled(), "[1 2 1 1 1 1]")
	})
}
