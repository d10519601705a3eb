package actors

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/actors/core/quorum"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// board is where actors post what others only look at: the RPC and health read
// it without asking anybody, so that they answer however busy the node is.
// Values that are posted are never changed afterwards.
type board struct {
	unchecked atomic.Uint64
	short     atomic.Bool  // the peers speak for less weight than a confirmation needs
	needy     atomic.Bool  // some peer cannot hear all principals itself
	hearing   atomic.Int64 // principals that have attested to be among the peers; -1: too early to tell
	quorum    atomic.Pointer[quorumView]
	peers     atomic.Pointer[[]peerView]
	telemetry atomic.Pointer[[]telemetryView]
	budget    atomic.Pointer[[]rpc.BudgetItem]
	bootstrap atomic.Pointer[bootstrap.Stats]
	stopping  atomic.Bool
	vacancy   atomic.Int64             // priority elections that could be started now
	twin      atomic.Pointer[twinView] // nil: never seen
	liveness  atomic.Pointer[[]quorum.RepLiveness]
	stall     atomic.Pointer[rpc.Stall] // why nothing is confirmed; nil: something is, or nothing waits
	pruning   atomic.Pointer[pruningView]
	backlog   atomic.Int64 // unconfirmed blocks that did not come by bootstrap
	crowd     atomic.Pointer[bucket.Crowd]
	window    atomic.Int64                      // thousandths of bucket.Window
	held      atomic.Int64                      // blocks of crowded buckets that wait to be taken in
	heldOwn   atomic.Int64                      // those of them that were made here
	decided   atomic.Int64                      // elections that have a winner which is not cemented yet
	gathered  atomic.Int64                      // blocks that wait for more to be committed with
	network   atomic.Pointer[rpc.NetworkHealth] // without what is counted elsewhere

	turnedAway atomic.Uint64 // connections of who dialled too often
	bans       atomic.Uint64 // begun, by all instances of the peer supervisor

	unconfirmed atomic.Uint64 // blocks, however they came

	resting atomic.Bool            // the clock beats slowly
	wake    atomic.Pointer[func()] // has it beat

	readOnlyReason atomic.Pointer[string] // why writing failed
	damage         atomic.Pointer[string] // what a reader found wrong with the database; nil: nothing
	watch          watch

	mu       sync.Mutex
	sequence uint64
	news     chan struct{} // closed when sequence moves

	followed followed

	stopped chan struct{} // closed when the node begins to stop
}

// reached returns how far the confirmation sequence is.
func (b *board) reached() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sequence
}

// onStir sets what has the clock beat.
func (b *board) onStir(wake func()) {
	b.wake.Store(&wake)
	b.resting.Store(false)
}

// stir ends the rest of the clock, if it rests: something happens now.
func (b *board) stir() {
	if b.resting.Load() && b.resting.CompareAndSwap(true, false) {
		(*b.wake.Load())()
	}
}

// activity tells whether a node has something to do, and changes when it had.
type activity struct {
	busy               bool
	sequence, inserted uint64
	peers              int
}

func (b *board) activity() activity {
	sequence := b.reached()
	s := b.bootstrap.Load()
	return activity{
		busy:     b.unconfirmed.Load() > 0 || b.unchecked.Load() > 0 || s.Phase != "resting" && s.Phase != "scanning",
		sequence: sequence, inserted: s.Inserted, peers: len(*b.peers.Load()),
	}
}

// peerView is an open connection and what went over it.
type peerView struct {
	peering.Status
	traffic messages.Traffic
	ignored uint64 // messages over the limits
	fault   string // what it did wrong last
}

// quorumView is the weights and the quorum at one moment.
type quorumView struct {
	status  rpc.QuorumStatus
	weights map[lattice.Account]lattice.Amount
	all     []rpc.Representative // heaviest first
	online  []rpc.Representative
}

func newBoard() *board {
	b := &board{news: make(chan struct{}), stopped: make(chan struct{})}
	b.quorum.Store(&quorumView{})
	b.hearing.Store(-1)
	b.peers.Store(&[]peerView{})
	b.network.Store(&rpc.NetworkHealth{})
	b.liveness.Store(&[]quorum.RepLiveness{})
	b.telemetry.Store(&[]telemetryView{})
	b.budget.Store(&[]rpc.BudgetItem{})
	b.bootstrap.Store(&bootstrap.Stats{Phase: "starting"})
	b.pruning.Store(&pruningView{})
	b.crowd.Store(&bucket.Crowd{Share: 1})
	b.window.Store(1000)
	none := ""
	b.readOnlyReason.Store(&none)
	return b
}

// readOnly returns why the node does not write, or "": because it could not, or
// because it should not.
func (b *board) readOnly() string {
	if reason := b.writeFailure(); reason != "" {
		return reason
	}
	return b.watch.found().stop
}

// writeFailure returns why the node could not write, or "". Trying again finds
// out whether that is over.
func (b *board) writeFailure() string { return *b.readOnlyReason.Load() }

func (b *board) setReadOnly(reason string) { b.readOnlyReason.Store(&reason) }

// confirmed says that the confirmation sequence has reached seq.
func (b *board) confirmed(seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if seq <= b.sequence {
		return
	}
	b.sequence = seq
	close(b.news)
	b.news = make(chan struct{})
}

// waitConfirmation returns when the sequence has reached seq or ctx has ended.
func (b *board) waitConfirmation(ctx context.Context, seq uint64) error {
	for {
		b.mu.Lock()
		reached, news := b.sequence >= seq, b.news
		b.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-news:
		case <-b.stopped:
			return rpc.ErrStopping
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
