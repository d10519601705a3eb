package actors

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire"
)

// Bounds of one TCP connection. Together they bound its memory: credits for
// what comes in, the outgoing queue for what goes out.
const (
	linkCredits      = 64        // frames that were read and not yet handled
	linkCreditBytes  = 192 << 10 // their bytes; several of the largest frame
	linkQueue        = 512       // frames that wait to be written
	linkQueueBytes   = 1 << 20   // their bytes
	linkWriteAtOnce  = 32        // frames in one system call
	linkReadIdle     = 2 * time.Minute
	linkBodyTimeout  = 20 * time.Second
	linkWriteTimeout = 10 * time.Second // a peer that reads slower than this is cut
	linkLinger       = time.Second      // for what is queued when the link is closed
)

// TCP is the Network of a real node.
type TCP struct{ ID lattice.NetworkID }

// Listen implements Network.
func (t TCP) Listen(address netip.AddrPort, accept func(messages.Link)) (Listener, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(address))
	if err != nil {
		return nil, fmt.Errorf("cannot listen for peers on %v: %w", address, err)
	}
	go acceptLinks(l, t.ID, accept)
	return tcpListener{l}, nil
}

// acceptLinks ends when the listener is closed.
func acceptLinks(l *net.TCPListener, id lattice.NetworkID, accept func(messages.Link)) {
	pause := 5 * time.Millisecond
	for {
		c, err := l.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of file descriptors, mostly: wait for some to be closed
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		accept(newTCPLink(c, id))
	}
}

type tcpListener struct{ *net.TCPListener }

// Address implements Listener.
func (l tcpListener) Address() netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// Dial implements Network.
func (t TCP) Dial(to netip.AddrPort, limit time.Duration, done func(messages.Link, error)) {
	go func() {
		c, err := net.DialTimeout("tcp", to.String(), limit)
		if err != nil {
			done(nil, err)
			return
		}
		done(newTCPLink(c.(*net.TCPConn), t.ID), nil)
	}()
}

// resolveTimeout bounds a name look-up.
const resolveTimeout = 10 * time.Second

// Resolve implements Network.
func (TCP) Resolve(hostPort string, done func([]netip.AddrPort, error)) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
		defer cancel()
		done(resolve(ctx, hostPort))
	}()
}

func resolve(ctx context.Context, hostPort string) ([]netip.AddrPort, error) {
	host, portText, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, fmt.Errorf("peer %q: %w; write it as host:port", hostPort, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("peer %q: %q is not a port", hostPort, portText)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("peer %q: %w", hostPort, err)
	}
	out := make([]netip.AddrPort, len(addresses))
	for i, a := range addresses {
		out[i] = netip.AddrPortFrom(a.Unmap(), uint16(port))
	}
	return out, nil
}

// tcpLink is a Link over TCP: a goroutine that reads and one that writes, from
// Start until the end of the connection.
type tcpLink struct {
	conn    *wire.Conn
	remote  netip.AddrPort
	credits *mailbox.Credits
	ctx     context.Context
	cancel  context.CancelFunc

	out      chan []byte
	outBytes atomic.Int64
	dropped  atomic.Uint64

	start  sync.Once
	finish sync.Once
}

func newTCPLink(c *net.TCPConn, id lattice.NetworkID) *tcpLink {
	remote := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	ctx, cancel := context.WithCancel(context.Background())
	return &tcpLink{
		conn:    wire.NewConn(c, id),
		remote:  netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()),
		credits: mailbox.NewCredits(linkCredits, linkCreditBytes, nil),
		ctx:     ctx, cancel: cancel,
		out: make(chan []byte, linkQueue),
	}
}

// Remote implements messages.Link.
func (l *tcpLink) Remote() netip.AddrPort { return l.remote }

// Start implements messages.Link.
func (l *tcpLink) Start(receive func(*messages.FrameArrived), closed func(error)) {
	l.start.Do(func() {
		go l.write()
		go func() {
			err := l.read(receive)
			l.Close()
			closed(err)
		}()
	})
}

// read delivers frames until the connection ends. A credit is taken before the
// body is read: without one the peer's data stays in the kernel, and TCP slows
// the peer down.
func (l *tcpLink) read(receive func(*messages.FrameArrived)) error {
	for {
		h, err := l.conn.ReadHeader(time.Now().Add(linkReadIdle))
		if err != nil {
			return err
		}
		credit, err := l.credits.Acquire(l.ctx, int64(wire.HeaderSize+h.Length))
		if err != nil {
			return err
		}
		body, err := l.conn.ReadBody(nil, time.Now().Add(linkBodyTimeout))
		if err != nil {
			credit.Release()
			return err
		}
		receive(&messages.FrameArrived{Type: uint8(h.Type), Body: body, Credit: credit})
	}
}

// Send implements messages.Link.
func (l *tcpLink) Send(frame []byte) bool {
	size := int64(len(frame))
	if l.outBytes.Add(size) <= linkQueueBytes && l.ctx.Err() == nil {
		select {
		case l.out <- frame:
			return true
		default:
		}
	}
	l.outBytes.Add(-size)
	l.dropped.Add(1)
	return false
}

// write sends what is queued until the link is closed, then what is left.
func (l *tcpLink) write() {
	defer l.conn.Close()
	frames := make([][]byte, 0, linkWriteAtOnce)
	for {
		select {
		case f := <-l.out:
			if l.flush(append(frames, f), linkWriteTimeout) != nil {
				l.cancel()
				return
			}
		case <-l.ctx.Done():
			for len(l.out) > 0 {
				if l.flush(append(frames, <-l.out), linkLinger) != nil {
					return
				}
			}
			return
		}
	}
}

// flush writes frames together with more that wait already.
func (l *tcpLink) flush(frames [][]byte, limit time.Duration) error {
	for len(frames) < linkWriteAtOnce && len(l.out) > 0 {
		frames = append(frames, <-l.out)
	}
	var size int64
	for _, f := range frames {
		size += int64(len(f))
	}
	l.outBytes.Add(-size)
	return l.conn.WriteFrames(frames, time.Now().Add(limit))
}

// Close implements messages.Link.
func (l *tcpLink) Close() {
	l.finish.Do(func() {
		l.cancel()
		l.start.Do(func() { _ = l.conn.Close() }) // never started: nobody else closes it
	})
}

// Traffic implements messages.Link.
func (l *tcpLink) Traffic() messages.Traffic {
	c := l.conn.Counters()
	return messages.Traffic{
		BytesIn: c.BytesRead, BytesOut: c.BytesWritten,
		FramesIn: c.FramesRead, FramesOut: c.FramesWritten,
		Dropped: l.dropped.Load(),
	}
}
