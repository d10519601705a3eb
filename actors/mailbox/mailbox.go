package mailbox

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// controlRun is how many control messages may pass before one user message gets its turn.
const controlRun = 8

// Mailbox is one actor's queue. Make it with New. All methods are safe for concurrent use.
type Mailbox struct {
	// Fixed by New.
	elapsed  func() time.Duration
	onReject func(Rejected)
	reserve  int // capacity of the control lane
	capacity int
	fair     bool
	policy   Policy
	turn     func() // m.runTurn, made once so that scheduling does not allocate

	mu         sync.Mutex
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
	system     ring // unbounded: only the runtime posts there, a few per failure, watch or child
	control    ring
	user       queue
	pill       any // the poison pill as posted, nil if none is queued
	waiting    waiters
	started    bool // Start was called
	held       bool // Hold was called, Release not yet
	running    bool // a turn is scheduled or in progress
	suspended  bool // failed: only system messages pass
	poisoned   bool // a pill was posted: nothing more gets in
	closed     bool
	ran        int // control messages since the last user message
	inHand     bool
	since      int64 // when the message in hand was taken
	count      counters
}

var _ actor.Mailbox = (*Mailbox)(nil)

// New makes a mailbox, or says what is wrong with the config.
func New(c Config) (*Mailbox, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Mailbox{
		elapsed: c.Elapsed, onReject: c.OnReject, reserve: c.Control, capacity: c.Capacity,
		fair: c.PerSource > 0, policy: c.Policy,
	}
	if m.reserve == 0 {
		m.reserve = DefaultControl
	}
	if m.fair {
		sources := c.Sources
		if sources == 0 {
			sources = DefaultSources
		}
		m.user = newFair(c.Capacity, c.PerSource, sources)
	} else {
		m.user = &fifo{capacity: c.Capacity}
	}
	m.turn = m.runTurn
	return m, nil
}

// lane is where a message queues.
type lane uint8

const (
	noLane lane = iota // nil: nowhere
	userLane
	controlLane
	pillLane
	systemLane
)

// post is a message on its way in.
type post struct {
	message any // as it was posted, perhaps in an envelope
	lane    lane
	from    Source // set for user messages of a fair queue only
}

func (m *Mailbox) sort(message any) post {
	p := post{message: message, lane: userLane}
	switch inner := actor.UnwrapEnvelopeMessage(message).(type) {
	case nil:
		p.lane = noLane
	case *actor.PoisonPill:
		p.lane = pillLane
	case Control:
		p.lane = controlLane
	case Sourced:
		if m.fair {
			p.from = inner.MailboxSource()
		}
	}
	return p
}

// TryPost offers a message and says what became of it: nil when queued; an error that wraps
// ErrFull, ErrStopped or ErrNil when refused. It never waits.
func (m *Mailbox) TryPost(message any) error {
	p := m.sort(message)
	at := m.clock()
	m.mu.Lock()
	victim, err := m.enqueue(p, at, m.policy)
	return m.settleAndUnlock(p, victim, err)
}

// PostUserMessage is TryPost for the library.
func (m *Mailbox) PostUserMessage(message any) { _ = m.TryPost(message) }

// enqueue puts a message in its lane, or says why not. Called under the lock.
func (m *Mailbox) enqueue(p post, at int64, policy Policy) (victim entry, err error) {
	switch {
	case p.lane == noLane:
		return entry{}, ErrNil
	case p.lane == pillLane:
		if !m.shut() {
			m.pill, m.poisoned = p.message, true
			m.turnAway()
		}
		return entry{}, nil // the second pill is as good as the first
	case m.closed, m.poisoned && p.lane == userLane:
		return entry{}, ErrStopped
	case p.lane == controlLane:
		if m.control.n >= m.reserve {
			return entry{}, errControlFull
		}
		m.control.push(entry{p.message, at})
		return entry{}, nil
	}
	victim, err = m.user.push(entry{p.message, at}, p.from, policy)
	m.count.highWater = max(m.count.highWater, m.user.len())
	return victim, err
}

var errControlFull = fmt.Errorf("%w: the control reserve is taken", ErrFull)

// shut says that user messages no longer get in.
func (m *Mailbox) shut() bool { return m.closed || m.poisoned }

// settleAndUnlock ends a post: counts, unlocks, wakes the actor, and tells whoever lost a message.
func (m *Mailbox) settleAndUnlock(p post, victim entry, err error) error {
	if p.lane != pillLane {
		m.count.posted++
	}
	if err != nil {
		m.count.refused++
	}
	if victim.message != nil {
		m.count.dropped++
	}
	wake := m.wake()
	m.mu.Unlock()
	if wake {
		m.dispatcher.Schedule(m.turn)
	}
	if victim.message != nil {
		m.tell(victim.message, ErrDropped)
	}
	if err != nil {
		m.tell(p.message, err)
	}
	return err
}

// PostSystemMessage queues a lifecycle message, for the library.
func (m *Mailbox) PostSystemMessage(message any) {
	if message == nil {
		return // a nil would look like an empty queue
	}
	m.mu.Lock()
	m.system.push(entry{message: message}) // ages are of the other lanes
	wake := m.wake()
	m.mu.Unlock()
	if wake {
		m.dispatcher.Schedule(m.turn)
	}
}

// RegisterHandlers is called once by the library before Start.
func (m *Mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invoker, m.dispatcher = invoker, dispatcher
}

// Start lets turns begin. What was posted before waits for it: the library makes the
// actor addressable before it posts Started, and Started must come first.
func (m *Mailbox) Start() {
	m.open(func() { m.started = true })
}

// Hold keeps a mailbox that is not yet started from running turns until Release: for
// a root that wants all its children to be addressable before any of them runs.
func (m *Mailbox) Hold() {
	m.open(func() { m.held = true })
}

// Release undoes Hold.
func (m *Mailbox) Release() {
	m.open(func() { m.held = false })
}

func (m *Mailbox) open(change func()) {
	m.mu.Lock()
	change()
	wake := m.wake()
	m.mu.Unlock()
	if wake {
		m.dispatcher.Schedule(m.turn)
	}
}

// wake claims the next turn if one is due and none is under way; the caller then schedules it,
// without the lock. Called under the lock.
func (m *Mailbox) wake() bool {
	if m.running || !m.started || m.held || !m.runnable() {
		return false
	}
	m.running = true
	return true
}

func (m *Mailbox) runnable() bool {
	return m.system.n > 0 || !m.suspended && (m.control.n > 0 || m.user.len() > 0 || m.pill != nil)
}

// turnState is what a turn must not lose when the handler panics.
type turnState struct {
	message any
	lane    lane // noLane: no handler is running
}

// runTurn handles at most Throughput messages, then asks for another turn if more are queued.
func (m *Mailbox) runTurn() {
	var t turnState
	defer m.recoverTurn(&t)
	left := max(1, m.dispatcher.Throughput())
	start, done := m.clock(), noLane
	for {
		m.mu.Lock()
		if done != noLane {
			m.inHand = false
			m.count.handled(done, start, m.since)
		}
		var victim entry
		if left == 0 || !m.next(&t) {
			m.endTurn() // unlocks
			return
		}
		if m.waiting.first != nil {
			victim = m.admit()
			if victim.message != nil {
				m.count.dropped++
			}
		}
		m.inHand, m.since = true, start
		m.mu.Unlock()

		if victim.message != nil {
			m.quietly(func() { m.tell(victim.message, ErrDropped) }) // not the handler's fault
		}
		if t.lane == systemLane {
			m.invoker.InvokeSystemMessage(t.message)
		} else {
			m.invoker.InvokeUserMessage(t.message)
		}
		done, t.lane = t.lane, noLane
		left--
		start = m.clock()
	}
}

// next takes the message to handle now. Called under the lock.
func (m *Mailbox) next(t *turnState) bool {
	for m.system.n > 0 {
		e := m.system.pop()
		switch e.message.(type) {
		case *actor.SuspendMailbox:
			m.suspended = true
		case *actor.ResumeMailbox:
			m.suspended = false
		case *actor.Restart:
			if !m.closed { // a late restart would bring a stopped actor back to life
				*t = turnState{e.message, systemLane}
				return true
			}
		default:
			*t = turnState{e.message, systemLane}
			return true
		}
		m.count.system++
	}
	switch {
	case m.suspended:
		return false
	case m.control.n > 0 && (m.ran < controlRun || m.user.len() == 0):
		m.ran++
		*t = turnState{m.control.pop().message, controlLane}
	case m.user.len() > 0:
		m.ran = 0
		*t = turnState{m.user.pop().message, userLane}
	case m.pill != nil:
		*t = turnState{m.pill, pillLane}
		m.pill = nil
	default:
		return false
	}
	return true
}

// endTurn gives up the turn, or schedules the next one. It unlocks.
func (m *Mailbox) endTurn() {
	m.running = m.runnable()
	again := m.running
	m.mu.Unlock()
	if again {
		m.dispatcher.Schedule(m.turn)
	}
}

// recoverTurn runs at the end of every turn. If a handler was running, it panicked or ended its
// goroutine: the actor fails, and the mailbox goes on in a new turn.
func (m *Mailbox) recoverTurn(t *turnState) {
	if t.lane == noLane {
		return // also when a panic is under way: then it is ours, and must be seen
	}
	reason := &Panic{Value: recover(), Stack: debug.Stack()}
	defer m.failedTurn(t, reason)
	m.invoker.EscalateFailure(reason, t.message)
}

// failedTurn goes on after a failure, whatever escalating it did.
func (m *Mailbox) failedTurn(t *turnState, reason *Panic) {
	if t.lane == userLane || t.lane == controlLane {
		m.quietly(func() { m.tell(t.message, fmt.Errorf("%w: %w", ErrFailed, reason)) })
	}
	m.mu.Lock()
	m.inHand = false // only now is its outcome known to all
	m.count.failed(t.lane)
	m.endTurn()
}

// Close refuses what is queued and everything posted later with ErrStopped, and wakes all
// waiters. System messages still pass, except Restart: a stopped actor stays stopped.
// The spawner calls it when the actor begins to stop.
func (m *Mailbox) Close() {
	m.mu.Lock()
	left := make([]any, 0, m.control.n+m.user.len())
	for m.control.n > 0 {
		left = append(left, m.control.pop().message)
	}
	for m.user.len() > 0 {
		left = append(left, m.user.pop().message)
	}
	m.count.refused += uint64(len(left))
	m.closed, m.pill = true, nil
	m.turnAway()
	m.mu.Unlock()
	for _, message := range left {
		m.quietly(func() { m.tell(message, ErrStopped) })
	}
}

// quietly keeps a panic of a message's Refused from the messages after it. It is counted.
func (m *Mailbox) quietly(f func()) {
	defer func() {
		if recover() != nil {
			m.mu.Lock()
			m.count.panics++
			m.mu.Unlock()
		}
	}()
	f()
}

// tell lets everybody know that a message will not be handled. Without the lock.
func (m *Mailbox) tell(message any, err error) {
	_, inner, sender := actor.UnwrapEnvelope(message)
	refuse(inner, err)
	if m.onReject != nil {
		m.onReject(Rejected{Message: inner, Sender: sender, Source: SourceOf(inner), Err: err})
	}
}

func refuse(message any, err error) {
	if r, ok := actor.UnwrapEnvelopeMessage(message).(Refusable); ok {
		r.Refused(err)
	}
}

// Len is the number of user messages queued.
func (m *Mailbox) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.user.len()
}

// UserMessageCount is Len, for the library.
func (m *Mailbox) UserMessageCount() int { return m.Len() }

// clock is nanoseconds since some fixed moment; zero without a clock.
func (m *Mailbox) clock() int64 {
	if m.elapsed == nil {
		return 0
	}
	return int64(m.elapsed())
}
