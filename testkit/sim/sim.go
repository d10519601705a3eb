package sim

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/core/bootstrap"
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
	Memory   bool          // all databases in memory, where they fail and forget as on a disk: faster
	Weather  Weather
	Accounts int // of honest wallets

	// How often things happen, on average; 0 means never.
	TransferEvery, ForkEvery, CrashEvery, CutEvery, PanicEvery, DiskEvery time.Duration
	PowerLoss                                                             int // of a hundred crashes
	MaxSkew                                                               time.Duration
	SmallLimits                                                           bool

	// Joiners are nodes without a representative that start while the others run,
	// from nothing but the genesis block or from an old copy of the ledger.
	Joiners int
	Fresh   bool // the joiners have nothing but the genesis block
	// Spammers flood a node with valid blocks, Naives receive what is not
	// confirmed.
	Spammers, Naives int
	SpamEvery        time.Duration
	// Liars are adversaries; LiarPercent of all weight is theirs, which makes them
	// byzantine representatives. Tricks are what they do; nil is everything.
	Liars, LiarPercent int
	Tricks             []string
	// Weights are the shares of the nodes' representatives, in raw; nil divides
	// evenly. The first takes what is left.
	Weights []lattice.Amount

	// Elections, Queue and Backlog bound what runs, what waits for that, and what is
	// not confirmed; 0 leaves it to the node.
	Elections, Queue, Backlog int
	BacklogAt                 []int // the nodes that Backlog bounds; nil: all
	// Keep is how many blocks of each account every second node keeps; 0: all.
	Keep uint64
	// Cold is how many wallets, from the first, do nothing by themselves.
	Cold int
	// Eclipse is a node whose peers are liars, but for one, and whom all liars
	// crowd; 0 is none.
	Eclipse int
	// Public has the limits by address hold, as on a public network; otherwise all
	// nodes are in one home.
	Public bool

	story *Scenario // what happens besides; nil: nothing

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
	Transfers, Forks, Spam, Confirmed          int
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

	spammers []*spammer
	naives   []*naive
	liars    []*liar
	// cheats are accounts that made two blocks for one place: what happens to them
	// while representatives lie is their own affair.
	cheats map[lattice.Account]bool

	result  Result
	calm    bool
	pending []func()   // after the turn in hand
	broken  *Violation // the first law that was broken
	healthy bool       // nothing excuses a node that does not take in what comes
	words   map[*byte]word
	idles   uint64
	checked map[check]bool

	planned []planned // block processors that are to fail with blocks in hand

	disputed lattice.Account // on which the nodes do not agree
}

// Run simulates one seed.
func Run(o Options) Result {
	s := &Sim{opt: o, net: lattice.Dev(), result: Result{Seed: o.Seed}, checked: map[check]bool{}, healthy: o.isHealthy(), words: map[*byte]word{}, cheats: map[lattice.Account]bool{}, seen: newSeen()}
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
	s.result.Frames, s.result.Confirmed = s.network.Frames, len(s.seen.confirmed)
	for _, n := range s.nodes {
		s.result.Crashes += n.Crashes
		s.result.PowerLosses += n.PowerLosses
	}
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
	trace.world, trace.blames, trace.regrets = s.world, s.blamed, s.regretted
	s.env = &owner{id: 255}
	s.network = &network{world: s.world, id: s.net.ID, weather: s.opt.Weather, hosts: map[netip.AddrPort]*host{}, cut: map[[2]int]bool{}, fail: func(f string, a ...any) { s.violate("codec", f, a...) }, sent: s.sent, said: s.said, hears: s.hears}
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
	story := s.opt.story
	if story != nil {
		story.begin(s)
	}
	s.until(s.opt.Run)
	if story == nil || !story.noCalm {
		s.settle()
	}
	if story != nil {
		story.end(s)
	}
	s.final()
	return nil
}

// maxSteps is how much may happen in a world at once, maxPace how much more in each
// second: several times as much as floods make of it.
const (
	maxSteps = 3_000_000
	maxPace  = 50_000
)

// until lets the world happen for a time from its beginning.
func (s *Sim) until(d time.Duration) {
	end := start.Add(d)
	for s.world.Step(end) {
		s.afterTurn()
		if most := maxSteps + maxPace*uint64(s.world.now.Sub(start)/time.Second); s.world.steps > most {
			s.violate("livelock", "%d steps in %v: something goes round and round", s.world.steps, s.world.now.Sub(start))
		}
		if len(s.world.ready) == 0 {
			s.idle()
		}
	}
}

// afterTurn does what had to wait for the end of a turn: nothing may be taken
// from under an actor that is just at work.
func (s *Sim) afterTurn() {
	if s.broken != nil {
		panic(s.broken)
	}
	if len(s.planned) > 0 {
		s.failPlanned()
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
		if !known && c.Signature == mark(c.Key, k.message) {
			good, known = true, true
		}
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

// signVote signs most votes of honest nodes with a mark that costs next to nothing,
// and one of sixteen truly. Nobody in the world makes another's mark: no liar knows
// how.
func (s *Sim) signVote(v *lattice.Vote, id lattice.NetworkID, key crypto.PrivateKey) {
	v.Representative = lattice.Account(key.Public())
	digest := v.Digest(id)
	if digest[0]&15 == 0 {
		v.Sign(id, key)
		return
	}
	v.Signature = mark(key.Public(), digest)
}

// sign signs truly, and what it signs is trusted.
func (s *Sim) sign(key crypto.PrivateKey, message []byte) crypto.Signature {
	signature := key.Sign(message)
	s.trust(key.Public(), [32]byte(message), signature)
	return signature
}

// mark stands for the signature of a message.
func mark(key crypto.PublicKey, message [32]byte) (out crypto.Signature) {
	sum := crypto.Sum256([]byte("signed in a simulation"), key[:], message[:])
	copy(out[:], sum[:])
	return out
}

// trusted is the mask of what is trusted: one of so many is checked all the same.
const trusted = 63

// trust remembers a signature as good that was made here, or by an honest node, a
// moment ago: half of the time would go into checking these.
func (s *Sim) trust(key crypto.PublicKey, message [32]byte, signature crypto.Signature) {
	if message[0]&trusted != 0 && len(s.checked) < maxChecked {
		s.checked[check{key, message, signature}] = true
	}
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
// representatives, confirmed: how they came to be is another test. Those of
// nodes that join later may begin with the genesis block only.
func (s *Sim) build() {
	blocks := s.shares()
	for _, b := range blocks {
		s.know(b)
	}
	s.seen.planted = uint64(len(blocks)) + 1 // and the genesis block
	s.knowAccount(s.genesis.Account())
	var planted storage.Store // in memory, for the nodes that follow
	for id := range s.opt.Nodes + s.opt.Joiners {
		n := s.newNode(id)
		switch begun := id < s.opt.Nodes || !s.opt.Fresh && s.world.rng.IntN(2) == 0; {
		case !begun: // the whole supply is one representative's, until it learns what became of it
		case n.store.path == "" && planted != nil:
			n.store.Store = storage.CopyMemory(planted)
		default:
			s.plant(n, blocks)
			if n.store.path == "" {
				planted = n.store.Store
			}
		}
		n.store.keep()
	}
	for _, n := range s.nodes[:s.opt.Nodes] {
		n.start()
	}
	for _, n := range s.nodes[s.opt.Nodes:] {
		s.startLater(n, s.draw(s.opt.Run/2))
	}
	s.startLiars()
	s.startWorkload()
	s.startFaults()
}

// newNode makes a node that does not run yet.
func (s *Sim) newNode(id int) *Node {
	n := &Node{ID: id, sim: s, net: s.net}
	if id < s.opt.Nodes {
		n.votes = []crypto.PrivateKey{s.repKey(id)}
		s.seen.honest[testkit.AccountOf(s.repKey(id))] = n
	}
	if s.opt.MaxSkew > 0 {
		n.wrong = time.Duration(s.world.rng.Int64N(int64(2*s.opt.MaxSkew))) - s.opt.MaxSkew
	}
	for other := range id {
		n.peers = append(n.peers, s.opt.address(other).String())
	}
	if id > 0 && id == s.opt.Eclipse {
		n.peers = n.peers[:1]
		for i := range s.opt.Liars {
			n.peers = append(n.peers, s.opt.liarAddress(i, 1).String())
		}
	}
	s.nodes = append(s.nodes, n)
	path := ""
	if !s.opt.Memory && (s.opt.story != nil || s.world.rng.IntN(2) == 0) { // memory and disk must agree, too
		path = n.nextPath()
	}
	n.store = n.openStore(path)
	return n
}

// startLater starts a node after a while, if it does not run then.
func (s *Sim) startLater(n *Node, d time.Duration) {
	s.world.after(s.env, d, func() {
		s.pending = append(s.pending, func() {
			if !n.Alive() {
				n.start()
			}
		})
	})
}

// startLiars puts the adversaries on the network.
func (s *Sim) startLiars() {
	for i := range s.opt.Liars {
		var tricks []trick
		for _, name := range s.opt.Tricks {
			if t, ok := trickByName(name); ok {
				tricks = append(tricks, t)
			}
		}
		if s.opt.Tricks == nil {
			for _, t := range voterTricks {
				if s.opt.LiarPercent > 0 && s.world.rng.IntN(2) == 0 {
					tricks = append(tricks, t)
				}
			}
			for _, t := range peerTricks {
				if s.world.rng.IntN(3) == 0 {
					tricks = append(tricks, t)
				}
			}
		}
		s.newLiar(i, tricks)
	}
}

// repKey is the key of a node's representative.
func (s *Sim) repKey(id int) crypto.PrivateKey {
	if id == 0 {
		return testkit.GenesisKey(s.net)
	}
	return key(2_000_000 + id)
}

// shares composes the blocks that give every representative its share, and leave
// the rest to the first.
func (s *Sim) shares() []*lattice.Block {
	s.genesis = testkit.GenesisWallet(s.net)
	var out []*lattice.Block
	give := func(key crypto.PrivateKey, amount lattice.Amount) {
		rep := testkit.NewWallet(s.net, key)
		send := s.genesis.Send(rep.Account(), amount)
		hash := s.genesis.Advance(send)
		out = append(out, send, rep.Open(hash, amount, rep.Account()))
	}
	honest := lattice.Supply.MulDiv(uint64(100-s.opt.LiarPercent), 100)
	for id := 1; id < s.opt.Nodes; id++ {
		amount := honest.MulDiv(1, uint64(s.opt.Nodes)+1)
		if s.opt.Weights != nil {
			amount = s.opt.Weights[id]
		}
		if !amount.IsZero() {
			give(s.repKey(id), amount)
		}
	}
	if s.opt.LiarPercent > 0 {
		for i := range s.opt.Liars {
			give(s.liarKey(i), lattice.Supply.MulDiv(uint64(s.opt.LiarPercent), 100*uint64(s.opt.Liars)))
		}
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
			c.SignatureVerified = true // made here
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
func (s *Sim) limits(n *Node, c *actors.Config) {
	if s.opt.Elections > 0 {
		c.Elections.MaxElections, c.Buckets.Elections = s.opt.Elections, s.opt.Elections
	}
	if s.opt.Queue > 0 {
		c.Buckets.Queue = s.opt.Queue
	}
	if s.opt.Backlog > 0 && (s.opt.BacklogAt == nil || slices.Contains(s.opt.BacklogAt, n.ID)) {
		c.MaxBacklog = s.opt.Backlog
		c.Bootstrap.MaxUnconfirmed, c.Bootstrap.MaxDelivered = bootstrap.MaxPullBlocks, bootstrap.MaxPullBlocks
	}
	if s.opt.Public {
		c.Peering.AllowLoopback, c.Peering.AllowPrivate = false, false
		c.Peering.FeelerInterval = time.Second
	}
	if !s.opt.SmallLimits {
		return
	}
	rng := s.world.rng
	c.BlockQueue = 8 + rng.IntN(64)
	c.VoteQueue = 8 + rng.IntN(64)
	c.Elections.MaxElections = 8 + rng.IntN(32)
	c.Buckets.Elections = c.Elections.MaxElections
	c.Buckets.Queue = 2 + rng.IntN(16)
	c.MaxRollback = 2
}
