package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// machine is a network of its own: what runs in it sees its interfaces only. It
// lasts as long as the process that holds it, which ends with the test, however
// that ends: nothing has a name that could be left behind.
type machine struct {
	t      *testing.T
	holder *exec.Cmd
}

// newMachine makes one, or skips the test where that is not permitted.
func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t, exec.Command("cat")}
	in, err := m.holder.StdinPipe() // at whose end it ends
	if err != nil {
		t.Fatal(err)
	}
	m.holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := m.holder.Start(); err != nil {
		t.Skipf("no network namespace can be made here: %v; run it as root", err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = m.holder.Process.Kill()
		_ = m.holder.Wait()
	})
	return m
}

func (m *machine) pid() string { return strconv.Itoa(m.holder.Process.Pid) }

// inside is what comes before a command to run it there.
func (m *machine) inside() []string { return []string{"nsenter", "-t", m.pid(), "-n", "--"} }

// try runs a command there.
func (m *machine) try(command string) error {
	words := append(m.inside(), strings.Fields(command)...)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out)
	}
	return nil
}

// do runs commands there that must succeed.
func (m *machine) do(commands ...string) {
	m.t.Helper()
	for _, c := range commands {
		if err := m.try(c); err != nil {
			m.t.Fatal(err)
		}
	}
}

// dial connects from there. The thread is never used for anything else: it ends
// with its goroutine.
func (m *machine) dial(ctx context.Context, network, address string) (net.Conn, error) {
	type outcome struct {
		conn net.Conn
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		runtime.LockOSThread()
		f, err := os.Open("/proc/" + m.pid() + "/ns/net")
		if err == nil {
			defer f.Close()
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			done <- outcome{nil, err}
			return
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		done <- outcome{conn, err}
	}()
	o := <-done
	return o.conn, o.err
}

// lan is machines on one switch, which is a machine as well: no wire leads out.
type lan struct {
	t    *testing.T
	sw   *machine
	host []*machine
}

// newLAN connects so many machines; machine i has the addresses 10.77.0.i+1 and
// fd77::i+1.
func newLAN(t *testing.T, count int) *lan {
	t.Helper()
	for _, tool := range []string{"ip", "nsenter", "tc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%v; it comes with iproute2 or util-linux", err)
		}
	}
	runtime.LockOSThread() // the machines end with the thread that made them
	l := &lan{t: t, sw: newMachine(t)}
	if err := l.sw.try("ip link add br0 type bridge"); err != nil {
		t.Skipf("no bridge can be made here: %v", err)
	}
	l.sw.do("ip link set br0 up")
	for i := range count {
		h := newMachine(t)
		l.host = append(l.host, h)
		l.sw.do(
			fmt.Sprintf("ip link add port%d type veth peer name eth0 netns %s", i, h.pid()),
			fmt.Sprintf("ip link set port%d master br0", i), fmt.Sprintf("ip link set port%d up", i))
		h.do("ip link set lo up", "ip link set eth0 up", fmt.Sprintf("ip addr add %s/24 dev eth0", l.v4(i)))
		if err := h.try(fmt.Sprintf("ip -6 addr add %s/64 dev eth0 nodad", l.v6(i))); err != nil {
			t.Logf("without IPv6: %v", err)
		}
	}
	return l
}

func (l *lan) v4(i int) string { return fmt.Sprintf("10.77.0.%d", i+1) }
func (l *lan) v6(i int) string { return fmt.Sprintf("fd77::%d", i+1) }

// cut pulls the plug of a machine: what is sent to it, and by it, is lost. heal
// puts it in again.
func (l *lan) cut(i int)  { l.sw.do(fmt.Sprintf("ip link set port%d nomaster", i)) }
func (l *lan) heal(i int) { l.sw.do(fmt.Sprintf("ip link set port%d master br0", i)) }

// slow gives a machine a slow line, both ways: with delay and loss where the
// system can make them, else with little bandwidth and a deep queue.
func (l *lan) slow(i int) {
	l.t.Helper()
	line := "netem delay 80ms 20ms loss 1% rate 1mbit"
	if err := l.sw.try(fmt.Sprintf("tc qdisc add dev port%d root %s", i, line)); err != nil {
		line = "tbf rate 512kbit burst 4kb latency 800ms"
		l.sw.do(fmt.Sprintf("tc qdisc add dev port%d root %s", i, line))
	}
	l.host[i].do("tc qdisc add dev eth0 root " + line)
	l.t.Logf("the line of machine %d: %s", i, line)
}

// node prepares a node on a machine that knows others by their addresses.
func (l *lan) node(i int, key string, peers ...string) *node {
	l.t.Helper()
	n := newNode(l.t, "--listen-address", "::", "--peering-port", "7176", "--enable-voting", "--voting-key", key)
	for _, p := range peers {
		n.args = append(n.args, "--peer", p)
	}
	n.prefix, n.attr = l.host[i].inside(), &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	transport := &http.Transport{DialContext: l.host[i].dial}
	n.client = &http.Client{Transport: transport}
	l.t.Cleanup(transport.CloseIdleConnections)
	return n
}

// TestHosts has four nodes on four machines, each with its own addresses, of both
// families, and one of them behind a slow line. One is cut off and comes back.
func TestHosts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts four processes")
	}
	l := newLAN(t, 4)
	const cutOff, behind = 1, 3
	l.slow(behind)
	c := &cluster{t: t, network: lattice.Dev(), blocks: 1}
	c.genesis = testkit.GenesisWallet(c.network)
	for i := range l.host {
		key, peers := "dev-genesis", []string{}
		if i > 0 {
			key = keyFile(t, representative(i))
			peers = append(peers, net.JoinHostPort(l.v4(0), "7176"))
		}
		if i == 2 && l.host[i].try("ping -6 -c 1 -W 5 "+l.v6(0)) == nil {
			peers = []string{net.JoinHostPort(l.v6(0), "7176")}
		}
		n := l.node(i, key, peers...)
		n.start()
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		n.waitPeers(len(c.nodes) - 1) // they tell each other of the rest
	}
	for i := 1; i < len(c.nodes); i++ { // each a fifth, the first has two
		c.fund(representative(i), lattice.Supply.MulDiv(20, 100))
	}
	user := c.fund(testkit.Key(990), lattice.AmountFrom(1000))
	t.Logf("all connected: %s", latencies(c.timed(10, 0)))
	l.where(c.nodes)

	l.cut(cutOff)
	all := c.nodes
	lost := user.Send(user.Account(), lattice.AmountFrom(1))
	if err := all[cutOff].process(lost); err != nil {
		t.Fatal(err)
	}
	_, had := all[cutOff].counts()
	c.nodes = []*node{all[0], all[2], all[behind]} // 800 of 1000 have weight for a quorum of 670, with the slow one
	t.Logf("one is cut off: %s", latencies(c.timed(10, 0)))
	all[cutOff].waitPeers(0)
	for _, n := range c.nodes {
		n.waitPeers(2)
	}
	if _, has := all[cutOff].counts(); has != had {
		t.Errorf("it has confirmed %d blocks alone", has-had)
	}

	l.heal(cutOff)
	began := time.Now()
	c.nodes = all
	user.Advance(lost)
	c.blocks++
	c.waitConfirmed()
	t.Logf("healed: all is confirmed everywhere after %v", time.Since(began).Round(time.Millisecond))
	for _, n := range c.nodes {
		n.waitPeers(len(c.nodes) - 1)
	}
	t.Logf("all connected again: %s", latencies(c.timed(10, 0)))
	c.wantEqual()
	c.stopAndVerify()
}

// where checks that peers are seen at the addresses of their machines.
func (l *lan) where(nodes []*node) {
	l.t.Helper()
	for i, n := range nodes {
		for address := range n.must("peers", nil)["peers"].(object) {
			host, _, err := net.SplitHostPort(address)
			if ip := net.ParseIP(host); err != nil || ip.IsLoopback() || !strings.HasPrefix(ip.String(), "10.77.0.") && !strings.HasPrefix(ip.String(), "fd77::") {
				l.t.Errorf("machine %d has a peer at %s", i, address)
			}
		}
	}
}
