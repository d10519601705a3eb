package peering

// toldSize is how many messages of a peer are remembered: blocks of a second or two
// at the most that are confirmed, 8 KB.
const toldSize = 1 << 10

// Told remembers what a peer has told lately, so that it is not told the same. It
// is a table in which a newer digest overwrites the older one of its slot: it may
// forget, and mistakes nothing. The zero Told is empty, and takes its room when
// something is added.
type Told struct{ slots []Digest }

// Add notes what the peer told.
func (t *Told) Add(d Digest) {
	if t.slots == nil {
		t.slots = make([]Digest, toldSize)
	}
	t.slots[d%toldSize] = d
}

// Has reports whether the peer told it lately.
func (t *Told) Has(d Digest) bool { return t.slots != nil && d != 0 && t.slots[d%toldSize] == d }
