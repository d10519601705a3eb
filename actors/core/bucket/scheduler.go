package bucket

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Config is how many blocks wait and how many elections run. A field that is 0
// takes its default.
type Config struct {
	// Queue bounds the blocks that wait in one bucket. When there are more, the
	// most recently used goes. Default 128.
	Queue int
	// Reserved is how many elections a bucket may always have, whatever the others
	// do; when Elections is less than 62 times that, so much less. Default 4.
	Reserved int
	// Max is how many elections a bucket may have while there is room: it borrows
	// places that are reserved for nobody. Default: all of them.
	Max int
	// Elections is how many the buckets may have together. Default 500.
	Elections int
}

// maxConfigured bounds every number of a Config.
const maxConfigured = 1 << 20

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return Config{}.withDefaults() }

func (c Config) withDefaults() Config {
	number := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	number(&c.Queue, 128)
	number(&c.Reserved, 4)
	number(&c.Elections, 500)
	number(&c.Max, max(c.Elections, c.Reserved))
	return c
}

// Validate reports the first field that cannot be used, and what it may be.
// Zero fields are fine.
func (c Config) Validate() error {
	for _, f := range []struct {
		name  string
		value int
	}{{"queue", c.Queue}, {"reserved", c.Reserved}, {"max", c.Max}, {"elections", c.Elections}} {
		if f.value < 0 || f.value > maxConfigured {
			return fmt.Errorf("bucket config: %s is %d; use 1 to %d, or 0 for the default", f.name, f.value, maxConfigured)
		}
	}
	if d := c.withDefaults(); d.Max < d.Reserved {
		return fmt.Errorf("bucket config: max is %d, below reserved, which is %d; raise max or lower reserved", d.Max, d.Reserved)
	}
	return nil
}

// Start is a block whose turn has come.
type Start struct {
	Candidate
	Bucket int
	// Cancel is elections that have to make room first: cancel them. Telling Ended
	// afterwards does no harm. Their blocks wait again if their queue has room,
	// those that Reset named excepted.
	Cancel []lattice.QualifiedRoot
}

// Pushed is what became of a candidate.
type Pushed uint8

// The outcomes of Push.
const (
	Queued    Pushed = iota
	Displaced        // queued, and the most recently used of its bucket had to go
	Known            // waits already, or its root has an election
	Overfull         // used too recently for a place in its full bucket
)

// String returns the outcome in words.
func (p Pushed) String() string {
	if names := [...]string{"queued", "displaced another", "known", "bucket full"}; int(p) < len(names) {
		return names[p]
	}
	return fmt.Sprintf("pushed(%d)", uint8(p))
}

// Scheduler decides which block gets an election next. It takes one block of
// every bucket in turn. Make it with NewScheduler.
type Scheduler struct {
	cfg      Config
	reserved int
	table    Table

	waiting [Count]queue
	running [Count]queue
	queued  map[lattice.QualifiedRoot]place
	started map[lattice.QualifiedRoot]place
	turn    int // the bucket that is asked next
	spare   int // how many elections beyond the shares there may be
	over    int // how many there are

	stats [Count]counters
}

type place struct {
	bucket int
	hash   lattice.Hash
	used   time.Time
}

type counters struct{ pushed, started, ended, dropped, cancelled uint64 }

// NewScheduler returns an empty scheduler. The config must be valid.
func NewScheduler(cfg Config, table Table) *Scheduler {
	if err := cfg.Validate(); err != nil {
		panic("bucket: NewScheduler: " + err.Error())
	}
	cfg = cfg.withDefaults()
	return &Scheduler{
		cfg: cfg, table: table, reserved: min(cfg.Reserved, cfg.Elections/Count), spare: cfg.Elections,
		queued:  make(map[lattice.QualifiedRoot]place),
		started: make(map[lattice.QualifiedRoot]place),
	}
}

// Push adds a block that may have an election: the first unconfirmed one of its
// account, with all that it depends on confirmed. Another block of a root that
// waits takes its place.
func (s *Scheduler) Push(c Candidate) Pushed {
	if _, runs := s.started[c.Root]; runs {
		return Known
	}
	if p, waits := s.queued[c.Root]; waits {
		if p.hash == c.Hash {
			return Known
		}
		s.unqueue(c.Root)
	}
	b := s.table.Index(c.Balance)
	s.stats[b].pushed++
	return s.enqueue(b, c)
}

// enqueue puts a candidate into a bucket's queue. When that is full, the most
// recently used goes, which may be the new one.
func (s *Scheduler) enqueue(b int, c Candidate) Pushed {
	outcome, q := Queued, &s.waiting[b]
	if len(*q) >= s.cfg.Queue {
		s.stats[b].dropped++
		last := q.last()
		if last.compare(&c) <= 0 {
			return Overfull
		}
		s.unqueue(last.Root)
		outcome = Displaced
	}
	q.put(c)
	s.queued[c.Root] = place{b, c.Hash, c.Used}
	return outcome
}

func (s *Scheduler) unqueue(root lattice.QualifiedRoot) (Candidate, bool) {
	return remove(s.queued, &s.waiting, root)
}

// remove takes a root out of an index and its queue.
func remove(index map[lattice.QualifiedRoot]place, queues *[Count]queue, root lattice.QualifiedRoot) (Candidate, bool) {
	p, here := index[root]
	if !here {
		return Candidate{}, false
	}
	delete(index, root)
	q := &queues[p.bucket]
	at, found := q.search(&Candidate{Hash: p.hash, Used: p.used})
	if !found {
		panic("bucket: candidate is not where the index says")
	}
	c := (*q)[at]
	*q = slices.Delete(*q, at, at+1)
	return c, true
}

// Next returns the block whose turn it is, and false when nothing can start. It
// counts as running from then on. Call it until it returns false.
func (s *Scheduler) Next() (Start, bool) {
	for i := range Count {
		b := (s.turn + i) % Count
		if len(s.waiting[b]) == 0 {
			continue
		}
		cancel, ok := s.room(b)
		if !ok {
			continue
		}
		s.turn = (b + 1) % Count
		c := s.waiting[b].first()
		delete(s.queued, c.Root)
		start := Start{Candidate: c, Bucket: b}
		if cancel >= 0 {
			start.Cancel = []lattice.QualifiedRoot{s.cancel(cancel)}
		}
		s.run(b, c)
		s.stats[b].started++
		return start, true
	}
	return Start{}, false
}

// room reports whether the first in the queue of a bucket can start, and the
// bucket whose most recently used election has to make room for it, -1 for none.
// Nobody borrows what is reserved for others, so a bucket's own share is always
// free for it; what is left over goes to those who want it in equal parts.
func (s *Scheduler) room(b int) (cancel int, ok bool) {
	running := len(s.running[b])
	switch {
	case running < s.reserved && len(s.started) >= s.cfg.Elections: // taken over by Reset
		return s.mostOver(), true
	case running < s.reserved, running < s.cfg.Max && s.Borrowed() < min(s.spare, s.Spare()):
		return -1, true
	case running < s.cfg.Max && len(s.running[s.mostOver()]) > running+1:
		return s.mostOver(), true
	case running == 0:
		return -1, false
	}
	// No room beyond the share: only in place of one that was used more recently.
	return b, s.waiting[b][0].compare(s.running[b].last()) < 0
}

// Spare returns how many elections are nobody's share.
func (s *Scheduler) Spare() int { return s.cfg.Elections - Count*s.reserved }

// Lend sets how many of the spare elections may be had now; at first all. Those
// that run go on.
func (s *Scheduler) Lend(n int) { s.spare = max(0, n) }

// Within reports whether a root has an election, and its bucket no more of them
// than its share and none that waits. A bucket that wants more is no measure of
// how others are served: held to its share, it would keep itself there.
func (s *Scheduler) Within(root lattice.QualifiedRoot) bool {
	p, runs := s.started[root]
	return runs && len(s.running[p.bucket]) <= s.reserved && len(s.waiting[p.bucket]) == 0
}

// Borrowed returns how many elections there are beyond the shares.
func (s *Scheduler) Borrowed() int { return s.over }

// mostOver returns the bucket that has most elections beyond its share. There is
// one when all are taken and a bucket has less than its share.
func (s *Scheduler) mostOver() int {
	most := 0
	for b := range s.running {
		if len(s.running[b]) > len(s.running[most]) {
			most = b
		}
	}
	return most
}

// cancel takes the most recently used election of a bucket back into the queue.
func (s *Scheduler) cancel(b int) lattice.QualifiedRoot {
	root := s.running[b].last().Root
	c, _ := s.halt(root)
	s.stats[b].cancelled++
	if !c.adopted {
		s.enqueue(b, c)
	}
	return root
}

func (s *Scheduler) run(b int, c Candidate) {
	if len(s.running[b]) >= s.reserved {
		s.over++
	}
	s.running[b].put(c)
	s.started[c.Root] = place{b, c.Hash, c.Used}
}

// halt takes a root out of what runs.
func (s *Scheduler) halt(root lattice.QualifiedRoot) (Candidate, bool) {
	if p, runs := s.started[root]; runs && len(s.running[p.bucket]) > s.reserved {
		s.over--
	}
	return remove(s.started, &s.running, root)
}

// Ended notes that the election of a root ended, was refused, or is decided and
// only waits to be cemented: its place is free.
func (s *Scheduler) Ended(root lattice.QualifiedRoot) {
	if c, ran := s.halt(root); ran {
		s.stats[s.table.Index(c.Balance)].ended++
	}
}

// Gone notes that a block is no longer in the ledger, or was confirmed without
// an election: it waits no more.
func (s *Scheduler) Gone(root lattice.QualifiedRoot, hash lattice.Hash) {
	if p, waits := s.queued[root]; waits && p.hash == hash {
		s.unqueue(root)
	}
}

// Reset makes these the running elections, in place of what was thought to run:
// after the one who runs elections has started anew. What waits stays. They need
// no Block, since they are not started from here.
func (s *Scheduler) Reset(running []Candidate) {
	s.running, s.over = [Count]queue{}, 0
	clear(s.started)
	for _, c := range running {
		if _, twice := s.started[c.Root]; twice {
			continue
		}
		s.unqueue(c.Root)
		c.adopted = true
		s.run(s.table.Index(c.Balance), c)
	}
}

// Waiting returns how many blocks wait, Running how many elections run.
func (s *Scheduler) Waiting() int { return len(s.queued) }

// Running returns how many elections run.
func (s *Scheduler) Running() int { return len(s.started) }

// Holds reports whether a block of this root waits or has an election.
func (s *Scheduler) Holds(root lattice.QualifiedRoot) bool {
	_, waits := s.queued[root]
	_, runs := s.started[root]
	return waits || runs
}

// Position is where a root stands.
type Position struct {
	Bucket  int
	Running bool // has an election
	Ahead   int  // blocks of the bucket that are served before it
	Used    time.Time
}

// Position tells where a root stands, and false when it is not here.
func (s *Scheduler) Position(root lattice.QualifiedRoot) (Position, bool) {
	if p, runs := s.started[root]; runs {
		return Position{Bucket: p.bucket, Running: true, Used: p.used}, true
	}
	p, waits := s.queued[root]
	if !waits {
		return Position{}, false
	}
	at, _ := s.waiting[p.bucket].search(&Candidate{Hash: p.hash, Used: p.used})
	return Position{Bucket: p.bucket, Ahead: at, Used: p.used}, true
}

// Stats is the state of one bucket, and what happened in it so far.
type Stats struct {
	Bucket    int
	Min       lattice.Amount // smallest balance in it
	Waiting   int
	Running   int
	Oldest    time.Time // Used of the next to be served; zero when nothing waits
	Newest    time.Time // Used of the last to be served
	Pushed    uint64
	Started   uint64
	Ended     uint64
	Dropped   uint64 // found no place in the full queue or lost it
	Cancelled uint64 // elections that made room for another
}

// Stats returns the state of all buckets.
func (s *Scheduler) Stats() []Stats {
	all := make([]Stats, Count)
	for b := range all {
		n := s.stats[b]
		all[b] = Stats{
			Bucket: b, Min: s.table[b], Waiting: len(s.waiting[b]), Running: len(s.running[b]),
			Pushed: n.pushed, Started: n.started, Ended: n.ended, Dropped: n.dropped, Cancelled: n.cancelled,
		}
		if q := s.waiting[b]; len(q) > 0 {
			all[b].Oldest, all[b].Newest = q[0].Used, q.last().Used
		}
	}
	return all
}

// Turns returns, of each bucket, when the account was used whose block is the
// next to get an election, or when none waits, is the last that got one; zero
// for none. See Crowd.
func (s *Scheduler) Turns() (next [Count]time.Time) {
	for b := range next {
		switch {
		case len(s.waiting[b]) > 0:
			next[b] = s.waiting[b][0].Used
		case len(s.running[b]) > 0:
			next[b] = s.running[b].last().Used
		}
	}
	return next
}

// Limits returns the settings that the scheduler runs with.
func (s *Scheduler) Limits() Config {
	c := s.cfg
	c.Reserved = s.reserved
	return c
}

// String shows one line for each bucket that is not empty.
func (s *Scheduler) String() string {
	var out strings.Builder
	line := func(what string, q queue) {
		if len(q) == 0 {
			return
		}
		fmt.Fprintf(&out, " %s", what)
		for i := range q {
			fmt.Fprintf(&out, " %x", q[i].Hash[:2])
		}
	}
	for b := range Count {
		if len(s.waiting[b])+len(s.running[b]) == 0 {
			continue
		}
		fmt.Fprintf(&out, "%d:", b)
		line("runs", s.running[b])
		line("waits", s.waiting[b])
		out.WriteByte('\n')
	}
	return out.String()
}
