package bootstrap

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

// MaxHeads is the largest number of parts of the account space that are
// scanned at once.
const MaxHeads = 64

// head scans one part of the account space, page by page.
type head struct {
	first, last lattice.Account // the part
	cursor      lattice.Account // where the next page starts
	done        bool            // in this round

	// The page that is asked for.
	asked int // open requests
	got   int // answers
	// reach is the account up to which all answers go; beyond is set while all of
	// them go to the end of the space.
	reach  lattice.Account
	beyond bool
	seen   map[lattice.Account]lattice.Hash // told for this page already
	retry  time.Time                        // after a page that nobody answered
}

// scan is the state of the search for accounts that are behind: rounds over
// the whole account space, with a rest between them.
type scan struct {
	heads   []*head
	running bool // a round
	partial bool // the round began before the last restart
	probed  bool // the first page of the round came
	found   int  // accounts that this round found behind
	pulled  bool // blocks that were pulled were inserted since the last round ended
	fast    bool // no pauses between pages
	calm    bool // the last round found nothing, and nothing was heard of since

	rest             time.Duration
	restUntil, ended time.Time
	nextPage         time.Time
	restMin, restMax time.Duration
	pages            uint64
	rounds           uint64
	accounts         uint64 // frontiers compared
}

func newScan(cfg Config) scan {
	s := scan{fast: true, rest: cfg.RestMin, restMin: cfg.RestMin, restMax: cfg.RestMax}
	for i := range cfg.Heads {
		h := &head{first: bound(i, cfg.Heads)}
		h.last = before(bound(i+1, cfg.Heads))
		h.cursor = h.first
		s.heads = append(s.heads, h)
	}
	return s
}

// bound returns the first account of part i of n.
func bound(i, n int) (a lattice.Account) {
	if i < n {
		binary.BigEndian.PutUint64(a[:8], uint64(i)*(^uint64(0)/uint64(n)+1))
		if n == 1 {
			return lattice.Account{}
		}
	}
	return a
}

// before returns the account before a, which for the first one is the last.
func before(a lattice.Account) lattice.Account {
	for i := len(a) - 1; i >= 0; i-- {
		if a[i]--; a[i] != 0xff {
			break
		}
	}
	return a
}

// start begins a round now: there is somebody to ask after there was nobody.
func (s *scan) start(now time.Time) {
	s.fast, s.calm, s.rest, s.restUntil = true, false, s.restMin, now
	s.nextPage = now
	s.partial = s.running // what a round has passed already may have changed
}

// nudge cuts a rest short, though not below the shortest, and has a calm round go
// on at the common pace.
func (s *scan) nudge(now time.Time) {
	s.rest = s.restMin
	s.excite(now)
	if until := s.ended.Add(s.restMin); until.Before(s.restUntil) {
		s.restUntil = until
	}
}

// excite ends the calm: there may be something to find.
func (s *scan) excite(now time.Time) {
	if s.calm {
		s.calm, s.nextPage = false, now
	}
}

func (s *scan) begin() {
	s.running, s.partial, s.probed, s.found = true, false, false, 0
	for _, h := range s.heads {
		h.cursor, h.done = h.first, false
	}
}

// end finishes a round. Nothing found, or found again and nobody has it: the
// rest gets longer each time. A round that was only the second half of one is
// followed by a whole one at once.
func (s *scan) end(now time.Time) {
	s.running = false
	s.rounds++
	s.ended = now
	switch {
	case s.partial:
		s.rest, s.restUntil = s.restMin, now
	case s.found > 0 && s.pulled:
		s.rest, s.restUntil, s.fast, s.calm = s.restMin, now.Add(s.restMin), true, false
	default:
		s.restUntil, s.fast, s.calm = now.Add(s.rest), false, s.found == 0
		s.rest = min(2*s.rest, s.restMax)
	}
	s.pulled = false
}

// askFrontiers asks for the next pages. The first page of a round goes alone: in
// a small ledger it is the whole round.
func (c *Client) askFrontiers(now time.Time, rng *rand.Rand) {
	s := &c.scan
	if !s.running {
		if len(c.peers) == 0 || now.Before(s.restUntil) {
			return
		}
		s.begin()
	}
	for _, h := range s.heads {
		if h.done || h.asked > 0 {
			if h.asked > 0 && !s.probed {
				return
			}
			continue
		}
		if c.accounts() >= c.cfg.MaxAccounts/2 || !s.fast && now.Before(s.nextPage) {
			return
		}
		if !now.Before(h.retry) {
			c.askPage(h, now, rng)
		}
		if !s.probed {
			return
		}
	}
}

// askPage asks several peers for the same page: those first that were not asked
// for the longest time, so that each peer is heard, a new one soon.
func (c *Client) askPage(h *head, now time.Time, rng *rand.Rand) {
	var able []*peer
	open := 0
	for _, p := range c.peers {
		if c.usable(p, now) && !now.Before(p.distrusted) {
			able = append(able, p)
		}
	}
	for _, r := range c.open {
		if r.Kind == AskFrontiers {
			open++
		}
	}
	n, wait := min(c.cfg.PeersPerPage, len(able)), c.cfg.PagePause
	if c.scan.calm {
		if wait = c.cfg.CalmPause; c.scan.probed {
			n = min(n, 1) // each round another one
		}
	}
	if n == 0 || open+n > max(c.cfg.MaxInFlight/2, n) || len(c.open)+n > c.cfg.MaxInFlight {
		return
	}
	rng.Shuffle(len(able), func(i, j int) { able[i], able[j] = able[j], able[i] })
	slices.SortStableFunc(able, func(a, b *peer) int { return cmp.Compare(a.lastPage, b.lastPage) })
	c.scan.pages++
	c.scan.nextPage = now.Add(wait)
	h.asked, h.got, h.beyond, h.seen = n, 0, true, nil
	for _, p := range able[:n] {
		p.lastPage = c.scan.pages
		c.send(&request{head: h, Request: Request{Kind: AskFrontiers, Account: h.cursor, Count: c.cfg.PageSize}}, p, now)
	}
}

// Frontiers takes a page of frontiers. It is checked as a whole; if anything is
// wrong with it nothing of it is used, and the peer is blamed. Each frontier is
// compared with the local ledger. An error is the ledger's; what came before it
// counts.
func (c *Client) Frontiers(conn peering.ConnID, id uint64, page []Frontier, local Ledger, now time.Time) error {
	r := c.answered(conn, id, AskFrontiers, now)
	if r == nil {
		return nil
	}
	if why := checkFrontiers(&r.Request, page); why != 0 {
		c.blame(conn, why)
		c.pageAnswered(r.head, now)
		return nil
	}
	h := r.head
	if len(page) == r.Count {
		if end := page[len(page)-1].Account; h.beyond || less(end, h.reach) {
			h.reach, h.beyond = end, false
		}
	}
	h.got++
	err := c.comparePage(h, conn, page, local, now)
	c.pageAnswered(h, now)
	return err
}

// checkFrontiers checks a page against its request; 0 means that it is in order.
func checkFrontiers(q *Request, page []Frontier) Reason {
	if len(page) > q.Count {
		return TooMany
	}
	for i := range page {
		switch {
		case i == 0 && less(page[0].Account, q.Account):
			return WrongStart
		case i > 0 && !less(page[i-1].Account, page[i].Account), page[i].Height == 0, page[i].Hash.IsZero():
			return NotConsecutive
		}
	}
	return 0
}

// comparePage makes tasks of the accounts of which a peer has more.
func (c *Client) comparePage(h *head, conn peering.ConnID, page []Frontier, local Ledger, now time.Time) error {
	if h.seen == nil {
		h.seen = make(map[lattice.Account]lattice.Hash, len(page))
	}
	for i := range page {
		f := &page[i]
		if told, twice := h.seen[f.Account]; twice && told == f.Hash {
			continue
		}
		h.seen[f.Account] = f.Hash
		c.scan.accounts++
		info, err := local.Account(f.Account)
		have := here
		if err == nil {
			have, err = c.compare(f, &info, local)
		}
		if err != nil {
			return ledgerError("compare its frontier", f.Account, err)
		}
		switch have {
		case contradicted:
			c.blame(conn, WrongChain)
			return nil
		case ahead, forked:
			c.scan.excite(now)
			c.behind(f, conn, info.Height, have == forked)
		}
	}
	return nil
}

// behind makes a task of a frontier that is not here, or raises the target of
// the task there is.
func (c *Client) behind(f *Frontier, conn peering.ConnID, have uint64, forked bool) {
	t := c.tasks[key{ByAccount, f.Account}]
	if t == nil {
		c.scan.found++
		if t = c.add(key{ByAccount, f.Account}, false); t == nil {
			return
		}
		t.forked = forked
	} else if t.via != conn {
		t.others = true
	}
	t.have = have
	if t.target.Height < f.Height && (!t.voted || t.target.Height == 0) {
		t.target, t.via = *f, conn
	}
}

// pageAnswered counts one request of a page as dealt with. After the last one
// the heads move on, as far as all who answered went: one of them that tells
// less than there is cannot make us skip what the others told.
func (c *Client) pageAnswered(h *head, now time.Time) {
	if h.asked--; h.asked > 0 {
		return
	}
	h.seen = nil
	if h.got == 0 {
		h.retry = now.Add(c.cfg.RetryMin)
		return
	}
	from := h.cursor
	for _, x := range c.scan.heads {
		if x.done || x.asked > 0 || less(x.cursor, from) || !h.beyond && less(h.reach, x.cursor) {
			continue
		}
		next, more := after(h.reach)
		if h.beyond || !more || less(x.last, next) {
			x.done = true
			continue
		}
		x.cursor = next
	}
	c.scan.probed = true
	if !slices.ContainsFunc(c.scan.heads, func(x *head) bool { return !x.done }) {
		c.scan.end(now)
	}
}

func less(a, b lattice.Account) bool { return slices.Compare(a[:], b[:]) < 0 }

// Progress is how far the scan is, to be saved over a restart.
type Progress struct {
	Cursors []lattice.Account // per head
	Done    []bool            // per head: its part is scanned in this round
}

// Progress returns how far the scan is; the zero value between two rounds, and in
// a calm one: it is not worth a write, since after a restart all is compared again.
func (c *Client) Progress() (p Progress) {
	if !c.scan.running || c.scan.calm {
		return p
	}
	for _, h := range c.scan.heads {
		p.Cursors = append(p.Cursors, h.cursor)
		p.Done = append(p.Done, h.done)
	}
	return p
}

// Restore continues a round where an earlier run was. Progress made with other
// settings, or none, is ignored. It is called before the first PeerUp.
func (c *Client) Restore(p Progress) {
	heads := c.scan.heads
	if len(p.Cursors) != len(heads) || len(p.Done) != len(heads) || !slices.Contains(p.Done, false) {
		return
	}
	for i, h := range heads {
		if less(p.Cursors[i], h.first) || less(h.last, p.Cursors[i]) {
			return
		}
	}
	c.scan.begin()
	c.scan.partial, c.scan.probed = true, true
	for i, h := range heads {
		h.cursor, h.done = p.Cursors[i], p.Done[i]
	}
}

const progressVersion = 1

// AppendBinary appends the stored form: a version byte, the number of heads, and
// per head whether it is done and its cursor. It never fails.
func (p Progress) AppendBinary(to []byte) ([]byte, error) {
	to = append(to, progressVersion, byte(len(p.Cursors)))
	for i, a := range p.Cursors {
		done := byte(0)
		if p.Done[i] {
			done = 1
		}
		to = append(append(to, done), a[:]...)
	}
	return to, nil
}

// UnmarshalBinary reads the stored form.
func (p *Progress) UnmarshalBinary(from []byte) error {
	if len(from) < 2 || from[0] != progressVersion {
		return errors.New("bootstrap: saved progress is not of version 1; it is only a shortcut and may be deleted")
	}
	n := int(from[1])
	if n > MaxHeads || len(from) != 2+33*n {
		return fmt.Errorf("bootstrap: saved progress of %d bytes for %d heads, want %d; it is only a shortcut and may be deleted", len(from), n, 2+33*n)
	}
	out := Progress{}
	for from = from[2:]; len(from) > 0; from = from[33:] {
		if from[0] > 1 {
			return fmt.Errorf("bootstrap: saved progress has flag %d, want 0 or 1; it is only a shortcut and may be deleted", from[0])
		}
		out.Done = append(out.Done, from[0] == 1)
		out.Cursors = append(out.Cursors, lattice.Account(from[1:33]))
	}
	*p = out
	return nil
}
