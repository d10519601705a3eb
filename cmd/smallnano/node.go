package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire/rpc"
)

const (
	// startLimit is how long the actors may take to start, stopLimit to stop.
	startLimit = 30 * time.Second
	stopLimit  = 30 * time.Second
	// repeatTime is how long after the first a second signal means the same: one
	// that goes to a group of processes may arrive twice.
	repeatTime = 2 * time.Second
	// restoredHold is how long a representative does not vote after its ledger was
	// restored: longer than elections go on that others can settle.
	restoredHold = 10 * time.Minute
	// turnMessages is how many messages an actor handles before it is another's turn.
	turnMessages = 64
)

// runNode is the command "node run".
func runNode(p *program, flags *flag.FlagSet, args []string) error {
	c, origins, err := config.Explain(flags, args, p.environ)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		return unstarted(err)
	}
	log, levels, err := newLog(p.err, c.LogLevel, c.LogFormat)
	if err != nil {
		return settingsFault{err}
	}
	limitMemory(&c)
	n, err := openNode(&c, origins, log, levels)
	if err != nil {
		return explain(err)
	}
	defer n.reloadOnSignal(levels, args, p.environ)()
	defer watchdog(n.node)()
	return n.serve(p)
}

// unstarted is settingsError for a node that is to run: to start it again will not
// help.
func unstarted(err error) error {
	var misuse usageError
	if err = settingsError(err); errors.As(err, &misuse) {
		return settingsFault(misuse)
	}
	return err
}

// settingsError tells a command line, or a file, that was not understood from
// one that cannot be read.
func settingsError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError{err}
}

// limitMemory sets the limit of the garbage collector, unless the environment does.
func limitMemory(c *config.Config) {
	if os.Getenv("GOMEMLIMIT") == "" {
		limit := int64(math.MaxInt64) // none
		if c.MemoryLimitMB > 0 {
			limit = int64(c.MemoryLimitMB) << 20
		}
		debug.SetMemoryLimit(limit)
	}
}

// liveNode is a node with everything that has to be closed after it.
type liveNode struct {
	settings *config.Config
	network  *lattice.Network
	node     *actors.Node
	store    storage.Store
	pool     *supervise.Pool
	asked    chan string // why the node should stop
	log      *slog.Logger
	levels   *logs
	origins  atomic.Pointer[[]config.Origin] // of the settings that hold
}

// tell returns the settings that hold, for those who ask. The levels of the log
// may have been changed by the RPC since the file was read.
func (n *liveNode) tell() []rpc.Setting {
	origins := *n.origins.Load()
	out := make([]rpc.Setting, len(origins))
	for i, o := range origins {
		out[i] = rpc.Setting{Name: o.Name, Value: o.Value, From: o.From}
		if is := n.levels.levels.Load().String(); o.Name == "log_level" && is != o.Value {
			out[i].Value, out[i].From = is, "action log_level"
		}
	}
	return out
}

// openNode opens the data folder and starts the node. When it fails nothing is
// left running or locked, and a data folder that it made is gone again.
func openNode(c *config.Config, origins []config.Origin, log *slog.Logger, levels *logs) (*liveNode, error) {
	network, err := networkOf(c)
	if err != nil {
		return nil, err
	}
	var keys []crypto.PrivateKey
	if c.EnableVoting {
		key, err := votingKey(network, c.VotingKey)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	undo, err := newFolder(c.DataDir)
	if err != nil {
		return nil, err
	}
	store, err := storage.Open(filepath.Join(c.DataDir, ledgerFile), storeOptions(network))
	if err != nil {
		undo()
		return nil, err
	}
	n := &liveNode{settings: c, network: network, store: store, asked: make(chan string, 1), log: log, levels: levels}
	n.origins.Store(&origins)
	if err := n.start(network, keys); err != nil {
		err = errors.Join(err, store.Close())
		undo()
		return nil, err
	}
	return n, nil
}

// storeOptions is how the ledger is opened: caches small enough for the memory
// that a node is meant to have.
func storeOptions(n *lattice.Network) storage.Options {
	return storage.Options{Network: n, CacheBytes: 2 << 20, ReaderCacheBytes: 512 << 10, Readers: 4, Heads: 4096}
}

func (n *liveNode) start(network *lattice.Network, keys []crypto.PrivateKey) error {
	c := n.settings
	if err := config.WriteSample(c.DataDir); err != nil {
		return err
	}
	key, err := nodeKey(c.DataDir)
	if err != nil {
		return err
	}
	token, err := rpcToken(c.DataDir)
	if err != nil {
		return err
	}
	for _, path := range openSecrets(c.DataDir) {
		n.log.Warn("others can read this, and do what it is for: take their rights away", "file", path, "fix", closeText(path))
	}
	cfg, err := nodeConfig(c, network)
	if err != nil {
		return err
	}
	cfg.NodeKey, cfg.VotingKeys = key, keys
	cfg.RPC.Token = token
	cfg.RPC.Page = webPage()
	cfg.RPC.LogLevel = n.levels.change
	cfg.RPC.Settings = n.tell
	cfg.WalletDir = filepath.Join(c.DataDir, walletFolder)
	if _, err := os.Stat(filepath.Join(c.DataDir, restoredFile)); err == nil {
		cfg.HoldVotes = restoredHold
		cfg.OnVotesReleased = func() { _ = os.Remove(filepath.Join(c.DataDir, restoredFile)) }
	}
	cfg.Kill = killSelf
	cfg.OnStop = func(reason string) {
		select {
		case n.asked <- reason:
		default:
		}
	}
	n.pool = supervise.NewPool(runtime.GOMAXPROCS(0), turnMessages)
	env := actors.Env{
		Clock: supervise.RealClock{}, Seed: actors.NewSeed(), Secret: rand.Reader,
		Dispatcher: n.pool, Dedicated: func() actor.Dispatcher { return supervise.NewDedicated(turnMessages) },
		Workers: actors.Cores{}, Network: actors.TCP{ID: network.ID, Limit: bandwidth(c)}, Store: n.store, Log: n.log,
	}
	n.node, err = actors.Start(cfg, env)
	if errors.Is(err, syscall.EAFNOSUPPORT) && cfg.Listen.Addr() == netip.IPv6Unspecified() {
		cfg.Listen = netip.AddrPortFrom(netip.IPv4Unspecified(), cfg.Listen.Port()) // a system without IPv6
		n.node, err = actors.Start(cfg, env)
	}
	if err != nil {
		n.pool.Close()
	}
	return err
}

// bandwidth is the limit of the settings; nil is none.
func bandwidth(c *config.Config) *actors.Bandwidth {
	if c.BandwidthLimitMbps == 0 {
		return nil
	}
	return actors.NewBandwidth(int64(c.BandwidthLimitMbps) * 1_000_000 / 8)
}

// nodeConfig translates the settings.
func nodeConfig(c *config.Config, network *lattice.Network) (actors.Config, error) {
	cfg := actors.DefaultConfig(network)
	address, err := netip.ParseAddr(c.ListenAddress)
	if err != nil {
		return cfg, usageError{err}
	}
	if _, in := c.Connections(); in > 0 { // else nobody need find a port: the node dials, and is as good as any
		cfg.Listen = netip.AddrPortFrom(address, uint16(c.PeeringPort))
	}
	cfg.Peers = c.Dialled(network.PresetPeers)
	cfg.Elections.MaxElections = c.MaxElections
	cfg.RPCListen = net.JoinHostPort(c.RPCAddress, strconv.Itoa(c.RPCPort))
	cfg.RPC = rpc.DefaultConfig()
	cfg.RPC.Hosts = c.RPCHosts
	cfg.VoteWindow = time.Duration(c.VoteWindowMS) * time.Millisecond
	cfg.MaxBacklog = c.MaxBacklog
	cfg.MaxBlocksPerAccount, cfg.MaxLedgerBytes = uint64(c.MaxBlocksPerAccount), c.MaxLedgerBytes
	cfg.WorkThreads = c.WorkThreads
	cfg.Peering.MaxOutbound, cfg.Peering.MaxInbound = c.Connections()
	if c.ExternalAddress != "" {
		if cfg.Peering.External, err = netip.ParseAddrPort(c.ExternalAddress); err != nil {
			return cfg, usageError{err}
		}
	}
	cfg.Build = build()
	cfg.Probe = prober(c.DataDir)
	if err := cfg.Peering.Validate(); err != nil {
		return cfg, usageError{err}
	}
	return cfg, nil
}

// serve waits until the node is to stop, and stops it.
func (n *liveNode) serve(p *program) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	reason, failed := n.run(p, signals)
	n.log.Info("stopping", "reason", reason)
	notifySupervisor("STOPPING=1")
	return errors.Join(failed, n.stop(signals))
}

// run says where the node is and waits for a reason to stop it.
func (n *liveNode) run(p *program, signals <-chan os.Signal) (reason string, err error) {
	select {
	case <-n.node.Ready():
	case <-time.After(startLimit):
		return "not ready", fmt.Errorf("the actors did not start within %v; the log tells more", startLimit)
	case s := <-signals:
		return s.String(), nil
	}
	url := "http://" + n.node.RPCAddress()
	path := filepath.Join(n.settings.DataDir, urlFile)
	if err := writeFile(path, url+"\n"); err != nil {
		return "failure", fmt.Errorf("cannot write where the RPC is: %w", err)
	}
	defer os.Remove(path)
	notifySupervisor("READY=1\nSTATUS=rpc " + url)
	peers := "none let in"
	if a := n.node.PeeringAddress(); a.IsValid() {
		peers = a.String()
	}
	fmt.Fprintf(p.out, "smallnano node ready: network %s, peers %s, rpc %s, data %s\n", n.network.Name, peers, url, n.settings.DataDir)
	select {
	case s := <-signals:
		return s.String(), nil
	case why := <-n.asked:
		return why, nil
	case <-n.node.Done():
		return "failure", errors.New("the actors ended by themselves; the log tells why")
	}
}

// stop ends the actors in order and closes the ledger. Everything that was
// acknowledged is in it also when this is cut short.
func (n *liveNode) stop(signals <-chan os.Signal) error {
	n.node.Stop()
	limit, began := time.After(stopLimit), time.Now()
	for over := false; !over; {
		select {
		case <-n.node.Done():
			over = true
		case <-limit:
			return fmt.Errorf("the actors did not stop within %v; the ledger is intact", stopLimit)
		case <-signals:
			if time.Since(began) >= repeatTime {
				return errors.New("told to stop twice: ended at once; the ledger is intact")
			}
		}
	}
	if stuck := n.node.Report().Stuck; len(stuck) > 0 {
		return fmt.Errorf("these actors did not stop: %s; the ledger is intact", strings.Join(stuck, ", "))
	}
	n.pool.Close()
	closed := make(chan error, 1)
	go func() { closed <- n.store.Close() }()
	select {
	case err := <-closed:
		return err
	case <-limit:
		return fmt.Errorf("the ledger was not closed within %v; it is intact", stopLimit)
	}
}

// explain adds to an error what can be done about it, where the error does not
// say it itself.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: stop the program that has this port, or choose another with --peering-port or --rpc-port", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine has no such address; set --listen-address or --rpc-address", err)
	case errors.Is(err, syscall.ENOSPC) && !errors.Is(err, storage.ErrDiskFull):
		return fmt.Errorf("%w: free space on the disk of the data folder", err)
	}
	return err
}

// killSelf ends the process as kill -9 would.
func killSelf() {
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Kill() == nil {
		select {} // until the signal is here
	}
	os.Exit(137)
}
