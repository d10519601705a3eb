package supervise

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// realSystem runs on real goroutines and the real clock.
func realSystem(t testing.TB, workers int, set func(*Config)) (*System, *Pool) {
	pool := NewPool(workers, 16)
	c := Config{
		Dispatcher: pool,
		Dedicated:  func() actor.Dispatcher { return NewDedicated(4) },
		Backoff:    Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond, Calm: time.Minute, Jitter: 0.5},
		Rand:       rand.New(rand.NewPCG(1, 1)),
	}
	if set != nil {
		set(&c)
	}
	t.Cleanup(func() { pool.Close(); <-pool.Done() })
	return NewSystem(c), pool
}

func TestPoolRunsEverything(t *testing.T) {
	for _, workers := range []int{1, 2, 5} {
		p := NewPool(workers, 1)
		var ran atomic.Int64
		var senders, turns sync.WaitGroup
		turns.Add(4 * 5000)
		for range 4 {
			senders.Go(func() {
				for range 5000 {
					p.Schedule(func() { ran.Add(1); turns.Done() })
				}
			})
		}
		turns.Wait()
		senders.Wait()
		p.Close()
		p.Close()
		<-p.Done()
		if ran.Load() != 20000 {
			t.Errorf("%d turns ran", ran.Load())
		}
		late := make(chan struct{})
		p.Schedule(func() { close(late) })
		<-late
	}
}

// One worker runs turns in the order in which they came.
func TestPoolOrder(t *testing.T) {
	p := NewPool(1, 1)
	var got []int
	gate := make(chan struct{})
	p.Schedule(func() { <-gate })
	for i := range 100 {
		p.Schedule(func() { got = append(got, i) })
	}
	p.Close() // what is queued still runs
	close(gate)
	<-p.Done()
	if len(got) != 100 {
		t.Fatalf("%d ran", len(got))
	}
	for i := range got {
		if got[i] != i {
			t.Fatalf("order %v", got)
		}
	}
}

// As many turns run at once as there are workers, however the wake-ups fall.
func TestPoolUsesAllWorkers(t *testing.T) {
	p := NewPool(4, 1)
	defer p.Close()
	for range 200 {
		var meet sync.WaitGroup
		meet.Add(4)
		done := make(chan struct{}, 4)
		for range 4 {
			p.Schedule(func() { meet.Done(); meet.Wait(); done <- struct{}{} })
		}
		for range 4 {
			<-done // hangs if fewer than four run
		}
	}
}

// A turn that blocks takes one worker away, no more.
func TestPoolWakesAnotherWorker(t *testing.T) {
	p := NewPool(2, 1)
	defer p.Close()
	for range 200 {
		gate, inside, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		p.Schedule(func() { close(inside); <-gate })
		<-inside
		p.Schedule(func() { close(done) })
		<-done
		close(gate)
	}
}

func TestDispatchersSurviveGoexit(t *testing.T) {
	p, d := NewPool(1, 1), NewDedicated(1)
	for _, dispatcher := range []actor.Dispatcher{p, d} {
		exited, done := make(chan struct{}), make(chan struct{})
		dispatcher.Schedule(func() { defer close(exited); runtime.Goexit() })
		<-exited
		dispatcher.Schedule(func() { close(done) })
		<-done
	}
	p.Close()
	<-p.Done()
	d.Close()
}

func TestDedicated(t *testing.T) {
	before := runtime.NumGoroutine()
	d := NewDedicated(7)
	if d.Throughput() != 7 || runtime.NumGoroutine() != before {
		t.Error("a goroutine before the first turn")
	}
	ran := make(chan int, 3)
	d.Schedule(func() {
		d.Schedule(func() { ran <- 2 }) // a turn schedules the next
		ran <- 1
		d.Close()
		d.Close()
		d.Schedule(func() { ran <- 3 })
	})
	got := map[int]bool{<-ran: true, <-ran: true, <-ran: true}
	if len(got) != 3 {
		t.Errorf("ran %v", got)
	}
	shared := NewDedicated(1)
	defer shared.Close()
	hold, inside := make(chan struct{}), make(chan struct{})
	shared.Schedule(func() { close(inside); <-hold })
	<-inside
	shared.Schedule(func() {})
	defer close(hold)
	defer func() {
		if recover() == nil {
			t.Error("a dispatcher for one actor served two")
		}
	}()
	shared.Schedule(func() {})
}

func TestDispatcherNonsense(t *testing.T) {
	for _, f := range []func(){
		func() { NewPool(0, 1) }, func() { NewPool(1, 0) }, func() { NewDedicated(0) }, func() { NewSystem(Config{}) },
		func() { NewSystem(Config{Dispatcher: NewDedicated(1), Backoff: Backoff{Min: -1}}) },
	} {
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

// counted is a message with exactly one outcome.
type counted struct {
	outcomes atomic.Int32
	credit   *mailbox.Credit
}

func (c *counted) settle()       { c.outcomes.Add(1); c.credit.Release() }
func (c *counted) Refused(error) { c.settle() }

// Real goroutines, real timers: senders at the edge and in actors, handlers that fail, children
// that come and go, a shutdown in the middle of it. Each message is settled once, each credit
// comes back.
func TestStress(t *testing.T) {
	var failures atomic.Int64
	s, _ := realSystem(t, 2, func(c *Config) { c.OnFail = func(Failure) { failures.Add(1) } })
	var in mailbox.Inbox
	handler := func(next string) func() actor.Actor {
		return func() actor.Actor {
			n := 0
			return actor.ReceiveFunc(func(ctx actor.Context) {
				m, ok := ctx.Message().(*counted)
				if !ok {
					return
				}
				if n++; n%211 == 0 {
					panic("planned")
				}
				if next != "" && n%2 == 0 {
					ctx.Send(s.PID(next), m)
					return
				}
				m.settle()
			})
		}
	}
	root, err := s.StartRoot(RootConfig{Name: "node", Children: []Spec{
		{Name: "first", Inbox: &in, New: handler("node/second"), Mailbox: mailbox.Config{Capacity: 32}},
		{Name: "second", New: handler(""), Mailbox: mailbox.Config{Capacity: 8, Policy: mailbox.DropOldest}, Blocking: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	<-root.Ready()
	credits := mailbox.NewCredits(16, 1000, nil)
	const senders, each = 4, 3000
	var all [senders][each]counted
	var work sync.WaitGroup
	for id := range senders {
		work.Go(func() {
			for i := range each {
				m := &all[id][i]
				var err error
				if m.credit, err = credits.Acquire(t.Context(), 50); err != nil {
					t.Error(err)
				}
				if id == 0 {
					_ = in.TryPost(m)
				} else {
					_ = in.PostWait(t.Context(), m)
				}
				if i%100 == 0 {
					s.Health().Snapshot()
				}
				if id == 0 && i == each-100 {
					root.Stop(nil)
				}
			}
		})
	}
	work.Wait()
	<-root.Done()
	for id := range all {
		for i := range all[id] {
			if n := all[id][i].outcomes.Load(); n != 1 {
				t.Fatalf("message %d of %d has %d outcomes", i, id, n)
			}
		}
	}
	if n, b := credits.InUse(); n != 0 || b != 0 {
		t.Errorf("%d credits, %d bytes leaked", n, b)
	}
	if failures.Load() == 0 {
		t.Error("nothing failed")
	}
	if r := root.Report(); len(r.Stuck) != 0 {
		t.Errorf("report %+v", r)
	}
}

// Two actors with small mailboxes that send two messages for each they get: the library's
// bounded mailboxes stop for ever after 34. Here the surplus is refused and they go on.
func TestCycleKeepsRunning(t *testing.T) {
	s, _ := realSystem(t, 2, nil)
	const goal = 20_000
	var handled, nacked atomic.Int64
	done := make(chan struct{})
	echo := func(to string) Spec {
		return Spec{Name: map[string]string{"a": "b", "b": "a"}[to], Mailbox: mailbox.Config{Capacity: 16},
			New: func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					switch ctx.Message().(type) {
					case string:
						if n := handled.Add(1); n == goal {
							close(done)
						} else if n < goal {
							ctx.Request(s.PID(to), "ping")
							ctx.Request(s.PID(to), "pong")
						}
					case *mailbox.Nack:
						nacked.Add(1)
					}
				})
			}}
	}
	for _, to := range []string{"a", "b"} {
		if _, err := s.Spawn(s.Actors().Root, echo(to)); err != nil {
			t.Fatal(err)
		}
	}
	s.Actors().Root.Send(s.PID("a"), "start")
	<-done
	if nacked.Load() == 0 {
		t.Error("nothing was refused: the cycle was not full")
	}
}

// A blocked actor with a goroutine of its own holds up nobody, and its goroutine ends with it.
func TestBlockingActor(t *testing.T) {
	before := runtime.NumGoroutine()
	s, _ := realSystem(t, 1, nil)
	gate, inside, answered, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	blocking := Spec{Name: "blocking", Blocking: true, Throughput: 1, Mailbox: mailbox.Config{Capacity: 4}, New: func() actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			switch ctx.Message().(type) {
			case string:
				close(inside)
				<-gate
			case *actor.Stopped:
				close(stopped)
			}
		})
	}}
	quick := Spec{Name: "quick", Mailbox: mailbox.Config{Capacity: 4}, New: func() actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(string); ok {
				close(answered)
			}
		})
	}}
	for _, spec := range []Spec{blocking, quick} {
		if _, err := s.Spawn(s.Actors().Root, spec); err != nil {
			t.Fatal(err)
		}
	}
	s.Actors().Root.Send(s.PID("blocking"), "block")
	<-inside
	s.Actors().Root.Send(s.PID("quick"), "answer")
	<-answered
	s.Actors().Root.Stop(s.PID("blocking"))
	close(gate)
	<-stopped
	for runtime.NumGoroutine() > before+1 { // the pool's one worker
		runtime.Gosched()
	}
	// The goroutine of a spawn that came to nothing is not left either.
	if _, err := s.Spawn(s.Actors().Root, quick); !errors.Is(err, actor.ErrNameExists) {
		t.Error(err)
	}
}

// TestMessageAllocatesNothing: a message to an actor costs no garbage, from its inbox
// to the actor, on the pool as on a goroutine of its own.
func TestMessageAllocatesNothing(t *testing.T) {
	const messages = 20_000
	for _, blocking := range []bool{false, true} {
		s, _ := realSystem(t, 1, nil)
		var in mailbox.Inbox
		left, done := 0, make(chan struct{})
		_, err := s.Spawn(s.Actors().Root, Spec{Name: "a", Blocking: blocking, Inbox: &in, Mailbox: mailbox.Config{Capacity: messages},
			New: func() actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					if _, is := ctx.Message().(*job); is {
						if left--; left == 0 {
							done <- struct{}{}
						}
					}
				})
			}})
		if err != nil {
			t.Fatal(err)
		}
		m := &job{}
		n := testing.AllocsPerRun(2, func() {
			left = messages
			for range messages {
				if err := in.PostWait(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			<-done
		})
		if each := n / messages; each > 0.05 {
			t.Errorf("blocking %v: %v allocations a message", blocking, each)
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, blocking := range []bool{false, true} {
		b.Run(map[bool]string{false: "pool", true: "dedicated"}[blocking], func(b *testing.B) {
			s, _ := realSystem(b, runtime.GOMAXPROCS(0), nil)
			left, done, other := 0, make(chan struct{}), s.PID("b")
			player := func(name string, serve bool) Spec {
				return Spec{Name: name, Blocking: blocking, Mailbox: mailbox.Config{Capacity: 1024}, New: func() actor.Actor {
					return actor.ReceiveFunc(func(ctx actor.Context) {
						switch m := ctx.Message().(type) {
						case *counted:
							if serve {
								if left--; left < 0 {
									done <- struct{}{}
									return
								}
								ctx.Request(other, m)
								return
							}
							ctx.Respond(m)
						}
					})
				}}
			}
			for _, spec := range []Spec{player("a", true), player("b", false)} {
				if _, err := s.Spawn(s.Actors().Root, spec); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			left = b.N
			s.Actors().Root.Send(s.PID("a"), &counted{})
			<-done
		})
	}
}

func BenchmarkFlood(b *testing.B) {
	for _, producers := range []int{1, 4} {
		b.Run(fmt.Sprint(producers), func(b *testing.B) {
			s, _ := realSystem(b, runtime.GOMAXPROCS(0), nil)
			var in mailbox.Inbox
			_, err := s.Spawn(s.Actors().Root, Spec{Name: "a", Inbox: &in, Mailbox: mailbox.Config{Capacity: 1024},
				New: func() actor.Actor { return actor.ReceiveFunc(func(actor.Context) {}) }})
			if err != nil {
				b.Fatal(err)
			}
			m := &job{}
			b.ReportAllocs()
			b.ResetTimer()
			var work sync.WaitGroup
			for range producers {
				work.Go(func() {
					for range b.N / producers {
						_ = in.PostWait(b.Context(), m)
					}
				})
			}
			work.Wait()
		})
	}
}
