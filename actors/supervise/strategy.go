package supervise

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// strategy decides what becomes of a failed actor. There is one per system: every actor has it for
// its children and the root context has it as guardian; how a child is treated is
// written in the child's own Spec.
//
// It runs on the supervisor's goroutine or, at the top, on the failing actor's, inside
// the mailbox's recover: a panic there would end the process.
type strategy struct {
	system *System
	mu     sync.Mutex // guards config.Rand and causes
	causes causes
}

func newStrategy(s *System) *strategy {
	st := &strategy{system: s, causes: causes{need: s.config.CommonCause, window: s.config.CommonWindow}}
	if st.causes.need == 0 {
		st.causes.need = 3
	}
	if st.causes.window == 0 {
		st.causes.window = time.Minute
	}
	return st
}

// HandleFailure implements actor.SupervisorStrategy.
func (st *strategy) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID,
	_ *actor.RestartStatistics, reason, message any) {
	st.system.guarded("supervision", func() {
		f := st.describe(child.Id, reason, message)
		subsystem := f.Path
		if c := st.system.health.find(child.Id); c != nil {
			st.act(c, supervisor, &f)
			if i := strings.LastIndexByte(f.Path, '/'); c.spec.Transient && i > 0 {
				subsystem = f.Path[:i]
			}
		} else { // it has ended and been forgotten meanwhile, or its props are not ours
			f.Stops = true
			supervisor.StopChildren(child)
		}
		st.report(f, subsystem)
	})
}

// describe says who failed, on what.
func (st *strategy) describe(path string, reason, message any) Failure {
	s := st.system
	err, ok := reason.(*mailbox.Panic)
	if !ok {
		err = &mailbox.Panic{Value: reason}
	}
	inner := actor.UnwrapEnvelopeMessage(message)
	f := Failure{Path: path, Err: err, MessageType: fmt.Sprintf("%T", inner), Message: inner, At: s.config.Clock.Now()}
	// These run code of the message and of the owner.
	s.guarded("MailboxSource", func() { f.Source = mailbox.SourceOf(inner) })
	if d, ok := inner.(mailbox.Digester); ok {
		s.guarded("MailboxDigest", func() { f.Digest = d.MailboxDigest() })
	}
	if s.config.Reason != nil {
		s.guarded("Reason", func() { f.Reason = s.config.Reason(err) })
	}
	return f
}

// act stops the actor or plans its restart, and completes f.
func (st *strategy) act(c *cell, supervisor actor.Supervisor, f *Failure) {
	h := st.system.health
	h.mu.Lock()
	if c.state == Running && f.At.Sub(c.since) >= c.backoff.Calm {
		c.inARow = 0
	}
	c.inARow++
	c.failures++
	c.cut = c.draining
	f.InARow = c.inARow
	f.Stops = c.spec.StopOnFailure || c.draining || c.state >= Stopping
	if !f.Stops {
		f.Retry = st.wait(c)
		c.retryAt = f.At.Add(f.Retry)
		c.state, c.since = BackingOff, f.At
	}
	kept := *f
	kept.Message = nil // it may hold a credit, or be large
	c.last = &kept
	h.mu.Unlock()

	if f.Stops {
		supervisor.StopChildren(c.pid)
		return
	}
	// The order goes to the mailbox of the very actor that failed, never to its name: a successor
	// may have taken that. If the actor has stopped by then, its mailbox ignores the order.
	cancel := st.system.config.Clock.AfterFunc(f.Retry, func() { c.box.PostSystemMessage(&actor.Restart{}) })
	h.mu.Lock()
	c.cancelRetry = cancel
	h.mu.Unlock()
}

func (st *strategy) wait(c *cell) time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	return c.backoff.jittered(c.inARow, st.system.config.Rand)
}

// report tells the log and the owner. Last, so that nothing they do can hinder the restart.
func (st *strategy) report(f Failure, subsystem string) {
	s := st.system
	s.log.Error("actor failed", "actor", f.Path, "error", f.Err.Error(), "message", f.MessageType,
		"source", f.Source.String(), "digest", f.Digest, "reason", f.Reason, "in_a_row", f.InARow,
		"stops", f.Stops, "retry", f.Retry, "stack", string(f.Err.Stack))
	if s.config.OnFail != nil {
		s.guarded("OnFail", func() { s.config.OnFail(f) })
	}
	if f.Reason == "" || s.config.OnCommonCause == nil {
		return
	}
	st.mu.Lock()
	common := st.causes.note(f.Reason, subsystem, f.At)
	st.mu.Unlock()
	if common {
		s.guarded("OnCommonCause", func() { s.config.OnCommonCause(f.Reason) })
	}
}

// maxReasons bounds how many reasons are watched; a classifier should know a handful.
const maxReasons = 32

// causes finds out that several subsystems fail for the same reason.
type causes struct {
	need   int
	window time.Duration
	known  map[string]*cause
}

// cause is one reason. subsystems has at most need entries.
type cause struct {
	subsystems map[string]time.Time // last failure for this reason
	seen       time.Time            // last of all
	told       bool
}

// note counts a failure and says whether it is the one that makes the reason common.
func (c *causes) note(reason, subsystem string, now time.Time) bool {
	if c.known == nil {
		c.known = make(map[string]*cause)
	}
	for name, k := range c.known {
		if now.Sub(k.seen) > c.window {
			delete(c.known, name)
		}
	}
	k := c.known[reason]
	if k == nil {
		if len(c.known) >= maxReasons {
			return false
		}
		k = &cause{subsystems: make(map[string]time.Time)}
		c.known[reason] = k
	}
	k.seen = now
	if k.told {
		return false
	}
	for name, at := range k.subsystems {
		if now.Sub(at) > c.window {
			delete(k.subsystems, name)
		}
	}
	k.subsystems[subsystem] = now
	k.told = len(k.subsystems) >= c.need
	return k.told
}
