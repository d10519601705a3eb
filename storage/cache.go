package storage

// cache keeps about the most used entries of a map, at most so many. It has
// two halves: what is asked for moves to the young one, and when that is full
// the old one is forgotten. Nothing in it depends on time or on map order.
type cache[K comparable, V any] struct {
	young, old map[K]V
	most       int
}

func newCache[K comparable, V any](most int) *cache[K, V] {
	return &cache[K, V]{young: make(map[K]V), most: most}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	v, found := c.young[key]
	if !found {
		if v, found = c.old[key]; found {
			c.put(key, v)
		}
	}
	return v, found
}

func (c *cache[K, V]) put(key K, value V) {
	if len(c.young) >= c.most/2 {
		if _, found := c.young[key]; !found {
			c.old, c.young = c.young, make(map[K]V)
		}
	}
	c.young[key] = value
}

func (c *cache[K, V]) clear() {
	clear(c.young)
	c.old = nil
}
