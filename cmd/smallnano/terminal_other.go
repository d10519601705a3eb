//go:build !linux

package main

import "os"

// terminalSize is what fits on the least of terminals.
func terminalSize(*os.File) (columns, lines int) { return 80, 24 }
