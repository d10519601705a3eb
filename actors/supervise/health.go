package supervise

import (
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

// String is the state in lower case words: "backing off".
func (s State) String() string { panic("supervise: todo") }

// Failure is what is known about one failure of one actor.
type Failure struct {
	Path        string         // "node/blocks"
	Err         error          // *mailbox.Panic from a handler
	MessageType string         // type of the message that failed it: "*messages.Publish", "*actor.Started"
	Message     any            // that message, without its envelope
	Source      mailbox.Source // whom it came from
	Digest      string         // from mailbox.Digester
	At          time.Time
	Reason      string        // from Config.Reason
	InARow      int           // failures without Calm between
	Stops       bool          // it is being stopped, not restarted
	Retry       time.Duration // until the restart
}

// ActorHealth is one actor in a snapshot.
type ActorHealth struct {
	Path        string
	State       State
	Since       time.Time // when it entered State
	Restarts    uint64
	Failures    uint64
	LastFailure *Failure  // nil if it never failed; Message is not kept
	RetryAt     time.Time // when BackingOff
	LastCleanup string    // last panic in Restarting, Stopping or Stopped
	Mailbox     mailbox.Stats
}

// Health knows the state of every actor of a system. It is fed by the actors' wrappers and by
// the supervisor; reading it never touches an actor. Safe for concurrent use.
type Health struct{}

// Snapshot lists all actors by path.
func (h *Health) Snapshot() []ActorHealth { panic("supervise: todo") }

// Get is one actor's entry; false if there is none.
func (h *Health) Get(path string) (ActorHealth, bool) { panic("supervise: todo") }

// Mailbox is the mailbox of a live actor, nil if there is none.
func (h *Health) Mailbox(path string) *mailbox.Mailbox { panic("supervise: todo") }

// FailNext makes an actor panic with *PlantedFailure on its next user message. For tests of
// faults. The error says that there is no such actor.
func (h *Health) FailNext(path string) error { panic("supervise: todo") }

// FailNow makes an actor panic with *PlantedFailure as soon as its control lane is served.
func (h *Health) FailNow(path string) error { panic("supervise: todo") }

// PlantedFailure is the value of a panic asked for by FailNext or FailNow.
type PlantedFailure struct{ Path string }

// Error says that the failure was asked for.
func (p *PlantedFailure) Error() string { return "planted failure of " + p.Path }
