package main

import "syscall"

// childAttributes puts a child into a process group of its own, so that Ctrl-C
// reaches this process alone, which then stops the children in order. Should it
// be killed, the kernel tells them to stop. That is tied to the thread that
// started them: whoever starts children stays on its thread.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
