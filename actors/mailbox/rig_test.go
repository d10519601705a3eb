package mailbox

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// rig is a mailbox with a consumer that writes down what it is given, on a dispatcher that
// runs turns only when told to.
type rig struct {
	*Mailbox
	t          testing.TB
	throughput int
	steps      int
	turns      []func()
	log        []string
	fails      []*Panic
	handle     func(message any) // called for user messages, may panic
}

func newRig(t testing.TB, c Config) *rig {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Mailbox: m, t: t, throughput: 1}
	m.RegisterHandlers(r, r)
	m.Start()
	return r
}

func (r *rig) Schedule(turn func())      { r.turns = append(r.turns, turn) }
func (r *rig) Throughput() int           { return r.throughput }
func (r *rig) InvokeSystemMessage(m any) { r.log = append(r.log, fmt.Sprintf("%T", m)) }

func (r *rig) InvokeUserMessage(m any) {
	r.log = append(r.log, fmt.Sprint(actor.UnwrapEnvelopeMessage(m)))
	if r.handle != nil {
		r.handle(m)
	}
}

func (r *rig) EscalateFailure(reason, message any) {
	r.fails = append(r.fails, reason.(*Panic))
	r.PostSystemMessage(&actor.SuspendMailbox{})
}

// step runs one turn; false if none is due.
func (r *rig) step() bool {
	if len(r.turns) == 0 {
		return false
	}
	if r.steps++; r.steps > 100_000 {
		r.t.Fatal("the mailbox does not come to rest")
	}
	if len(r.turns) > 1 {
		r.t.Fatalf("%d turns scheduled at once", len(r.turns))
	}
	turn := r.turns[0]
	r.turns = r.turns[:0]
	turn()
	return true
}

func (r *rig) run() {
	for r.step() {
	}
}

// handled takes the log of what the consumer saw.
func (r *rig) handled() string {
	s := fmt.Sprint(r.log)
	r.log = nil
	return s
}

func (r *rig) want(what, got, want string) {
	r.t.Helper()
	if got != want {
		r.t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// check holds the law of the counters.
func (r *rig) check() {
	r.t.Helper()
	s := r.Stats()
	sum := s.Handled + s.Failed + s.Refused + s.Dropped + uint64(s.Depth) + uint64(s.ControlDepth)
	if s.Posted != sum {
		r.t.Errorf("counters do not add up: posted %d, accounted for %d: %+v", s.Posted, sum, s)
	}
	if s.Depth > s.Capacity || s.HighWater > s.Capacity {
		r.t.Errorf("bound broken: %+v", s)
	}
}

// note is a message that remembers its refusals.
type note struct {
	name    string
	from    Source
	refused []error
}

func (n *note) String() string        { return n.name }
func (n *note) MailboxSource() Source { return n.from }
func (n *note) Refused(err error)     { n.refused = append(n.refused, err) }

func notes(names ...string) []*note {
	out := make([]*note, len(names))
	for i, name := range names {
		out[i] = &note{name: name}
	}
	return out
}

func (n *note) wantRefused(t testing.TB, errs ...error) {
	t.Helper()
	if len(n.refused) != len(errs) {
		t.Fatalf("%s: refused with %v, want %v", n.name, n.refused, errs)
	}
	for i, err := range errs {
		if !errors.Is(n.refused[i], err) {
			t.Errorf("%s: refused with %v, want %v", n.name, n.refused[i], err)
		}
	}
}

// signal is a control message.
type signal string

func (signal) MailboxControl() {}

// hands is a clock moved by hand.
type hands struct{ t time.Duration }

func (h *hands) elapsed() time.Duration  { return h.t }
func (h *hands) advance(d time.Duration) { h.t += d }
