package supervise

// Pool runs the turns of many actors on a fixed number of long-lived goroutines, in
// order of arrival. For actors that never block: a turn that does takes one of
// the workers away. Its queue holds at most one turn per actor.
type Pool struct{}

// NewPool starts n workers (at least 1). throughput is the number of messages an actor may
// handle per turn before the next one gets its turn; at least 1.
func NewPool(n, throughput int) *Pool { panic("supervise: todo") }

// Schedule queues a turn. After Close it runs on a goroutine of its own, so that
// a late actor can still end.
func (p *Pool) Schedule(turn func()) { panic("supervise: todo") }

// Throughput is the number of messages per turn.
func (p *Pool) Throughput() int { panic("supervise: todo") }

// Close lets the workers finish what is queued and end. It does not wait: see Done.
func (p *Pool) Close() { panic("supervise: todo") }

// Done is closed when the last worker has ended.
func (p *Pool) Done() <-chan struct{} { panic("supervise: todo") }

// Dedicated is a goroutine for one actor that blocks: database, fsync, name look-ups.
type Dedicated struct{}

// NewDedicated makes a dispatcher for one actor. Its goroutine starts with the first turn.
func NewDedicated(throughput int) *Dedicated { panic("supervise: todo") }

// Schedule hands over the actor's next turn.
func (d *Dedicated) Schedule(turn func()) { panic("supervise: todo") }

// Throughput is the number of messages per turn.
func (d *Dedicated) Throughput() int { panic("supervise: todo") }

// Close ends the goroutine after the turn in hand.
func (d *Dedicated) Close() { panic("supervise: todo") }
