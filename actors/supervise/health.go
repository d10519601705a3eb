package supervise

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/smallnano/smallnano/actors/mailbox"
)

// State is where an actor is in its life.
type State uint8

// The states. A healthy actor is Running.
const (
	Starting   State = iota // spawned; Started has not returned yet
	Running                 // Started has returned
	BackingOff              // failed; restarts at RetryAt
	Restarting              // the old instance is ending, or the new one is in Started
	Stopping                // releasing, or waiting for children to stop
	Stopped                 // gone
)

var stateNames = [...]string{"starting", "running", "backing off", "restarting", "stopping", "stopped"}

// String is the state in lower case words: "backing off".
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Failure is what is known about one failure of one actor.
type Failure struct {
	Path        string         // "node/blocks"
	Err         *mailbox.Panic // wraps the value if it was an error; has the stack
	MessageType string         // type of the message that failed it: "*messages.Publish", "*actor.Started"
	Message     any            // that message, without its envelope
	Source      mailbox.Source // whom it came from
	Digest      string         // from mailbox.Digester
	At          time.Time
	Reason      string        // from Config.Reason
	InARow      int           // failures without Calm between, this one included
	Stops       bool          // it is being stopped, not restarted
	Retry       time.Duration // until the restart
}

// ActorHealth is one actor in a snapshot.
type ActorHealth struct {
	Path        string
	State       State
	Since       time.Time // when it entered State
	Restarts    uint64    // completed, since it was spawned; a parent's restart spawns its children anew
	Failures    uint64
	LastFailure *Failure  // nil if it never failed; Message is not kept
	RetryAt     time.Time // when BackingOff
	LastCleanup string    // last panic in Restarting, Stopping or Stopped
	Mailbox     mailbox.Stats
}

// Health knows the state of every actor of a system. It is fed by the actors' wrappers and by
// the supervisor; reading it never touches an actor. Safe for concurrent use.
//
// It has one entry per path: as many as there are actors, and those that are not Transient
// and have stopped.
type Health struct {
	mu    sync.Mutex
	cells map[string]*cell
}

// record is what Health keeps in a cell.
type record struct {
	state       State
	since       time.Time
	restarts    uint64
	failures    uint64
	last        *Failure
	retryAt     time.Time
	lastCleanup string
	inARow      int
	cancelRetry func() bool
	draining    bool // its root is stopping it: a failure ends it
	cut         bool // and that has happened
}

func newHealth() *Health { return &Health{cells: make(map[string]*cell)} }

func (h *Health) add(c *cell, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.since = now
	h.cells[c.path] = c
}

func (h *Health) enter(c *cell, state State, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if state == Running && c.state == Restarting {
		c.restarts++
	}
	c.state, c.since, c.retryAt = state, now, time.Time{}
	if state >= Stopping && c.cancelRetry != nil {
		c.cancelRetry()
		c.cancelRetry = nil
	}
}

// end records that an actor has stopped. Its name may already belong to a successor.
func (h *Health) end(c *cell, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.state, c.since = Stopped, now
	if c.spec.Transient && h.cells[c.path] == c {
		delete(h.cells, c.path)
	}
}

func (h *Health) cleanupFailed(c *cell, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.lastCleanup = text
}

// live is the cell of an actor that has not stopped, or nil.
func (h *Health) live(path string) *cell {
	if c := h.find(path); c != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		if c.state != Stopped {
			return c
		}
	}
	return nil
}

// find is the cell at that path, or nil.
func (h *Health) find(path string) *cell {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cells[path]
}

// Snapshot lists all actors by path.
func (h *Health) Snapshot() []ActorHealth {
	h.mu.Lock()
	cells := make([]*cell, 0, len(h.cells))
	for _, c := range h.cells {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, func(a, b *cell) int { return cmp.Compare(a.path, b.path) })
	all := make([]ActorHealth, len(cells))
	for i, c := range cells {
		all[i] = c.entry()
	}
	h.mu.Unlock()
	for i, c := range cells {
		all[i].Mailbox = c.box.Stats()
	}
	return all
}

// AtRest reports whether all actors run and all mailboxes are empty, as mailbox.Empty
// says.
func (h *Health) AtRest() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.cells { // the order does not matter
		if c.state != Running || !c.box.Empty() {
			return false
		}
	}
	return true
}

// Get is one actor's entry; false if there is none.
func (h *Health) Get(path string) (ActorHealth, bool) {
	h.mu.Lock()
	c := h.cells[path]
	if c == nil {
		h.mu.Unlock()
		return ActorHealth{}, false
	}
	entry := c.entry()
	h.mu.Unlock()
	entry.Mailbox = c.box.Stats()
	return entry, true
}

// entry is all but the mailbox. Called under the lock.
func (c *cell) entry() ActorHealth {
	return ActorHealth{
		Path: c.path, State: c.state, Since: c.since, Restarts: c.restarts, Failures: c.failures,
		LastFailure: c.last, RetryAt: c.retryAt, LastCleanup: c.lastCleanup,
	}
}

// Mailbox is the mailbox of an actor that has not stopped; nil if there is none.
func (h *Health) Mailbox(path string) *mailbox.Mailbox {
	if c := h.live(path); c != nil {
		return c.box
	}
	return nil
}

// FailNext makes an actor panic with *PlantedFailure on its next user or control message. For tests of
// faults. The error says that there is no such actor.
func (h *Health) FailNext(path string) error {
	c := h.live(path)
	if c == nil {
		return fmt.Errorf("plant a failure in %q: %w", path, errNoActor)
	}
	c.planted.Store(true)
	return nil
}

// FailNow makes an actor panic with *PlantedFailure as soon as its control lane is served.
func (h *Health) FailNow(path string) error {
	c := h.live(path)
	if c == nil {
		return fmt.Errorf("plant a failure in %q: %w", path, errNoActor)
	}
	if err := c.box.TryPost(&plantedNow{}); err != nil {
		return fmt.Errorf("plant a failure in %q: %w", path, err)
	}
	return nil
}
