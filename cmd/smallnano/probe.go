package main

import (
	"runtime"
	"runtime/metrics"

	"github.com/smallnano/smallnano/actors"
)

// probe measures this process.
func probe() actors.Usage {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	return actors.Usage{
		RSS: residentBytes("self"), Heap: int64(heap[0].Value.Uint64()),
		Goroutines: int64(runtime.NumGoroutine()), FDs: openFiles(),
	}
}
