package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/messages/lattice"
)

// maxNodes bounds a network on one machine.
const maxNodes = 16

// devnetFlags are the flags of the command "devnet".
type devnetFlags struct {
	nodes, basePort, transfers int
	dir                        string
	once, json                 bool
}

func (f *devnetFlags) define(flags *flag.FlagSet) {
	flags.IntVar(&f.nodes, "nodes", 3, "number of nodes")
	flags.StringVar(&f.dir, "dir", ".devnet", "folder of the nodes' data; a network that is there goes on")
	flags.IntVar(&f.basePort, "base-port", 17176, "port of the first node for peers; the next is its RPC, then come those of the next node")
	flags.IntVar(&f.transfers, "transfers", 4, "blocks of the demonstration")
	flags.BoolVar(&f.once, "once", false, "stop after the demonstration")
	flags.BoolVar(&f.json, "json", false, "print the result as one JSON object")
}

func (f *devnetFlags) validate() error {
	switch {
	case f.nodes < 1 || f.nodes > maxNodes:
		return misused("--nodes is %d, want 1 to %d", f.nodes, maxNodes)
	case f.basePort < 1 || f.basePort+2*f.nodes > 65536:
		return misused("--base-port is %d, want 1 to %d", f.basePort, 65536-2*f.nodes)
	case f.transfers < 1 || f.transfers > 100_000:
		return misused("--transfers is %d, want 1 to 100000", f.transfers)
	}
	return nil
}

// devnet is a network of several nodes, each a process of its own, and what is
// done with it.
type devnet struct {
	flags    devnetFlags
	network  *lattice.Network
	children []*child
	follow   *load.Follower
	say      io.Writer // for people: what is going on
	out      io.Writer
	terminal bool
}

// runDevnet is the command "devnet".
func runDevnet(p *program, flags *flag.FlagSet, args []string) error {
	d := &devnet{network: lattice.Dev(), say: p.out, out: p.out, terminal: isTerminal(p.out)}
	d.flags.define(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	if err := d.flags.validate(); err != nil {
		return err
	}
	if d.flags.json {
		d.say = p.err
	}
	told, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	ctx, fail := context.WithCancelCause(told)
	defer fail(nil)
	runtime.LockOSThread() // see childAttributes
	err := d.run(ctx, fail)
	// A node that ended says more than the call that failed of it, and is the end
	// of the network also when none did.
	if cause := context.Cause(ctx); cause != nil && (err != nil || told.Err() == nil) {
		err = cause
	}
	stopped := d.stop()
	if err = errors.Join(err, stopped); err != nil {
		return fmt.Errorf("%w; the logs of the nodes are %s", err, filepath.Join(d.flags.dir, "node-*", "log"))
	}
	return nil
}

// run starts the nodes, shows the demonstration, and shows the nodes until it
// is told to stop.
func (d *devnet) run(ctx context.Context, fail context.CancelCauseFunc) error {
	if err := d.start(ctx, fail); err != nil {
		return err
	}
	if err := d.share(ctx); err != nil {
		return fmt.Errorf("cannot share out the voting weight: %w", err)
	}
	transfers, err := d.demonstrate(ctx)
	if err != nil {
		return fmt.Errorf("the demonstration failed: %w", err)
	}
	result := summarise(d.flags.nodes, transfers, d.residentMB())
	if d.flags.json {
		if err := json.NewEncoder(d.out).Encode(result); err != nil {
			return err
		}
	}
	result.print(d.say)
	if d.flags.once {
		return nil
	}
	return d.watch(ctx)
}

// start starts all nodes and waits until they are connected and agree on what
// is in their ledgers.
func (d *devnet) start(ctx context.Context, fail context.CancelCauseFunc) error {
	if err := d.checkFolder(); err != nil {
		return err
	}
	fmt.Fprintf(d.say, "starting %d nodes in %s\n", d.flags.nodes, d.flags.dir)
	for i := range d.flags.nodes {
		c, err := d.newChild(i)
		if err == nil {
			err = c.start(fail)
		}
		if err != nil {
			return err
		}
		d.children = append(d.children, c)
	}
	for _, c := range d.children {
		if err := c.waitReady(ctx); err != nil {
			return err
		}
		fmt.Fprintf(d.say, "  node %d: peers %s, rpc %s, %d %% of the votes\n", c.number, c.peerAddress(), c.client.url, percentOf(c.number, d.flags.nodes))
	}
	if err := d.waitInStep(ctx); err != nil {
		return err
	}
	d.follow = load.NewFollower(len(d.children))
	for _, c := range d.children {
		if err := follow(ctx, d.follow, c, fail); err != nil {
			return err
		}
	}
	return nil
}

// checkFolder refuses the data of a larger network: what its other nodes vote
// with would be missing.
func (d *devnet) checkFolder() error {
	if err := makeFolder(d.flags.dir); err != nil {
		return err
	}
	if _, err := os.Stat(d.folder(d.flags.nodes)); err == nil {
		return fmt.Errorf("%s holds a network of more than %d nodes: start as many, remove the folder, or give another with --dir", d.flags.dir, d.flags.nodes)
	}
	return nil
}

func (d *devnet) folder(node int) string {
	return filepath.Join(d.flags.dir, fmt.Sprintf("node-%d", node))
}

// Limits of starting.
const (
	stepLimit = 60 * time.Second
	stepPause = 50 * time.Millisecond
)

// waitInStep waits until every node has all the others as peers and the same
// number of blocks, all confirmed.
func (d *devnet) waitInStep(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stepLimit, fmt.Errorf("the nodes did not come together within %v", stepLimit))
	defer cancel()
	pause := time.NewTicker(stepPause)
	defer pause.Stop()
	for {
		together, err := d.inStep(ctx)
		if err == nil && together {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

func (d *devnet) inStep(ctx context.Context) (bool, error) {
	var blocks uint64
	for i, c := range d.children {
		s, err := c.status(ctx)
		if err != nil {
			return false, err
		}
		if i == 0 {
			blocks = s.Blocks
		}
		if s.Peers != len(d.children)-1 || s.Blocks != blocks || s.Confirmed != blocks {
			return false, nil
		}
	}
	return true, nil
}

// stop stops all nodes. When it returns no process is left.
func (d *devnet) stop() error {
	for _, c := range d.children {
		c.askToStop()
	}
	var all []error
	limit := time.After(stopLimit)
	for _, c := range d.children {
		all = append(all, c.end(limit))
	}
	return errors.Join(all...)
}

// isTerminal reports whether somebody watches.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// endLimit is how long a node that does not answer is given to end by itself.
const endLimit = 2 * time.Second

// follow follows one node from its newest confirmation on until ctx ends.
func follow(ctx context.Context, f *load.Follower, c *child, fail context.CancelCauseFunc) error {
	s, err := c.status(ctx)
	if err != nil {
		return err
	}
	go func() {
		err := f.Read(ctx, c.number, c.client, s.Confirmed)
		if ctx.Err() != nil {
			return
		}
		select {
		case <-c.ended: // which says why
		case <-time.After(endLimit):
			fail(fmt.Errorf("cannot follow node %d: %w", c.number, err))
		}
	}()
	return nil
}
