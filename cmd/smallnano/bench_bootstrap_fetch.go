package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/smallnano/smallnano/wire/rpc"
)

// fetching is the part of a benchmark in which the fresh node fetches the ledger.
type fetching struct {
	bench   *bootstrapBench
	result  *bootstrapResult
	servers []*benchNode
	start   func() (*benchNode, error)
	live    *liveTraffic // nil: there is none

	fresh   *benchNode
	kills   int
	last    int               // blocks that were confirmed before the last kill
	traffic map[string]uint64 // sent over each connection, those that have ended included
}

// run waits until the fresh node has all blocks, and until all are confirmed. It
// kills it on the way, and sees that nothing is lost by that.
func (f *fetching) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, f.bench.limit, fmt.Errorf("not done within %v", f.bench.limit))
	defer cancel()
	var before time.Duration
	for _, s := range f.servers {
		before += cpuOf(s)
	}
	var err error
	if f.fresh, err = f.start(); err != nil {
		return err
	}
	defer func() { f.fresh.stop() }()
	tick := time.NewTicker(benchPoll)
	defer tick.Stop()
	began, goal := f.fresh.ready, f.bench.blocks
	for {
		if f.live != nil {
			goal = f.bench.blocks + f.live.taken()
		}
		count, cemented, err := f.look(ctx)
		if err != nil {
			return err
		}
		r, passed := f.result, time.Since(began).Seconds()
		if r.Seconds == 0 && count >= goal {
			r.Seconds, r.BlocksPerSecond = passed, float64(count)/passed
			if f.live != nil {
				f.live.stop()
				r.LivePerSecond = float64(f.live.taken()) / passed
			}
		}
		if r.Seconds > 0 && cemented >= goal {
			r.ConfirmedSeconds, r.ConfirmedPerSecond = passed, float64(cemented)/passed
			return f.sum(ctx, before)
		}
		if f.kills < f.bench.kills && count >= f.bench.blocks/(f.bench.kills+1)*(f.kills+1) {
			if err := f.kill(ctx, count, cemented); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d blocks and %d confirmed of %d: %w", count, cemented, goal, context.Cause(ctx))
		}
	}
}

// look asks the fresh node how far it is.
func (f *fetching) look(ctx context.Context) (blocks, confirmed int, err error) {
	var count struct {
		Count    int `json:",string"`
		Cemented int `json:",string"`
	}
	if err := f.fresh.client.ask(ctx, "block_count", nil, &count); err != nil {
		return 0, 0, errors.Join(context.Cause(ctx), err)
	}
	if count.Cemented < f.last {
		return 0, 0, fmt.Errorf("%d blocks were confirmed before the node was killed, %d are after it", f.last, count.Cemented)
	}
	f.result.PeakRSS = max(f.result.PeakRSS, peakOf(f.fresh))
	return count.Count, count.Cemented, nil
}

// kill ends the fresh node without a word, and starts it again: it must go on with
// all the blocks that it had.
func (f *fetching) kill(ctx context.Context, blocks, confirmed int) error {
	f.kills, f.last = f.kills+1, confirmed
	f.result.Kills = f.kills
	f.result.CPU += cpuOf(f.fresh).Seconds()
	if err := f.count(ctx); err != nil {
		return err
	}
	kill(f.fresh.command.Process)
	_ = f.fresh.command.Wait() // killed, as it was meant to be
	again, err := f.start()
	if err != nil {
		return fmt.Errorf("after kill %d: %w", f.kills, err)
	}
	f.fresh = again
	now, _, err := f.look(ctx)
	if err == nil && now < blocks {
		err = fmt.Errorf("after kill %d the node has %d blocks, before it it had %d", f.kills, now, blocks)
	}
	if err == nil {
		f.result.Resumes++
		f.result.ResumedAt = append(f.result.ResumedAt, now)
	}
	return err
}

// count notes what the servers have sent so far, and adds what this life of the
// fresh node was given.
func (f *fetching) count(ctx context.Context) error {
	var status struct {
		Received int `json:"blocks_received,string"`
	}
	if err := f.fresh.client.ask(ctx, "bootstrap_status", nil, &status); err != nil {
		return err
	}
	f.result.Received += status.Received
	for i, s := range f.servers {
		err := s.traffic(ctx, func(peer string, sent uint64) {
			name := fmt.Sprint(i, " to ", peer)
			f.traffic[name] = max(f.traffic[name], sent)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sum adds up what it took.
func (f *fetching) sum(ctx context.Context, before time.Duration) error {
	r := f.result
	r.CPU += cpuOf(f.fresh).Seconds()
	var used time.Duration
	for _, s := range f.servers {
		used += cpuOf(s)
		r.PeersRSS = max(r.PeersRSS, peakOf(s))
	}
	r.PeersCPU = (used - before).Seconds()
	if f.live != nil {
		r.LiveBlocks = f.live.taken()
		if err := f.live.failed(); err != nil {
			return err
		}
	}
	err := f.count(ctx)
	for _, sent := range f.traffic {
		r.BytesSent += sent
	}
	r.CPUPerBlock = r.CPU * 1e6 / float64(r.Blocks+r.LiveBlocks)
	r.SentPerBlock = float64(r.BytesSent) / float64(r.Blocks+r.LiveBlocks)
	return err
}

// cpuOf and peakOf tell what a node has used, 0 where the system does not tell.
func cpuOf(n *benchNode) time.Duration {
	u, _ := useOf(n.command.Process.Pid)
	return u.cpu
}

func peakOf(n *benchNode) float64 {
	u, _ := useOf(n.command.Process.Pid)
	return float64(u.peak) / megabyte
}

// liveTraffic is blocks that are made while a node fetches the ledger.
type liveTraffic struct {
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	count  int // that were taken
	err    error
}

// startLiveTraffic hands so many blocks a second to a node, one after the other.
func startLiveTraffic(ctx context.Context, m *ledgerMaker, to *client, rate float64) *liveTraffic {
	ctx, cancel := context.WithCancel(ctx)
	l := &liveTraffic{cancel: cancel, done: make(chan struct{})}
	own := &client{url: to.url, token: to.token} // with a connection of its own
	go func() {
		defer close(l.done)
		tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
		defer tick.Stop()
		for ctx.Err() == nil {
			block, _ := m.next()
			err := own.ask(context.WithoutCancel(ctx), "process", map[string]any{"json_block": true, "block": json.RawMessage(rpc.EncodeBlock(&block))}, new(any))
			l.mu.Lock()
			if l.err = err; err == nil {
				l.count++
			}
			l.mu.Unlock()
			if err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return l
}

// stop ends the traffic and waits until no more comes.
func (l *liveTraffic) stop() {
	l.cancel()
	<-l.done
}

// taken is how many of the blocks the node has taken.
func (l *liveTraffic) taken() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// failed is why the traffic ended early.
func (l *liveTraffic) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return fmt.Errorf("the live traffic ended after %d blocks: %w", l.count, l.err)
	}
	return nil
}
