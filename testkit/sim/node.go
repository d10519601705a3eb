package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	cmap "github.com/orcaman/concurrent-map"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// Node is one real node in the world: real actors, a real database, the real
// codec. It can be killed and started again at any moment.
type Node struct {
	ID    int
	sim   *Sim
	votes []crypto.PrivateKey
	peers []string
	wrong time.Duration // by which the clock of the machine is
	skew  time.Duration // by which the clock is of the process that runs
	net   *lattice.Network

	owner   *owner
	host    *host
	running *actors.Node
	store   *store
	lives   int
	disk    disk
	harmed  bool // its disk has failed in this life

	cements      bool            // since the confirmations were looked at last
	elections    election.Config // bounds
	heard        heard
	slowAt       time.Time // until when turns may be under way that a slow disk holds up
	owed         int       // answers to blocks that users gave it
	untold       bool      // the block processor fails after its next commit, before it tells anybody
	endAt, endBy string    // at which step of voting the node ends, and how

	Crashes, PowerLosses int
	pulls                int // messages that asked for blocks
}

// The actor library makes 1024 maps of 32 shards for each system. All but one map
// are thrown away, and nodes start so often here that making them took a twelfth of
// all time.
func init() { cmap.SHARD_COUNT = 1 }

// disk is what can go wrong with a node's disk.
type disk struct {
	full    bool          // every write fails
	loose   bool          // writes work, and are refused when they are to reach the disk
	failing int           // so many of a thousand writes fail
	slow    time.Duration // every turn of an actor that uses it takes so long
}

// key is the key of the node's identity.
func (n *Node) key() crypto.PrivateKey { return key(1_000_000 + n.ID) }

// Alive reports whether the node runs.
func (n *Node) Alive() bool { return n.running != nil }

// store is a node's database, and what of it is certain to survive a power loss.
// Of a file that is the file itself, which changes only when it is opened and
// closed here, and its log up to where it was synced last. A store in memory
// behaves as if it were on a disk, too: it fails and forgets the same.
type store struct {
	storage.Store
	node   *Node
	path   string                // of the file; "" in memory
	synced int64                 // bytes of the log of a file
	kept   storage.Store         // what a store in memory held when it was synced last
	loose  map[lattice.Hash]bool // final votes that are committed and not synced
}

// Update implements storage.Store.
func (s *store) Update(f func(storage.Tx) error) error {
	n := s.node
	err := s.write(s.Store.Update, func(tx storage.Tx) error { return f(unsynced{watched{tx, s}}) })
	n.sim.committed(n, err)
	if err == nil && n.untold {
		n.untold = false
		n.sim.world.trace.event("n%d tells nobody what it committed", n.ID)
		panic(&supervise.PlantedFailure{Path: "block_processor, between a commit and telling of it"})
	}
	return err
}

// UpdateDurable implements storage.Store.
func (s *store) UpdateDurable(f func(storage.Tx) error) error {
	err := s.write(s.Store.UpdateDurable, func(tx storage.Tx) error { return f(watched{tx, s}) })
	if err == nil {
		s.keep()
	}
	s.node.sim.committed(s.node, err)
	if err == nil {
		s.node.took("stored")
	}
	return err
}

// Sync implements storage.Store.
func (s *store) Sync() error {
	if s.path == "" { // a file asks by itself
		if err := s.node.fault("sync"); err != nil {
			return err
		}
	}
	err := s.Store.Sync()
	if err == nil {
		s.keep()
		clear(s.loose)
		s.node.took("stored")
	}
	return err
}

// write carries out a transaction. Those of a file meet their faults inside of the
// database, those in memory here: when they begin, and when they are committed.
func (s *store) write(update func(func(storage.Tx) error) error, f func(storage.Tx) error) error {
	if s.path != "" {
		return update(f)
	}
	if err := s.node.fault("begin"); err != nil {
		return err
	}
	return update(func(tx storage.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return s.node.fault("commit")
	})
}

// keep notes that all there is now is on the disk.
func (s *store) keep() {
	if s.path == "" {
		s.kept = storage.CopyMemory(s.Store)
		return
	}
	if info, err := os.Stat(s.path + "-wal"); err == nil {
		s.synced = info.Size()
	}
}

// survives draws how many bytes of the log of a file are there after a power loss:
// at least what was synced, and some of what came after, as the disk liked it.
func (s *store) survives() int64 {
	info, err := os.Stat(s.path + "-wal")
	if err != nil || info.Size() <= s.synced {
		return s.synced
	}
	return s.synced + s.node.sim.world.rng.Int64N(info.Size()-s.synced+1)
}

// copyDatabase copies a database file and so many bytes of its log.
func copyDatabase(from, to string, log int64) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	data, err = os.ReadFile(from + "-wal")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to+"-wal", data[:min(log, int64(len(data)))], 0o600)
}

// maxLog is more than any log of a simulated node: nothing of it is moved to the
// file while the node runs.
const maxLog = 1 << 30

// fault is asked before the database begins, writes, commits or syncs.
func (n *Node) fault(op string) error {
	if n.disk.loose && op == "sync" {
		n.harmed = true
		return errors.New("simulated: input/output error")
	}
	if n.disk.full {
		n.harmed = true
		return fmt.Errorf("simulated: %w", storage.ErrDiskFull)
	}
	if n.disk.failing > 0 && n.sim.world.rng.IntN(1000) < n.disk.failing {
		n.harmed = true
		return errors.New("simulated: input/output error")
	}
	return nil
}

// openStore opens the node's database at a path, or one in memory.
func (n *Node) openStore(path string) *store {
	s := &store{node: n, path: path, loose: map[lattice.Hash]bool{}}
	if path == "" {
		s.Store = storage.NewMemory(n.sim.net)
		return s
	}
	o := storage.Options{Network: n.sim.net}
	o.CacheBytes, o.ReaderCacheBytes, o.Readers, o.WALBytes = 1<<20, 256<<10, 2, maxLog
	o.Fault = n.fault
	inner, err := storage.Open(path, o)
	n.sim.must(err)
	s.Store = inner
	return s
}

// nextPath is where the node's database is in its next life.
func (n *Node) nextPath() string {
	n.lives++
	return filepath.Join(n.sim.dir, fmt.Sprintf("n%d-%d.db", n.ID, n.lives))
}

// start starts the node on its database.
func (n *Node) start() {
	s := n.sim
	n.skew, n.untold, n.harmed, n.owed = n.wrong, false, false, 0
	n.owner = &owner{id: n.ID}
	n.host = &host{network: s.network, owner: n.owner, address: s.opt.address(n.ID)}
	cfg := actors.DefaultConfig(n.net)
	cfg.NodeKey = n.key()
	cfg.VotingKeys = n.votes
	cfg.Listen = n.host.address
	cfg.Peers = n.peers
	cfg.WorkThreads = 0
	s.limits(n, &cfg)
	n.elections, n.heard = cfg.Elections, newHeard()
	if n.prunes() {
		cfg.MaxBlocksPerAccount = s.opt.Keep
	}
	d := dispatcher{s.world, n.owner}
	node, err := actors.Start(cfg, actors.Env{
		Clock: &clock{world: s.world, owner: n.owner, skew: &n.skew}, Seed: s.world.rng.Uint64(),
		Secret:     secrets{rand.New(rand.NewPCG(s.world.rng.Uint64(), 0))},
		Dispatcher: d, Dedicated: func() actor.Dispatcher { return slowDispatcher{d, n} }, Workers: workers{s.world, n.owner}, Network: n.host, Store: n.store, Verify: s.verify, SignVote: s.signVote, SignHandshake: s.sign,
		Log: s.world.trace.logger(n.owner),
	})
	s.must(err)
	n.running = node
	s.world.trace.event("n%d starts", n.ID)
}

// prunes reports whether the node keeps only the newest blocks. The first one keeps
// all: somebody has to.
func (n *Node) prunes() bool { return n.sim.opt.Keep > 0 && n.ID%2 == 1 }

// crash ends the node between two messages, as kill -9 does, or with power: then
// what was not synced is gone too.
func (n *Node) crash(power bool) {
	if !n.Alive() {
		return
	}
	n.owner.dead = true
	n.host.crash()
	n.running = nil
	old := n.store
	log := int64(maxLog)
	if power {
		log = old.survives()
		n.PowerLosses++
	}
	n.Crashes++
	n.sim.world.trace.event("n%d crashes power=%v", n.ID, power)
	n.disk = disk{}
	if old.path == "" {
		if power {
			old.Store = storage.CopyMemory(old.kept)
		}
		return
	}
	path := n.nextPath()
	n.sim.must(copyDatabase(old.path, path, log))
	n.sim.must(old.Close())
	removeDatabase(old.path)
	n.store = n.openStore(path)
	n.store.keep()
}

func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		_ = os.Remove(path + suffix)
	}
}

// process gives the node a block of a user and tells done what it answers, unless
// it ends before. That it has taken the block in is a promise.
func (n *Node) process(b *lattice.Block, done func(error)) {
	life, hash := n.owner, n.sim.net.HashOf(b)
	n.owed++
	n.running.Process(b, func(r messages.BlockResult) {
		if life.dead {
			return
		}
		n.owed--
		if r.Err == nil {
			n.sim.checkPromise(n, hash)
		}
		done(r.Err)
	})
}

// view reads the node's ledger. It is for checkers and wallets, which see what
// anybody could.
func (n *Node) view(f func(storage.Reader) error) { n.sim.must(n.store.View(f)) }

// account reads one account.
func (n *Node) account(a lattice.Account) (info lattice.AccountInfo) {
	n.view(func(r storage.Reader) (err error) {
		info, err = r.Account(a)
		return err
	})
	return info
}
