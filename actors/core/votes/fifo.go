package votes

// fifo is a queue of bounded length that grows as it fills. Its owner keeps the
// keys unique.
type fifo[K any] struct {
	most  int
	items []K
	head  int
	n     int
}

func newFIFO[K any](most int) fifo[K] {
	if most < 1 {
		panic("votes: queue without room")
	}
	return fifo[K]{most: most}
}

// push adds a key at the back. When there is no room, the key in front leaves
// and is returned.
func (f *fifo[K]) push(key K) (old K, full bool) {
	if f.n == f.most {
		old, full = f.pop()
	}
	if f.n == len(f.items) {
		grown := make([]K, min(f.most, max(16, 2*f.n)))
		for i := range f.n {
			grown[i] = f.items[(f.head+i)%len(f.items)]
		}
		f.items, f.head = grown, 0
	}
	f.items[(f.head+f.n)%len(f.items)] = key
	f.n++
	return old, full
}

// front returns the oldest key.
func (f *fifo[K]) front() (key K, ok bool) {
	if f.n == 0 {
		return key, false
	}
	return f.items[f.head], true
}

// pop removes the oldest key.
func (f *fifo[K]) pop() (key K, ok bool) {
	if key, ok = f.front(); ok {
		var none K
		f.items[f.head] = none
		f.head = (f.head + 1) % len(f.items)
		f.n--
	}
	return key, ok
}
