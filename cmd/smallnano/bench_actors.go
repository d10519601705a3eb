package main

import (
	"context"
	"flag"
	"runtime"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/cmd/load"
)

// defineBenchActors is the command "bench actors": messages through each kind
// of mailbox, posted and handled on one goroutine, which is the cost of the
// queue itself, and from one goroutine to another.
func defineBenchActors(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	rounds := flags.Int("rounds", 7, "how often each mailbox is measured")
	messages := flags.Int("messages", 1_000_000, "messages in a round")
	return func(b *benchRun) (*load.Report, error) {
		if *rounds < 1 || *messages < 1 {
			return nil, misused("--rounds is %d and --messages %d, want at least 1", *rounds, *messages)
		}
		r := &load.Report{}
		for _, c := range []struct {
			name    string
			config  mailbox.Config
			message any
		}{
			{"fifo", mailbox.Config{Capacity: 1024}, &benchMessage{}},
			{"fair", mailbox.Config{Capacity: 1024, PerSource: 1024}, &benchMessage{}},
			{"control", mailbox.Config{Capacity: 1024, Control: 1024}, &benchControl{}},
		} {
			var rates, allocations, crossing []float64
			for range *rounds {
				if err := b.Err(); err != nil {
					return nil, err
				}
				rate, allocated, err := postAndHandle(c.config, c.message, *messages)
				if err != nil {
					return nil, err
				}
				rates, allocations = append(rates, rate), append(allocations, allocated)
				if c.name == "control" { // nobody waits for room there
					continue
				}
				rate, err = postAcross(b, c.config, c.message, *messages)
				if err != nil {
					return nil, err
				}
				crossing = append(crossing, rate)
			}
			r.Add(c.name+"_messages_per_second", "1/s of one core", rates...)
			r.Add(c.name+"_allocations_per_message", "", allocations...)
			r.Add(c.name+"_across_goroutines_per_second", "1/s of processor time", crossing...)
		}
		return r, nil
	}
}

type benchMessage struct{ _ int }

func (*benchMessage) MailboxSource() mailbox.Source { return mailbox.Source{Kind: "peer", ID: 3} }

type benchControl struct{ _ int }

func (*benchControl) MailboxControl() {}

// benchActor handles nothing, and says when it has handled so many.
type benchActor struct {
	left int
	done chan struct{}
}

func (*benchActor) InvokeSystemMessage(any)       {}
func (*benchActor) EscalateFailure(reason, _ any) { panic(reason) }
func (a *benchActor) InvokeUserMessage(any) {
	if a.left--; a.left == 0 {
		close(a.done)
	}
}

func newBenchMailbox(c mailbox.Config, d actor.Dispatcher, count int) (*mailbox.Mailbox, *benchActor, error) {
	m, err := mailbox.New(c)
	if err != nil {
		return nil, nil, err
	}
	a := &benchActor{left: count, done: make(chan struct{})}
	m.RegisterHandlers(a, d)
	m.Start()
	return m, a, nil
}

func postAndHandle(c mailbox.Config, message any, count int) (rate, allocations float64, err error) {
	m, _, err := newBenchMailbox(c, actor.NewSynchronizedDispatcher(100), count)
	if err != nil {
		return 0, 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, used, err := timed(func() error {
		for range count {
			if err := m.TryPost(message); err != nil {
				return err
			}
		}
		return nil
	})
	runtime.ReadMemStats(&after)
	return float64(count) / max(used, time.Microsecond).Seconds(), float64(after.Mallocs-before.Mallocs) / float64(count), err
}

// oneWorker runs turns on a goroutine of its own.
type oneWorker chan func()

func (w oneWorker) Schedule(turn func()) { w <- turn }
func (oneWorker) Throughput() int        { return 100 }

func postAcross(ctx context.Context, c mailbox.Config, message any, count int) (rate float64, err error) {
	worker := make(oneWorker, 1)
	m, a, err := newBenchMailbox(c, worker, count)
	if err != nil {
		return 0, err
	}
	go func() {
		for turn := range worker {
			turn()
		}
	}()
	_, used, err := timed(func() error {
		for range count {
			if err := m.PostWait(ctx, message); err != nil {
				return err
			}
		}
		<-a.done
		return nil
	})
	return float64(count) / max(used, time.Microsecond).Seconds(), err
}
