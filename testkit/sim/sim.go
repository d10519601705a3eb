package sim

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/testkit"
)

// Options says what is simulated. Everything that is not set here is drawn from
// the seed.
type Options struct {
	Seed     uint64
	Nodes    int           // at least 1
	Run      time.Duration // with faults; then comes the calm
	Calm     time.Duration // without faults: the time within which all must agree
	Memory   bool          // databases in memory: faster, and no power loss
	Weather  Weather
	Accounts int // of honest wallets

	// How often things happen, on average; 0 means never.
	TransferEvery, ForkEvery, CrashEvery, CutEvery, PanicEvery, DiskEvery time.Duration
	PowerLoss                                                             int // of a hundred crashes
	MaxSkew                                                               time.Duration
	SmallLimits                                                           bool

	Trace io.Writer // the text of the trace; nil: none
	Dir   string    // where the databases are; "": a temporary folder
}

// Result is how a run went.
type Result struct {
	Seed                                       uint64
	Hash                                       string
	Err                                        error // the first law that was broken; nil: none
	Steps                                      uint64
	Simulated                                  time.Duration
	Transfers, Forks, Confirmed                int
	Crashes, PowerLosses, Cuts, Panics, Faults int
	Frames                                     uint64
}

// Violation is a broken law: which checker found it, and what it saw.
type Violation struct {
	Checker string
	Text    string
}

// Error implements error.
func (v *Violation) Error() string { return v.Checker + ": " + v.Text }

// Sim is one run.
type Sim struct {
	opt     Options
	net     *lattice.Network
	world   *World
	network *network
	nodes   []*Node
	dir     string
	env     *owner // owns what happens to the nodes
	genesis *testkit.Wallet
	wallets []*wallet
	seen    seen
	result  Result
	calm    bool
	pending []func()   // after the turn in hand
	broken  *Violation // the first law that was broken
	checked map[check]bool

	disputed lattice.Account // on which the nodes do not agree
}

// Run simulates one seed.
func Run(o Options) Result {
	s := &Sim{opt: o, net: lattice.Dev(), result: Result{Seed: o.Seed}, checked: map[check]bool{}}
	// The small floor of the dev network lets a part of the weight decide while
	// nobody is known to be online. Here two thirds of all weight decide.
	s.net.QuorumFloorPercent = 100
	s.dir = o.Dir
	if s.dir == "" {
		dir, err := os.MkdirTemp(scratch(), "smallnano-sim-")
		if err != nil {
			s.result.Err = err
			return s.result
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	s.result.Err = s.run()
	s.result.Hash = s.world.trace.Hash()
	s.result.Steps, s.result.Simulated = s.world.steps, s.world.now.Sub(start)
	s.result.Frames = s.network.Frames
	return s.result
}

// scratch is where temporary databases are fastest.
func scratch() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// run builds the world, lets it happen, and checks. A broken law ends it by a
// panic with the Violation.
func (s *Sim) run() (err error) {
	trace := newTrace(s.opt.Trace)
	s.world = newWorld(s.opt.Seed, trace)
	trace.world = s.world
	s.env = &owner{id: 255}
	s.network = &network{world: s.world, id: s.net.ID, weather: s.opt.Weather, hosts: map[netip.AddrPort]*host{}, cut: map[[2]int]bool{}, fail: func(f string, a ...any) { s.violate("codec", f, a...) }}
	defer s.close()
	defer func() {
		if r := recover(); r != nil {
			v, ok := r.(*Violation)
			if !ok {
				panic(r)
			}
			err = v
		}
	}()
	s.build()
	s.until(s.opt.Run)
	s.settle()
	s.final()
	return nil
}

// until lets the world happen for a time from its beginning.
func (s *Sim) until(d time.Duration) {
	end := start.Add(d)
	for s.world.Step(end) {
		s.afterTurn()
	}
}

// afterTurn does what had to wait for the end of a turn: nothing may be taken
// from under an actor that is just at work.
func (s *Sim) afterTurn() {
	if s.broken != nil {
		panic(s.broken)
	}
	for len(s.pending) > 0 {
		f := s.pending[0]
		s.pending = s.pending[1:]
		f()
	}
}

// violate ends the run.
func (s *Sim) violate(checker, format string, args ...any) {
	v := &Violation{checker, fmt.Sprintf(format, args...)}
	if s.broken == nil {
		s.broken = v
		s.world.trace.event("VIOLATION %v", v)
	}
	panic(v) // may be caught by the mailbox of an actor; until looks at broken
}

// check is a signature that was checked: all nodes check the same ones.
type check struct {
	key       crypto.PublicKey
	message   [32]byte
	signature crypto.Signature
}

// maxChecked bounds the remembered checks.
const maxChecked = 1 << 16

// verify answers as crypto.Verify does, and remembers the answers.
func (s *Sim) verify(checks []crypto.Check) []bool {
	out := make([]bool, len(checks))
	for i, c := range checks {
		k := check{c.Key, [32]byte(c.Message), c.Signature}
		good, known := s.checked[k]
		if !known {
			good = crypto.Verify(c.Key, c.Message, c.Signature)
			if len(s.checked) >= maxChecked {
				clear(s.checked)
			}
			s.checked[k] = good
		}
		out[i] = good
	}
	return out
}

// must ends the run for a failure of the simulation itself.
func (s *Sim) must(err error) {
	if err != nil {
		s.violate("simulation", "%v", err)
	}
}

func (s *Sim) close() {
	for _, n := range s.nodes {
		if n.store != nil {
			if n.owner != nil {
				n.owner.dead = true
			}
			_ = n.store.Close()
		}
	}
}

// build makes the nodes. All ledgers begin with the shares of the
// representatives, confirmed: how they came to be is another test.
func (s *Sim) build() {
	blocks := s.shares()
	for id := range s.opt.Nodes {
		n := &Node{ID: id, sim: s, votes: []crypto.PrivateKey{s.repKey(id)}}
		if s.opt.MaxSkew > 0 {
			n.skew = time.Duration(s.world.rng.Int64N(int64(2*s.opt.MaxSkew))) - s.opt.MaxSkew
		}
		for other := range id {
			n.peers = append(n.peers, address(other).String())
		}
		s.nodes = append(s.nodes, n)
		path := ""
		if !s.opt.Memory {
			path = n.nextPath()
		}
		n.store = n.openStore(path)
		s.plant(n, blocks)
		n.store.keep()
	}
	s.seen = newSeen()
	for _, n := range s.nodes {
		n.start()
	}
	s.startWorkload()
	s.startFaults()
}

// repKey is the key of a node's representative.
func (s *Sim) repKey(id int) crypto.PrivateKey {
	if id == 0 {
		return testkit.GenesisKey(s.net)
	}
	return testkit.Key(2_000_000 + id)
}

// shares composes the blocks that give every representative but the first an
// equal share, and leave a little more to the first.
func (s *Sim) shares() []*lattice.Block {
	s.genesis = testkit.GenesisWallet(s.net)
	var out []*lattice.Block
	amount := lattice.Supply.MulDiv(1, uint64(s.opt.Nodes)+1)
	for id := 1; id < s.opt.Nodes; id++ {
		rep := testkit.NewWallet(s.net, s.repKey(id))
		send := s.genesis.Send(rep.Account(), amount)
		hash := s.genesis.Advance(send)
		out = append(out, send, rep.Open(hash, amount, rep.Account()))
	}
	return append(out, s.fundWallets()...)
}

// plant inserts and cements blocks in a node's ledger.
func (s *Sim) plant(n *Node, blocks []*lattice.Block) {
	s.must(n.store.Store.Update(func(tx storage.Tx) error {
		for _, b := range blocks {
			hash := s.net.HashOf(b)
			c, err := tx.Context(b, hash, start)
			if err != nil {
				return err
			}
			e, err := ledger.Validate(s.net, b, c)
			if err != nil {
				return err
			}
			if err := errors.Join(tx.Apply(&e)); err != nil {
				return err
			}
			if _, err := tx.Cement(hash); err != nil {
				return err
			}
		}
		return nil
	}))
}

// limits draws small bounds, so that they bite.
func (s *Sim) limits(c *actors.Config) {
	if !s.opt.SmallLimits {
		return
	}
	rng := s.world.rng
	c.BlockQueue = 8 + rng.IntN(64)
	c.VoteQueue = 8 + rng.IntN(64)
	c.Elections.MaxElections = 8 + rng.IntN(32)
	c.Buckets.Elections = c.Elections.MaxElections
	c.Buckets.Queue = 2 + rng.IntN(16)
}
