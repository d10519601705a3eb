package supervise

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// The back-off doubles up to Max, goes on for ever, and begins again after Calm.
func TestBackoffSchedule(t *testing.T) {
	w := newWorld(t, 1, nil)
	ill := true
	var starts []time.Duration
	pid := w.spawn(Spec{Name: "a", Mailbox: mailbox.Config{Capacity: 10}, New: func() actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			switch ctx.Message().(type) {
			case *actor.Started:
				starts = append(starts, w.Now().Sub(epoch))
				if ill {
					panic("cannot start")
				}
			case string:
				panic("cannot work")
			}
		})
	}})
	w.pass(17 * time.Second)
	w.want("starts", starts, "[0s 100ms 300ms 700ms 1.5s 3.1s 6.3s 11.3s 16.3s]")
	w.want("state", w.state("a"), "backing off")
	h, _ := w.system.Health().Get("a")
	w.want("failures, restarts", []uint64{h.Failures, h.Restarts}, "[9 0]")
	w.want("retry at", h.RetryAt.Sub(epoch), "21.3s")

	ill = false
	w.pass(10 * time.Second)
	w.want("state", w.state("a"), "running")
	starts = nil
	base := w.Now().Sub(epoch)
	w.send(pid, "fail") // not calm yet: still the longest wait
	w.pass(10 * time.Second)
	w.pass(time.Minute)
	w.send(pid, "fail") // calm: the shortest
	w.pass(10 * time.Second)
	w.want("restarts", []time.Duration{starts[0] - base, starts[1] - base}, "[5s 1m10.1s]")
}

func TestBackoffDelay(t *testing.T) {
	b := Backoff{Min: time.Second, Max: math.MaxInt64, Calm: 1, Jitter: 0.5}
	last := time.Duration(0)
	for n := 1; n < 1000; n++ {
		d := b.Delay(n)
		if d < last || d <= 0 || d > b.Max {
			t.Fatalf("delay %d is %v after %v", n, d, last)
		}
		last = d
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		if d := b.jittered(3, rng); d < 2*time.Second || d > 4*time.Second {
			t.Fatalf("4s with half jitter is %v", d)
		}
	}
	if d := b.jittered(3, nil); d != 4*time.Second {
		t.Errorf("no rng, but jitter: %v", d)
	}
	for _, b := range []Backoff{{}, {Min: 2, Max: 1, Calm: 1}, {Min: 1, Max: 1}, {Min: 1, Max: 1, Calm: 1, Jitter: 1.1}, {Min: 1, Max: 1, Calm: 1, Jitter: -1}} {
		if b.Validate() == nil {
			t.Errorf("%+v is valid", b)
		}
	}
}

// A failure costs the failing message only: the queue waits for the new instance, siblings go on.
func TestFailureIsReportedAndIsolated(t *testing.T) {
	var reports []Failure
	w := newWorld(t, 1, func(c *Config) { c.OnFail = func(f Failure) { reports = append(reports, f) } })
	a := w.spawn(w.traced("a", failOn("bad")))
	b := w.spawn(w.traced("b", nil))
	w.settle()
	w.takeLog()
	bad := &job{name: "bad", from: mailbox.Source{Kind: "peer", ID: 7}}
	w.send(a, "1")
	w.send(a, bad)
	w.send(a, "2")
	w.settle()
	w.send(a, "3")
	w.send(b, "sibling")
	w.settle()
	w.want("while backing off", w.takeLog(), "[0s a1:1 0s a1:bad 0s b1:sibling]")
	w.pass(time.Second)
	w.want("after it", w.takeLog(), "[100ms a1:Restarting 100ms a2:Started 100ms a2:2 100ms a2:3]")
	if len(bad.refused) != 1 || !errors.Is(bad.refused[0], mailbox.ErrFailed) {
		t.Errorf("the failing message was told %v", bad.refused)
	}
	if len(reports) != 1 {
		t.Fatalf("%d reports", len(reports))
	}
	f := reports[0]
	if f.Path != "a" || f.MessageType != "*supervise.job" || f.Message != any(bad) || f.Source.String() != "peer/7" ||
		f.Digest != "digest of bad" || f.InARow != 1 || f.Stops || f.Retry != 100*time.Millisecond || !f.At.Equal(epoch) {
		t.Errorf("report %+v", f)
	}
	if f.Err.Error() != "panic: no good: bad" || !strings.Contains(string(f.Err.Stack), "failOn") {
		t.Errorf("error %v, stack %s", f.Err, f.Err.Stack)
	}
	h, _ := w.system.Health().Get("a")
	if h.State != Running || h.Restarts != 1 || h.Failures != 1 || h.LastFailure == nil || h.LastFailure.Message != nil || h.Mailbox.Failed != 1 {
		t.Errorf("health %+v", h)
	}
}

func TestPanicInNewAndBadNew(t *testing.T) {
	w := newWorld(t, 1, nil)
	calls := 0
	spec := w.traced("a", nil)
	good := spec.New
	spec.New = func() actor.Actor {
		switch calls++; calls {
		case 1:
			panic("cannot make it")
		case 2:
			return nil
		}
		return good()
	}
	pid := w.spawn(spec)
	w.send(pid, "kept")
	w.pass(time.Second)
	w.want("log", w.takeLog(), "[300ms a1:Started 300ms a1:kept]")
	w.system.Actors().Root.Stop(pid)
	w.settle()

	spec.New = func() actor.Actor { panic("never") }
	spec.Name = "b"
	pid = w.spawn(spec)
	w.pass(time.Minute)
	w.system.Actors().Root.Stop(pid) // an instance that was never made ends without a word
	w.settle()
	w.want("state", w.state("b"), "stopped")
}

func TestStopOnFailure(t *testing.T) {
	w := newWorld(t, 1, nil)
	peer := w.traced("7", failOn("bad"))
	peer.StopOnFailure, peer.Transient = true, true
	var pid *actor.PID
	w.spawn(w.traced("peers", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			pid, _ = w.system.Spawn(ctx, peer)
		}
	}))
	w.settle()
	w.want("paths", paths(w), "[peers peers/7]")
	w.takeLog()
	queued := &job{name: "queued"}
	w.send(pid, "bad")
	w.send(pid, queued)
	w.pass(time.Hour)
	w.want("log", w.takeLog(), "[0s 71:bad 0s 71:Stopping 0s 71:Stopped 0s peers1:Terminated peers/7]")
	w.want("paths", paths(w), "[peers]")
	if len(queued.refused) != 1 || !errors.Is(queued.refused[0], mailbox.ErrStopped) {
		t.Errorf("queued message was told %v", queued.refused)
	}
	if _, ok := w.Next(); ok {
		t.Error("a timer is left")
	}
}

func paths(w *world) []string {
	var out []string
	for _, h := range w.system.Health().Snapshot() {
		out = append(out, h.Path)
	}
	return out
}

// With the library alone each of these leaves a zombie for which the parent waits for ever.
func TestPanicWhileReleasing(t *testing.T) {
	for _, phase := range []any{&actor.Restarting{}, &actor.Stopping{}, &actor.Stopped{}} {
		name := strings.TrimPrefix(fmt.Sprintf("%T", phase), "*actor.")
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, nil)
			child := w.traced("child", func(ctx actor.Context) {
				if fmt.Sprintf("%T", ctx.Message()) == fmt.Sprintf("%T", phase) {
					panic("cannot release")
				}
				failOn("bad")(ctx)
			})
			root, err := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{child}})
			if err != nil {
				t.Fatal(err)
			}
			w.settle()
			w.send(root.PID("child"), "bad")
			w.pass(time.Second)
			w.want("state", w.state("node/child"), "running")
			root.Stop(nil)
			w.settle()
			w.want("report", root.Report(), Report{Drained: []string{"node/child"}})
			h, _ := w.system.Health().Get("node/child")
			w.want("cleanup", h.LastCleanup, "panic in "+name+": cannot release")
			w.want("state", h.State, "stopped")
		})
	}
}

// After Stopping an actor gets no user message, even while its children are still ending.
func TestNothingAfterStopping(t *testing.T) {
	w := newWorld(t, 3, nil)
	parent := w.spawn(w.traced("p", func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			_, _ = w.system.Spawn(ctx, w.traced("kid", nil))
		case *actor.Stopping:
			w.send(ctx.Self(), "to myself while stopping")
		}
	}))
	w.settle()
	w.takeLog()
	late := &job{name: "late"}
	w.system.Actors().Root.Stop(parent)
	w.send(parent, late)
	w.settle()
	w.want("log", w.takeLog(), "[0s p1:Stopping 0s kid1:Stopping 0s kid1:Stopped 0s p1:Terminated p/kid 0s p1:Stopped]")
	if len(late.refused) != 1 || !errors.Is(late.refused[0], mailbox.ErrStopped) {
		t.Errorf("late message was told %v", late.refused)
	}
}

// A restart that was planned for an actor does not hit the one that has taken its name.
func TestStaleRestart(t *testing.T) {
	w := newWorld(t, 1, nil)
	spec := w.traced("a", failOn("bad"))
	pid := w.spawn(spec)
	w.send(pid, "bad")
	w.settle()
	w.want("state", w.state("a"), "backing off")
	w.system.Actors().Root.Stop(pid)
	w.settle()
	w.want("state", w.state("a"), "stopped")
	if _, ok := w.Next(); ok {
		t.Error("the restart is still planned")
	}
	pid = w.spawn(spec)
	w.settle()
	w.takeLog()
	w.pass(time.Hour)
	w.send(pid, "fine")
	w.settle()
	w.want("log", w.takeLog(), "[1h0m0s a2:fine]")

	// An order to restart that comes after the stop is ignored.
	process, _ := w.system.Actors().ProcessRegistry.GetLocal("a")
	w.system.Actors().Root.Stop(pid)
	process.SendSystemMessage(pid, &actor.Restart{})
	w.settle()
	process.SendSystemMessage(pid, &actor.Restart{})
	w.settle()
	w.want("log", w.takeLog(), "[1h0m0s a2:Stopping 1h0m0s a2:Stopped]")
}

func TestSpawnNameTaken(t *testing.T) {
	w := newWorld(t, 1, nil)
	pid := w.spawn(w.traced("a", nil))
	if _, err := w.system.Spawn(w.system.Actors().Root, w.traced("a", nil)); !errors.Is(err, actor.ErrNameExists) {
		t.Errorf("second spawn: %v", err)
	}
	w.send(pid, "hello")
	w.settle()
	w.want("log", w.takeLog(), "[0s a1:Started 0s a1:hello]")
	w.want("health", paths(w), "[a]")
}

func TestDeadLetters(t *testing.T) {
	var dead []string
	w := newWorld(t, 1, func(c *Config) {
		c.OnDeadLetter = func(to *actor.PID, m any) { dead = append(dead, to.Id+" "+show(m)) }
	})
	nobody := w.system.PID("nobody")
	lost := &job{name: "lost"}
	w.spawn(w.traced("a", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			ctx.Request(nobody, "anyone there?")
			ctx.Watch(nobody)
			ctx.Send(nobody, lost)
			ctx.Poison(nobody)
			ctx.Stop(nobody)
		}
	}))
	w.settle()
	w.want("log", w.takeLog(), "[0s a1:Started 0s a1:Terminated nobody 0s a1:Nack anyone there?]")
	w.want("dead", dead, "[nobody anyone there? nobody lost]")
	if len(lost.refused) != 1 || !errors.Is(lost.refused[0], mailbox.ErrStopped) {
		t.Errorf("told %v", lost.refused)
	}
}

func TestRefusedRequestIsAnswered(t *testing.T) {
	w := newWorld(t, 1, nil)
	hooked := 0
	small := w.traced("small", nil)
	small.Mailbox.Capacity = 1
	small.Mailbox.OnReject = func(mailbox.Rejected) { hooked++ }
	pid := w.spawn(small)
	w.settle()
	w.spawn(w.traced("asker", func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *actor.Started:
			for _, q := range []string{"q1", "q2", "q3"} {
				ctx.Request(pid, q)
			}
		case *mailbox.Nack:
			if !errors.Is(m.Err, mailbox.ErrFull) || m.To.Id != "small" {
				t.Errorf("nack %+v", m)
			}
		}
	}))
	w.takeLog()
	w.settle()
	nacks := 0
	for _, line := range w.takeLog() {
		if strings.Contains(line, "Nack q2") || strings.Contains(line, "Nack q3") {
			nacks++
		}
	}
	if nacks != 2 || hooked != 2 {
		t.Errorf("%d nacks, %d calls of OnReject", nacks, hooked)
	}
}

func TestPlantedFailures(t *testing.T) {
	var reports []Failure
	w := newWorld(t, 1, func(c *Config) { c.OnFail = func(f Failure) { reports = append(reports, f) } })
	pid := w.spawn(w.traced("a", nil))
	w.settle()
	health := w.system.Health()
	if err := health.FailNext("a"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	if len(reports) != 0 {
		t.Fatal("failed without a message")
	}
	w.send(pid, &job{name: "trigger"})
	w.pass(time.Second)
	if err := health.FailNow("a"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	if len(reports) != 2 {
		t.Fatalf("%d failures", len(reports))
	}
	for _, f := range reports {
		var planted *PlantedFailure
		if !errors.As(f.Err, &planted) || planted.Path != "a" {
			t.Errorf("failed with %v", f.Err)
		}
	}
	w.want("state", w.state("a"), "running")
	if health.FailNext("b") == nil || health.FailNow("b") == nil {
		t.Error("planted in an actor that does not exist")
	}
	w.system.Actors().Root.Stop(pid)
	w.settle()
	if health.FailNext("a") == nil || health.FailNow("a") == nil || health.Mailbox("a") != nil {
		t.Error("planted in a stopped actor")
	}
}

var errDiskFull = errors.New("disk full")

func TestCommonCause(t *testing.T) {
	var told []string
	w := newWorld(t, 1, func(c *Config) {
		c.Reason = func(err error) string {
			if errors.Is(err, errDiskFull) {
				return "disk full"
			}
			return ""
		}
		c.OnCommonCause = func(reason string) { told = append(told, reason) }
	})
	full := func(ctx actor.Context) {
		if ctx.Message() == any("write") {
			panic(fmt.Errorf("write block: %w", errDiskFull))
		}
		failOn("bug")(ctx)
	}
	pids := map[string]*actor.PID{}
	for _, name := range []string{"a", "b", "c", "d"} {
		pids[name] = w.spawn(w.traced(name, full))
	}
	// Three peers are one subsystem.
	w.spawn(w.traced("peers", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			for _, name := range []string{"1", "2", "3"} {
				spec := w.traced(name, full)
				spec.Transient, spec.StopOnFailure = true, true
				pid, _ := w.system.Spawn(ctx, spec)
				w.send(pid, "write")
			}
		}
	}))
	fail := func(names string, what string) {
		for _, name := range strings.Fields(names) {
			w.send(pids[name], what)
		}
		w.pass(10 * time.Second)
	}
	fail("a b c d", "bug")
	fail("a a", "write")
	if len(told) != 0 {
		t.Fatalf("told %v after peers and a", told)
	}
	w.pass(2 * time.Minute)
	fail("a b", "write")
	w.pass(time.Minute) // a and b are old by now
	fail("c d", "write")
	if len(told) != 0 {
		t.Fatalf("told %v although not within the window", told)
	}
	fail("b", "write")
	fail("a", "write")
	w.want("told", told, "[disk full]")
	w.pass(2 * time.Minute)
	fail("a b c", "write")
	w.want("told after it had gone", told, "[disk full disk full]")
}

func TestCausesAreBounded(t *testing.T) {
	c := causes{need: 2, window: time.Minute}
	for i := range 1000 {
		c.note(fmt.Sprint("reason ", i), "a", epoch)
	}
	if len(c.known) > maxReasons {
		t.Errorf("%d reasons kept", len(c.known))
	}
	if !c.note("reason 0", "b", epoch) || c.note("reason 0", "c", epoch) {
		t.Error("a known reason is not told once")
	}
	if c.note("new", "a", epoch.Add(time.Hour)); len(c.known) != 1 {
		t.Errorf("%d reasons kept after an hour", len(c.known))
	}
}

// Nothing the owner's hooks do can stop a restart.
func TestPanickingHooks(t *testing.T) {
	var out strings.Builder
	bad := func() { panic("broken hook") }
	w := newWorld(t, 1, func(c *Config) {
		c.Logger = logTo(&out)
		c.OnFail = func(Failure) { bad() }
		c.Reason = func(error) string { bad(); return "" }
	})
	pid := w.spawn(w.traced("a", failOn("bad")))
	w.send(pid, "bad")
	w.send(pid, "good")
	w.pass(time.Second)
	w.want("last", w.log[len(w.log)-1], "100ms a2:good")
	for _, hook := range []string{"hook=OnFail", "hook=Reason"} {
		if !strings.Contains(out.String(), hook) {
			t.Errorf("log does not tell of %s", hook)
		}
	}
}

func TestLogging(t *testing.T) {
	var out strings.Builder
	w := newWorld(t, 1, func(c *Config) { c.Logger = logTo(&out) })
	pid := w.spawn(w.traced("a", failOn("bad")))
	w.send(pid, &job{name: "bad", from: mailbox.Source{Kind: "peer", ID: 7}})
	w.settle()
	log := out.String()
	if strings.Contains(log, "level=INFO") || !strings.Contains(log, "level=DEBUG msg=\"[ACTOR] Recovering\"") {
		t.Errorf("the library speaks at INFO:\n%s", log)
	}
	for _, part := range []string{"level=ERROR msg=\"actor failed\"", "actor=a", "source=peer/7", `digest="digest of bad"`, "message=*supervise.job", "retry=100ms", "stack=\"goroutine"} {
		if !strings.Contains(log, part) {
			t.Errorf("no %s in\n%s", part, log)
		}
	}
	if strings.Count(log, "debug.Stack") != 1 {
		t.Errorf("the stack is logged %d times", strings.Count(log, "debug.Stack"))
	}
}

func TestInboxFollowsRespawn(t *testing.T) {
	w := newWorld(t, 1, nil)
	var in mailbox.Inbox
	spec := w.traced("a", failOn("bad"))
	spec.Inbox = &in
	for range 2 {
		pid := w.spawn(spec)
		if err := in.TryPost("bad"); err != nil { // also before its first turn
			t.Fatal(err)
		}
		if err := in.TryPost("good"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		if in.Len() != 0 {
			t.Error("not handled")
		}
		w.system.Actors().Root.Stop(pid)
		w.settle()
		if err := in.TryPost("late"); !errors.Is(err, mailbox.ErrStopped) {
			t.Errorf("after stop: %v", err)
		}
	}
}

func TestSpecErrors(t *testing.T) {
	w := newWorld(t, 1, nil)
	good := w.traced("a", nil)
	break1 := func(f func(*Spec)) Spec { s := good; f(&s); return s }
	for _, spec := range []Spec{
		break1(func(s *Spec) { s.Name = "" }), break1(func(s *Spec) { s.Name = "a/b" }), break1(func(s *Spec) { s.Name = "$1" }),
		break1(func(s *Spec) { s.Name = strings.Repeat("x", 65) }), break1(func(s *Spec) { s.New = nil }),
		break1(func(s *Spec) { s.Mailbox.Capacity = 0 }), break1(func(s *Spec) { s.Throughput = -1 }),
		break1(func(s *Spec) { s.Backoff = &Backoff{} }),
	} {
		if _, err := w.system.Spawn(w.system.Actors().Root, spec); err == nil {
			t.Errorf("spawned %+v", spec)
		}
		if _, err := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{spec}}); err == nil {
			t.Errorf("started %+v", spec)
		}
	}
	if len(paths(w)) != 0 {
		t.Errorf("spawned %v", paths(w))
	}
}

// Nothing here starts a goroutine: not the system, not a failure, a dead letter, a shutdown.
func TestNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	w := newWorld(t, 1, nil)
	root, _ := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{w.traced("a", failOn("bad")), w.traced("b", nil)}})
	w.settle()
	w.send(root.PID("a"), "bad")
	for range 10 {
		w.send(w.system.PID("nobody"), "lost")
	}
	w.pass(time.Second)
	root.Stop(nil)
	w.pass(time.Minute)
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines, %d before", now, before)
	}
}

// Who asked learns that the question made the actor fail.
func TestFailedRequestIsAnswered(t *testing.T) {
	w := newWorld(t, 1, nil)
	pid := w.spawn(w.traced("a", failOn("bad")))
	w.spawn(w.traced("asker", func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *actor.Started:
			ctx.Request(pid, "bad")
		case *mailbox.Nack:
			if !errors.Is(m.Err, mailbox.ErrFailed) {
				t.Errorf("nack %v", m.Err)
			}
		}
	}))
	w.settle()
	if log := fmt.Sprint(w.takeLog()); !strings.Contains(log, "asker1:Nack bad") {
		t.Errorf("no answer in %s", log)
	}
}

// A failure is reported even if the actor has ended and been forgotten before its parent hears of it.
func TestFailureOfForgottenActor(t *testing.T) {
	for seed := range uint64(50) { // in some orders of turns the stop overtakes the failure
		var reports []Failure
		w := newWorld(t, seed, func(c *Config) { c.OnFail = func(f Failure) { reports = append(reports, f) } })
		peer := w.traced("7", func(ctx actor.Context) {
			if ctx.Message() == any("bad") {
				ctx.Stop(ctx.Self())
				panic("no good")
			}
		})
		peer.StopOnFailure, peer.Transient = true, true
		w.spawn(w.traced("peers", func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Started); ok {
				pid, _ := w.system.Spawn(ctx, peer)
				w.send(pid, "bad")
			}
		}))
		w.pass(time.Second)
		if len(reports) != 1 || reports[0].Path != "peers/7" || !reports[0].Stops {
			t.Fatalf("seed %d: %+v", seed, reports)
		}
		w.want("health", paths(w), "[peers]")
	}
}

// An actor that takes long to fail in Started has not been calm.
func TestSlowStartIsNotCalm(t *testing.T) {
	w := newWorld(t, 1, nil)
	var waits []time.Duration
	w.system.config.OnFail = func(f Failure) { waits = append(waits, f.Retry) }
	w.spawn(w.traced("a", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			w.Advance(2 * time.Minute)
			panic("no answer")
		}
	}))
	w.pass(7 * time.Minute)
	w.want("waits", waits, "[100ms 200ms 400ms 800ms]")
}

// A planned restart that cannot be cancelled any more does not hit a successor of the same name.
func TestLateTimerAndSuccessor(t *testing.T) {
	w := newWorld(t, 1, func(c *Config) { c.Clock = unstoppable{c.Clock} })
	spec := w.traced("a", failOn("bad"))
	pid := w.spawn(spec)
	w.send(pid, "bad")
	w.settle()
	w.system.Actors().Root.Stop(pid)
	w.settle()
	w.spawn(spec)
	w.settle()
	w.takeLog()
	w.pass(time.Hour)
	w.want("log", w.takeLog(), "[]")
}

// unstoppable is a clock whose timers are always stopped too late.
type unstoppable struct{ Clock }

func (u unstoppable) AfterFunc(d time.Duration, f func()) func() bool {
	u.Clock.AfterFunc(d, f)
	return func() bool { return false }
}

// The end of somebody whom the last instance watched reaches an actor that could not be made anew.
func TestTerminatedWithoutInstance(t *testing.T) {
	failures := 0
	w := newWorld(t, 1, func(c *Config) { c.OnFail = func(Failure) { failures++ } })
	friend := w.spawn(w.traced("friend", nil))
	made := 0
	spec := w.traced("a", nil)
	spec.New = func() actor.Actor {
		if made++; made == 2 {
			panic("cannot make it")
		}
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Started); ok {
				ctx.Watch(friend)
			}
			failOn("bad")(ctx)
		})
	}
	pid := w.spawn(spec)
	w.send(pid, "bad")
	w.pass(150 * time.Millisecond) // the second instance has failed to be made
	w.want("state", w.state("a"), "backing off")
	if err := w.system.Health().FailNext("a"); err != nil {
		t.Fatal(err)
	}
	w.system.Actors().Root.Stop(friend)
	w.pass(time.Second)
	w.want("failures", failures, 2) // nor does it trip what was planted
	w.want("state", w.state("a"), "running")
}

// A successor that takes the name before the old actor has quite ended keeps its entry.
func TestSuccessorKeepsItsEntry(t *testing.T) {
	w := newWorld(t, 1, nil)
	var spec Spec
	spawned := false
	spec = w.traced("a", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Stopped); ok && !spawned {
			spawned = true
			w.spawn(spec)
		}
	})
	spec.Transient = true
	w.system.Actors().Root.Stop(w.spawn(spec))
	w.settle()
	w.want("paths", paths(w), "[a]")
	w.want("state", w.state("a"), "running")
}

// closable counts how often it is closed.
type closable struct {
	*world
	closed *int
}

func (c closable) Close() { *c.closed++ }

// A dispatcher of its own is closed when its actor has stopped, or was not spawned at all.
func TestOwnDispatcherIsClosed(t *testing.T) {
	made, closed := 0, 0
	var w *world
	w = newWorld(t, 1, func(c *Config) {
		c.Dedicated = func() actor.Dispatcher { made++; return closable{w, &closed} }
	})
	spec := w.traced("a", failOn("bad"))
	spec.Blocking = true
	pid := w.spawn(spec)
	if _, err := w.system.Spawn(w.system.Actors().Root, spec); err == nil {
		t.Fatal("spawned twice")
	}
	w.want("made, closed", []int{made, closed}, "[2 1]")
	w.send(pid, "bad")
	w.pass(time.Second) // a restart keeps it
	w.want("made, closed", []int{made, closed}, "[2 1]")
	w.system.Actors().Root.Stop(pid)
	w.settle()
	w.want("made, closed", []int{made, closed}, "[2 2]")
}
