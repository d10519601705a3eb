package actors

import (
	"context"
	"errors"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/wire/rpc"
)

// maxWorkQueue is how many searches may wait behind the one that runs.
const maxWorkQueue = 64

// worker searches for work, one root at a time, beside the actors. Searches
// for the same root and threshold share one result.
type worker struct {
	env     *Env
	refs    *refs
	threads int // 0: this node searches for nobody
	peers   *workPeers

	waiting []*messages.GenerateWork // the first is being searched for
	search  uint64                   // number of the running search
	cancel  context.CancelFunc       // nil: none runs
}

// Receive implements actor.Actor.
func (a *worker) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Restarting, *actor.Stopping:
		a.stop()
	case messages.Work:
		a.handle(m)
	}
}

func (a *worker) handle(m messages.Work) {
	switch m := m.(type) {
	case *messages.GenerateWork:
		switch {
		case a.threads == 0 && len(a.peers.list()) == 0:
			m.Reply(0, rpc.ErrWorkDisabled)
		case len(a.waiting) >= maxWorkQueue:
			m.Reply(0, rpc.ErrOverloaded)
		default:
			a.waiting = append(a.waiting, m)
			a.next()
		}
	case *messages.CancelWork:
		a.cancelRoot(m)
	case *messages.WorkFound:
		if m.Search == a.search && a.cancel != nil {
			a.found(m)
		}
	case *messages.Tick:
		a.dropAbandoned()
	}
}

// next starts the first search that somebody still waits for.
func (a *worker) next() {
	if a.cancel != nil {
		return
	}
	for len(a.waiting) > 0 && abandoned(a.waiting[0]) {
		a.waiting = a.waiting[1:]
	}
	if len(a.waiting) == 0 {
		a.waiting = nil
		return
	}
	m := a.waiting[0]
	a.search++
	search, start := a.search, a.env.rand("work").Uint64()+a.search<<40
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.env.Workers.Go(func() {
		nonce, err := a.peers.search(ctx, m.Root, m.Threshold, start, a.threads, a.env.Workers.Go)
		a.refs.work.Tell(&messages.WorkFound{Search: search, Nonce: nonce, Err: err})
	})
}

func abandoned(m *messages.GenerateWork) bool { return m.Abandoned != nil && m.Abandoned() }

// found ends the running search and answers all that waited for its root.
func (a *worker) found(m *messages.WorkFound) {
	a.cancel()
	a.cancel = nil
	first := a.waiting[0]
	if errors.Is(m.Err, context.Canceled) {
		m.Err = rpc.ErrWorkCancelled
	}
	a.keep(func(w *messages.GenerateWork) bool {
		same := w.Root == first.Root && w.Threshold <= first.Threshold
		if same {
			w.Reply(m.Nonce, m.Err)
		}
		return !same
	})
	a.next()
}

// cancelRoot gives up a root's searches.
func (a *worker) cancelRoot(m *messages.CancelWork) {
	running := a.cancel != nil && len(a.waiting) > 0 && a.waiting[0].Root == m.Root
	a.keep(func(w *messages.GenerateWork) bool {
		if w.Root == m.Root {
			w.Reply(0, rpc.ErrWorkCancelled)
		}
		return w.Root != m.Root
	})
	if running {
		a.abort()
		a.next()
	}
}

// dropAbandoned ends the running search when nobody waits for it any more.
func (a *worker) dropAbandoned() {
	if a.cancel != nil && len(a.waiting) > 0 && abandoned(a.waiting[0]) {
		a.abort()
		a.waiting = a.waiting[1:]
		a.next()
	}
}

// abort ends the running search; its result will be taken for that of another.
func (a *worker) abort() {
	a.cancel()
	a.cancel = nil
	a.search++
}

func (a *worker) keep(wanted func(*messages.GenerateWork) bool) {
	out := a.waiting[:0]
	for _, w := range a.waiting {
		if wanted(w) {
			out = append(out, w)
		}
	}
	clear(a.waiting[len(out):])
	a.waiting = out
}

// stop answers everybody.
func (a *worker) stop() {
	if a.cancel != nil {
		a.abort()
	}
	for _, w := range a.waiting {
		w.Reply(0, mailbox.ErrFailed)
	}
	a.waiting = nil
}
