package supervise

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// What this package relies on in the library. If an update of it breaks one of these, read
// what stands here before changing the expectation.

// Where int has 32 bits the stock registry panics for about half of all names. The repair relies
// on LocalPIDs being an exported slice whose length is the modulus.
func TestLibRegistryRepair(t *testing.T) {
	stock := actor.NewActorSystem().ProcessRegistry
	broken := 0
	for i := range 64 {
		func() {
			defer func() {
				if recover() != nil {
					broken++
				}
			}()
			stock.GetLocal(fmt.Sprint("node/actor", i))
		}()
	}
	if strconv.IntSize == 32 && broken == 0 {
		t.Log("the stock registry works on 32 bits: the repair can go")
	}
	if strconv.IntSize == 64 && broken > 0 {
		t.Errorf("%d of 64 names panic", broken)
	}

	w := newWorld(t, 1, nil)
	for i := range 500 {
		w.spawn(Spec{Name: fmt.Sprint("actor", i), New: w.traced("x", nil).New, Mailbox: w.traced("x", nil).Mailbox})
	}
	w.settle()
	registry := w.system.Actors().ProcessRegistry
	if n := len(registry.LocalPIDs.LocalPIDs); n != 1 {
		t.Errorf("%d maps", n)
	}
	for _, name := range []string{"deadletter", "eventstream", "actor0", "actor499"} {
		if _, ok := registry.GetLocal(name); !ok {
			t.Errorf("%s is not registered", name)
		}
	}
}

// The order of life, and that a kept PID finds the actor through restarts and respawns.
func TestLibLifecycle(t *testing.T) {
	w := newWorld(t, 1, nil)
	kid := w.traced("kid", nil)
	parent := w.traced("p", func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			_, _ = w.system.Spawn(ctx, kid)
		}
		failOn("bad")(ctx)
	})
	pid := w.spawn(parent)
	w.settle()
	w.want("start", w.takeLog(), "[0s p1:Started 0s kid1:Started]")
	w.send(pid, "bad")
	w.pass(100_000_000)
	// A restart stops the children and waits for them; their end reaches the old instance.
	w.want("restart", w.takeLog(), "[0s p1:bad 100ms p1:Restarting 100ms kid1:Stopping 100ms kid1:Stopped "+
		"100ms p1:Terminated p/kid 100ms p2:Started 100ms kid2:Started]")
	w.system.Actors().Root.Poison(pid)
	w.settle()
	w.want("stop", w.takeLog(), "[100ms p2:Stopping 100ms kid2:Stopping 100ms kid2:Stopped 100ms p2:Terminated p/kid 100ms p2:Stopped]")
	w.spawn(parent)
	w.send(pid, "to the successor")
	w.settle()
	w.want("respawn", w.takeLog()[1:], "[100ms p3:to the successor 100ms kid3:Started]")
}

// The name is free before Stopped is handled: what must not overlap is released in Stopping.
func TestLibNameIsFreeInStopped(t *testing.T) {
	w := newWorld(t, 1, nil)
	free := false
	pid := w.spawn(w.traced("a", func(ctx actor.Context) {
		_, taken := w.system.Actors().ProcessRegistry.GetLocal("a")
		switch ctx.Message().(type) {
		case *actor.Stopping:
			if !taken {
				t.Error("free in Stopping already")
			}
		case *actor.Stopped:
			free = !taken
		}
	}))
	w.system.Actors().Root.Stop(pid)
	w.settle()
	if !free {
		t.Error("not free in Stopped any more: an actor can now release there")
	}
}

// OnInit runs when the name is ours and before the first turn can.
func TestLibOnInit(t *testing.T) {
	w := newWorld(t, 1, nil)
	box, _ := mailbox.New(mailbox.Config{Capacity: 1})
	inits := 0
	props := actor.PropsFromFunc(func(actor.Context) {}, actor.WithDispatcher(w),
		actor.WithMailbox(func() actor.Mailbox { return box }),
		actor.WithOnInit(func(ctx actor.Context) {
			inits++
			if _, ok := w.system.Actors().ProcessRegistry.GetLocal("a"); !ok || ctx.Self().Id != "a" || len(w.ready) != 0 {
				t.Error("too early or too late")
			}
		}))
	for range 2 {
		_, _ = w.system.Actors().Root.SpawnNamed(props, "a") // the second finds the name taken
	}
	if inits != 1 {
		t.Errorf("%d calls", inits)
	}
}

// An actor whose props did not come from System.Props is stopped when it fails, not left as a zombie.
func TestForeignActor(t *testing.T) {
	w := newWorld(t, 1, nil)
	box, _ := mailbox.New(mailbox.Config{Capacity: 2})
	props := actor.PropsFromFunc(failOn("bad"), actor.WithDispatcher(w), actor.WithMailbox(func() actor.Mailbox { return box }))
	pid, err := w.system.Actors().Root.SpawnNamed(props, "foreign")
	if err != nil {
		t.Fatal(err)
	}
	w.send(pid, "bad")
	w.settle()
	if _, ok := w.system.Actors().ProcessRegistry.GetLocal("foreign"); ok {
		t.Error("still there")
	}
}
