//go:build !unix

package main

import (
	"os"
	"syscall"
)

// modesMatter says that the mode of a file tells who may read it.
const modesMatter = false

// syncFolder makes the names of new files durable, where that can be asked for.
func syncFolder(string) error { return nil }

// handOver has nothing to do: nobody is root here.
func handOver(string) {}

// childAttributes has nothing to say here.
func childAttributes() *syscall.SysProcAttr { return nil }

// askToStop ends a child: there is no way to ask.
func askToStop(p *os.Process) { _ = p.Kill() }

// kill ends a child at once.
func kill(p *os.Process) { _ = p.Kill() }
