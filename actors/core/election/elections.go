package election

import (
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Weigher tells what votes weigh, as of now. A *quorum.Quorum is one.
type Weigher interface {
	// Weight returns the confirmed weight of a representative.
	Weight(lattice.Account) lattice.Amount
	// Delta returns the weight that a decision needs; never 0.
	Delta() lattice.Amount
	// Base returns the weight of which delta is a part.
	Base() lattice.Amount
	// Trended returns the weight that is usually online.
	Trended() lattice.Amount
}

// Candidate is a block that is in the ledger and should have an election.
type Candidate struct {
	Block    lattice.Block
	Hash     lattice.Hash
	Behavior Behavior
	Bucket   int       // its balance bucket; told again when the election ends
	Priority time.Time // its place there; likewise
	Local    bool      // made here: broadcast more often
}

// Elections is all elections that run. Make it with New.
type Elections struct {
	cfg     Config
	weigher Weigher

	order  []*election // in the order in which they started
	byRoot map[lattice.QualifiedRoot]*election
	byHash map[lattice.Hash]*election

	running [behaviors]int // without a decision
	decided int            // confirmed, not cemented

	recent  *votes.Recent[lattice.Hash] // cemented blocks
	history []Ended                     // ring of cfg.History
	oldest  int                         // in history, once it is full
	latency window
	typical time.Duration // how long an election took lately; see patience
	stats   Stats

	ready Ready
}

// New returns a machine without elections. The config must be valid. The weigher
// is asked again for every vote.
func New(cfg Config, n *lattice.Network, w Weigher) *Elections {
	if err := cfg.Validate(); err != nil {
		panic("election: New: " + err.Error())
	}
	cfg = cfg.withDefaults(n)
	return &Elections{
		cfg:     cfg,
		weigher: w,
		byRoot:  make(map[lattice.QualifiedRoot]*election),
		byHash:  make(map[lattice.Hash]*election),
		recent:  votes.NewRecent[lattice.Hash](cfg.RecentlyConfirmed),
		latency: window{most: cfg.LatencyWindow},
	}
}

// Vacancy returns how many elections of a behavior could be started now.
func (s *Elections) Vacancy(b Behavior) int {
	if s.decided >= s.cfg.MaxElections {
		return 0
	}
	room := s.cfg.MaxElections
	switch b {
	case Hinted:
		room = s.share(s.cfg.HintedPercent)
	case Optimistic:
		room = s.share(s.cfg.OptimisticPercent)
	case Manual:
		room = MaxManual
	case Forked:
		room = MaxForked
	}
	return max(0, room-s.running[b])
}

// Undone returns how many elections have decided, and wait for their winner to be
// cemented.
func (s *Elections) Undone() int { return s.decided }

// share is a percentage of MaxElections, at least 1.
func (s *Elections) share(percent int) int {
	return max(1, s.cfg.MaxElections/100*percent+s.cfg.MaxElections%100*percent/100)
}

// Start starts the election of a block, and reports whether one runs on behalf
// of the candidate now. A hinted or optimistic one of the same block becomes the
// candidate's when that is not hinted or optimistic itself. After a start, play
// cached votes back with Replay.
func (s *Elections) Start(c Candidate, now time.Time) (started bool, reason Reason) {
	started, reason = s.start(c, now)
	s.stats.Starts[reason]++
	return started, reason
}

func (s *Elections) start(c Candidate, now time.Time) (bool, Reason) {
	root := c.Block.QualifiedRoot()
	if e := s.byRoot[root]; e != nil {
		return s.upgrade(e, c)
	}
	switch {
	case s.recent.Has(c.Hash):
		return false, RecentlyConfirmed
	case s.decided >= s.cfg.MaxElections:
		return false, Behind
	case s.Vacancy(c.Behavior) == 0:
		return false, Full
	}
	e := &election{
		root: root, behavior: c.Behavior, bucket: c.Bucket, priority: c.Priority, local: c.Local,
		started: now, blocks: []contender{{hash: c.Hash, block: c.Block}}, ledger: c.Hash,
	}
	if c.Behavior == Manual || c.Behavior == Forked {
		e.state = Active
	}
	s.order = append(s.order, e)
	s.byRoot[root], s.byHash[c.Hash] = e, e
	s.running[c.Behavior]++
	s.voteNormal(e, now)
	s.publish(e, now)
	return true, Started
}

// upgrade gives a running election the longer life of a candidate for the same
// block.
func (s *Elections) upgrade(e *election, c Candidate) (bool, Reason) {
	weak := func(b Behavior) bool { return b == Hinted || b == Optimistic }
	if e.state == Confirmed || e.contender(c.Hash) < 0 {
		return false, AlreadyRunning
	}
	if c.Behavior == Manual {
		e.state = Active
	}
	if weak(c.Behavior) || !weak(e.behavior) || s.Vacancy(c.Behavior) == 0 {
		return false, AlreadyRunning
	}
	s.running[e.behavior]--
	s.running[c.Behavior]++
	e.behavior, e.bucket, e.priority, e.local = c.Behavior, c.Bucket, c.Priority, e.local || c.Local
	return true, Upgraded
}

// Fork adds a block that competes with the one that has an election. cached is
// the weight of the votes that are known for it, which lets it in when there are
// MaxBlocks already. It reports whether the block is new in an election; then
// play its cached votes back with Replay.
func (s *Elections) Fork(b lattice.Block, hash lattice.Hash, cached lattice.Amount, now time.Time) bool {
	e := s.byRoot[b.QualifiedRoot()]
	if e == nil || e.state == Confirmed || e.contender(hash) >= 0 {
		return false
	}
	gone, ok := e.admit(contender{hash: hash, block: b}, cached)
	if !ok {
		s.stats.ForksRefused++
		return false
	}
	s.stats.Forks++
	delete(s.byHash, gone)
	s.byHash[hash] = e
	s.judge(e, now)
	return true
}

// Vote counts a representative's valid vote for one block.
func (s *Elections) Vote(rep lattice.Account, timestamp uint64, hash lattice.Hash, now time.Time) Result {
	return s.vote(rep, timestamp, hash, true, now)
}

// Replay is Vote for a vote out of the cache: however soon it comes after
// another, the representative did not cast it too soon.
func (s *Elections) Replay(rep lattice.Account, timestamp uint64, hash lattice.Hash, now time.Time) Result {
	return s.vote(rep, timestamp, hash, false, now)
}

func (s *Elections) vote(rep lattice.Account, timestamp uint64, hash lattice.Hash, fresh bool, now time.Time) Result {
	r := s.countVote(rep, timestamp, hash, fresh, now)
	s.stats.Votes[r]++
	return r
}

func (s *Elections) countVote(rep lattice.Account, timestamp uint64, hash lattice.Hash, fresh bool, now time.Time) Result {
	e := s.byHash[hash]
	switch {
	case s.recent.Has(hash), e != nil && e.state == Confirmed:
		return Late
	case e == nil:
		return Indeterminate
	}
	weight := s.weigher.Weight(rep)
	if weight.IsZero() {
		return Weightless
	}
	cooldown := time.Duration(0)
	if fresh && e.contested() { // else there is nothing to change its mind about
		cooldown = s.cooldown(weight)
	}
	r := e.count(vote{
		rep: rep, weight: weight, timestamp: timestamp,
		changed: now.Sub(e.started), block: e.contender(hash),
	}, cooldown)
	if r == Used || r == Conflict {
		s.judge(e, now)
	}
	return r
}

// cooldown returns how long a representative of a weight has to stay with a
// block. Changes of mind cost everybody work, those of light ones for little.
// It is shorter than the spacing that honest ones keep, for votes that took
// different times on their way.
func (s *Elections) cooldown(weight lattice.Amount) time.Duration {
	trended := s.weigher.Trended()
	switch {
	case trended.MulDiv(5, 100).Less(weight):
		return s.cfg.VoteInterval / 15
	case trended.MulDiv(1, 100).Less(weight):
		return s.cfg.VoteInterval / 3
	}
	return s.cfg.VoteInterval / 3 * 2
}

// Inserted notes that a block came into the ledger.
func (s *Elections) Inserted(root lattice.QualifiedRoot, hash lattice.Hash) {
	if e := s.byRoot[root]; e != nil {
		e.ledger = hash
	}
}

// GiveWay lets a block stay in the ledger in the place of the winner of a root, until
// that has delta: what others have confirmed may stand on it. Neither is voted for
// because of it.
func (s *Elections) GiveWay(root lattice.QualifiedRoot, hash lattice.Hash, now time.Time) {
	if e := s.byRoot[root]; e != nil && e.state != Confirmed {
		e.way, e.nextRepeat = hash, now.Add(s.cfg.RepeatInterval)
	}
}

// Gone notes that a block left the ledger, by rollback. An election that had no
// other block ends; one that has goes on and asks for its winner.
func (s *Elections) Gone(root lattice.QualifiedRoot, hash lattice.Hash, now time.Time) {
	e := s.byRoot[root]
	if e == nil || e.ledger != hash {
		return
	}
	e.ledger = lattice.Hash{}
	if !e.contested() && e.state != Confirmed {
		s.end(e, Cancelled, now)
	}
}

// Cemented notes that a block became final in the ledger, which ends the
// election of its root, whether that had decided, and for this block or not.
func (s *Elections) Cemented(root lattice.QualifiedRoot, hash lattice.Hash, now time.Time) {
	s.recent.Add(hash)
	e := s.byRoot[root]
	if e == nil {
		return
	}
	if w := e.contender(hash); w >= 0 {
		e.winner = w
	}
	ended := s.remove(e, Confirmed, now)
	ended.ByQuorum = e.state == Confirmed && e.blocks[e.winner].hash == hash
	ended.Hash = hash
	s.finish(ended)
}

// Outvoted returns the root of the hinted election that has least reason to run:
// least final weight, then least weight, then the higher hash. It does so only if a
// block with these votes has more reason. Hinted elections of several nodes could
// otherwise wait for each other: each node has its few places full with blocks for
// which the others have none.
func (s *Elections) Outvoted(hash lattice.Hash, tally, final lattice.Amount) (root lattice.QualifiedRoot, found bool) {
	least := contender{hash: hash, tally: tally, final: final}
	for _, e := range s.order {
		if e.behavior != Hinted || e.state == Confirmed || e.contested() {
			continue
		}
		if b := e.blocks[e.winner]; b.reason(&least) < 0 {
			root, least, found = e.root, b, true
		}
	}
	return root, found
}

// Cancel ends the election of a root, unless it has decided.
func (s *Elections) Cancel(root lattice.QualifiedRoot, now time.Time) {
	if e := s.byRoot[root]; e != nil && e.state != Confirmed {
		s.end(e, Cancelled, now)
	}
}

// end removes an election and tells.
func (s *Elections) end(e *election, state State, now time.Time) { s.finish(s.remove(e, state, now)) }

// remove takes an election out of everything and returns its account.
func (s *Elections) remove(e *election, state State, now time.Time) Ended {
	at := slices.Index(s.order, e)
	s.order = slices.Delete(s.order, at, at+1)
	delete(s.byRoot, e.root)
	for i := range e.blocks {
		delete(s.byHash, e.blocks[i].hash)
	}
	duration := e.decided
	if e.state == Confirmed {
		s.decided--
	} else {
		s.running[e.behavior]--
		duration = max(0, now.Sub(e.started))
	}
	w := &e.blocks[e.winner]
	return Ended{
		Root: e.root, Hash: w.hash, State: state, Behavior: e.behavior, Bucket: e.bucket, Priority: e.priority,
		Time: now, Duration: duration, Tally: w.tally, Final: w.final, Voters: len(e.votes), Blocks: len(e.blocks), Requests: e.requests,
	}
}

// finish tells about an ended election and keeps it for the history.
func (s *Elections) finish(ended Ended) {
	s.ready.Ended = append(s.ready.Ended, ended)
	s.stats.Ended[ended.State]++
	if ended.State != Confirmed {
		return
	}
	if len(s.history) < s.cfg.History {
		s.history = append(s.history, ended)
		return
	}
	s.history[s.oldest] = ended
	s.oldest = (s.oldest + 1) % len(s.history)
}

// Ready returns what is to be done since it was last called.
func (s *Elections) Ready() Ready {
	r := s.ready
	s.ready = Ready{}
	return r
}
