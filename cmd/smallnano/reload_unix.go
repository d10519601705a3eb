//go:build unix

package main

import (
	"os"
	"syscall"
)

// reloadSignals ask a node to read its settings again.
var reloadSignals = []os.Signal{syscall.SIGHUP}
