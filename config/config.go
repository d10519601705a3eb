// Package config gathers what an operator decides about a node from four
// places, each stronger than the one before: the defaults, a TOML file in the
// data folder, SMALLNANO_* variables, and flags. Every setting stands once, in
// one table, from which the flags, the commented file of a first run and the
// help texts are made.
//
// It refuses what it does not understand, with the place and the nearest name.
// It opens nothing but the file, and knows no other package's internals.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Config is the settings of a node, as text and numbers. What they mean to the
// parts of a node is made of them in cmd.
type Config struct {
	DataDir            string
	Network            string
	ListenAddress      string
	PeeringPort        int
	ExternalAddress    string
	RPCAddress         string
	RPCPort            int
	RPCHosts           []string
	Peers              []string
	PeerSeeds          []string
	BootstrapPeers     []string
	NetworkFile        string
	EnableVoting       bool
	VotingKey          string
	WorkThreads        int
	MaxPeersOut        int
	MaxPeersIn         int
	MaxPeers           int
	MaxElections       int
	BandwidthLimitMbps int
	MemoryLimitMB      int
	VoteWindowMS       int
	MaxBacklog         int
	// MaxBlocksPerAccount and MaxLedgerBytes bound what is kept; 0 is everything.
	MaxBlocksPerAccount int
	MaxLedgerBytes      int64
	LogLevel            string
	LogFormat           string
}

// FileName is the name of the settings file in the data folder.
const FileName = "smallnano.toml"

// Default returns the settings of a node that was told nothing.
func Default() Config {
	return Config{
		DataDir: DefaultDataDir(), Network: "dev",
		ListenAddress: "::", PeeringPort: 7176, RPCAddress: "127.0.0.1", RPCPort: 7177,
		WorkThreads: max(1, runtime.NumCPU()-1),
		MaxPeersOut: 8, MaxPeersIn: 24, MaxElections: 500, BandwidthLimitMbps: 100, MemoryLimitMB: 96, VoteWindowMS: defaultVoteWindow(), MaxBacklog: 10_000,
		MaxBlocksPerAccount: 1000, MaxLedgerBytes: 2 << 30,
		LogLevel: "info", LogFormat: "text",
	}
}

// defaultVoteWindow is longer where one core has to check all signatures.
func defaultVoteWindow() int {
	if runtime.GOMAXPROCS(0) == 1 {
		return 250
	}
	return 100
}

// DefaultDataDir is where a node keeps its data when it is not told.
func DefaultDataDir() string {
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".smallnano")
	}
	return "smallnano-data"
}

// Validate says which setting cannot work, and what it may be.
func (c *Config) Validate() error {
	for _, p := range []struct {
		name     string
		v        int
		low, top int
	}{
		{"peering_port", c.PeeringPort, 0, 65535}, {"rpc_port", c.RPCPort, 0, 65535},
		{"work_threads", c.WorkThreads, 0, 1024}, {"max_peers_out", c.MaxPeersOut, 1, 1024}, {"max_peers_in", c.MaxPeersIn, 0, 4096}, {"max_peers", c.MaxPeers, 0, 5120},
		{"max_pending_elections", c.MaxElections, 10, 100_000}, {"bandwidth_limit_mbps", c.BandwidthLimitMbps, 0, 30_000},
		{"memory_limit_mb", c.MemoryLimitMB, 0, 1 << 20}, {"vote_window_ms", c.VoteWindowMS, 5, 10_000},
		{"max_backlog", c.MaxBacklog, 1000, 1 << 20},
		{"max_blocks_per_account", c.MaxBlocksPerAccount, 0, 1<<28 - 1},
	} {
		if p.v < p.low || p.v > p.top {
			return fmt.Errorf("%s is %d, want %d to %d", p.name, p.v, p.low, p.top)
		}
	}
	if c.MaxLedgerBytes != 0 && (c.MaxLedgerBytes < minLedgerBytes || c.MaxLedgerBytes > 1<<50) {
		return fmt.Errorf("max_ledger_bytes is %d, want %d to %d, or 0 for no limit", c.MaxLedgerBytes, int64(minLedgerBytes), int64(1)<<50)
	}
	if isKey(c.VotingKey) {
		return errors.New("voting_key is a key itself, want the name of a file that has it and that only you can read; take the key out of where it stands now")
	}
	if c.PeeringPort == c.RPCPort && c.RPCPort != 0 {
		return fmt.Errorf("peering_port and rpc_port are both %d, want two different ports", c.RPCPort)
	}
	for _, l := range []struct {
		name  string
		peers []string
	}{{"peer", c.Peers}, {"peer_seeds", c.PeerSeeds}, {"bootstrap_peers", c.BootstrapPeers}} {
		for _, peer := range l.peers {
			if err := checkHostPort(peer); err != nil {
				return fmt.Errorf("%s is %q, want HOST:PORT: %w", l.name, peer, err)
			}
		}
	}
	for _, name := range c.RPCHosts {
		if name != "*" && (len(name) > 253 || strings.ContainsAny(name, ":/*[] ")) {
			return fmt.Errorf("rpc_hosts has %q, want the name of a machine without a port, or *", name)
		}
	}
	if c.EnableVoting && c.VotingKey == "" {
		return fmt.Errorf("enable_voting needs voting_key: a file with a representative's seed (64 hexadecimal digits)")
	}
	if c.VotingKey != "" && !c.EnableVoting {
		return fmt.Errorf("voting_key is set but enable_voting is not: set it as well, or take the key away")
	}
	if c.DataDir == "" {
		return fmt.Errorf("data_dir is empty, want a folder")
	}
	if _, err := netip.ParseAddr(c.ListenAddress); err != nil {
		return fmt.Errorf("listen_address is %q, want an IP address such as :: or 127.0.0.1", c.ListenAddress)
	}
	if c.ExternalAddress != "" {
		if a, err := netip.ParseAddrPort(c.ExternalAddress); err != nil || a.Port() == 0 || a.Addr().IsUnspecified() {
			return fmt.Errorf("external_address is %q, want ADDRESS:PORT such as 203.0.113.7:7176 or [2001:db8::7]:7176", c.ExternalAddress)
		}
	}
	if _, err := ParseLevels(c.LogLevel); err != nil {
		return fmt.Errorf("log_level is %q: %w", c.LogLevel, err)
	}
	if !slices.Contains([]string{"text", "json"}, c.LogFormat) {
		return fmt.Errorf("log_format is %q, want text or json", c.LogFormat)
	}
	return nil
}

// Connections returns how many connections this node dials, and how many others
// may: max_peers is a bound on both together.
func (c *Config) Connections() (out, in int) {
	if c.MaxPeers == 0 {
		return c.MaxPeersOut, c.MaxPeersIn
	}
	out = min(c.MaxPeersOut, c.MaxPeers)
	return out, min(c.MaxPeersIn, c.MaxPeers-out)
}

// Dialled returns the nodes that are always dialled, each once. preset are those
// of the network, which peer_seeds replaces.
func (c *Config) Dialled(preset []string) []string {
	seeds := c.PeerSeeds
	if len(seeds) == 0 {
		seeds = preset
	}
	var out []string
	for _, peer := range slices.Concat(c.Peers, c.BootstrapPeers, seeds) {
		if !slices.Contains(out, peer) {
			out = append(out, peer)
		}
	}
	return out
}

// minLedgerBytes is the least size that a ledger may be held to.
const minLedgerBytes = 1 << 20

// checkHostPort says what is wrong with the address of a peer. Whether the name
// exists is found out when it is dialled.
func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is not a port", port)
	}
	if host == "" {
		return errors.New("the host is missing")
	}
	return nil
}
