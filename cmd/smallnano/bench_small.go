package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/messages/lattice"
)

// smallBench measures a node on a small machine: one core and little memory, by a
// control group. It has a ledger, first nothing to do, then blocks that come from
// a second node, which is not held to anything.
type smallBench struct {
	blocks, megabytes, setting int
	votes, limited             bool
	idle, busy                 time.Duration
	rate                       float64
}

// smallEvery is how often the memory of the node is looked at.
const smallEvery = time.Second

// defineBenchSmall is the command "bench small".
func defineBenchSmall(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	s := &smallBench{}
	flags.IntVar(&s.blocks, "blocks", 1_000_000, "blocks in the ledger")
	flags.IntVar(&s.megabytes, "memory", 128, "memory of the control group, in MB")
	flags.IntVar(&s.setting, "memory-limit-mb", 0, "the node's own setting; 0: its default")
	flags.BoolVar(&s.votes, "votes", true, "the node votes, and the other one only feeds it; false: the other way")
	flags.BoolVar(&s.limited, "limited", true, "use a control group; false: only measure, without root")
	flags.DurationVar(&s.idle, "idle", 10*time.Minute, "how long it has nothing to do")
	flags.DurationVar(&s.busy, "load", 10*time.Minute, "how long blocks come")
	flags.Float64Var(&s.rate, "rate", 240, "blocks a second")
	return func(b *benchRun) (*load.Report, error) {
		if s.blocks < 2 || s.megabytes < 16 || s.setting < 0 || s.idle <= 0 || s.busy <= 0 || !(s.rate > 0 && s.rate <= 1000) {
			return nil, misused("--blocks is %d, --memory %d, --memory-limit-mb %d, --idle %v, --load %v and --rate %v, want at least 2, at least 16, no less than 0, some time, some time, and up to 1000",
				s.blocks, s.megabytes, s.setting, s.idle, s.busy, s.rate)
		}
		runtime.LockOSThread() // see childAttributes
		defer runtime.UnlockOSThread()
		return s.run(b)
	}
}

func (s *smallBench) run(b *benchRun) (r *load.Report, err error) {
	dir, remove, err := b.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	group := &controlGroup{}
	if s.limited { // before the long part, which would be in vain
		if group, err = newControlGroup(controlGroups, "smallnano-bench-"+strconv.Itoa(os.Getpid()), int64(s.megabytes)<<20); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, group.remove()) }()
	}
	fmt.Fprintf(b.say, "making a ledger of %d blocks\n", s.blocks)
	small, feeder := filepath.Join(dir, "small"), filepath.Join(dir, "feeder")
	maker := newLedgerMaker(lattice.Dev(), max(1, s.blocks/10))
	if err := maker.fill(b, small, s.blocks); err != nil {
		return nil, err
	}
	if err := copyBenchLedger(small, feeder); err != nil {
		return nil, err
	}
	voting := []string{"--enable-voting", "--voting-key", devGenesis}
	var feederArgs, args []string
	if s.votes {
		args = voting
	} else {
		feederArgs = voting
	}
	other, err := startBenchNode(b, feeder, feederArgs...)
	if err != nil {
		return nil, err
	}
	defer other.stop()
	if s.setting > 0 {
		args = append(args, "--memory-limit-mb", strconv.Itoa(s.setting))
	}
	var wrapper []string
	if s.limited {
		wrapper = group.wrapper()
	}
	n, err := startBenchNodeIn(wrapper, small, append(args, "--peer", other.peering)...)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	return s.measure(b, n, other, maker, group)
}

func (s *smallBench) measure(b *benchRun, n, other *benchNode, maker *ledgerMaker, group *controlGroup) (*load.Report, error) {
	r := &load.Report{}
	fmt.Fprintf(b.say, "idle for %v\n", s.idle)
	if err := s.phase(b, n, r, "idle", s.idle); err != nil {
		return nil, err
	}
	before, err := confirmedBlocks(b, n.client)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(b.say, "%v blocks a second for %v\n", s.rate, s.busy)
	traffic := startLiveTraffic(b, maker, other.client, s.rate)
	defer traffic.stop()
	if err := s.phase(b, n, r, "load", s.busy); err != nil {
		return nil, err
	}
	traffic.stop()
	if err := traffic.failed(); err != nil {
		return nil, err
	}
	r.Add("offered", "blocks that the feeding node took", float64(traffic.taken()))
	// What came last may still be on its way.
	after := before
	for deadline := time.Now().Add(time.Minute); after-before < uint64(traffic.taken()) && time.Now().Before(deadline); {
		if err := pause(b, benchPoll); err != nil {
			return nil, err
		}
		if after, err = confirmedBlocks(b, n.client); err != nil {
			return nil, err
		}
	}
	r.Add("confirmed", "of them, by the node", float64(after-before))
	r.Add("group_peak_mb", "MB, cached files included", float64(group.peakBytes())/megabyte)
	r.Add("group_full", "times that memory was taken back", float64(group.timesFull()))
	return r, nil
}

// phase looks at the node for a time.
func (s *smallBench) phase(ctx context.Context, n *benchNode, r *load.Report, name string, length time.Duration) error {
	var rss []float64
	begun, err := useOf(n.command.Process.Pid)
	if err != nil {
		return err
	}
	for start := time.Now(); time.Since(start) < length; {
		if err := pause(ctx, min(smallEvery, length)); err != nil {
			return err
		}
		u, err := useOf(n.command.Process.Pid)
		if err != nil || u.rss == 0 {
			return fmt.Errorf("the node has ended: there was too little memory, or see its log: %w", err)
		}
		rss = append(rss, float64(u.rss)/megabyte)
	}
	ended, err := useOf(n.command.Process.Pid)
	if err != nil {
		return err
	}
	r.Add(name+"_rss_mb", "MB, each second", rss...)
	r.Add(name+"_cpu_percent", "of one core", 100*ended.since(begun).cpu.Seconds()/length.Seconds())
	return nil
}

func confirmedBlocks(ctx context.Context, c *client) (uint64, error) {
	var answer struct {
		Cemented uint64 `json:"cemented,string"`
	}
	err := c.ask(ctx, "block_count", nil, &answer)
	return answer.Cemented, err
}
