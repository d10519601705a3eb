package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

var noDeadline time.Time

// stream is a net.Conn that reads from one place and writes to another.
type stream struct {
	io.Reader
	io.Writer
	net.Conn // nil: nothing else may be called
}

func (s *stream) Read(b []byte) (int, error)       { return s.Reader.Read(b) }
func (s *stream) Write(b []byte) (int, error)      { return s.Writer.Write(b) }
func (s *stream) SetReadDeadline(time.Time) error  { return nil }
func (s *stream) SetWriteDeadline(time.Time) error { return nil }

// newMemoryConn returns a Conn that reads these bytes, one at a time, and then
// finds the stream closed.
func newMemoryConn(in []byte) *Conn {
	return NewConn(&stream{Reader: iotest.OneByteReader(bytes.NewReader(in)), Writer: io.Discard}, dev.ID)
}

func newPipe(t *testing.T) (*Conn, *Conn) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	return NewConn(a, dev.ID), NewConn(b, dev.ID)
}

// Everything that is sent arrives, through a pipe and byte by byte.
func TestConnCarriesEverything(t *testing.T) {
	var frames [][]byte
	for _, s := range samples() {
		frames = append(frames, frameOf(s.m))
	}
	for _, m := range longest() {
		frames = append(frames, frameOf(m))
	}
	all := bytes.Join(frames, nil)
	check := func(t *testing.T, c *Conn) {
		var buf []byte
		for i, want := range frames {
			h, body, err := c.ReadFrame(buf, noDeadline)
			if err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
			m, err := Decode(h, body)
			if err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
			if !bytes.Equal(frameOf(m), want) {
				t.Fatalf("frame %d: %x, want %x", i, frameOf(m), want)
			}
			buf = body
		}
		if _, _, err := c.ReadFrame(buf, noDeadline); !errors.Is(err, io.EOF) || IsViolation(err) {
			t.Errorf("at the end: %v", err)
		}
		if got := c.Counters(); got.BytesRead != uint64(len(all)) || got.FramesRead != uint64(len(frames)) {
			t.Errorf("%+v, want %d bytes in %d frames", got, len(all), len(frames))
		}
	}
	t.Run("byte by byte", func(t *testing.T) { check(t, newMemoryConn(all)) })
	t.Run("all at once", func(t *testing.T) {
		check(t, NewConn(&stream{Reader: bytes.NewReader(all), Writer: io.Discard}, dev.ID))
	})
	t.Run("through a pipe", func(t *testing.T) {
		a, b := newPipe(t)
		var sent sync.WaitGroup
		sent.Go(func() {
			half := len(frames) / 2
			for _, f := range frames[:half] {
				if err := a.WriteFrame(f, noDeadline); err != nil {
					t.Error(err)
				}
			}
			if err := a.WriteFrames(frames[half:], noDeadline); err != nil {
				t.Error(err)
			}
			_ = a.Close()
		})
		check(t, b)
		sent.Wait()
		if got := a.Counters(); got.BytesWritten != uint64(len(all)) || got.FramesWritten != uint64(len(frames)) {
			t.Errorf("%+v, want %d bytes in %d frames", got, len(all), len(frames))
		}
	})
}

// The header alone decides: the body of a refused frame is never read.
func TestConnReadsNoBodyOfABadHeader(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	c := NewConn(b, dev.ID)
	defer c.Close()
	go func() { _, _ = a.Write([]byte{0x53, 0x4E, 0xFF, 1, byte(TypePublish), 0, 0xFF, 0xFF}) }()
	_, _, err := c.ReadFrame(nil, noDeadline)
	if !errors.Is(err, ErrLength) {
		t.Fatal(err)
	}
	// The next frame may start anywhere: reading is over.
	if _, again := c.ReadHeader(noDeadline); again != err {
		t.Errorf("then %v", again)
	}
	if _, again := c.ReadBody(nil, noDeadline); again != err {
		t.Errorf("then %v", again)
	}
	if n := c.Counters(); n != (Counters{}) {
		t.Errorf("%+v", n)
	}
}

func TestConnTruncated(t *testing.T) {
	frame := frameOf(sampleVote(1, 2))
	for n := range frame {
		c := newMemoryConn(frame[:n])
		h, body, err := c.ReadFrame(nil, noDeadline)
		want := io.ErrUnexpectedEOF
		var says string
		switch {
		case n == 0:
			want, says = io.EOF, "peer closed the connection"
		case n < HeaderSize:
			says = "bytes into a frame header"
		default:
			says = "read body of vote, "
		}
		if h != (Header{}) || body != nil || !errors.Is(err, want) || !strings.Contains(err.Error(), says) || IsViolation(err) {
			t.Fatalf("%d bytes: %v, %v, %v", n, h, body, err)
		}
		if _, _, again := c.ReadFrame(nil, noDeadline); again != err {
			t.Fatalf("%d bytes: then %v", n, again)
		}
	}
}

// A body has the length its header says, whatever buffer it is read into, and
// that buffer is not touched later.
func TestConnBuffers(t *testing.T) {
	one, two := frameOf(&Publish{Block: sampleBlock(1)}), frameOf(&Publish{Block: sampleBlock(2)})
	c := newMemoryConn(append(bytes.Clone(one), two...))
	room := make([]byte, 3, 1000)
	_, first, err := c.ReadFrame(room, noDeadline)
	if err != nil || &first[0] != &room[0] || !bytes.Equal(first, one[HeaderSize:]) {
		t.Fatalf("%x, %v", first, err)
	}
	_, second, err := c.ReadFrame(make([]byte, 100), noDeadline)
	if err != nil || !bytes.Equal(second, two[HeaderSize:]) || !bytes.Equal(first, one[HeaderSize:]) {
		t.Fatalf("%x, %v", second, err)
	}
	empty := newMemoryConn(frameOf(&TelemetryReq{}))
	if h, body, err := empty.ReadFrame(nil, noDeadline); h.Type != TypeTelemetryReq || len(body) != 0 || err != nil {
		t.Errorf("%v, %v, %v", h, body, err)
	}
}

func TestConnReadDeadline(t *testing.T) {
	past := time.Unix(1, 0)
	a, b := net.Pipe()
	defer a.Close()
	c := NewConn(b, dev.ID)
	defer c.Close()
	frame := frameOf(&Publish{Block: dev.Genesis})
	expired := func(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) && !IsViolation(err) }

	// Between frames, and within a header, waiting can go on afterwards.
	if _, err := c.ReadHeader(past); !expired(err) {
		t.Fatalf("no header: %v", err)
	}
	got := make(chan error, 1)
	wait := func(deadline time.Time) { _, err := c.ReadHeader(deadline); got <- err }
	go wait(noDeadline)
	if _, err := a.Write(frame[:5]); err != nil { // returns when it was read
		t.Fatal(err)
	}
	_ = b.SetReadDeadline(past)
	if err := <-got; !expired(err) || !strings.Contains(err.Error(), "5 bytes") {
		t.Fatalf("part of a header: %v", err)
	}
	go wait(noDeadline)
	if _, err := a.Write(frame[5:20]); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatalf("rest of the header: %v", err)
	}
	// Within a body it is the end.
	_, err := c.ReadBody(nil, past)
	if !expired(err) || !strings.Contains(err.Error(), "12 of 216 bytes") {
		t.Fatalf("part of a body: %v", err)
	}
	if _, again := c.ReadBody(nil, noDeadline); again != err {
		t.Errorf("then %v", again)
	}
}

func TestConnWriteDeadline(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	c := NewConn(a, dev.ID)
	frame := frameOf(&Publish{Block: dev.Genesis})
	got := make(chan error, 1)
	go func() { got <- c.WriteFrame(frame, noDeadline) }()
	if _, err := io.ReadFull(b, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	_ = a.SetWriteDeadline(time.Unix(1, 0))
	err := <-got
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "10 bytes went out") {
		t.Fatal(err)
	}
	if again := c.Send(&TelemetryReq{}, noDeadline); again != err {
		t.Errorf("then %v", again)
	}
	if n := c.Counters(); n.BytesWritten != 10 || n.FramesWritten != 0 {
		t.Errorf("%+v", n)
	}
}

// What cannot be encoded is not sent and does not end the connection.
func TestConnSendRefuses(t *testing.T) {
	var out bytes.Buffer
	c := NewConn(&stream{Reader: &out, Writer: &out}, dev.ID)
	if err := c.Send(&ConfirmReq{}, noDeadline); !errors.Is(err, ErrBody) {
		t.Fatal(err)
	}
	if err := c.Send(&TelemetryReq{}, noDeadline); err != nil || !bytes.Equal(out.Bytes(), frameOf(&TelemetryReq{})) {
		t.Fatalf("%x, %v", out.Bytes(), err)
	}
}

func TestConnClosed(t *testing.T) {
	a, b := tcpPair(t)
	got := make(chan error, 1)
	go func() { _, _, err := a.ReadFrame(nil, noDeadline); got <- err }()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if err := a.Send(&TelemetryReq{}, noDeadline); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if _, _, err := b.ReadFrame(nil, noDeadline); !errors.Is(err, io.EOF) {
		t.Errorf("the other end: %v", err)
	}
}

// tcpPair returns the two ends of a connection over loopback.
func tcpPair(t *testing.T) (*Conn, *Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback here: ", err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	if a.LocalAddr().String() != NewConn(b, dev.ID).RemoteAddr().String() {
		t.Errorf("RemoteAddr %v", b.RemoteAddr())
	}
	return NewConn(a, dev.ID), NewConn(b, dev.ID)
}

// One goroutine reads while another writes, at both ends at once.
func TestConnBothWaysAtOnce(t *testing.T) {
	a, b := tcpPair(t)
	const rounds = 200
	frames := [][]byte{frameOf(&Publish{Block: dev.Genesis}), frameOf(sampleVote(1, 3)), frameOf(&FrontierAck{Frontiers: sampleFrontiers(512)})}
	deadline := time.Now().Add(time.Minute)
	var wg sync.WaitGroup
	for _, c := range []*Conn{a, b} {
		wg.Go(func() {
			for range rounds {
				if err := c.WriteFrames(frames, deadline); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			var buf []byte
			for i := range rounds * len(frames) {
				_, body, err := c.ReadFrame(buf, deadline)
				if err != nil || !bytes.Equal(body, frames[i%len(frames)][HeaderSize:]) {
					t.Errorf("frame %d: %v", i, err)
					return
				}
				buf = body
				_ = c.Counters()
			}
		})
	}
	wg.Wait()
	if x, y := a.Counters(), b.Counters(); x != y || x.BytesRead != x.BytesWritten || x.FramesRead != rounds*3 {
		t.Errorf("%+v, %+v", x, y)
	}
}

func TestConnHandshake(t *testing.T) {
	run := func(t *testing.T, cfgA, cfgB HandshakeConfig) (pa, pb Peer, ea, eb error) {
		a, b := newPipe(t)
		var wg sync.WaitGroup
		wg.Go(func() { pa, ea = a.Handshake(NewDialer(cfgA, named("cookie a")), noDeadline); endOn(a, ea) })
		wg.Go(func() { pb, eb = b.Handshake(NewListener(cfgB, named("cookie b")), noDeadline); endOn(b, eb) })
		wg.Wait()
		return pa, pb, ea, eb
	}
	cfgA, cfgB := sampleConfigs()
	t.Run("succeeds", func(t *testing.T) {
		pa, pb, ea, eb := run(t, cfgA, cfgB)
		if ea != nil || eb != nil || pa.NodeID != cfgB.NodeKey.Public() || pb.NodeID != cfgA.NodeKey.Public() {
			t.Errorf("%v, %v, %v, %v", pa, pb, ea, eb)
		}
	})
	t.Run("other genesis", func(t *testing.T) {
		other := *dev
		other.GenesisHash = lattice.Hash{1}
		cfg := cfgB
		cfg.Network = &other
		_, _, ea, eb := run(t, cfgA, cfg)
		if !errors.Is(eb, ErrGenesis) || !errors.Is(ea, io.EOF) {
			t.Errorf("%v, %v", ea, eb)
		}
	})
	t.Run("with itself", func(t *testing.T) {
		_, _, ea, eb := run(t, cfgA, cfgA)
		if !errors.Is(ea, ErrOwnID) || !errors.Is(eb, io.EOF) {
			t.Errorf("%v, %v", ea, eb)
		}
	})
}

// endOn closes after an error, as every driver must.
func endOn(c *Conn, err error) {
	if err != nil {
		_ = c.Close()
	}
}

// Whatever comes instead of the handshake is refused, before its body is read
// where the type says enough.
func TestConnHandshakeGarbage(t *testing.T) {
	cfg, _ := sampleConfigs()
	script := sampleTranscript()
	badBody := bytes.Clone(frameOf(script[0]))[:40]
	cases := []struct {
		name string
		in   []byte
		kind error
	}{
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: example\r\n\r\n"), ErrMagic},
		{"beta", append([]byte{0x53, 0x4E, 2}, frameOf(script[0])[3:]...), ErrNetwork},
		{"a block first, body not there", frameOf(&Publish{})[:HeaderSize], ErrUnexpected},
		{"cut short", badBody, io.ErrUnexpectedEOF},
		{"closed", nil, io.EOF},
		{"garbage after the greeting", append(frameOf(script[0]), "garbage!"...), ErrMagic},
		{"a block after the greeting", append(frameOf(script[0]), frameOf(&Publish{})...), ErrUnexpected},
		{"greeting twice", append(frameOf(script[0]), frameOf(script[0])...), ErrUnexpected},
	}
	for _, c := range cases {
		conn := newMemoryConn(c.in)
		if p, err := conn.Handshake(NewListener(cfg, named("fresh")), noDeadline); p != (Peer{}) || !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, %v", c.name, p, err)
		}
	}
}

// A stream that fails in its own way is told as such.
func TestConnStreamErrors(t *testing.T) {
	broken := errors.New("cable cut")
	c := NewConn(&stream{Reader: iotest.ErrReader(broken), Writer: io.Discard}, dev.ID)
	if _, err := c.ReadHeader(noDeadline); !errors.Is(err, broken) || !strings.Contains(err.Error(), "read frame header") {
		t.Error(err)
	}
	a, _ := net.Pipe()
	_ = a.Close()
	d := NewConn(a, dev.ID)
	if _, err := d.ReadHeader(noDeadline); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if err := d.Send(&TelemetryReq{}, noDeadline); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// TestConnAllocatesNothing: a connection that has its buffers costs no garbage.
func TestConnAllocatesNothing(t *testing.T) {
	frame := frameOf(&Publish{Block: dev.Genesis})
	c := NewConn(&stream{Reader: bytes.NewReader(bytes.Repeat(frame, 2000)), Writer: io.Discard}, dev.ID)
	var buf []byte
	if n := testing.AllocsPerRun(1000, func() {
		_, body, err := c.ReadFrame(buf, noDeadline)
		if err != nil {
			t.Fatal(err)
		}
		buf = body
	}); n != 0 {
		t.Errorf("%v allocations to read a frame", n)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if err := c.WriteFrame(frame, noDeadline); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations to write a frame", n)
	}
}

func BenchmarkConnRead(b *testing.B) {
	frame := frameOf(&Publish{Block: dev.Genesis})
	many := bytes.Repeat(frame, 1000)
	src := bytes.NewReader(many)
	c := NewConn(&stream{Reader: src, Writer: io.Discard}, dev.ID)
	var buf []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		_, body, err := c.ReadFrame(buf, noDeadline)
		if err != nil {
			b.Fatal(err)
		}
		buf = body
		if src.Len() == 0 {
			src.Reset(many)
		}
	}
}

func BenchmarkConnWrite(b *testing.B) {
	frame := frameOf(&Publish{Block: dev.Genesis})
	c := NewConn(&stream{Reader: nil, Writer: io.Discard}, dev.ID)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.WriteFrame(frame, noDeadline); err != nil {
			b.Fatal(err)
		}
	}
}
