package storage

import (
	"cmp"
	"sync/atomic"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Options are how a file is opened. Only Network must be given; a zero means
// the default.
type Options struct {
	// Network is whose ledger it is; a new file begins with its genesis block.
	Network *lattice.Network
	// CacheBytes is the page cache of the writer. More than 8 MB buys nothing.
	CacheBytes int
	// ReaderCacheBytes is the page cache of each reader.
	ReaderCacheBytes int
	// Readers is how many views run at a time; another one waits.
	Readers int
	// Heads is how many account records the writer keeps in memory.
	Heads int
	// WALBytes is the length of the write-ahead log from which on its content is
	// moved to the file after a commit. A long view lets it grow beyond.
	WALBytes int64
	// CheckBytes is the largest file that is checked from end to end when it is
	// opened; of a larger one only the beginning is. Negative: never.
	CheckBytes int64
	// Fault, if set, is called by the writer before it begins, writes, commits
	// and syncs with the word "begin", "write", "commit" or "sync". An error makes
	// that step fail with it: for tests of what happens then.
	Fault func(op string) error
	// Counters, if set, is counted into.
	Counters *Counters
}

// Counters is what a file did since it was opened. All fields may be read at
// any time.
type Counters struct {
	Commits     atomic.Int64 // transactions kept
	Syncs       atomic.Int64 // of these, ones that waited for the disk
	Rollbacks   atomic.Int64 // transactions undone
	Views       atomic.Int64
	Applied     atomic.Int64 // blocks inserted, undone ones included
	Cemented    atomic.Int64 // likewise
	Pruned      atomic.Int64 // likewise
	WALBytes    atomic.Int64 // length of the write-ahead log after the last commit
	Checkpoints atomic.Int64
}

// pageSize is the page size of a new file, by measurement: larger pages cost
// time for every random write, smaller ones cost space.
const pageSize = 4096

func (o Options) withDefaults() Options {
	o.CacheBytes = cmp.Or(o.CacheBytes, 4<<20)
	o.ReaderCacheBytes = cmp.Or(o.ReaderCacheBytes, 512<<10)
	o.Readers = max(1, cmp.Or(o.Readers, 4))
	o.Heads = max(16, cmp.Or(o.Heads, 4096))
	o.WALBytes = cmp.Or(o.WALBytes, 16<<20)
	o.CheckBytes = cmp.Or(o.CheckBytes, 32<<20)
	if o.Fault == nil {
		o.Fault = func(string) error { return nil }
	}
	if o.Counters == nil {
		o.Counters = new(Counters)
	}
	return o
}
