package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// benchPoll is how often a measured node is asked how far it is.
const benchPoll = 50 * time.Millisecond

// bootstrapBench measures how fast a fresh node gets a ledger from its peers, each
// a process on this machine.
type bootstrapBench struct {
	blocks, accounts int
	peers, kills     int
	live             float64 // blocks a second
	limit            time.Duration
	nodeBench
}

// bootstrapResult is what was measured. Memory is that of the fresh node.
type bootstrapResult struct {
	Blocks             int     `json:"blocks"`
	Accounts           int     `json:"accounts"`
	Seconds            float64 `json:"seconds"` // until all blocks are there
	BlocksPerSecond    float64 `json:"blocks_per_second"`
	ConfirmedSeconds   float64 `json:"confirmed_seconds"` // until all of them are confirmed
	ConfirmedPerSecond float64 `json:"confirmed_per_second"`
	CPU                float64 `json:"cpu_seconds"`      // of the fresh node, in all its lives
	PeersCPU           float64 `json:"peer_cpu_seconds"` // of all that had the ledger
	PeakRSS            float64 `json:"peak_rss_mb"`
	PeersRSS           float64 `json:"peer_peak_rss_mb"` // the most of one
	BytesSent          uint64  `json:"bytes_sent"`       // by the peers that had the ledger, to each other included
	LiveBlocks         int     `json:"live_blocks"`      // that were made meanwhile; confirmed by the fresh node, too
	LivePerSecond      float64 `json:"live_per_second"`
	Peers              int     `json:"peers"`
	Kills              int     `json:"kills"`             // of the fresh node, on its way
	Resumes            int     `json:"resumes"`           // after a kill, with all that was there before it
	ResumedAt          []int   `json:"resumed_at_blocks"` // what was there then
	CPUPerBlock        float64 `json:"cpu_us_per_block"`  // of the fresh node
	SentPerBlock       float64 `json:"bytes_sent_per_block"`
	Received           int     `json:"blocks_received"` // in answers, repeats included
	Processors         int     `json:"processors"`
}

// runBenchBootstrap is the command "bench bootstrap".
func runBenchBootstrap(p *program, flags *flag.FlagSet, args []string) error {
	var b bootstrapBench
	flags.IntVar(&b.blocks, "blocks", 100_000, "blocks of the ledger")
	flags.IntVar(&b.accounts, "accounts", 0, "accounts of the ledger; 0: a tenth of the blocks")
	flags.IntVar(&b.peers, "peers", 1, "nodes that have the ledger, 1 to 8")
	flags.IntVar(&b.kills, "kills", 0, "how often the fresh node is killed on its way and started again, at even distances")
	flags.Float64Var(&b.live, "live", 0, "blocks a second that are made meanwhile, at most 1000")
	flags.DurationVar(&b.limit, "limit", 10*time.Minute, "how long it may take")
	b.define(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	if b.accounts == 0 {
		b.accounts = max(1, b.blocks/10)
	}
	if b.blocks < 2 || b.blocks > 100_000_000 || b.accounts < 1 || b.accounts > b.blocks {
		return misused("--blocks is %d and --accounts %d, want 2 to 100000000 and no more accounts than blocks", b.blocks, b.accounts)
	}
	if b.peers < 1 || b.peers > 8 || b.kills < 0 || b.kills > 100 || !(b.live >= 0 && b.live <= 1000) {
		return misused("--peers is %d, --kills %d and --live %v, want 1 to 8, 0 to 100, and 0 to 1000", b.peers, b.kills, b.live)
	}
	return measureNodes(p, &b.nodeBench, b.run)
}

// print tells the result to people.
func (r bootstrapResult) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "fetched\t%d blocks of %d accounts in %.2f s\t%.0f blocks/s\n", r.Blocks, r.Accounts, r.Seconds, r.BlocksPerSecond)
	fmt.Fprintf(w, "confirmed\tall after %.2f s\t%.0f blocks/s\n", r.ConfirmedSeconds, r.ConfirmedPerSecond)
	fmt.Fprintf(w, "fresh node\t%.1f s of one core, %.0f us a block\tpeak memory %.0f MB\n", r.CPU, r.CPUPerBlock, r.PeakRSS)
	fmt.Fprintf(w, "peers\t%.1f s of one core\tpeak memory %.0f MB\n", r.PeersCPU, r.PeersRSS)
	fmt.Fprintf(w, "sent by them\t%d bytes, %.0f a block\t%d blocks received, repeats included\n", r.BytesSent, r.SentPerBlock, r.Received)
	fmt.Fprintf(w, "meanwhile\t%d blocks made, %.0f/s\tkilled %d times, went on %d times, from %v blocks\n", r.LiveBlocks, r.LivePerSecond, r.Kills, r.Resumes, r.ResumedAt)
	return w.Flush()
}

func (b *bootstrapBench) run(ctx context.Context, say io.Writer) (r bootstrapResult, err error) {
	dir, remove, err := b.folder()
	if err != nil {
		return r, err
	}
	defer remove()
	r = bootstrapResult{Blocks: b.blocks, Accounts: b.accounts, Processors: runtime.GOMAXPROCS(0), Peers: b.peers, ResumedAt: []int{}}
	fmt.Fprintf(say, "making a ledger of %d blocks and %d accounts\n", b.blocks, b.accounts)
	first := filepath.Join(dir, "server")
	maker := newLedgerMaker(lattice.Dev(), b.accounts)
	if err := maker.fill(ctx, first, b.blocks); err != nil {
		return r, err
	}
	var servers []*benchNode
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	var peers []string
	for i := range b.peers {
		from, args := first, []string{"--enable-voting", "--voting-key", devGenesis}
		if i > 0 { // the others have a copy, and do not vote
			from, args = filepath.Join(dir, fmt.Sprint("server-", i+1)), []string{"--peer", peers[0]}
			if err := copyBenchLedger(first, from); err != nil {
				return r, err
			}
		}
		s, err := startBenchNode(ctx, from, args...)
		if err != nil {
			return r, err
		}
		servers, peers = append(servers, s), append(peers, s.peering)
	}
	fmt.Fprintf(say, "a fresh node asks %s\n", strings.Join(peers, " and "))
	f := &fetching{bench: b, result: &r, servers: servers, traffic: map[string]uint64{}}
	f.start = func() (*benchNode, error) {
		return startBenchNode(ctx, filepath.Join(dir, "fresh"), "--peer", strings.Join(peers, ","))
	}
	if b.live > 0 {
		f.live = startLiveTraffic(ctx, maker, servers[0].client, b.live)
		defer f.live.stop()
	}
	return r, f.run(ctx)
}

// copyBenchLedger copies the ledger of one data folder to a new one.
func copyBenchLedger(from, to string) error {
	if err := makeFolder(to); err != nil {
		return err
	}
	return storage.Backup(filepath.Join(from, ledgerFile), filepath.Join(to, ledgerFile), storage.Options{Network: lattice.Dev()})
}

// benchNode is a node that runs as a process of its own.
type benchNode struct {
	command *exec.Cmd
	client  *client
	peering string // where peers reach it
	ready   time.Time
}

// startBenchNode starts a node of the dev network on a data folder and waits
// until it can be asked. Its log is in the folder.
func startBenchNode(ctx context.Context, dir string, args ...string) (*benchNode, error) {
	return startBenchNodeIn(nil, dir, args...)
}

// startBenchNodeIn does it by a command that becomes the node, if there is one.
func startBenchNodeIn(wrapper []string, dir string, args ...string) (*benchNode, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program to start it again: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot write the log of a node: %w", err)
	}
	defer log.Close() // the process has a handle of its own
	n := &benchNode{}
	line := append(slices.Clone(wrapper), self,
		"node", "run", "--network", "dev", "--data-dir", dir, "--listen-address", "127.0.0.1", "--peering-port", "0",
		"--rpc-address", "127.0.0.1", "--rpc-port", "0", "--max-blocks-per-account", "0", "--max-ledger-bytes", "0")
	line = append(line, args...)
	n.command = exec.Command(line[0], line[1:]...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SMALLNANO_") { // meant for one node, not for these
			n.command.Env = append(n.command.Env, v)
		}
	}
	n.command.SysProcAttr, n.command.Stderr = childAttributes(), log
	out, err := n.command.StdoutPipe()
	if err == nil {
		err = n.command.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start a node: %w", err)
	}
	said, err := bufio.NewReader(out).ReadString('\n') // when it is ready, or ended
	n.ready = time.Now()
	if err != nil {
		n.stop()
		return nil, fmt.Errorf("a node did not start: %s", lastLine(log.Name()))
	}
	_, rest, _ := strings.Cut(said, "peers ")
	n.peering, _, _ = strings.Cut(rest, ",")
	if n.client, err = clientOf(dir); err != nil {
		n.stop()
		return nil, err
	}
	return n, nil
}

// sent adds up what a node has sent to its peers, on connections that last.
func (n *benchNode) sent(ctx context.Context, bytes *uint64) error {
	return n.traffic(ctx, func(_ string, sent uint64) { *bytes += sent })
}

// traffic tells what a node has sent over each connection.
func (n *benchNode) traffic(ctx context.Context, each func(peer string, sent uint64)) error {
	var answer struct {
		Peers map[string]struct {
			Bytes uint64 `json:"bytes_out,string"`
		}
	}
	if err := n.client.ask(ctx, "peers", map[string]any{"peer_details": true}, &answer); err != nil {
		return err
	}
	for peer, p := range answer.Peers {
		each(peer, p.Bytes)
	}
	return nil
}

// stop ends the node, by force if need be.
func (n *benchNode) stop() {
	askToStop(n.command.Process)
	late := time.AfterFunc(stopLimit, func() { kill(n.command.Process) })
	defer late.Stop()
	_ = n.command.Wait() // how it ended does not matter any more
}
