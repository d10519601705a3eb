package election

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

var seed = flag.Uint64("seed", 0, "play only this seed of the network tests")

// seeds calls f with the seed asked for, or with n of them.
func seeds(t *testing.T, n uint64, f func(t *testing.T, r *rand.Rand)) {
	first, last := uint64(1), n
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for s := first; s <= last && !t.Failed(); s++ {
		f(t, rand.New(rand.NewPCG(s, 7)))
		if t.Failed() {
			t.Logf("again: go test -run '^%s$' -seed=%d", t.Name(), s)
		}
	}
}

// network is some nodes with one representative each, and votes on their way
// between them. A node has no ledger but what its election says.
type network struct {
	r     *rand.Rand
	now   time.Time
	w     *scale
	nodes []*node
	mail  []letter
	delay time.Duration // of a letter, at most
	loss  float64
	root  lattice.QualifiedRoot
	block map[lattice.Hash]lattice.Block
}

type node struct {
	rep       lattice.Account
	byzantine bool // says what it likes
	m         *Elections
	cache     map[lattice.Hash][]letter // votes for blocks that are not here
	final     lattice.Hash              // the one final vote
	last      lattice.Hash              // the last normal vote
	lastAt    time.Time
	confirmed lattice.Hash
	downUntil time.Time
}

type letter struct {
	to        int
	at        time.Time
	rep       lattice.Account
	timestamp uint64 // 0: not a vote but the block itself
	hash      lattice.Hash
}

// newNetwork returns nodes with weights that sum up to 100 smn; delta is 67.
func newNetwork(r *rand.Rand, weights []int) *network {
	n := &network{
		r: r, now: time.Unix(1_700_000_000, 0), delay: 2 * time.Second,
		w:     &scale{of: map[lattice.Account]lattice.Amount{}, delta: smn(67)},
		block: map[lattice.Hash]lattice.Block{},
	}
	for i, weight := range weights {
		rep := lattice.Account{byte(i + 1)}
		n.w.of[rep] = smn(weight)
		n.nodes = append(n.nodes, &node{rep: rep, m: New(Config{}, lattice.Beta(), n.w), cache: map[lattice.Hash][]letter{}})
	}
	return n
}

// send puts a letter to everybody into the mail.
func (n *network) send(rep lattice.Account, timestamp uint64, hash lattice.Hash) {
	for to := range n.nodes {
		n.sendTo(to, rep, timestamp, hash)
	}
}

func (n *network) sendTo(to int, rep lattice.Account, timestamp uint64, hash lattice.Hash) {
	if n.r.Float64() < n.loss {
		return
	}
	at := n.now.Add(time.Duration(n.r.Int64N(int64(n.delay) + 1)))
	n.mail = append(n.mail, letter{to, at, rep, timestamp, hash})
}

// arrive hands a letter to a node.
func (n *network) arrive(l letter) {
	d := n.nodes[l.to]
	if n.now.Before(d.downUntil) {
		return
	}
	if l.timestamp == 0 {
		n.meet(d, l.hash)
		return
	}
	if d.m.Vote(l.rep, l.timestamp, l.hash, n.now) == Indeterminate {
		d.cache[l.hash] = append(d.cache[l.hash], l)
		n.sendTo(l.to, l.rep, 0, l.hash) // a block that others vote for is asked for by its hash
	}
}

// meet lets a node have a block: the first one starts its election.
func (n *network) meet(d *node, hash lattice.Hash) {
	b := n.block[hash]
	started, _ := d.m.Start(Candidate{Block: b, Hash: hash}, n.now)
	if started || d.m.Fork(b, hash, smn(100), n.now) {
		for _, l := range d.cache[hash] {
			d.m.Replay(l.rep, l.timestamp, l.hash, n.now)
		}
		delete(d.cache, hash)
	}
}

// step lets 250 ms pass.
func (n *network) step() {
	n.now = n.now.Add(250 * time.Millisecond)
	late := n.mail[:0]
	var due []letter
	for _, l := range n.mail {
		if l.at.After(n.now) {
			late = append(late, l)
		} else {
			due = append(due, l)
		}
	}
	n.mail = late
	n.r.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for _, l := range due {
		n.arrive(l)
	}
	for i, d := range n.nodes {
		if d.downUntil.After(n.now) {
			continue
		}
		if !d.downUntil.IsZero() {
			n.wake(i)
		}
		d.m.Tick(n.now)
		n.obey(i)
	}
}

// losePower takes from a node what is not synced to its disk, which is all but its
// final vote and the block that it is for. What is on its way to it is lost, too.
func (n *network) losePower(i int, down time.Duration) {
	d := n.nodes[i]
	n.mail = slices.DeleteFunc(n.mail, func(l letter) bool { return l.to == i })
	*d = node{rep: d.rep, m: New(Config{TimeToLive: time.Hour}, lattice.Beta(), n.w), cache: map[lattice.Hash][]letter{}, final: d.final, downUntil: n.now.Add(down)}
}

// wake starts a node that had lost power.
func (n *network) wake(i int) {
	d := n.nodes[i]
	d.downUntil = time.Time{}
	if !d.final.IsZero() {
		n.meet(d, d.final)
	}
}

// obey does what a node's machine wants: an honest one votes as it says, keeps
// its spacing and its one final vote.
func (n *network) obey(i int) {
	d := n.nodes[i]
	r := d.m.Ready()
	for _, c := range r.Confirmed {
		d.confirmed = c.Hash
	}
	for _, s := range r.Switch {
		d.m.Inserted(s.Root, s.Winner)
	}
	if d.byzantine {
		return
	}
	for _, p := range r.Publish {
		n.send(d.rep, 0, p.Hash)
	}
	for _, s := range r.Solicit {
		for _, asked := range n.nodes {
			if !asked.byzantine && asked.downUntil.IsZero() && !slices.Contains(s.Exclude, asked.rep) {
				n.answer(i, asked)
			}
		}
	}
	for _, v := range r.VoteNormal {
		if !d.final.IsZero() {
			continue // bound by it
		}
		if v.Hash == d.last || n.now.Sub(d.lastAt) >= 15*time.Second {
			d.last, d.lastAt = v.Hash, n.now
			n.send(d.rep, lattice.VoteTimestamp(n.now), v.Hash)
		}
	}
	for _, v := range r.VoteFinal {
		if d.final.IsZero() {
			d.final = v.Hash
		}
		n.send(d.rep, lattice.FinalTimestamp, d.final)
	}
}

// answer sends what a node's representative has to say to one who asks: its
// final vote, also for a block that was confirmed here without it.
func (n *network) answer(to int, asked *node) {
	if asked.final.IsZero() {
		asked.final = asked.confirmed
	}
	switch {
	case !asked.final.IsZero():
		n.sendTo(to, asked.rep, lattice.FinalTimestamp, asked.final)
	case !asked.last.IsZero():
		n.sendTo(to, asked.rep, lattice.VoteTimestamp(asked.lastAt), asked.last)
	}
}

// forks makes competing blocks of the one root.
func (n *network) forks(count int) []lattice.Hash {
	var hashes []lattice.Hash
	for range count {
		b := lattice.Block{Account: lattice.Account{9}, Work: n.r.Uint64()}
		h := lattice.Beta().HashOf(&b)
		h[0] = byte(n.r.Uint32())
		n.block[h] = b
		n.root = b.QualifiedRoot()
		hashes = append(hashes, h)
	}
	return hashes
}

// begin lets every node meet one of the blocks first.
func (n *network) begin(hashes []lattice.Hash) {
	for i, d := range n.nodes {
		n.meet(d, hashes[n.r.IntN(len(hashes))])
		n.obey(i)
	}
}

// split cuts 100 smn into random weights.
func split(r *rand.Rand, parts int) []int {
	weights := make([]int, parts)
	for range 100 {
		weights[r.IntN(parts)]++
	}
	return weights
}

// TestHonestNetworkDecides: whatever fork each node sees first, honest nodes
// that hear most of what the others say decide, all for the same block, within the life of an
// election.
func TestHonestNetworkDecides(t *testing.T) {
	var slowest time.Duration
	seeds(t, 150, func(t *testing.T, r *rand.Rand) {
		n := newNetwork(r, split(r, 2+r.IntN(8)))
		n.loss = float64(r.IntN(4)) * 0.1
		n.delay = time.Duration(1+r.IntN(8)) * time.Second
		hashes := n.forks(1 + r.IntN(MaxBlocks))
		n.begin(hashes)
		start := n.now
		for n.now.Sub(start) < 5*time.Minute {
			n.step()
			if n.decided() {
				break
			}
		}
		slowest = max(slowest, n.now.Sub(start))
		n.wantDecision(t)
	})
	t.Logf("slowest decision after %v", slowest)
}

// pull lets a node fetch the block that another one has in its ledger.
func (n *network) pull() {
	to, from := n.nodes[n.r.IntN(len(n.nodes))], n.nodes[n.r.IntN(len(n.nodes))]
	if has, ok := from.m.Info(n.root); ok && to.downUntil.IsZero() {
		n.meet(to, has.Winner)
	}
}

// TestForgottenVotesDecide: honest nodes that lose power in the midst of it, so that
// they forget what they saw and how they voted, and make another block in the same
// place, decide in the end, all for the same block.
func TestForgottenVotesDecide(t *testing.T) {
	var slowest time.Duration
	seeds(t, 150, func(t *testing.T, r *rand.Rand) {
		n := newNetwork(r, split(r, 2+r.IntN(6)))
		n.loss = float64(r.IntN(4)) * 0.1
		n.delay = time.Duration(1+r.IntN(8)) * time.Second
		hashes := n.forks(2 + r.IntN(MaxBlocks-1))
		for i, d := range n.nodes {
			d.m = New(Config{TimeToLive: time.Hour}, lattice.Beta(), n.w)
			if r.IntN(2) == 0 {
				n.meet(d, hashes[0])
				n.obey(i)
			}
		}
		start := n.now
		for n.now.Sub(start) < 15*time.Minute && !n.decided() {
			if n.now.Sub(start) < time.Minute {
				if i := r.IntN(len(n.nodes)); r.IntN(20) == 0 {
					n.losePower(i, time.Duration(1+r.IntN(30))*time.Second)
				}
				if i := r.IntN(len(n.nodes)); r.IntN(20) == 0 && n.nodes[i].downUntil.IsZero() {
					n.meet(n.nodes[i], hashes[r.IntN(len(hashes))])
				}
			}
			if n.now.Sub(start) == time.Minute+10*time.Second { // whoever made it says it once more
				n.meet(n.nodes[0], hashes[0])
			}
			n.pull()
			n.step()
		}
		slowest = max(slowest, n.now.Sub(start))
		n.wantDecision(t)
	})
	t.Logf("slowest decision after %v", slowest)
}

// TestByzantineThirdCannotSplit: with less than a third of the weight saying
// anything to anybody, final votes for everything included, and letters lost,
// no two honest nodes confirm different blocks.
func TestByzantineThirdCannotSplit(t *testing.T) {
	decided := 0
	seeds(t, 150, func(t *testing.T, r *rand.Rand) {
		weights := split(r, 4+r.IntN(7))
		n := newNetwork(r, weights)
		n.loss = r.Float64() * 0.3
		n.corrupt(weights)
		hashes := n.forks(2 + r.IntN(MaxBlocks))
		n.begin(hashes)
		for range 4 * 200 {
			n.lie(hashes)
			n.step()
		}
		if err := n.agreed(); err != nil {
			t.Error(err)
		}
		if n.decided() {
			decided++
		}
	})
	t.Logf("decided in spite of it: %d", decided)
}

// TestThirdCannotStall: while less than a third of the weight says anything to
// anybody, for blocks that nobody else has seen, honest nodes that have met the same
// block first decide, all for the same block, within the life of an election.
func TestThirdCannotStall(t *testing.T) {
	var slowest time.Duration
	seeds(t, 100, func(t *testing.T, r *rand.Rand) {
		weights := split(r, 4+r.IntN(7))
		n := newNetwork(r, weights)
		n.loss = r.Float64() * 0.3
		n.corrupt(weights)
		hashes := n.forks(MaxBlocks)
		n.begin(hashes[:1])
		start := n.now
		for n.now.Sub(start) < 5*time.Minute && !n.decided() {
			n.lie(hashes)
			n.step()
		}
		slowest = max(slowest, n.now.Sub(start))
		n.wantDecision(t)
	})
	t.Logf("slowest decision after %v", slowest)
}

// corrupt makes byzantine whose weights together are less than a third of the 100.
func (n *network) corrupt(weights []int) {
	evil := 0
	for i, weight := range weights {
		if evil+weight <= 33 {
			evil += weight
			n.nodes[i].byzantine = true
		}
	}
}

// lie has half of the byzantine say something about one of the blocks to somebody.
func (n *network) lie(hashes []lattice.Hash) {
	for _, d := range n.nodes {
		if !d.byzantine || n.r.IntN(2) == 0 {
			continue
		}
		ts := lattice.VoteTimestamp(n.now)
		if n.r.IntN(2) == 0 {
			ts = lattice.FinalTimestamp
		}
		h, to := hashes[n.r.IntN(len(hashes))], n.r.IntN(len(n.nodes))
		n.sendTo(to, d.rep, ts, h)
		n.sendTo(to, d.rep, 0, h)
	}
}

// wantDecision fails unless all honest nodes have confirmed the same block.
func (n *network) wantDecision(t *testing.T) {
	t.Helper()
	if err := n.agreed(); err != nil {
		t.Error(err)
	} else if !n.decided() {
		t.Errorf("no decision:\n%v", n)
	}
}

// decided reports whether all honest nodes confirmed a block.
func (n *network) decided() bool {
	for _, d := range n.nodes {
		if !d.byzantine && d.confirmed.IsZero() {
			return false
		}
	}
	return true
}

// agreed reports two honest nodes that confirmed different blocks.
func (n *network) agreed() error {
	var block lattice.Hash
	for _, d := range n.nodes {
		switch {
		case d.byzantine, d.confirmed.IsZero(), d.confirmed == block:
		case block.IsZero():
			block = d.confirmed
		default:
			return fmt.Errorf("%s and %s are both confirmed:\n%v", short(block), short(d.confirmed), n)
		}
	}
	return nil
}

// String shows what each node thinks.
func (n *network) String() (s string) {
	for _, d := range n.nodes {
		s += fmt.Sprintf("%x %v smn, final %s, confirmed %s: %v", d.rep[:1], n.w.of[d.rep], short(d.final), short(d.confirmed), d.m)
	}
	return s
}
