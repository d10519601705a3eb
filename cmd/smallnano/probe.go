package main

import (
	"runtime"
	"runtime/metrics"

	"github.com/smallnano/smallnano/actors"
)

// prober returns a function that measures this process and the disk of its data
// folder.
func prober(dir string) func() actors.Usage {
	return func() actors.Usage {
		heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(heap)
		free, size := diskSpace(dir)
		return actors.Usage{
			RSS: residentBytes("self"), Heap: int64(heap[0].Value.Uint64()),
			Goroutines: int64(runtime.NumGoroutine()), FDs: openFiles(),
			CPU: processorTime(), DiskFree: free, DiskSize: size,
		}
	}
}
