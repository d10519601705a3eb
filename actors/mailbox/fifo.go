package mailbox

// queue is the user lane. Its methods are called under the mailbox's lock.
type queue interface {
	// push adds e. If that pushed another entry out, victim is that one; if e did not
	// fit, err says why and nothing has changed.
	push(e entry, from Source, policy Policy) (victim entry, err error)
	// pop takes the next entry in the order of service. The queue must not be empty.
	pop() entry
	len() int
	// sources is the number of different sources that have entries queued.
	sources() int
	oldest() (at int64, ok bool)
}

// fifo is the plain queue: first in, first out, one bound.
type fifo struct {
	ring
	capacity int
}

func (q *fifo) push(e entry, _ Source, policy Policy) (victim entry, err error) {
	if q.n >= q.capacity {
		if policy != DropOldest {
			return entry{}, ErrFull
		}
		victim = q.pop()
	}
	q.ring.push(e)
	return victim, nil
}

func (q *fifo) len() int     { return q.n }
func (q *fifo) sources() int { return 0 }
