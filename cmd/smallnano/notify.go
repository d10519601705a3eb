package main

import (
	"net"
	"os"
	"strconv"
	"time"

	"github.com/smallnano/smallnano/actors"
)

// notifySupervisor tells systemd how this process is, if it was started by it:
// lines of NAME=value to the socket that it named. Nobody waits for an answer,
// and a lost word costs nothing.
func notifySupervisor(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(state))
}

// watchdogPause is the pause between two signs of life: half of what the
// supervisor allows. 0: it asks for none.
func watchdogPause(environ func(string) string) time.Duration {
	micros, err := strconv.ParseInt(environ("WATCHDOG_USEC"), 10, 64)
	if pid := environ("WATCHDOG_PID"); err != nil || micros <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(micros) * time.Microsecond / 2
}

// watchdog gives systemd signs of life for as long as the node's health can be
// read, which takes the locks that a stuck node would hold. The function that it
// returns ends that.
func watchdog(node *actors.Node) (end func()) {
	pause := watchdogPause(os.Getenv)
	if pause == 0 {
		return func() {}
	}
	tick, done := time.NewTicker(pause), make(chan struct{})
	go func() {
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = node.Backend().Health()
				notifySupervisor("WATCHDOG=1")
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}
