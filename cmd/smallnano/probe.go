package main

import (
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/smallnano/smallnano/actors"
)

// prober returns a function that measures this process and the disk of its data
// folder, and has garbage collected as often as suits what it finds.
func prober(dir string) func() actors.Usage {
	gc := newCollector()
	return func() actors.Usage {
		heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(heap)
		free, size := diskSpace(dir)
		cpu := processorTime()
		gc.steer(cpu, liveBytes(), time.Now())
		return actors.Usage{
			RSS: residentBytes("self"), Heap: int64(heap[0].Value.Uint64()),
			Goroutines: int64(runtime.NumGoroutine()), FDs: openFiles(),
			CPU: cpu, DiskFree: free, DiskSize: size,
		}
	}
}
