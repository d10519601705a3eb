package mailbox

// entry is one queued message, as it was posted: perhaps in an envelope.
type entry struct {
	message any
	at      int64 // when it was posted, in nanoseconds of the mailbox's clock
}

const (
	minRing  = 4  // first allocation, in entries: most queues stay this short
	keepRing = 64 // rings up to this size are not given back
)

// ring is a FIFO in a circle that grows by doubling. It knows no bound: its users do.
type ring struct {
	buf  []entry // length zero or a power of two
	head int
	n    int
	peak int // largest n since the ring was last empty
}

func (r *ring) push(e entry) {
	if r.n == len(r.buf) {
		r.resize(max(minRing, 2*len(r.buf)))
	}
	r.buf[(r.head+r.n)&(len(r.buf)-1)] = e
	r.n++
	r.peak = max(r.peak, r.n)
}

// pop takes the oldest entry; the ring must not be empty.
func (r *ring) pop() entry {
	e := r.buf[r.head]
	r.buf[r.head] = entry{}
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	if r.n == 0 {
		r.emptied()
	}
	return e
}

// popNewest takes the newest entry; the ring must not be empty.
func (r *ring) popNewest() entry {
	i := (r.head + r.n - 1) & (len(r.buf) - 1)
	e := r.buf[i]
	r.buf[i] = entry{}
	r.n--
	if r.n == 0 {
		r.emptied()
	}
	return e
}

// emptied halves a ring that has become much too large, so that one burst does not
// keep its memory for ever, and a steady load does not allocate.
func (r *ring) emptied() {
	if len(r.buf) > keepRing && r.peak <= len(r.buf)/4 {
		r.resize(len(r.buf) / 2)
	}
	r.peak = 0
}

func (r *ring) resize(size int) {
	buf := make([]entry, size)
	for i := range r.n {
		buf[i] = r.buf[(r.head+i)&(len(r.buf)-1)]
	}
	r.buf, r.head = buf, 0
}

// oldest is when the entry at the front was posted.
func (r *ring) oldest() (at int64, ok bool) {
	if r.n == 0 {
		return 0, false
	}
	return r.buf[r.head].at, true
}
