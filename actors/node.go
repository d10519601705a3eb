package actors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/bootstrap"
	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/actors/core/votes"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire"
	"github.com/smallnano/smallnano/wire/rpc"
)

// Config is what an operator decides about a node. DefaultConfig fills in what
// depends on the network.
type Config struct {
	Network *lattice.Network
	// NodeKey is the identity of this node towards its peers.
	NodeKey crypto.PrivateKey
	// VotingKeys are the representatives that vote here; none by default. Peers are told
	// of the first wire.MaxAttested.
	VotingKeys []crypto.PrivateKey
	// HoldVotes is how long VotingKeys do not vote on what is open, because the
	// ledger was restored and does not know all that they voted for; 0: it was not.
	// A node that has blocks to fetch then holds them back longer.
	HoldVotes time.Duration
	// OnVotesReleased is called once, when they vote again. It must not block.
	OnVotesReleased func()
	// VoteWindow is how long votes wait at most for others to share a signature
	// with; see votes.Window.
	VoteWindow time.Duration
	// Listen is where peers connect. An invalid address does not listen.
	Listen netip.AddrPort
	// Peers are host:port of nodes that are always dialled.
	Peers []string
	// RPCListen is where the RPC listens; "" does not serve it.
	RPCListen string
	RPC       rpc.Config
	// WalletDir is the folder of the wallets; "" holds none.
	WalletDir string
	// WorkThreads is how many threads search for work when somebody asks; 0 searches for nobody.
	WorkThreads int
	// BlockQueue bounds the blocks that wait to be processed, VoteQueue the votes
	// that wait to be checked.
	BlockQueue, VoteQueue int
	// TelemetryEvery is the pause between two times that all peers are told how
	// this node is.
	TelemetryEvery time.Duration
	Peering        peering.Config
	Bootstrap      bootstrap.Config
	Elections      election.Config
	Buckets        bucket.Config
	// MaxBacklog is how many unconfirmed blocks the ledger may hold, not counting
	// those that came by bootstrap.
	MaxBacklog int
	// MaxRollback is how many blocks one commit takes back for the winner of a fork;
	// what is more goes with the next ones.
	MaxRollback int
	// MaxBlocksPerAccount is how many blocks are kept of each account at most, 0 for
	// all; MaxLedgerBytes how large the ledger may be, 0 for any size: fewer blocks
	// are kept while it is larger.
	MaxBlocksPerAccount uint64
	MaxLedgerBytes      int64
	Build               rpc.Build
	// Probe measures the process; nil measures nothing.
	Probe func() Usage
	// Kill ends the process at once, without returning; nil cannot. It is called on
	// the dev network only, to try out what follows.
	Kill func()
	// OnStop is told that the node was asked to stop, and why. It must not block;
	// whoever started the node calls Stop.
	OnStop func(reason string)
}

// DefaultConfig returns the settings for a network. NodeKey and the addresses
// are left for the caller.
func DefaultConfig(n *lattice.Network) Config {
	c := Config{
		Network: n, VoteWindow: votes.DefaultBundleWindow, WorkThreads: 1,
		BlockQueue: 8192, VoteQueue: 4096, TelemetryEvery: time.Minute,
		Peering: peering.DefaultConfig(), Bootstrap: bootstrap.DefaultConfig(),
		Elections: election.DefaultConfig(n), Buckets: bucket.DefaultConfig(), MaxBacklog: bucket.DefaultBacklog, MaxRollback: 10_000,
		MaxBlocksPerAccount: 1000, MaxLedgerBytes: targetDisk,
	}
	if n.ID == lattice.DevID {
		c.TelemetryEvery = 5 * time.Second
		c.Peering, c.Bootstrap = peering.DevConfig(), bootstrap.DevConfig()
	}
	return c
}

// Node is a running node. The store stays the caller's, who closes it after
// Done.
type Node struct {
	cfg       Config
	env       *Env
	system    *supervise.System
	root      *supervise.Root
	refs      *refs
	board     *board
	shelf     *walletShelf // nil without wallets
	hold      *voteHold
	workPeers workPeers
	kill      killPoint
	started   time.Time
	pruning   atomic.Pointer[messages.SetPruning]

	listener   Listener
	rpcAddress string
	stopping   sync.Once
	asked      sync.Once
}

// Start starts a node. It returns an error, with nothing left running, when an
// address is taken or the configuration cannot work.
func Start(cfg Config, env Env) (*Node, error) {
	n := &Node{cfg: cfg, env: &env, board: newBoard(), started: env.Clock.Now()}
	n.hold = &voteHold{told: cfg.OnVotesReleased, board: n.board}
	if cfg.HoldVotes > 0 && len(cfg.VotingKeys) > 0 {
		n.hold.until = n.started.Add(cfg.HoldVotes)
	}
	n.kill.kill = cfg.Kill
	n.pruning.Store(&messages.SetPruning{Blocks: cfg.MaxBlocksPerAccount, Bytes: cfg.MaxLedgerBytes})
	if err := n.loadSequence(); err != nil {
		return nil, err
	}
	n.system = supervise.NewSystem(supervise.Config{
		Logger: env.Log.With("subsystem", nameSupervise), Clock: env.Clock, Rand: env.rand("supervise"),
		Dispatcher: env.Dispatcher, Dedicated: env.Dedicated,
		OnFail: func(f supervise.Failure) { n.refs.blame(f) },
		Reason: commonReason,
		OnCommonCause: func(reason string) {
			n.board.setReadOnly(reason)
		},
	})
	n.refs = newRefs(n.system)
	if cfg.WalletDir != "" {
		n.shelf = newWalletShelf(cfg.WalletDir, env.Secret)
		own := ref[messages.Wallet](n.system, nameWallet)
		n.refs.wallet = &own
	}
	rpcListener, err := n.listen()
	if err != nil {
		return nil, err
	}
	root, err := n.system.StartRoot(supervise.RootConfig{Name: rootName, Children: n.children(rpcListener)})
	if err != nil {
		n.closeListeners(rpcListener)
		return nil, fmt.Errorf("cannot start the actors: %w", err)
	}
	n.root = root
	return n, nil
}

// loadSequence posts how far the confirmation sequence is.
func (n *Node) loadSequence() error {
	return n.env.Store.View(func(r storage.Reader) error {
		counts, err := r.Counts()
		if err != nil {
			return fmt.Errorf("cannot read the database: %w", err)
		}
		n.board.confirmed(counts.Cemented)
		return nil
	})
}

// commonReason classifies failures that have one cause outside the actors.
func commonReason(err error) string {
	switch {
	case errors.Is(err, storage.ErrDiskFull):
		return "the disk is full"
	case errors.Is(err, storage.ErrCorrupt):
		return "the database is corrupt"
	}
	return ""
}

// listen opens the ports, so that one that is taken is known before anything
// runs.
func (n *Node) listen() (*net.TCPListener, error) {
	if n.cfg.Listen.IsValid() {
		l, err := n.env.Network.Listen(n.cfg.Listen, n.gate(), func(link messages.Link) {
			n.refs.peers.Tell(&messages.LinkAccepted{Link: link})
		})
		if err != nil {
			return nil, err
		}
		n.listener = l
	}
	if n.cfg.RPCListen == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", n.cfg.RPCListen)
	if err != nil {
		n.closeListeners(nil)
		return nil, fmt.Errorf("cannot listen for RPC on %s: %w", n.cfg.RPCListen, err)
	}
	n.rpcAddress = l.Addr().String()
	return l.(*net.TCPListener), nil
}

func (n *Node) closeListeners(rpcListener *net.TCPListener) {
	if n.listener != nil {
		_ = n.listener.Close()
	}
	if rpcListener != nil {
		_ = rpcListener.Close()
	}
}

// Mailboxes of the actors that are told facts rather than given work: room for
// a burst, after which they repair themselves from the ledger.
const (
	factMailbox  = 4096
	factControl  = 4096
	perPeer      = 128 // places of one peer in a fair mailbox
	maxSources   = 128
	workMailbox  = maxWorkQueue
	gateMailbox  = 16
	peersMailbox = 4096
)

// fair is a mailbox in which every source has a queue of its own.
func fair(capacity, perSource int) mailbox.Config {
	return mailbox.Config{Capacity: capacity, PerSource: min(perSource, capacity), Sources: maxSources, Control: factControl}
}

// children describes all actors, in the order in which they start.
func (n *Node) children(rpcListener *net.TCPListener) []supervise.Spec {
	log := n.env.Log
	spec := func(name string, box mailbox.Config, blocking bool, make func() actor.Actor) supervise.Spec {
		return supervise.Spec{Name: name, New: make, Mailbox: box, Blocking: blocking}
	}
	facts := mailbox.Config{Capacity: factMailbox, Control: factControl}
	own := make([]lattice.Account, len(n.cfg.VotingKeys))
	for i, k := range n.cfg.VotingKeys {
		own[i] = lattice.Account(k.Public())
	}
	twin := newTwins(n.cfg.Network, own, n.env.Clock.Now())
	blocksInbox, votesInbox := &mailbox.Inbox{}, &mailbox.Inbox{}
	filter := peering.NewFilter(n.secretKey(), peering.FilterSize)
	unseeBlock := func(hash lattice.Hash) { filter.Remove(filter.Digest(kindBlock, hash[:])) }
	conns := &atomic.Uint64{}

	specs := []supervise.Spec{
		spec(nameClock, mailbox.Config{Capacity: 1}, false, func() actor.Actor { return newClock(n.env, n.refs, n.board, n.cfg.Probe != nil) }),
		spec(nameBlockProcessor, fair(n.cfg.BlockQueue, n.cfg.BlockQueue/2), true, func() actor.Actor {
			return &blockProcessor{
				env: n.env, refs: n.refs, net: n.cfg.Network, board: n.board, maxBacklog: n.cfg.MaxBacklog, maxRollback: n.cfg.MaxRollback, inbox: blocksInbox, log: log.With("subsystem", nameBlockProcessor),
				unsee: unseeBlock, unseeAll: filter.Clear,
			}
		}),
		spec(nameVoteProcessor, fair(n.cfg.VoteQueue, n.cfg.VoteQueue/2), true, func() actor.Actor {
			return &voteProcessor{env: n.env, refs: n.refs, net: n.cfg.Network, board: n.board, twins: twin, inbox: votesInbox, log: log.With("subsystem", nameVoteProcessor)}
		}),
		spec(nameElections, fair(factMailbox, factMailbox), true, func() actor.Actor {
			return &electionManager{env: n.env, refs: n.refs, net: n.cfg.Network, board: n.board, cfg: n.cfg.Elections, own: own, log: log.With("subsystem", nameElections), unsee: filter.Clear, unseeBlock: unseeBlock}
		}),
		spec(nameVoting, fair(factMailbox, factMailbox), true, func() actor.Actor {
			return &voting{env: n.env, refs: n.refs, net: n.cfg.Network, board: n.board, keys: n.cfg.VotingKeys, window: n.cfg.VoteWindow, hold: n.hold, twins: twin, log: log.With("subsystem", nameVoting)}
		}),
		spec(nameScheduler, facts, true, func() actor.Actor {
			return &bucketScheduler{env: n.env, refs: n.refs, board: n.board, cfg: n.cfg.Buckets, maxBacklog: n.cfg.MaxBacklog, log: log.With("subsystem", nameScheduler)}
		}),
		spec(nameWork, mailbox.Config{Capacity: workMailbox}, false, func() actor.Actor {
			return &worker{env: n.env, refs: n.refs, threads: n.cfg.WorkThreads, peers: &n.workPeers}
		}),
		spec(nameBootstrapServer, fair(1024, perPeer), true, func() actor.Actor {
			return &bootstrapServer{env: n.env, refs: n.refs, net: n.cfg.Network, log: log.With("subsystem", nameBootstrapServer)}
		}),
		spec(nameBootstrap, fair(1024, perPeer), true, func() actor.Actor {
			return &bootstrapClient{env: n.env, refs: n.refs, net: n.cfg.Network, cfg: n.cfg.Bootstrap, board: n.board, log: log.With("subsystem", nameBootstrap)}
		}),
		spec(nameTelemetry, fair(1024, perPeer), true, func() actor.Actor {
			return &telemetry{
				env: n.env, refs: n.refs, net: n.cfg.Network, board: n.board, key: n.cfg.NodeKey, version: softwareVersion(n.cfg.Build.Vendor),
				every: n.cfg.TelemetryEvery, started: n.started, log: log.With("subsystem", nameTelemetry),
			}
		}),
		spec(namePruner, facts, true, func() actor.Actor {
			return &pruner{
				env: n.env, refs: n.refs, board: n.board, start: n.pruning.Load(),
				log: log.With("subsystem", namePruner),
			}
		}),
		spec(namePeers, fair(peersMailbox, peersMailbox/2), false, func() actor.Actor {
			return &peerSupervisor{
				env: n.env, refs: n.refs, net: n.cfg.Network, board: n.board, cfg: n.peering(), handshake: n.handshake(),
				names: n.cfg.Peers, own: own, attestation: n.attestation(), filter: filter, conns: conns, log: log.With("subsystem", namePeers),
			}
		}),
	}
	specs[1].Inbox, specs[2].Inbox = blocksInbox, votesInbox
	if n.shelf != nil {
		specs = append(specs, n.wallets())
	}
	if n.cfg.Probe != nil {
		specs = append(specs, spec(nameHealth, mailbox.Config{Capacity: gateMailbox}, true, func() actor.Actor {
			return &health{env: n.env, board: n.board, probe: n.cfg.Probe, log: log.With("subsystem", nameHealth)}
		}))
	}
	if rpcListener != nil {
		specs = append(specs, n.gateway(rpcListener))
	}
	return specs
}

// wallets describes the actor that holds the wallets.
func (n *Node) wallets() supervise.Spec {
	inbox := &mailbox.Inbox{}
	return supervise.Spec{
		Name: nameWallet, Blocking: true, Mailbox: mailbox.Config{Capacity: walletMailbox, Control: factControl}, Inbox: inbox,
		New: func() actor.Actor {
			return &walletActor{
				env: n.env, refs: n.refs, net: n.cfg.Network, board: n.board, shelf: n.shelf, inbox: inbox, kill: &n.kill,
				log: n.env.Log.With("subsystem", nameWallet),
			}
		},
	}
}

// gateway describes the actor that serves the RPC.
func (n *Node) gateway(l *net.TCPListener) supervise.Spec {
	cfg := n.cfg.RPC
	cfg.Metrics = http.HandlerFunc(backend{n}.metrics)
	server := rpc.New(cfg, backend{n}, n.env.Log.With("subsystem", nameGateway))
	first := &atomic.Pointer[net.TCPListener]{}
	first.Store(l)
	return supervise.Spec{
		Name: nameGateway, Blocking: true, Mailbox: mailbox.Config{Capacity: gateMailbox},
		New: func() actor.Actor {
			return &rpcGateway{
				address: l.Addr().String(), first: first, root: n.system.Actors().Root,
				server: server,
				log:    n.env.Log.With("subsystem", nameGateway),
			}
		},
	}
}

// secretKey is a new secret, for what nobody may aim at.
func (n *Node) secretKey() (key [16]byte) {
	if _, err := io.ReadFull(n.env.Secret, key[:]); err != nil {
		panic("actors: no random bytes: " + err.Error())
	}
	return key
}

// peering completes the settings with what this node knows of itself.
func (n *Node) peering() peering.Config {
	c := n.cfg.Peering
	c.Self = peering.NodeID(n.cfg.NodeKey.Public())
	c.Key = n.secretKey()
	c.Port = n.announcedPort()
	if n.listener != nil {
		c.Listening = append(c.Listening, n.listener.Address())
	}
	return c
}

// gate returns what decides which connections are looked at.
func (n *Node) gate() func(netip.AddrPort) bool {
	c := n.cfg.Peering
	binary.LittleEndian.PutUint64(c.Key[:], n.env.Seed) // secret, too
	g := peering.NewGate(&c)
	return func(remote netip.AddrPort) bool {
		ok := g.Knock(remote, n.env.Clock.Now())
		if !ok {
			n.board.turnedAway.Add(1)
		}
		return ok
	}
}

// announcedPort is where peers are told that they can reach this node; 0 when
// they cannot.
func (n *Node) announcedPort() uint16 {
	switch {
	case n.listener == nil, n.cfg.Peering.MaxInbound == 0:
		return 0
	case n.cfg.Peering.External.IsValid():
		return n.cfg.Peering.External.Port()
	}
	return n.listener.Address().Port()
}

func (n *Node) handshake() wire.HandshakeConfig {
	return wire.HandshakeConfig{
		Network: n.cfg.Network, NodeKey: n.cfg.NodeKey, PeeringPort: n.announcedPort(),
		Sign: n.env.SignHandshake, Verify: n.env.verifyOne,
	}
}

// attestation returns the frame that says which representatives vote here, the first
// wire.MaxAttested of them; nil when none do.
func (n *Node) attestation() []byte {
	m := &wire.Attestation{}
	for _, key := range n.cfg.VotingKeys[:min(len(n.cfg.VotingKeys), wire.MaxAttested)] {
		m.List = append(m.List, wire.Attest(n.cfg.Network, n.cfg.NodeKey.Public(), key, n.env.SignHandshake))
	}
	if len(m.List) == 0 {
		return nil
	}
	return frame(n.cfg.Network, m)
}

// requestStop tells whoever started the node that it should stop.
func (n *Node) requestStop(reason string) {
	n.asked.Do(func() {
		if n.cfg.OnStop != nil {
			n.cfg.OnStop(reason)
		}
	})
}

// Stop begins to stop the node and returns at once: first nothing new comes in,
// then the actors end in reverse order. Done tells when all is over.
func (n *Node) Stop() {
	n.stopping.Do(func() {
		n.board.stopping.Store(true)
		close(n.board.stopped)
		if n.listener != nil {
			_ = n.listener.Close()
		}
		n.root.Stop(nil)
	})
}

// Ready is closed when all actors take messages.
func (n *Node) Ready() <-chan struct{} { return n.root.Ready() }

// Done is closed when the node has stopped.
func (n *Node) Done() <-chan struct{} { return n.root.Done() }

// Report tells, after Done, how the actors ended.
func (n *Node) Report() supervise.Report { return n.root.Report() }

// Process asks for a block to be inserted and published, as if it came by RPC.
// reply is called once, after the commit or with the reason why there is none,
// and must not block.
func (n *Node) Process(b *lattice.Block, reply func(messages.BlockResult)) {
	n.refs.blocks.Tell(&messages.ProcessBlock{Block: *b, Hash: n.cfg.Network.HashOf(b), Reply: reply})
}

// SetPruning changes what is kept of the ledger while the node runs.
func (n *Node) SetPruning(maxBlocksPerAccount uint64, maxLedgerBytes int64) {
	m := &messages.SetPruning{Blocks: maxBlocksPerAccount, Bytes: maxLedgerBytes}
	n.pruning.Store(m) // for when the pruner is restarted
	n.refs.pruner.Tell(m)
}

// Backend returns the node as the RPC sees it.
func (n *Node) Backend() rpc.Backend { return backend{n} }

// PeeringAddress returns where the node listens for peers; invalid when it does
// not.
func (n *Node) PeeringAddress() netip.AddrPort {
	if n.listener == nil {
		return netip.AddrPort{}
	}
	return n.listener.Address()
}

// RPCAddress returns where the RPC is served; "" when it is not.
func (n *Node) RPCAddress() string { return n.rpcAddress }

// NewSeed returns a seed for Env from unpredictable bytes.
func NewSeed() uint64 { return rand.Uint64() }
