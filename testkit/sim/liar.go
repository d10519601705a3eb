package sim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
	"github.com/smallnano/smallnano/wire"
)

// Bounds of what a liar remembers and does.
const (
	liarBlocks  = 128
	liarVotes   = 64
	liarWords   = 16
	liarConns   = 12
	firstLiar   = 100 // owner number of the first
	liarSilence = 20  // of a hundred requests it does not answer
)

// liar is an adversary: a host of its own that speaks the wire protocol as
// it likes. One with weight is a byzantine representative too.
type liar struct {
	sim    *Sim
	number int
	owner  *owner
	host   *host
	rep    crypto.PrivateKey // votes with this key
	tricks []trick
	every  time.Duration
	lives  int // identities so far
	conns  []*lie
	blocks []lattice.Block    // seen last
	hashes []lattice.Hash     // of blocks
	votes  []lattice.Vote     // seen last
	words  []wire.Attestation // of others, heard last
	hoard  hoard
	// pair is the last double spend that it has made up its mind about.
	pair [2]lattice.Hash
}

// lie is one connection of a liar.
type lie struct {
	liar      *liar
	link      *link
	node      crypto.PublicKey // of the liar, here
	handshake *wire.Handshaker // nil when it is over
	closed    bool
}

// newLiar puts an adversary on the network.
func (s *Sim) newLiar(number int, tricks []trick) *liar {
	l := &liar{
		sim: s, number: number, owner: &owner{id: firstLiar + number}, rep: s.liarKey(number),
		tricks: tricks, every: 20*time.Millisecond + s.draw(200*time.Millisecond),
	}
	l.host = &host{network: s.network, owner: l.owner}
	l.host.accept = func(m messages.Link) { l.took(m.(*link), true) }
	l.newIdentity()
	s.liars = append(s.liars, l)
	l.again()
	return l
}

// liarKey is the key of a liar's representative.
func (s *Sim) liarKey(number int) crypto.PrivateKey { return key(4_000_000 + number) }

// again lets the liar act for as long as it lives.
func (l *liar) again() {
	l.sim.world.after(l.owner, l.sim.draw(l.every), func() {
		if l.owner.dead {
			return
		}
		l.act()
		l.again()
	})
}

// act connects to somebody, or plays a trick on somebody it is connected to.
func (l *liar) act() {
	rng := l.sim.world.rng
	l.forgetClosed()
	if len(l.conns) == 0 || len(l.conns) < liarConns && rng.IntN(10) == 0 {
		l.dial(l.sim.opt.address(l.victim()))
		return
	}
	if len(l.tricks) == 0 {
		return
	}
	if i, found := l.stranger(); found {
		l.dial(l.sim.opt.address(i))
		return
	}
	l.tricks[rng.IntN(len(l.tricks))].play(l)
}

// schemes reports whether the liar plays a trick for which it has to be heard by
// all: it connects to every node and does nothing else for which it could be banned,
// so that the story is the same with any seed.
func (l *liar) schemes() bool { return l.can(voteStubborn) || l.can(voteFavour) }

// stranger returns a node that a liar who schemes has no connection to.
func (l *liar) stranger() (node int, found bool) {
	if !l.schemes() {
		return 0, false
	}
	for i, n := range l.sim.nodes {
		host := l.sim.opt.address(i).Addr()
		if n.Alive() && !slices.ContainsFunc(l.conns, func(c *lie) bool { return c.link.remote.Addr() == host }) {
			return i, true
		}
	}
	return 0, false
}

// victim draws a node to connect to.
func (l *liar) victim() int {
	if l.sim.opt.Eclipse > 0 {
		return l.sim.opt.Eclipse
	}
	return l.sim.world.rng.IntN(len(l.sim.nodes))
}

// newIdentity gives the liar another address and another node key.
func (l *liar) newIdentity() {
	if l.host.hosts[l.host.address] == l.host {
		delete(l.host.hosts, l.host.address)
	}
	l.lives++
	l.host.address = l.sim.opt.liarAddress(l.number, l.lives)
	l.host.hosts[l.host.address] = l.host
}

// liarAddress is where a liar listens in one of its lives. On a public network the
// liars have four providers, as many as it takes to fill all that a node dials.
func (o *Options) liarAddress(number, life int) netip.AddrPort {
	if o.Public {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{172, 200 + byte(number%4), byte(number), byte(life)}), 7176)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{172, 16, byte(number), byte(life)}), 7176)
}

func (l *liar) forgetClosed() {
	kept := l.conns[:0]
	for _, c := range l.conns {
		if !c.closed {
			kept = append(kept, c)
		}
	}
	clear(l.conns[len(kept):])
	l.conns = kept
}

func (l *liar) dial(to netip.AddrPort) {
	if l.sim.world.rng.IntN(4) == 0 {
		l.newIdentity()
	}
	l.host.Dial(to, 5*time.Second, func(m messages.Link, err error) {
		if err == nil {
			l.took(m.(*link), false)
		}
	})
}

// took begins to talk on a connection.
func (l *liar) took(k *link, inbound bool) {
	if len(l.conns) >= 2*liarConns {
		l.forgetClosed()
		if len(l.conns) >= 2*liarConns {
			k.Close()
			return
		}
	}
	network := l.sim.net
	if l.can(otherGenesis) && l.sim.world.rng.IntN(4) == 0 {
		other := *network
		other.GenesisHash[0]++
		network = &other
	}
	cfg := wire.HandshakeConfig{
		Network: network, NodeKey: key(5_000_000 + 1000*l.number + l.lives), PeeringPort: 7176,
		Sign: l.sim.sign, Verify: func(c crypto.Check) bool { return l.sim.verify([]crypto.Check{c})[0] },
	}
	c := &lie{liar: l, link: k, node: cfg.NodeKey.Public()}
	if inbound {
		c.handshake = wire.NewListener(cfg, l.cookie())
	} else {
		c.handshake = wire.NewDialer(cfg, l.cookie())
	}
	l.conns = append(l.conns, c)
	k.Start(c.receive, func(error) { c.closed = true })
	if l.can(halfOpen) && l.sim.world.rng.IntN(3) == 0 {
		return // and never says a word
	}
	for _, m := range c.handshake.Start() {
		c.say(m)
	}
}

func (l *liar) cookie() (c wire.Cookie) {
	for i := range c {
		c[i] = byte(l.sim.world.rng.Uint32())
	}
	return c
}

func (l *liar) can(t trick) bool {
	for _, have := range l.tricks {
		if have.name == t.name {
			return true
		}
	}
	return false
}

// someone returns a connection that is open for messages, nil for none.
func (l *liar) someone() *lie {
	var open []*lie
	for _, c := range l.conns {
		if !c.closed && c.handshake == nil {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[l.sim.world.rng.IntN(len(open))]
}

// say sends a message in its legal form. What has none is not said.
func (c *lie) say(m wire.Message) {
	frame, err := wire.Append(nil, c.liar.sim.net.ID, m)
	if err != nil {
		c.liar.sim.violate("simulation", "a liar cannot say %v: %v", m.Type(), err)
	}
	if p, ok := m.(*wire.Publish); ok && p.Block.Account == testkit.AccountOf(c.liar.rep) {
		c.liar.sim.know(&p.Block)
	}
	c.link.put(frame)
}

// receive takes a frame from a node.
func (c *lie) receive(f *messages.FrameArrived) {
	f.Credit.(*mailbox.Credit).Release()
	m, err := wire.Decode(wire.Header{Type: wire.Type(f.Type), Length: len(f.Body)}, f.Body)
	if err != nil {
		return // of another liar
	}
	if c.handshake == nil {
		c.hear(m)
		return
	}
	reply, done, err := c.handshake.Step(m)
	if err != nil {
		c.link.Close()
		c.closed = true
		return
	}
	for _, r := range reply {
		c.say(r)
	}
	if done {
		c.handshake = nil
		c.attest()
	}
}

// attest says who votes here: the liar, or one of others by what it has told the liar.
func (c *lie) attest() {
	l := c.liar
	if l.can(attestOthers) && len(l.words) > 0 {
		c.say(&l.words[l.sim.world.rng.IntN(len(l.words))])
		return
	}
	c.say(&wire.Attestation{List: []wire.Attested{wire.Attest(l.sim.net, c.node, l.rep, l.sim.sign)}})
}

// hear remembers what may be of use and answers what it is asked.
func (c *lie) hear(m wire.Message) {
	l := c.liar
	switch m := m.(type) {
	case *wire.Publish:
		l.saw(&m.Block)
	case *wire.Vote:
		if len(l.votes) >= liarVotes {
			l.votes = l.votes[1:]
		}
		l.votes = append(l.votes, m.Vote)
	case *wire.Attestation:
		if len(l.words) >= liarWords {
			l.words = l.words[1:]
		}
		l.words = append(l.words, *m)
	case *wire.PullReq:
		if l.can(hoards) {
			l.serveBlocks(c, m)
			return
		}
		l.lieAboutBlocks(c, m)
	case *wire.FrontierReq:
		if l.can(hoards) {
			l.serveFrontiers(c, m)
			return
		}
		l.lieAboutFrontiers(c, m)
	case *wire.ConfirmReq:
		l.lieAboutVotes(c, m)
	}
}

func (l *liar) saw(b *lattice.Block) {
	hash := l.sim.net.HashOf(b)
	for _, h := range l.hashes {
		if h == hash {
			return
		}
	}
	if len(l.blocks) >= liarBlocks {
		l.blocks, l.hashes = l.blocks[1:], l.hashes[1:]
	}
	l.blocks, l.hashes = append(l.blocks, *b), append(l.hashes, hash)
	if l.can(weakWork) {
		l.weaken(*b)
	}
}

// stop ends the liar and all it holds.
func (l *liar) stop() {
	for _, c := range l.conns {
		c.link.Close()
	}
	l.owner.dead = true
	l.host.crash()
}
