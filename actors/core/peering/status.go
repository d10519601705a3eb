package peering

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Status describes an open connection.
type Status struct {
	Conn            ConnID
	Node            NodeID
	Remote          netip.AddrPort
	Listening       netip.AddrPort // zero: it does not listen
	Inbound         bool
	Since           time.Time
	Received        time.Time // last sign of life that the machine was told of
	Score           int       // 0 is good; 100 is a ban
	Principal       bool
	Needy           bool              // it cannot hear all principals itself
	Representatives []lattice.Account // attested
}

// Status returns the open connections in the order in which they began.
func (p *Peers) Status(now time.Time) []Status {
	out := []Status{}
	for _, c := range p.conns {
		if !c.open {
			continue
		}
		out = append(out, Status{
			Conn: c.id, Node: c.node, Remote: c.remote, Listening: c.listening, Inbound: c.inbound,
			Since: c.opened, Received: c.received, Score: p.offences.Score(p.offender(c), now),
			Principal: p.principal(c), Needy: p.needy(c), Representatives: slices.Clone(c.representatives),
		})
	}
	return out
}

// Open returns the number of open connections.
func (p *Peers) Open() (n int) {
	for _, c := range p.conns {
		if c.open {
			n++
		}
	}
	return n
}

// Counts is how full the machine's containers are.
type Counts struct {
	Outbound, Inbound int // slots taken, open or not yet
	Open              int
	Book              int
	Fresh, Tried      int // of the book
	Configured        int
	Offenders         int
	Bans              uint64 // begun since the machine was made
}

// Counts returns how full the machine's containers are.
func (p *Peers) Counts() Counts {
	out, in := p.taken()
	return Counts{Outbound: out, Inbound: in, Open: p.Open(), Book: len(p.book.entries),
		Fresh: p.book.count(fresh), Tried: p.book.count(tried), Configured: p.book.count(configured), Offenders: p.offences.Len(), Bans: p.offences.Bans()}
}

// MaxFresh and MaxTried are how many addresses the tables of the book can hold.
const (
	MaxFresh = bucketSize * freshBuckets
	MaxTried = bucketSize * triedBuckets
)

// Who returns who answers for what comes over a connection, one that has ended
// lately included; zero when nobody does: many share its address, and it has not
// proved who it is.
func (p *Peers) Who(id ConnID) Offender {
	if c := p.conn(id); c != nil {
		return p.offender(c)
	}
	for _, g := range p.gone {
		if g.id == id {
			return g.who
		}
	}
	return Offender{}
}

// Standing returns the score of an offender and until when it is banned; the zero
// time when it is not.
func (p *Peers) Standing(who Offender, now time.Time) (score int, until time.Time) {
	until, _ = p.offences.Banned(who, now)
	return p.offences.Score(who, now), until
}

// String describes the machine for transcripts: connections, then the book.
func (p *Peers) String() string {
	var b strings.Builder
	for _, c := range p.conns {
		direction, state := "out", "handshake"
		if c.inbound {
			direction = "in"
		}
		if c.open {
			state = "open node=" + c.node.String()
		}
		fmt.Fprintf(&b, "conn %d %s %v %s\n", c.id, direction, c.remote, state)
	}
	for _, e := range p.book.entries {
		fmt.Fprintf(&b, "book %v %v", e.addr, e.table)
		for _, flag := range []struct {
			on   bool
			name string
		}{{e.dialing, "dialing"}, {e.dialing && e.feeler, "feeler"}, {e.self, "self"}, {e.anchor, "anchor"}, {!e.seen.IsZero(), "answered"}} {
			if flag.on {
				b.WriteString(" " + flag.name)
			}
		}
		if e.fails > 0 {
			fmt.Fprintf(&b, " fails=%d", e.fails)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
