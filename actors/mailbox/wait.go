package mailbox

import (
	"context"
	"fmt"
)

// waiter is a goroutine parked in PostWait. Whoever takes it off the list settles it.
type waiter struct {
	post
	at         int64
	settled    chan struct{}
	err        error // valid once settled is closed
	queued     bool  // on the list
	prev, next *waiter
}

// waiters is a list in order of arrival; removal is by link, because many may be
// cancelled at once.
type waiters struct {
	first, last *waiter
	n           int
}

func (l *waiters) add(w *waiter) {
	w.prev = l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	w.queued = true
	l.n++
}

func (l *waiters) remove(w *waiter) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	l.n--
}

// settle takes w off the list and lets its goroutine go on.
func (l *waiters) settle(w *waiter, err error) {
	l.remove(w)
	w.err = err
	close(w.settled)
}

// PostWait offers a message and parks, first come first served, until there is room for
// it (whatever the policy), the actor stops, or ctx ends. The error says which, and wraps
// ErrStopped or ctx's cause. Only for goroutines at the edge: sockets, HTTP. An actor
// that waits can wait for itself.
func (m *Mailbox) PostWait(ctx context.Context, message any) error {
	p := m.sort(message)
	if p.lane != userLane && p.lane != controlLane {
		return m.TryPost(message) // the pill never waits, nil never gets in
	}
	if ctx.Err() != nil {
		return m.gaveUp(ctx, p)
	}
	at := m.clock()
	m.mu.Lock()
	victim, err := m.enqueue(p, at, RejectNewest)
	if err == nil || m.shut() {
		return m.settleAndUnlock(p, victim, err)
	}
	w := &waiter{post: p, at: at, settled: make(chan struct{})}
	m.waiting.add(w)
	m.mu.Unlock()

	select {
	case <-w.settled:
	case <-ctx.Done():
		m.mu.Lock()
		still := w.queued
		if still {
			m.waiting.remove(w)
		}
		m.mu.Unlock()
		if still {
			return m.gaveUp(ctx, p)
		}
		// Settled in the same moment: what became of it stands.
	}
	if w.err != nil {
		m.tell(p.message, w.err)
	}
	return w.err
}

// gaveUp refuses a message whose sender no longer waits.
func (m *Mailbox) gaveUp(ctx context.Context, p post) error {
	err := fmt.Errorf("waiting for room in a mailbox: %w", context.Cause(ctx))
	m.mu.Lock()
	m.count.posted++
	m.count.refused++
	m.mu.Unlock()
	m.tell(p.message, err)
	return err
}

// admit lets in the first waiter whose message fits. One popped message makes room for at most
// one. Called under the lock; a victim is returned to be told without it.
func (m *Mailbox) admit() (victim entry) {
	for w := m.waiting.first; w != nil; w = w.next {
		out, err := m.enqueue(w.post, w.at, RejectNewest)
		if err == nil {
			m.count.posted++
			m.waiting.settle(w, nil)
			return out
		}
	}
	return entry{}
}

// turnAway settles all waiters with ErrStopped. Called under the lock.
func (m *Mailbox) turnAway() {
	for m.waiting.first != nil {
		m.count.posted++
		m.count.refused++
		m.waiting.settle(m.waiting.first, ErrStopped)
	}
}
