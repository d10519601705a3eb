package mailbox

import "fmt"

// Why a fair queue refuses although it may have room.
var (
	errSourceFull  = fmt.Errorf("%w: the source's share is taken", ErrFull)
	errSourceLimit = fmt.Errorf("%w: too many sources", ErrFull)
)

const (
	freeLines    = 16 // emptied lines kept for the next source
	freeLineRing = 64 // of at most this many entries
)

// fair is a queue with one line per source, served in deficit round robin: the source at
// the front of the round is served up to its weight, then goes to the back.
//
// Overflow of the whole is settled like a shared switch buffer ("longest queue
// drop"): a source with little queued takes its place from the one with the
// most, relative to weight. Without that, many sources together could fill the
// queue and lock out the one that is nearly idle, for instance the local user.
type fair struct {
	capacity, perSource, maxSources int

	lines       map[lineKey]*line
	first, last *line // the round, linked by next
	budget      int   // what the first line may still take in this visit; 0 = visit not begun
	n           int
	free        []*line
}

type lineKey struct {
	kind string
	id   uint64
}

// line is the queue of one source. It exists only while it has entries.
type line struct {
	ring
	key    lineKey
	weight int
	next   *line
}

func newFair(capacity, perSource, maxSources int) *fair {
	return &fair{capacity: capacity, perSource: perSource, maxSources: maxSources, lines: make(map[lineKey]*line)}
}

func (q *fair) push(e entry, from Source, policy Policy) (victim entry, err error) {
	key := lineKey{from.Kind, from.ID}
	weight := max(1, int(from.Weight))
	l := q.lines[key]
	queued := 0
	if l != nil {
		queued = l.n
	}
	switch {
	case l == nil && q.named() >= q.maxSources && key != lineKey{}:
		return entry{}, errSourceLimit
	case queued >= q.perSource && policy == DropOldest:
		victim = q.dropOldest(l)
	case queued >= q.perSource:
		return entry{}, errSourceFull
	case q.n >= q.capacity:
		if victim, err = q.makeRoom(l, queued, weight, policy); err != nil {
			return entry{}, err
		}
	}
	if l == nil {
		l = q.open(key)
	}
	l.weight = weight
	l.ring.push(e)
	q.n++
	return victim, nil
}

// makeRoom takes one entry out of a full queue for a source that has queued entries of its own.
func (q *fair) makeRoom(own *line, queued, weight int, policy Policy) (victim entry, err error) {
	// Not from a line of one: only pop takes a line out of the round.
	if l := q.longest(); l != own && l.n > 1 && lighter(queued+1, weight, l.n, l.weight) {
		if policy == DropOldest {
			return q.dropOldest(l), nil
		}
		q.n--
		return l.popNewest(), nil
	}
	if policy == DropOldest && queued > 0 {
		return q.dropOldest(own), nil
	}
	return entry{}, ErrFull
}

func (q *fair) dropOldest(l *line) entry {
	q.n--
	return l.ring.pop()
}

// longest is the line with the most entries relative to its weight, the first of them in the
// round. It looks at every source: only a queue that is full in all pays for that.
func (q *fair) longest() *line {
	var most *line
	for l := q.first; l != nil; l = l.next {
		if most == nil || lighter(most.n, most.weight, l.n, l.weight) {
			most = l
		}
	}
	return most
}

// lighter compares n/weight of two lines.
func lighter(n, weight, otherN, otherWeight int) bool {
	return int64(n)*int64(otherWeight) < int64(otherN)*int64(weight) // 64 bits: MaxCapacity * 255 does not fit in 32
}

// open adds an empty line at the back of the round.
func (q *fair) open(key lineKey) *line {
	var l *line
	if i := len(q.free) - 1; i >= 0 {
		l, q.free = q.free[i], q.free[:i]
		l.key = key
	} else {
		l = &line{key: key}
	}
	q.lines[key] = l
	q.append(l)
	return l
}

func (q *fair) append(l *line) {
	if q.last == nil {
		q.first = l
	} else {
		q.last.next = l
	}
	q.last = l
}

func (q *fair) pop() entry {
	l := q.first
	if q.budget == 0 {
		q.budget = l.weight
	}
	e := l.ring.pop()
	q.n--
	q.budget--
	if l.n > 0 && q.budget > 0 {
		return e
	}
	// The visit is over: the line goes to the back of the round, or is forgotten.
	q.budget = 0
	q.first = l.next
	if q.first == nil {
		q.last = nil
	}
	l.next = nil
	if l.n > 0 {
		q.append(l)
	} else {
		q.forget(l)
	}
	return e
}

func (q *fair) forget(l *line) {
	delete(q.lines, l.key)
	if len(q.free) < freeLines && len(l.buf) <= freeLineRing {
		l.key = lineKey{}
		q.free = append(q.free, l)
	}
}

// named is the number of sources without the zero one.
func (q *fair) named() int {
	if _, ok := q.lines[lineKey{}]; ok {
		return len(q.lines) - 1
	}
	return len(q.lines)
}

func (q *fair) len() int     { return q.n }
func (q *fair) sources() int { return len(q.lines) }

func (q *fair) oldest() (at int64, ok bool) {
	for l := q.first; l != nil; l = l.next {
		if a, _ := l.ring.oldest(); !ok || a < at {
			at, ok = a, true
		}
	}
	return at, ok
}
