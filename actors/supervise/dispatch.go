package supervise

import (
	"fmt"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// Pool runs the turns of many actors on a fixed number of long-lived goroutines, in
// order of arrival. For actors that never block: a turn that does takes one of
// the workers away. Its queue holds at most one turn per actor.
//
// The library's own dispatcher starts a goroutine per turn and spends most of its time
// growing their stacks; a long-lived worker has grown its stack once.
type Pool struct {
	throughput int
	done       chan struct{}

	mu      sync.Mutex
	work    sync.Cond
	turns   []func() // a circle; length zero or a power of two
	head, n int
	workers int
	idle    int // workers in work.Wait
	waking  int // of those, how many have been signalled
	closed  bool
}

// NewPool starts n workers (at least 1). throughput is the number of messages an actor may
// handle per turn before the next one gets its turn; at least 1.
func NewPool(n, throughput int) *Pool {
	if n < 1 || throughput < 1 {
		panic(fmt.Sprintf("supervise: pool of %d workers, %d messages per turn: must be at least 1", n, throughput))
	}
	p := &Pool{throughput: throughput, done: make(chan struct{}), workers: n}
	p.work.L = &p.mu
	for range n {
		go p.serve()
	}
	return p
}

// Schedule queues a turn. After Close it runs on a goroutine of its own, so that
// a late actor can still end.
func (p *Pool) Schedule(turn func()) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		go turn()
		return
	}
	p.push(turn)
	// One worker is woken per queued turn at most: the one that schedules is usually the first
	// to be free again, and waking another for nothing costs more than a turn.
	if p.idle > p.waking && p.waking < p.n {
		p.waking++
		p.work.Signal()
	}
	p.mu.Unlock()
}

func (p *Pool) push(turn func()) {
	if p.n == len(p.turns) {
		turns := make([]func(), max(16, 2*p.n))
		for i := range p.n {
			turns[i] = p.turns[(p.head+i)&(len(p.turns)-1)]
		}
		p.turns, p.head = turns, 0
	}
	p.turns[(p.head+p.n)&(len(p.turns)-1)] = turn
	p.n++
}

// next waits for a turn; nil means the end.
func (p *Pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.n == 0 {
		if p.closed {
			return nil
		}
		p.idle++
		p.work.Wait()
		p.idle--
		p.waking = max(0, p.waking-1)
	}
	turn := p.turns[p.head]
	p.turns[p.head] = nil
	p.head = (p.head + 1) & (len(p.turns) - 1)
	p.n--
	return turn
}

func (p *Pool) serve() {
	ended := false
	defer func() {
		if !ended {
			go p.serve() // a handler called runtime.Goexit: the worker is replaced
		}
	}()
	for turn := p.next(); turn != nil; turn = p.next() {
		turn()
	}
	ended = true
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers--; p.workers == 0 {
		close(p.done)
	}
}

// Throughput is the number of messages per turn.
func (p *Pool) Throughput() int { return p.throughput }

// Close lets the workers finish what is queued and end. It does not wait: see Done.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.work.Broadcast()
}

// Done is closed when the last worker has ended.
func (p *Pool) Done() <-chan struct{} { return p.done }

// Dedicated is a goroutine for one actor that blocks: database, fsync, name look-ups.
type Dedicated struct {
	throughput int
	turns      chan func()
	quit       chan struct{}

	mu              sync.Mutex
	started, closed bool
}

// NewDedicated makes a dispatcher for one actor. Its goroutine starts with the first turn.
func NewDedicated(throughput int) *Dedicated {
	if throughput < 1 {
		panic(fmt.Sprintf("supervise: %d messages per turn: must be at least 1", throughput))
	}
	return &Dedicated{throughput: throughput, turns: make(chan func(), 1), quit: make(chan struct{})}
}

// Schedule hands over the actor's next turn. After Close it runs on a goroutine of its own. It
// panics when two actors share the dispatcher and one has to wait for the other.
func (d *Dedicated) Schedule(turn func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		go turn()
		return
	}
	if !d.started {
		d.started = true
		go d.serve()
	}
	select {
	case d.turns <- turn:
	default:
		panic("supervise: a Dedicated dispatcher serves one actor")
	}
}

func (d *Dedicated) serve() {
	ended := false
	defer func() {
		if !ended {
			go d.serve() // a handler called runtime.Goexit
		}
	}()
	for {
		select {
		case turn := <-d.turns:
			turn()
			continue
		case <-d.quit:
		}
		select {
		case turn := <-d.turns: // handed over just before Close
			turn()
		default:
		}
		ended = true
		return
	}
}

// Throughput is the number of messages per turn.
func (d *Dedicated) Throughput() int { return d.throughput }

// Close ends the goroutine after the turn in hand.
func (d *Dedicated) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		close(d.quit)
	}
}

// slower is a dispatcher with fewer messages per turn.
type slower struct {
	actor.Dispatcher
	throughput int
}

func (s slower) Throughput() int { return s.throughput }
