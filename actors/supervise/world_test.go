package supervise

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// world is a whole machine on one goroutine: it is the dispatcher, it moves the clock, and the
// seed decides whose turn is next.
type world struct {
	*Manual
	t      testing.TB
	system *System
	rng    *rand.Rand
	ready  []func()
	steps  int
	log    []string
	trace  hash.Hash
}

var epoch = time.Unix(1_700_000_000, 0).UTC()

// newWorld makes a world with a system in it; set may change the system's config.
func newWorld(t testing.TB, seed uint64, set func(*Config)) *world {
	w := &world{Manual: NewManual(epoch), t: t, rng: rand.New(rand.NewPCG(seed, 1)), trace: sha256.New()}
	c := Config{
		Clock: w, Dispatcher: w, Rand: rand.New(rand.NewPCG(seed, 2)),
		Backoff: Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second, Calm: time.Minute},
	}
	if set != nil {
		set(&c)
	}
	w.system = NewSystem(c)
	return w
}

func (w *world) Schedule(turn func()) { w.ready = append(w.ready, turn) }
func (w *world) Throughput() int      { return 1 }

// settle runs turns until none is due; time stands still.
func (w *world) settle() {
	for len(w.ready) > 0 {
		i := w.rng.IntN(len(w.ready))
		turn := w.ready[i]
		w.ready = slices.Delete(w.ready, i, i+1)
		w.steps++
		if w.steps > 5_000_000 {
			w.t.Fatal("the world does not settle")
		}
		turn()
	}
}

// pass lets time pass, timer by timer, settling after each.
func (w *world) pass(d time.Duration) {
	end := w.Now().Add(d)
	w.settle()
	for {
		at, ok := w.Next()
		if !ok || at.After(end) {
			break
		}
		w.Step()
		w.settle()
	}
	w.Advance(end.Sub(w.Now()))
}

// note writes a line of the trace.
func (w *world) note(format string, args ...any) {
	line := fmt.Sprintf("%v ", w.Now().Sub(epoch)) + fmt.Sprintf(format, args...)
	w.trace.Write([]byte(line + "\n"))
	w.log = append(w.log, line)
}

func (w *world) sum() string { return hex.EncodeToString(w.trace.Sum(nil)) }

// takeLog takes the lines noted so far.
func (w *world) takeLog() []string {
	log := w.log
	w.log = nil
	return log
}

func (w *world) want(what string, got, want any) {
	w.t.Helper()
	if g, w2 := fmt.Sprint(got), fmt.Sprint(want); g != w2 {
		w.t.Errorf("%s:\n got %s\nwant %s", what, g, w2)
	}
}

func (w *world) send(pid *actor.PID, message any) { w.system.Actors().Root.Send(pid, message) }

// spawn puts an actor at the top.
func (w *world) spawn(spec Spec) *actor.PID {
	w.t.Helper()
	pid, err := w.system.Spawn(w.system.Actors().Root, spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return pid
}

func (w *world) state(path string) State {
	w.t.Helper()
	h, ok := w.system.Health().Get(path)
	if !ok {
		w.t.Fatalf("no actor %s in health", path)
	}
	return h.State
}

// traced is a spec of an actor that notes what it receives, then hands it to receive (may be nil).
func (w *world) traced(name string, receive func(ctx actor.Context)) Spec {
	instances := 0
	return Spec{
		Name:    name,
		Mailbox: mailbox.Config{Capacity: 100},
		New: func() actor.Actor {
			instances++
			id := fmt.Sprint(name, instances)
			return actor.ReceiveFunc(func(ctx actor.Context) {
				w.note("%s:%s", id, show(ctx.Message()))
				if receive != nil {
					receive(ctx)
				}
			})
		},
	}
}

func show(message any) string {
	switch m := message.(type) {
	case *actor.Terminated:
		return "Terminated " + m.Who.Id
	case *mailbox.Nack:
		return "Nack " + show(m.Message)
	case fmt.Stringer:
		if _, library := message.(actor.SystemMessage); !library {
			return m.String()
		}
	case string:
		return m
	}
	return fmt.Sprintf("%T", message)[len("*actor."):]
}

// job is a message that remembers its refusals.
type job struct {
	name    string
	from    mailbox.Source
	refused []error
}

func (j *job) String() string                { return j.name }
func (j *job) Refused(err error)             { j.refused = append(j.refused, err) }
func (j *job) MailboxSource() mailbox.Source { return j.from }
func (j *job) MailboxDigest() string         { return "digest of " + j.name }

// failOn panics when the message is that string or the job of that name.
func failOn(name string) func(actor.Context) {
	return func(ctx actor.Context) {
		if m, ok := ctx.Message().(*job); ok && m.name == name || ctx.Message() == any(name) {
			panic("no good: " + name)
		}
	}
}

// logTo is a logger that writes to f, from DEBUG up.
func logTo(w interface{ Write([]byte) (int, error) }) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
