//go:build linux || darwin

package main

import (
	"syscall"
	"time"
)

// processorTime returns what this process has used of the processor since it
// was started.
func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// diskSpace returns the bytes that can still be written to the file system of a
// folder, and its bytes in all; 0 and 0 when they are not known.
func diskSpace(dir string) (free, size int64) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize)
}

// openFileLimit returns how many files this process may have open; 0 when it is
// not known.
func openFileLimit() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return uint64(l.Cur)
}
