package mailbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func peer(id uint64, weight uint8) Source { return Source{Kind: "peer", ID: id, Weight: weight} }

func from(s Source, name string) *note { return &note{name: name, from: s} }

// One source that floods fills only its own line and takes only its own turns.
func TestFairFlood(t *testing.T) {
	r := newRig(t, Config{Capacity: 1000, PerSource: 10})
	for i := range 500 {
		err := r.TryPost(from(peer(1, 0), "F"))
		if want := i >= 10; errors.Is(err, ErrFull) != want {
			t.Fatalf("flood message %d: %v", i, err)
		}
	}
	for id := uint64(2); id <= 5; id++ {
		for range 2 {
			if err := r.TryPost(from(peer(id, 0), fmt.Sprint(id))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.TryPost(signal("c")); err != nil {
		t.Fatal(err)
	}
	r.run()
	r.want("order", r.handled(), "[c F 2 3 4 5 F 2 3 4 5 F F F F F F F F]")
	r.check()
}

func TestFairWeights(t *testing.T) {
	r := newRig(t, Config{Capacity: 100, PerSource: 50})
	for range 6 {
		r.PostUserMessage(from(peer(1, 3), "a"))
		r.PostUserMessage(from(peer(2, 0), "b"))
		r.PostUserMessage(from(peer(3, 2), "c"))
	}
	r.run()
	r.want("order", r.handled(), "[a a a b c c a a a b c c b c c b b b]")
}

// Sources of different kinds with the same number are different, and no source is one too.
func TestFairKeys(t *testing.T) {
	r := newRig(t, Config{Capacity: 10, PerSource: 1})
	for _, s := range []Source{{}, {Kind: "peer"}, {Kind: "peer", ID: 1}, {Kind: "rpc", ID: 1}} {
		if err := r.TryPost(from(s, s.String())); err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
	if err := r.TryPost("a message that does not know its source"); !errors.Is(err, ErrFull) {
		t.Errorf("the default line of 1 took 2: %v", err)
	}
	if s := r.Stats(); s.Sources != 4 {
		t.Errorf("%d sources", s.Sources)
	}
}

// When all of it is full, who has little queued takes the place of who has most.
func TestFairLongestQueueGivesWay(t *testing.T) {
	for _, policy := range []Policy{RejectNewest, DropOldest} {
		r := newRig(t, Config{Capacity: 6, PerSource: 4, Policy: policy})
		long := notes("a0", "a1", "a2", "a3")
		for _, n := range long {
			n.from = peer(1, 0)
			r.PostUserMessage(n)
		}
		r.PostUserMessage(from(peer(2, 0), "b0"))
		r.PostUserMessage(from(peer(2, 0), "b1"))
		if err := r.TryPost(from(peer(3, 0), "c0")); err != nil {
			t.Fatalf("a new source was locked out: %v", err)
		}
		victim, order := long[3], "[a0 b0 c0 a1 b1 a2]"
		if policy == DropOldest {
			victim, order = long[0], "[a1 b0 c0 a2 b1 a3]"
		}
		victim.wantRefused(t, ErrDropped)
		// a: 3, b: 2, c: 1. The longest line itself gets no more.
		if err := r.TryPost(from(peer(1, 0), "a4")); policy == RejectNewest && !errors.Is(err, ErrFull) {
			t.Errorf("the longest line grew: %v", err)
		}
		if policy == DropOldest {
			order = "[a2 b0 c0 a3 b1 a4]" // its own oldest made room
		}
		r.run()
		r.want("order", r.handled(), order)
		r.check()
	}
}

func TestFairSourcesAreBoundedAndForgotten(t *testing.T) {
	r := newRig(t, Config{Capacity: 100, PerSource: 5, Sources: 3})
	for round := range uint64(50) {
		for id := range uint64(3) {
			if err := r.TryPost(from(peer(1+id+3*round, 0), "x")); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if err := r.TryPost(from(peer(9999, 0), "x")); !errors.Is(err, ErrFull) {
			t.Fatalf("a fourth source: %v", err)
		}
		if err := r.TryPost("no source"); err != nil {
			t.Fatalf("messages without a source do not count: %v", err)
		}
		r.run()
	}
	q := r.user.(*fair)
	if len(q.lines) != 0 || q.first != nil || q.last != nil || len(q.free) > freeLines {
		t.Errorf("not forgotten: %d lines, %d free", len(q.lines), len(q.free))
	}
}

// twin is the fair queue as one would explain it: a list of lists.
type twin struct {
	capacity, perSource, sources int
	round                        []*twinLine
	budget                       int
}

type twinLine struct {
	key    Source // without weight
	weight int
	names  []string
}

func (q *twin) len() (n int) {
	for _, l := range q.round {
		n += len(l.names)
	}
	return n
}

func (q *twin) push(name string, from Source, policy Policy) (victim string, ok bool) {
	key, weight := Source{Kind: from.Kind, ID: from.ID}, max(1, int(from.Weight))
	own := &twinLine{key: key}
	known, named := false, 0
	for _, l := range q.round {
		if l.key == key {
			own, known = l, true
		}
		if l.key != (Source{}) {
			named++
		}
	}
	if !known && key != (Source{}) && named >= q.sources {
		return "", false
	}
	drop := func(l *twinLine, oldest bool) {
		if oldest {
			victim, l.names = l.names[0], l.names[1:]
		} else {
			victim, l.names = l.names[len(l.names)-1], l.names[:len(l.names)-1]
		}
	}
	if len(own.names) >= q.perSource {
		if policy != DropOldest {
			return "", false
		}
		drop(own, true)
	} else if q.len() >= q.capacity {
		longest := q.round[0]
		for _, l := range q.round {
			if float64(len(l.names))/float64(l.weight) > float64(len(longest.names))/float64(longest.weight) {
				longest = l
			}
		}
		share := float64(len(own.names)+1) / float64(weight)
		switch {
		case longest != own && len(longest.names) > 1 && share < float64(len(longest.names))/float64(longest.weight):
			drop(longest, policy == DropOldest)
		case policy == DropOldest && len(own.names) > 0:
			drop(own, true)
		default:
			return "", false
		}
	}
	if !known {
		q.round = append(q.round, own)
	}
	own.weight = weight
	own.names = append(own.names, name)
	return victim, true
}

func (q *twin) pop() string {
	l := q.round[0]
	if q.budget == 0 {
		q.budget = l.weight
	}
	name := l.names[0]
	l.names = l.names[1:]
	q.budget--
	if len(l.names) == 0 || q.budget == 0 {
		q.budget = 0
		q.round = q.round[1:]
		if len(l.names) > 0 {
			q.round = append(q.round, l)
		}
	}
	return name
}

func TestFairAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 20).Draw(t, "capacity")
		perSource := rapid.IntRange(1, capacity).Draw(t, "perSource")
		sources := rapid.IntRange(1, 6).Draw(t, "sources")
		real, model := newFair(capacity, perSource, sources), &twin{capacity: capacity, perSource: perSource, sources: sources}
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "op") == 0 {
				if real.len() > 0 {
					if got, want := real.pop().message, model.pop(); got != any(want) {
						t.Fatalf("pop %v, want %v", got, want)
					}
				}
			} else {
				s := Source{ID: rapid.Uint64Range(0, 7).Draw(t, "id"), Weight: rapid.Uint8Range(0, 4).Draw(t, "weight")}
				if s.ID > 0 {
					s.Kind = "peer"
				}
				policy := Policy(rapid.IntRange(0, 1).Draw(t, "policy"))
				name := fmt.Sprint(i)
				victim, err := real.push(entry{message: name, at: int64(i)}, s, policy)
				wantVictim, ok := model.push(name, s, policy)
				if (err == nil) != ok || (victim.message != nil || wantVictim != "") && victim.message != any(wantVictim) {
					t.Fatalf("push: victim %v, %v; want %q, %v", victim.message, err, wantVictim, ok)
				}
			}
			if real.len() != model.len() || real.sources() != len(model.round) || real.len() > capacity {
				t.Fatalf("len %d of %d sources, want %d of %d", real.len(), real.sources(), model.len(), len(model.round))
			}
			if at, ok := real.oldest(); ok != (model.len() > 0) || ok && fmt.Sprint(at) != model.oldest() {
				t.Fatalf("oldest %d, want %s", at, model.oldest())
			}
		}
	})
}

func (q *twin) oldest() string {
	best := ""
	for _, l := range q.round {
		if n := l.names[0]; best == "" || len(n) < len(best) || len(n) == len(best) && strings.Compare(n, best) < 0 {
			best = n
		}
	}
	return best
}
