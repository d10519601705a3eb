//go:build !unix

package main

import "os"

// reloadSignals: there is none on this system.
var reloadSignals []os.Signal
