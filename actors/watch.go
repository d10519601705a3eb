package actors

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/wire/rpc"
)

// measureEvery is how often the node measures what it uses.
const measureEvery = 5 * time.Second

// Usage is what the process uses of the machine; 0 where it is not known.
type Usage struct {
	RSS, Heap       int64 // bytes
	Goroutines, FDs int64
	CPU             time.Duration // processor time since the process was started
	// DiskFree is the bytes that can be written to the file system of the data
	// folder; not known when DiskSize, its bytes in all, is 0.
	DiskFree, DiskSize int64
}

// The budget that the node is meant to keep.
const (
	targetRSS  = 64 << 20
	targetHeap = 48 << 20
	targetDisk = 2 << 30
	targetCPU  = 100 // per cent of one core: one is enough
)

// budget holds what is used against what is meant to be.
func budget(u Usage, cpu, ledger, most int64) []rpc.BudgetItem {
	return []rpc.BudgetItem{
		{Name: "rss", Used: u.RSS, Target: targetRSS, Unit: "bytes"},
		{Name: "heap", Used: u.Heap, Target: targetHeap, Unit: "bytes"},
		{Name: "cpu", Used: cpu, Target: targetCPU, Unit: "percent"},
		{Name: "goroutines", Used: u.Goroutines, Unit: "count"},
		{Name: "disk", Used: ledger, Target: most, Unit: "bytes"},
		{Name: "fds", Used: u.FDs, Unit: "count"},
	}
}

// peerBudget is what the connections use: how many there are, and the bytes that
// wait to be sent.
func peerBudget(peers []peerView) []rpc.BudgetItem {
	count, queued := int64(len(peers)), int64(0)
	for i := range peers {
		queued += int64(peers[i].traffic.Queued)
	}
	return []rpc.BudgetItem{
		{Name: "peers", Used: count, Unit: "count"},
		{Name: "peer_bytes", Used: queued, Target: count * linkMemory, Unit: "bytes"},
	}
}

// Free space on the disk of the data folder, in bytes. A full disk is a worse
// place to stop than a nearly full one: an operator needs room to repair it, and
// other programs write there too.
const (
	diskWarn   = 512 << 20 // from here down health says so
	diskLow    = 64 << 20  // from here down nothing is written
	diskEnough = 128 << 20 // from here up it is written again
)

// Limits of what health finds wrong.
const (
	// startingFor is how long an actor that has not started yet means a node that
	// starts, and no fault.
	startingFor = 30 * time.Second
	// peersGrace is how long a node may be without peers after its start.
	peersGrace = time.Minute
	// behindBlocks is how many missing blocks make a node behind its peers; fewer
	// are always on their way.
	behindBlocks = 256
	// clockJump is how far the clock has to be set for it to be told: less is what
	// a time service does all day.
	clockJump = 2 * time.Second
	// clockRemember is how long that is told.
	clockRemember = 10 * time.Minute
)

// findings is what was found around the node.
type findings struct {
	stop    string   // why nothing should be written, or ""
	reasons []string // what else is wrong, one sentence each
}

func (f *findings) add(reason string) {
	if reason != "" {
		f.reasons = append(f.reasons, reason)
	}
}

// watch is the place of the board where findings are posted. The zero value has
// none.
type watch struct{ last atomic.Pointer[findings] }

func (w *watch) post(f findings) { w.last.Store(&f) }

func (w *watch) found() findings {
	if f := w.last.Load(); f != nil {
		return *f
	}
	return findings{}
}

// diskStop returns why nothing should be written, or "". Between the two limits
// it stays as it was before.
func diskStop(u Usage, before string) string {
	limit := int64(diskLow)
	if before != "" {
		limit = diskEnough
	}
	if u.DiskSize == 0 || u.DiskFree >= limit {
		return ""
	}
	return fmt.Sprintf("the disk of the data folder has %d MB free; free some space: writing goes on by itself at %d MB", u.DiskFree>>20, diskEnough>>20)
}

// diskWarning says that the disk will be too full soon, or "".
func diskWarning(u Usage) string {
	if u.DiskSize == 0 || u.DiskFree >= diskWarn {
		return ""
	}
	return fmt.Sprintf("the disk of the data folder has %d MB free; below %d MB nothing is written any more", u.DiskFree>>20, diskLow>>20)
}

// clockWatch finds out that the clock was set, by comparing the time of day with
// the time that passed. A clock that tells only the first, as that of a
// simulation, never jumps.
type clockWatch struct {
	last   time.Time
	jumped time.Time // when it was seen; zero: never
	by     time.Duration
}

// look returns what there is to say about the clock, or "".
func (c *clockWatch) look(now time.Time) string {
	var by time.Duration
	if !c.last.IsZero() {
		by = now.Round(0).Sub(c.last.Round(0)) - now.Sub(c.last)
	}
	c.last = now
	return c.set(now, by)
}

// set is look, knowing by how much the clock is ahead of the time that passed.
func (c *clockWatch) set(now time.Time, by time.Duration) string {
	if by.Abs() >= clockJump {
		c.jumped, c.by = now, by
	}
	if c.jumped.IsZero() || now.Sub(c.jumped) >= clockRemember {
		return ""
	}
	direction := "ahead"
	if c.by < 0 {
		direction = "back"
	}
	return fmt.Sprintf("the clock was set %s by %v at %s, or the machine slept: let a time service keep it",
		direction, c.by.Abs().Round(time.Second/10), c.jumped.UTC().Format(time.TimeOnly))
}
