//go:build !linux && !darwin

package main

import "time"

// processorTime is not known on this system.
func processorTime() time.Duration { return 0 }

// diskSpace is not known on this system.
func diskSpace(string) (free, size int64) { return 0, 0 }

// openFileLimit is not known on this system.
func openFileLimit() uint64 { return 0 }
