//go:build unix

package main

import (
	"os"
	"syscall"
)

// modesMatter says that the mode of a file tells who may read it.
const modesMatter = true

// syncFolder makes the names of new files durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// askToStop asks the process group of a child to end in order.
func askToStop(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }

// kill ends the process group of a child at once.
func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
