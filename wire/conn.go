package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

// readBuffer is how much a Conn reads ahead, in bytes: some blocks or votes in
// one system call, and small enough for every peer to have one.
const readBuffer = 4096

// Conn sends and receives frames over a stream. One goroutine may read and
// another write at the same time; Close and Counters are for anyone. It has no
// goroutine of its own.
//
// Deadlines are absolute and bound a whole call, so that a peer that sends a
// byte now and then gains nothing; the zero time means none.
type Conn struct {
	stream net.Conn
	id     lattice.NetworkID

	// Of the reading goroutine.
	in      *bufio.Reader // made when reading begins: a Conn that is refused costs little
	pending Header        // its body is not read yet
	hasBody bool
	readErr error // reading is over

	// Of the writing goroutine.
	out      []byte      // of Send
	vector   net.Buffers // of write: room for the list
	unsent   net.Buffers // of write: what of vector is still to go
	writeErr error       // writing is over

	bytesRead, bytesWritten   atomic.Uint64
	framesRead, framesWritten atomic.Uint64
}

// Counters is what went through a Conn so far. Bytes include headers; a frame
// counts when it is complete.
type Counters struct {
	BytesRead, BytesWritten   uint64
	FramesRead, FramesWritten uint64
}

// NewConn returns a framed connection of a network over a stream, which it
// owns from then on.
func NewConn(stream net.Conn, id lattice.NetworkID) *Conn {
	return &Conn{stream: stream, id: id}
}

// ReadHeader waits for the next frame and returns its checked header, before
// its body is read: the caller can refuse the type or wait until it has room.
// [Conn.ReadBody] must follow.
//
// A deadline that passes before the header is complete costs nothing: the call
// can be repeated. After any other error reading is over and every further
// call returns the same error. It wraps io.EOF when the peer closed between
// two frames, io.ErrUnexpectedEOF when it closed inside one,
// os.ErrDeadlineExceeded, net.ErrClosed after Close, or an error of
// [ParseHeader].
func (c *Conn) ReadHeader(deadline time.Time) (Header, error) {
	if c.readErr != nil {
		return Header{}, c.readErr
	}
	if c.hasBody {
		panic("wire: ReadHeader before ReadBody of the frame before")
	}
	if c.in == nil {
		c.in = bufio.NewReaderSize(c.stream, readBuffer)
	}
	if err := c.allowRead(HeaderSize, deadline); err != nil {
		return Header{}, err
	}
	b, err := c.in.Peek(HeaderSize)
	if err != nil {
		return Header{}, c.headerFailed(len(b), err)
	}
	h, err := ParseHeader(c.id, [HeaderSize]byte(b))
	if err != nil {
		c.readErr = err
		return Header{}, err
	}
	_, _ = c.in.Discard(HeaderSize) // just peeked at
	c.bytesRead.Add(HeaderSize)
	c.pending, c.hasBody = h, true
	return h, nil
}

func (c *Conn) headerFailed(got int, err error) error {
	switch {
	case errors.Is(err, io.EOF) && got == 0:
		err = fmt.Errorf("peer closed the connection: %w", io.EOF)
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("peer closed the connection %d bytes into a frame header: %w", got, io.ErrUnexpectedEOF)
	case isTimeout(err):
		return fmt.Errorf("waiting for a frame, %d bytes of its header came: %w", got, err)
	default:
		err = fmt.Errorf("read frame header: %w", err)
	}
	c.readErr = err
	return err
}

// ReadBody reads the body that belongs to the header just read, into buf when
// it is large enough, else into a new buffer. The body is the caller's: nothing
// here refers to it afterwards, and [Decode] does not either, so that a reader
// can hand the same buffer in again. After an error reading is over; see
// ReadHeader.
func (c *Conn) ReadBody(buf []byte, deadline time.Time) ([]byte, error) {
	if c.readErr != nil {
		return nil, c.readErr
	}
	if !c.hasBody {
		panic("wire: ReadBody without ReadHeader")
	}
	h := c.pending
	if err := c.allowRead(h.Length, deadline); err != nil {
		return nil, err
	}
	if cap(buf) < h.Length {
		buf = make([]byte, h.Length)
	}
	buf = buf[:h.Length]
	n, err := io.ReadFull(c.in, buf)
	c.bytesRead.Add(uint64(n))
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		c.readErr = fmt.Errorf("read body of %v, %d of %d bytes came: %w", h.Type, n, h.Length, err)
		return nil, c.readErr
	}
	c.hasBody = false
	c.framesRead.Add(1)
	return buf, nil
}

// ReadFrame is ReadHeader and ReadBody with one deadline for both.
func (c *Conn) ReadFrame(buf []byte, deadline time.Time) (Header, []byte, error) {
	h, err := c.ReadHeader(deadline)
	if err != nil {
		return Header{}, nil, err
	}
	body, err := c.ReadBody(buf, deadline)
	if err != nil {
		return Header{}, nil, err
	}
	return h, body, nil
}

// allowRead sets the deadline, unless n bytes are here already.
func (c *Conn) allowRead(n int, deadline time.Time) error {
	if c.in.Buffered() >= n {
		return nil
	}
	// A pipe takes no deadline once the other end has closed it; reading then
	// ends by itself, and tells so.
	if err := c.stream.SetReadDeadline(deadline); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		c.readErr = fmt.Errorf("set read deadline: %w", err)
		return c.readErr
	}
	return nil
}

// WriteFrame sends a frame that [Append] made. The frame is only read, and not
// after the call: one frame may go to many peers at once. After an error,
// a deadline that passed included, writing is over and every further call
// returns the same error, since part of a frame may have gone out.
func (c *Conn) WriteFrame(frame []byte, deadline time.Time) error {
	return c.write(deadline, frame)
}

// WriteFrames sends frames one after the other, in one system call where the
// stream can; see WriteFrame.
func (c *Conn) WriteFrames(frames [][]byte, deadline time.Time) error {
	return c.write(deadline, frames...)
}

// Send encodes a message and sends it; see WriteFrame. An error of [Append]
// leaves the connection as it was.
func (c *Conn) Send(m Message, deadline time.Time) error {
	frame, err := Append(c.out[:0], c.id, m)
	if err != nil {
		return err
	}
	c.out = frame
	return c.write(deadline, frame)
}

func (c *Conn) write(deadline time.Time, frames ...[]byte) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if err := c.stream.SetWriteDeadline(deadline); err != nil {
		c.writeErr = fmt.Errorf("set write deadline: %w", err)
		return c.writeErr
	}
	// WriteTo consumes the list, never the frames.
	c.vector = append(c.vector[:0], frames...)
	c.unsent = c.vector
	n, err := c.unsent.WriteTo(c.stream)
	clear(c.vector) // no frame is kept alive
	c.unsent = nil
	c.bytesWritten.Add(uint64(n))
	if err != nil {
		c.writeErr = fmt.Errorf("write %d frames, %d bytes went out: %w", len(frames), n, err)
		return c.writeErr
	}
	c.framesWritten.Add(uint64(len(frames)))
	return nil
}

// Handshake drives h over the connection and returns who the other end is.
// The caller passes the current time plus [HandshakeTimeout] as the deadline,
// and closes the connection after an error.
func (c *Conn) Handshake(h *Handshaker, deadline time.Time) (Peer, error) {
	if err := c.sendAll(h.Start(), deadline); err != nil {
		return Peer{}, err
	}
	for {
		m, err := c.readHandshake(deadline)
		if err != nil {
			return Peer{}, err
		}
		reply, done, err := h.Step(m)
		if err != nil {
			return Peer{}, err
		}
		if err := c.sendAll(reply, deadline); err != nil {
			return Peer{}, err
		}
		if done {
			return h.Peer(), nil
		}
	}
}

// readHandshake refuses every other type before it reads the body.
func (c *Conn) readHandshake(deadline time.Time) (Message, error) {
	head, err := c.ReadHeader(deadline)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	if !head.Type.Handshake() {
		return nil, fmt.Errorf("handshake: %w: %v", ErrUnexpected, head.Type)
	}
	body, err := c.ReadBody(nil, deadline)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return Decode(head, body)
}

func (c *Conn) sendAll(list []Message, deadline time.Time) error {
	for _, m := range list {
		if err := c.Send(m, deadline); err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
	}
	return nil
}

// Counters returns what went through so far.
func (c *Conn) Counters() Counters {
	return Counters{
		BytesRead: c.bytesRead.Load(), BytesWritten: c.bytesWritten.Load(),
		FramesRead: c.framesRead.Load(), FramesWritten: c.framesWritten.Load(),
	}
}

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.stream.RemoteAddr() }

// Close closes the stream. Calls that wait in it return an error that wraps
// net.ErrClosed, or io.ErrClosedPipe from streams in memory.
func (c *Conn) Close() error { return c.stream.Close() }

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
