package bucket

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/smallnano/smallnano/messages/lattice"
)

// candidate returns the block number n of a bucket, used at a second.
func candidate(b int, n byte, used int64) Candidate {
	root := lattice.QualifiedRoot{Account: lattice.Account{byte(b) + 1, n}}
	return Candidate{
		Root: root, Hash: lattice.Hash{byte(b) + 1, n}, Balance: NewTable(Shift)[b], Used: time.Unix(used, 0),
		Block: &lattice.Block{Account: root.Account},
	}
}

// dumb is a scheduler that keeps two lists and looks through them every time.
type dumb struct {
	cfg              Config
	reserved         int
	waiting, running []dumbEntry
	turn, lent       int
}

type dumbEntry struct {
	c       Candidate
	bucket  int
	adopted bool
}

// in returns what a bucket has in a list, in the order of serving.
func in(list []dumbEntry, bucket int) []dumbEntry {
	var out []dumbEntry
	for _, e := range list {
		if e.bucket == bucket {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b dumbEntry) int {
		if c := a.c.Used.Truncate(usePeriod).Compare(b.c.Used.Truncate(usePeriod)); c != 0 {
			return c
		}
		return strings.Compare(a.c.Hash.String(), b.c.Hash.String())
	})
	return out
}

func drop(list []dumbEntry, root lattice.QualifiedRoot) []dumbEntry {
	return slices.DeleteFunc(list, func(e dumbEntry) bool { return e.c.Root == root })
}

func has(list []dumbEntry, root lattice.QualifiedRoot) bool {
	return slices.ContainsFunc(list, func(e dumbEntry) bool { return e.c.Root == root })
}

func (d *dumb) push(e dumbEntry) {
	if has(d.running, e.c.Root) {
		return
	}
	d.waiting = append(drop(d.waiting, e.c.Root), e)
	if all := in(d.waiting, e.bucket); len(all) > d.cfg.Queue {
		d.waiting = drop(d.waiting, all[len(all)-1].c.Root)
	}
}

// next returns the root that starts and the one that makes room, if any.
func (d *dumb) next() (start, cancel lattice.QualifiedRoot, ok bool) {
	for i := range Count {
		b := (d.turn + i) % Count
		waits, runs := in(d.waiting, b), in(d.running, b)
		if len(waits) == 0 {
			continue
		}
		victim, largest, borrowed := -1, 0, 0
		for v := range Count {
			borrowed += max(0, len(in(d.running, v))-d.reserved)
			if len(in(d.running, v)) > len(in(d.running, largest)) {
				largest = v
			}
		}
		switch {
		case len(runs) < d.reserved && len(d.running) >= d.cfg.Elections:
			victim = largest
		case len(runs) < d.reserved:
		case len(runs) < d.cfg.Max && borrowed < min(d.lent, d.cfg.Elections-Count*d.reserved):
		case len(runs) < d.cfg.Max && len(in(d.running, largest)) > len(runs)+1:
			victim = largest
		case len(runs) > 0 && in([]dumbEntry{waits[0], runs[len(runs)-1]}, b)[0].c.Root == waits[0].c.Root:
			victim = b
		default:
			continue
		}
		d.waiting = drop(d.waiting, waits[0].c.Root)
		if victim >= 0 {
			all := in(d.running, victim)
			last := all[len(all)-1]
			cancel = last.c.Root
			d.running = drop(d.running, cancel)
			if !last.adopted {
				d.push(last)
			}
		}
		d.running = append(d.running, waits[0])
		d.turn = (b + 1) % Count
		return waits[0].c.Root, cancel, true
	}
	return start, cancel, false
}

// TestSchedulerAgainstDumb does the same to both and compares every answer.
func TestSchedulerAgainstDumb(t *testing.T) {
	table := NewTable(Shift)
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			Queue:     rapid.IntRange(1, 5).Draw(t, "queue"),
			Reserved:  rapid.IntRange(1, 2).Draw(t, "reserved"),
			Elections: rapid.SampledFrom([]int{3, Count, Count + 3, 2 * Count}).Draw(t, "elections"),
		}
		cfg.Max = cfg.Reserved + rapid.IntRange(0, 3).Draw(t, "max")
		s := NewScheduler(cfg, table)
		d := &dumb{cfg: cfg, reserved: min(cfg.Reserved, cfg.Elections/Count), lent: cfg.Elections}
		buckets := rapid.SampledFrom([][]int{{5}, {0, 61}, {1, 2, 3}}).Draw(t, "buckets")
		if rapid.Bool().Draw(t, "crowd") { // others fill the elections up to their shares and beyond
			var running []Candidate
			for i := range cfg.Elections {
				running = append(running, candidate(10+i%40, byte(i/40), int64(i)))
			}
			s.Reset(running)
			for _, c := range running {
				d.running = append(d.running, dumbEntry{c, table.Index(c.Balance), true})
			}
		}
		pick := func(t *rapid.T) Candidate {
			b := rapid.SampledFrom(buckets).Draw(t, "bucket")
			return candidate(b, byte(rapid.IntRange(0, 12).Draw(t, "n")), int64(rapid.IntRange(0, 20).Draw(t, "used")))
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				c := pick(t)
				if has(d.waiting, c.Root) { // the time of a known block does not change
					if got := s.Push(c); got != Known {
						t.Fatalf("pushed again: %v", got)
					}
					return
				}
				known := has(d.running, c.Root)
				d.push(dumbEntry{c: c, bucket: table.Index(c.Balance)})
				want := map[bool]string{true: "in", false: "out"}[has(d.waiting, c.Root)]
				switch got := s.Push(c); {
				case known && got != Known,
					!known && want == "in" && got != Queued && got != Displaced,
					!known && want == "out" && got != Overfull:
					t.Fatalf("push: %v, want %s", got, want)
				}
			},
			"next": func(t *rapid.T) {
				got, ok := s.Next()
				start, cancel, want := d.next()
				cancels := []lattice.QualifiedRoot{cancel}
				if cancel == (lattice.QualifiedRoot{}) {
					cancels = nil
				}
				if ok != want || ok && (got.Root != start || !slices.Equal(got.Cancel, cancels)) {
					t.Fatalf("next: %v %v %x %x, want %v %x %x\n%v", ok, got.Bucket, got.Root.Account[:2], got.Cancel, want, start.Account[:2], cancels, s)
				}
				if ok && (got.Block == nil || got.Block.Account != got.Root.Account) {
					t.Fatalf("next: without its block")
				}
			},
			"lend": func(t *rapid.T) {
				d.lent = rapid.IntRange(0, cfg.Elections).Draw(t, "lent")
				s.Lend(d.lent)
			},
			"ended": func(t *rapid.T) {
				c := pick(t)
				b := table.Index(c.Balance)
				within := has(d.running, c.Root) && len(in(d.running, b)) <= d.reserved && len(in(d.waiting, b)) == 0
				if got := s.Within(c.Root); got != within {
					t.Fatalf("within its share: %v, want %v", got, within)
				}
				s.Ended(c.Root)
				d.running = drop(d.running, c.Root)
			},
			"gone": func(t *rapid.T) {
				c := pick(t)
				s.Gone(c.Root, c.Hash)
				d.waiting = drop(d.waiting, c.Root)
			},
			"": func(t *rapid.T) {
				if err := checkScheduler(s, d); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

func checkScheduler(s *Scheduler, d *dumb) error {
	if s.Waiting() != len(d.waiting) || s.Running() != len(d.running) {
		return fmt.Errorf("%d wait, %d run, want %d and %d", s.Waiting(), s.Running(), len(d.waiting), len(d.running))
	}
	for b, st := range s.Stats() {
		waits, runs := in(d.waiting, b), in(d.running, b)
		if st.Waiting != len(waits) || st.Running != len(runs) || st.Waiting > d.cfg.Queue {
			return fmt.Errorf("bucket %d: %d wait, %d run, want %d and %d", b, st.Waiting, st.Running, len(waits), len(runs))
		}
		for ahead, e := range waits {
			p, ok := s.Position(e.c.Root)
			if !ok || p.Running || p.Bucket != b || p.Ahead != ahead {
				return fmt.Errorf("bucket %d: position %+v, want %d ahead", b, p, ahead)
			}
		}
	}
	if len(d.running) > d.cfg.Elections {
		return fmt.Errorf("%d run", len(d.running))
	}
	return nil
}

// TestTurns: every bucket is served in turn however many wait in another.
func TestTurns(t *testing.T) {
	s := NewScheduler(Config{}, NewTable(Shift))
	for n := range byte(100) {
		s.Push(candidate(0, n, int64(n))) // a flood of dust
	}
	s.Push(candidate(40, 1, 1000))
	s.Push(candidate(61, 1, 2000))
	var order []int
	for {
		start, ok := s.Next()
		if !ok {
			break
		}
		order = append(order, start.Bucket)
	}
	if want := []int{0, 40, 61}; !slices.Equal(order[:3], want) {
		t.Errorf("served %v first, want %v", order[:3], want)
	}
	if len(order) != 100+2 {
		t.Errorf("%d started, want all: there are places that nobody else wants", len(order))
	}
	if want := "0: runs"; !strings.HasPrefix(s.String(), want) {
		t.Errorf("state %q", s)
	}
}

// TestReservedShare: nobody borrows what is reserved for others, and those who
// borrow most give way.
func TestReservedShare(t *testing.T) {
	s := NewScheduler(Config{Elections: Count + 20, Reserved: 1}, NewTable(Shift))
	for n := range byte(40) {
		s.Push(candidate(1, n, int64(n)))
		s.Push(candidate(2, n, int64(n)))
	}
	for range 2 + 20 {
		if start, ok := s.Next(); !ok || start.Cancel != nil {
			t.Fatalf("no room: %+v", start)
		}
	}
	if start, ok := s.Next(); ok {
		t.Fatalf("started %+v in a place that is reserved for others", start)
	}
	for n := range byte(3) {
		s.Push(candidate(50, n, 5000+int64(n)))
	}
	if start, ok := s.Next(); !ok || start.Bucket != 50 || start.Cancel != nil {
		t.Fatalf("the empty bucket got %+v, %v", start, ok)
	}
	for n, want := range []lattice.Account{{2, 10}, {3, 10}} { // of buckets 1 and 2 in turn
		start, ok := s.Next()
		if !ok || start.Bucket != 50 || len(start.Cancel) != 1 {
			t.Fatalf("the bucket with %d elections got %+v, %v", n+1, start, ok)
		}
		if got := start.Cancel[0].Account; got != want {
			t.Errorf("cancelled %x, want the most recently used, %x", got[:2], want[:2])
		}
		if p, ok := s.Position(start.Cancel[0]); !ok || p.Running || p.Ahead != 0 {
			t.Errorf("the cancelled block stands at %+v, want first in the queue", p)
		}
	}
}

// TestNodesAgree: nodes that saw the same accounts used at slightly different times
// elect mostly the same blocks, however many wait. Those that were used in another
// period keep their order.
func TestNodesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const elections, skew = 20, 100 * time.Millisecond
		one := NewScheduler(Config{Reserved: 1, Elections: elections}, NewTable(Shift))
		two := NewScheduler(Config{Reserved: 1, Elections: elections}, NewTable(Shift))
		late := 0 // fell into the next period at one of the two
		for n := range byte(120) {
			c := candidate(7, n, 0)
			c.Hash = lattice.Hash{byte(rapid.IntRange(0, 255).Draw(t, "hash")), n}
			c.Used = c.Used.Add(time.Duration(rapid.IntRange(0, 30_000).Draw(t, "used")) * time.Millisecond)
			one.Push(c)
			before := c.period()
			c.Used = c.Used.Add(time.Duration(rapid.IntRange(0, int(skew.Milliseconds())).Draw(t, "skew")) * time.Millisecond)
			two.Push(c)
			if !c.period().Equal(before) {
				late++
			}
		}
		of := func(s *Scheduler) map[lattice.QualifiedRoot]bool {
			started := map[lattice.QualifiedRoot]bool{}
			var last time.Time
			for range elections {
				c, ok := s.Next()
				if !ok || c.Used.Before(last.Truncate(usePeriod)) {
					t.Fatalf("%v: %v after %v", ok, c.Used, last)
				}
				last, started[c.Root] = c.Used, true
			}
			return started
		}
		others, missing := of(two), 0
		for root := range of(one) {
			if !others[root] {
				missing++
			}
		}
		if missing > late {
			t.Fatalf("%d of %d elections are not the other node's, and %d accounts changed the period", missing, elections, late)
		}
	})
}

// TestReplaced: a block of the same root takes the place of one that waits.
func TestReplaced(t *testing.T) {
	s := NewScheduler(Config{}, NewTable(Shift))
	a := candidate(3, 1, 10)
	b := a
	b.Hash = lattice.Hash{9}
	if s.Push(a) != Queued || s.Push(a) != Known || s.Push(b) != Queued || s.Waiting() != 1 {
		t.Fatal(s)
	}
	s.Gone(a.Root, a.Hash) // is not what waits
	if start, ok := s.Next(); !ok || start.Hash != b.Hash {
		t.Fatalf("started %+v", start)
	}
	if s.Push(a) != Known || !s.Holds(a.Root) {
		t.Error("a root that has an election was queued")
	}
}

func TestConfigs(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string // in the error; empty: none
	}{
		{Config{}, ""},
		{DefaultConfig(), ""},
		{Config{Queue: -1}, "queue is -1"},
		{Config{Reserved: 1 << 30}, "reserved is 1073741824"},
		{Config{Max: -5}, "max is -5"},
		{Config{Elections: -1}, "elections is -1"},
		{Config{Max: 3}, "max is 3, below reserved, which is 4"},
	} {
		err := c.cfg.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.want)
		}
	}
}

func BenchmarkPushNext(b *testing.B) {
	s := NewScheduler(Config{}, NewTable(Shift))
	table := NewTable(Shift)
	i := 0
	for b.Loop() {
		i++
		c := Candidate{
			Root: lattice.QualifiedRoot{Account: lattice.Account{byte(i), byte(i >> 8), byte(i >> 16)}},
			Hash: lattice.Hash{byte(i), byte(i >> 8), byte(i >> 16)}, Balance: table[i%Count], Used: time.Unix(int64(i*7919%10000), 0),
		}
		s.Push(c)
		if start, ok := s.Next(); ok {
			s.Ended(start.Root)
		}
	}
}
