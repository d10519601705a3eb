package mailbox

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func TestCapacityIsExact(t *testing.T) {
	for _, capacity := range []int{1, 3, 5, 100, 1000} {
		for _, fair := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d fair=%v", capacity, fair), func(t *testing.T) {
				c := Config{Capacity: capacity}
				if fair {
					c.PerSource = capacity
				}
				r := newRig(t, c)
				for round := range 3 {
					for i := range capacity {
						if err := r.TryPost(&note{}); err != nil {
							t.Fatalf("round %d, message %d of %d: %v", round, i+1, capacity, err)
						}
					}
					over := &note{name: "over"}
					if err := r.TryPost(over); !errors.Is(err, ErrFull) {
						t.Fatalf("message %d: got %v, want ErrFull", capacity+1, err)
					}
					over.wantRefused(t, ErrFull)
					if r.Len() != capacity {
						t.Fatalf("Len %d, want %d", r.Len(), capacity)
					}
					r.run()
				}
				r.check()
				if s := r.Stats(); s.HighWater != capacity || s.Refused != 3 {
					t.Errorf("high water %d, refused %d", s.HighWater, s.Refused)
				}
			})
		}
	}
}

func TestDropOldest(t *testing.T) {
	r := newRig(t, Config{Capacity: 3, Policy: DropOldest})
	all := notes("a", "b", "c", "d", "e")
	for _, n := range all {
		if err := r.TryPost(n); err != nil {
			t.Fatal(err)
		}
	}
	r.run()
	r.want("handled", r.handled(), "[c d e]")
	all[0].wantRefused(t, ErrDropped)
	all[1].wantRefused(t, ErrDropped)
	all[2].wantRefused(t)
	r.check()
}

func TestRejectTellsSenderAndHook(t *testing.T) {
	var got []Rejected
	r := newRig(t, Config{Capacity: 1, OnReject: func(j Rejected) { got = append(got, j) }})
	sender := actor.NewPID("nonhost", "asker")
	r.PostUserMessage(&note{name: "a"})
	n := &note{name: "b", from: Source{Kind: "peer", ID: 7}}
	r.PostUserMessage(&actor.MessageEnvelope{Message: n, Sender: sender})
	n.wantRefused(t, ErrFull)
	if len(got) != 1 || got[0].Message != any(n) || got[0].Sender != sender || got[0].Source.String() != "peer/7" {
		t.Errorf("OnReject got %+v", got)
	}
}

// The reserve is counted apart: control messages get in when the queue is full, and do not use it up.
func TestControlReserve(t *testing.T) {
	r := newRig(t, Config{Capacity: 2, Control: 3})
	for _, n := range notes("a", "b") {
		r.PostUserMessage(n)
	}
	for i := range 3 {
		if err := r.TryPost(signal(fmt.Sprint("c", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.TryPost(signal("c3")); !errors.Is(err, ErrFull) {
		t.Errorf("reserve of 3 took a fourth: %v", err)
	}
	if r.Len() != 2 {
		t.Errorf("Len %d counts control messages", r.Len())
	}
	r.run()
	r.want("order", r.handled(), "[c0 c1 c2 a b]")
	r.check()
}

func TestControlCannotStarveTheQueue(t *testing.T) {
	r := newRig(t, Config{Capacity: 4})
	for _, n := range notes("a", "b") {
		r.PostUserMessage(n)
	}
	r.PostUserMessage(signal("."))
	for len(r.turns) > 0 && r.Len() > 0 {
		r.PostUserMessage(signal(".")) // one more for each that is handled
		r.step()
	}
	run := strings.Repeat(". ", controlRun)
	r.want("order", r.handled(), "["+run+"a "+run+"b]")
}

func TestSystemMessagesComeFirst(t *testing.T) {
	r := newRig(t, Config{Capacity: 1})
	r.PostUserMessage(&note{name: "a"})
	r.PostUserMessage(signal("c"))
	for range 1000 {
		r.PostSystemMessage(&actor.Watch{})
	}
	r.PostSystemMessage(nil)
	for range 1000 {
		r.step()
	}
	r.want("first", r.log[999], "*actor.Watch")
	r.run()
	r.want("then", fmt.Sprint(r.log[1000:]), "[c a]")
	if s := r.Stats(); s.System != 1000 {
		t.Errorf("system %d", s.System)
	}
}

func TestNilIsRefused(t *testing.T) {
	r := newRig(t, Config{Capacity: 2})
	if err := r.TryPost(nil); !errors.Is(err, ErrNil) {
		t.Errorf("nil: %v", err)
	}
	if err := r.TryPost(&actor.MessageEnvelope{}); !errors.Is(err, ErrNil) {
		t.Errorf("nil in an envelope: %v", err)
	}
	if len(r.turns) != 0 {
		t.Error("a nil woke the actor")
	}
	r.check()
}

func TestNothingRunsBeforeStart(t *testing.T) {
	m, _ := New(Config{Capacity: 2})
	r := &rig{Mailbox: m, t: t, throughput: 1}
	m.PostUserMessage(&note{name: "early"}) // the library makes the actor addressable first
	m.RegisterHandlers(r, r)
	m.PostUserMessage(&note{name: "early too"})
	m.PostSystemMessage(&actor.Started{})
	m.Hold()
	m.Start()
	if len(r.turns) != 0 {
		t.Fatal("a held mailbox runs")
	}
	m.Release()
	r.run()
	r.want("order", r.handled(), "[*actor.Started early early too]")
}

func TestThroughput(t *testing.T) {
	r := newRig(t, Config{Capacity: 10})
	r.throughput = 4
	for i := range 10 {
		r.PostUserMessage(&note{name: fmt.Sprint(i)})
	}
	for _, want := range []string{"[0 1 2 3]", "[4 5 6 7]", "[8 9]"} {
		if !r.step() {
			t.Fatal("no turn scheduled")
		}
		r.want("turn", r.handled(), want)
	}
	if r.step() {
		t.Error("a turn for an empty mailbox")
	}
}

func TestPill(t *testing.T) {
	r := newRig(t, Config{Capacity: 3})
	for _, n := range notes("a", "b", "c") {
		r.PostUserMessage(n)
	}
	pill := &actor.PoisonPill{}
	for range 3 { // the second and third change nothing
		if err := r.TryPost(pill); err != nil {
			t.Fatalf("pill on a full mailbox: %v", err)
		}
	}
	late := &note{name: "late"}
	if err := r.TryPost(late); !errors.Is(err, ErrStopped) {
		t.Errorf("after the pill: %v", err)
	}
	late.wantRefused(t, ErrStopped)
	if err := r.TryPost(signal("control")); err != nil {
		t.Errorf("control after the pill: %v", err)
	}
	r.run()
	r.want("handled", r.handled(), fmt.Sprintf("[control a b c %v]", pill))
	r.check()
}

func TestPillWithDropOldest(t *testing.T) {
	r := newRig(t, Config{Capacity: 1, Policy: DropOldest})
	r.PostUserMessage(&note{name: "a"})
	r.PostUserMessage(&actor.PoisonPill{})
	r.PostUserMessage(&note{name: "b"})
	r.run()
	if got := r.handled(); !strings.HasPrefix(got, "[a ") {
		t.Errorf("got %s: a message after the pill pushed something out", got)
	}
}

func TestSuspended(t *testing.T) {
	r := newRig(t, Config{Capacity: 2})
	r.PostSystemMessage(&actor.SuspendMailbox{})
	for _, n := range notes("a", "b") {
		r.PostUserMessage(n)
	}
	r.PostUserMessage(signal("c"))
	r.PostUserMessage(&actor.PoisonPill{})
	r.PostSystemMessage(&actor.Stop{})
	r.run()
	r.want("while suspended", r.handled(), "[*actor.Stop]")
	if s := r.Stats(); !s.Suspended || s.Depth != 2 {
		t.Errorf("stats %+v", s)
	}
	r.PostSystemMessage(&actor.ResumeMailbox{})
	r.run()
	if got := r.handled(); !strings.HasPrefix(got, "[c a b") {
		t.Errorf("after resume: %s", got)
	}
}

func TestPanicKeepsTheQueue(t *testing.T) {
	for _, throughput := range []int{1, 100} {
		r := newRig(t, Config{Capacity: 3})
		r.throughput = throughput
		cause := errors.New("disk full")
		all := notes("a", "bad", "c")
		r.handle = func(m any) {
			if m == any(all[1]) {
				panic(cause)
			}
		}
		for _, n := range all {
			r.PostUserMessage(n)
		}
		r.run()
		r.want("until the failure", r.handled(), "[a bad]")
		all[1].wantRefused(t, ErrFailed)
		if len(r.fails) != 1 || !errors.Is(r.fails[0], cause) || !strings.Contains(string(r.fails[0].Stack), "TestPanicKeepsTheQueue") {
			t.Fatalf("escalated %v", r.fails)
		}
		if !errors.Is(all[1].refused[0], cause) {
			t.Errorf("Refused does not carry the cause: %v", all[1].refused[0])
		}
		r.PostSystemMessage(&actor.ResumeMailbox{})
		r.run()
		r.want("after it", r.handled(), "[c]")
		r.check()
		if s := r.Stats(); s.Failed != 1 || s.Panics != 1 || s.Handled != 2 {
			t.Errorf("stats %+v", s)
		}
	}
}

func TestGoexitIsAFailure(t *testing.T) {
	r := newRig(t, Config{Capacity: 3})
	all := notes("a", "exit", "c")
	r.handle = func(m any) {
		if m == any(all[1]) {
			runtime.Goexit()
		}
	}
	for _, n := range all {
		r.PostUserMessage(n)
	}
	for len(r.turns) > 0 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.step()
		}()
		<-done
	}
	r.want("until the failure", r.handled(), "[a exit]")
	all[1].wantRefused(t, ErrFailed)
	if len(r.fails) != 1 || r.fails[0].Value != nil || !strings.Contains(r.fails[0].Error(), "Goexit") {
		t.Fatalf("escalated %v", r.fails)
	}
	r.PostSystemMessage(&actor.ResumeMailbox{})
	r.run()
	r.want("after it", r.handled(), "[c]")
	r.check()
}

func TestCloseRefusesWhatIsQueued(t *testing.T) {
	r := newRig(t, Config{Capacity: 3})
	all := notes("a", "b", "c")
	for _, n := range all {
		r.PostUserMessage(n)
	}
	r.PostUserMessage(signal("control"))
	r.PostUserMessage(&actor.PoisonPill{})
	r.Close()
	r.Close()
	for _, n := range all {
		n.wantRefused(t, ErrStopped)
	}
	late := &note{name: "late"}
	if err := r.TryPost(late); !errors.Is(err, ErrStopped) {
		t.Errorf("post to a closed mailbox: %v", err)
	}
	late.wantRefused(t, ErrStopped)
	if err := r.TryPost(signal("late")); !errors.Is(err, ErrStopped) {
		t.Errorf("control to a closed mailbox: %v", err)
	}
	r.PostUserMessage(&actor.PoisonPill{})
	// Watchers must still be answered, but nothing may bring the actor back.
	r.PostSystemMessage(&actor.Watch{})
	r.PostSystemMessage(&actor.Restart{})
	r.run()
	r.want("after close", r.handled(), "[*actor.Watch]")
	r.check()
}

type bomb struct{ note }

func (b *bomb) Refused(error) { panic("refusal handler is broken") }

func TestCloseSurvivesAPanicInRefused(t *testing.T) {
	r := newRig(t, Config{Capacity: 3})
	after := &note{name: "after"}
	r.PostUserMessage(&bomb{})
	r.PostUserMessage(after)
	r.Close()
	after.wantRefused(t, ErrStopped)
	if s := r.Stats(); s.Panics != 1 {
		t.Errorf("the panic was not counted: %+v", s)
	}
}

func TestFailingMessageWithBrokenRefused(t *testing.T) {
	r := newRig(t, Config{Capacity: 3})
	r.handle = func(m any) {
		if _, ok := m.(*bomb); ok {
			panic("first")
		}
	}
	r.PostUserMessage(&bomb{})
	r.PostUserMessage(&note{name: "after"})
	r.run()
	r.PostSystemMessage(&actor.ResumeMailbox{})
	r.run()
	r.want("handled", r.log[len(r.log)-1], "after")
}

func TestAgesAndHandlingTimes(t *testing.T) {
	clock := &hands{time.Hour}
	r := newRig(t, Config{Capacity: 200, PerSource: 200, Elapsed: clock.elapsed})
	r.PostUserMessage(&note{from: Source{Kind: "peer", ID: 1}})
	clock.advance(time.Second)
	r.PostUserMessage(&note{from: Source{Kind: "peer", ID: 2}})
	r.PostUserMessage(signal("c"))
	clock.advance(time.Second)
	if s := r.Stats(); s.Oldest != 2*time.Second || s.Sources != 2 || s.P50 != 0 {
		t.Errorf("stats %+v", s)
	}
	r.handle = func(m any) {
		clock.advance(90 * time.Millisecond)
		if s := r.Stats(); s.Busy != 90*time.Millisecond || !s.InHand {
			t.Errorf("in the handler: %+v", s)
		}
	}
	r.run()
	if s := r.Stats(); s.Oldest != 0 || s.Busy != 0 || s.InHand {
		t.Errorf("idle: %+v", s)
	}
	r.handle = func(any) { clock.advance(3 * time.Microsecond) }
	for range 197 {
		r.PostUserMessage(&note{})
	}
	r.run()
	s := r.Stats()
	if s.P50 < 3*time.Microsecond || s.P50 > 6*time.Microsecond || s.P99 < 90*time.Millisecond || s.P99 > 180*time.Millisecond {
		t.Errorf("p50 %v p99 %v", s.P50, s.P99)
	}
	r.check()
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []Config{
		{}, {Capacity: -1}, {Capacity: MaxCapacity + 1}, {Capacity: 1, Control: -1}, {Capacity: 1, PerSource: 2},
		{Capacity: 1, PerSource: -1}, {Capacity: 1, Sources: -1}, {Capacity: 1, Policy: 9}, {Capacity: 1, Control: MaxCapacity + 1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestInbox(t *testing.T) {
	var in Inbox
	n := &note{}
	if err := in.TryPost(n); !errors.Is(err, ErrStopped) {
		t.Errorf("unbound: %v", err)
	}
	if err := in.PostWait(t.Context(), n); !errors.Is(err, ErrStopped) {
		t.Errorf("unbound: %v", err)
	}
	n.wantRefused(t, ErrStopped, ErrStopped)
	if in.Len() != 0 || in.Stats() != (Stats{}) {
		t.Error("an unbound inbox is not empty")
	}
	r := newRig(t, Config{Capacity: 2})
	in.Bind(r.Mailbox)
	if in.TryPost(&note{}) != nil || in.PostWait(t.Context(), &note{}) != nil || in.Len() != 2 || in.Stats().Depth != 2 {
		t.Error("a bound inbox does not post")
	}
}

// A ring forgets a burst, and does not allocate under a steady load.
func TestRingGivesMemoryBack(t *testing.T) {
	var r ring
	for range 10_000 {
		r.push(entry{message: 1})
	}
	for r.n > 0 {
		r.pop()
	}
	for range 20 {
		r.push(entry{message: 1})
		r.pop()
	}
	if len(r.buf) > keepRing {
		t.Errorf("%d entries kept after a burst", len(r.buf))
	}
	if n := testing.AllocsPerRun(100, func() {
		for range 40 {
			r.push(entry{message: 1})
		}
		for r.n > 0 {
			r.pop()
		}
	}); n != 0 {
		t.Errorf("%v allocations under a steady load", n)
	}
}
