package supervise

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// RootConfig describes the top of a tree.
type RootConfig struct {
	// Name is the first part of all paths: "node".
	Name string
	// Children are spawned in this order and stopped in reverse. No child runs before all have
	// been spawned, so that each may message any other from Started.
	Children []Spec
	// Drain is how long each child may go on handling what is queued; then it is stopped.
	// Zero is DefaultDrain.
	Drain time.Duration
	// Kill is how long a stopped child may take to end; then it is left behind and
	// reported. Zero is DefaultKill.
	Kill time.Duration
}

// Defaults of RootConfig.
const (
	DefaultDrain = 5 * time.Second
	DefaultKill  = 2 * time.Second
)

// Root is a running tree.
type Root struct{}

// StartRoot spawns the tree. It returns before the children have started: see Ready. The
// error says what is wrong with the config, or that the name is taken.
func (s *System) StartRoot(c RootConfig) (*Root, error) { panic("supervise: todo") }

// PID is the address of a direct child; nil if the config names none such.
func (r *Root) PID(child string) *actor.PID { panic("supervise: todo") }

// Ready is closed when all children have been spawned and released.
func (r *Root) Ready() <-chan struct{} { panic("supervise: todo") }

// Stop begins the shutdown and returns at once. Each child, last one first, is let to drain
// its queue, then stopped, then left behind. done, if not nil, is called with the
// result, on the root actor's turn. More calls only add their done.
func (r *Root) Stop(done func(Report)) { panic("supervise: todo") }

// Done is closed when the shutdown is over.
func (r *Root) Done() <-chan struct{} { panic("supervise: todo") }

// Report is the result, after Done.
func (r *Root) Report() Report { panic("supervise: todo") }

// Report says how a shutdown went, in the order of stopping.
type Report struct {
	Drained []string // handled all that was queued, in time
	Cut     []string // were stopped with messages still queued (those were refused), or while failed
	Stuck   []string // have not ended
}
