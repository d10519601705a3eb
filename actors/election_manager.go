package actors

import (
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/quorum"
	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
	"github.com/smallnano/smallnano/wire/rpc"
)

const (
	// maxLocal is how many of the last blocks that were made here are told to the
	// network again and again until they are confirmed.
	maxLocal = 8192
	// maxHints is how many blocks with votes but without an election are looked at
	// each second.
	maxHints = 64
	// viewEvery is how often the quorum is posted for others to see, at most.
	viewEvery = time.Second
	// maxProven is how many bytes of others' votes are sent in each viewEvery to those
	// who cannot decide a root.
	maxProven = 128 << 10
	// maxRepeated is how many bytes of votes that say again what they have said are
	// passed on in each viewEvery, once for all who need them: who says them may do so
	// for ever.
	maxRepeated = 64 << 10
)

// electionManager drives the elections and the quorum that decides them.
type electionManager struct {
	env   *Env
	refs  *refs
	net   *lattice.Network
	board *board
	cfg   election.Config
	own   []lattice.Account // representatives of this node
	log   *slog.Logger
	// unsee has the connections let messages through that they have seen before.
	unsee func()
	// unseeBlock does so for a block.
	unseeBlock func(lattice.Hash)

	quorum    *quorum.Quorum
	elections *election.Elections
	cache     *votes.Cache
	proofs    *votes.Proofs
	proven    int // bytes sent of them in this viewEvery
	repeated  int // bytes of votes passed on that were said again, likewise
	forks     *election.Forks
	liveness  *quorum.Liveness
	enoughAt  time.Time // when those that are connected had the weight for a decision, or nobody was
	decidedAt time.Time // when a block was last confirmed, or this actor started
	local     *votes.Recent[lattice.Hash]
	loaded    uint64 // the confirmation sequence that the weights are of
	shipped   bool   // the weights are those that came with the network
	dirty     bool   // the weights have changed since they were told
	viewAt    time.Time
}

// Receive implements actor.Actor.
func (a *electionManager) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case messages.Elections:
		a.handle(m)
		a.carryOut()
	}
}

// start loads the weights and the samples: what lives longer than this actor is
// in the store.
func (a *electionManager) start() {
	now := a.env.Clock.Now()
	a.quorum = quorum.New(a.net, quorum.NewWeights())
	a.elections = election.New(a.cfg, a.net, a.quorum)
	a.cache = votes.NewCache(votes.DefaultCacheHashes)
	a.proofs = votes.NewProofs(votes.DefaultProofs, votes.DefaultProofBytes)
	a.forks = election.NewForks(election.DefaultForkRoots)
	a.liveness, a.decidedAt = quorum.NewLiveness(), now
	a.enoughAt = now
	a.local = votes.NewRecent[lattice.Hash](maxLocal)
	a.unsee() // the votes that came before are lost, and final ones are the same each time
	err := a.env.Store.View(func(r storage.Reader) error {
		samples, err := r.WeightSamples()
		if err != nil {
			return err
		}
		if left := a.quorum.LoadSamples(samples, now); left > 0 {
			a.log.Warn("left out samples of the online weight that cannot be true", "count", left)
		}
		return nil
	})
	if err != nil {
		panic("actors: cannot load the samples of the online weight: " + err.Error())
	}
	a.loadWeights()
	a.tellWeights()
	a.view(now)
	a.postVacancy()
	a.refs.scheduler.Tell(a.running())
}

// loadWeights takes the weights from the store, with the confirmation sequence
// that they are of; or those that came with the network, while too little is
// confirmed here.
func (a *electionManager) loadWeights() {
	a.quorum.Reset()
	a.dirty = true
	err := a.env.Store.View(func(r storage.Reader) error {
		counts, err := r.Counts()
		if err != nil {
			return err
		}
		a.loaded = counts.Cemented
		table := a.net.Shipped
		was := a.shipped
		if a.shipped = table != nil && counts.Cemented < table.Until; a.shipped {
			for _, w := range table.Of {
				a.quorum.Set(w.Representative, w.Weight)
			}
			return nil
		}
		if was {
			a.log.Info("reckons with the weights of the own ledger from now on", "confirmed", counts.Cemented)
		}
		return r.Weights(func(rep lattice.Account, weight lattice.Amount) bool {
			a.quorum.Set(rep, weight)
			return true
		})
	})
	if err != nil {
		panic("actors: cannot load the weights of representatives: " + err.Error())
	}
}

func (a *electionManager) handle(m messages.Elections) {
	now := a.env.Clock.Now()
	switch m := m.(type) {
	case *messages.Tick:
		a.tick(m.Now)
	case *messages.StartElections:
		for i := range m.Elections {
			a.begin(&m.Elections[i], now)
		}
	case *messages.CancelElections:
		for _, root := range m.Roots {
			a.keepVotes(root, now)
			a.elections.Cancel(root, now)
		}
	case *messages.TrimBacklog:
		a.trim(m)
	case *messages.ForkSeen:
		a.fork(m, now)
	case *messages.VotesVerified:
		for i := range m.Votes {
			a.vote(&m.Votes[i], now)
		}
	case *messages.BlocksInserted:
		for i := range m.Blocks {
			b := &m.Blocks[i]
			if b.Local {
				a.local.Add(b.Hash)
			}
			a.elections.Inserted(b.Block.QualifiedRoot(), b.Hash)
		}
	case *messages.BlocksRolledBack:
		for i := range m.Blocks {
			a.elections.Gone(m.Blocks[i].Block.QualifiedRoot(), m.Blocks[i].Hash, now)
		}
	case *messages.BlocksCemented:
		a.cemented(m, now)
	case *messages.ProofsAsked:
		a.prove(m)
	case *messages.AskElections:
		m.Read(a.elections)
	case *messages.CementedBefore:
		a.cementedBefore(m.Hashes, now)
	case *messages.ElectByHand:
		m.Reply(a.electByHand(m, now), nil)
	case *messages.WeightsWanted:
		a.tellWeights()
	case *messages.ProcessorStarted:
		if m.Confirmed != a.loaded {
			a.loadWeights()
		}
		a.lookAgain(now)
	case *messages.SchedulerStarted:
		a.refs.scheduler.Tell(a.running())
	case *messages.Wake: // nothing waits: carryOut looks after every message
	}
}

func (a *electionManager) tick(now time.Time) {
	a.elections.Tick(now)
	if now.Before(a.viewAt) {
		return
	}
	a.proven, a.repeated = 0, 0
	a.quorum.Tick(now)
	if sample, due := a.quorum.Sample(now); due {
		a.refs.blocks.Tell(&messages.StoreWeightSample{Sample: sample})
	}
	a.cache.Tick(now)
	if a.dirty {
		a.cache.Reweigh(a.quorum.Weight)
	}
	if hints := a.cache.Hinted(a.hintWeight(), maxHints, now); len(hints) > 0 {
		hashes := make([]lattice.Hash, len(hints))
		for i, h := range hints {
			hashes[i] = h.Hash
		}
		a.refs.scheduler.Tell(&messages.BlocksHinted{Hashes: hashes})
	}
	if a.dirty {
		a.tellWeights()
	}
	a.weigh(now)
	a.view(now)
}

// hintWeight is how much weight has to vote for a block without an election for it
// to be looked at out of turn.
func (a *electionManager) hintWeight() lattice.Amount { return a.quorum.Trended().MulDiv(1, 10) }

// begin starts an election. A scheduler whose wish was not granted is told so.
func (a *electionManager) begin(m *messages.WantedElection, now time.Time) {
	c := election.Candidate{
		Block: m.Block, Hash: m.Hash, Behavior: m.Behavior, Bucket: m.Bucket, Priority: m.Priority,
		Local: a.local.Has(m.Hash),
	}
	started, reason := a.elections.Start(c, now)
	if reason == election.Full && m.Behavior == election.Hinted {
		started, reason = a.displace(c, now)
	}
	if !started {
		a.log.Debug("no election", "block", m.Hash, "why", reason)
		root := m.Block.QualifiedRoot()
		if reason != election.AlreadyRunning || a.elections.Decided(root) {
			a.refs.scheduler.Tell(&messages.ElectionsEnded{Roots: []lattice.QualifiedRoot{root}})
		}
		return
	}
	a.liveness.Began(m.Hash, now)
	a.replay(m.Hash, now)
	a.joinForks(m.Block.QualifiedRoot(), now)
}

// displace starts a hinted election in the place of one with fewer votes. If there
// is none, the block is looked at again when there may be room.
func (a *electionManager) displace(c election.Candidate, now time.Time) (bool, election.Reason) {
	tally, final := a.cached(c.Hash)
	root, found := a.elections.Outvoted(c.Hash, tally, final)
	if !found {
		a.cache.Again(c.Hash)
		return false, election.Full
	}
	a.keepVotes(root, now)
	a.elections.Cancel(root, now)
	return a.elections.Start(c, now)
}

// replay counts the votes that came before the block did.
func (a *electionManager) replay(hash lattice.Hash, now time.Time) {
	for _, v := range a.cache.Votes(hash) {
		a.elections.Replay(v.Representative, v.Timestamp, hash, now)
	}
}

// keepVotes caches the votes of an election that is about to be cancelled. Its
// block has another one some time, and the same votes do not come again: a final
// vote is the same each time, and repeats are dropped where they arrive.
func (a *electionManager) keepVotes(root lattice.QualifiedRoot, now time.Time) {
	info, found := a.elections.Info(root)
	if !found {
		return
	}
	for _, v := range info.Votes {
		a.cache.Add(v.Representative, v.Timestamp, v.Hash, v.Weight, now)
	}
}

// vote counts a vote in the elections of all blocks that it names, keeps it for
// those that have none, and passes it on when it mattered.
func (a *electionManager) vote(v *messages.VerifiedVote, now time.Time) {
	rep := v.Vote.Representative
	a.quorum.Seen(rep, now)
	mattered, early, again := false, false, false // early: before the election
	for _, hash := range v.Vote.Hashes {
		a.liveness.Voted(rep, hash, now)
		result := a.elections.Vote(rep, v.Vote.Timestamp, hash, now)
		if v.Vote.Final() && (result == election.Used || result == election.Conflict || result == election.Repeat || result == election.Replay) {
			a.proofs.Add(hash, v.Vote)
		}
		switch result {
		case election.Used, election.Conflict:
			mattered = true
		case election.Repeat:
			again = true
		case election.Indeterminate:
			early = a.cache.Add(rep, v.Vote.Timestamp, hash, a.quorum.Weight(rep), now) || early
			if v.Vote.Timestamp == lattice.FinalTimestamp && a.confirmedByOthers(hash) {
				a.refs.blocks.Tell(&messages.ConfirmBlock{Hash: hash})
			}
		}
	}
	// Own ones come back from others, old ones too, and after a power loss ones that
	// are not known here: they are not told again as if they were new.
	if v.Conn != 0 && (mattered || early || again) && !slices.Contains(a.own, rep) {
		a.passOn(v, mattered, mattered || early)
	}
}

// passOn sends others what somebody else has said: who is not connected to it is sent
// it by those that are. What is said again has not reached somebody the first time.
func (a *electionManager) passOn(v *messages.VerifiedVote, mattered, fresh bool) {
	m := &messages.Flood{Reach: messages.ReachNeedyVote, Except: v.Conn, Of: v.Vote.Representative}
	switch {
	case mattered && !a.principal():
		m.Reach = messages.ReachVote
	case !a.board.needy.Load():
		return
	}
	m.Frame = frame(a.net, &wire.Vote{Vote: *v.Vote})
	if !fresh {
		if a.repeated += len(m.Frame); a.repeated > maxRepeated {
			return
		}
	}
	a.refs.peers.Tell(m)
}

// needy reports whether the other end of a connection cannot hear all principals.
func (a *electionManager) needy(conn messages.ConnID) bool {
	return a.board.needy.Load() && slices.ContainsFunc(*a.board.peers.Load(), func(p peerView) bool {
		return messages.ConnID(p.Conn) == conn && p.Needy
	})
}

// prove sends a peer the final votes that have confirmed a block here. It may be
// that who lies has told them to this node only.
func (a *electionManager) prove(m *messages.ProofsAsked) {
	hashes := m.Hashes
	if a.needy(m.Conn) {
		hashes = slices.Concat(hashes, m.Open)
	}
	for _, hash := range hashes {
		if !a.elections.RecentlyConfirmed(hash) {
			continue
		}
		for _, v := range a.proofs.Votes(hash) {
			f := frame(a.net, &wire.Vote{Vote: *v})
			if a.proven += len(f); a.proven > maxProven {
				return
			}
			a.refs.peer(m.Conn).Tell(&messages.SendFrame{Frame: f})
		}
	}
}

// confirmedByOthers reports whether the final votes for a block without an
// election are a quorum. That is all that confirms a block, with or without one;
// most of a ledger that was just bootstrapped is confirmed so. A block that is
// not here is left alone by the block processor.
func (a *electionManager) confirmedByOthers(hash lattice.Hash) bool {
	_, final := a.cached(hash)
	return !final.IsZero() && !final.Less(a.quorum.Delta())
}

// cached returns the weight of the cached votes for a block, and of the final ones
// among them.
func (a *electionManager) cached(hash lattice.Hash) (tally, final lattice.Amount) {
	for _, v := range a.cache.Votes(hash) {
		weight := a.quorum.Weight(v.Representative)
		tally = tally.SatAdd(weight)
		if v.Final() {
			final = final.SatAdd(weight)
		}
	}
	return tally, final
}

// principal reports whether one of this node's representatives is a principal
// one.
func (a *electionManager) principal() bool {
	for _, rep := range a.own {
		if a.quorum.IsPrincipal(rep) {
			return true
		}
	}
	return false
}

func (a *electionManager) cemented(m *messages.BlocksCemented, now time.Time) {
	for i := range m.Blocks {
		c := &m.Blocks[i]
		a.elections.Cemented(c.Block.QualifiedRoot(), c.Confirmation.Hash, now)
		a.cache.Remove(c.Confirmation.Hash)
		a.forks.Decided(c.Block.QualifiedRoot())
		a.liveness.Confirmed(c.Confirmation.Hash, now)
		a.decidedAt = now
		switch next := a.loaded + 1; {
		case c.Confirmation.Sequence < next: // the weights were loaded after it
		case c.Confirmation.Sequence == next:
			a.loaded = next
			if !a.shipped {
				a.quorum.Apply(c)
				a.dirty = true
			} else if next >= a.net.Shipped.Until {
				a.loadWeights()
			}
		default: // what came between was lost on the way
			a.loadWeights()
		}
	}
}

// cementedBefore ends what still asks for blocks to be cemented that are.
func (a *electionManager) cementedBefore(hashes []lattice.Hash, now time.Time) {
	for _, hash := range hashes {
		a.cache.Remove(hash)
		if e, runs := a.elections.InfoOf(hash); runs {
			a.elections.Cemented(e.Root, hash, now)
			a.forks.Decided(e.Root)
		}
	}
}

// running lists the elections that hold a place in a bucket.
func (a *electionManager) running() *messages.ElectionsRunning {
	m := &messages.ElectionsRunning{}
	for _, e := range a.elections.List() {
		if e.Behavior == election.Priority && e.State != election.Confirmed {
			m.Elections = append(m.Elections, messages.RunningElection{Root: e.Root, Hash: e.Winner, Bucket: e.Bucket, Priority: e.Priority})
		}
	}
	return m
}

// tellWeights gives the vote processor a copy of the weights.
func (a *electionManager) tellWeights() {
	a.dirty = false
	weights := make(map[lattice.Account]lattice.Amount, a.quorum.Len())
	for _, w := range a.quorum.View().Top(quorum.MaxRepresentatives) {
		weights[w.Representative] = w.Weight
	}
	a.refs.votes.Tell(&messages.WeightsChanged{Weights: weights})
	principals := a.quorum.Principals()
	accounts := make([]lattice.Account, len(principals))
	for i, p := range principals {
		accounts[i] = p.Representative
	}
	a.refs.peers.Tell(&messages.PrincipalsChanged{Accounts: accounts})
	a.liveness.Follow(accounts)
	for _, rep := range accounts {
		a.liveness.Heard(rep, a.quorum.SeenAt(rep))
	}
	a.postWeights(weights)
}

// carryOut does what the elections ask for.
func (a *electionManager) carryOut() {
	a.postVacancy()
	r := a.elections.Ready()
	if r.Empty() {
		return
	}
	for i := range r.Switch {
		s := &r.Switch[i]
		a.log.Info("another block of a fork leads", "root", s.Root, "loser", s.Loser, "winner", s.Winner)
		a.refs.blocks.Tell(&messages.ForceBlock{Winner: s.Block, Hash: s.Winner})
	}
	ended := make([]lattice.QualifiedRoot, 0, len(r.Confirmed)+len(r.Ended))
	took := make([]time.Duration, 0, len(r.Confirmed))
	for i := range r.Confirmed {
		ended = append(ended, r.Confirmed[i].Root) // decided: its place in the bucket is free
		took = append(took, r.Confirmed[i].Duration)
		a.refs.blocks.Tell(&messages.ConfirmBlock{Hash: r.Confirmed[i].Hash, Root: r.Confirmed[i].Root})
	}
	if len(a.own) > 0 {
		a.castVotes(&r)
	}
	for i := range r.Publish {
		p := &r.Publish[i]
		m := &messages.Flood{Frame: frame(a.net, publish(&p.Block)), Reach: messages.ReachBlock, Block: p.Hash}
		if p.Local { // again, perhaps: who has told it may have lost it since
			m.Reach, m.Block = messages.ReachOwnBlock, lattice.Hash{}
		}
		a.refs.peers.Tell(m)
	}
	a.solicit(r.Solicit)
	for i := range r.Ended {
		ended = append(ended, r.Ended[i].Root)
	}
	if len(ended) > 0 {
		a.refs.scheduler.Tell(&messages.ElectionsEnded{Roots: ended, Took: took})
	}
}

// postVacancy says how many elections the scheduler may ask for.
func (a *electionManager) postVacancy() {
	a.board.vacancy.Store(int64(a.elections.Vacancy(election.Priority)))
	a.board.decided.Store(int64(a.elections.Undone()))
}

func (a *electionManager) castVotes(r *election.Ready) {
	if len(r.VoteFinal)+len(r.VoteNormal) == 0 {
		return
	}
	m := &messages.CastVotes{Requests: make([]messages.VoteRequest, 0, len(r.VoteFinal)+len(r.VoteNormal))}
	for _, v := range r.VoteFinal {
		m.Requests = append(m.Requests, messages.VoteRequest{Root: v.Root, Hash: v.Hash, Final: true})
	}
	for _, v := range r.VoteNormal {
		m.Requests = append(m.Requests, messages.VoteRequest{Root: v.Root, Hash: v.Hash})
	}
	a.refs.voting.Tell(m)
}

// solicit asks others for their votes, many blocks in one message.
func (a *electionManager) solicit(wanted []election.Solicit) {
	for len(wanted) > 0 {
		n := min(len(wanted), wire.MaxConfirmBlocks)
		m := &messages.Solicit{Blocks: make([]messages.SolicitedBlock, n)}
		for i, s := range wanted[:n] {
			m.Blocks[i] = messages.SolicitedBlock{Account: s.Root.Account, Hash: s.Hash, Said: s.Exclude}
		}
		a.refs.peers.Tell(m)
		wanted = wanted[n:]
	}
}

// view posts the quorum for others to see.
func (a *electionManager) view(now time.Time) {
	a.viewAt = now.Add(viewEvery)
	live := a.liveness.Report(now)
	stall := a.stalled(live, now)
	a.board.liveness.Store(&live)
	a.board.stall.Store(stall)
	s := a.quorum.Status(now)
	old := a.board.quorum.Load()
	online := a.quorum.OnlineRepresentatives()
	v := &quorumView{
		weights: old.weights, all: old.all,
		status: rpc.QuorumStatus{Delta: s.Delta, Percent: uint64(s.Percent), Floor: s.Floor, Online: s.Online, Trended: s.Trended,
			Shipped: a.shipped, ShippedUntil: a.shippedUntil(), Confirmed: a.loaded},
		online: representatives(online),
	}
	a.board.quorum.Store(v)
}

func (a *electionManager) postWeights(weights map[lattice.Account]lattice.Amount) {
	v := *a.board.quorum.Load()
	v.weights = weights
	v.all = representatives(a.quorum.View().Top(quorum.MaxRepresentatives))
	a.board.quorum.Store(&v)
}

func representatives(in []quorum.RepWeight) []rpc.Representative {
	out := make([]rpc.Representative, len(in))
	for i, w := range in {
		out[i] = rpc.Representative{Account: w.Representative, Weight: w.Weight}
	}
	return out
}
