//go:build !linux

package main

// residentBytes is not known on this system.
func residentBytes(string) int64 { return 0 }

// openFiles is not known on this system.
func openFiles() int64 { return 0 }
