package actors

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire"
)

// acceptedLink listens, lets somebody connect, and returns both ends.
func acceptedLink(t *testing.T) (messages.Link, *net.TCPConn) {
	t.Helper()
	links := make(chan messages.Link, 1)
	l, err := TCP{ID: lattice.DevID}.Listen(netip.MustParseAddrPort("127.0.0.1:0"), func(netip.AddrPort) bool { return true }, func(link messages.Link) { links <- link })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	conn, err := net.Dial("tcp", l.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return <-links, conn.(*net.TCPConn)
}

// TestSlowReader: a peer that reads nothing is cut, and until then no more waits
// for it than the bound; what does not fit is dropped and counted.
func TestSlowReader(t *testing.T) {
	t.Parallel() // mostly waits
	link, peer := acceptedLink(t)
	if err := peer.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if link.Send([]byte("not started yet")) {
		t.Error("a link that was not started takes a frame")
	}
	closed := make(chan error, 1)
	link.Start(func(*messages.FrameArrived) { t.Error("a frame arrived") }, func(err error) { closed <- err })
	bulk := make([]byte, wire.HeaderSize+60_000)
	bulk[typeByte] = byte(wire.TypePullAck)
	vote := make([]byte, wire.HeaderSize+200)
	vote[typeByte] = byte(wire.TypeVote)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	over := time.After(time.Minute)
	for full := uint64(0); ; {
		select {
		case err := <-closed:
			if link.Send(vote) {
				t.Error("a link that is closed takes a frame")
			}
			if full < linkQueueBytes/4 {
				t.Errorf("at most %d bytes waited; was it full?", full)
			}
			t.Logf("cut: %v", err)
			return
		case <-tick.C:
		case <-over:
			t.Fatal("not cut")
		}
		for range 32 {
			link.Send(bulk)
			link.Send(vote)
		}
		got := link.Traffic()
		if full = max(full, got.Queued); got.Queued > linkMemory {
			t.Fatalf("%d bytes wait, want at most %d", got.Queued, linkMemory)
		}
	}
}

// TestUnstartedLink: a connection that is refused is closed at once, and costs no
// buffers.
func TestUnstartedLink(t *testing.T) {
	link, peer := acceptedLink(t)
	if l := link.(*tcpLink); l.live.frames != nil || l.bulk.frames != nil {
		t.Error("there are queues before the start")
	}
	if got := link.Traffic(); got != (messages.Traffic{}) {
		t.Errorf("traffic %+v", got)
	}
	link.Close()
	_ = peer.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := peer.Read(make([]byte, 1)); err == nil || n != 0 {
		t.Errorf("read %d bytes, %v", n, err)
	}
	link.Close()
}
