package supervise

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
)

func TestRootStopsInReverse(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed, nil)
		root, err := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{
			w.traced("a", nil), w.traced("b", nil), w.traced("c", nil)}})
		if err != nil {
			t.Fatal(err)
		}
		w.settle()
		select {
		case <-root.Ready():
		default:
			t.Fatal("not ready")
		}
		w.want("paths", paths(w), "[node node/a node/b node/c]")
		for i := range 5 {
			for _, name := range []string{"a", "b", "c"} {
				w.send(root.PID(name), fmt.Sprint(i))
			}
		}
		w.takeLog()
		var reports []Report
		note := func(r Report) { reports = append(reports, r) }
		root.Stop(note)
		root.Stop(note)
		w.settle()
		root.Stop(note) // over already: told at once
		select {
		case <-root.Done():
		default:
			t.Fatal("not done")
		}
		want := Report{Drained: []string{"node/c", "node/b", "node/a"}}
		w.want("reports", reports, []Report{want, want, want})
		w.want("Report", root.Report(), want)
		log := strings.Join(w.takeLog(), " ")
		last := -1
		for _, name := range []string{"c", "b", "a"} { // each drains before the one before it is stopped
			for _, what := range []string{"0", "4", "Stopping", "Stopped"} {
				i := strings.Index(log, name+"1:"+what)
				if i < 0 || what == "Stopping" && i < last {
					t.Fatalf("seed %d: %s:%s at %d, last %d in %s", seed, name, what, i, last, log)
				}
				last = max(last, i)
			}
		}
		if _, ok := w.Next(); ok {
			t.Error("a timer is left")
		}
	}
}

// Every child can message every sibling from Started, in any order of turns.
func TestChildrenAreAddressableFromTheStart(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	for seed := range uint64(30) {
		w := newWorld(t, seed, func(c *Config) {
			c.OnDeadLetter = func(to *actor.PID, m any) { t.Errorf("seed %d: %v to %s lost", seed, m, to.Id) }
		})
		got := 0
		var root *Root
		greet := func(ctx actor.Context) {
			switch ctx.Message().(type) {
			case *actor.Started:
				for _, name := range names {
					ctx.Send(root.PID(name), "hello")
				}
			case string:
				got++
			}
		}
		var specs []Spec
		for _, name := range names {
			specs = append(specs, w.traced(name, greet))
		}
		root, _ = w.system.StartRoot(RootConfig{Name: "node", Children: specs})
		w.settle()
		if got != 16 {
			t.Fatalf("seed %d: %d of 16 greetings", seed, got)
		}
	}
}

// The same where a child's first turn runs at once, inside its spawn.
func TestChildrenAreHeldUntilAllAreThere(t *testing.T) {
	lost, got := 0, 0
	s := NewSystem(Config{Dispatcher: actor.NewSynchronizedDispatcher(1), OnDeadLetter: func(*actor.PID, any) { lost++ }})
	spec := func(name, other string) Spec {
		return Spec{Name: name, Mailbox: mailbox.Config{Capacity: 10}, New: func() actor.Actor {
			return actor.ReceiveFunc(func(ctx actor.Context) {
				switch ctx.Message().(type) {
				case *actor.Started:
					ctx.Send(s.PID("node/"+other), "hello")
				case string:
					got++
				}
			})
		}}
	}
	root, err := s.StartRoot(RootConfig{Name: "node", Children: []Spec{spec("a", "b"), spec("b", "a")}})
	if err != nil {
		t.Fatal(err)
	}
	root.Stop(nil)
	<-root.Done()
	if lost != 0 || got != 2 {
		t.Errorf("%d greetings arrived, %d lost", got, lost)
	}
}

// A limit of an earlier child that can no longer be cancelled does not count for a later one.
func TestRootIgnoresStaleLimits(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed, func(c *Config) { c.Clock = unstoppable{c.Clock} })
		slow := func(name string) Spec {
			return w.traced(name, func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Stopping); ok {
					w.Advance(3 * time.Second) // the limit of the one before fires now
				}
			})
		}
		root, _ := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{slow("a"), slow("b"), slow("c")}, Drain: 5 * time.Second})
		w.settle()
		root.Stop(nil)
		w.pass(time.Minute)
		w.want("report", root.Report(), Report{Drained: []string{"node/c", "node/b", "node/a"}})
	}
}

// A child that cannot drain in time is stopped, and what it had queued is refused.
func TestRootDrainLimit(t *testing.T) {
	w := newWorld(t, 1, nil)
	slow := w.traced("slow", nil)
	var root *Root
	slow.New = func() actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*job); ok {
				w.Advance(time.Second) // handling takes a second of the world's time
			}
		})
	}
	root, _ = w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{w.traced("a", nil), slow}, Drain: 3500 * time.Millisecond})
	w.settle()
	var all []*job
	for i := range 10 {
		all = append(all, &job{name: fmt.Sprint(i)})
		w.send(root.PID("slow"), all[i])
	}
	root.Stop(nil)
	w.settle()
	w.want("report", root.Report(), Report{Drained: []string{"node/a"}, Cut: []string{"node/slow"}})
	refused := 0
	for _, j := range all {
		if len(j.refused) == 1 && errors.Is(j.refused[0], mailbox.ErrStopped) {
			refused++
		}
	}
	h, _ := w.system.Health().Get("node/slow")
	if refused == 0 || refused+int(h.Mailbox.Handled) != 10 || h.Mailbox.Handled < 3 {
		t.Errorf("%d refused, %d handled", refused, h.Mailbox.Handled)
	}
}

// A child in back-off is stopped at once, one that fails while it drains is stopped, not restarted.
func TestRootStopsFailedChildren(t *testing.T) {
	w := newWorld(t, 1, nil)
	root, _ := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{
		w.traced("well", nil), w.traced("ill", failOn("bad")), w.traced("falls", failOn("bad"))}})
	w.settle()
	for range 3 {
		w.send(root.PID("ill"), "bad")
		w.pass(10 * time.Millisecond)
	}
	w.want("state", w.state("node/ill"), "backing off")
	w.takeLog()
	for range 5 {
		w.send(root.PID("falls"), "bad")
	}
	root.Stop(nil)
	start := w.Now()
	w.settle()
	w.want("report", root.Report(), Report{Drained: []string{"node/well"}, Cut: []string{"node/falls", "node/ill"}})
	w.want("time taken", w.Now().Sub(start), "0s")
	w.pass(time.Hour)
	w.want("timers fired later", strings.Count(strings.Join(w.takeLog(), " "), "Started"), 0)
}

// frozen is the dispatcher of an actor that hangs from some moment on.
type frozen struct {
	*world
	on   *bool
	kept []func()
}

func (f *frozen) Schedule(turn func()) {
	if *f.on {
		f.kept = append(f.kept, turn)
		return
	}
	f.world.Schedule(turn)
}

// A child that hangs is left behind and reported; the others are stopped all the same.
func TestRootLeavesStuckChildBehind(t *testing.T) {
	var out strings.Builder
	hangs, dispatcher := false, &frozen{}
	w := newWorld(t, 1, func(c *Config) {
		c.Logger = logTo(&out)
		c.Dedicated = func() actor.Dispatcher { return dispatcher }
	})
	dispatcher.world, dispatcher.on = w, &hangs
	stuck := w.traced("stuck", nil)
	stuck.Blocking = true
	root, _ := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{w.traced("a", nil), stuck, w.traced("c", nil)}})
	w.settle()
	hangs = true
	var told []Report
	root.Stop(func(r Report) { told = append(told, r) })
	w.pass(DefaultDrain + DefaultKill - time.Millisecond)
	if len(told) != 0 {
		t.Fatal("gave up too early")
	}
	w.pass(time.Millisecond)
	w.want("told", told, []Report{{Drained: []string{"node/c", "node/a"}, Stuck: []string{"node/stuck"}}})
	for _, part := range []string{"did not drain in time", "left behind", "actor=node/stuck"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("log does not say %q", part)
		}
	}
	// When it comes back, it and the root end after all.
	hangs = false
	for _, turn := range dispatcher.kept {
		turn()
	}
	w.settle()
	w.want("states", []State{w.state("node/stuck"), w.state("node")}, "[stopped stopped]")
	w.want("told", len(told), 1)
}

func TestRootStopBeforeStart(t *testing.T) {
	w := newWorld(t, 1, nil)
	root, _ := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{w.traced("a", nil)}})
	root.Stop(nil)
	w.settle()
	w.want("report", root.Report(), Report{Drained: []string{"node/a"}})
}

func TestRootWithoutChildren(t *testing.T) {
	w := newWorld(t, 1, nil)
	root, _ := w.system.StartRoot(RootConfig{Name: "node"})
	w.settle()
	root.Stop(nil)
	w.settle()
	<-root.Done()
	if root.PID("a") != nil {
		t.Error("a PID for a child that does not exist")
	}
}

// A child that ended by itself is not waited for; one that ends while it is its turn neither.
func TestRootChildEndsByItself(t *testing.T) {
	w := newWorld(t, 1, nil)
	suicide := func(ctx actor.Context) {
		if ctx.Message() == any("end") {
			ctx.Stop(ctx.Self())
		}
	}
	root, _ := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{w.traced("a", nil), w.traced("b", suicide), w.traced("c", suicide)}})
	w.settle()
	w.send(root.PID("b"), "end")
	w.settle()
	w.send(root.PID("c"), "end")
	root.Stop(nil)
	w.settle()
	w.want("report", root.Report(), Report{Drained: []string{"node/c", "node/a"}})
}

// Somebody else stops the root: Done still comes.
func TestRootStoppedFromOutside(t *testing.T) {
	w := newWorld(t, 1, nil)
	root, _ := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{w.traced("a", nil)}})
	w.settle()
	w.system.Actors().Root.Stop(w.system.PID("node"))
	w.settle()
	<-root.Done()
	w.want("state", w.state("node/a"), "stopped")
	told := false
	root.Stop(func(Report) { told = true })
	if !told {
		t.Error("Stop after the end does not tell")
	}
}

// The root itself is made to fail: its children are stopped and spawned again.
func TestRootRestarts(t *testing.T) {
	w := newWorld(t, 1, nil)
	root, _ := w.system.StartRoot(RootConfig{Name: "node", Children: []Spec{w.traced("a", nil), w.traced("b", nil)}})
	w.settle()
	if err := w.system.Health().FailNow("node"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	w.want("states", []State{w.state("node"), w.state("node/a"), w.state("node/b")}, "[running running running]")
	w.takeLog()
	w.send(root.PID("a"), "hello")
	w.settle()
	w.want("log", w.takeLog(), "[1s a2:hello]")
	root.Stop(nil)
	w.settle()
	w.want("report", root.Report(), Report{Drained: []string{"node/b", "node/a"}})
}

func TestRootErrors(t *testing.T) {
	w := newWorld(t, 1, nil)
	a := w.traced("a", nil)
	for _, c := range []RootConfig{
		{Name: ""}, {Name: "node", Children: []Spec{a, a}}, {Name: "node", Drain: -1}, {Name: "node", Kill: -1},
	} {
		if _, err := w.system.StartRoot(c); err == nil {
			t.Errorf("started %+v", c)
		}
	}
	if _, err := w.system.StartRoot(RootConfig{Name: "node"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.system.StartRoot(RootConfig{Name: "node"}); !errors.Is(err, actor.ErrNameExists) {
		t.Errorf("second root: %v", err)
	}
}

// Poison and Stop both end an actor whose mailbox is full.
func TestEndOnFullMailbox(t *testing.T) {
	for _, end := range []string{"poison", "stop"} {
		w := newWorld(t, 1, nil)
		spec := w.traced("a", nil)
		spec.Mailbox.Capacity = 3
		pid := w.spawn(spec)
		w.settle()
		w.takeLog()
		for i := range 5 {
			w.send(pid, fmt.Sprint(i))
		}
		if end == "poison" {
			w.system.Actors().Root.Poison(pid)
		} else {
			w.system.Actors().Root.Stop(pid)
		}
		w.settle()
		want := map[string]string{"poison": "[0s a1:0 0s a1:1 0s a1:2 0s a1:Stopping 0s a1:Stopped]", "stop": "[0s a1:Stopping 0s a1:Stopped]"}
		w.want(end, w.takeLog(), want[end])
		s := w.system.health.cells["a"].box.Stats()
		if s.Posted != 5 || s.Posted != s.Handled+s.Refused {
			t.Errorf("%s: %+v", end, s)
		}
	}
}
