package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// restPercent is by how much the heap may grow before garbage is collected, in
	// per cent of what is in use: a node is idle most of the time, and the machine is
	// small.
	restPercent = 50
	// busyPercent is the most of it, busyRoom what a busy node may always let grow:
	// with a heap of 10 MB it would collect every few thousand messages otherwise,
	// which is a tenth of its processor time.
	busyPercent = 300
	busyRoom    = 16 << 20
	// busyShare is the part of one core that a busy node takes at least, in per cent.
	busyShare = 10
)

// collector sets how often garbage is collected. The limit on memory
// (memory_limit_mb) goes before it.
type collector struct {
	percent int
	cpu     time.Duration // of the process, when it was measured last
	at      time.Time
	set     func(percent int)
}

// newCollector returns the collector of this process; nil if the environment says
// how garbage is collected.
func newCollector() *collector {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	c := &collector{set: func(percent int) { debug.SetGCPercent(percent) }}
	c.change(restPercent)
	return c
}

// steer follows what the process used since the last call: cpu is its processor
// time so far, live the bytes that were in use after the last collection.
func (c *collector) steer(cpu time.Duration, live uint64, now time.Time) {
	if c == nil {
		return
	}
	used, took := cpu-c.cpu, now.Sub(c.at)
	first := c.at.IsZero()
	c.cpu, c.at = cpu, now
	if first || took <= 0 {
		return
	}
	percent := restPercent
	if used >= took*busyShare/100 {
		percent = int(min(max(busyRoom*100/max(live, 1), restPercent), busyPercent))
	}
	if d := percent - c.percent; percent == restPercent || d > 20 || d < -20 { // it is not worth stopping everything for less
		c.change(percent)
	}
}

func (c *collector) change(percent int) {
	if percent != c.percent {
		c.percent = percent
		c.set(percent)
	}
}

// liveBytes returns what of the heap was in use after the last collection.
func liveBytes() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}
