package sim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire"
)

// trick is one way not to play by the rules.
type trick struct {
	name string
	play func(*liar)
}

// The tricks. Some change how a liar meets its peers and do nothing by
// themselves.
var (
	voteBoth      = trick{"both", (*liar).voteBoth}
	votePhantom   = trick{"phantom", (*liar).votePhantom}
	voteLate      = trick{"late", (*liar).voteLate}
	voteReplay    = trick{"replay", (*liar).voteReplay}
	voteSplit     = trick{"split", (*liar).voteSplit}
	voteStubborn  = trick{"stubborn", (*liar).voteStubborn}
	voteFavour    = trick{"favour", (*liar).voteFavour}
	askVotes      = trick{"asks", (*liar).askVotes}
	garbage       = trick{"garbage", (*liar).garbage}
	otherNetwork  = trick{"network", (*liar).otherNetwork}
	flood         = trick{"flood", (*liar).flood}
	badSignatures = trick{"signatures", (*liar).badSignature}
	forge         = trick{"forge", (*liar).forge}
	steal         = trick{"steal", (*liar).steal}
	badWork       = trick{"work", (*liar).badWork}
	weakWork      = trick{"weak", func(*liar) {}}
	gossip        = trick{"gossip", (*liar).gossip}
	hangUp        = trick{"hangup", (*liar).hangUp}
	halfOpen      = trick{"half-open", func(*liar) {}}
	otherGenesis  = trick{"genesis", func(*liar) {}}
	falsePulls    = trick{"pulls", func(*liar) {}}
	hoards        = trick{"hoards", (*liar).hoards}
	attestOthers  = trick{"attest", func(*liar) {}}
)

// voterTricks are those of a representative, peerTricks those of anybody.
var (
	voterTricks = []trick{voteBoth, votePhantom, voteLate, voteReplay, voteSplit}
	storyTricks = []trick{voteStubborn, voteFavour, askVotes, hoards} // in scenarios only
	peerTricks  = []trick{garbage, otherNetwork, flood, badSignatures, forge, steal, badWork, weakWork, gossip, hangUp, halfOpen, otherGenesis, falsePulls, attestOthers}
)

// trickByName returns a trick by the name that scenarios use.
func trickByName(name string) (trick, bool) {
	for _, t := range slices.Concat(voterTricks, peerTricks, storyTricks) {
		if t.name == name {
			return t, true
		}
	}
	return trick{}, false
}

// sign signs a vote as the liar's representative.
func (l *liar) sign(v *lattice.Vote) {
	v.Sign(l.sim.net.ID, l.rep)
	l.sim.trust(v.Representative.Key(), v.Digest(l.sim.net.ID), v.Signature)
}

// vote says a vote of the liar's representative to somebody.
func (l *liar) vote(timestamp uint64, hashes ...lattice.Hash) {
	c := l.someone()
	if c == nil || len(hashes) == 0 {
		return
	}
	v := lattice.Vote{Timestamp: timestamp, Hashes: hashes}
	l.sign(&v)
	c.say(&wire.Vote{Vote: v})
}

// when draws what a vote may have for a time: now, the past, the future, for
// ever.
func (l *liar) when() uint64 {
	now := lattice.VoteTimestamp(l.sim.world.now)
	switch rng := l.sim.world.rng; rng.IntN(5) {
	case 0:
		return now - rng.Uint64N(60_000)
	case 1:
		return now + rng.Uint64N(600_000)
	case 2, 3:
		return lattice.FinalTimestamp
	default:
		return now
	}
}

// voteBoth votes for any of the last blocks, to each peer for another one.
func (l *liar) voteBoth() {
	rng := l.sim.world.rng
	var hashes []lattice.Hash
	for range 1 + rng.IntN(4) {
		if len(l.hashes) == 0 {
			return
		}
		recent := min(len(l.hashes), 12)
		if h := l.hashes[len(l.hashes)-1-rng.IntN(recent)]; !slices.Contains(hashes, h) {
			hashes = append(hashes, h)
		}
	}
	when := l.when()
	for range 3 {
		l.vote(when, hashes...)
	}
}

// lastPair returns the two blocks of the last double spend that the liar has seen,
// the lower hash first.
func (l *liar) lastPair() (pair [2]lattice.Hash, found bool) {
	roots := map[lattice.QualifiedRoot]int{}
	for i := len(l.blocks) - 1; i >= 0; i-- {
		root := l.blocks[i].QualifiedRoot()
		j, twice := roots[root]
		if !twice {
			roots[root] = i
			continue
		}
		pair = [2]lattice.Hash{l.hashes[i], l.hashes[j]}
		if slices.Compare(pair[0][:], pair[1][:]) > 0 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		return pair, true
	}
	return pair, false
}

// sureOf is how many voters a liar must have heard before it knows what they want.
const sureOf = 3

// wanted returns the blocks of the last double spend, the one that more of the
// others want first. It does not think twice. agreed is to wait until all want the
// same.
func (l *liar) wanted(agreed bool) (pair [2]lattice.Hash, found bool) {
	pair, found = l.lastPair()
	if !found || l.pair == pair || l.pair == [2]lattice.Hash{pair[1], pair[0]} {
		return l.pair, found
	}
	last := map[lattice.Account]int{}
	for i := range l.votes {
		for side := range pair {
			if slices.Contains(l.votes[i].Hashes, pair[side]) {
				last[l.votes[i].Representative] = side
			}
		}
	}
	count := [2]int{}
	for _, side := range last {
		count[side]++
	}
	if count[0] < count[1] {
		pair[0], pair[1] = pair[1], pair[0]
	}
	if len(last) < sureOf || agreed && count[0] > 0 && count[1] > 0 {
		return pair, false
	}
	l.pair = pair
	return pair, true
}

// voteStubborn votes finally for the block of a double spend that the others do not
// want, and stays with it.
func (l *liar) voteStubborn() {
	if pair, found := l.wanted(true); found {
		l.tell(func(*lie) lattice.Vote { return lattice.Vote{Timestamp: lattice.FinalTimestamp, Hashes: pair[1:]} })
	}
}

// voteFavour votes for the block of a double spend that the others want: finally to
// the first node, which can confirm it so, and normally to the rest, which cannot.
func (l *liar) voteFavour() {
	pair, found := l.wanted(false)
	if !found {
		return
	}
	l.tell(func(c *lie) lattice.Vote {
		v := lattice.Vote{Timestamp: lattice.VoteTimestamp(l.sim.world.now), Hashes: pair[:1]}
		if c.link.remote.Addr() == l.sim.opt.address(0).Addr() {
			v.Timestamp = lattice.FinalTimestamp
		}
		return v
	})
}

// tell says a vote of the liar's representative on every connection, and that it
// still lives.
func (l *liar) tell(vote func(*lie) lattice.Vote) {
	for _, c := range l.conns {
		if c.closed || c.handshake != nil {
			continue
		}
		v := vote(c)
		l.sign(&v)
		c.say(&wire.Vote{Vote: v})
		c.say(&wire.Keepalive{})
	}
}

// asked is about how many blocks a liar asks at once.
const asked = 16

// askVotes asks everybody for votes about what was seen last: what one says to who
// asks must be what one has said before.
func (l *liar) askVotes() {
	m := &wire.ConfirmReq{}
	for i := max(0, len(l.blocks)-asked); i < len(l.blocks); i++ {
		m.Blocks = append(m.Blocks, wire.ConfirmEntry{Account: l.blocks[i].Account, Hash: l.hashes[i]})
	}
	for _, c := range l.conns {
		if !c.closed && c.handshake == nil && len(m.Blocks) > 0 {
			c.say(m)
		}
	}
}

// splitTime is for how long a liar tells the same peers the same.
const splitTime = 3 * time.Second

// voteSplit votes for one block of the last double spend to half of the peers and
// for the other one to the rest, and after a while the other way round: those who
// have decided must stay with it when the weight goes over to the other.
func (l *liar) voteSplit() {
	pair, found := l.lastPair()
	if !found {
		return
	}
	c := l.someone()
	if c == nil {
		return
	}
	now := l.sim.world.now
	side := int(now.Sub(start)/splitTime) + int(c.link.remote.Addr().As4()[2])
	v := lattice.Vote{Timestamp: lattice.VoteTimestamp(now), Hashes: pair[side&1 : side&1+1]}
	l.sign(&v)
	c.say(&wire.Vote{Vote: v})
}

// votePhantom votes for what does not exist.
func (l *liar) votePhantom() {
	l.vote(l.when(), testkit.Hash(int(l.sim.world.rng.Uint32()>>1)))
}

// voteLate votes for what it saw long ago.
func (l *liar) voteLate() {
	if len(l.hashes) > 0 {
		l.vote(l.when(), l.hashes[0])
	}
}

// voteReplay repeats somebody's vote, as it was or spoilt.
func (l *liar) voteReplay() {
	c, rng := l.someone(), l.sim.world.rng
	if c == nil || len(l.votes) == 0 {
		return
	}
	v := l.votes[rng.IntN(len(l.votes))]
	if rng.IntN(20) == 0 {
		v.Timestamp = lattice.FinalTimestamp - 1
	}
	c.say(&wire.Vote{Vote: v})
}

// garbage sends bytes that mean nothing, or nearly nothing.
func (l *liar) garbage() {
	c, rng := l.someone(), l.sim.world.rng
	if c == nil {
		return
	}
	frame := make([]byte, wire.HeaderSize+rng.IntN(300))
	for i := range frame {
		frame[i] = byte(rng.Uint32())
	}
	if rng.IntN(2) == 0 { // looks right at first
		frame, _ = wire.Append(nil, l.sim.net.ID, &wire.Keepalive{})
		frame[rng.IntN(len(frame))]++
	}
	c.link.put(frame)
}

// otherNetwork says something of another network.
func (l *liar) otherNetwork() {
	if c := l.someone(); c != nil {
		frame, err := wire.Append(nil, lattice.BetaID, &wire.TelemetryReq{})
		l.sim.must(err)
		c.link.put(frame)
	}
}

// flood sends much of one kind at once.
func (l *liar) flood() {
	c, rng := l.someone(), l.sim.world.rng
	if c == nil {
		return
	}
	kind := rng.IntN(6)
	for range 10 + rng.IntN(40) {
		number := int(rng.Uint32() >> 1)
		hash := testkit.Hash(number)
		switch kind {
		case 0:
			c.say(&wire.ConfirmReq{Blocks: []wire.ConfirmEntry{{Account: testkit.AccountOf(l.rep), Hash: hash}}})
		case 1:
			c.say(&wire.PullReq{ID: rng.Uint64(), Mode: wire.PullByHash, Key: hash, Count: 128})
		case 2:
			c.say(&wire.FrontierReq{ID: rng.Uint64(), Start: lattice.Account(hash), Count: wire.MaxFrontiers})
		case 3:
			v := lattice.Vote{Representative: lattice.Account(hash), Timestamp: l.when(), Hashes: []lattice.Hash{hash}}
			c.say(&wire.Vote{Vote: v})
		case 4:
			if len(l.blocks) > 0 {
				c.say(&wire.Publish{Block: l.blocks[rng.IntN(len(l.blocks))]})
			}
		case 5:
			c.say(l.orphan(number))
		}
	}
}

// orphan is a valid block of an account, after one that nobody has.
func (l *liar) orphan(number int) *wire.Publish {
	w := testkit.NewWallet(l.sim.net, l.rep)
	w.Info.Frontier, w.Info.Height, w.Info.Balance = testkit.Hash(number), 1, lattice.AmountFrom(100)
	return &wire.Publish{Block: *w.Send(testkit.AccountOf(key(1)), lattice.AmountFrom(1))}
}

// badSignature sends a true block with another signature, so that the true one
// may be taken for a repeat.
func (l *liar) badSignature() {
	c, rng := l.someone(), l.sim.world.rng
	if c == nil || len(l.blocks) == 0 {
		return
	}
	b := l.blocks[len(l.blocks)-1-rng.IntN(min(4, len(l.blocks)))]
	if rng.IntN(2) == 0 { // one that is not known yet: an honest wallet's next
		for _, w := range l.sim.wallets {
			if w.pending != nil {
				b = *w.pending
			}
		}
	}
	b.Signature = crypto.Signature{1: byte(rng.Uint32())}
	c.say(&wire.Publish{Block: b})
}

// forge votes in the name of an honest representative.
func (l *liar) forge() {
	c, rng := l.someone(), l.sim.world.rng
	if c == nil || len(l.hashes) == 0 {
		return
	}
	rep := testkit.AccountOf(l.sim.repKey(rng.IntN(l.sim.opt.Nodes)))
	hash := l.hashes[len(l.hashes)-1-rng.IntN(min(4, len(l.hashes)))]
	c.say(&wire.Vote{Vote: lattice.Vote{Representative: rep, Timestamp: l.when(), Hashes: []lattice.Hash{hash}}})
}

// steal sends what an honest wallet has to the liar, without its signature.
func (l *liar) steal() {
	c, rng := l.someone(), l.sim.world.rng
	if c == nil || len(l.sim.wallets) == 0 {
		return
	}
	w := l.sim.wallets[rng.IntN(len(l.sim.wallets))].w
	if w.Info.Balance.IsZero() {
		return
	}
	l.sim.knowAccount(testkit.AccountOf(l.rep))
	b := *w.Send(testkit.AccountOf(l.rep), w.Info.Balance)
	b.Signature = l.rep.Sign(b.Account[:])
	c.say(&wire.Publish{Block: b})
}

// badWork sends a true block whose work is not enough.
func (l *liar) badWork() {
	if c := l.someone(); c != nil && len(l.blocks) > 0 {
		b := l.blocks[len(l.blocks)-1]
		b.Work++
		c.say(&wire.Publish{Block: b})
	}
}

// maxWeakTries bounds the search for work that is a little too weak: one of some
// eighty is.
const maxWeakTries = 1000

// weaken passes a block on as soon as it is seen, with work that is enough for one
// that receives and not for one that sends: only who has the ledger can tell.
func (l *liar) weaken(b lattice.Block) {
	for range maxWeakTries {
		b.Work++
		if v := work.Value(b.Root(), b.Work); v >= l.sim.net.LowestThreshold() && v < l.sim.net.SendThreshold {
			break
		}
	}
	for _, c := range l.conns {
		if !c.closed && c.handshake == nil {
			c.say(&wire.Publish{Block: b})
		}
	}
}

// gossip names peers: itself under many names, and nobody.
func (l *liar) gossip() {
	c, rng := l.someone(), l.sim.world.rng
	if c == nil {
		return
	}
	m := &wire.Keepalive{}
	for i := range 1 + rng.IntN(wire.MaxKeepalivePeers) {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{172, 16 + byte(i), byte(rng.Uint32()), 1}), 7176)
		if l.sim.opt.Public {
			a = l.sim.opt.liarAddress(i+wire.MaxKeepalivePeers*rng.IntN(32), 250) // of their providers
		}
		if i == 0 {
			a = l.host.address
		}
		m.Peers = append(m.Peers, a)
	}
	c.say(m)
}

// hangUp leaves.
func (l *liar) hangUp() {
	if c := l.someone(); c != nil {
		c.link.Close()
		c.closed = true
	}
}

// lieAboutBlocks answers a pull.
func (l *liar) lieAboutBlocks(c *lie, q *wire.PullReq) {
	rng := l.sim.world.rng
	if l.schemes() {
		c.say(&wire.PullAck{ID: q.ID, Status: wire.PullUnknown})
		return
	}
	if rng.IntN(100) < liarSilence {
		return
	}
	ack := &wire.PullAck{ID: q.ID}
	switch kind := rng.IntN(6); {
	case kind == 0:
		ack.Status = wire.PullUnknown
	case kind == 1:
		ack.Status = wire.PullBusy
	case kind == 2:
		ack.Status, ack.PrunedHeight = wire.PullPruned, 1+rng.Uint64N(1000)
	case kind == 3:
		ack.ID++ // was never asked
	case len(l.blocks) > 0: // something, whatever was asked for
		ack.FirstHeight = max(1, q.StartHeight)
		for range 1 + rng.IntN(3) {
			b := l.blocks[rng.IntN(len(l.blocks))]
			b.Account = lattice.Account(q.Key)
			ack.Blocks = append(ack.Blocks, b)
		}
	}
	c.say(ack)
}

// lieAboutFrontiers answers a request for a page: accounts that do not exist,
// heights that nobody has.
func (l *liar) lieAboutFrontiers(c *lie, q *wire.FrontierReq) {
	rng := l.sim.world.rng
	if l.schemes() {
		c.say(&wire.FrontierAck{ID: q.ID})
		return
	}
	if rng.IntN(100) < liarSilence {
		return
	}
	ack := &wire.FrontierAck{ID: q.ID}
	var accounts []lattice.Account
	for range rng.IntN(5) {
		accounts = append(accounts, lattice.Account(testkit.Hash(int(rng.Uint32()>>1))))
	}
	for i := range l.blocks {
		accounts = append(accounts, l.blocks[i].Account)
	}
	slices.SortFunc(accounts, func(a, b lattice.Account) int { return slices.Compare(a[:], b[:]) })
	for _, a := range slices.Compact(accounts) {
		if slices.Compare(a[:], q.Start[:]) >= 0 && len(ack.Frontiers) < int(q.Count) {
			ack.Frontiers = append(ack.Frontiers, wire.Frontier{Account: a, Hash: testkit.Hash(int(rng.Uint32() >> 1)), Height: 1 + rng.Uint64N(1<<rng.IntN(21))})
		}
	}
	c.say(ack)
}

// lieAboutVotes answers a request for votes: with one for what was asked, or for
// another block.
func (l *liar) lieAboutVotes(c *lie, q *wire.ConfirmReq) {
	rng := l.sim.world.rng
	if !l.can(voteBoth) || rng.IntN(100) < liarSilence {
		return
	}
	v := lattice.Vote{Timestamp: l.when(), Hashes: []lattice.Hash{q.Blocks[rng.IntN(len(q.Blocks))].Hash}}
	l.sign(&v)
	c.say(&wire.Vote{Vote: v})
}
