package bootstrap

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Stats is what the client has done, and how full it is.
type Stats struct {
	Phase string // no peers, paused, pulling, scanning, resting

	Peers       int
	Accounts    int    // behind, waiting or being asked for
	Blocked     int    // waiting for a source
	Missing     uint64 // blocks between the local frontiers and those that peers told, of these accounts
	Scanned     int    // per cent of the account space in this round; 100 between rounds and in calm ones
	Sources     int    // blocks asked for by hash
	InFlight    int
	Outstanding int // blocks asked for or delivered, not heard of yet

	// PrunedAccounts is how many accounts cannot be had because all who were asked
	// have pruned what is next, up to maxPrunedAway; Pruned is the first of them.
	PrunedAccounts int
	Pruned         PrunedAway

	Rounds    uint64 // scans of all accounts
	Pages     uint64
	Compared  uint64 // frontiers
	Requests  uint64
	Timeouts  uint64
	Late      uint64  // answers after their timeout
	Bad       uint64  // answers discarded, and lies
	GivenUp   uint64  // accounts and sources that nobody had
	Delivered uint64  // blocks
	Inserted  uint64  // blocks, of any origin
	Rate      float64 // blocks inserted per second, over the last ten to twenty seconds
}

// Stats returns what the client has done.
func (c *Client) Stats(now time.Time) Stats {
	s := c.stats
	s.Peers, s.Accounts, s.Blocked, s.Sources = len(c.peers), c.accounts(), c.blocked.Len(), c.sources
	s.InFlight, s.Outstanding = len(c.open), c.outstanding
	s.Rounds, s.Pages, s.Compared = c.scan.rounds, c.scan.pages, c.scan.accounts
	s.Rate = c.meter.rate(now)
	if s.PrunedAccounts = len(c.pruned); s.PrunedAccounts > 0 {
		s.Pruned = c.pruned[0].PrunedAway
	}
	s.Scanned = c.scan.percent()
	for _, t := range c.tasks { // a sum: the order does not matter
		if t.target.Height > t.have {
			s.Missing += t.target.Height - t.have
		}
	}
	switch {
	case len(c.peers) == 0:
		s.Phase = "no peers"
	case c.paused || now.Before(c.pausedUntil):
		s.Phase = "paused"
	case s.Accounts+s.Blocked+s.Sources > 0:
		s.Phase = "pulling"
	case c.scan.running && !c.scan.calm:
		s.Phase = "scanning"
	default:
		s.Phase = "resting"
	}
	return s
}

// percent returns how much of the account space this round has passed.
func (s *scan) percent() int {
	if !s.running || s.calm {
		return 100
	}
	const part = 1 << 20
	var passed uint64
	for _, h := range s.heads {
		if h.done {
			passed += part
			continue
		}
		at, first, last := leading(h.cursor), leading(h.first), leading(h.last)
		passed += uint64(float64(at-first) / (float64(last-first) + 1) * part)
	}
	return int(passed * 100 / (part * uint64(len(s.heads))))
}

// leading is the first 8 bytes of an account as a number.
func leading(a lattice.Account) uint64 { return binary.BigEndian.Uint64(a[:8]) }

// String describes the state for transcripts.
func (c *Client) String() string {
	var b strings.Builder
	if c.voted.Len() > 0 {
		fmt.Fprintf(&b, "voted for %d, ", c.voted.Len())
	}
	fmt.Fprintf(&b, "peers %d, urgent %d, scanned %d, waiting %d, delivered %d, blocked %d, sources %d, open %d, outstanding %d\n",
		len(c.peers), c.urgent.Len(), c.scanned.Len(), c.waiting.Len(), c.delivered.Len(), c.blocked.Len(), c.sources, len(c.open), c.outstanding)
	if !c.scan.running {
		fmt.Fprintf(&b, "scan resting, rounds %d, pages %d\n", c.scan.rounds, c.scan.pages)
		return b.String()
	}
	fmt.Fprintf(&b, "scan running, rounds %d, pages %d, found %d:", c.scan.rounds, c.scan.pages, c.scan.found)
	for _, h := range c.scan.heads {
		switch {
		case h.done:
			b.WriteString(" done")
		default:
			fmt.Fprintf(&b, " %s", short(h.cursor))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// meter counts events in two windows, the last whole one and the present one.
type meter struct {
	start      time.Time
	last, this uint64
}

const meterWindow = 10 * time.Second

func (m *meter) tick(now time.Time) {
	switch passed := now.Sub(m.start); {
	case passed >= 2*meterWindow:
		m.start, m.last, m.this = now, 0, 0
	case passed >= meterWindow:
		m.start, m.last, m.this = m.start.Add(meterWindow), m.this, 0
	}
}

func (m *meter) add(now time.Time) {
	m.tick(now)
	m.this++
}

func (m *meter) rate(now time.Time) float64 {
	m.tick(now)
	return float64(m.last+m.this) / (meterWindow + now.Sub(m.start)).Seconds()
}

// String describes a request for transcripts.
func (q Request) String() string {
	switch {
	case q.Kind == AskFrontiers:
		return fmt.Sprintf("ask %d #%d frontiers from %s count %d", q.Conn, q.ID, short(q.Account), q.Count)
	case q.Mode == ByHash:
		return fmt.Sprintf("ask %d #%d block %s count %d", q.Conn, q.ID, short(q.Hash), q.Count)
	}
	return fmt.Sprintf("ask %d #%d account %s from height %d count %d", q.Conn, q.ID, short(q.Account), q.Height, q.Count)
}
