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
	linkCredits     = 64        // frames that were read and not yet handled
	linkCreditBytes = 192 << 10 // their bytes; several of the largest frame
	linkQueue       = 1024      // frames that wait to be written
	linkQueueBytes  = 256 << 10 // their bytes
	linkBulk        = 64        // answers to bootstrapping peers that wait to be written
	linkBulkBytes   = 512 << 10 // their bytes; all that one peer of ours asks for at once
	linkWriteAtOnce = 32        // frames in one system call
	linkWriteBytes  = 64 << 10  // their bytes, if they are several
	// linkMemory is what all this takes at most.
	linkMemory       = linkCreditBytes + linkQueueBytes + linkBulkBytes
	linkReadIdle     = 2 * time.Minute
	linkBodyTimeout  = 20 * time.Second
	linkWriteTimeout = 10 * time.Second // a peer that reads slower than this is cut
	linkLinger       = time.Second      // for what is queued when the link is closed
)

// TCP is the Network of a real node.
type TCP struct {
	ID lattice.NetworkID
	// Limit is the bandwidth that all connections share; nil is no limit.
	Limit *Bandwidth
}

// Listen implements Network.
func (t TCP) Listen(address netip.AddrPort, wanted func(netip.AddrPort) bool, accept func(messages.Link)) (Listener, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(address))
	if err != nil {
		return nil, fmt.Errorf("cannot listen for peers on %v: %w", address, err)
	}
	go t.acceptLinks(l, wanted, accept)
	return tcpListener{l}, nil
}

// acceptLinks ends when the listener is closed.
func (t TCP) acceptLinks(l *net.TCPListener, wanted func(netip.AddrPort) bool, accept func(messages.Link)) {
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
		if !wanted(remoteOf(c)) {
			_ = c.Close()
			continue
		}
		accept(t.newLink(c))
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
		done(t.newLink(c.(*net.TCPConn)), nil)
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
	share   *share
	ctx     context.Context
	cancel  context.CancelFunc

	// What waits to be written. Answers to bootstrapping peers, which are long,
	// go only when nothing else waits: they never delay a vote.
	live, bulk lane
	dropped    atomic.Uint64

	start  sync.Once
	finish sync.Once
}

// lane is a queue of frames that wait to be written. Before it has a channel it
// takes none.
type lane struct {
	frames chan []byte
	bytes  atomic.Int64
}

// put queues a frame if the lane then holds no more than most bytes.
func (l *lane) put(frame []byte, most int64) bool {
	size := int64(len(frame))
	if l.bytes.Add(size) <= most {
		select {
		case l.frames <- frame:
			return true
		default:
		}
	}
	l.bytes.Add(-size)
	return false
}

func (t TCP) newLink(c *net.TCPConn) *tcpLink {
	ctx, cancel := context.WithCancel(context.Background())
	return &tcpLink{
		conn:    wire.NewConn(c, t.ID),
		remote:  remoteOf(c),
		credits: mailbox.NewCredits(linkCredits, linkCreditBytes, nil),
		share:   t.Limit.newShare(),
		ctx:     ctx, cancel: cancel,
	}
}

// remoteOf is who is at the other end.
func remoteOf(c *net.TCPConn) netip.AddrPort {
	a := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Remote implements messages.Link.
func (l *tcpLink) Remote() netip.AddrPort { return l.remote }

// Start implements messages.Link.
func (l *tcpLink) Start(receive func(*messages.FrameArrived), closed func(error)) {
	l.start.Do(func() {
		// Not before: a crowd that is refused shall cost little.
		l.live.frames, l.bulk.frames = make(chan []byte, linkQueue), make(chan []byte, linkBulk)
		go l.write()
		go func() {
			err := l.read(receive)
			l.Close()
			closed(err)
		}()
	})
}

// read delivers frames until the connection ends. A credit and the bandwidth are
// taken before the body is read: without them the peer's data stays in the
// kernel, and TCP slows the peer down.
func (l *tcpLink) read(receive func(*messages.FrameArrived)) error {
	for {
		h, err := l.conn.ReadHeader(time.Now().Add(linkReadIdle))
		if err != nil {
			return err
		}
		if err := l.share.receive(l.ctx, wire.HeaderSize+h.Length); err != nil {
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

// Send implements messages.Link. When the queue grows, what others repeat anyway
// is dropped first: chat, then blocks, then votes and questions for them.
func (l *tcpLink) Send(frame []byte) bool {
	sent := false
	if l.ctx.Err() == nil {
		switch wire.Type(frame[typeByte]) {
		case wire.TypePullAck, wire.TypeFrontierAck:
			sent = l.bulk.put(frame, linkBulkBytes)
		case wire.TypeKeepalive, wire.TypeTelemetry, wire.TypeTelemetryReq:
			sent = l.live.put(frame, linkQueueBytes/4)
		case wire.TypePublish:
			sent = l.live.put(frame, linkQueueBytes/2)
		case wire.TypeVote, wire.TypeConfirmReq:
			sent = l.live.put(frame, linkQueueBytes*3/4)
		default: // what is said once
			sent = l.live.put(frame, linkQueueBytes)
		}
	}
	if !sent {
		l.dropped.Add(1)
	}
	return sent
}

// typeByte is where a frame says what it is.
const typeByte = 4

// write sends what is queued until the link is closed, then what is left.
func (l *tcpLink) write() {
	defer l.conn.Close()
	frames := make([][]byte, 0, linkWriteAtOnce)
	for {
		var first []byte
		from := &l.live
		select {
		case first = <-l.live.frames:
		case <-l.ctx.Done():
			l.linger(frames)
			return
		default:
			select {
			case first = <-l.live.frames:
			case first = <-l.bulk.frames:
				from = &l.bulk
			case <-l.ctx.Done():
				l.linger(frames)
				return
			}
		}
		if l.flush(from, append(frames, first), linkWriteTimeout) != nil {
			l.cancel()
			return
		}
	}
}

// linger sends what is left of a link that is closed, but for answers to
// bootstrapping peers, who ask somebody else.
func (l *tcpLink) linger(frames [][]byte) {
	for len(l.live.frames) > 0 {
		if l.flush(&l.live, append(frames, <-l.live.frames), linkLinger) != nil {
			return
		}
	}
}

// flush writes frames together with more that wait already in the same lane.
func (l *tcpLink) flush(from *lane, frames [][]byte, limit time.Duration) error {
	size := len(frames[0])
	for len(frames) < linkWriteAtOnce && size < linkWriteBytes && len(from.frames) > 0 {
		f := <-from.frames
		frames = append(frames, f)
		size += len(f)
	}
	from.bytes.Add(-int64(size))
	_ = l.share.send(l.ctx, size) // fails only when the link is closed: then what is left goes at once
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
	_, inUse := l.credits.InUse()
	return messages.Traffic{
		BytesIn: c.BytesRead, BytesOut: c.BytesWritten,
		FramesIn: c.FramesRead, FramesOut: c.FramesWritten,
		Dropped: l.dropped.Load(),
		Queued:  uint64(max(0, l.live.bytes.Load()+l.bulk.bytes.Load()+inUse)),
	}
}
