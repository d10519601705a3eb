package mailbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// workers is a small dispatcher with real goroutines, for tests of this package alone.
type workers struct {
	queue chan func()
	quit  chan struct{}
}

func startWorkers(t testing.TB, n int) *workers {
	w := &workers{queue: make(chan func(), 1000), quit: make(chan struct{})}
	var running sync.WaitGroup
	for range n {
		running.Go(func() {
			for {
				select {
				case turn := <-w.queue:
					turn()
				case <-w.quit:
					return
				}
			}
		})
	}
	t.Cleanup(func() { close(w.quit); running.Wait() })
	return w
}

func (w *workers) Throughput() int { return 10 }

func (w *workers) Schedule(turn func()) {
	select {
	case w.queue <- turn:
	case <-w.quit:
	}
}

// counted is told exactly once what became of it.
type counted struct {
	n        int
	from     Source
	outcomes atomic.Int32
	refused  *atomic.Int64
}

func (c *counted) MailboxSource() Source { return c.from }
func (c *counted) Refused(error)         { c.outcomes.Add(1); c.refused.Add(1) }

// crasher is an actor's context that fails now and then and is resumed from elsewhere.
type crasher struct {
	m       *Mailbox
	handled atomic.Int64
	inside  atomic.Int32
}

func (c *crasher) InvokeSystemMessage(any) {}

func (c *crasher) InvokeUserMessage(m any) {
	if c.inside.Add(1) != 1 {
		panic("two turns at once")
	}
	defer c.inside.Add(-1)
	msg, ok := m.(*counted)
	if !ok {
		return
	}
	if msg.n%100 == 99 {
		panic("planned")
	}
	msg.outcomes.Add(1)
	c.handled.Add(1)
}

func (c *crasher) EscalateFailure(any, any) {
	c.m.PostSystemMessage(&actor.SuspendMailbox{})
	c.m.PostSystemMessage(&actor.ResumeMailbox{})
}

// Six goroutines post, wait and cancel, the handler panics, in the end the box is closed:
// each message is handled or refused, exactly once.
func TestStressEveryMessageHasOneOutcome(t *testing.T) {
	each := 4000
	if testing.Short() {
		each = 500
	}
	for _, c := range []Config{
		{Capacity: 64},
		{Capacity: 64, Policy: DropOldest},
		{Capacity: 64, PerSource: 16},
		{Capacity: 64, PerSource: 16, Policy: DropOldest},
		{Capacity: 1},
	} {
		t.Run(fmt.Sprintf("%d %d %d", c.Capacity, c.PerSource, c.Policy), func(t *testing.T) {
			m, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			consumer := &crasher{m: m}
			m.RegisterHandlers(consumer, startWorkers(t, 2))
			m.Start()
			var refused atomic.Int64
			all := make([][]*counted, 6)
			var posting sync.WaitGroup
			for id := range all {
				all[id] = make([]*counted, each)
				posting.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(id), 0))
					for i := range all[id] {
						msg := &counted{n: i, from: peer(uint64(id), uint8(id)), refused: &refused}
						all[id][i] = msg
						switch rng.IntN(4) {
						case 0:
							_ = m.TryPost(msg)
						case 1:
							ctx, cancel := context.WithCancel(t.Context())
							go cancel()
							_ = m.PostWait(ctx, msg)
						default:
							_ = m.PostWait(t.Context(), msg)
						}
						if i == each-each/20 && id == 0 {
							m.Close()
						}
						if i%50 == 0 {
							if s := m.Stats(); s.Depth > c.Capacity {
								t.Errorf("depth %d of %d", s.Depth, c.Capacity)
							}
						}
					}
				})
			}
			posting.Wait()
			// The consumer may still be in its last handler.
			for s := m.Stats(); s.InHand || s.Depth > 0; s = m.Stats() {
				runtime.Gosched()
			}
			for id := range all {
				for i, msg := range all[id] {
					if n := msg.outcomes.Load(); n != 1 {
						t.Fatalf("message %d of sender %d had %d outcomes", i, id, n)
					}
				}
			}
			s := m.Stats()
			if s.Posted != uint64(len(all)*each) || s.Posted != s.Handled+s.Failed+s.Refused+s.Dropped {
				t.Errorf("counters do not add up: %+v", s)
			}
			if s.HighWater > c.Capacity {
				t.Errorf("high water %d above %d", s.HighWater, c.Capacity)
			}
			if got := consumer.handled.Load() + refused.Load(); got != int64(len(all)*each) {
				t.Errorf("handled + refused = %d, sent %d", got, len(all)*each)
			}
		})
	}
}

type nothing struct{ _ int }

func (*nothing) InvokeSystemMessage(any)  {}
func (*nothing) InvokeUserMessage(any)    {}
func (*nothing) EscalateFailure(r, _ any) { panic(r) }
func (*nothing) MailboxSource() Source    { return Source{Kind: "peer", ID: 3} }

func BenchmarkPostWait(b *testing.B) {
	for name, c := range map[string]Config{"fifo": {Capacity: 1024}, "fair": {Capacity: 1024, PerSource: 1024}} {
		b.Run(name, func(b *testing.B) {
			m, _ := New(c)
			m.RegisterHandlers(&nothing{}, startWorkers(b, 1))
			m.Start()
			msg := &nothing{}
			b.ReportAllocs()
			for b.Loop() {
				if err := m.PostWait(context.Background(), msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One post and one handled message on one goroutine: the cost of the queue itself.
func BenchmarkPostAndHandle(b *testing.B) {
	for name, c := range map[string]Config{"fifo": {Capacity: 64}, "fair": {Capacity: 64, PerSource: 64}} {
		b.Run(name, func(b *testing.B) {
			m, _ := New(c)
			m.RegisterHandlers(&nothing{}, actor.NewSynchronizedDispatcher(100))
			m.Start()
			msg := &nothing{}
			b.ReportAllocs()
			for b.Loop() {
				m.PostUserMessage(msg)
			}
		})
	}
}

func BenchmarkStats(b *testing.B) {
	m, _ := New(Config{Capacity: 64})
	b.ReportAllocs()
	for b.Loop() {
		m.Stats()
	}
}

func BenchmarkCredits(b *testing.B) {
	c := NewCredits(8, 1<<20, nil)
	b.ReportAllocs()
	for b.Loop() {
		t, _ := c.TryAcquire(1000)
		t.Release()
	}
}
