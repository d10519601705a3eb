package storage

// tree is an ordered map that is never changed: with and without return a new
// tree that shares most of the old one. So a snapshot is a copy of one word,
// and a failed transaction is undone by forgetting the new tree. It is a treap
// whose priorities come from a counter, so the same operations give the same
// tree on every run.
type tree[K, V any] struct {
	compare func(a, b K) int
	root    *treeNode[K, V]
	made    uint64 // nodes made so far, the source of priorities
}

type treeNode[K, V any] struct {
	key         K
	value       V
	priority    uint64
	left, right *treeNode[K, V]
}

// get returns the value of a key, and false when there is none.
func (t *tree[K, V]) get(key K) (value V, found bool) {
	for n := t.root; n != nil; {
		switch c := t.compare(key, n.key); {
		case c < 0:
			n = n.left
		case c > 0:
			n = n.right
		default:
			return n.value, true
		}
	}
	return value, false
}

// set gives a key a value, new or not.
func (t *tree[K, V]) set(key K, value V) {
	t.made++
	t.root = t.insert(t.root, &treeNode[K, V]{key: key, value: value, priority: scramble(t.made)})
}

// drop removes a key and reports whether it was there.
func (t *tree[K, V]) drop(key K) bool {
	root, found := t.remove(t.root, key)
	t.root = root
	return found
}

// ascend calls f for the entries from a key up, in order, until f returns
// false.
func (t *tree[K, V]) ascend(from K, f func(K, V) bool) { t.walk(t.root, from, f) }

func (t *tree[K, V]) walk(n *treeNode[K, V], from K, f func(K, V) bool) bool {
	if n == nil {
		return true
	}
	if t.compare(from, n.key) <= 0 {
		return t.walk(n.left, from, f) && f(n.key, n.value) && t.walk(n.right, from, f)
	}
	return t.walk(n.right, from, f)
}

// insert returns n with the node added in, or with its key's value replaced.
func (t *tree[K, V]) insert(n, added *treeNode[K, V]) *treeNode[K, V] {
	if n == nil {
		return added
	}
	c := *n
	switch order := t.compare(added.key, n.key); {
	case order == 0:
		c.value = added.value
	case order < 0:
		c.left = t.insert(n.left, added)
		if l := c.left; l.priority > c.priority { // both are ours alone: turn in place
			c.left, l.right = l.right, &c
			return l
		}
	default:
		c.right = t.insert(n.right, added)
		if r := c.right; r.priority > c.priority {
			c.right, r.left = r.left, &c
			return r
		}
	}
	return &c
}

func (t *tree[K, V]) remove(n *treeNode[K, V], key K) (*treeNode[K, V], bool) {
	if n == nil {
		return nil, false
	}
	c, found := *n, false
	switch order := t.compare(key, n.key); {
	case order == 0:
		return merge(n.left, n.right), true
	case order < 0:
		c.left, found = t.remove(n.left, key)
	default:
		c.right, found = t.remove(n.right, key)
	}
	if !found {
		return n, false
	}
	return &c, true
}

// merge joins two trees, all keys of a being below those of b.
func merge[K, V any](a, b *treeNode[K, V]) *treeNode[K, V] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority > b.priority:
		c := *a
		c.right = merge(a.right, b)
		return &c
	}
	c := *b
	c.left = merge(a, b.left)
	return &c
}

// scramble spreads a counter over 64 bits (the finaliser of splitmix64).
func scramble(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
